"""A worker process: it trains its part of the chunks of each block that it is given, in turns with the others."""

from __future__ import annotations

import contextlib
import time
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np
import threadpoolctl

from streamer.model.embeddings import Weights
from streamer.model.pipeline import Pipeline, Tokens, slots
from streamer.model.sgns import Batching, Loss
from streamer.settings import ModelSettings
from streamer.system.processes import keep_freed_memory
from streamer.workers.ring import Ring
from streamer.workers.shared_memory import SharedArray


class Setup(NamedTuple):
    """The first message to a worker.

    Attributes:
        batching: How blocks are cut.
        settings: The settings of the model.
        part: The number of the worker.
        shards: The number of shards.
        turns: The ends of the pipes of all workers to write to.
        weights: The descriptors of the shared weights.
        blocks: Those of the buffers for blocks.
        slots: That of the slots for summed gradients, and how many bytes they have.
    """

    batching: Batching
    settings: ModelSettings
    part: int
    shards: int
    turns: tuple[int, ...]
    weights: tuple[int, ...]
    blocks: tuple[int, ...]
    slots: tuple[int, int]


class Block(NamedTuple):
    """A block to train.

    Attributes:
        buffer: The index of its buffer.
        tokens: How many tokens it has.
        noise: How many noise words.
        group: Chunks under way at a time.
        capacity: How many rows the weights have.
    """

    buffer: int
    tokens: int
    noise: int
    group: int
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
    np.concatenate(tokens[:3], out=buffer.map(2 * len(tokens.ids) + len(tokens.noise)))


def fetch(buffer: SharedArray, block: Block) -> Tokens:
    """Return the block that :func:`store` copied there."""
    array = buffer.map(2 * block.tokens + block.noise)
    ids, segments, noise = np.split(array, [block.tokens, 2 * block.tokens])
    return Tokens(ids, segments.astype(np.int32), noise, block.group)


def serve(descriptor: int, comes: int) -> None:
    """Train each block from a pipe and answer with its losses, until the other side is gone.

    Args:
        descriptor: The pipe.
        comes: The pipe in which the other workers say that it is this worker's turn.
    """
    keep_freed_memory()
    threadpoolctl.threadpool_limits(1, user_api="blas")
    connection: Connection[Answer | None, Setup | Block] = Connection(descriptor)
    # These mean that the trainer or another worker is gone. Anything else is an error, and is shown.
    with connection, contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        setup = connection.recv()
        assert isinstance(setup, Setup)
        ring = Ring(setup.part, setup.shards, comes, setup.turns, descriptor)
        shared = SharedArray(np.uint8, (), setup.slots[0]).map(setup.slots[1])
        under_way = slots(shared, setup.batching, setup.settings.vector_size, setup.shards)
        pipeline = Pipeline(setup.batching, setup.settings, ring, under_way)
        memory = shared_weights(setup.settings.vector_size, setup.weights)
        buffers = [SharedArray(np.int64, (), known) for known in setup.blocks]
        weights = Weights(*(array.map(0) for array in memory))
        connection.send(None)  # ready
        while True:
            block = connection.recv()
            assert isinstance(block, Block)
            if len(weights.vectors) != block.capacity:
                weights = Weights(*(array.map(block.capacity) for array in memory))
            losses = pipeline.train(weights, fetch(buffers[block.buffer], block))
            connection.send(Answer(losses, time.perf_counter()))
