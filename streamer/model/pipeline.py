"""The order in which the chunks of a block read the weights and change them, whoever does it.

A block of n chunks takes turns at the weights. In turn t, chunk t − group, whose gradients are ready, is applied; then
chunk t is loaded. Between turns t and t + group, the gradients of chunk t are computed from the rows it loaded, which
touches no weights. So each chunk misses what the ``group − 1`` chunks before it do, and nothing else: a few workers
that take their turns in this order, each computing while others have theirs, do to the bit what one does alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.model import sgns
from streamer.model.embeddings import Matrices
from streamer.model.optimizer import RowSummer, RowSums, apply_adagrad, plan_row_sums
from streamer.model.sgns import Batching, Loss, Rows, Workspace
from streamer.settings import ModelSettings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LOSS_EVERY = 16
"""Every so many chunks of a block, the first among them, the loss is measured: logarithms cost more than gradients."""

ARCHITECTURES = {"skipgram": sgns.skipgram, "cbow": sgns.cbow}


class Tokens(NamedTuple):
    """What of a block is trained: (n,) int64 ids, (n,) int32 segments, and (k,) int64 noise words of all its chunks."""

    ids: Ints
    segments: npt.NDArray[np.int32]
    noise: Ints


class _Sums(NamedTuple):
    """The gradients of a chunk, summed by word, for one of the matrices."""

    weights: Floats
    squares: Floats
    ids: Ints
    gradients: Floats


class _Slot:
    """A chunk between its two turns: its rows, and then its summed gradients."""

    def __init__(self, batching: Batching, settings: ModelSettings, scratch: Floats) -> None:
        self.rows = Rows(batching, settings.vector_size, settings.window)
        noise = sgns.noise_words(batching, batching.chunk)
        self.summers = [
            RowSummer(rows, settings.vector_size, scratch) for rows in (batching.chunk, batching.chunk, noise)
        ]
        self.sums: list[_Sums] = []


class Pipeline:
    """One worker's part of the chunks of each block: every ``parts``-th turn is its own.

    Args:
        batching: How blocks are cut.
        settings: What shapes the model.
        part: Which part, from 0.
        parts: How many there are; ``batching.group`` is a multiple of it.
    """

    def __init__(self, batching: Batching, settings: ModelSettings, part: int = 0, parts: int = 1) -> None:
        if batching.group % parts:
            raise ValueError(f"a group of {batching.group} chunks has no {parts} equal parts")
        self._batching, self._settings = batching, settings
        self._part, self._parts = part, parts
        self._architecture = ARCHITECTURES[settings.architecture]
        noise = sgns.noise_words(batching, batching.chunk)
        self._scratch: Floats = np.empty((2 * max(batching.chunk, noise), settings.vector_size), np.float32)
        self._work = Workspace(batching, settings.vector_size, settings.window)
        self._slots = [_Slot(batching, settings, self._scratch) for _ in range(batching.group // parts)]

    def train(
        self,
        matrices: Matrices,
        tokens: Tokens,
        turn: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> list[tuple[int, Loss]]:
        """Train this worker's chunks of a block.

        Args:
            matrices: The weights, changed.
            tokens: The whole block.
            turn: Makes a context that is entered for each turn of this worker, and waits until it has come.

        Returns:
            The losses that were measured, each with the number of its chunk.
        """
        group, count = self._batching.group, -(-len(tokens.ids) // self._batching.chunk)
        losses = []
        # Whole rounds, so that the first turn of every block is the first worker's.
        for number in range(self._part, group * -(-(count + group) // group) if count else 0, self._parts):
            slot = self._slots[number % group // self._parts]
            with turn():
                if group <= number < count + group:
                    self._apply(slot)
                if number < count:
                    ids, noise, segments = self._cut(tokens, number)
                    slot.rows.load((matrices.input, matrices.output), ids, noise)
            if number < count:
                loss = self._compute(slot, matrices, ids, noise, segments, with_loss=number % LOSS_EVERY == 0)
                if loss:
                    losses.append((number, loss))
        return losses

    def _cut(self, tokens: Tokens, number: int) -> tuple[Ints, Ints, npt.NDArray[np.int32]]:
        """Return the ids, noise words and segments of a chunk."""
        size = self._batching.chunk
        noise = sgns.noise_words(self._batching, size)
        ids = tokens.ids[number * size : (number + 1) * size]
        return ids, tokens.noise[number * noise :][:noise], tokens.segments[number * size : (number + 1) * size]

    def _compute(
        self,
        slot: _Slot,
        matrices: Matrices,
        ids: Ints,
        noise: Ints,
        segments: npt.NDArray[np.int32],
        *,
        with_loss: bool,
    ) -> Loss | None:
        """Leave the chunk's gradients, summed by word, in its slot; return its loss if it was asked for."""
        work = self._work
        found = self._architecture(work, slot.rows, segments, self._settings.negative, with_loss=with_loss)
        token_plan = plan_row_sums(ids, len(work.input_gradients) - 1)
        noise_plan = plan_row_sums(noise, len(work.noise_gradients) - 1)
        w_in, w_out, squares_in, squares_out = matrices

        def summed(which: int, plan: RowSums, gradients: Floats, weights: Floats, squares: Floats) -> _Sums:
            return _Sums(weights, squares, plan.ids, slot.summers[which].sum(gradients, plan))

        slot.sums = [
            summed(0, token_plan, found.input, w_in, squares_in),
            summed(1, token_plan, found.output, w_out, squares_out),
            summed(2, noise_plan, found.noise, w_out, squares_out),
        ]
        return found.loss

    def _apply(self, slot: _Slot) -> None:
        for sums in slot.sums:
            apply_adagrad(*sums, self._settings.learning_rate, self._scratch)
