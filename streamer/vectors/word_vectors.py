"""Words and their vectors, read only, under the names of gensim's ``KeyedVectors``."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from streamer.vectors import evaluation, export
from streamer.vectors.spelling import UnknownWord

Floats: TypeAlias = npt.NDArray[np.float32]
Entry: TypeAlias = str | npt.NDArray[Any]
Neighbours: TypeAlias = list[tuple[str, float]]

_PIECE = 16 * 2**20  # cosines computed at once by a batch: 64 MB


class WordVectors:
    """The vectors of a vocabulary, most frequent word first; words seen equally often keep their order of admission.

    Args:
        words: V distinct words, in order of admission.
        vectors: One row a word, (V, D) float32. Copied.
        counts: How often each word was seen, (V,) int64. Copied.

    Raises:
        ValueError: If the three do not fit each other, or a word comes twice.

    """

    def __init__(self, words: Sequence[str], vectors: npt.ArrayLike, counts: npt.ArrayLike) -> None:
        matrix, seen = np.asarray(vectors, dtype=np.float32), np.asarray(counts, dtype=np.int64)
        if matrix.ndim != 2 or len(matrix) != len(words) or seen.shape != (len(words),):
            raise ValueError(f"{len(words)} words, vectors of shape {matrix.shape} and counts of shape {seen.shape}")
        order = np.argsort(-seen, kind="stable")
        self.index_to_key: list[str] = [words[index] for index in order]
        self.key_to_index: dict[str, int] = {word: index for index, word in enumerate(self.index_to_key)}
        if len(self.key_to_index) != len(words):
            raise ValueError(f"{len(words) - len(self.key_to_index)} words come more than once")
        self.vectors: Floats = _read_only(matrix[order])
        self.counts: npt.NDArray[np.int64] = _read_only(seen[order])

    @property
    def vector_size(self) -> int:
        """Numbers in a vector."""
        return int(self.vectors.shape[1])

    @functools.cached_property
    def unit_vectors(self) -> Floats:
        """All vectors at length one, (V, D) float32, computed at first use and kept; a zero vector stays zero."""
        return _read_only(_normalised(self.vectors))

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        return word in self.key_to_index

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} words, {self.vector_size} numbers each>"

    def __getitem__(self, words: str | Sequence[str]) -> Floats:
        if isinstance(words, str):
            return self.get_vector(words)
        return self.vectors[[self._index(word) for word in words]]

    def get_vector(self, word: str, norm: bool = False) -> Floats:
        """Return a word's vector, (D,) float32, read-only; with ``norm``, at length one.

        Raises:
            UnknownWord: A :class:`KeyError`, if the word is not in the vocabulary.

        """
        vector = self.vectors[self._index(word)]
        return _read_only(_normalised(vector)) if norm else vector

    def similarity(self, first: str, second: str) -> float:
        """Return the cosine between two words. Raises :class:`UnknownWord`."""
        return float(self.get_vector(first, norm=True) @ self.get_vector(second, norm=True))

    def distance(self, first: str, second: str) -> float:
        """Return one less the cosine between two words. Raises :class:`UnknownWord`."""
        return 1.0 - self.similarity(first, second)

    @overload
    def most_similar(
        self,
        positive: Entry | Sequence[Entry] | None = None,
        negative: Entry | Sequence[Entry] | None = None,
        topn: int = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbours: ...

    @overload
    def most_similar(
        self,
        positive: Entry | Sequence[Entry] | None = None,
        negative: Entry | Sequence[Entry] | None = None,
        *,
        topn: None,
        restrict_vocab: int | None = None,
    ) -> Floats: ...

    def most_similar(
        self,
        positive: Entry | Sequence[Entry] | None = None,
        negative: Entry | Sequence[Entry] | None = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Neighbours | Floats:
        """Return the words nearest to some words and far from others, with their cosines, the nearest first.

        Compares every word's direction with the mean of the positive unit vectors and the negated negative ones
        (3CosAdd; Levy and Goldberg, 2014), exactly. The words given are never in the answer; of words equally near,
        the more frequent comes first.

        Args:
            positive: A word or a vector (D,), or several; vectors are taken as they are, not at length one.
            negative: The same.
            topn: How many words to return; None returns all cosines instead, (V,) float32, as gensim does.
            restrict_vocab: Look only at so many of the most frequent words.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.
            ValueError: If nothing is given, or a vector of another size.

        """
        if topn is not None and topn < 1:
            return []
        target, given = self._target(_entries(positive), _entries(negative))
        cosines: Floats = self.unit_vectors[: restrict_vocab or None] @ target
        return cosines if topn is None else self._nearest(cosines, given, topn)

    def similar_by_vector(
        self, vector: npt.NDArray[Any], topn: int = 10, restrict_vocab: int | None = None
    ) -> Neighbours:
        """Return the words nearest to a vector (D,), with their cosines, the nearest first."""
        return self.most_similar(positive=[vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_batch(self, words: Sequence[str], topn: int = 10) -> list[Neighbours]:
        """Return for each word what :meth:`most_similar` would, several words to a matrix product.

        Raises:
            UnknownWord: A :class:`KeyError`, if a word is not in the vocabulary.

        """
        indices = [self._index(word) for word in words]
        answers: list[Neighbours] = []
        size = max(1, _PIECE // max(1, len(self)))
        for start in range(0, len(indices), size):
            piece = indices[start : start + size]
            cosines = self.unit_vectors[piece] @ self.unit_vectors.T
            answers += [self._nearest(row, [index], topn) for index, row in zip(piece, cosines, strict=True)]
        return answers

    def evaluate_word_pairs(self, path: str | Path, **options: Any) -> evaluation.PairScores:
        """Correlate cosines with people's judgements of word pairs: see :func:`.evaluation.word_pairs`."""
        return evaluation.word_pairs(self, path, **options)

    def evaluate_word_analogies(
        self, path: str | Path, restrict_vocab: int | None = 300_000, **options: Any
    ) -> evaluation.AnalogyScores:
        """Count the analogies solved: see :func:`.evaluation.word_analogies`."""
        return evaluation.word_analogies(self, path, restrict_vocab, **options)

    def save_word2vec_format(self, path: str | Path, binary: bool = False) -> None:
        """Write the vectors as word2vec's C program did, as text or binary: see :func:`.export.write`."""
        export.write(self, path, "word2vec-binary" if binary else "word2vec")

    def _index(self, word: str) -> int:
        try:
            return self.key_to_index[word]
        except KeyError:
            raise UnknownWord(word, self.index_to_key) from None

    def _target(self, positive: list[Entry], negative: list[Entry]) -> tuple[Floats, list[int]]:
        """Return the direction that some entries point in, (D,) float32 at length one, and the words among them."""
        if not positive and not negative:
            raise ValueError("most_similar needs at least one word or vector")
        given: list[int] = []
        total = np.zeros(self.vector_size, dtype=np.float64)
        for sign, entries in ((1.0, positive), (-1.0, negative)):
            for entry in entries:
                if isinstance(entry, np.ndarray):
                    if entry.shape != (self.vector_size,):
                        raise ValueError(f"a vector has shape {entry.shape}, not ({self.vector_size},)")
                    total += sign * entry
                else:
                    total += sign * self.get_vector(entry, norm=True)
                    given.append(self.key_to_index[entry])
        return _normalised(total).astype(np.float32), given

    def _nearest(self, cosines: Floats, given: list[int], topn: int) -> Neighbours:
        """Return the ``topn`` words of the largest cosines, but those given; ties by frequency."""
        away = -cosines
        excluded = {index for index in given if index < len(away)}
        away[list(excluded)] = np.inf
        count = min(topn, len(away) - len(excluded))
        if count < 1:
            return []
        # argpartition alone would choose freely among words tied at the boundary: take all that are not beyond it.
        # "Not beyond" keeps NaN, which sorts last, from emptying the answer.
        boundary = np.partition(away, count - 1)[count - 1]
        near = np.flatnonzero(~(away > boundary))
        near = near[np.argsort(away[near], kind="stable")][:count]
        return [(self.index_to_key[index], float(cosines[index])) for index in near]


def _entries(given: Entry | Sequence[Entry] | None) -> list[Entry]:
    """Return a word, a vector, several of either or nothing as a list."""
    if given is None:
        return []
    if isinstance(given, str) or (isinstance(given, np.ndarray) and given.ndim == 1):
        return [given]
    return list(given)


def _normalised(vectors: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return vectors at length one along the last axis; zero vectors stay zero, where gensim has NaN."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array
