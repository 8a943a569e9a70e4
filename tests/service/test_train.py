"""`train`: the same trainer over files and folders that are named, several times over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamer.state.reading import read_ledger

from ..support.corpus import large, put, text
from ..support.process import QUICK, Ended, done, files, started, until
from ..support.undisturbed import Result

EPOCH = re.compile(r"epoch (\d)/3: average loss (\d+\.\d{4})")


def _losses(ended: Ended) -> dict[int, float]:
    """Return the loss of each epoch that a run reported, in the order it did."""
    return {int(number): float(loss) for number, loss in EPOCH.findall(ended.stdout)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a working folder with a folder of two texts, and one beside it."""
    put(tmp_path / "texts" / "a.txt", text(1, 30_000), age=0)
    put(tmp_path / "texts" / "b.txt", text(2, 100_000), age=0)
    put(tmp_path / "c.txt", text(3, 30_000), age=0)
    return tmp_path


def test_epochs(folder: Path) -> None:
    """Three epochs over three files: a loss for each, which falls; the same again trains nothing; one more one more."""
    command = ("train", "c.txt", "texts", "--epochs", "3", *QUICK)
    losses = _losses(done(*command, folder=folder))
    assert list(losses) == [1, 2, 3]
    assert losses[1] > losses[2] > losses[3]
    rows = files(folder)
    assert list(rows) == [str(folder / "c.txt"), "a.txt", "b.txt"]
    before = sorted((folder / "checkpoints").glob("*.h5"))
    again = done(*command, folder=folder)
    assert again.stdout == "nothing new to train\n"
    assert not again.events("file.trained")
    assert sorted((folder / "checkpoints").glob("*.h5")) == before
    more = done("train", "c.txt", "--epochs", "4", *QUICK, folder=folder)
    assert more.stdout.startswith("epoch 4/4: average loss ") and more.stdout.splitlines()[1:] == [
        "trained 1 file, 5,000 words"
    ]
    assert files(folder) == rows  # a byte is trained once, however many passes go over it

    put(folder / "texts" / "new.txt", text(4, 5_000))
    watched = done("watch", "texts", "--once", *QUICK, folder=folder)
    assert [line["path"] for line in watched.events("file.trained")] == ["new.txt"]


def test_killed_in_an_epoch(folder: Path) -> None:
    """Killed amid the last file of the second epoch, the same command ends as if it never was, losses included."""
    put(folder / "texts" / "b.txt", large(3 << 20))
    put(folder / "texts" / "a.txt", text(1, 30_000), age=7200)
    often = ("--epochs", "3", *QUICK, "--checkpoint-every", "0")
    whole = _losses(done("train", "texts", *often, "--checkpoints", "whole", folder=folder))
    with started("train", "texts", *often, folder=folder) as trainer:
        until(lambda: _amid_second_epoch(folder), "the second epoch")
        trainer.killed()
    assert _amid_second_epoch(folder)
    rest = _losses(done("train", "texts", *often, folder=folder))
    assert rest == {number: whole[number] for number in (2, 3)}
    assert Result.of(folder) == Result.of(folder, "whole")


def _amid_second_epoch(folder: Path) -> bool:
    if not any((folder / "checkpoints").glob("*.h5")):
        return False
    entry = read_ledger(folder / "checkpoints").under_way
    return entry is not None and (entry.path, entry.passes) == ("b.txt", 1) and entry.offset > 0


def test_folders_with_files_of_the_same_name(tmp_path: Path) -> None:
    """Two folders that each hold a.txt: both are trained, and neither again."""
    for number, name in enumerate(("first", "second")):
        put(tmp_path / name / "a.txt", text(number, 10_000))
    ended = done("train", "first", "second", *QUICK, folder=tmp_path)
    assert len(ended.events("file.trained")) == 2
    assert not ended.events("file.skipped")
    assert done("train", "first", "second", *QUICK, folder=tmp_path).stdout == "nothing new to train\n"


def test_bad_files_are_told_and_stop_nothing(tmp_path: Path) -> None:
    """A file that is no text is refused with its reason, and the one after it trained."""
    put(tmp_path / "bad.txt", bytes(range(256)))
    put(tmp_path / "good.txt", text(1, 10_000))
    ended = done("train", "bad.txt", "good.txt", "bad.txt", *QUICK, folder=tmp_path)
    assert ended.stdout.startswith("epoch 1/1: average loss ")
    assert [row["outcome"] for row in files(tmp_path).values()] == ["skipped", "trained"]
