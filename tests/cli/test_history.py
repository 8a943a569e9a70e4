"""`diff`, `drift`, `timeline`, `emerging` and `plot --word` as processes: what they print, and where they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import streamer
from streamer.errors import ExitCode

from ..support import moments
from ..support.moments import CHANGED, NEW
from ..support.process import done, run
from ..support.side_by_side import Once

NOW = "checkpoint-0000000001"


@pytest.fixture(scope="module")
def folder(once: Once) -> Path:
    """Return a working folder with a stream of twelve snapshots."""
    return once("past", moments.train)


def printed(folder: Path, *arguments: object) -> Any:
    """Return the JSON that a command prints; only the names of moments may be on stderr."""
    ended = done(*arguments, "--json", folder=folder)
    assert all(line.startswith("from snapshot-") for line in ended.stderr.splitlines())
    return json.loads(ended.stdout)


def test_json_is_what_python_returns(folder: Path) -> None:
    """The same answers, and nothing else on stdout."""
    past = streamer.past(folder / "checkpoints")
    span = ("--from", "snapshot-8", "--to", "snapshot-10")
    assert printed(folder, "diff", CHANGED, *span) == past.diff(CHANGED, *span[1::2]).as_dict()
    assert printed(folder, "drift", *span, "--min-z", "-9", "--topn", "3") == (
        past.drift(*span[1::2], min_z=-9, topn=3).as_dict()
    )
    assert printed(folder, "timeline", CHANGED, "--topn", "2") == past.timeline(CHANGED, topn=2).as_dict()
    assert printed(folder, "emerging", "--since", "snapshot-8") == past.emerging("snapshot-8").as_dict()


def test_tables(folder: Path) -> None:
    """Rows of plain text; the moments that were used, and sums, are on stderr."""
    ended = done("diff", CHANGED, "--from", "snapshot-8", "--topn", "3", folder=folder)
    assert ended.stdout.startswith(f"'{CHANGED}' has cosine ")
    assert ended.stderr.startswith("from snapshot-8 (2026-11-08 ") and NOW in ended.stderr
    ended = done("drift", "--from", "snapshot-8", "--to", "snapshot-10", folder=folder)
    head, first, *_ = ended.stdout.splitlines()
    assert head.split()[:3] == ["word", "z", "verdict"] and first.split()[0] == CHANGED
    assert "1 word changed" in ended.stderr and "have not enough text" in ended.stderr
    ended = done("timeline", NEW, folder=folder)
    assert len(ended.stdout.splitlines()) == 14 and ended.stderr == ""
    ended = done("emerging", "--since", "snapshot-10", folder=folder)
    assert ended.stdout.splitlines()[1].split()[0] == NEW and ended.stderr.endswith("1 new word\n")


def test_nothing_changed(folder: Path) -> None:
    """Nothing is on stdout then, and stderr says how many words were judged."""
    ended = done("drift", "--from", "snapshot-6", "--to", "snapshot-8", folder=folder)
    assert ended.stdout == "" and "0 words changed" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (["diff", "t0w0x", "--from", "snapshot-3"], ExitCode.USAGE, "'t0w0x' is not in the vocabulary"),
        (["timeline", "t0w0x"], ExitCode.USAGE, "'t0w0x' is not in the vocabulary"),
        (["diff", CHANGED], ExitCode.USAGE, "--from"),
        (["drift", "--from", "soon"], ExitCode.USAGE, "'soon' is not a moment"),
        (["drift", "--from", "snapshot-2", "--to", "snapshot-3"], ExitCode.NO_INPUT, "3 are needed"),
        (["emerging", "--since", "1999"], ExitCode.NO_INPUT, "nothing is known of 1999"),
        (["diff", CHANGED, "--from", "snapshot-3", "--to", "snapshot-2"], ExitCode.USAGE, "is not before"),
        (["plot", "x.png", "--word", "t0w0x"], ExitCode.USAGE, "'t0w0x' is not in the vocabulary"),
        (["plot", "x.png", "--word", CHANGED, "--word", NEW], ExitCode.USAGE, "has one --word"),
        (["plot", "x.png", "--word", CHANGED, "--topn", "3"], ExitCode.USAGE, "need --map"),
        (["timeline", CHANGED, "--checkpoints", "nowhere"], ExitCode.NO_INPUT, "nowhere"),
    ],
)
def test_errors(arguments: list[str], code: int, problem: str, folder: Path) -> None:
    """One says what is wrong, with its exit code; nothing is on stdout, and no file is written."""
    ended = run(*arguments, folder=folder)
    assert ended.code == code and problem in ended.stderr and "Traceback" not in ended.stderr
    assert ended.stdout == "" and not (folder / "x.png").exists()


def test_a_picture_of_a_word(folder: Path, tmp_path: Path) -> None:
    """It is a picture, the same each time, and says how many moments it shows."""
    for name in ("one.png", "two.png"):
        ended = done("plot", tmp_path / name, "--word", CHANGED, folder=folder)
        assert (ended.stdout, ended.stderr) == ("", f"wrote {CHANGED} at 13 moments to {tmp_path / name}\n")
    one, two = ((tmp_path / name).read_bytes() for name in ("one.png", "two.png"))
    assert one == two and one.startswith(b"\x89PNG")
