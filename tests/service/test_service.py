"""A running trainer over a folder: its snapshots are those of a run that never stopped, and stop with it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.checkpoints import Store
from streamer.model.sources import NO_DATE
from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.signals import Stopped, StopSignals
from streamer.settings import RunSettings
from streamer.state import State
from streamer.state.reading import read_past, read_state

from ..support.corpus import put, text
from ..support.states import bits

MODEL: dict[str, Any] = {"vector_size": 8, "min_count": 1}


class StopsAfter(Display):
    """A display that asks for the end after some blocks."""

    def __init__(self, signals: StopSignals, blocks: int) -> None:
        self._signals, self._left = signals, blocks

    def block(self, words: int, loss: Any, vocabulary: int) -> None:
        """Count a block."""
        self._left -= 1
        if not self._left:
            self._signals.received = signal.SIGTERM


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return a folder of six texts."""
    for number in range(6):
        put(tmp_path / "inbox" / f"{number}.txt", text(number, 6_000), age=900 - number)
    return tmp_path / "inbox"


def watched(inbox: Path, folder: Path, blocks: int = 0, threads: int = 1, ledger_keep: float = 0.0) -> None:
    """Train what is there, with a snapshot every 1,500 words, in runs that each end after some blocks."""
    run = RunSettings(
        threads=threads, settle=0.0, snapshot_every="1.5k", checkpoint_every=600.0, ledger_keep=ledger_keep
    )
    for _ in range(30 if blocks else 1):
        signals = StopSignals()
        display = StopsAfter(signals, blocks) if blocks else Display()
        try:
            with loop.start(folder, MODEL, run, display, signals) as service:
                loop.watch(inbox, service, once=True)
        except Stopped:
            continue


def moments(folder: Path) -> list[tuple[Any, ...]]:
    """Return all but the times of the snapshots in a folder, and what is in them."""
    past = read_past(folder)
    return [
        (one.name, one.words_seen, one.words_trained, *(column.tobytes() for column in (found.steps, found.counts)))
        for one in past.moments[:-1]
        for found in (past.read(one),)
    ]


@pytest.mark.parametrize(("blocks", "threads"), [(1, 1), (2, 1), (0, 2)])
def test_snapshots_are_those_of_a_run_that_never_stopped(
    inbox: Path, tmp_path: Path, blocks: int, threads: int
) -> None:
    """By words, they are taken between the same blocks, with the same numbers and content."""
    watched(inbox, tmp_path / "whole")
    watched(inbox, tmp_path / "other", blocks, threads)
    whole = moments(tmp_path / "whole")
    assert len(whole) >= 3
    assert moments(tmp_path / "other") == whole
    clock = {f"snapshots/{name}" for name in ("files", "date", "clock")} | {"ledger/ctime_ns"}
    clock |= {"sources/first_date", "sources/last_date"}
    one, other = (bits(read_state(tmp_path / name)) for name in ("whole", "other"))
    assert {key for key in one if one[key] != other[key]} <= clock


@pytest.mark.parametrize(("blocks", "threads"), [(1, 1), (0, 2)])
def test_words_come_from_the_same_files_however_often_it_stopped(
    inbox: Path, tmp_path: Path, blocks: int, threads: int
) -> None:
    """The first file of a word, the last, how many had it, and which moved it most; dates are those of the clock."""
    watched(inbox, tmp_path / "whole")
    watched(inbox, tmp_path / "other", blocks, threads)
    one, other = (read_state(tmp_path / name) for name in ("whole", "other"))
    columns = one.model.sources.copied()
    dates = [columns.pop(name) for name in ("first_date", "last_date")]
    assert all(np.array_equal(column, other.model.sources.column(name)) for name, column in columns.items())
    assert columns["files"].max() == len(one.ledger) == 6
    assert set(columns["first"]) == set(columns["last"]) == set(range(6))
    assert (columns["moves"] > 0).any()
    assert (dates[0] > NO_DATE).all()
    assert (dates[0] <= dates[1]).all()


def test_words_keep_their_files_when_some_are_folded(inbox: Path, tmp_path: Path) -> None:
    """Rows of the ledger get other numbers in a running trainer: names are those of before, or none."""
    watched(inbox, tmp_path / "saved")
    state = read_state(tmp_path / "saved")

    def first_files(state: State) -> dict[str, str]:
        rows = state.model.sources.column("first").tolist()
        names = [state.ledger.entry(row).path if row >= 0 else "folded" for row in rows]
        return dict(zip(state.model.vocabulary.words, names, strict=True))

    before = first_files(state)
    (inbox / "0.txt").unlink()
    state.ledger.begin_scan()
    state.ledger.end_scan(1, lambda path: path == "0.txt")
    Store(tmp_path / "saved").publish(state.image(), state.number_next())
    put(inbox / "new.txt", text(9, 6_000), age=1)
    watched(inbox, tmp_path / "saved", ledger_keep=1.0)
    after = first_files(read_state(tmp_path / "saved"))
    assert set(before.values()) == {f"{number}.txt" for number in range(6)}
    assert {word: after[word] for word in before} == {
        word: "folded" if name == "0.txt" else name for word, name in before.items()
    }
    assert {name for word, name in after.items() if word not in before} == {"new.txt"}
