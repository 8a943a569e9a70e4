"""Lanes: pieces of a block that are trained from the same weights, wherever there is a processor, and then merged.

A round has as many pieces as there are lanes. Each piece is sent with the vectors that it needs (:func:`pull`), trained
by a pure function (:func:`train`), and its changes are merged in the order of the pieces (:func:`merge`). So the result
does not depend on who trains a piece, nor on when.

The merge is the *damped sum*. Let Δ_l be the change of a vector in lane l, s_l its accumulator there afterwards, s₀ the
one before, and η the step size. AdaGrad moved the vector by about η · G_l / √s_l, so G_l = Δ_l · √s_l / η stands for
the gradients of the lane. One process that saw all of them would have

    s = s₀ + Σ (s_l − s₀),    cross = max(0, mean((Σ G_l)²) − Σ mean(G_l²)),    w = w₀ + η · Σ G_l / √(s + cross)

with means over the D entries. ``cross`` is what the square of a sum has beyond the sum of the squares. It is large if
the lanes agree: then their changes are averaged. It is zero if they are orthogonal: then they are added. This damps
AdaGrad (Duchi et al. 2011) for delayed updates, in the spirit of McMahan & Streeter (2014). If only one lane has
changed a vector, the result is that of the lane.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.model.embeddings import Weights, whole_rows
from streamer.model.pipeline import Pipeline, Tokens, noise_of
from streamer.model.sgns import Batching, Loss
from streamer.settings import ModelSettings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]


class Load(NamedTuple):
    """A piece of text and the vectors that it needs: all that a lane is given.

    Attributes:
        words: (W,) int32, the distinct words of the tokens, ascending.
        drawn: (N,) int32, the distinct noise words that are not among them, ascending.
        vectors: (2W + N, D) float32: of each word the input and the output vector, then of each noise word the output
            vector.
        squares: (2W + N,) float32, AdaGrad's accumulator of each of these vectors.
        ids: (m,) int32, for each token the position of its word in ``words``.
        segments: (m,) int32.
        noise: (k,) int32, for each noise word its position in ``words`` followed by ``drawn``.
        group: Chunks under way at a time.
    """

    words: Rows
    drawn: Rows
    vectors: Floats
    squares: Floats
    ids: Rows
    segments: Rows
    noise: Rows
    group: int

    @property
    def rows(self) -> Ints:
        """(2W + N,) int64, where its vectors are in :attr:`Weights.outputs`; each is there once."""
        return _rows(self.words.astype(np.int64), self.drawn.astype(np.int64))


class Change(NamedTuple):
    """What a lane has made of its load.

    Attributes:
        vectors: (2W + N, D) float32, the vectors of the load after the piece was trained.
        squares: (2W + N,) float32, their accumulators.
        losses: The losses that were measured, each with the number of its chunk in the piece.
    """

    vectors: Floats
    squares: Floats
    losses: list[tuple[int, Loss]]


Compute = Callable[[Sequence[Load]], Sequence[Change]]
"""Trains the pieces of a round, each by :func:`train`, and returns their changes in the same order."""


def cut(count: int, size: int, lanes: int) -> int:
    """Return into how many pieces of about ``size`` words a block of ``count`` words is cut: one at least.

    If they are more than one round, all rounds have a piece for each lane, which may be up to a fourth larger for that.
    """
    found = max(1, (2 * count + size) // (2 * size))
    return found if found <= lanes else (4 * found + 3 * lanes) // (4 * lanes) * lanes


def pieces(tokens: Tokens, batching: Batching) -> list[Tokens]:
    """Return the pieces of a block, in order; each has the noise words of its own chunks."""
    found, drawn = [], 0
    for begin, end in zip(tokens.cuts, tokens.cuts[1:], strict=False):
        noise = slice(drawn, drawn := drawn + noise_of(batching, end - begin))
        found.append(Tokens(tokens.ids[begin:end], tokens.segments[begin:end], tokens.noise[noise], tokens.group))
    return found


def pull(weights: Weights, piece: Tokens) -> Load:
    """Return a piece with copies of the vectors that it needs."""
    # Tables by id, of which only what is read is set. They take less time than sorting, even for millions of words.
    size = len(weights.vectors)
    known, others, place = np.zeros(size, np.bool_), np.zeros(size, np.bool_), np.empty(size, np.int32)
    known[piece.ids] = True
    words = known.nonzero()[0]
    others[piece.noise] = True
    others[words] = False
    drawn = others.nonzero()[0]
    place[words] = np.arange(len(words))
    place[drawn] = np.arange(len(words), len(words) + len(drawn))
    singles = weights.outputs
    rows = _rows(words, drawn)
    return Load(
        words.astype(np.int32),
        drawn.astype(np.int32),
        singles.vectors[:, 0].take(rows, 0),
        singles.squares[:, 0].take(rows),
        place[piece.ids],
        piece.segments,
        place[piece.noise],
        piece.group,
    )


def _rows(words: Ints, drawn: Ints) -> Ints:
    """Return where the vectors of a load are in :attr:`Weights.outputs`: (2W + N,) int64."""
    rows = np.empty(2 * len(words) + len(drawn), np.int64)
    both = rows[: 2 * len(words)].reshape(-1, 2)
    np.multiply(words, 2, out=both[:, 0])
    np.add(both[:, 0], 1, out=both[:, 1])
    rows[2 * len(words) :] = 2 * drawn + 1
    return rows


def train(load: Load, settings: ModelSettings, batching: Batching, pipeline: Pipeline | None = None) -> Change:
    """Train a piece: a pure function, which gives the same bits in every process on machines of a kind.

    Args:
        load: The piece and its vectors; not changed.
        settings: The settings of the model.
        batching: How the piece is cut into chunks.
        pipeline: One of these settings, to be used again. Without it, each process keeps one, for one thread.
    """
    words, dimensions = len(load.words), load.vectors.shape[1]
    rows = words + len(load.drawn)
    vectors, squares = np.zeros((rows, 2, dimensions), np.float32), np.ones((rows, 2), np.float32)
    vectors[:words] = load.vectors[: 2 * words].reshape(words, 2, dimensions)
    vectors[words:, 1] = load.vectors[2 * words :]
    squares[:words] = load.squares[: 2 * words].reshape(words, 2)
    squares[words:, 1] = load.squares[2 * words :]
    tokens = Tokens(load.ids.astype(np.int64), load.segments, load.noise.astype(np.int64), load.group)
    losses = (pipeline or _pipeline(settings, batching)).train(Weights(vectors, squares), tokens)
    return Change(
        np.concatenate([vectors[:words].reshape(-1, dimensions), vectors[words:, 1]]),
        np.concatenate([squares[:words].reshape(-1), squares[words:, 1]]),
        losses,
    )


@functools.lru_cache(1)
def _pipeline(settings: ModelSettings, batching: Batching) -> Pipeline:
    return Pipeline(batching, settings)


def merge(weights: Weights, loads: Sequence[Load], changes: Sequence[Change], learning_rate: float) -> None:
    """Merge the changes of a round into the weights, by the damped sum.

    Args:
        weights: The weights from which the loads were pulled; nothing else has changed them since.
        loads: What the lanes were given.
        changes: What they made of it, in the same order. Sums are in this order, so it decides the bits.
        learning_rate: The step size η.
    """
    singles = weights.outputs
    places = [load.rows for load in loads]
    several, slots = np.zeros(len(singles.vectors), np.uint8), np.empty(len(singles.vectors), np.int32)
    for rows in places:
        several[rows] += several[rows] < 2  # 2 stands for more, too
    shared = (several == 2).nonzero()[0]
    slots[shared] = np.arange(len(shared))
    vectors, squares = singles.vectors.take(shared, 0)[:, 0], singles.squares.take(shared, 0)[:, 0]
    summed, of_lanes, added = np.zeros_like(vectors), np.zeros_like(squares), np.zeros_like(squares)
    buffers = np.empty((2, *vectors.shape), np.float32)
    for rows, change in zip(places, changes, strict=True):
        both = several[rows] == 2
        mine, ours = (~both).nonzero()[0], both.nonzero()[0]
        _put(weights, rows[mine], change.vectors.take(mine, 0), change.squares.take(mine))
        if not len(ours):
            continue
        at, after = slots[rows[ours]], change.squares.take(ours)
        steps, other = buffers[:, : len(ours)]
        change.vectors.take(ours, 0, out=steps, mode="clip")
        steps -= vectors.take(at, 0, out=other, mode="clip")
        steps *= np.sqrt(after)[:, None]  # η · G
        of_lanes[at] += np.vecdot(steps, steps)
        added[at] += after - squares[at]
        steps += summed.take(at, 0, out=other, mode="clip")
        whole_rows(summed)[at] = whole_rows(steps)
    squares += added
    cross = np.vecdot(summed, summed)
    cross -= of_lanes
    cross /= np.float32(learning_rate**2 * vectors.shape[1])
    np.maximum(cross, 0, out=cross)
    summed /= np.sqrt(squares + cross)[:, None]
    vectors += summed
    _put(weights, shared, vectors, squares)


def _put(weights: Weights, rows: Ints, vectors: Floats, squares: Floats) -> None:
    """Store single vectors, (n, D), and their accumulators, (n,)."""
    if not len(rows):
        return
    of_vectors, of_squares = weights.outputs.rows
    of_vectors[rows] = vectors.reshape(-1).view(of_vectors.dtype)
    of_squares[rows] = squares.view(of_squares.dtype)


def train_rounds(
    weights: Weights, tokens: Tokens, settings: ModelSettings, batching: Batching, compute: Compute
) -> list[tuple[int, Loss]]:
    """Train a block of several lanes; return the losses that were measured, numbered in their order.

    Args:
        weights: Changed, at the end of each round.
        tokens: The block.
        settings: The settings of the model.
        batching: How pieces are cut into chunks.
        compute: Trains the pieces of a round.
    """
    left, losses = pieces(tokens, batching), []
    for start in range(0, len(left), tokens.lanes):
        loads = [pull(weights, piece) for piece in left[start : start + tokens.lanes]]
        changes = compute(loads)
        merge(weights, loads, changes, settings.learning_rate)
        losses += [loss for change in changes for _, loss in sorted(change.losses)]
    return list(enumerate(losses))
