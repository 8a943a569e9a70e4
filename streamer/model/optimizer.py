"""Sum the gradients of repeated words, and apply them by AdaGrad with one accumulator per row."""

from __future__ import annotations

import functools

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model.embeddings import Weights

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_POSITION_BITS = 13
LONGEST = 1 << _POSITION_BITS
"""Most rows in one plan."""
_LEVELS = _POSITION_BITS + 1
_LEVEL = np.zeros(LONGEST + 1, np.uint8)
_LEVEL[1:] = np.frexp(np.arange(LONGEST))[1]  # ⌈log₂ k⌉: how many bits k − 1 has
_WIDTH = 1 << np.arange(_LEVELS)
_POSITIONS = np.arange(LONGEST)


@attrs.frozen
class RowSums:
    """How the gradient rows of one chunk are summed by word.

    A word that occurs k times in a chunk has the level ⌈log₂ k⌉: its rows are put side by side and filled up with zero
    rows to 2^level. Then one addition halves the rows of all words of the highest level, which brings them to the level
    below, and so on down to one row per word. These are a few long, contiguous additions for any order of the words. A
    row of 100 floats takes 32 ns in all; ``np.add.reduceat`` takes 300, ``np.add.at`` 890, and a product with a 0/1
    matrix in tiles of 32 takes 160.

    Attributes:
        ids: (u,) int64, the distinct words: level by level, ascending within a level.
        order: (p,) int64, the rows of each word, with zero rows between them; p < 2r for r rows.
        sizes: For each level up to the highest, the number of words of that level.
    """

    ids: Ints
    order: Ints
    sizes: tuple[int, ...]


def plan_row_sums(ids: Ints, zero_row: int) -> RowSums:
    """Plan the sums of a chunk.

    Args:
        ids: (r,) int64, the word of each gradient row; 1 ≤ r ≤ :data:`LONGEST`.
        zero_row: The index of a row of zeros in the gradients.
    """
    count = len(ids)
    position = _POSITIONS[:count]
    keys = ids << _POSITION_BITS
    keys |= position  # sort word and position together: no ties, so the same order on every machine
    keys.sort()
    row = keys & (LONGEST - 1)
    keys >>= _POSITION_BITS
    first = np.empty(count, np.bool_)
    first[0] = True
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    starts = first.nonzero()[0]
    if len(starts) == count:  # no word comes twice
        return RowSums(keys, row, (count,))
    times = np.empty_like(starts)
    np.subtract(starts[1:], starts[:-1], out=times[:-1])
    times[-1] = count - starts[-1]
    level = _LEVEL[times]
    by_level = level.argsort(kind="stable")
    width = _WIDTH[level[by_level]]
    ends = np.add.accumulate(width)  # half the time of cumsum
    begins = np.empty_like(ends)
    begins[by_level] = ends - width
    begins -= starts
    order = np.empty(ends[-1], np.int64)
    order.fill(zero_row)
    place = begins.repeat(times)
    place += position
    order[place] = row
    return RowSums(keys[starts[by_level]], order, tuple(np.bincount(level).tolist()))


class RowSummer:
    """The sums of one chunk at a time.

    Args:
        rows: Most gradient rows in a chunk.
        width: Floats in a row.
        scratch: (≥ 2 · rows · width,) float32; other objects may use it between calls.
    """

    def __init__(self, rows: int, width: int, scratch: Floats) -> None:
        self._buffers: tuple[Floats, Floats] = (
            np.empty((2 * rows, width), np.float32),
            scratch[: 2 * rows * width].reshape(-1, width),
        )

    def sum(self, gradients: Floats, plan: RowSums) -> Floats:
        """Return the sum of the rows of each word of the plan: (u, …) float32, a view that the next call overwrites.

        Args:
            gradients: (r, …) float32, the rows of the plan and its zero row.
            plan: Which rows belong together.
        """
        flat = gradients.reshape(len(gradients), -1)
        level = len(plan.sizes) - 1
        words, end = 0, len(plan.order)
        while True:
            # A level has first its own rows, then the halved rows of the level above.
            here, below = self._buffers[level % 2], self._buffers[(level + 1) % 2]
            own = plan.sizes[level] << level
            flat.take(plan.order[end - own : end], 0, out=here[:own], mode="clip")
            end -= own
            words += plan.sizes[level]
            if level == 0:
                return here[:words].reshape(words, *gradients.shape[1:])
            half = 1 << (level - 1)
            pairs = here[: words << level].reshape(words, 2, -1)
            free = plan.sizes[level - 1] * half
            into = below[free : free + words * half].reshape(words, -1)
            np.add(pairs[:, 0], pairs[:, 1], out=into)
            level -= 1


def apply_adagrad(weights: Weights, ids: Ints, gradients: Floats, rate: float, scratch: Floats) -> None:
    """Take one step for each vector: acc += mean(g²), w += η · g / √acc (Duchi et al. 2011, with one acc per vector).

    Vectors of frequent words settle, new ones move fast. No total number of words is needed: a stream has none.

    Args:
        weights: (V, p, D) vectors and (V, p) accumulators, changed in the rows of ``ids``.
        ids: (u,) int64, distinct.
        gradients: (u, p, D) float32; they are overwritten.
        rate: The step size η.
        scratch: (≥ u · p · D,) float32, for intermediate results.
    """
    vectors, squares = weights.rows
    accumulated = weights.squares.take(ids, 0)
    means = np.vecdot(gradients, gradients)
    means *= _number(1 / gradients.shape[2])
    accumulated += means
    squares[ids] = accumulated.reshape(-1).view(squares.dtype)
    gradients *= (_number(rate) / np.sqrt(accumulated, out=accumulated))[:, :, None]
    flat = scratch[: gradients.size]
    rows = flat.reshape(gradients.shape)
    weights.vectors.take(ids, 0, out=rows, mode="clip")
    rows += gradients
    vectors[ids] = flat.view(vectors.dtype)


@functools.cache
def _number(value: float) -> Floats:
    """Return a number as NumPy multiplies with it fastest."""
    return np.array(value, np.float32)
