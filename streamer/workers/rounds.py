"""Blocks with several lanes: each round is sent to nodes, and merged when all of it is back.

A thread drives the rounds, so that the trainer prepares the next block meanwhile. Blocks with one lane go to other
workers. Blocks of one kind wait for those of the other: the thread and the workers never change weights at a time.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Sequence

import attrs

from streamer.model import lanes
from streamer.model.embeddings import Weights
from streamer.model.learner import ModelState, total_loss
from streamer.model.pipeline import Tokens
from streamer.model.sgns import Loss
from streamer.workers.protocol import Nodes, Workers

BLOCKS = 2
"""Blocks handed over at a time: one whose rounds are computed, and the one after it."""
PATIENCE = 5.0
"""Seconds to wait for the thread when its nodes were closed."""

Done = tuple[Loss, float]


class Rounds:
    """Trains blocks with several lanes at nodes, and those with one lane at other workers.

    Args:
        state: The model. Its embeddings are in memory that is not copied when they grow.
        others: Who trains blocks with one lane.
        nodes: Who computes lanes.
    """

    def __init__(self, state: ModelState, others: Workers, nodes: Nodes) -> None:
        self.size = others.size
        self._state, self._others, self._nodes = state, others, nodes
        # What cuts texts may be long, and no lane needs it.
        self._settings = attrs.evolve(state.settings, stop_words=(), phrases=())
        self._todo: queue.SimpleQueue[tuple[Weights, Tokens] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Done | BaseException] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="rounds", daemon=True)
        self._thread.start()
        self._done: deque[Done] = deque()  # not collected yet, but waited for
        self._at_nodes = self._at_others = 0  # blocks; never both

    def ready(self) -> bool:
        """Return whether the other workers are ready; nodes are given time."""
        return self._others.ready()

    def full(self) -> bool:
        """Return whether a block must be collected before another can be handed over."""
        return bool(self._done) or self._others.full() or self._at_nodes == BLOCKS

    def submit(self, tokens: Tokens) -> None:
        """Hand a block over. It waits if blocks of the other kind are under way.

        Raises:
            StreamerError: As :meth:`collect` does.
        """
        if tokens.lanes == 1:
            while self._at_nodes:
                self._done.append(self._from_nodes())
            self._others.submit(tokens)
            self._at_others += 1
        else:
            while self._at_others:
                self._done.append(self._from_others())
            self._todo.put((self._state.embeddings.weights, tokens))
            self._at_nodes += 1

    def collect(self) -> Done:
        """Wait for the oldest block handed over, and return its loss and when it was done, by ``perf_counter``.

        Raises:
            StreamerError: 71 if a worker died or a lane can't be computed. Then the weights may be half updated.
        """
        if self._done:
            return self._done.popleft()
        return self._from_nodes() if self._at_nodes else self._from_others()

    def close(self) -> None:
        """End the workers and the nodes, whatever they are doing."""
        self._nodes.close()
        self._others.close()
        self._todo.put(None)
        self._thread.join(PATIENCE)

    def _from_others(self) -> Done:
        self._at_others -= 1
        return self._others.collect()

    def _from_nodes(self) -> Done:
        self._at_nodes -= 1
        found = self._results.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def _serve(self) -> None:
        """Train block after block; after an error, none any more."""
        failure: BaseException | None = None
        while block := self._todo.get():
            try:
                if failure is None:
                    self._results.put((self._train(*block), time.perf_counter()))
            except BaseException as error:  # for the thread that waits for the block, whatever it is
                failure = error
            if failure:
                self._results.put(failure)

    def _train(self, weights: Weights, tokens: Tokens) -> Loss:
        settings, batching = self._settings, self._state.batching

        def compute(loads: Sequence[lanes.Load]) -> list[lanes.Change]:
            return self._nodes.map(lanes.train, [(load, settings, batching) for load in loads])

        return total_loss(lanes.train_rounds(weights, tokens, settings, batching, compute))
