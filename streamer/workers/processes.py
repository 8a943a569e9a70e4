"""The trainer's side of its workers: started when there is much to do, given blocks, ended when there is nothing to do.

All workers train a block together; while they do, the next one is ready for them. The number of a chunk alone decides
which worker trains it (:mod:`streamer.model.pipeline`), so the number of workers changes no bit of the result.
"""

from __future__ import annotations

import os
import pickle
import subprocess
from collections import deque
from multiprocessing.connection import Connection, Pipe, wait
from typing import TYPE_CHECKING

import numpy as np

from streamer.errors import ExitCode, StreamerError
from streamer.model.embeddings import Weights
from streamer.model.learner import ModelState, total_loss
from streamer.model.pipeline import Tokens, slot_bytes
from streamer.model.sgns import Loss
from streamer.system.processes import spawn
from streamer.workers.ring import first_turns
from streamer.workers.shared_memory import SharedArray
from streamer.workers.worker import Answer, Block, Setup, shared_weights, store

if TYPE_CHECKING:
    from streamer.model.embeddings import Floats

BLOCKS = 2
"""Blocks handed over at a time: one that is being trained, and the one after it."""


SHARDS = 8
"""Shards of the words with many workers."""
ALWAYS = 2
"""Up to so many workers, there is one shard: hardly any turn is waited for."""


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
        most = state.settings.max_group
        self.size = min(threads, most)
        self._shards = SHARDS if self.size > ALWAYS else 1
        self._slot_bytes = most * slot_bytes(state.batching, state.settings.vector_size, self._shards)
        self._slots = SharedArray(np.uint8)
        self._slots.map(self._slot_bytes)
        self._memory = shared_weights(state.settings.vector_size)
        self._buffers = [SharedArray(np.int64) for _ in range(BLOCKS)]
        self._under_way: deque[int] = deque()  # the buffers of the blocks handed over
        self._connections: list[Connection[Setup | Block, Answer | None]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._started = False
        self._share()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _share(self) -> None:
        shared = dict(zip(Weights._fields, self._memory, strict=True))
        moved: set[str] = set()

        def grown(name: str, old: Floats, size: int, capacity: int) -> Floats:
            new = shared[name].map(capacity)
            if name not in moved:
                moved.add(name)
                new[:size] = old[:size]
            return new

        self._state.embeddings.move(grown)

    def _start(self) -> None:
        turns = [os.pipe() for _ in range(self.size)]
        ends = [end for _, end in turns]
        descriptors = [array.descriptor for array in (*self._memory, *self._buffers, self._slots)]
        weights, blocks = tuple(descriptors[: len(self._memory)]), tuple(descriptors[len(self._memory) : -1])
        try:
            os.write(ends[0], first_turns(self._shards))
            for part in range(self.size):
                ours, theirs = Pipe()
                os.set_blocking(turns[part][0], False)
                given = theirs.fileno(), turns[part][0]
                with theirs:
                    self._processes.append(spawn("streamer.workers.worker", "serve", given, [*descriptors, *ends]))
                self._connections.append(ours)
                state, slots = self._state, (self._slots.descriptor, self._slot_bytes)
                ours.send(
                    Setup(state.batching, state.settings, part, self._shards, tuple(ends), weights, blocks, slots)
                )
        finally:
            for pipe in turns:
                for end in pipe:
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
                raise self._death() from None
            self._started = True
        return True

    def full(self) -> bool:
        """Return whether a block must be collected before another can be handed over."""
        return len(self._under_way) == BLOCKS

    def submit(self, tokens: Tokens) -> None:
        """Hand a block over, and return at once.

        Raises:
            StreamerError: As :meth:`collect` does.
        """
        number = next(number for number in range(BLOCKS) if number not in self._under_way)
        store(self._buffers[number], tokens)
        capacity = len(self._state.embeddings.vectors)
        block = Block(number, len(tokens.ids), len(tokens.noise), tokens.group, capacity)
        # Not by send(), whose buffer would live as long as an error, and from Python 3.13 on complain on stderr then.
        packed = pickle.dumps(block)
        try:
            for connection in self._connections:
                connection.send_bytes(packed)
        except OSError:
            raise self._death() from None
        self._under_way.append(number)

    def collect(self) -> tuple[Loss, float]:
        """Wait for the oldest block handed over, and return its loss and when it was done, by ``perf_counter``.

        Raises:
            StreamerError: 71 if a worker died. Then the weights may be half updated, and must not be saved.
        """
        answers: list[Answer] = []
        waiting = list(self._connections)
        try:
            while waiting:
                ready = wait(waiting)  # in any order: others wait for a worker that died, and would never answer
                for connection in [each for each in waiting if each in ready]:
                    answer = connection.recv()
                    assert answer is not None
                    answers.append(answer)
                    waiting.remove(connection)
        except (EOFError, OSError):
            raise self._death() from None
        self._under_way.popleft()
        losses = total_loss(loss for answer in answers for loss in answer.losses)
        return losses, max(answer.ended for answer in answers)

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
        self._connections, self._processes, self._buffers = [], [], []

    def _death(self) -> StreamerError:
        codes = ", ".join(str(_exit_code(process)) for process in self._processes)
        return StreamerError(
            f"a training process ended unexpectedly (exit codes {codes})",
            hint="the last checkpoint is safe: start again to resume from it",
            code=ExitCode.SYSTEM,
        )


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code of a worker. It has ended or will soon, because another one has; else it is killed."""
    try:
        return process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
