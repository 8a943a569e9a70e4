"""Words, their vectors and their counts, most frequent first: everything else in this package reads this table."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.vectors import similarity
from streamer.vectors.similarity import Floats

Fold = Callable[[str], str]

_PIECE = 16 * 2**20  # numbers put in order at once: 64 MB
_COLUMNS = 8  # columns at once, at least: with fewer, a pass moves more unused memory than numbers


class VectorTable:
    """The vectors of a vocabulary, most frequent word first; words seen equally often keep their order of admission.

    Nothing in it changes, so any number of threads may use it at once.

    Args:
        words: V distinct words, in order of admission.
        vectors: One row per word, (V, D) float32.
        counts: How often each word was seen, (V,) int64.
        copy: Whether to copy the vectors; if not, the array is taken over and sorted in place.
        checkpoint: The checkpoint that they were read from, if there is one.
        fold: Returns a word, as somebody types it, as it may be in the vocabulary.

    Attributes:
        index_to_key: The words, in order.
        key_to_index: The index of each word.
        vectors: Their vectors, (V, D) float32, read-only.
        counts: How often each was seen, (V,) int64, read-only.
        checkpoint: The checkpoint that they were read from, as :meth:`streamer.Trainer.save` returns it, or None.
        with_cold: Whether words are among them that left the vocabulary of the model.
        moment: The moment of the stream that was asked for with ``as_of``, or None.

    Raises:
        ValueError: If words, vectors and counts have different lengths, or a word is repeated.

    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: npt.ArrayLike,
        counts: npt.ArrayLike,
        *,
        copy: bool = True,
        checkpoint: Any = None,
        fold: Fold | None = None,
    ) -> None:
        matrix, seen = np.asarray(vectors, dtype=np.float32), np.asarray(counts, dtype=np.int64)
        if matrix.ndim != 2 or len(matrix) != len(words) or seen.shape != (len(words),):
            raise ValueError(f"{len(words)} words don't fit vectors {matrix.shape} and counts {seen.shape}")
        order = np.argsort(-seen, kind="stable")
        self.index_to_key: list[str] = [words[index] for index in order.tolist()]
        self.key_to_index: dict[str, int] = {word: index for index, word in enumerate(self.index_to_key)}
        if len(self.key_to_index) != len(words):
            raise ValueError(f"{len(words) - len(self.key_to_index)} of the words are repeated")
        self.vectors: Floats = read_only(matrix[order] if copy else _ordered(matrix, order))
        self.counts: npt.NDArray[np.int64] = read_only(seen[order])
        self.checkpoint = checkpoint
        self.with_cold = False
        self.moment: Any = None
        self._fold = fold

    def __reduce__(self) -> tuple[Any, ...]:
        # Without what is computed at first use; and an array that NumPy unpickles is not read-only.
        return _restored, (type(self), self.index_to_key, self.vectors, self.counts, self.checkpoint, self._fold)

    @property
    def vector_size(self) -> int:
        """The number of dimensions, D."""
        return int(self.vectors.shape[1])

    @functools.cached_property
    def unit_vectors(self) -> Floats:
        """All vectors scaled to length one (zeros stay), (V, D) float32, read-only; computed at first use and kept."""
        return read_only(self.vectors / self._lengths[:, None])

    @functools.cached_property
    def _lengths(self) -> Floats:
        """The lengths of the vectors, 1 for zeros, (V,) float32; with them, a query needs no second matrix."""
        return similarity.lengths(self.vectors)

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.index_to_key)

    def __contains__(self, key: object) -> bool:
        return self._find(key) is not None

    def folded(self, word: str) -> str:
        """Return a word as it is in the vocabulary: as it was typed, or else as the model's texts are converted.

        An unknown word is returned as it was converted.
        """
        return word if self._fold is None or word in self.key_to_index else self._fold(word)

    def _find(self, key: object) -> int | None:
        """Return the index of a word, as it is or as texts are converted, or an index itself; None if there is none."""
        if isinstance(key, str):
            return self.key_to_index.get(self.folded(key))
        return int(key) if similarity.is_index(key) and 0 <= key < len(self) else None


def _restored(
    cls: type[VectorTable],
    words: list[str],
    vectors: Floats,
    counts: npt.NDArray[np.int64],
    checkpoint: Any,
    fold: Fold | None = None,
) -> VectorTable:
    return cls(words, vectors, counts, copy=False, checkpoint=checkpoint, fold=fold)


def _ordered(matrix: Floats, order: npt.NDArray[np.intp]) -> Floats:
    """Sort rows in place, some columns at a time; a matrix that is in order already may be read-only."""
    if (np.diff(order) < 0).any():
        width = max(_COLUMNS, _PIECE // len(order))
        for start in range(0, matrix.shape[1], width):
            columns = slice(start, start + width)
            matrix[:, columns] = matrix[order, columns]
    return matrix


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Make an array read-only and return it."""
    array.flags.writeable = False
    return array
