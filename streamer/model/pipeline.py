"""The order in which the chunks of a block read and change the weights, with one process or several.

The n chunks of a block take turns. In turn t, the gradients of chunk t − group are applied; then the rows of chunk t
are loaded. Between turns t and t + group, the gradients of chunk t are computed from the loaded rows, without access to
the weights. So each chunk misses the updates of the ``group − 1`` chunks before it, and no others. Several workers that
take their turns in this order, and compute during the turns of others, give the same bits as one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.model import sgns
from streamer.model.embeddings import Weights
from streamer.model.optimizer import RowSummer, apply_adagrad, plan_row_sums
from streamer.model.sgns import Batching, Loss, Rows, Workspace
from streamer.settings import ModelSettings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LOSS_EVERY = 16
"""The loss is measured on every 16th chunk of a block, from the first on: logarithms cost more than gradients."""

_AT_ONCE = contextlib.nullcontext()

ARCHITECTURES = {"skipgram": sgns.skipgram, "cbow": sgns.cbow}


class Tokens(NamedTuple):
    """The tokens of a block to train: (n,) int64 ids, (n,) int32 segments, and (k,) int64 noise words of all chunks."""

    ids: Ints
    segments: npt.NDArray[np.int32]
    noise: Ints


class _Sums(NamedTuple):
    """Gradients of a chunk, (u, p, D) float32, summed for each of the rows ``ids``, (u,) int64, of the weights."""

    weights: Weights
    ids: Ints
    gradients: Floats


class _Slot:
    """A chunk between its two turns: its rows, and then its summed gradients."""

    def __init__(self, batching: Batching, settings: ModelSettings, scratch: Floats) -> None:
        noise = sgns.noise_words(batching, batching.chunk)
        self.rows = Rows(batching, settings.vector_size, settings.window)
        self.token_sums = RowSummer(batching.chunk, 2 * settings.vector_size, scratch)
        self.noise_sums = RowSummer(noise, settings.vector_size, scratch)
        self.sums: list[_Sums] = []


class Pipeline:
    """One worker's part of the chunks of each block: every ``parts``-th turn is its own.

    Args:
        batching: How blocks are cut.
        settings: The settings of the model.
        part: The number of this part, from 0.
        parts: The number of parts; ``batching.group`` is a multiple of it.
    """

    def __init__(self, batching: Batching, settings: ModelSettings, part: int = 0, parts: int = 1) -> None:
        if batching.group % parts:
            raise ValueError(f"a group of {batching.group} chunks can't be cut into {parts} equal parts")
        self._batching, self._settings = batching, settings
        self._part, self._parts = part, parts
        self._architecture = ARCHITECTURES[settings.architecture]
        noise = sgns.noise_words(batching, batching.chunk)
        self._scratch: Floats = np.empty(2 * max(2 * batching.chunk, noise) * settings.vector_size, np.float32)
        self._work = Workspace(batching, settings.vector_size, settings.window)
        self._slots = [_Slot(batching, settings, self._scratch) for _ in range(batching.group // parts)]

    def train(
        self,
        weights: Weights,
        tokens: Tokens,
        turn: Callable[[], contextlib.AbstractContextManager[object]] = lambda: _AT_ONCE,
    ) -> list[tuple[int, Loss]]:
        """Train this worker's chunks of a block.

        Args:
            weights: Changed.
            tokens: The whole block.
            turn: Makes a context for each turn of this worker; to enter it waits until the turn has come.

        Returns:
            The losses that were measured, each with the number of its chunk.
        """
        group, count = self._batching.group, -(-len(tokens.ids) // self._batching.chunk)
        losses = []
        # Complete rounds, so that the first turn of every block is the first worker's.
        for number in range(self._part, -(-(count + group) // self._parts) * self._parts if count else 0, self._parts):
            slot = self._slots[number % group // self._parts]
            with turn():
                if group <= number < count + group:
                    self._apply(slot)
                if number < count:
                    ids, noise, segments = self._cut(tokens, number)
                    slot.rows.load(weights, ids, noise)
            if number < count:
                loss = self._compute(slot, weights, ids, noise, segments, with_loss=number % LOSS_EVERY == 0)
                if loss:
                    losses.append((number, loss))
        return losses

    def _cut(self, tokens: Tokens, number: int) -> tuple[Ints, Ints, npt.NDArray[np.int32]]:
        """Return the ids of a chunk, the indices of its noise vectors in ``outputs``, and its segments."""
        size = self._batching.chunk
        noise = sgns.noise_words(self._batching, size)
        ids = tokens.ids[number * size : (number + 1) * size]
        return ids, 2 * tokens.noise[number * noise :][:noise] + 1, tokens.segments[number * size : (number + 1) * size]

    def _compute(
        self,
        slot: _Slot,
        weights: Weights,
        ids: Ints,
        noise: Ints,
        segments: npt.NDArray[np.int32],
        *,
        with_loss: bool,
    ) -> Loss | None:
        """Put the chunk's gradients, summed by word, into its slot; return its loss if ``with_loss``."""
        work = self._work
        found = self._architecture(work, slot.rows, segments, self._settings.negative, with_loss=with_loss)
        token_plan = plan_row_sums(ids, len(found.tokens) - 1)
        noise_plan = plan_row_sums(noise, len(found.noise) - 1)
        slot.sums = [
            _Sums(weights, token_plan.ids, slot.token_sums.sum(found.tokens, token_plan)),
            _Sums(weights.outputs, noise_plan.ids, slot.noise_sums.sum(found.noise, noise_plan)),
        ]
        return found.loss

    def _apply(self, slot: _Slot) -> None:
        for sums in slot.sums:
            apply_adagrad(*sums, self._settings.learning_rate, self._scratch)
