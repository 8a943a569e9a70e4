"""Words and their vectors, read-only, under the names of gensim's ``KeyedVectors``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, overload

import numpy as np
import numpy.typing as npt

from streamer.vectors import evaluation, export, similarity
from streamer.vectors.similarity import Entry, Floats, Weighted, entries, normalised
from streamer.vectors.spelling import UnknownWord
from streamer.vectors.table import VectorTable, read_only
from streamer.vectors.word2vec_files import read_word2vec_format

Neighbours: TypeAlias = list[tuple[str, float]]
Default = TypeVar("Default")

_PIECE = 16 * 2**20  # cosines computed at once by a batch: 64 MB


class WordVectors(VectorTable):
    """A table of vectors with queries, under the names of gensim's ``KeyedVectors``."""

    @classmethod
    def load_word2vec_format(
        cls, path: str | Path, binary: bool | None = None, limit: int | None = None
    ) -> WordVectors:
        """Return the vectors of a file of word2vec or GloVe: see :func:`.word2vec_files.read_word2vec_format`.

        Such files have no counts: as in gensim, the count of each word is one more than that of the next.
        """
        found = read_word2vec_format(path, limit, binary)
        return cls(found.words, found.vectors, np.arange(len(found.words), 0, -1), copy=False)

    def __repr__(self) -> str:
        source = f", from {self.checkpoint.name}" if self.checkpoint else ""
        return f"<{type(self).__name__}: {len(self):,} words, {self.vector_size} dimensions{source}>"

    def __getitem__(self, words: str | Iterable[str]) -> Floats:
        if isinstance(words, str) or not isinstance(words, Iterable):
            return self.get_vector(words)
        return self.vectors[self._indices(words)]

    @overload
    def get_index(self, word: str) -> int: ...

    @overload
    def get_index(self, word: str, default: Default) -> int | Default: ...

    def get_index(self, word: str, default: Any = None) -> Any:
        """Return the index of a word in the order of frequency, from 0; for an unknown word, ``default``.

        Raises:
            UnknownWord: A :class:`KeyError`, if the word is not in the vocabulary and there is no default.

        """
        index = self.key_to_index.get(word)
        if index is None:
            index = self.key_to_index.get(self.spelled(word), default) if isinstance(word, str) else default
        if index is None:
            raise UnknownWord(word, self.index_to_key)
        return index

    def has_index_for(self, word: str) -> bool:
        """Return whether a word is in the vocabulary, as ``word in vectors`` does."""
        return word in self

    def get_vecattr(self, word: str, attr: str) -> int:
        """Return how often a word was seen, for ``attr="count"``, the only attribute."""
        if attr != "count":
            raise KeyError(attr)
        return int(self.counts[self.get_index(word)])

    def get_vector(self, word: str, norm: bool = False) -> Floats:
        """Return a word's vector, (D,) float32, read-only; with ``norm``, scaled to length one.

        Raises:
            UnknownWord: A :class:`KeyError`, if the word is not in the vocabulary.

        """
        vector = self.vectors[self.get_index(word)]
        return read_only(vector / (math.sqrt(vector @ vector) or 1.0)) if norm else vector

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
        given = entries(keys)
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

    def similarity(self, first: str, second: str) -> float:
        """Return the cosine similarity of two words. Raises :class:`UnknownWord`."""
        one, other = self.get_vector(first), self.get_vector(second)
        scale = math.sqrt(float(one @ one) * float(other @ other))
        return float(one @ other) / scale if scale else 0.0

    def distance(self, first: str, second: str) -> float:
        """Return one minus the cosine similarity of two words. Raises :class:`UnknownWord`."""
        return 1.0 - self.similarity(first, second)

    def n_similarity(self, first: str | Sequence[str], second: str | Sequence[str]) -> float:
        """Return the cosine similarity of the means of two lists of words; unknown words are left out."""
        one, other = (self.get_mean_vector(words, None, pre_normalize=False) for words in (first, second))
        return float(normalised(one) @ normalised(other))

    def distances(self, word_or_vector: Entry, other_words: Sequence[str] = ()) -> Floats:
        """Return one minus the cosine to each of some words, (n,) float32; to all, (V,), if none are given."""
        direction = normalised(self._vector(word_or_vector, norm=False)).astype(np.float32)
        if not len(other_words):
            return 1 - self._cosines(direction)
        return 1 - normalised(self[other_words]) @ direction

    def rank(self, first: str, second: str) -> int:
        """Return the rank of the second word among the neighbours of the first, from 1."""
        distances = self.distances(first)
        closer = distances < distances[self.get_index(second)]
        closer[self.get_index(first)] = False
        return int(np.count_nonzero(closer)) + 1

    def most_similar_to_given(self, word: str, words: Sequence[str]) -> str:
        """Return which of some words is nearest to a word; of equally near ones, the first."""
        if not words:
            raise ValueError("most_similar_to_given needs at least one word to choose from")
        return words[int(np.argmin(self.distances(word, words)))]

    def doesnt_match(self, words: Sequence[str]) -> str:
        """Return which of some words is farthest from their mean; unknown words are left out."""
        known: list[str] = [word for word in entries(words) if word in self]
        if not known:
            raise ValueError("doesnt_match needs at least one known word")
        cosines = normalised(self[known]) @ self.get_mean_vector(known, post_normalize=True)
        return min(zip(cosines.tolist(), known, strict=True))[1]

    @overload
    def most_similar(
        self,
        positive: Weighted | Sequence[Weighted] | None = None,
        negative: Weighted | Sequence[Weighted] | None = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbours: ...

    @overload
    def most_similar(
        self,
        positive: Weighted | Sequence[Weighted] | None = None,
        negative: Weighted | Sequence[Weighted] | None = None,
        *,
        topn: None,
        restrict_vocab: int | None = None,
    ) -> Floats: ...

    def most_similar(
        self,
        positive: Weighted | Sequence[Weighted] | None = None,
        negative: Weighted | Sequence[Weighted] | None = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbours | Floats:
        """Return the words nearest to some words and far from others, with their cosines, the nearest first.

        Every word is compared exactly with the mean of the positive unit vectors and the negated negative ones
        (3CosAdd; Levy and Goldberg, 2014). The given words are never in the result. Of equally near words, the more
        frequent comes first.

        Args:
            positive: A word or a vector (D,), or several; vectors are used as they are, not scaled. Each may be a tuple
                with its weight, ``("king", 0.5)``; the default weight is 1.
            negative: The same; the default weight is -1, and a given weight keeps its sign.
            topn: How many words to return; None returns all cosines instead, (V,) float32, as gensim does.
            restrict_vocab: Compare only this many of the most frequent words.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.
            ValueError: If nothing is given, or a vector has other dimensions.

        """
        if topn is not None and topn < 1:
            return []
        given, weights = similarity.weighted(entries(positive), entries(negative))
        target = self.get_mean_vector(given, weights, post_normalize=True, ignore_missing=False)
        cosines = self._cosines(target, restrict_vocab)
        return cosines if topn is None else self._named(cosines, self._indices(given), topn)

    def similar_by_word(self, word: str, topn: int = 10, restrict_vocab: int | None = None) -> Neighbours:
        """Return the words nearest to a word, as :meth:`most_similar` does."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_vector(
        self, vector: npt.NDArray[Any], topn: int = 10, restrict_vocab: int | None = None
    ) -> Neighbours:
        """Return the words nearest to a vector (D,), as :meth:`most_similar` does."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_batch(
        self, words: Sequence[Entry] | npt.NDArray[Any], topn: int = 10, restrict_vocab: int | None = None
    ) -> list[Neighbours]:
        """Return for each word or vector the result of :meth:`most_similar`; one matrix product computes many.

        Args:
            words: Words, vectors (D,), both, or an array of vectors, (n, D).
            topn: How many neighbours of each.
            restrict_vocab: Compare only this many of the most frequent words.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.
            ValueError: If a vector has other dimensions.

        """
        answers: list[Neighbours] = []
        given = entries(words)
        directions = np.zeros((len(given), self.vector_size), dtype=np.float32)
        for row, entry in enumerate(given):
            directions[row] = normalised(self._vector(entry, norm=False))
        vectors, lengths = (each[: restrict_vocab or None] for each in (self.vectors, self._lengths))
        size = max(1, _PIECE // max(1, len(vectors)))
        for start in range(0, len(given), size):
            products = directions[start : start + size] @ vectors.T
            for entry, row in zip(given[start : start + size], products, strict=True):
                row /= lengths  # noqa: PLW2901 - in place
                answers.append(self._named(row, self._indices([entry]), topn))
        return answers

    def evaluate_word_pairs(self, path: str | Path, **options: Any) -> evaluation.PairScores:
        """Correlate cosines with human scores of word pairs: see :func:`.evaluation.word_pairs`."""
        return evaluation.word_pairs(self, path, **options)

    def evaluate_word_analogies(
        self, path: str | Path, restrict_vocab: int | None = 300_000, **options: Any
    ) -> evaluation.AnalogyScores:
        """Count the solved analogies: see :func:`.evaluation.word_analogies`."""
        return evaluation.word_analogies(self, path, restrict_vocab, **options)

    def save_word2vec_format(self, path: str | Path, binary: bool = False) -> None:
        """Write the vectors in word2vec's text or binary format: see :func:`.export.write`."""
        export.write(self, path, "word2vec-binary" if binary else "word2vec")

    def _cosines(self, direction: Floats, restrict_vocab: int | None = None) -> Floats:
        """Return the cosines between the most frequent words and a unit vector, (D,)."""
        looked_at = slice(restrict_vocab or None)
        cosines: Floats = self.vectors[looked_at] @ direction
        cosines /= self._lengths[looked_at]
        return cosines

    def _vector(self, entry: Entry, norm: bool) -> npt.NDArray[Any]:
        """Return a given vector unchanged, or the vector of a word."""
        if not isinstance(entry, np.ndarray):
            return self.get_vector(entry, norm)
        if entry.shape != (self.vector_size,):
            raise ValueError(f"a vector has shape {entry.shape}, not ({self.vector_size},)")
        return entry

    def _indices(self, words: Iterable[Entry]) -> list[int]:
        """Return the indices of the words among some words and vectors."""
        return [self.get_index(word) for word in words if not isinstance(word, np.ndarray)]

    def _named(self, cosines: Floats, given: Iterable[int], topn: int) -> Neighbours:
        found = similarity.nearest(cosines, given, topn)
        words = [self.index_to_key[index] for index in found.tolist()]
        return list(zip(words, cosines[found].tolist(), strict=True))
