"""The noise floor: formulas against a plain implementation, and what a random walk and a change look like to it."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict

import numpy as np
import pytest

from streamer.vectors.drift import Stretch, earlier_stretches, enough, scores, scores_and_scales, stretch


def like_unchanged(count: int, seed: int, most: int = 5_000) -> Stretch:
    """Return a stretch in which q depends on both counts, with noise that depends on them too."""
    random = np.random.default_rng(seed)
    before = np.log(random.integers(20, most, count))
    within = before + random.normal(-1, 0.3, count)
    noise = random.normal(size=count) * (0.1 + 0.3 / within.clip(1))
    return Stretch(-3 + 0.2 * before - 0.05 * within**2 + noise, before, within)


def plain_scores(asked: Stretch, earlier: list[Stretch]) -> list[float]:
    """Return scores as the formula says, with loops: a robust quadratic, then medians of cells."""
    rows = [row for part in [asked, *earlier] for row in zip(*(column.tolist() for column in part), strict=True)]
    table = np.array([[1, a, b, a * a, a * b, b * b] for _, a, b in rows])
    q = np.array([row[0] for row in rows])
    weights = np.ones(len(rows))
    for _ in range(60):
        root = np.sqrt(weights)
        fitted = np.linalg.lstsq(table * root[:, None], q * root, rcond=None)[0]
        residuals = q - table @ fitted
        middle = statistics.median(residuals.tolist())
        scale = 1.4826 * statistics.median(abs(each - middle) for each in residuals.tolist())
        weights = np.array([1 if abs(each) <= 1.345 * scale else 1.345 * scale / abs(each) for each in residuals])
    cells = defaultdict(list)
    for residual, (_, a, b) in zip(residuals.tolist(), rows, strict=True):
        cells[math.floor(a / 0.5), math.floor(b / 0.5)].append(residual)
    found = []
    for residual, (_, a, b) in zip(residuals.tolist()[: len(asked.moved)], rows, strict=False):
        peers = cells[math.floor(a / 0.5), math.floor(b / 0.5)]
        peers = peers if len(peers) >= 100 else residuals.tolist()
        middle = statistics.median(peers)
        found.append((residual - middle) / (1.4826 * statistics.median(abs(each - middle) for each in peers)))
    return found


def test_scores_are_those_of_a_plain_implementation() -> None:
    """Cells with 100 words have their own floor, and others that of all."""
    asked, earlier = like_unchanged(400, 1), [like_unchanged(900, 2), like_unchanged(300, 3, most=60)]
    asked.moved[:3] += 5
    found = scores(asked, earlier)
    np.testing.assert_allclose(found, plain_scores(asked, earlier), atol=0.01)
    assert (found[:3] > 6).all() and np.abs(found[3:]).max() < 6


def test_a_change_of_many_words_does_not_raise_the_floor() -> None:
    """Each third word changed: earlier stretches still show what is usual."""
    asked, earlier = like_unchanged(300, 1), [like_unchanged(300, seed) for seed in range(2, 10)]
    asked.moved[::3] += 5
    found = scores(asked, earlier)
    assert (found[::3] >= 6).mean() > 0.95 and np.abs(np.delete(found, slice(None, None, 3))).max() < 5


def test_scales_say_how_far_a_score_is() -> None:
    """A word that moved z scales less is at the middle of its peers: its score is 0."""
    asked, earlier = like_unchanged(400, 1), [like_unchanged(3_000, 2)]
    z, scales = scores_and_scales(asked, earlier)
    word = int(z.argmax())
    lower = asked.moved.copy()
    lower[word] -= z[word] * scales[word]
    assert scores(asked._replace(moved=lower), earlier)[word] == pytest.approx(0, abs=0.05)


def test_no_words_and_words_alike() -> None:
    """Nothing asked gives nothing; and words that all are the same have finite scores."""
    nothing = Stretch(*(np.zeros(0) for _ in range(3)))
    assert scores(nothing, [like_unchanged(50, 1)]).shape == (0,) and scores(nothing, []).shape == (0,)
    same = Stretch(np.full(5, -2.0), np.full(5, 3.0), np.full(5, 3.0))
    assert np.isfinite(scores(same, [same])).all()


def test_how_far_words_moved() -> None:
    """Q = ln(‖v₁ − v₀‖² / ln(G₁/G₀)); a word that did not move at all has a finite one."""
    before = np.array([[1, 2], [3, 4]], np.float32)
    after = np.array([[1.5, 1], [3, 4]], np.float32)
    counts = np.array([20, 30]), np.array([45, 90])
    found = stretch((before, after), counts, (np.array([2, 3], np.float32), np.array([5, 4], np.float32)))
    assert found.moved[0] == pytest.approx(math.log((0.25 + 1) / math.log(5 / 2)), rel=1e-6)
    assert math.isfinite(found.moved[1]) and found.moved[1] < -100
    np.testing.assert_allclose(found.before, [math.log(20), math.log(30)])
    np.testing.assert_allclose(found.within, [math.log(25), math.log(60)])


@pytest.mark.parametrize(
    ("before", "after", "grown", "wanted"),
    [(20, 40, 1.0, True), (19, 40, 1.0, False), (20, 39, 1.0, False), (20, 40, 0.0, False)],
)
def test_enough_text(before: int, after: int, grown: float, wanted: bool) -> None:
    """It takes 20 sightings before and 20 within, and an input vector that got a gradient."""
    squares = np.array([1], np.float32)
    found = enough((np.array([before]), np.array([after])), (squares, squares + np.float32(grown)))
    assert found.tolist() == [wanted]


def test_earlier_stretches_are_of_various_lengths() -> None:
    """Of a stream with even moments: those that the figures in the documentation were measured with."""
    wanted = [(8, 10), (6, 10), (9, 10), (6, 8), (4, 8), (7, 8), (4, 6), (5, 6)]
    assert earlier_stretches(range(0, 2_100, 100), 10, 12) == wanted
    assert earlier_stretches(range(0, 2_100, 100), 10, 20) == wanted  # not longer than a fifth of what was before


@pytest.mark.parametrize("seed", range(5))
def test_earlier_stretches_of_any_stream(seed: int) -> None:
    """They are different, eight at most, end before the asked one begins, and leave out the beginning."""
    seen = np.cumsum(np.random.default_rng(seed).pareto(1.5, 40) * 1000 + 1).astype(int).tolist()
    for first in range(len(seen) - 1):
        found = earlier_stretches(seen, first, len(seen) - 1)
        assert len(set(found)) == len(found) <= 8
        assert all(begin < end <= first and seen[begin] >= 0.3 * seen[first] for begin, end in found)
    assert earlier_stretches(seen, 0, 5) == []


@pytest.mark.parametrize(("first", "count"), [(0, 0), (1, 0), (2, 1), (3, 3)])
def test_few_moments_give_few_stretches(first: int, count: int) -> None:
    """Of moments that are far apart, each pair of the later ones is taken."""
    assert len(earlier_stretches([0, 100, 200, 300, 310], first, 4)) == count
