"""Sum the gradients of repeated words, and apply them by AdaGrad with one accumulator per row."""

from __future__ import annotations

import functools
from typing import NamedTuple

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
        ids: (u,) int64, the distinct words, shard by shard: the shard of a word is its id modulo S.
        ends: (S + 1,) int64, 0, and where each shard ends in ``ids``.
        order: (p,) int64, the rows of each word, level by level, with zero rows between them; p < 2r for r rows.
        sizes: For each level up to the highest, the number of words of that level.
        places: (u,) int64, for each of ``ids`` its position in the order of the levels; None if it is the same.
        words: (r,) int64, for each gradient row the position of its word in ``ids``; empty if nobody wants it.
    """

    ids: Ints
    ends: Ints
    order: Ints
    sizes: tuple[int, ...]
    places: Ints | None
    words: Ints


def plan_row_sums(ids: Ints, zero_row: int, shards: int = 1, *, singles: bool = False, words: bool = True) -> RowSums:
    """Plan the sums of a chunk.

    Args:
        ids: (r,) int64, the word of each gradient row; 1 ≤ r ≤ :data:`LONGEST`.
        zero_row: The index of a row of zeros in the gradients.
        shards: S, into how many parts the words are divided.
        singles: Whether ``ids`` are numbers of :attr:`Weights.outputs`: a word has its shard in both tables.
        words: Whether :attr:`RowSums.words` is wanted if there is one shard.
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
    distinct = len(starts)
    if distinct == count:  # no word comes twice
        sizes: tuple[int, ...] = (count,)
        order, by_level, times = row, position, None
    else:
        times = np.empty_like(starts)
        np.subtract(starts[1:], starts[:-1], out=times[:-1])
        times[-1] = count - starts[-1]
        level = _LEVEL[times]
        sizes = tuple(np.bincount(level).tolist())
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
        keys = keys[starts[by_level]]
    if shards == 1 and not words:
        return RowSums(keys, np.array((0, distinct)), order, sizes, None, _POSITIONS[:0])
    places, bounds = None, np.array((0, distinct))
    if shards > 1:
        shard = ((keys >> 1 if singles else keys) % shards).astype(np.uint8)
        places = shard.argsort(kind="stable")
        bounds = np.zeros(shards + 1, np.int64)
        np.add.accumulate(np.bincount(shard, minlength=shards), out=bounds[1:])
        keys, by_level = keys[places], by_level[places]
    rank = np.empty_like(starts)
    rank[by_level] = _POSITIONS[:distinct]
    of_rows = np.empty_like(row)
    of_rows[row] = rank if times is None else rank.repeat(times)
    return RowSums(keys, bounds, order, sizes, places, of_rows)


class Sums(NamedTuple):
    """The gradients of a chunk, summed by word: what is added to the weights when the turn of the chunk has come.

    They are in buffers for r words at most; a chunk uses the first ones of each.

    Attributes:
        ends: (S + 1,) int64, as in :class:`RowSums`.
        ids: (r,) int64, the rows of the weights, shard by shard.
        means: (r, p) float32, mean(g²) of each vector.
        gradients: (r, p, D) float32.
    """

    ends: Ints
    ids: Ints
    means: Floats
    gradients: Floats


class RowSummer:
    """Sums the gradients of chunks, one chunk at a time.

    Args:
        rows: Most gradient rows in a chunk.
        width: Floats in a row.
        scratch: Two arrays of ≥ 2 · rows · width float32; other objects may use them between calls.
    """

    def __init__(self, rows: int, width: int, scratch: tuple[Floats, Floats]) -> None:
        self._even, self._odd = (buffer[: 2 * rows * width].reshape(-1, width) for buffer in scratch)

    def sum(self, gradients: Floats, plan: RowSums, out: Sums) -> None:
        """Sum the rows of each word of a plan.

        Args:
            gradients: (r, p, D) float32, the rows of the plan and its zero row.
            plan: Which rows belong together.
            out: The sums.
        """
        flat = gradients.reshape(len(gradients), -1)
        wanted = out.gradients.reshape(len(out.gradients), -1)
        buffers = (wanted if plan.places is None else self._even), self._odd
        level = len(plan.sizes) - 1
        words, end = 0, len(plan.order)
        while True:
            # A level has first its own rows, then the halved rows of the level above.
            here, below = buffers[level % 2], buffers[(level + 1) % 2]
            own = plan.sizes[level] << level
            flat.take(plan.order[end - own : end], 0, out=here[:own], mode="clip")
            end -= own
            words += plan.sizes[level]
            if level == 0:
                break
            half = 1 << (level - 1)
            pairs = here[: words << level].reshape(words, 2, -1)
            free = plan.sizes[level - 1] * half
            into = below[free : free + words * half].reshape(words, -1)
            np.add(pairs[:, 0], pairs[:, 1], out=into)
            level -= 1
        if plan.places is not None:
            here.take(plan.places, 0, out=wanted[:words], mode="clip")
        summed = out.gradients[:words]
        means = np.vecdot(summed, summed, out=out.means[:words])
        means *= _number(1 / summed.shape[2])
        out.ends[:] = plan.ends
        out.ids[:words] = plan.ids


def apply_adagrad(weights: Weights, sums: Sums, shard: int, rate: float, scratch: Floats) -> None:
    """Take one step for each vector: acc += mean(g²), w += η · g / √acc (Duchi et al. 2011, with one acc per vector).

    Vectors of frequent words settle, new ones move fast. No total number of words is needed: a stream has none.

    Args:
        weights: (V, p, D) vectors and (V, p) accumulators, changed in the rows of one shard of ``sums.ids``.
        sums: The gradients g of distinct rows; those of the shard are overwritten.
        shard: The number of the shard.
        rate: The step size η.
        scratch: (≥ u · p · D,) float32 for u rows, for intermediate results.
    """
    begin, end = sums.ends[shard : shard + 2].tolist()
    if begin == end:
        return
    ids, gradients = sums.ids[begin:end], sums.gradients[begin:end]
    vectors, squares = weights.rows
    accumulated = weights.squares.take(ids, 0)
    accumulated += sums.means[begin:end]
    squares[ids] = accumulated.reshape(-1).view(squares.dtype)
    flat = scratch[: gradients.size]
    rows = flat.reshape(gradients.shape)
    # Copied to all entries of a row first: to multiply rows by single numbers takes a fifth longer in all.
    np.copyto(rows, (_number(rate) / np.sqrt(accumulated, out=accumulated))[:, :, None])
    gradients *= rows
    weights.vectors.take(ids, 0, out=rows, mode="clip")
    rows += gradients
    vectors[ids] = flat.view(vectors.dtype)


@functools.cache
def _number(value: float) -> Floats:
    """Return a number as NumPy multiplies with it fastest."""
    return np.array(value, np.float32)
