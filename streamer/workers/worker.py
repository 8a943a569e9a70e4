"""A worker process: it trains its part of the chunks of each block that it is given, in turns with the others."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np
import threadpoolctl

from streamer.model.embeddings import Weights
from streamer.model.pipeline import Pipeline, Tokens
from streamer.model.sgns import Batching, Loss
from streamer.settings import ModelSettings
from streamer.system.processes import keep_freed_memory
from streamer.workers.shared_memory import SharedArray


class Setup(NamedTuple):
    """The first message to a worker: the model's settings, the worker's part, the descriptors of the shared memory."""

    batching: Batching
    settings: ModelSettings
    part: int
    parts: int
    weights: tuple[int, ...]
    blocks: tuple[int, ...]


class Block(NamedTuple):
    """A block to train: the index of its buffer, how many tokens and noise words it has, how many rows the weights."""

    buffer: int
    tokens: int
    noise: int
    capacity: int


class Answer(NamedTuple):
    """The losses of a worker's chunks, each with the chunk's number, and when the last was done, by perf_counter."""

    losses: list[tuple[int, Loss]]
    ended: float


def shared_weights(dimensions: int, descriptors: tuple[int | None, ...] = (None, None)) -> tuple[SharedArray, ...]:
    """Return the shared memory of the weights, in the order of :class:`Weights`."""
    return tuple(SharedArray(np.float32, *known) for known in zip(((2, dimensions), (2,)), descriptors, strict=True))


def store(buffer: SharedArray, tokens: Tokens) -> None:
    """Copy a block into a shared buffer."""
    np.concatenate(tokens, out=buffer.map(2 * len(tokens.ids) + len(tokens.noise)))


def fetch(buffer: SharedArray, block: Block) -> Tokens:
    """Return the block that :func:`store` copied there."""
    array = buffer.map(2 * block.tokens + block.noise)
    ids, segments, noise = np.split(array, [block.tokens, 2 * block.tokens])
    return Tokens(ids, segments.astype(np.int32), noise)


def serve(descriptor: int, turn_comes: int, turn_goes: int) -> None:
    """Train each block from a pipe and answer with its losses, until the other side is gone.

    Args:
        descriptor: The pipe.
        turn_comes: A pipe that has a byte when it is this worker's turn.
        turn_goes: The same for the next worker.
    """

    @contextlib.contextmanager
    def turn() -> Iterator[None]:
        if not os.read(turn_comes, 1):
            raise EOFError
        yield
        os.write(turn_goes, b".")

    keep_freed_memory()
    threadpoolctl.threadpool_limits(1, user_api="blas")
    connection: Connection[Answer | None, Setup | Block] = Connection(descriptor)
    # These mean that the trainer or another worker is gone. Anything else is an error, and is shown.
    with connection, contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        setup = connection.recv()
        assert isinstance(setup, Setup)
        pipeline = Pipeline(setup.batching, setup.settings, setup.part, setup.parts)
        memory = shared_weights(setup.settings.vector_size, setup.weights)
        buffers = [SharedArray(np.int64, (), known) for known in setup.blocks]
        weights = Weights(*(array.map(0) for array in memory))
        connection.send(None)  # ready
        while True:
            block = connection.recv()
            assert isinstance(block, Block)
            if len(weights.vectors) != block.capacity:
                weights = Weights(*(array.map(block.capacity) for array in memory))
            losses = pipeline.train(weights, fetch(buffers[block.buffer], block), turn)
            connection.send(Answer(losses, time.perf_counter()))
