"""Snapshots while texts are trained: before the first text of each hour of the stream, or after so many words."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from streamer.checkpoints import Store
from streamer.service.saving import Saver
from streamer.service.snapshotting import MOST_WAITING, Snapshotter
from streamer.settings import RunSettings
from streamer.state import State
from streamer.state.reading import read_past
from streamer.system import failpoints
from streamer.training import Schedule, Trainer
from streamer.training.tokenizing import tokenizer_of
from streamer.workers import starter

from ..support.states import SMALL, texts

HOUR = 3600.0


class Stream:
    """A trainer of texts whose dates are given."""

    def __init__(self, folder: Path, every: str, kept: str) -> None:
        self.state: State = Trainer(**SMALL).state
        self.schedule = Schedule(self.state, starter(1))
        self.saver = Saver(Store(folder), self.state, self.schedule, every=1e9, fresh=1e9, keep=3)
        run = RunSettings(snapshot_every=every, snapshots=kept, date_from="name")
        self.snapshotter = Snapshotter(self.state, self.schedule, self.saver, run)
        self._tokenizer = tokenizer_of(self.state, None)

    def train(self, number: int, date: float | None) -> None:
        """Train a text of some date, or of none."""
        self.snapshotter.before(date)
        self.schedule.train(self._tokenizer.encode("\n\n".join(texts(5, number))))

    @property
    def dates(self) -> list[float]:
        """The dates of its snapshots."""
        return [file.moment.date for file in self.state.snapshots.files]


@pytest.fixture
def stream(tmp_path: Path) -> Callable[..., Stream]:
    """Return what begins a stream."""
    return lambda every="1h", kept="all": Stream(tmp_path, every, kept)


def test_one_before_the_first_text_of_each_hour(stream: Callable[..., Stream]) -> None:
    """It has the date of the text before; hours without a text have none, and nothing is taken twice."""
    found = stream()
    for number, date in enumerate([100.0, 200.0, HOUR - 1, HOUR, HOUR + 5, 9 * HOUR, 9.5 * HOUR, 10 * HOUR]):
        found.train(number, date)
    assert found.dates == [HOUR - 1, HOUR + 5, 9.5 * HOUR]
    assert found.state.snapshots.clock == 10 * HOUR
    assert [file.moment.number for file in found.state.snapshots.files] == [1, 2, 3]


def test_the_clock_stands_still_for_texts_without_a_date(stream: Callable[..., Stream]) -> None:
    """They belong to what came before them; before the first date, nothing is known of any time."""
    found = stream()
    for number, date in enumerate([None, None, 5.0, None, HOUR + 1, None, None, 2 * HOUR]):
        found.train(number, date)
    assert found.dates == [5.0, HOUR + 1]
    assert found.state.snapshots.clock == 2 * HOUR


def test_older_texts_do_not_set_the_clock_back(stream: Callable[..., Stream]) -> None:
    """A file from the past that comes late is of the present."""
    found = stream()
    for number, date in enumerate([HOUR, 5 * HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR]):
        found.train(number, date)
    assert found.dates == [HOUR, 5 * HOUR]


def test_by_words(stream: Callable[..., Stream]) -> None:
    """One before the block after each so many words, however far a block goes."""
    found = stream("0.5k")
    seen = []
    for number in range(8):
        seen.append(found.state.words_seen)
        found.train(number, 0.0)
    taken = [file.moment.words_seen for file in found.state.snapshots.files]
    assert taken == [after for before, after in itertools.pairwise(seen) if after // 500 > before // 500]
    assert len(taken) > 2


def test_never(stream: Callable[..., Stream]) -> None:
    """With 0 there are none, and the clock goes on."""
    found = stream("0")
    for number in range(3):
        found.train(number, number * 1e7)
    assert (found.dates, found.state.snapshots.clock) == ([], 2e7)


def test_nothing_new_is_no_snapshot(stream: Callable[..., Stream]) -> None:
    """If nothing was learned since the last one, none is taken."""
    found = stream()
    found.train(1, 0.0)
    for hour in range(1, 5):
        found.snapshotter.before(hour * HOUR)
    assert found.dates == [0.0]


def test_they_are_thinned_out_by_the_clock_of_the_stream(stream: Callable[..., Stream]) -> None:
    """The last of each period stays, counted back from the newest."""
    found = stream(kept="3h 1d")
    for number in range(60):
        found.train(number, number * HOUR / 2)
    assert found.dates == [hour * HOUR for hour in (23.5, 25.5, 26.5, 27.5, 28.5)]


def test_few_wait_in_memory(stream: Callable[..., Stream], tmp_path: Path) -> None:
    """An archive has many hours: a checkpoint is written before too many snapshots wait for one."""
    found = stream()
    with capture_logs() as lines:
        for number in range(3 * MOST_WAITING + 2):
            found.train(number, number * HOUR)
            assert found.state.snapshots.waiting < MOST_WAITING
        found.saver.finish()
    taken = [line["name"] for line in lines if line["event"] == "snapshot.taken"]
    saved = [line for line in lines if line["event"] == "checkpoint.saved"]
    assert len(saved) == len(taken) // MOST_WAITING + 1
    assert [moment.name for moment in read_past(tmp_path).moments[:-1]] == taken
    assert len(taken) == 3 * MOST_WAITING + 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, "24h 7d 8w 24mo 1000y"),
        ({"snapshot_every": "1M"}, "all"),
        ({"snapshot_every": "1M", "snapshots": "3d"}, "3d"),
        ({"snapshots": "all"}, "all"),
    ],
)
def test_what_is_kept(given: dict[str, Any], kept: str) -> None:
    """Those taken by words are all kept, unless somebody says otherwise: they may all come within an hour."""
    assert RunSettings(**given).snapshots_kept == kept


def test_on_a_full_disk_they_are_left_out(
    stream: Callable[..., Stream], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two wait; more would fill the memory. When there is room again, they are written, and others taken."""
    monkeypatch.setattr(failpoints, "_armed", failpoints.arm("checkpoint.create:ENOSPC:1+"))
    found = stream()
    with capture_logs() as lines:
        for number in range(8):
            found.train(number, number * HOUR)
    assert found.state.snapshots.waiting == MOST_WAITING
    assert [line["event"] for line in lines].count("snapshot.left_out") == 1
    monkeypatch.setattr(failpoints, "_armed", {})
    found.saver.finish()
    assert [moment.name for moment in read_past(tmp_path).moments[:-1]] == ["snapshot-1", "snapshot-2"]
