"""Files unlike the others are told of, or held; what decides depends on the texts and their order alone."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from streamer.answers import reports
from streamer.state.reading import read_state

from ..faults.state import OF_DATES, OF_THE_CLOCK
from ..support.corpus import put, text
from ..support.process import QUICK, done, files
from ..support.states import bits

HOLD = (*QUICK, "--min-count", "2", "--hold-unusual")


def letters(seed: int, count: int) -> str:
    """Return random letters."""
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(count))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return a folder with 24 files that are alike, and two that are not: random letters, and one line repeated."""
    for number in range(24):
        put(tmp_path / "inbox" / f"{number:02}.txt", text(number, 6_000 if number % 2 else 20_000), age=9000 - number)
    put(tmp_path / "inbox" / "letters.txt", letters(1, 900), age=8000)
    put(tmp_path / "inbox" / "line.txt", "babe bibo lupa dedi doga\n" * 1_000, age=7990)
    put(tmp_path / "inbox" / "last.txt", text(99, 6_000), age=7980)
    return tmp_path / "inbox"


@pytest.mark.slow
def test_unusual_files_are_told_of(inbox: Path, tmp_path: Path) -> None:
    """Without --hold-unusual they are trained; the log, files and status say that they are unusual."""
    ended = done("watch", inbox, "--once", *QUICK, "--min-count", "2", folder=tmp_path)
    told = {line["path"]: line for line in ended.events("file.unusual")}
    assert told.keys() == {"letters.txt", "line.txt"}
    assert "unknown words" in told["letters.txt"]["reason"]
    assert "repetition" in told["line.txt"]["reason"]
    assert {line["held"] for line in told.values()} == {False}
    found = files(tmp_path)
    assert {row["outcome"] for row in found.values()} == {"trained"}
    assert {path: row["unusual"] for path, row in found.items() if row["unusual"]} == {
        path: line["reason"] for path, line in told.items()
    }
    assert reports.status(tmp_path / "checkpoints")["unusual"] == 2
    listed = done("files", folder=tmp_path).stdout
    assert "line.txt" in listed
    assert f"unusual: {told['line.txt']['reason']}" in listed


@pytest.mark.slow
def test_unusual_files_are_held_and_released(inbox: Path, tmp_path: Path) -> None:
    """A held file is not trained, whatever the next runs are told; released, it is, once."""
    ended = done("watch", inbox, "--once", *HOLD, folder=tmp_path)
    assert [line["path"] for line in ended.events("file.unusual") if line["held"]] == ["letters.txt", "line.txt"]
    held = files(tmp_path)["letters.txt"]
    size = (inbox / "letters.txt").stat().st_size
    assert held["outcome"] == "held"
    assert (held["words"], held["bytes"], held["bytes_trained"], held["bytes_skipped"]) == (0, size, 0, size)
    assert held["reason"] == f"unusual: {held['unusual']}"
    figures = reports.status(tmp_path / "checkpoints")
    assert figures["files"] == {"trained": 25, "partial": 0, "skipped": 0, "held": 2, "forgotten": 0}
    assert figures["bytes"]["skipped"] == {"unusual": size + (inbox / "line.txt").stat().st_size}

    for more in ((), ("--hold-unusual",)):
        again = done("watch", inbox, "--once", *QUICK, *more, folder=tmp_path)
        assert not again.events("file.unusual"), "it is judged once"
        assert again.stdout == "nothing new to train\n"

    ended = done("release", inbox / "letters.txt", folder=tmp_path)
    assert ended.stdout == "released 1 file: trained when a trainer runs\n"
    assert files(tmp_path)["letters.txt"]["reason"].startswith("released")
    ended = done("watch", inbox, "--once", *HOLD, folder=tmp_path)
    assert [line["path"] for line in ended.events("file.trained")] == ["letters.txt"]
    assert not ended.events("file.unusual")
    row = files(tmp_path)["letters.txt"]
    assert (row["outcome"], row["words"], row["reason"]) == ("trained", 900, "")
    assert files(tmp_path)["line.txt"]["outcome"] == "held"
    assert done("watch", inbox, "--once", *HOLD, folder=tmp_path).stdout == "nothing new to train\n"


@pytest.mark.slow
def test_a_held_file_that_changes(inbox: Path, tmp_path: Path) -> None:
    """Touched, it stays held; rewritten, it is judged anew, as a new file; what was held of it is forgotten."""
    done("watch", inbox, "--once", *HOLD, folder=tmp_path)
    put(inbox / "letters.txt", (inbox / "letters.txt").read_text(), age=60)
    put(inbox / "line.txt", text(77, 8_000), age=60)
    ended = done("watch", inbox, "--once", *HOLD, folder=tmp_path)
    assert [line["path"] for line in ended.events("file.trained")] == ["line.txt"]
    found = reports.files(tmp_path / "checkpoints")
    assert [row["path"] for row in found].count("line.txt") == 1
    assert {row["path"]: row["unusual"] != "" for row in found if row["path"] in ("letters.txt", "line.txt")} == {
        "letters.txt": True,
        "line.txt": False,
    }
    assert files(tmp_path)["letters.txt"]["outcome"] == "held"


@pytest.mark.slow
def test_what_is_added_to_a_file_is_judged(inbox: Path, tmp_path: Path) -> None:
    """The new part is held, the old one stays trained; released, the file is whole."""
    done("watch", inbox, "--once", *HOLD, folder=tmp_path)
    before = files(tmp_path)["last.txt"]
    put(inbox / "last.txt", text(99, 6_000) + letters(3, 1_000) + "\n", age=60)
    done("watch", inbox, "--once", *HOLD, folder=tmp_path)
    row = files(tmp_path)["last.txt"]
    assert (row["outcome"], row["words"], row["bytes_trained"]) == ("held", before["words"], before["bytes_trained"])
    assert row["bytes"] == (inbox / "last.txt").stat().st_size
    done("release", "last.txt", folder=tmp_path)
    done("watch", inbox, "--once", *HOLD, folder=tmp_path)
    row = files(tmp_path)["last.txt"]
    assert (row["outcome"], row["words"]) == ("trained", before["words"] + 1_000)


@pytest.mark.slow
def test_threads_and_arrival_make_no_difference(inbox: Path, tmp_path: Path) -> None:
    """At once with one thread, or in two runs with workers: the same files are held, and all bits are the same."""
    for number in range(8):  # enough bytes for workers
        put(inbox / f"large{number}.txt.gz", gzip.compress(text(300 + number, 3 << 19).encode()), age=8500 - number)
    states = []
    for name, threads in (("one", "1"), ("many", "4")):
        folder = tmp_path / name
        folder.mkdir()
        flags = ("--once", *HOLD, "--threads", threads)
        if name == "many":
            done("watch", inbox, *flags, "--include", "0*.txt", folder=folder)
        done("watch", inbox, *flags, folder=folder)
        states.append(bits(read_state(folder / "checkpoints")))
    assert states[0]["judgements/unusual"][1] == 2
    assert {key for key in states[0] if states[0][key] != states[1][key]} <= OF_THE_CLOCK | OF_DATES
