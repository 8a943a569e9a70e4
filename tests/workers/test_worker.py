"""What a worker does: its part of each block, in its turn, until the other side is gone."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

import numpy as np
import pytest
import threadpoolctl

from streamer.model.embeddings import Weights
from streamer.model.learner import Learner, ModelState, total_loss
from streamer.model.pipeline import Pipeline, Tokens, slot_bytes, turns_of
from streamer.model.sgns import Batching
from streamer.settings import ModelSettings
from streamer.workers import worker
from streamer.workers.ring import first_turn
from streamer.workers.shared_memory import SharedArray
from streamer.workers.worker import CLAIM, Answer, Setup, fetch, serve, shared_weights, store

from ..support.states import block
from ..support.texts import encode

SETTINGS = ModelSettings(vector_size=6, window=3, min_count=1, seed=3)
BATCHING = Batching(chunk=64, group=2, noise=8, span=16)


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let what a worker does to its whole process not outlive the test: here it is ours."""
    monkeypatch.setattr(worker, "keep_freed_memory", lambda: None)
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield


def prepared(*seeds: int) -> tuple[ModelState, list[Tokens]]:
    """Return a model and the blocks that are to be trained into it."""
    state = ModelState.new(SETTINGS, BATCHING)
    learner, found = Learner(state), []
    for seed in seeds:
        encoded = encode(block(seed))
        found.append(learner.prepare(encoded.words, encoded.codes, encoded.segments)[1])
    return state, found


