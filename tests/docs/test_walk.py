"""docs/walk.md: its cells run one after the other, from an empty folder to pictures, on books or on made-up text."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import DOCS, ROOT

PAGE = (DOCS / "walk.md").read_text(encoding="utf-8")
CELLS = re.findall(r"^```(sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BOOKS = Path(os.environ.get("STREAMER_BOOKS", ROOT.parent / "shared" / "corpus" / "books"))
"""A folder of plain texts in English, of which the walk takes every sixth."""
TOPICS = (
    "sea ship wave sailor storm harbour anchor island wind sail",
    "king queen gold silver sword war crown castle lord knight",
    "father mother brother sister child house door window bread wine",
    "winter summer night morning snow sun rain cold warm year",
    "horse carriage road village mile bridge inn coach wheel journey",
)


def made_up(folder: Path) -> None:
    """Write twelve texts of sentences about five things."""
    drawn = random.Random(1)
    for number in range(12):
        sentences = []
        for _ in range(1500):
            words = drawn.choices(drawn.choice(TOPICS).split(), k=6)
            sentences.append(f"The {words[0]} and the {words[1]} of a {' '.join(words[2:])}.")
        (folder / f"{1800 + number}-tales.txt").write_text("\n\n".join(sentences), encoding="utf-8")


def part_of_the_books(folder: Path) -> None:
    """Copy every sixth of the books."""
    for path in sorted(BOOKS.glob("*.txt"))[::6]:
        shutil.copyfile(path, folder / path.name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fill",
    [
        made_up,
        pytest.param(
            part_of_the_books, marks=pytest.mark.skipif(not BOOKS.is_dir(), reason="STREAMER_BOOKS names no folder")
        ),
    ],
)
def test_the_walk(fill: object, tmp_path: Path) -> None:
    """Every cell succeeds; the kill costs no word; what the page says is made is there."""
    (tmp_path / "books").mkdir()
    fill(tmp_path / "books")  # type: ignore[operator]
    shells, pythons = [], []
    environment = dict(os.environ, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert [language for language, _ in CELLS].count("sh") >= 8
    for language, code in CELLS:
        # One Python session, as in a notebook: each cell after those before it.
        pythons += [code] if language == "python" else []
        command = ["bash", "-euc", code] if language == "sh" else [sys.executable, "-c", "\n".join(pythons)]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        shells.append(done.stdout)
    output = "\n".join(shells)
    assert "the service was killed: 137" in output
    seen = [int(count.replace(",", "")) for count in re.findall(r"words seen +([\d,]+)", output)]
    trained = subprocess.run(
        ["streamer", "train", "books", "--checkpoints", "at-one-go"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert seen[0] < seen[1] == int(re.findall(r"([\d,]+) words", trained.stdout)[-1].replace(",", ""))
    for name in re.findall(r"pictures/(\w+\.png)", PAGE):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
        assert (DOCS / "pictures" / name).is_file()
    assert {"vectors.npz", "vectors.txt", "another"} <= {path.name for path in tmp_path.iterdir()}
