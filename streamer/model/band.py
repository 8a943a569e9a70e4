"""The band of window weights, and the strided views that turn windows into matrix products.

The tokens of a chunk are a sequence; the context of each is the ``w`` tokens before and after it. The sequence is cut
into tiles of ``b`` centres. The context of a tile's centres is within the ``b + 2w`` tokens around them, so one
(b, D)·(D, b + 2w) product scores a tile against its neighbours. Only the entries near its diagonal count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def tile_size(window: int) -> int:
    """Return the number of centres in a tile: 16, or more if the window would not fit into the next tile."""
    return max(16, -(-window // 8) * 8)


def window_weights(tile: int, window: int) -> Floats:
    """Return the weight of each (centre, neighbour) of a tile: (b, b + 2w) float32, (w + 1 − d)/w at distance d.

    word2vec draws a window R ~ U{1..w} for each centre; P(R ≥ d) = (w + 1 − d)/w, so the weight is the average over
    the draws. A centre is not a context of itself.
    """
    distance = np.abs(np.arange(tile + 2 * window)[None, :] - window - np.arange(tile)[:, None])
    weights = np.where((distance >= 1) & (distance <= window), (window + 1 - distance) / window, 0)
    return weights.astype(np.float32)


class Padded:
    """A sequence of vectors with ``window`` zero vectors before and after, and its views. See :func:`padded`.

    Args:
        array: (n · b + 2w, D) float32, the vectors and the zeros around them.
        tile: b.
        window: w.

    Attributes:
        rows: (n · b, D), the vectors.
        tiles: (n, b, D), the same, tile by tile.
        around: (n, b + 2w, D), each tile with its neighbours: overlapping views, without a copy.
    """

    def __init__(self, array: Floats, tile: int, window: int) -> None:
        count = (len(array) - 2 * window) // tile
        self.rows: Floats = array[window : window + count * tile]
        self.tiles: Floats = self.rows.reshape(count, tile, -1)
        self.around: Floats = overlapping(array, count, tile, tile + 2 * window)


def padded(length: int, shape: tuple[int, ...], tile: int, window: int) -> Floats:
    """Return zeros for ``length`` rows, rounded up to complete tiles, and for ``window`` rows before and after."""
    return np.zeros((-(-length // tile) * tile + 2 * window, *shape), np.float32)


def overlapping(array: npt.NDArray[Any], count: int, step: int, width: int) -> npt.NDArray[Any]:
    """Return ``count`` views of ``width`` rows, each ``step`` rows after the one before: (count, width, …)."""
    stride = array.strides[0]
    return np.lib.stride_tricks.as_strided(
        array, (count, width, *array.shape[1:]), (step * stride, stride, *array.strides[1:])
    )


class Band:
    """Window weights of the tokens of a chunk, and the transposition of a band stored tile by tile."""

    def __init__(self, length: int, tile: int, window: int) -> None:
        count = -(-length // tile)
        self._tile, self._window = tile, window
        self._template = window_weights(tile, window)
        self._segments = np.full(count * tile + 2 * window, -1, np.int32)
        self._segments_around = overlapping(self._segments, count, tile, tile + 2 * window)
        self._weights: Floats = np.zeros((count, tile, tile + 2 * window), np.float32)
        self._transposed: Floats = np.zeros((count, tile, tile + 2 * window), np.float32)

    def weights(self, segments: npt.NDArray[np.int32]) -> Floats:
        """Return the weights of a chunk, zero between segments and after its end: (n, b, b + 2w) float32."""
        b, w, m = self._tile, self._window, len(segments)
        n = -(-m // b)
        self._segments[w : w + m] = segments
        self._segments[w + m :] = -1
        around = self._segments_around[:n]
        weights = self._weights[:n]
        np.multiply(self._template, around[:, w : w + b, None] == around[:, None, :], out=weights)
        if m % b:
            weights[-1, m % b :] = 0
        return weights

    def transpose(self, values: Floats) -> Floats:
        """Return the transposed band: (n, b, b + 2w), row j of a tile has the centres around token j."""
        b, w, n = self._tile, self._window, len(values)
        # Only these entries are ever written, so all others stay zero. Exception: the last tile of a short chunk may
        # have had a neighbour in a longer chunk.
        out = self._transposed[:n]
        out[:, :, w : w + b] = values[:, :, w : w + b].transpose(0, 2, 1)
        if n > 1:
            out[1:, :w, :w] = values[:-1, b - w :, w + b :].transpose(0, 2, 1)
            out[:-1, b - w :, w + b :] = values[1:, :w, :w].transpose(0, 2, 1)
        out[-1, b - w :, w + b :] = 0
        return out