def test_a_block_comes_out_as_it_was_put_in() -> None:
    """Ids, segments and noise words, of any number, with their types, through memory that another may map."""
    rng = np.random.default_rng(1)
    buffer = SharedArray(np.int64)
    other = SharedArray(np.int64, (), os.dup(buffer.descriptor))
    for size, noise in ((5, 16), (1000, 300), (1, 16), (0, 0), (3000, 900)):
        given = Tokens(
            rng.integers(0, 2**40, size),
            np.sort(rng.integers(0, 99, size)).astype(np.int32),
            rng.integers(0, 99, noise),
            5,
        )
        store(buffer, given, BATCHING, 7, 8)
        found = fetch(other)
        assert (found.tokens.group, found.first, found.capacity) == (5, 7, 8)
        assert found.measured.shape == (-(-size // (16 * BATCHING.chunk)), 2)
        found.measured[:] = 0.1
        assert (fetch(buffer).measured == 0.1).all()
        for name in ("ids", "segments", "noise"):
            ours, theirs = getattr(found.tokens, name), getattr(given, name)
            assert (ours.dtype, ours.tolist()) == (theirs.dtype, theirs.tolist())


def test_shared_weights_are_those_of_a_model() -> None:
    """As many arrays as there are weights, in their order and shapes; whoever has the descriptors has the same."""
    memory = shared_weights(7)
    weights = Weights(*(array.map(5) for array in memory))
    assert (weights.vectors.shape, weights.squares.shape) == ((5, 2, 7), (5, 2))
    assert {array.dtype for array in weights} == {np.dtype(np.float32)}
    others = shared_weights(7, tuple(os.dup(array.descriptor) for array in memory))
    weights.vectors[3, 1, 6] = 8
    assert others[0].map(5)[3, 1, 6] == 8


class Serving:
    """Workers in threads of this process, with pipes as real ones have."""

    def __init__(self, state: ModelState, parts: int, shards: int = 3) -> None:
        self.memory = shared_weights(SETTINGS.vector_size)
        self.buffers = [SharedArray(np.int64), SharedArray(np.int64)]
        self.weights = Weights(*(array.map(len(state.embeddings.vectors)) for array in self.memory))
        for shared, own in zip(self.weights, state.embeddings.weights, strict=True):
            shared[:] = own
        self.pipes = [os.pipe() for _ in range(parts + 1 + 4)]
        for comes, _ in self.pipes:
            os.set_blocking(comes, False)
        os.write(self.pipes[0][1], first_turn(shards))
        claims, self.claims = os.pipe()
        size = 4 * slot_bytes(BATCHING, SETTINGS.vector_size, shards)
        self.slots = SharedArray(np.uint8)
        self.slots.map(size)
        self.blocks = self.turns = 0
        self.ours: list[Connection[Any, Any]] = []
        self.threads: list[threading.Thread] = []
        self.errors: list[BaseException] = []
        self.reads = claims
        for _ in range(parts):
            ours, theirs = Pipe()
            self.ours.append(ours)
            given = os.dup(theirs.fileno())
            theirs.close()
            self.threads.append(threading.Thread(target=self._serve, args=(given,), daemon=True))
            self.threads[-1].start()
            weights = tuple(os.dup(array.descriptor) for array in self.memory)
            blocks = tuple(os.dup(array.descriptor) for array in self.buffers)
            turns, of_slots, slots = self.pipes[: parts + 1], self.pipes[parts + 1 :], os.dup(self.slots.descriptor)
            setup = Setup(BATCHING, SETTINGS, shards, claims, turns, of_slots, weights, blocks, (slots, size))
            ours.send(setup)

    def _serve(self, *given: int) -> None:
        try:
            serve(*given)
        except BaseException as error:
            self.errors.append(error)

    def submit(self, tokens: Tokens) -> None:
        """Hand a block over."""
        turns = len(turns_of(tokens, BATCHING))
        store(self.buffers[self.blocks % 2], tokens, BATCHING, self.turns, len(self.weights.vectors))
        os.write(self.claims, b"".join(CLAIM.pack(self.blocks, at) for at in range(turns)))
        self.blocks, self.turns = self.blocks + 1, self.turns + turns

    def train(self, tokens: Tokens) -> Answer:
        """Have them train a block, and return the answer."""
        self.submit(tokens)
        (connection,) = wait(self.ours, 10)
        assert isinstance(connection, Connection)
        answer: Answer = connection.recv()
        assert answer.block == self.blocks - 1
        return answer

    def ended(self) -> bool:
        """Wait for the threads, and return whether they ended."""
        for thread in self.threads:
            thread.join(10)
        return not any(thread.is_alive() for thread in self.threads)


@contextmanager
def serving(state: ModelState, parts: int) -> Iterator[Serving]:
    """Give workers that are ready, and end them by closing our end of their pipes."""
    workers = Serving(state, parts)
    assert [connection.recv() for connection in workers.ours] == [None] * parts
    try:
        yield workers
    finally:
        os.close(workers.claims)
        for connection in workers.ours:
            connection.close()
        assert workers.ended()
        os.close(workers.reads)
        for pipe in workers.pipes:
            for end in pipe:
                os.close(end)


@pytest.mark.parametrize("parts", [1, 2, 3])
def test_workers_do_what_one_pipeline_does(parts: int) -> None:
    """Their turns through pipes, the weights in shared memory: the same bits and the same losses, block after block."""
    state, given = prepared(1, 2)
    with serving(state, parts) as workers:
        pipeline = Pipeline(BATCHING, SETTINGS)
        for tokens in (given[0], given[1]._replace(group=4)):
            expected = total_loss(pipeline.train(state.embeddings.weights, tokens))
            assert total_loss(workers.train(tokens).losses) == expected
            for shared, own in zip(workers.weights, state.embeddings.weights, strict=True):
                assert shared.tobytes() == own.tobytes()
        assert expected.weight > 0
    assert not workers.errors


def test_each_loss_has_its_chunk_and_the_end_its_time() -> None:
    """The losses of all workers are in one answer, with the numbers of chunks; the clock is that of all processes."""
    state, (tokens,) = prepared(1)
    with serving(state, 2) as workers:
        before = time.perf_counter()
        answer = workers.train(tokens)
        after = time.perf_counter()
    numbers = [number for number, _ in answer.losses]
    assert numbers == list(range(0, -(-len(tokens.ids) // BATCHING.chunk), 16))
    assert before <= answer.ended <= after


@pytest.mark.slow
def test_blocks_follow_each_other() -> None:
    """Two are handed over at once: their turns are taken in order, and each is answered."""
    state, given = prepared(1, 2)
    with serving(state, 3) as workers:
        for tokens in given:
            workers.submit(tokens)
        answers: list[Answer] = []
        while len(answers) < 2:
            answers += [connection.recv() for connection in workers.ours if connection in wait(workers.ours, 10)]
        for tokens in given:
            Pipeline(BATCHING, SETTINGS).train(state.embeddings.weights, tokens)
        assert workers.weights.vectors.tobytes() == state.embeddings.vectors.tobytes()
        assert sorted(answer.block for answer in answers) == [0, 1]


def test_weights_that_have_grown_are_mapped_anew() -> None:
    """A block says how many rows there are: rows that came after the workers started are trained like others."""
    state, (tokens,) = prepared(1)
    with serving(state, 1) as workers:
        size = len(workers.weights.vectors)
        workers.weights = Weights(*(array.map(2 * size) for array in workers.memory))
        for array in workers.weights:
            array[size:] = array[:size]
        moved = tokens._replace(ids=tokens.ids + size, noise=tokens.noise + size)
        before = workers.weights.vectors[:size].tobytes()
        workers.train(moved)
        assert workers.weights.vectors[:size].tobytes() == before
        Pipeline(BATCHING, SETTINGS).train(state.embeddings.weights, tokens)
        assert workers.weights.vectors[size:].tobytes() == state.embeddings.vectors.tobytes()


def test_the_end_of_the_trainer_is_the_end_without_an_error() -> None:
    """A pipe that is closed before the setup, or while a block waits for its turn, is no error of the worker's.

    Without its turn it touches nothing.
    """
    state, (tokens,) = prepared(1)
    with serving(state, 2) as workers:
        before = [array.tobytes() for array in workers.weights]
        os.read(workers.pipes[0][0], 9)  # as if a turn before had not ended
        workers.submit(tokens)
        time.sleep(0.1)
        for connection in workers.ours:
            connection.close()
        assert workers.ended()
        assert [array.tobytes() for array in workers.weights] == before
    assert not workers.errors
    ours, theirs = Pipe()
    given = os.dup(theirs.fileno())
    theirs.close()
    ours.close()
    serve(given)
