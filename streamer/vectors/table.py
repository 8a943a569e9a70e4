"""Words, their vectors and their counts, most frequent first: what everything else in this room reads."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.vectors import similarity
from streamer.vectors.similarity import Floats

_PIECE = 16 * 2**20  # numbers put in order at once: 64 MB
_COLUMNS = 8  # at least so many at once: with fewer, each pass moves more memory around the numbers than numbers


class VectorTable:
    """The vectors of a vocabulary, most frequent word first; words seen equally often keep their order of admission.

    Nothing in it changes, so any number of threads may ask at once.

    Args:
        words: V distinct words, in order of admission.
        vectors: One row a word, (V, D) float32.
        counts: How often each word was seen, (V,) int64.
        copy: Whether to copy the vectors; if not, they are taken over, and put in order where they lie.
        checkpoint: What they were read from, if they were.

    Attributes:
        index_to_key: The words, in order.
        key_to_index: The place of each word.
        vectors: Their vectors, (V, D) float32, read-only.
        counts: How often each was seen, (V,) int64, read-only.
        checkpoint: The checkpoint that they were read from, as :meth:`streamer.Trainer.save` returns it, or None.

    Raises:
        ValueError: If words, vectors and counts do not fit each other, or a word comes twice.

    """

    def __init__(
        self,
        words: Sequence[str],
        vectors: npt.ArrayLike,
        counts: npt.ArrayLike,
        *,
        copy: bool = True,
        checkpoint: Any = None,
    ) -> None:
        matrix, seen = np.asarray(vectors, dtype=np.float32), np.asarray(counts, dtype=np.int64)
        if matrix.ndim != 2 or len(matrix) != len(words) or seen.shape != (len(words),):
            raise ValueError(f"{len(words)} words, vectors of shape {matrix.shape} and counts of shape {seen.shape}")
        order = np.argsort(-seen, kind="stable")
        self.index_to_key: list[str] = [words[index] for index in order.tolist()]
        self.key_to_index: dict[str, int] = {word: index for index, word in enumerate(self.index_to_key)}
        if len(self.key_to_index) != len(words):
            raise ValueError(f"{len(words) - len(self.key_to_index)} words come more than once")
        self.vectors: Floats = read_only(matrix[order] if copy else _ordered(matrix, order))
        self.counts: npt.NDArray[np.int64] = read_only(seen[order])
        self.checkpoint = checkpoint

    def __reduce__(self) -> tuple[Any, ...]:
        # Not what is computed at first use; and NumPy forgets what is read-only.
        return _restored, (type(self), self.index_to_key, self.vectors, self.counts, self.checkpoint)

    @property
    def vector_size(self) -> int:
        """Numbers in a vector."""
        return int(self.vectors.shape[1])

    @functools.cached_property
    def unit_vectors(self) -> Floats:
        """All vectors at length one, (V, D) float32, read-only; computed at first use and kept. Zeros stay zeros."""
        return read_only(self.vectors / self._lengths[:, None])

    @functools.cached_property
    def _lengths(self) -> Floats:
        """What the vectors are divided by, (V,) float32; with it, a query needs no second matrix."""
        return similarity.lengths(self.vectors)

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        return word in self.key_to_index


def _restored(
    cls: type[VectorTable], words: list[str], vectors: Floats, counts: npt.NDArray[np.int64], checkpoint: Any
) -> VectorTable:
    return cls(words, vectors, counts, copy=False, checkpoint=checkpoint)


def _ordered(matrix: Floats, order: npt.NDArray[np.intp]) -> Floats:
    """Put rows in order where they lie, some columns at a time; those in order already may be read-only."""
    if (np.diff(order) < 0).any():
        width = max(_COLUMNS, _PIECE // len(order))
        for start in range(0, matrix.shape[1], width):
            columns = slice(start, start + width)
            matrix[:, columns] = matrix[order, columns]
    return matrix


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array after making it read-only."""
    array.flags.writeable = False
    return array
