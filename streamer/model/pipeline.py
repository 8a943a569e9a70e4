"""The order in which the chunks of a block read and change the weights, with one process or several.

The n chunks of a block take turns. In turn t, the gradients of chunk t − group are applied; then the rows of chunk t
are loaded. Between turns t and t + group, the gradients of chunk t are computed from the loaded rows, without access to
the weights. So each chunk misses the updates of the ``group − 1`` chunks before it, and no others. Several workers that
take their turns in this order, and compute during the turns of others, give the same bits as one.

A turn goes through the words shard by shard, and the next turn follows it from shard to shard. Each row sees the chunks
in the same order, whatever the number of shards, so this changes no bit either.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from streamer.model import sgns
from streamer.model.embeddings import Weights
from streamer.model.optimizer import RowSummer, RowSums, Sums, apply_adagrad, plan_row_sums
from streamer.model.sgns import Batching, Loss, Rows, Workspace
from streamer.settings import ModelSettings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LOSS_EVERY = 16
"""The loss is measured on every 16th chunk of a block, from the first on: logarithms cost more than gradients."""

ARCHITECTURES = {"skipgram": sgns.skipgram, "cbow": sgns.cbow}


class Tokens(NamedTuple):
    """The tokens of a block to train.

    Attributes:
        ids: (n,) int64.
        segments: (n,) int32.
        noise: (k,) int64, the noise words of all chunks.
        group: Chunks under way at a time.
    """

    ids: Ints
    segments: npt.NDArray[np.int32]
    noise: Ints
    group: int


class Turns(Protocol):
    """How the parts of a pipeline wait for each other.

    Attributes:
        part: The number of this part, from 0: turns part, part + parts, part + 2 · parts … are its own.
        parts: The number of parts.
        shards: The number of shards.
    """

    part: int
    parts: int
    shards: int

    def come(self, shard: int) -> None:
        """Wait until the next turn of this part at a shard has come."""

    def go(self, shard: int) -> None:
        """End the turn at a shard: the next part has it."""

    def computed(self, part: int) -> None:
        """Tell the part that will apply the gradients of a chunk that they are there."""

    def wait(self) -> None:
        """Wait until another part has told this one so, once for each time."""


class Alone:
    """The turns of the only part: nobody is waited for."""

    part, parts, shards = 0, 1, 1

    def come(self, shard: int) -> None:
        """Return at once."""

    def go(self, shard: int) -> None:
        """Do nothing."""

    def computed(self, part: int) -> None:
        """Do nothing."""

    def wait(self) -> None:
        """Return at once."""


class Slot(NamedTuple):
    """The summed gradients of a chunk, from when they are computed until they are applied."""

    tokens: Sums
    noise: Sums


def slot_bytes(batching: Batching, dimensions: int, shards: int) -> int:
    """Return how much memory a slot takes."""
    return sum(_aligned(dtype, shape) for fields in _slot(batching, dimensions, shards) for dtype, shape in fields)


def slots(memory: npt.NDArray[np.uint8], batching: Batching, dimensions: int, shards: int) -> list[Slot]:
    """Return as many slots as there are in some memory: (n,) uint8."""
    found, at = [], 0
    while at + slot_bytes(batching, dimensions, shards) <= len(memory):
        both = []
        for fields in _slot(batching, dimensions, shards):
            arrays = []
            for dtype, shape in fields:
                arrays.append(np.frombuffer(memory, dtype, math.prod(shape), at).reshape(shape))
                at += _aligned(dtype, shape)
            both.append(Sums(*arrays))
        found.append(Slot(*both))
    return found


def _slot(batching: Batching, dimensions: int, shards: int) -> list[list[tuple[type[Any], tuple[int, ...]]]]:
    """Return the types and shapes of the arrays of a slot: for the sums of tokens, and for those of noise words."""
    return [
        [
            (np.int64, (shards + 1,)),
            (np.int64, (rows,)),
            (np.float32, (rows, p)),
            (np.float32, (2 * rows, p, dimensions)),
        ]
        for rows, p in ((batching.chunk, 2), (sgns.noise_words(batching, batching.chunk), 1))
    ]


def _aligned(dtype: type[Any], shape: tuple[int, ...]) -> int:
    """Return the bytes of an array, filled up to whole lines of a cache."""
    return -(-math.prod(shape) * np.dtype(dtype).itemsize // 64) * 64


class _Chunk(NamedTuple):
    """A chunk, and how its gradients are summed.

    Attributes:
        ids: (m,) int64, its tokens.
        noise: (k,) int64, its noise words, as indices in :attr:`Weights.outputs`.
        segments: (m,) int32.
        words: The plan for the tokens.
        drawn: The plan for the noise words.
    """

    ids: Ints
    noise: Ints
    segments: npt.NDArray[np.int32]
    words: RowSums
    drawn: RowSums


class Pipeline:
    """One worker's part of the chunks of each block: every ``parts``-th turn is its own.

    Args:
        batching: How blocks are cut.
        settings: The settings of the model.
        turns: How the parts wait for each other.
        shared: The slots that all parts use, as many as there are chunks under way at most.
    """

    def __init__(
        self, batching: Batching, settings: ModelSettings, turns: Turns | None = None, shared: Sequence[Slot] = ()
    ) -> None:
        self._batching, self._settings = batching, settings
        self._turns = turns or Alone()
        self._slots = list(shared)
        self._architecture = ARCHITECTURES[settings.architecture]
        noise, dimensions = sgns.noise_words(batching, batching.chunk), settings.vector_size
        scratch = 2 * max(2 * batching.chunk, noise) * dimensions
        self._scratch: tuple[Floats, Floats] = (np.empty(scratch, np.float32), np.empty(scratch, np.float32))
        self._work = Workspace(batching, dimensions, settings.window)
        self._rows = Rows(batching, dimensions, settings.window)
        self._token_sums = RowSummer(batching.chunk, 2 * dimensions, self._scratch)
        self._noise_sums = RowSummer(noise, dimensions, self._scratch)

    def train(self, weights: Weights, tokens: Tokens) -> list[tuple[int, Loss]]:
        """Train this worker's chunks of a block.

        Args:
            weights: Changed.
            tokens: The whole block.

        Returns:
            The losses that were measured, each with the number of its chunk.
        """
        turns, group, count = self._turns, tokens.group, -(-len(tokens.ids) // self._batching.chunk)
        self._make_slots(group)
        part, parts, losses = turns.part, turns.parts, []
        # Complete rounds, so that the first turn of every block is the first worker's.
        for number in range(part, -(-(count + group) // parts) * parts if count else 0, parts):
            slot, chunk = self._slots[number % group], self._chunk(tokens, number) if number < count else None
            due = group <= number < count + group
            if due and group % parts:
                turns.wait()
            for shard in range(turns.shards):
                turns.come(shard)
                if due:
                    self._apply(weights, slot, shard)
                if chunk:
                    self._load(weights, chunk, shard)
                turns.go(shard)
            if chunk:
                loss = self._compute(slot, chunk, with_loss=number % LOSS_EVERY == 0)
                if loss:
                    losses.append((number, loss))
                if group % parts:
                    turns.computed((number + group) % parts)
        return losses

    def _make_slots(self, group: int) -> None:
        """Make the slots of a part that is alone: those that are shared are all there."""
        missing = group - len(self._slots)
        if missing > 0:
            memory = np.empty(missing * slot_bytes(self._batching, self._settings.vector_size, 1), np.uint8)
            self._slots += slots(memory, self._batching, self._settings.vector_size, 1)

    def _chunk(self, tokens: Tokens, number: int) -> _Chunk:
        size, shards = self._batching.chunk, self._turns.shards
        drawn = sgns.noise_words(self._batching, size)
        here, there = slice(number * size, (number + 1) * size), slice(number * drawn, (number + 1) * drawn)
        ids, noise = tokens.ids[here], 2 * tokens.noise[there] + 1
        return _Chunk(
            ids,
            noise,
            tokens.segments[here],
            plan_row_sums(ids, self._work.zero_row, shards),
            plan_row_sums(noise, self._work.zero_noise, shards, singles=True),
        )

    def _load(self, weights: Weights, chunk: _Chunk, shard: int) -> None:
        if self._turns.shards == 1:  # to gather the words of each shard takes longer, and is for nothing then
            self._rows.load(weights, chunk.ids, chunk.noise)
        else:
            self._rows.load_shard(weights, chunk.words, chunk.drawn, shard)

    def _compute(self, slot: Slot, chunk: _Chunk, *, with_loss: bool) -> Loss | None:
        """Put the chunk's gradients, summed by word, into its slot; return its loss if ``with_loss``."""
        if self._turns.shards > 1:
            self._rows.spread(chunk.words, chunk.drawn)
        found = self._architecture(self._work, self._rows, chunk.segments, self._settings.negative, with_loss=with_loss)
        self._token_sums.sum(found.tokens, chunk.words, slot.tokens)
        self._noise_sums.sum(found.noise, chunk.drawn, slot.noise)
        return found.loss

    def _apply(self, weights: Weights, slot: Slot, shard: int) -> None:
        for table, sums in ((weights, slot.tokens), (weights.outputs, slot.noise)):
            apply_adagrad(table, sums, shard, self._settings.learning_rate, self._scratch[0])
