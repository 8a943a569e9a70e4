"""Copies of what training changes, so that a checkpoint is written while it goes on: training waits only for the copy.

Most of a copy's time goes to memory that the system has to find and clear first. So room for a large copy is made
beforehand, in another thread, and all cores copy. What is cheap to copy but not to convert is converted when it is
written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model.embeddings import Embeddings
from streamer.settings import available_cores

Floats = npt.NDArray[np.float32]

LARGE = 32 << 20
"""Bytes of vectors from which on it pays to make room beforehand."""
PIECE = 4 << 20
"""Bytes that are written at a time."""


class Room:
    """Memory for a copy of both matrices, and the copy.

    Args:
        embeddings: What will be copied; it may change and grow until then.
    """

    def __init__(self, embeddings: Embeddings) -> None:
        self._arrays = [np.empty_like(array) for array in _both(embeddings)]
        for array in self._arrays:
            array[: embeddings.size] = 0  # writing is what makes the system find memory

    def copy(self, embeddings: Embeddings) -> dict[str, Column]:
        """Return the matrices as they are now, by their names in a checkpoint.

        Raises:
            MemoryError: If they have outgrown the room, and there is no more.
        """
        size, threads = embeddings.size, available_cores()
        step = max(1, -(-size // threads))  # one long piece for each: the C library copies those past the cache
        with ThreadPoolExecutor(threads) as pool:
            copied = []
            for number, array in enumerate(_both(embeddings)):
                if len(self._arrays[number]) < size:
                    self._arrays[number] = np.empty_like(array)
                spans = [slice(at, min(at + step, size)) for at in range(0, size, step)]
                copied += [pool.submit(np.copyto, self._arrays[number][span], array[span]) for span in spans]
            for done in copied:
                done.result()
        vectors, squares = (array[:size] for array in self._arrays)
        return {
            "input": Column(vectors, 0),
            "output": Column(vectors, 1),
            "input_squares": Column(squares, 0),
            "output_squares": Column(squares, 1),
        }


class Column:
    """One of two arrays that are side by side in memory; a :class:`~streamer.checkpoints.image.Pieces`.

    Args:
        both: (V, 2, …), not to be changed.
        which: 0 or 1.
    """

    def __init__(self, both: Floats, which: int) -> None:
        self._both, self._which = both, which
        self.dtype: np.dtype[Any] = both.dtype
        self.shape: tuple[int, ...] = (len(both), *both.shape[2:])

    def pieces(self) -> Iterator[Floats]:
        """Yield the array in pieces."""
        step = _rows(self._both)
        for at in range(0, len(self._both), step):
            yield self._both[at : at + step, self._which]


class Copied:
    """An array that is a copy already, and is not copied again; a :class:`~streamer.checkpoints.image.Pieces`.

    Args:
        array: The array, not to be changed.
    """

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self._array = array
        self.dtype, self.shape = array.dtype, array.shape

    def pieces(self) -> Iterator[npt.NDArray[Any]]:
        """Yield the array."""
        yield self._array


@attrs.frozen
class Later:
    """Leaves that are made when they are written; a :class:`~streamer.checkpoints.image.Group`.

    Attributes:
        leaves: Makes them, of what nobody changes.
    """

    leaves: Callable[[], Mapping[str, Any]]


def large(embeddings: Embeddings) -> bool:
    """Return whether training should not wait until there is room for a copy."""
    return sum(array[: embeddings.size].nbytes for array in _both(embeddings)) >= LARGE


def _both(embeddings: Embeddings) -> tuple[Floats, Floats]:
    return embeddings.vectors, embeddings.squares


def _rows(array: Floats) -> int:
    return max(1, PIECE // max(1, array[:1].nbytes))
