"""Principal components: against eigenvectors of the covariance, known shapes, and what has no second direction."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.vectors.projection import principal_components


@pytest.fixture
def rows() -> np.ndarray:
    """Return 60 rows of 7 numbers, correlated, of different spread, and far from zero."""
    random = np.random.default_rng(1)
    return random.normal(size=(60, 7)) @ random.normal(size=(7, 7)) + 100 * random.normal(size=7)


def test_eigenvectors_of_the_covariance(rows: np.ndarray) -> None:
    """The variance along each axis is an eigenvalue of the covariance, and the shares are those of their sum."""
    coordinates, shares = principal_components(rows, count=3)
    values, directions = np.linalg.eigh(np.cov(rows, rowvar=False))
    assert coordinates.shape == (60, 3) and coordinates.dtype == np.float64
    np.testing.assert_allclose(coordinates.var(axis=0, ddof=1), values[::-1][:3])
    np.testing.assert_allclose(shares, values[::-1][:3] / values.sum())
    expected = (rows - rows.mean(axis=0)) @ directions[:, ::-1][:, :3]
    np.testing.assert_allclose(np.abs(coordinates), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(coordinates.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.cov(coordinates, rowvar=False)[np.triu_indices(3, 1)], 0, atol=1e-9)


def test_all_components_keep_all_distances(rows: np.ndarray) -> None:
    """With as many directions as numbers, nothing is lost but the mean."""
    coordinates, shares = principal_components(rows, count=7)
    for one, other in ((0, 1), (5, 59)):
        distance = np.linalg.norm(rows[one] - rows[other])
        assert np.linalg.norm(coordinates[one] - coordinates[other]) == pytest.approx(distance)
    assert shares.sum() == pytest.approx(1)
    assert (np.diff(shares) <= 0).all()


def test_a_known_rectangle() -> None:
    """Corners of a rectangle of 6 × 2 that lies askew in space come out as its corners."""
    corners = np.array([(3, 1), (3, -1), (-3, 1), (-3, -1)])
    plane = np.array([(2, 2, 1), (-2, 1, 2)]) / 3
    coordinates, shares = principal_components(corners @ plane + (5, 6, 7))
    np.testing.assert_allclose(np.abs(coordinates), np.abs(corners))
    np.testing.assert_allclose(shares, [0.9, 0.1])
    # Of (2, 2, 1)/3 the first of two largest is positive already; (−2, 1, 2)/3 has two of opposite sign.
    np.testing.assert_allclose(coordinates[:, 0], corners[:, 0])


def test_signs_are_settled(rows: np.ndarray) -> None:
    """The largest number of each direction is positive: the order of the rows does not turn the picture round."""
    coordinates, _ = principal_components(rows)
    order = np.random.default_rng(2).permutation(60)
    again, _ = principal_components(rows[order])
    np.testing.assert_allclose(again, coordinates[order], atol=1e-9)
    np.testing.assert_allclose(principal_components(-rows)[0], -coordinates, atol=1e-9)
    line = np.outer(np.arange(5.0), [1, -3, 2])  # its largest is negative
    assert (np.diff(principal_components(line)[0][:, 0]) < 0).all()


@pytest.mark.parametrize(
    ("rows", "shares"),
    [([[1, 2, 3]], [0, 0]), ([[1, 2]] * 4, [0, 0]), ([[1], [2], [4]], [1, 0]), ([[0, 0], [3, 4]], [1, 0])],
    ids=["one row", "rows alike", "one number", "two rows"],
)
def test_directions_that_are_missing(rows: list[list[int]], shares: list[int]) -> None:
    """Where there is no second direction, or no first, coordinates and share are zero, and nothing is NaN."""
    coordinates, found = principal_components(np.array(rows, dtype=np.float32))
    np.testing.assert_allclose(found, shares, atol=1e-12)
    assert coordinates.shape == (len(rows), 2)
    for axis, share in enumerate(shares):
        assert bool(np.abs(coordinates[:, axis]).max() > 1e-6) == bool(share)


def test_rows_stay_as_they_are(rows: np.ndarray) -> None:
    """What is projected is not changed."""
    before = rows.copy()
    principal_components(rows)
    assert (rows == before).all()
