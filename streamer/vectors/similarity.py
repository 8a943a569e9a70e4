"""The parts of a query: words, indices and vectors with weights, unit vectors, the nearest of many."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Key: TypeAlias = str | int | np.integer[Any]
"""A word, or its index in the order of frequency."""
Entry: TypeAlias = Key | npt.NDArray[Any]
Weighted: TypeAlias = Entry | tuple[Entry, float]


def is_index(key: object) -> TypeGuard[int]:
    """Return whether a key is a number that can be an index: an integer, Python's or NumPy's, but not True or False."""
    return isinstance(key, numbers.Integral) and not isinstance(key, bool)


def keys(given: Any) -> list[Any]:
    """Return as a list: a word or an index, several of them in any iterable, or nothing."""
    if given is None:
        return []
    return [given] if isinstance(given, str | numbers.Integral) else list(given)


def listed(given: Entry | Iterable[Entry] | None) -> list[Any]:
    """Return as a list: a word, an index or a vector, several of these, or nothing. An array of strings is several."""
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind not in "UO":
        return [given]
    return keys(given)


def entries(given: Weighted | Iterable[Weighted] | None) -> list[Any]:
    """Return as :func:`listed` does; here each may have a weight."""
    return [given] if _has_weight(given) else listed(given)  # type: ignore[arg-type]


def weighted(positive: Sequence[Any], negative: Sequence[Any]) -> tuple[list[Any], list[float]]:
    """Return the words and vectors of some entries, and their weights: the given one, or else 1 and -1."""
    every = [(entry, 1.0) for entry in positive] + [(entry, -1.0) for entry in negative]
    pairs = [entry if _has_weight(entry) else (entry, weight) for entry, weight in every]
    return [entry for entry, _ in pairs], [float(weight) for _, weight in pairs]


def lengths(vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the divisors that scale vectors to length one: their lengths along the last axis, 1 for zero vectors."""
    # np.linalg.norm squares the whole matrix before it adds: that takes as much memory again, and five times as long.
    found = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    divisors: npt.NDArray[Any] = np.where(found > 0, found, found.dtype.type(1))
    return divisors


def normalised(vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return vectors scaled to length one along the last axis; zero vectors stay zero, where gensim has NaN."""
    units: npt.NDArray[Any] = vectors / lengths(vectors)[..., None]
    return units


def nearest(cosines: Floats, given: Iterable[int], topn: int) -> npt.NDArray[np.intp]:
    """Return the indices of the ``topn`` largest cosines (V,), without those given: largest first, ties by index."""
    away = -cosines
    excluded = {index for index in given if index < len(away)}
    away[list(excluded)] = np.inf
    count = min(topn, len(away) - len(excluded))
    if count < 1:
        return np.empty(0, dtype=np.intp)
    # argpartition alone would choose any of the words tied at the boundary: take all that are not beyond it.
    # If the boundary is NaN, which sorts last, "not beyond" takes all, and "within" would take none.
    boundary = np.partition(away, count - 1)[count - 1]
    near = np.flatnonzero(~(away > boundary))
    return near[np.argsort(away[near], kind="stable")][:count]


def _has_weight(entry: object) -> bool:
    return isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], numbers.Real)
