"""Checkpoints during training: it pauses while the state is copied, then a thread writes the copy to disk.

The same thread makes room for the copy of a large model beforehand, since that takes longer than to copy it.

A checkpoint is written when a kill would cost more than writing it: the seconds of reading and training since the last
one, which would have to be done again. If little text comes, it is written some time after the first change, so that
readers see what was learned. The clock decides only when to save, never what is trained.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from streamer.checkpoints import Image, Store
from streamer.errors import ExitCode, StreamerError
from streamer.settings import levels
from streamer.state import Room, State
from streamer.system import failpoints
from streamer.training import Schedule

IDLE_SECONDS = 5.0
"""Seconds with nothing to train after which the first text of a run is saved, so that queries see it."""
LONGEST_WAIT = 60.0
"""Most seconds between retries while checkpoints can't be written."""

_log = structlog.get_logger(__name__)


class Saver:
    """Saves a state from time to time: one checkpoint at a time; the newest are kept, failures are retried.

    Args:
        store: The checkpoints; the caller holds the lock.
        state: What to save.
        schedule: The blocks that are under way, which must be trained first.
        every: Least seconds between checkpoints; with 0, every change is worth one.
        fresh: Most seconds from a change to the checkpoint that has it.
        keep: Checkpoints to keep.
        keep_states: Which whole states to keep for longer; see :func:`streamer.settings.levels.levels`.
    """

    def __init__(
        self,
        store: Store,
        state: State,
        schedule: Schedule,
        *,
        every: float,
        fresh: float,
        keep: int,
        keep_states: str = "3d 4w",
    ) -> None:
        self._store, self._every, self._fresh, self._keep = store, every, fresh, keep
        self._states = levels(keep_states)
        self._state, self._schedule = state, schedule
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._under_way: Future[float] | None = None
        self._room: Future[Room] | None = None
        self._failures = 0
        self._last = self._last_change = time.monotonic()
        self._oldest_change: float | None = None
        self._took = 0.0
        self._was_idle = False
        self._work = 0.0
        self._working_since: float | None = None
        self._begun_with = (0.0, self._last)

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Count the time in this context as work that a kill would have to do again."""
        self._working_since = time.monotonic()
        try:
            yield
        finally:
            self._work = self._to_do_again()
            self._working_since = None

    def changed(self) -> None:
        """Note that the state has changed since the last checkpoint."""
        self._last_change = time.monotonic()
        if self._oldest_change is None:
            self._oldest_change = self._last_change

    def seconds_until_due(self, *, idle: bool) -> float:
        """Return the seconds until a checkpoint is due as far as is known now; infinity if nothing has changed.

        Args:
            idle: Whether there is nothing to train. What is trained first in a run is then saved after
                :data:`IDLE_SECONDS`.
        """
        if self._oldest_change is None:
            return 0.0 if self._under_way else float("inf")
        if self._failures:
            due = self._last + max(self._every, min(LONGEST_WAIT, 2.0**self._failures))
        elif not self._every or self._to_do_again() >= self._took:
            due = self._last + self._every
        else:
            due = max(self._last + self._every, self._oldest_change + self._fresh)
        if idle and not self._was_idle and not self._failures:
            due = min(due, self._last_change + IDLE_SECONDS)
        return due - time.monotonic()

    def save_if_due(self, *, idle: bool = False) -> None:
        """Save a checkpoint if one is due. Never raises if the disk is full or gone: the save is retried."""
        if self._under_way and self._under_way.done():
            self._collect()
        if self._oldest_change is not None and not self._under_way and self.seconds_until_due(idle=idle) <= 0:
            self._was_idle |= idle
            if idle or self._has_room():  # nobody waits for a copy when there is nothing to train
                self._begin()

    def save(self) -> None:
        """Save a checkpoint now, and wait until it is on disk; if it can't be written, that is retried later."""
        if self._under_way:
            self._collect()
        if self._oldest_change is not None and not self._failures:
            self._begin()
            self._collect()

    def finish(self) -> None:
        """Save the last checkpoint, if anything has changed, and wait until it is on disk.

        Raises:
            StreamerError: With exit code 74, if it can't be written, 71 if there is no memory for a copy.
        """
        try:
            if self._under_way:
                self._collect()
            if self._oldest_change is not None:
                self._begin()
                assert self._under_way is not None
                self._under_way.result()
        finally:
            self.close()

    def close(self) -> None:
        """Wait for a checkpoint that is under way, and save no more."""
        self._writer.shutdown()

    def _to_do_again(self) -> float:
        """Return the seconds of work since the last checkpoint."""
        return self._work + (0.0 if self._working_since is None else time.monotonic() - self._working_since)

    def _has_room(self) -> bool:
        """Return whether the model can be copied without waiting for memory, which is made ready beside training."""
        if self._room is None and self._state.large:
            self._room = self._writer.submit(self._state.room)
        return self._room is None or self._room.done()

    def _begin(self) -> None:
        self._schedule.drain()  # waiting for blocks that are being trained is not part of the pause
        assert self._oldest_change is not None
        self._begun_with = (self._to_do_again(), self._oldest_change)
        self._work, self._oldest_change = 0.0, None
        started = self._last = time.monotonic()
        number = self._state.number_next()
        try:
            room, self._room = self._room, None
            image = self._state.image(room.result() if room else None)
        except MemoryError:
            self._under_way = Future()
            self._under_way.set_exception(_no_memory())
            return
        finally:
            if self._working_since is not None:
                self._working_since = time.monotonic()
        failpoints.reached("checkpoint.copied")
        pause = time.monotonic() - started
        trained, clock = self._state.model.words_trained, self._state.snapshots.clock
        date = clock if clock > -math.inf else time.time()
        self._under_way = self._writer.submit(self._write, image, number, date, started, pause, trained)

    def _write(
        self, image: Image, sequence: int, date: float, started: float, pause: float, words_trained: int
    ) -> float:
        try:
            checkpoint = self._store.publish(image, sequence)
        except MemoryError:
            raise _no_memory() from None
        failpoints.reached("checkpoint.published")
        try:
            self._store.states.keep(checkpoint.path, sequence, date, self._states, self._state.given_up.has)
        except StreamerError as error:  # the checkpoint is there; the next one may be kept
            _log.warning("state.not_kept", problem=error.problem, hint=error.hint)
        self._store.retire(self._keep)
        seconds = time.monotonic() - started
        _log.info(
            "checkpoint.saved",
            name=checkpoint.name,
            size_bytes=checkpoint.size_bytes,
            words_trained=words_trained,
            seconds=round(seconds, 3),
            pause_seconds=round(pause, 3),
        )
        return seconds

    def _collect(self) -> None:
        """Wait for the checkpoint that is under way, and record how it ended."""
        assert self._under_way is not None
        try:
            self._took = self._under_way.result()
            self._failures = 0
        except StreamerError as error:
            self._failures += 1
            work, self._oldest_change = self._begun_with
            self._work += work
            _log.error("checkpoint.failed", problem=error.problem, hint=error.hint, attempts=self._failures)
        finally:
            self._under_way = None


def _no_memory() -> StreamerError:
    return StreamerError(
        "not enough memory for a checkpoint: it is written from a copy of the model",
        hint="free some memory: the copy needs as much as the model",
        code=ExitCode.SYSTEM,
    )
