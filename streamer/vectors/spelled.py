"""Vectors of words never met, or met rarely, estimated from the words most alike in spelling.

Nothing is trained or stored: the index of spellings is built from the vocabulary at first use.
"""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from streamer.vectors import evaluation, similarity
from streamer.vectors.search import Neighbours, Search
from streamer.vectors.similarity import Floats
from streamer.vectors.spelling import UnknownWord
from streamer.vectors.table import read_only

Table = TypeVar("Table", bound=Search)

LONGEST = 100
"""Characters of a word that are compared; the rest of a longer word is ignored, so that a query stays quick."""

_SHORTEST_GRAM, _LONGEST_GRAM = 3, 6
_NEIGHBOURS = 20
_SHRINK = 20  # a word seen this often has half the weight of one seen very often
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplying by it loses nothing
_START, _END = "\x02", "\x03"  # no tokenizer leaves control characters in a word


class SpellingIndex:
    """Character 3- to 6-grams of a vocabulary, with the beginning and the end of each word marked.

    Args:
        words: The vocabulary, V words. They are compared in Unicode's form NFC.

    """

    def __init__(self, words: Sequence[str]) -> None:
        hashes, owners = _grams(words)
        order = np.lexsort((owners, hashes))
        hashes, owners = hashes[order], owners[order]
        first = np.ones(len(hashes), dtype=bool)  # a gram that a word has twice counts once
        first[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
        hashes, self._owners = hashes[first], owners[first]
        self._hashes, starts, counts = np.unique(hashes, return_index=True, return_counts=True)
        self._starts = np.append(starts, len(hashes))
        self._squares = np.log((1 + len(words)) / counts) ** 2
        sums = np.bincount(self._owners, weights=np.repeat(self._squares, counts), minlength=len(words))
        self._lengths = np.sqrt(sums)
        self._lengths[self._lengths == 0] = 1
        self._unmet = math.log(1 + len(words)) ** 2

    def cosines(self, word: str) -> npt.NDArray[np.float64]:
        """Return the cosines of a spelling with those of all words, (V,) float64, 0 to 1; grams are weighted by idf."""
        wanted = np.unique(_grams([word])[0])
        products = np.zeros(len(self._lengths))
        if not len(wanted) or not len(self._hashes):
            return products
        places = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        places = places[self._hashes[places] == wanted]
        total = float(self._squares[places].sum()) + self._unmet * (len(wanted) - len(places))
        for place in places.tolist():  # a gram has a word once, so that += adds each
            products[self._owners[self._starts[place] : self._starts[place + 1]]] += self._squares[place]
        products /= self._lengths
        products /= math.sqrt(total) or 1.0
        return products


def _grams(words: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Return the hashes of all grams of some words, and the index of the word that each is from."""
    marked = [_START + unicodedata.normalize("NFC", word[:LONGEST]) + _END for word in words]
    codes = np.frombuffer("".join(marked).encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    sizes = np.array([len(each) for each in marked], dtype=np.int64)
    owners = np.repeat(np.arange(len(words)), sizes)
    left = np.repeat(np.cumsum(sizes), sizes) - np.arange(len(codes))  # characters from here to the end of the word
    mixed = codes.copy()
    hashes, whose = [], []
    for size in range(2, _LONGEST_GRAM + 1):
        if size > len(codes):
            break
        mixed = (mixed[:-1] * _FACTOR) ^ (mixed[:-1] >> np.uint64(29)) ^ codes[size - 1 :]
        if size >= _SHORTEST_GRAM:
            inside = left[: len(mixed)] >= size
            hashes.append(mixed[inside] * np.uint64(8) + np.uint64(size))
            whose.append(owners[: len(mixed)][inside])
    if not hashes:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    return np.concatenate(hashes), np.concatenate(whose)


class SpelledVectors(Generic[Table]):
    """A view of vectors that also answers for words never met. Such answers are estimates.

    Args:
        vectors: The vectors; they never change.
        blend: n₀: a word seen n times keeps n / (n + n₀) of its trained direction, the rest is from its spelling; 0
            leaves words of the vocabulary as they are.

    Raises:
        ValueError: If ``blend`` is negative or not finite.

    """

    def __init__(self, vectors: Table, blend: float = 10) -> None:
        if not (blend >= 0 and math.isfinite(blend)):
            raise ValueError(f"blend must be a number from 0, not {blend!r}")
        self._known, self.blend = vectors, blend

    def __contains__(self, key: object) -> bool:
        """Return whether a word is in the vocabulary: an estimate makes no word known."""
        return key in self._known

    @functools.cached_property
    def _index(self) -> SpellingIndex:
        return SpellingIndex(self._known.index_to_key)

    @functools.cached_property
    def _trust(self) -> npt.NDArray[np.float64]:
        counts = self._known.counts.astype(np.float64)
        return counts / (counts + _SHRINK)

    def get_vector(self, key: str, norm: bool = False) -> Floats:
        """Return a word's vector, (D,) float32, read-only; with ``norm``, scaled to length one.

        For a word never met it is v = Σ aᵢ uᵢ / Σ aᵢ over the 20 words most alike in spelling: aᵢ is cos⁴ of the
        spellings times nᵢ / (nᵢ + 20), uᵢ the unit vector, nᵢ the count. A word of the vocabulary is blended with that
        of its spelling, itself left out.

        Raises:
            UnknownWord: A :class:`KeyError`, if the word is not in the vocabulary and no word is alike in spelling.

        """
        index = self._known.get_index(key, -1)
        if index >= 0 and not self.blend:
            return self._known.get_vector(key, norm)
        word = self._known.index_to_key[index] if index >= 0 else self._known.folded(str(key))
        found = self._estimate(word, index)
        if index >= 0:
            own = self._known.get_vector(index, norm=True)
            keep = float(self._known.counts[index]) / (float(self._known.counts[index]) + self.blend)
            found = own.astype(np.float64) if found is None else keep * own + (1 - keep) * found
        if found is None:
            raise UnknownWord(key, self._known.index_to_key)
        return read_only((similarity.normalised(found) if norm else found).astype(np.float32))

    def _estimate(self, word: str, index: int) -> npt.NDArray[np.float64] | None:
        """Return the vector of a spelling, (D,), without the word of that index; None if no word is alike."""
        cosines = self._index.cosines(word)
        if index >= 0:
            cosines[index] = 0
        alike = np.flatnonzero(cosines)
        if len(alike) > _NEIGHBOURS:
            least = np.partition(cosines[alike], -_NEIGHBOURS)[-_NEIGHBOURS]
            alike = alike[cosines[alike] >= least]
            # Of equally alike words, the more frequent.
            alike = alike[np.argsort(-cosines[alike], kind="stable")][:_NEIGHBOURS]
        weights = cosines[alike] ** 4 * self._trust[alike]
        total = float(weights.sum())
        if not total:
            return None
        found: npt.NDArray[np.float64] = weights @ self._known.unit_vectors[alike] / total
        return found

    def similarity(self, w1: str, w2: str) -> float:
        """Return the cosine of two words, met or not. Raises :class:`UnknownWord` as :meth:`get_vector` does."""
        one, other = (self.get_vector(word, norm=True).astype(np.float64) for word in (w1, w2))
        return float(one @ other)

    def most_similar(self, word: str, topn: int = 10, restrict_vocab: int | None = None) -> Neighbours:
        """Return the known words nearest to a word, met or not, with cosines, the nearest first.

        Raises:
            UnknownWord: As :meth:`get_vector` does.

        """
        vector = self.get_vector(word)
        own = self._known.get_index(word, -1)
        near = self._known.most_similar([vector], topn=topn + (own >= 0), restrict_vocab=restrict_vocab)
        return [each for each in near if own < 0 or each[0] != self._known.index_to_key[own]][: max(0, topn)]

    def vectors_for_all(self, keys: Iterable[str]) -> Table:
        """Return the unit vectors of some words, met or not, as a table; words alike to none are left out.

        Words never met have the count 0, so they come last.
        """
        found = {word: vector for word in dict.fromkeys(keys) if (vector := self._vector_or_none(word)) is not None}
        at = [self._known.get_index(word, -1) for word in found]
        counts = [int(self._known.counts[index]) if index >= 0 else 0 for index in at]
        matrix = np.array(list(found.values()), dtype=np.float32).reshape(-1, self._known.vector_size)
        return type(self._known)(list(found), matrix, counts)

    def evaluate_word_pairs(self, path: str | Path, **options: Any) -> evaluation.PairScores:
        """Correlate cosines with human scores: see :func:`.evaluation.word_pairs`. Words never met are scored too."""
        return evaluation.word_pairs(self._known, path, vector_of=self._vector_or_none, **options)

    def _vector_or_none(self, word: str) -> Floats | None:
        try:
            return self.get_vector(word, norm=True)
        except UnknownWord:
            return None
