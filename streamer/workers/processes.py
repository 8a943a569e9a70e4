"""The trainer's side of its workers: started when there is much to do, given blocks, ended when there is nothing to do.

All workers train a block together; while they do, the next one is ready for them. Whoever has time takes the next turn.
What a turn does depends on its number alone (:mod:`streamer.model.pipeline`), so the number of workers changes no bit
of the result.
"""

from __future__ import annotations

import itertools
import os
import select
import subprocess
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import TYPE_CHECKING

import numpy as np

from streamer.errors import ExitCode, StreamerError
from streamer.model.embeddings import Embeddings, Weights
from streamer.model.learner import ModelState, total_loss
from streamer.model.pipeline import Tokens, slot_bytes, turns_of
from streamer.model.sgns import Loss
from streamer.system.processes import spawn
from streamer.workers.ring import first_turn
from streamer.workers.shared_memory import SharedArray
from streamer.workers.worker import CLAIM, Answer, Setup, shared_weights, store

if TYPE_CHECKING:
    from streamer.model.embeddings import Floats

BLOCKS = 2
"""Blocks handed over at a time: one that is being trained, and the one after it."""

SHARDS = 8
"""Shards of the words with many workers."""
FEW = 2
"""Up to so many workers, there is one shard: hardly any turn is waited for."""
GRACE = 1.0
"""Seconds that all workers together have to end when one of them has died."""


class WorkerProcesses:
    """Worker processes that train one model.

    Args:
        state: The model. Its embeddings are moved into shared memory, and stay there after the workers end.
        threads: Most workers; there are no more than chunks under way at most.

    Raises:
        OSError: If the system has no resources for them.
    """

    def __init__(self, state: ModelState, threads: int) -> None:
        self._state = state
        most, dimensions = state.settings.max_group, state.settings.vector_size
        self.size = min(threads, most)
        self._shards = SHARDS if self.size > FEW else 1
        self._memory = share(state.embeddings)
        self._buffers = [SharedArray(np.int64) for _ in range(BLOCKS)]
        self._slots = SharedArray(np.uint8)
        self._slot_bytes = most * slot_bytes(state.batching, dimensions, self._shards)
        self._slots.map(self._slot_bytes)
        self._submitted = self._collected = self._turns = 0  # blocks, blocks, and turns of blocks
        self._answers: dict[int, Answer] = {}
        self._claims = -1  # the pipe in which the turns are
        self._connections: list[Connection[Setup, Answer | None]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._started = False
        try:
            self._start(most)
        except BaseException:
            self.close()
            raise

    def _start(self, slots: int) -> None:
        pipes: list[tuple[int, int]] = []
        claims, self._claims = os.pipe()
        try:
            for _ in range(self.size + 1 + slots):
                pipes.append(os.pipe())
                os.set_blocking(pipes[-1][0], False)
            turns, of_slots = pipes[: self.size + 1], pipes[self.size + 1 :]
            os.write(turns[0][1], first_turn(self._shards))
            os.set_blocking(self._claims, False)
            weights, blocks = ([array.descriptor for array in arrays] for arrays in (self._memory, self._buffers))
            setup = Setup(
                self._state.batching, self._state.settings, self._shards, claims, turns, of_slots,
                tuple(weights), tuple(blocks), (self._slots.descriptor, self._slot_bytes),
            )  # fmt: skip
            shared = [*weights, *blocks, self._slots.descriptor, claims, *itertools.chain(*pipes)]
            for _ in range(self.size):
                ours, theirs = Pipe()
                with theirs:
                    self._processes.append(spawn("streamer.workers.worker", "serve", [theirs.fileno()], shared))
                self._connections.append(ours)
                ours.send(setup)
        finally:
            for end in (claims, *itertools.chain(*pipes)):
                os.close(end)

    def ready(self) -> bool:
        """Return whether all workers have started, without waiting for them."""
        if not self._started:
            try:
                if not all(connection.poll() for connection in self._connections):
                    return False
                for connection in self._connections:
                    connection.recv()
            except (EOFError, OSError):
                raise death(self._processes) from None
            self._started = True
        return True

    def full(self) -> bool:
        """Return whether a block must be collected before another can be handed over."""
        return self._submitted - self._collected == BLOCKS

    def submit(self, tokens: Tokens) -> None:
        """Hand a block over, and return at once.

        Raises:
            StreamerError: As :meth:`collect` does.
        """
        number, batching = self._submitted, self._state.batching
        turns = len(turns_of(tokens, batching))
        capacity = len(self._state.embeddings.vectors)
        store(self._buffers[number % BLOCKS], tokens, batching, self._turns, capacity)
        self._submitted, self._turns = number + 1, self._turns + turns
        if not turns:
            self._answers[number] = Answer(number, [], time.perf_counter())
        self._hand_out(b"".join(CLAIM.pack(number, turn) for turn in range(turns)))

    def collect(self) -> tuple[Loss, float]:
        """Wait for the oldest block handed over, and return its loss and when it was done, by ``perf_counter``.

        Raises:
            StreamerError: 71 if a worker died. Then the weights may be half updated, and must not be saved.
        """
        try:
            while self._collected not in self._answers:
                ready = wait(self._connections)  # any of them ends a block, or dies
                for connection in [each for each in self._connections if each in ready]:
                    answer = connection.recv()
                    assert answer is not None
                    self._answers[answer.block] = answer
        except (EOFError, OSError):
            raise death(self._processes) from None
        answer = self._answers.pop(self._collected)
        self._collected += 1
        return total_loss(answer.losses), answer.ended

    def _hand_out(self, claims: bytes) -> None:
        """Write turns into their pipe. It does not hold those of a long block: workers have to take some first."""
        poll = select.poll()
        poll.register(self._claims, select.POLLOUT)
        for connection in self._connections:
            poll.register(connection, 0)  # its end is always reported: the others would wait for its turn for ever
        try:
            while claims:
                if any(found != self._claims for found, _ in poll.poll()):
                    raise BrokenPipeError
                claims = claims[os.write(self._claims, claims) :]
        except OSError:
            raise death(self._processes) from None

    def close(self) -> None:
        """End the workers, whatever they are doing."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for array in (*self._buffers, self._slots):
            array.close()
        if self._claims >= 0:
            os.close(self._claims)
            self._claims = -1
        self._connections, self._processes, self._buffers = [], [], []


def share(embeddings: Embeddings) -> tuple[SharedArray, ...]:
    """Move embeddings into shared memory, where they grow without a copy; return it in the order of the weights."""
    memory = shared_weights(embeddings.vector_size)
    shared = dict(zip(Weights._fields, memory, strict=True))
    moved: set[str] = set()

    def grown(name: str, old: Floats, size: int, capacity: int) -> Floats:
        new = shared[name].map(capacity)
        if name not in moved:
            moved.add(name)
            new[:size] = old[:size]
        return new

    embeddings.move(grown)
    return memory


def death(processes: Sequence[subprocess.Popen[bytes]]) -> StreamerError:
    """Return the error that says that one of these processes has ended."""
    deadline = time.monotonic() + GRACE
    codes = ", ".join(str(_exit_code(process, deadline - time.monotonic())) for process in processes)
    return StreamerError(
        f"a training process ended unexpectedly (exit codes {codes})",
        hint="the last checkpoint is safe: start again to resume from it",
        code=ExitCode.SYSTEM,
    )


def _exit_code(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Return the exit code of a worker that may end in so many seconds, because another one has; else it is killed."""
    try:
        return process.wait(max(seconds, 0))
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
