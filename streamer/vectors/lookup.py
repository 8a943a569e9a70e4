"""To look words up: their vectors, indices, counts and means."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar, overload

import numpy as np
import numpy.typing as npt

from streamer.vectors import similarity
from streamer.vectors.similarity import Entry, Floats, Key, normalised
from streamer.vectors.spelling import UnknownWord
from streamer.vectors.table import VectorTable, read_only

Default = TypeVar("Default")


class Lookup(VectorTable):
    """A table whose vectors you can look up, by a word or by its index in the order of frequency.

    Whatever takes a key takes a word, or an integer from 0 to V - 1. All else is an unknown word: a negative number, a
    larger one, ``True``.
    """

    def __getitem__(self, key_or_keys: Key | Iterable[Key]) -> Floats:
        if isinstance(key_or_keys, str) or not isinstance(key_or_keys, Iterable):
            return self.get_vector(key_or_keys)
        return self.vectors[self._indices(key_or_keys)]

    @overload
    def get_index(self, key: Key) -> int: ...

    @overload
    def get_index(self, key: Key, default: Default) -> int | Default: ...

    def get_index(self, key: Key, default: Any = None) -> Any:
        """Return the index of a word in the order of frequency, from 0; for an unknown word, ``default``.

        Raises:
            UnknownWord: A :class:`KeyError`, if the word is not in the vocabulary and there is no default.

        """
        index = self._find(key)
        if index is None:
            index = default
        if index is None:
            raise UnknownWord(key, self.index_to_key)
        return index

    def has_index_for(self, key: Key) -> bool:
        """Return whether a word is in the vocabulary, as ``key in vectors`` does."""
        return key in self

    def get_vecattr(self, key: Key, attr: str) -> int:
        """Return how often a word was seen, for ``attr="count"``, the only attribute."""
        if attr != "count":
            raise KeyError(attr)
        return int(self.counts[self.get_index(key)])

    def get_vector(self, key: Key, norm: bool = False) -> Floats:
        """Return a word's vector, (D,) float32, read-only; with ``norm``, scaled to length one.

        Raises:
            UnknownWord: A :class:`KeyError`, if the word is not in the vocabulary.

        """
        vector = self.vectors[self.get_index(key)]
        return read_only(vector / (math.sqrt(vector @ vector) or 1.0)) if norm else vector

    @functools.cached_property
    def norms(self) -> Floats:
        """The lengths of all vectors, (V,) float32, read-only; computed at first use and kept."""
        return read_only(np.sqrt(np.einsum("ij,ij->i", self.vectors, self.vectors)))

    def fill_norms(self, force: bool = False) -> None:
        """Compute :attr:`norms` now. Vectors never change, so ``force`` changes nothing."""
        _ = self.norms

    def get_normed_vectors(self) -> Floats:
        """Return all vectors scaled to length one, (V, D) float32: :attr:`unit_vectors`."""
        return self.unit_vectors

    def get_mean_vector(
        self,
        keys: Entry | Sequence[Entry],
        weights: npt.ArrayLike | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> Floats:
        """Return the mean of some words' vectors, (D,) float32.

        Args:
            keys: A word or a vector (D,), or several; vectors are used as they are, not scaled.
            weights: One for each, (n,). The sum is divided by the sum of their absolute values.
            pre_normalize: Whether to scale the vectors of words to length one.
            post_normalize: Whether to scale the mean to length one.
            ignore_missing: Whether to leave out unknown words.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is unknown and ``ignore_missing`` is false.
            ValueError: If there are no keys, another number of weights, or a vector with other dimensions.

        """
        given = similarity.listed(keys)
        if not given:
            raise ValueError("at least one word or vector is needed")
        scales = np.ones(len(given)) if weights is None else np.asarray(weights, dtype=np.float64)
        if scales.shape != (len(given),):
            raise ValueError(f"weights have shape {scales.shape}, not ({len(given)},)")
        mean, total = np.zeros(self.vector_size), 0.0
        for key, scale in zip(given, scales.tolist(), strict=True):
            if isinstance(key, np.ndarray) or key in self or not ignore_missing:
                mean += scale * self._vector(key, pre_normalize)
                total += abs(scale)
        mean /= total or 1.0
        return (normalised(mean) if post_normalize else mean).astype(np.float32)

    def vectors_for_all(
        self, keys: Key | Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> Self:
        """Return the vectors of some words alone; unknown words are left out, and words that come again.

        Args:
            keys: The words, or their indices.
            allow_inference: Changes nothing: there are no vectors for unknown words.
            copy_vecattrs: Whether words keep their counts; then the most frequent comes first. If not, the words are in
                the order given, and the count of each is one more than that of the next.

        """
        found = (self._find(key) for key in similarity.keys(keys))
        indices = list(dict.fromkeys(index for index in found if index is not None))
        counts = self.counts[indices] if copy_vecattrs else np.arange(len(indices), 0, -1)
        words = [self.index_to_key[index] for index in indices]
        return type(self)(words, self.vectors[indices], counts, copy=False, fold=self._fold)

    def _vector(self, entry: Entry, norm: bool) -> npt.NDArray[Any]:
        """Return a given vector unchanged, or the vector of a word."""
        if not isinstance(entry, np.ndarray):
            return self.get_vector(entry, norm)
        if entry.shape != (self.vector_size,):
            raise ValueError(f"a vector has shape {entry.shape}, not ({self.vector_size},)")
        return entry

    def _indices(self, entries: Iterable[Entry]) -> list[int]:
        """Return the indices of the words among some words and vectors."""
        return [self.get_index(entry) for entry in entries if not isinstance(entry, np.ndarray)]
