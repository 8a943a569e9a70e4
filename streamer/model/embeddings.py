"""The two embedding matrices and their optimiser rows, growing together."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

INITIAL_SQUARES = 1e-6
"""Where AdaGrad's sums of squares start: small, so that a new word's first step is a large one."""


class Matrices(NamedTuple):
    """The weights: (V, D) float32 input and output, and (V,) float32 sums of squares for each."""

    input: Floats
    output: Floats
    input_squares: Floats
    output_squares: Floats


Grown = Callable[[str, Floats, int, int], Floats]


class Embeddings:
    """Input and output vectors of each word, with the sum of squared gradients that AdaGrad keeps for each row.

    Capacity doubles when it is used up, so that growing costs O(1) a word; only new rows are initialised.

    Attributes:
        input: (capacity, D) float32, the word as centre: the vectors that users get.
        output: (capacity, D) float32, the word as context or noise.
        input_squares: (capacity,) float32, AdaGrad's running sum for each row of ``input``.
        output_squares: (capacity,) float32, the same for ``output``.
        size: Rows in use.
    """

    def __init__(self, vector_size: int) -> None:
        self.size = 0
        self._grown: Grown = _grown
        self.input: Floats = np.empty((0, vector_size), np.float32)
        self.output: Floats = np.empty((0, vector_size), np.float32)
        self.input_squares: Floats = np.empty(0, np.float32)
        self.output_squares: Floats = np.empty(0, np.float32)

    @property
    def vector_size(self) -> int:
        """Numbers in a vector."""
        return int(self.input.shape[1])

    @property
    def matrices(self) -> Matrices:
        """What an update changes; the first ``size`` rows count."""
        return Matrices(self.input, self.output, self.input_squares, self.output_squares)

    def grow(self, size: int, rng: np.random.Generator) -> None:
        """Add rows up to ``size``: input U(−½/D, ½/D) as in word2vec.c, output zero, squares at their start."""
        old, dimensions = self.size, self.vector_size
        self._reserve(size)
        self.input[old:size] = (rng.random((size - old, dimensions), np.float32) - np.float32(0.5)) / dimensions
        self.output[old:size] = 0
        self.input_squares[old:size] = INITIAL_SQUARES
        self.output_squares[old:size] = INITIAL_SQUARES
        self.size = size

    def restore(self, values: Floats, output: Floats, input_squares: Floats, output_squares: Floats) -> None:
        """Take over what a checkpoint stored: (V, D), (V, D), (V,), (V,) float32."""
        self.size = len(values)
        self.input, self.output = values, output
        self.input_squares, self.output_squares = input_squares, output_squares

    def move(self, grown: Grown) -> None:
        """Hold the matrices in memory of another kind from now on.

        Args:
            grown: Returns a matrix with room for more rows, given its name, the old one, the rows in use, and the
                number of rows to make room for.
        """
        self._grown = grown
        self._grow(len(self.input))

    def _reserve(self, size: int) -> None:
        if size > len(self.input):
            self._grow(max(1024, size, 2 * len(self.input)))

    def _grow(self, capacity: int) -> None:
        for name in Matrices._fields:
            setattr(self, name, self._grown(name, getattr(self, name), self.size, capacity))


def _grown(name: str, old: Floats, size: int, capacity: int) -> Floats:
    new = np.empty((capacity, *old.shape[1:]), np.float32)
    new[:size] = old[:size]
    return new
