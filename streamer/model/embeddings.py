"""The two embedding matrices and their AdaGrad accumulators, which grow together."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_PIECE = 1 << 14
"""Rows moved at a time."""
INITIAL_SQUARES = 1e-6
"""The first value of AdaGrad's accumulators: small, so that the first step of a new word is large."""


class _Arrays(NamedTuple):
    vectors: Floats
    squares: Floats


class Weights(_Arrays):
    """The numbers that training changes, and views of them, which are made once.

    The input and the output vector of a word are side by side: a token needs both, and one long row is read, summed and
    stored faster than two short ones.

    Attributes:
        vectors: (V, 2, D) float32, for each word its input vector (as centre) and its output vector (as context).
        squares: (V, 2) float32, AdaGrad's accumulator (sum of squared gradients) for each of them.
    """

    @functools.cached_property
    def outputs(self) -> Weights:
        """The same as 2V single vectors, (2V, 1, D) and (2V, 1): the output vector of word i has index 2i + 1."""
        return Weights(self.vectors.reshape(-1, 1, self.vectors.shape[2]), self.squares.reshape(-1, 1))

    @functools.cached_property
    def rows(self) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void]]:
        """Both arrays as vectors whose elements are rows."""
        return whole_rows(self.vectors), whole_rows(self.squares)


def row_bytes(dimensions: int) -> int:
    """Return the bytes that both vectors of a word and their accumulators take."""
    return 2 * 4 * (dimensions + 1)


def whole_rows(array: Floats) -> npt.NDArray[np.void]:
    """Return an array as a vector whose elements are rows: to store these takes two thirds of the time."""
    flat = array.reshape(len(array), -1)
    return flat.view(_row(flat.shape[1] * flat.itemsize))[:, 0]


@functools.cache
def _row(size: int) -> np.dtype[np.void]:
    return np.dtype((np.void, size))


Grown = Callable[[str, Floats, int, int], Floats]


class Embeddings:
    """Input and output vector of each word, with AdaGrad's accumulator for each.

    The capacity doubles when it is used up, so that growing costs O(1) per word; only new rows are initialised.

    Attributes:
        vectors: (capacity, 2, D) float32.
        squares: (capacity, 2) float32.
        size: Rows in use.
    """

    def __init__(self, vector_size: int) -> None:
        self.size = 0
        self._grown: Grown = _grown
        self.vectors: Floats = np.empty((0, 2, vector_size), np.float32)
        self.squares: Floats = np.empty((0, 2), np.float32)
        self._weights = Weights(self.vectors, self.squares)

    @property
    def vector_size(self) -> int:
        """The number of dimensions, D."""
        return int(self.vectors.shape[2])

    @property
    def weights(self) -> Weights:
        """The numbers that an update changes; only the first ``size`` rows are in use."""
        return self._weights

    @property
    def input(self) -> Floats:
        """The vectors of words as centres, which users get: (V, D) float32, a view."""
        return self.vectors[: self.size, 0]

    @property
    def output(self) -> Floats:
        """The vectors of words as context or noise: (V, D) float32, a view."""
        return self.vectors[: self.size, 1]

    @property
    def input_squares(self) -> Floats:
        """AdaGrad's accumulator for each row of ``input``: (V,) float32, a view."""
        return self.squares[: self.size, 0]

    @property
    def output_squares(self) -> Floats:
        """AdaGrad's accumulator for each row of ``output``: (V,) float32, a view."""
        return self.squares[: self.size, 1]

    def grow(self, size: int, rng: np.random.Generator) -> None:
        """Add rows up to ``size``: input U(−½/D, ½/D) as in word2vec.c, output 0, squares ``INITIAL_SQUARES``."""
        old, dimensions = self.size, self.vector_size
        if size > len(self.vectors):
            self._grow(max(1024, size, 2 * len(self.vectors)))
        self.vectors[old:size, 0] = (rng.random((size - old, dimensions), np.float32) - np.float32(0.5)) / dimensions
        self.vectors[old:size, 1] = 0
        self.squares[old:size] = INITIAL_SQUARES
        self.size = size

    def put(self, ids: npt.NDArray[np.int64], vectors: Floats, squares: Floats) -> None:
        """Store rows as they were once: of n words, (n, 2, D) and (n, 2) float32."""
        self.vectors[ids], self.squares[ids] = vectors, squares

    def remove(self, leaving: npt.NDArray[np.int64]) -> None:
        """Close the gaps of words that leave: those after them move up, in their order.

        Args:
            leaving: (n,) int64, ascending.
        """
        if not len(leaving):
            return
        stay = np.ones(self.size, np.bool_)
        stay[leaving] = False
        stay[: leaving[0]] = False  # these stay where they are
        kept = stay.nonzero()[0]
        for array in (self.vectors, self.squares):
            for at in range(0, len(kept), _PIECE):  # in pieces: each moves up, to where nothing is needed any more
                piece = kept[at : at + _PIECE]
                start = int(leaving[0]) + at
                array[start : start + len(piece)] = array[piece]
        self.size -= len(leaving)

    def begin(self, values: Floats, input_squares: Floats) -> None:
        """Start with input vectors, (V, D), and their accumulators, (V,) float32; the output vectors are zero."""
        new = np.zeros((1, self.vector_size), np.float32)
        self.restore(values, new, input_squares, np.full_like(input_squares, INITIAL_SQUARES))

    def restore(self, values: Floats, output: Floats, input_squares: Floats, output_squares: Floats) -> None:
        """Copy the arrays of a checkpoint: (V, D), (V, D), (V,), (V,) float32."""
        self.size = len(values)
        self._grow(self.size)
        self.vectors[:, 0], self.vectors[:, 1] = values, output
        self.squares[:, 0], self.squares[:, 1] = input_squares, output_squares

    def move(self, grown: Grown) -> None:
        """Move the matrices into memory of another kind, and keep them there when they grow.

        Args:
            grown: Returns a larger matrix. Its arguments are the name, the old matrix, the number of rows in use, and
                the new number of rows.
        """
        self._grown = grown
        self._grow(len(self.vectors))

    def _grow(self, capacity: int) -> None:
        used = min(self.size, len(self.vectors))
        for name in Weights._fields:
            setattr(self, name, self._grown(name, getattr(self, name), used, capacity))
        self._weights = Weights(self.vectors, self.squares)


def _grown(name: str, old: Floats, used: int, capacity: int) -> Floats:
    new = np.empty((capacity, *old.shape[1:]), np.float32)
    new[:used] = old[:used]
    return new
