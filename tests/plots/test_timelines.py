"""A word over time as a picture: what is drawn is what was measured, and labels have room."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.plots import draw_timeline
from streamer.plots.timelines import COLUMNS, columns


def rows(count: int, *, one_date: bool = False) -> list[dict[str, Any]]:
    """Return moments of a word, a day apart: unknown at the first one, changed at the fifth."""
    found = []
    for number in range(count):
        known = number > 0
        found.append(
            {
                "name": f"snapshot-{number + 1}",
                "date": f"2026-11-{1 if one_date else number + 1:02}T12:00:00+00:00",
                "words_seen": 1_000 * (number + 1),
                "count": 10 * number if known else None,
                "per_million": 5.0 + number if known else None,
                "moved": (3.0 if number == 4 else 0.5) if known else None,
                "usual": 0.4 if number > 2 else None,
                "unusual": 1.5 if number > 2 else None,
                "z": 0.0 if number > 2 else None,
                "neighbours": [{"word": f"w{number}_{place}$", "cosine": 0.5} for place in range(8)] if known else [],
            }
        )
    return found


def test_what_is_drawn() -> None:
    """Frequency and distance at each date, gaps where there are none; a mark where the word changed."""
    figure = draw_timeline("$a$b", rows(9))
    figure.draw_without_rendering()
    rate, distance, names = figure.axes
    assert rate.get_title(loc="left") == "$a$b"
    at, values = rate.lines[0].get_data()
    np.testing.assert_allclose(np.diff(np.asarray(at, float)), 1)
    np.testing.assert_array_equal(np.asarray(values, float), [np.nan, *np.arange(6.0, 14.0)])
    usual, moved, changed = distance.lines
    np.testing.assert_array_equal(np.asarray(usual.get_ydata(), float), [np.nan] * 3 + [0.4] * 6)
    np.testing.assert_array_equal(np.asarray(moved.get_ydata(), float), [np.nan] + [0.5] * 3 + [3.0] + [0.5] * 4)
    assert np.asarray(changed.get_ydata()).tolist() == [3.0]
    for axes, highest in ((rate, 13), (distance, 3)):
        low, high = axes.get_ylim()
        assert low == 0 and high > highest
    written = [text.get_text().split("\n") for text in names.texts]
    assert written[-1] == [f"w8_{place}$" for place in range(5)]


def test_labels_do_not_cover_each_other() -> None:
    """However many moments there are, the boxes of the neighbours are apart, and within the picture."""
    figure = draw_timeline("a", rows(30))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[2].texts]
    assert len(boxes) >= COLUMNS - 1
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))
    assert boxes[0].x0 >= 0 and boxes[-1].x1 <= figure.bbox.x1


def test_without_a_floor_and_without_dates() -> None:
    """There is no band; and moments of one date stand at the words seen."""
    figure = draw_timeline("a", rows(3, one_date=True))
    rate, distance, names = figure.axes
    assert np.asarray(rate.lines[0].get_xdata()).tolist() == [1_000, 2_000, 3_000]
    assert names.get_xlabel() == "words seen" and len(distance.lines) == 1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_moments(count: int) -> None:
    """A line has two ends: with fewer there is an error that says so."""
    with pytest.raises(StreamerError, match="fewer than two moments know 'a'") as error:
        draw_timeline("a", rows(count))
    assert error.value.code == ExitCode.NO_INPUT


def test_which_moments_have_labels() -> None:
    """The last one that is known first, then those before it that are far enough away."""
    assert columns(np.arange(15.0), [True] * 14 + [False]) == [1, 3, 5, 7, 9, 11, 13]
    assert columns(np.array([0.0, 0.1, 7.0]), [True, True, True]) == [1, 2]
