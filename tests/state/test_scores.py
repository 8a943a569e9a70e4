"""Scores over the stream stay few, cover all of it, and come back."""

from __future__ import annotations

import numpy as np

from streamer.state.scores import LIMIT, Score, Scores


def test_scores_stay_few_and_keep_the_last() -> None:
    """However many moments, there are fewer rows than the limit, the newest among them, whole moments, in order."""
    scores = Scores()
    for number in range(1, 3 * LIMIT):
        scores.add([Score(number, test, number / 1e6, 5, 6) for test in ("pairs a", "analogies b")])
        assert len(scores.rows) < LIMIT
        assert [row.words_trained for row in scores.rows[-2:]] == [number, number]
    moments = [row.words_trained for row in scores.rows]
    assert moments == sorted(moments) and moments[::2] == moments[1::2]
    assert len(moments) > LIMIT / 4
    assert [row.test for row in scores.latest()] == ["pairs a", "analogies b"]


def test_scores_of_a_long_stream_cover_all_of_it() -> None:
    """After a hundred thousand moments no tenth of the stream has lost its curve; what came last is there whole."""
    scores = Scores()
    for number in range(1, 100_001):
        scores.add([Score(1_000_000 * number, "pairs a", 0.5, 5, 6)])
    tenths = np.histogram([row.words_trained for row in scores.rows], bins=10, range=(0, 1e11))[0]
    assert tenths.min() >= 100
    assert tenths[:-1].max() <= 2 * tenths[:-1].min()


def test_scores_that_began_late_are_thinned_no_more_than_others() -> None:
    """Who scores a model only after 100 thousand million words keeps as much of the curve as anyone."""
    scores = Scores()
    for number in range(1, LIMIT + 1):
        scores.add([Score(10**11 + 1_000_000 * number, "pairs a", 0.5, 5, 6)])
    assert LIMIT / 5 < len(scores.rows) <= LIMIT / 2 + 2


def test_scores_come_back_from_their_arrays() -> None:
    """Columns are int64 and float64; a test may begin later than another."""
    scores = Scores()
    scores.add([Score(10, "pairs a", 0.25, 5, 6)])
    scores.add([Score(20, "pairs a", -0.5, 5, 6), Score(20, "analogies b", 0.125, 1, 9)])
    arrays = scores.to_arrays()
    assert {name: array.dtype.kind for name, array in arrays.items()} == {
        "words_trained": "i", "test": "i", "score": "f", "scored": "i", "rows": "i"
    }  # fmt: skip
    assert Scores.from_arrays(scores.tests, arrays) == scores
    assert Scores.from_arrays([], Scores().to_arrays()) == Scores()


def test_a_test_is_named_once_in_the_order_of_its_first_score() -> None:
    """Tests that come again, or later than others, keep their places; the latest score of each is its last."""
    scores = Scores()
    scores.add([Score(1, "b", 0.1, 1, 1), Score(1, "a", 0.2, 1, 1)])
    scores.add([Score(2, "a", 0.3, 1, 1), Score(2, "c", 0.4, 1, 1)])
    assert scores.tests == ["b", "a", "c"]
    assert [row.score for row in scores.latest()] == [0.1, 0.3, 0.4]


def test_no_scores_are_no_rows() -> None:
    """Where nothing was measured there is no test, no latest score, and nothing to record."""
    scores = Scores()
    scores.add([])
    assert (scores.rows, scores.tests, scores.latest()) == ([], [], [])


def test_what_comes_back_goes_on_alike() -> None:
    """Scores that were stored are thinned at the same moment, to the same rows, as those that were not."""
    scores = Scores()
    for number in range(1, LIMIT):
        scores.add([Score(1000 * number, "pairs a", 0.5, 5, 6)])
    assert len(scores.rows) == LIMIT - 1
    again = Scores.from_arrays(scores.tests, scores.to_arrays())
    for kept in (scores, again):
        kept.add([Score(1000 * LIMIT, "pairs a", 0.5, 5, 6)])
    assert again == scores
    assert len(scores.rows) < LIMIT / 2 + 2
