"""Checkpoints during training: it pauses while the state is copied, then a thread writes the copy to disk."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from streamer.checkpoints import Store, snapshot
from streamer.errors import ExitCode, StreamerError
from streamer.state import State
from streamer.system import failpoints
from streamer.training import Schedule

IDLE_SECONDS = 5.0
"""Seconds with nothing to train after which a checkpoint is saved, so that queries see what was learned."""
IDLE_SHARE = 0.05
"""Share of idle time that checkpoints may take: if small files keep coming, a large model is not saved for each."""
LONGEST_WAIT = 60.0
"""Most seconds between retries while checkpoints can't be written."""

_log = structlog.get_logger(__name__)


class Saver:
    """Saves a state from time to time: one checkpoint at a time; the newest are kept, failures are retried.

    Args:
        store: The checkpoints; the caller holds the lock.
        state: What to save.
        schedule: The blocks that are under way, which must be trained first.
        every: Seconds between checkpoints during training.
        keep: Checkpoints to keep.
    """

    def __init__(self, store: Store, state: State, schedule: Schedule, *, every: float, keep: int) -> None:
        self._store, self._every, self._keep = store, every, keep
        self._state, self._schedule = state, schedule
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._under_way: Future[float] | None = None
        self._changed = False
        self._failures = 0
        self._last = self._last_change = time.monotonic()
        self._took = 0.0

    def changed(self) -> None:
        """Note that the state has changed since the last checkpoint."""
        self._changed = True
        self._last_change = time.monotonic()

    def seconds_until_due(self, *, idle: bool) -> float:
        """Return the seconds until a checkpoint is due; infinity if nothing has changed."""
        if not self._changed and not self._under_way:
            return float("inf")
        due = self._last + self._every
        if idle:
            due = min(due, max(self._last_change + IDLE_SECONDS, self._last + self._took / IDLE_SHARE))
        if self._failures:
            due = max(due, self._last + min(LONGEST_WAIT, 2.0**self._failures))
        return due - time.monotonic()

    def save_if_due(self, *, idle: bool = False) -> None:
        """Save a checkpoint if one is due. Never raises if the disk is full or gone: the save is retried."""
        if self._under_way and self._under_way.done():
            self._collect()
        if self._changed and not self._under_way and self.seconds_until_due(idle=idle) <= 0:
            self._begin()

    def finish(self) -> None:
        """Save the last checkpoint, if anything has changed, and wait until it is on disk.

        Raises:
            StreamerError: With exit code 74, if it can't be written, 71 if there is no memory for a copy.
        """
        try:
            if self._under_way:
                self._collect()
            if self._changed:
                self._begin()
                assert self._under_way is not None
                self._under_way.result()
        finally:
            self.close()

    def close(self) -> None:
        """Wait for a checkpoint that is under way, and save no more."""
        self._writer.shutdown()

    def _begin(self) -> None:
        self._schedule.drain()  # waiting for blocks that are being trained is not part of the pause
        started = self._last = time.monotonic()
        number = self._state.number_next()
        try:
            image = snapshot(self._state.to_tree())
        except MemoryError:
            self._under_way = Future()
            self._under_way.set_exception(_no_memory())
            return
        self._changed = False
        failpoints.reached("checkpoint.copied")
        pause = time.monotonic() - started
        trained = self._state.model.words_trained
        self._under_way = self._writer.submit(self._write, image, number, started, pause, trained)

    def _write(self, image: memoryview, sequence: int, started: float, pause: float, words_trained: int) -> float:
        checkpoint = self._store.publish(image, sequence)
        failpoints.reached("checkpoint.published")
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
            self._changed = True
            _log.error("checkpoint.failed", problem=error.problem, hint=error.hint, attempts=self._failures)
        finally:
            self._under_way = None


def _no_memory() -> StreamerError:
    return StreamerError(
        "not enough memory for a checkpoint: it is written from a copy of the model",
        hint="free some memory: the copy needs as much as the model",
        code=ExitCode.SYSTEM,
    )
