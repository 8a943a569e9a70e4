"""Correlation coefficients. NumPy has Pearson's, but no ranks with ties; SciPy is too large for that alone."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def ranks(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the rank of each of n values, from 1, (n,) float64; equal values get the mean of their ranks."""
    _, inverse, sizes = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    shared: npt.NDArray[np.float64] = (last - (sizes - 1) / 2)[inverse]
    return shared


def pearson(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Return Pearson's correlation of n pairs of values; NaN if it is undefined: n < 2, or all values equal."""
    x, y = (np.asarray(values, dtype=np.float64) for values in (first, second))
    if len(x) < 2:
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(np.clip(x @ y / scale, -1.0, 1.0)) if scale > 0 else math.nan


def spearman(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Return Spearman's correlation: Pearson's correlation of the ranks; NaN as in :func:`pearson`.

    It uses NumPy's function, as SciPy does, so that the last digit is the same.
    """
    x, y = ranks(first), ranks(second)
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(np.asarray(np.corrcoef(x, y))[1, 0])  # not [0, 1]: they differ in the last digit
