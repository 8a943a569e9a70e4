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
from collections.abc import Callable, Sequence
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
        lanes: Pieces that are trained at a time from the same weights.
        cuts: Where pieces begin and end, ascending from 0 to n; empty if there is one lane.
    """

    ids: Ints
    segments: npt.NDArray[np.int32]
    noise: Ints
    group: int
    lanes: int = 1
    cuts: tuple[int, ...] = ()


def noise_of(batching: Batching, count: int) -> int:
    """Return the number of noise words for all chunks of a piece of ``count`` tokens."""
    whole, last = divmod(count, batching.chunk)
    return whole * sgns.noise_words(batching, batching.chunk) + sgns.noise_words(batching, last)


def turns_of(tokens: Tokens, batching: Batching) -> list[int]:
    """Return the numbers of the turns of a block, in order: those with a chunk to load, to apply, or both."""
    count = -(-len(tokens.ids) // batching.chunk)
    return [*range(count), *range(max(count, tokens.group), count + tokens.group)] if count else []


class Turns(Protocol):
    """How those who compute the chunks of a block wait for each other.

    Attributes:
        shards: The number of shards.
        alone: Whether nobody waits for the turns of others. If somebody does, they are kept short.
    """

    shards: int
    alone: bool

    def come(self, shard: int) -> None:
        """Wait until the turn has come at a shard."""

    def go(self, shard: int) -> None:
        """End the turn at a shard."""

    def computed(self, slot: int) -> None:
        """Tell whoever will apply the gradients in a slot that they are there."""

    def wait(self, slot: int) -> None:
        """Wait for the gradients in a slot."""


class Alone:
    """The turns of a process that computes all chunks: nobody is waited for."""

    shards = 1
    alone = True

    def come(self, shard: int) -> None:
        """Return at once."""

    def go(self, shard: int) -> None:
        """Do nothing."""

    def computed(self, slot: int) -> None:
        """Do nothing."""

    def wait(self, slot: int) -> None:
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
    """Computes chunks: those of a whole block, or single ones of blocks that several share.

    Args:
        batching: How blocks are cut.
        settings: The settings of the model.
        turns: How those who share a block wait for each other.
        shared: The slots that they use, as many as there are chunks under way at most.
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
        """Train a block; return the losses that were measured, each with the number of its chunk."""
        self._make_slots(tokens.group)
        losses: list[tuple[int, Loss]] = []
        for number in turns_of(tokens, self._batching):
            self.turn(weights, tokens, number, lambda chunk, loss: losses.append((chunk, loss)))
        return losses

    def turn(self, weights: Weights, tokens: Tokens, number: int, note: Callable[[int, Loss], None]) -> None:
        """Take one turn of a block; the turns before it are taken, or are being taken by others.

        Args:
            weights: Changed.
            tokens: The whole block.
            number: Which turn, from 0: the chunk of this number is loaded, and then computed.
            note: Called with the number of the chunk and its loss, if that is measured.
        """
        turns, group, at = self._turns, tokens.group, number % tokens.group
        slot, due = self._slots[at], group <= number
        chunk = self._chunk(tokens, number) if number * self._batching.chunk < len(tokens.ids) else None
        for shard in range(turns.shards):
            turns.come(shard)
            if due and shard == 0:  # not before: of those who wait for a slot, it is for the first
                turns.wait(at)
            if due:
                self._apply(weights, slot, shard)
            if chunk:
                self._load(weights, chunk, shard)
            turns.go(shard)
        if chunk:
            if loss := self._compute(slot, chunk, with_loss=number % LOSS_EVERY == 0):
                note(number, loss)
            turns.computed(at)

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
        ids, noise, shared = tokens.ids[here], 2 * tokens.noise[there] + 1, not self._turns.alone
        return _Chunk(
            ids,
            noise,
            tokens.segments[here],
            plan_row_sums(ids, self._work.zero_row, shards, words=shared),
            plan_row_sums(noise, self._work.zero_noise, shards, singles=True, words=shared),
        )

    def _load(self, weights: Weights, chunk: _Chunk, shard: int) -> None:
        if self._turns.alone:
            self._rows.load(weights, chunk.ids, chunk.noise)
        else:  # fewer rows in the turn, but more in all
            self._rows.load_shard(weights, chunk.words, chunk.drawn, shard)

    def _compute(self, slot: Slot, chunk: _Chunk, *, with_loss: bool) -> Loss | None:
        """Put the chunk's gradients, summed by word, into its slot; return its loss if ``with_loss``."""
        if not self._turns.alone:
            self._rows.spread(chunk.words, chunk.drawn)
        found = self._architecture(self._work, self._rows, chunk.segments, self._settings.negative, with_loss=with_loss)
        self._token_sums.sum(found.tokens, chunk.words, slot.tokens)
        self._noise_sums.sum(found.noise, chunk.drawn, slot.noise)
        return found.loss

    def _apply(self, weights: Weights, slot: Slot, shard: int) -> None:
        for table, sums in ((weights, slot.tokens), (weights.outputs, slot.noise)):
            apply_adagrad(table, sums, shard, self._settings.learning_rate, self._scratch[0])
