"""docs/exports.md: its commands write what its code reads, and its table names the formats that there are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamer
from streamer.cli.export import SUFFIXES
from streamer.vectors import FORMATS

from .pages import DOCS, ROOT, code_blocks, section, table_rows

PAGE = (DOCS / "exports.md").read_text(encoding="utf-8")
COMMANDS = [line for block in code_blocks(PAGE, "sh") for line in block.splitlines()]
EXAMPLES = code_blocks(PAGE, "python")
TEXT = "the cat sat on the mat and the dog sat on the rug in the café\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with checkpoints in which all commands of the page were run, in their order."""
    folder = tmp_path_factory.mktemp("exports")
    streamer.Trainer(vector_size=8, min_count=1, threads=1).partial_fit([TEXT]).save(folder / "checkpoints")
    for command in COMMANDS:
        line = command.replace("streamer", f"'{sys.executable}' -m streamer", 1)
        ended = subprocess.run(
            ["sh", "-c", line], cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, capture_output=True
        )
        assert ended.returncode == 0, ended.stderr
    return folder


def test_the_files_are_those_of_the_table(folder: Path) -> None:
    """The table has all formats in their order, by the suffixes that stand for them, and no file lacks a row."""
    rows = table_rows(section(PAGE, "## Formats"))
    assert [row[0] for row in rows] == list(FORMATS)
    named = [[name.strip("`") for name in row[1].split(", ")] for row in rows]
    assert {SUFFIXES.get(Path(names[0]).suffix, "word2vec"): names[0] for names in named}.keys() == set(FORMATS)
    written = {path.name for path in folder.iterdir()} - {"checkpoints", "vectors.gz"}
    assert written == {name for names in named for name in names}


@pytest.mark.filterwarnings("ignore:unclosed file .*vectors:ResourceWarning")  # gensim, without header
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples(folder: Path, monkeypatch: pytest.MonkeyPatch, example: str) -> None:
    """Each example, run by itself, finds all words in order and all vectors to the bit."""
    monkeypatch.chdir(folder)
    found: dict[str, Any] = {}
    exec(compile(example, "docs/exports.md", "exec"), found)
    expected = streamer.load(folder / "checkpoints")
    assert found["words"] == expected.index_to_key
    assert np.asarray(found["vectors"]).tobytes() == expected.vectors.tobytes()
    for name in {"binary", "glove", "packed"} & found.keys():
        assert found[name].index_to_key == expected.index_to_key
        assert found[name].vectors.tobytes() == expected.vectors.tobytes()
