"""Snapshots during training: one before the first text of each hour, or after so many words.

Whether a snapshot is taken depends on the stream alone if its texts have dates: between the same two blocks, whenever
they are trained, and whatever was killed in between. It changes nothing that is learned.
"""

from __future__ import annotations

import structlog

from streamer.service.saving import Saver
from streamer.settings import RunSettings, every, levels
from streamer.state import State
from streamer.training import Schedule

MOST_WAITING = 2
"""Snapshots that wait in memory for a checkpoint; of an archive, each file may be of another hour."""

_log = structlog.get_logger(__name__)


class Snapshotter:
    """Takes snapshots when it is time, and thins out those that there are.

    Args:
        state: Whose.
        schedule: The blocks under way, which must be trained first.
        saver: Writes them, with the next checkpoint.
        run: How often, which are kept, and where dates are from.
    """

    def __init__(self, state: State, schedule: Schedule, saver: Saver, run: RunSettings) -> None:
        self._state, self._schedule, self._saver = state, schedule, saver
        self._told = False
        self._every, self._levels = every(run.snapshot_every), levels(run.snapshots_kept)
        self._by_texts = run.date_from != "trained"

    def before(self, date: float | None) -> None:
        """Take a snapshot if it is time, before a block is trained.

        Args:
            date: The date of the block's text, in seconds since 1970; None if it has none, and the clock of the stream
                stands still.
        """
        if self._is_time(self._state.snapshots.clock if date is None else date):
            self._take()
        if date is not None:
            self._state.pass_time(date, by_texts=self._by_texts)

    def _is_time(self, date: float) -> bool:
        state, known = self._state, self._state.snapshots
        if known.clock == float("-inf"):  # nothing is known of when its texts are from, or there were none
            return False
        last = known.files[-1].moment if known.files else None
        if state.model.words_trained == (last.words_trained if last else 0):
            return False  # nothing was learned since
        words = last.words_seen if last else 0
        return self._every.between((words, known.clock), (state.words_seen, max(date, known.clock)))

    def _take(self) -> None:
        self._schedule.drain()
        known = self._state.snapshots
        if known.waiting >= MOST_WAITING:  # the disk can't be written: more of them would fill the memory
            if not self._told:
                _log.warning("snapshot.left_out", hint="two wait until a checkpoint can be written")
            self._told = True
            return
        self._told = False
        moment = self._state.take_snapshot(known.clock, self._levels)
        _log.info(
            "snapshot.taken",
            name=moment.name,
            words_seen=moment.words_seen,
            vocabulary=moment.vocabulary,
            kept=len(known.files),
        )
        self._saver.changed()
        if known.waiting >= MOST_WAITING:
            self._saver.save()
