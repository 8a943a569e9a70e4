"""A worker process: it takes turns of the blocks that the trainer hands over, in whatever number it comes to."""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import threadpoolctl

from streamer.model.embeddings import Weights
from streamer.model.pipeline import LOSS_EVERY, Pipeline, Tokens, slots, turns_of
from streamer.model.sgns import Batching, Loss
from streamer.settings import ModelSettings
from streamer.system.processes import keep_freed_memory
from streamer.workers.ring import Pipe, Ring
from streamer.workers.shared_memory import SharedArray

CLAIM = struct.Struct("<QQ")
"""A turn that a worker takes when it has time: the number of the block, and of the turn in it.

Its size divides that of a page. So a pipe never gives half of one.
"""
_HEADER = 6


class Setup(NamedTuple):
    """The message to a worker.

    Attributes:
        batching: How blocks are cut.
        settings: The settings of the model.
        shards: The number of shards.
        claims: The pipe of turns to take.
        turns: The pipes of turns.
        slots: The pipes of slots.
        weights: The descriptors of the shared weights.
        blocks: Those of the buffers for blocks.
        under_way: That of the slots for summed gradients, and how many bytes they have.
    """

    batching: Batching
    settings: ModelSettings
    shards: int
    claims: int
    turns: Sequence[Pipe]
    slots: Sequence[Pipe]
    weights: tuple[int, ...]
    blocks: tuple[int, ...]
    under_way: tuple[int, int]


class Answer(NamedTuple):
    """A block is done: its number, the losses of its chunks with their numbers, and when, by perf_counter."""

    block: int
    losses: list[tuple[int, Loss]]
    ended: float


class Shared(NamedTuple):
    """A block in shared memory.

    Attributes:
        tokens: The block.
        first: The number of its first turn among all turns.
        capacity: How many rows the weights have.
        measured: (c, 2) float64, total and weight of each loss that is measured.
    """

    tokens: Tokens
    first: int
    capacity: int
    measured: npt.NDArray[np.float64]


def shared_weights(dimensions: int, descriptors: tuple[int | None, ...] = (None, None)) -> tuple[SharedArray, ...]:
    """Return the shared memory of the weights, in the order of :class:`Weights`."""
    return tuple(SharedArray(np.float32, *known) for known in zip(((2, dimensions), (2,)), descriptors, strict=True))


def store(buffer: SharedArray, tokens: Tokens, batching: Batching, first: int, capacity: int) -> None:
    """Copy a block into a shared buffer."""
    numbers = len(tokens.ids), len(tokens.noise), tokens.group, batching.chunk, first, capacity
    array = buffer.map(_HEADER + 2 * numbers[0] + numbers[1] + 2 * _measured(numbers[0], batching.chunk))
    array[:_HEADER] = numbers
    np.concatenate(tokens[:3], out=array[_HEADER : _HEADER + 2 * numbers[0] + numbers[1]])


def fetch(buffer: SharedArray) -> Shared:
    """Return the block that :func:`store` copied there."""
    count, noise, group, chunk, first, capacity = buffer.map(_HEADER)[:_HEADER].tolist()
    ends = [_HEADER, _HEADER + count, _HEADER + 2 * count, _HEADER + 2 * count + noise]
    array = buffer.map(ends[-1] + 2 * _measured(count, chunk))
    _, ids, segments, drawn, losses = np.split(array, ends)
    tokens = Tokens(ids, segments.astype(np.int32), drawn, group)
    return Shared(tokens, first, capacity, losses.view(np.float64).reshape(-1, 2))


def _measured(tokens: int, chunk: int) -> int:
    """Return how many chunks of a block have a loss."""
    return -(-tokens // (chunk * LOSS_EVERY))


def serve(descriptor: int) -> None:
    """Take turns until the other side of a pipe is gone, and tell it of each block that is done.

    Args:
        descriptor: The pipe.
    """
    keep_freed_memory()
    threadpoolctl.threadpool_limits(1, user_api="blas")
    connection: Connection[Answer | None, Setup] = Connection(descriptor)
    # These mean that the trainer or another worker is gone. Anything else is an error, and is shown.
    with connection, contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        setup = connection.recv()
        worker = _Worker(setup, descriptor)
        connection.send(None)  # ready
        while claim := os.read(setup.claims, CLAIM.size):
            if answer := worker.turn(*CLAIM.unpack(claim)):
                connection.send(answer)


class _Worker:
    """What a worker keeps from turn to turn."""

    def __init__(self, setup: Setup, trainer: int) -> None:
        self._ring = Ring(setup.shards, setup.turns, setup.slots, trainer)
        shared = SharedArray(np.uint8, (), setup.under_way[0]).map(setup.under_way[1])
        dimensions = setup.settings.vector_size
        under_way = slots(shared, setup.batching, dimensions, setup.shards)
        self._batching = setup.batching
        self._pipeline = Pipeline(setup.batching, setup.settings, self._ring, under_way)
        self._memory = shared_weights(dimensions, setup.weights)
        self._buffers = [SharedArray(np.int64, (), known) for known in setup.blocks]
        self._weights = Weights(*(array.map(0) for array in self._memory))
        self._number = -1

    def turn(self, number: int, at: int) -> Answer | None:
        """Take a turn; return the answer if the block is done.

        Args:
            number: The number of the block.
            at: The position of the turn in it.
        """
        if number != self._number:
            self._number, self._block = number, fetch(self._buffers[number % len(self._buffers)])
            self._turns = turns_of(self._block.tokens, self._batching)
            if len(self._weights.vectors) != self._block.capacity:
                self._weights = Weights(*(array.map(self._block.capacity) for array in self._memory))
        block = self._block
        self._ring.begin(block.first + at)
        self._pipeline.turn(self._weights, block.tokens, self._turns[at], self._note)
        if at < len(self._turns) - 1:
            return None
        found = [(LOSS_EVERY * row, Loss(*loss)) for row, loss in enumerate(block.measured.tolist())]
        return Answer(number, found, time.perf_counter())

    def _note(self, chunk: int, loss: Loss) -> None:
        self._block.measured[chunk // LOSS_EVERY] = loss
