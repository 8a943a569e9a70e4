"""How far words moved in a stretch of the stream, measured against how far words of like counts always move.

A vector wanders on unchanged text too: AdaGrad's steps are a random walk whose variance grows with ln(G₁/G₀), where G
is the word's sum of squared gradients. So the distance is divided by that, and compared with the distances of all words
in this stretch and in earlier ones, by how often the words were seen before and within it. Without this, words that
merely became more frequent look changed (Dubossarsky, Weinshall and Grossman, 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST = 20
"""Sightings before a stretch, and within it, below which there is not enough text to tell."""
CHANGED, PERHAPS = 6.0, 5.0
"""Scores from which on a word changed, or perhaps did."""
STRETCHES = 8
"""Earlier stretches of which a floor is made, at most."""
_LONGEST, _YOUNG = 0.2, 0.3
"""As parts of the stream so far: a usual earlier stretch at most, and the beginning that is left out."""
_CELL = 0.5
"""Width of a cell in ln n₀ and ln Δn."""
_IN_CELL = 100
"""Words that a cell must have to have a floor of its own."""
_HUBER = 1.345
"""Residuals of more than so many standard deviations count less: 95 % as efficient as least squares (Huber, 1964)."""
_ROUNDS = 20
_SIGMA = 1.4826
"""A standard deviation of normal numbers, in median absolute deviations."""


class Stretch(NamedTuple):
    """Words in a stretch of the stream that have enough text to tell.

    Attributes:
        moved: (n,) float64, q = ln(‖v₁ − v₀‖² / ln(G₁/G₀)).
        before: (n,) float64, ln n₀, the sightings before the stretch.
        within: (n,) float64, ln Δn, the sightings within it.
    """

    moved: Doubles
    before: Doubles
    within: Doubles


def enough(counts: tuple[Ints, Ints], squares: tuple[Floats, Floats]) -> npt.NDArray[np.bool_]:
    """Return which of n words were seen often enough before a stretch and within it, (n,) bool.

    Args:
        counts: How often each was seen until the stretch began and until it ended, (n,) int64 each.
        squares: Their sums of squared gradients then, (n,) float32 each.
    """
    (seen, later), (sum_before, sum_after) = counts, squares
    found: npt.NDArray[np.bool_] = (seen >= FEWEST) & (later - seen >= FEWEST) & (sum_after > sum_before)
    return found


def stretch(vectors: tuple[Floats, Floats], counts: tuple[Ints, Ints], squares: tuple[Floats, Floats]) -> Stretch:
    """Return how far n words moved; :func:`enough` must hold for each of them.

    Args:
        vectors: Their vectors when the stretch began and when it ended, (n, D) float32 each.
        counts: As of :func:`enough`.
        squares: The same.
    """
    before, after = vectors
    difference = after - before
    distance = np.einsum("ij,ij->i", difference, difference, dtype=np.float64)
    growth = np.log(squares[1].astype(np.float64) / squares[0])
    smallest = np.finfo(np.float64).tiny  # a vector that did not move at all, of which the logarithm is −∞
    moved = np.log(np.maximum(distance, smallest) / np.maximum(growth, smallest))
    return Stretch(moved, np.log(counts[0].astype(np.float64)), np.log((counts[1] - counts[0]).astype(np.float64)))


def earlier_stretches(seen: Sequence[int], first: int, last: int) -> list[tuple[int, int]]:
    """Return the stretches that a floor is made of: pairs of positions of moments that are not later than ``first``.

    Let n be the words of the asked stretch, but a fifth of those before it at most, and at least the words between two
    moments. Earlier ones have n, 2n and n/2 words, and end where it begins, n words before that, and so on; each with
    those moments that come nearest. The beginning of a stream is left out, since everything moves there.

    Args:
        seen: Words seen until each moment, ascending.
        first: The position of the moment at which the asked stretch begins.
        last: The one at which it ends.

    Returns:
        Up to eight pairs of a beginning and an end; few or none if there are few moments.
    """
    known, start = np.array(seen[: first + 1], np.float64), float(seen[first])
    unit = min(seen[last] - start, start * _LONGEST)
    unit = max(unit, float(np.median(np.diff(known)))) if first else 0.0
    found: dict[tuple[int, int], None] = {}
    end = start
    while unit > 0 and end - unit / 2 >= start * _YOUNG and len(found) < STRETCHES:
        until = int(np.abs(known - end).argmin())
        for length in (unit, 2 * unit, unit / 2):
            begin = int(np.abs(known[:until] - (end - length)).argmin()) if until else -1
            if begin >= 0 and start * _YOUNG <= known[begin] < known[until] and len(found) < STRETCHES:
                found[begin, until] = None
        end = min(end - unit, float(known[until - 1])) if until else 0.0
    return list(found)


def scores(asked: Stretch, earlier: Sequence[Stretch]) -> Doubles:
    """Return by how many robust standard deviations each word of a stretch moved farther than words of like counts.

    1. The stretch is pooled with earlier ones, so that a change of many words within it does not raise the floor.
    2. q is regressed on a quadratic in (ln n₀, ln Δn), robustly (Huber).
    3. z = (residual − median) / (1.4826 MAD), within cells of 0.5 × 0.5 that hold at least 100 words, else over all.

    Args:
        asked: The stretch, of n words.
        earlier: Some eight stretches before it, of various lengths.

    Returns:
        (n,) float64; empty if there are no words.
    """
    return scores_and_scales(asked, earlier)[0]


def scores_and_scales(asked: Stretch, earlier: Sequence[Stretch]) -> tuple[Doubles, Doubles]:
    """Return what :func:`scores` returns, and the robust standard deviation of q at each word, (n,) float64 each."""
    pool = Stretch(*(np.concatenate(column) for column in zip(asked, *earlier, strict=True)))
    count = len(asked.moved)
    if not count:
        return np.zeros(0), np.zeros(0)
    residuals = _residuals(pool)
    own = residuals[:count]
    centre, scale = _centre_and_scale(residuals)
    found, scales = (own - centre) / scale, np.full(count, scale)
    cells = _cells(pool)
    order = cells.argsort(kind="stable")
    bounds = np.flatnonzero(np.diff(cells[order], prepend=-1))
    for begin, end in zip(bounds, [*bounds[1:], len(order)], strict=True):
        if end - begin >= _IN_CELL:
            members = order[begin:end]
            centre, scale = _centre_and_scale(residuals[members])
            mine = members[members < count]
            found[mine], scales[mine] = (residuals[mine] - centre) / scale, scale
    return found, scales


def _residuals(pool: Stretch) -> Doubles:
    """Return what a robust quadratic leaves of q, by iteratively reweighted least squares."""
    first, second = (values - values.mean() for values in (pool.before, pool.within))
    rows = np.stack([np.ones_like(first), first, second, first**2, first * second, second**2])
    weights = np.ones_like(pool.moved)
    residuals = pool.moved
    for _ in range(_ROUNDS):
        weighted = rows * weights
        # Normal equations: six unknowns, centred. LAPACK on the whole table took ten times as long.
        fitted, *_ = np.linalg.lstsq(weighted @ rows.T, weighted @ pool.moved, rcond=None)
        residuals = pool.moved - fitted @ rows
        _, scale = _centre_and_scale(residuals)
        again = np.minimum(1.0, _HUBER * scale / np.maximum(np.abs(residuals), 1e-300))
        if np.abs(again - weights).max() < 1e-3:
            break
        weights = again
    return residuals


def _cells(pool: Stretch) -> Ints:
    """Return the number of the cell of each word, (n,) int64."""
    row, column = (np.floor(values / _CELL).astype(np.int64) for values in (pool.before, pool.within))
    return row * 1_000 + column


def _centre_and_scale(values: Doubles) -> tuple[float, float]:
    """Return the median and the robust standard deviation of some numbers."""
    centre = float(np.median(values))
    return centre, max(_SIGMA * float(np.median(np.abs(values - centre))), 1e-9)
