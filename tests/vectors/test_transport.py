"""The least cost of moving a supply to a demand is that of linear programming."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.vectors.transport import least_cost

from ..support.optimal_transport import emd2


def cut(random: np.random.Generator, total: int, parts: int) -> np.ndarray:
    """Return some integers, zeros among them, with a given sum."""
    return np.bincount(random.integers(0, parts, size=total), minlength=parts)


@pytest.mark.parametrize("seed", range(60))
def test_it_is_that_of_linear_programming(seed: int) -> None:
    """For few or many sources and sinks, amounts that are zero or large, and costs with ties and zeros."""
    random = np.random.default_rng(seed)
    n, m = random.integers(1, 13, size=2).tolist()
    total = int(random.integers(1, 200))
    costs = random.random((n, m)) if seed % 2 else random.integers(0, 4, size=(n, m)).astype(float)
    supply, demand = cut(random, total, n), cut(random, total, m)
    assert least_cost(supply, demand, costs) == pytest.approx(emd2(supply, demand, costs), abs=1e-8)


def test_by_hand() -> None:
    """What is where it is wanted stays; the rest goes the cheaper way, though another is nearer to one of them."""
    assert least_cost(np.array([2, 3]), np.array([2, 3]), np.array([[0.0, 1.0], [1.0, 0.0]])) == 0.0
    assert least_cost(np.array([1, 1]), np.array([1, 1]), np.array([[1.0, 2.0], [1.0, 5.0]])) == 3.0
    assert least_cost(np.array([5]), np.array([5]), np.array([[2.0]])) == 10.0
    assert least_cost(np.array([0]), np.array([0]), np.array([[2.0]])) == 0.0


def test_what_is_given_stays_as_it_is() -> None:
    """Nothing is written into the arrays."""
    supply, demand, costs = np.array([2, 1]), np.array([1, 2]), np.array([[1.0, 2.0], [3.0, 4.0]])
    before = [array.copy() for array in (supply, demand, costs)]
    least_cost(supply, demand, costs)
    assert all(np.array_equal(*pair) for pair in zip((supply, demand, costs), before, strict=True))
