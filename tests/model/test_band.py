"""The band of window weights against enumeration, and its transposition against a dense matrix."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from streamer.model.band import Padded, padded, tile_size, window_weights

from .reference import product_band

WINDOWS = [1, 2, 5, 8, 17, 20]


@pytest.mark.parametrize("window", [*range(1, 41), 100])
def test_a_tile_has_room_for_its_window(window: int) -> None:
    """Tokens of a window lie in the tile or in the ones beside it, never further."""
    assert tile_size(window) >= max(16, window)


@pytest.mark.parametrize("window", WINDOWS)
def test_weights_are_what_a_random_window_gives_on_average(window: int) -> None:
    """The weight of a pair is the share of the draws R of 1..w in which word2vec would train it."""
    tile = tile_size(window)
    weights = window_weights(tile, window)
    assert weights.shape == (tile, tile + 2 * window)
    for centre in range(tile):
        for column in range(tile + 2 * window):
            distance = abs(column - window - centre)
            trained = [0 < distance <= drawn for drawn in range(1, window + 1)]
            assert weights[centre, column] == pytest.approx(sum(trained) / window, abs=1e-7)


def dense(band: npt.NDArray[np.float32], length: int, window: int) -> npt.NDArray[np.float32]:
    """Return a band stored tile by tile as a (length, length) matrix; nothing may stand outside of it."""
    tiles, tile, width = band.shape
    matrix = np.zeros((tiles * tile, tiles * tile), np.float32)
    for t in range(tiles):
        for row in range(tile):
            for column in range(width):
                if value := band[t, row, column]:
                    matrix[t * tile + row, t * tile + column - window] = value
    assert not matrix[length:].any()
    assert not matrix[:, length:].any()
    return matrix[:length, :length]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("length", [1, 15, 16, 40, 64])
def test_weights_of_a_chunk(window: int, length: int) -> None:
    """A pair weighs (w + 1 − d)/w within a segment, and nothing across segments or past the end of the chunk."""
    band = product_band(64, window)
    band.weights(np.zeros(64, np.int32))  # a chunk before this one, which must leave nothing behind
    segments = np.sort(np.random.default_rng(length).integers(0, 4, length)).astype(np.int32)
    found = dense(band.weights(segments).copy(), length, window)
    for i in range(length):
        for j in range(length):
            near = 0 < abs(i - j) <= window and segments[i] == segments[j]
            assert found[i, j] == pytest.approx((window + 1 - abs(i - j)) / window if near else 0, abs=1e-7)


@pytest.mark.parametrize("window", WINDOWS)
def test_transposition(window: int) -> None:
    """Transposed tile by tile, a band is the transposed dense matrix, for a short chunk after a long one too."""
    band = product_band(96, window)
    rng = np.random.default_rng(window)
    for length in (96, 33, 16, 5, 70):
        weights = band.weights(np.zeros(length, np.int32))
        values = np.where(weights > 0, rng.normal(size=weights.shape), 0).astype(np.float32)
        expected = dense(values, length, window).T
        np.testing.assert_array_equal(dense(band.transpose(values).copy(), length, window), expected)


@pytest.mark.parametrize("which", [0, 1])
def test_tiles_and_their_neighbourhoods_are_views(which: int) -> None:
    """What is written to the rows is seen, at once, by the tiles and by the tiles around; every other row is zero."""
    both = padded(5, (2, 2), tile=2, window=3)
    assert both.shape == (12, 2, 2)
    found = Padded(both[:, which], tile=2, window=3)
    found.rows[:] = np.arange(1, 13).reshape(6, 2)
    assert both.sum() == found.rows.sum()
    np.testing.assert_array_equal(found.tiles[1], [[5, 6], [7, 8]])
    assert found.around.shape == (3, 8, 2)
    row = [[0, 0]] * 3 + found.rows.tolist() + [[0, 0]] * 3
    for tile in range(3):
        np.testing.assert_array_equal(found.around[tile], row[2 * tile : 2 * tile + 8])
