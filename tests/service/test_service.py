"""A running trainer over a folder: its snapshots are those of a run that never stopped, and stop with it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.signals import Stopped, StopSignals
from streamer.settings import RunSettings
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


def watched(inbox: Path, folder: Path, blocks: int = 0, threads: int = 1) -> None:
    """Train what is there, with a snapshot every 2,000 words, in runs that each end after some blocks."""
    run = RunSettings(threads=threads, settle=0.0, snapshot_every="2k", checkpoint_every=600.0)
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
    one, other = (bits(read_state(tmp_path / name)) for name in ("whole", "other"))
    assert {key for key in one if one[key] != other[key]} <= clock
