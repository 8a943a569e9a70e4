"""Collocations: words that follow each other more often than chance, and so deserve one vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.text.encoded import EncodedText

PRUNE_AT = 1 << 22
"""Distinct pairs from which on those that came once are dropped: 64 MB."""


class Collocation(NamedTuple):
    """Two words that follow each other, how often they do, and word2vec's score."""

    words: tuple[str, str]
    times: int
    score: float


class Collocations:
    """Counts words and pairs of neighbouring words over any number of blocks."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {}
        self._counts = np.zeros(0, np.int64)
        self._keys = np.zeros(0, np.int64)
        self._pairs = np.zeros(0, np.int64)

    def add(self, encoded: EncodedText) -> None:
        """Count a block. Two words are a pair if they follow each other in one context."""
        index = self._index
        ids = np.array([index.setdefault(word, len(index)) for word in encoded.words], np.int64)[encoded.codes]
        self._counts = np.concatenate([self._counts, np.zeros(len(index) - len(self._counts), np.int64)])
        self._counts += np.bincount(ids, minlength=len(index))
        together = encoded.segments[1:] == encoded.segments[:-1]
        self._merge((ids[:-1] << 32 | ids[1:])[together])

    def _merge(self, keys: npt.NDArray[np.int64]) -> None:
        keys, counts = np.unique(keys, return_counts=True)
        merged, where = np.unique(np.concatenate([self._keys, keys]), return_inverse=True)
        sums = np.bincount(where, np.concatenate([self._pairs, counts]), len(merged)).astype(np.int64)
        kept = sums > 1 if len(merged) > PRUNE_AT else slice(None)
        self._keys, self._pairs = merged[kept], sums[kept]

    def best(self, *, min_count: int, threshold: float) -> list[Collocation]:
        """Return the pairs whose score is at least a threshold, best first.

        The score is (n(ab) - min_count) / (n(a) n(b)) N, with the counts n and the number N of all words (Mikolov et
        al., 2013, "Distributed Representations of Words and Phrases", and word2phrase, which multiplies by N).
        """
        enough = self._pairs >= min_count
        keys, pairs = self._keys[enough], self._pairs[enough]
        first, second = keys >> 32, keys & 0xFFFFFFFF
        products = self._counts[first].astype(np.float64) * self._counts[second]
        scores = (pairs - min_count) / products * self._counts.sum()
        chosen = np.flatnonzero((scores >= threshold) & (scores > 0))
        order = chosen[np.lexsort((keys[chosen], -pairs[chosen], -scores[chosen]))].tolist()
        words = list(self._index)
        return [Collocation((words[first[n]], words[second[n]]), int(pairs[n]), float(scores[n])) for n in order]


def collocations(blocks: Iterable[EncodedText], *, min_count: int, threshold: float) -> list[Collocation]:
    """Return the collocations of some blocks: see :meth:`Collocations.best`."""
    found = Collocations()
    for block in blocks:
        found.add(block)
    return found.best(min_count=min_count, threshold=threshold)
