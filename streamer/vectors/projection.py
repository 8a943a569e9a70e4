"""Vectors in two dimensions: principal components, for a map of words."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def principal_components(rows: npt.ArrayLike, count: int = 2) -> tuple[Floats, Floats]:
    """Project n rows onto the directions in which they differ most (Pearson, 1901; Hotelling, 1933).

    X is the rows minus their mean, and X = U S Vᵀ. Then the coordinates are U S = X V, and the i-th direction explains
    S²ᵢ / Σⱼ S²ⱼ of the variance. The sign of a singular vector is arbitrary: here the largest of its D numbers is made
    positive, so that the same rows always give the same picture.

    Args:
        rows: (n, D), n ≥ 1.
        count: How many directions to keep.

    Returns:
        Coordinates, (n, count) float64, and the share of the variance that each direction explains, (count,) float64,
        descending. Both are zero for directions beyond n rows or D dimensions, or in which all rows are equal.

    """
    centred = np.asarray(rows, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
    largest = np.abs(directions).argmax(axis=1)
    signs = np.where(directions[np.arange(len(directions)), largest] < 0, -1.0, 1.0)
    kept = min(count, len(lengths))
    coordinates, shares = np.zeros((len(centred), count)), np.zeros(count)
    coordinates[:, :kept] = centred @ (directions[:kept] * signs[:kept, None]).T
    total = float(lengths @ lengths)
    if total > 0:
        shares[:kept] = lengths[:kept] ** 2 / total
    return coordinates, shares
