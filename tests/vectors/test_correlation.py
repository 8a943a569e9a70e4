"""Correlation coefficients: by hand, and as SciPy has them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from streamer.vectors.correlation import pearson, ranks, spearman


def test_ranks_share_ties() -> None:
    """Equal values share the mean of their ranks."""
    assert ranks([10, 30, 20, 30, 30, 20]).tolist() == [1, 5, 2.5, 5, 5, 2.5]
    assert ranks([]).tolist() == []


def test_correlations_equal_scipy() -> None:
    """Both coefficients are SciPy's, with and without ties."""
    random = np.random.default_rng(1)
    for top in (4, 10**6):
        x, y = random.integers(0, top, size=(2, 200)) * 1.0
        assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y)[0], abs=1e-12)
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y)[0], abs=1e-12)


def test_spearman_is_scipys_to_the_last_digit() -> None:
    """Ranks with ties and without, however many: the very same number; NaN where there is none."""
    random = np.random.default_rng(1)
    for number in range(300):
        size = int(random.integers(2, 60))
        x, y = random.integers(0, 5 + number, size), random.normal(size=size).round(number % 3)
        if np.ptp(x) and np.ptp(y):
            assert spearman(x, y) == stats.spearmanr(x, y)[0]
    assert math.isnan(spearman([1, 2, 3], [4, 4, 4]))
    assert math.isnan(spearman([1], [2]))


@pytest.mark.parametrize("measure", [pearson, spearman])
def test_known_numbers(measure: object) -> None:
    """The same order is 1, the opposite is −1, and the two arguments may change places."""
    assert callable(measure)
    assert measure([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert measure([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert measure([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(0.8)
    assert measure([1, 3, 2, 4], [1, 2, 3, 4]) == pytest.approx(0.8)


def test_spearman_looks_at_the_order_only() -> None:
    """However unequal the steps; Pearson's coefficient looks at them."""
    x, y = [1, 2, 3, 4], [1, 10, 100, 1000]
    assert spearman(x, y) == pytest.approx(1)
    assert 0.7 < pearson(x, y) < 0.9


@pytest.mark.parametrize("measure", [pearson, spearman])
@pytest.mark.parametrize(("first", "second"), [([], []), ([1], [2]), ([1, 2, 3], [4, 4, 4]), ([4, 4], [1, 2])])
def test_what_has_no_correlation_is_no_number(measure: object, first: list[int], second: list[int]) -> None:
    """Fewer than two pairs, or values that are all the same; and no warning, which would be an error here."""
    assert callable(measure)
    assert math.isnan(measure(first, second))


def test_pearson_never_leaves_its_bounds() -> None:
    """Rounding makes no correlation of more than one."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        x = rng.normal(size=5)
        assert -1.0 <= pearson(x, -3 * x) <= pearson(x, 3 * x) <= 1.0
