"""Checkpoints beside the training: it pauses for a copy of the state, and a thread writes the copy to disk."""

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
"""Seconds without anything to train after which a checkpoint is taken, so that what was learned can be asked for."""
IDLE_SHARE = 0.05
"""Share of an idle time that checkpoints may take: where files trickle in, a large model is not written for each."""
LONGEST_WAIT = 60.0
"""Most seconds between attempts while the disk does not take a checkpoint."""

_log = structlog.get_logger(__name__)


class Saver:
    """Saves a state now and then: at most one checkpoint under way, the newest of them kept, failures tried again.

    Args:
        store: Where to; its lock is held by the caller.
        state: What to save.
        schedule: The blocks that are under way, which must be trained first.
        every: Seconds between checkpoints while training.
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
        """Note that the state is no longer that of the last checkpoint."""
        self._changed = True
        self._last_change = time.monotonic()

    def seconds_until_due(self, *, idle: bool) -> float:
        """Return how long until a checkpoint should be taken; infinity if nothing has changed."""
        if not self._changed and not self._under_way:
            return float("inf")
        due = self._last + self._every
        if idle:
            due = min(due, max(self._last_change + IDLE_SECONDS, self._last + self._took / IDLE_SHARE))
        if self._failures:
            due = max(due, self._last + min(LONGEST_WAIT, 2.0**self._failures))
        return due - time.monotonic()

    def save_if_due(self, *, idle: bool = False) -> None:
        """Take a checkpoint if it is time for one. Never raises for a disk that is full or gone: it is tried again."""
        if self._under_way and self._under_way.done():
            self._settle()
        if self._changed and not self._under_way and self.seconds_until_due(idle=idle) <= 0:
            self._begin()

    def finish(self) -> None:
        """Take the last checkpoint, if anything has changed, and wait until it is on disk.

        Raises:
            StreamerError: With exit code 74, if it can't be written, 71 if there is no memory for a copy.
        """
        try:
            if self._under_way:
                self._settle()
            if self._changed:
                self._begin()
                assert self._under_way is not None
                self._under_way.result()
        finally:
            self.close()

    def close(self) -> None:
        """Wait for a checkpoint that is under way, and take no more."""
        self._writer.shutdown()

    def _begin(self) -> None:
        self._schedule.settle()  # what is still being trained is no pause
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

    def _settle(self) -> None:
        """Take note of how the checkpoint that was under way ended, waiting for it if need be."""
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
        "there is no memory for a copy of the model, from which a checkpoint is written",
        hint="give it more: a checkpoint takes as much again as the model",
        code=ExitCode.SYSTEM,
    )
