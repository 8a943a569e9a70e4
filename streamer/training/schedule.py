"""The blocks of a model that are under way: prepared here in their order, computed here or by workers, then recorded.

The effect of a block is fixed when it is prepared: its words are counted, new ones admitted, tokens subsampled, noise
words drawn. So the result is the same whoever computes it, and however many blocks are handed over at a time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

import structlog

from streamer.errors import ExitCode, StreamerError
from streamer.model.learner import BlockReport, Learner
from streamer.model.sources import NO_FILE, NOWHERE, Source, in_minutes
from streamer.state import State
from streamer.text.encoded import EncodedText
from streamer.workers import Start, Workers, in_this_process

WORTH_WORKERS = 8 << 20
"""Bytes of text from which on workers are started: starting them takes as long as training about as much."""
WORTH_SHARING = 1 << 10
"""Smaller texts, in bytes, do not count for that: to hand one over takes about as long as to train it."""

Then = Callable[[BlockReport, float], None]

_log = structlog.get_logger(__name__)


def _broken_off() -> StreamerError:
    return StreamerError(
        "training was interrupted in the middle of a block",
        hint="the last checkpoint is safe: resume from it",
        code=ExitCode.SYSTEM,
    )


class _Guard:
    """A context for steps that must be completed: if Ctrl-C or lack of memory stops one, the state is broken."""

    failure: StreamerError | None = None

    def __enter__(self) -> None:
        if self.failure:
            raise self.failure

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error and not self.failure:
            self.failure = error if isinstance(error, StreamerError) else _broken_off()


class Schedule:
    """The blocks of one model, one after the other.

    Args:
        state: What is changed: the model when a block is prepared, the history when it is done.
        start: Starts workers, which compute the same as this process would.
    """

    def __init__(self, state: State, start: Start) -> None:
        self._state = state
        self._start = start
        self._learner = Learner(state.model)
        self._here = in_this_process(self._learner.update)
        self._workers: Workers | None = None
        self._can_start = True
        self._under_way: deque[tuple[BlockReport, float, Then]] = deque()
        self._last_ended = 0.0
        self._unbroken = _Guard()

    @property
    def broken(self) -> bool:
        """Whether training stopped in the middle of a block: then the state can't be used any more."""
        return self._unbroken.failure is not None

    def train(self, encoded: EncodedText, *, epoch: int = 0, row: int = NO_FILE, then: Then = lambda *_: None) -> None:
        """Train one block of text.

        With workers, it may return before the block is trained. :meth:`drain` waits for that; until then, weights and
        history are behind the vocabulary. An exception, also one from ``then``, breaks the schedule for good.

        Args:
            encoded: The block.
            epoch: How often this block was trained before; from 1 on, its words are not counted again.
            row: The row of its file in the ledger, for the record of where words come from; by default, it has no file.
            then: Called when the block is trained, in the order of the blocks, with its report and the seconds it took.

        Raises:
            StreamerError: 71 if a training process died.
        """
        with self._unbroken:
            started = time.perf_counter()
            words, codes, segments = encoded.words, encoded.codes, encoded.segments
            source = Source(row, in_minutes(self._state.snapshots.clock)) if row >= 0 else NOWHERE
            report, tokens = self._learner.prepare(
                words, codes, segments, first_pass=epoch == 0, source=source, settle=self.drain
            )
            self._under_way.append((report, started, then))
            if self._workers and self._ready(self._workers):
                self.make_room()
                self._workers.submit(tokens)
            else:
                self._here.submit(tokens)
                self._collect(self._here)

    def make_room(self) -> None:
        """Wait until the next block can be handed over at once.

        Raises:
            StreamerError: 71 if a training process died.
        """
        if not self._workers and not self._unbroken.failure:
            return
        with self._unbroken:
            while self._workers and self._workers.full():
                self._collect(self._workers)

    def drain(self) -> None:
        """Wait until all blocks are trained: then the parts of the state agree.

        Raises:
            StreamerError: 71 if a training process died.
        """
        with self._unbroken:
            while self._under_way:
                assert self._workers is not None
                self._collect(self._workers)

    def start_workers(self) -> int:
        """Let workers compute from now on, if there are cores for them; they take a moment to start.

        Returns:
            How many processes were started: 0 if workers run already or can't start, or there is only one thread.
        """
        if self._workers or not self._can_start:
            return 0
        try:
            self._workers = self._start(self._state.model)
        except OSError as error:
            self._do_without(error.strerror or str(error))
        return self._workers.size if self._workers else 0

    def end_workers(self) -> None:
        """End the workers at once. Call :meth:`drain` first, or blocks under way are lost and the state is broken."""
        ended, self._workers = self._workers, None
        if ended:
            ended.close()
            if self._under_way and not self._unbroken.failure:
                self._unbroken.failure = _broken_off()

    def _ready(self, beside: Workers) -> bool:
        try:
            return beside.ready()
        except StreamerError as error:  # the workers have changed nothing yet
            beside.close()
            self._workers = None
            self._do_without(error.problem)
            return False

    def _do_without(self, reason: str) -> None:
        self._can_start = False
        _log.warning("workers.unavailable", reason=reason, hint="training continues in one process")

    def _collect(self, computed_by: Workers) -> None:
        loss, ended = computed_by.collect()
        report, started, then = self._under_way.popleft()
        seconds = max(ended - max(started, self._last_ended), 1e-9)
        self._last_ended = ended
        report = report._replace(loss=loss)
        self._state.history.add(report, seconds)
        then(report, seconds)
