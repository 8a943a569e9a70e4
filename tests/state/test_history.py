"""The history stays small and its totals exact; the losses of epochs add up."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.model.learner import BlockReport
from streamer.model.sgns import Loss
from streamer.state import History
from streamer.state.history import COLUMNS, LIMIT


class Stream:
    """Blocks that are said to be trained, each written into a history."""

    def __init__(self) -> None:
        self.seen = self.trained = 0
        self.history = History()

    def block(self, words: int, loss: float = 1.0, weight: float = 1.0, seconds: float = 0.25) -> None:
        """Train one block, of a tenth more words than have vectors."""
        self.seen += words + words // 10
        self.trained += words
        report = BlockReport(words, words, 0, 0, self.seen, self.trained, Loss(loss * weight, weight))
        self.history.add(report, seconds)
        self.last = report


def totals(history: History) -> list[float]:
    """Return the sums of losses, weights and seconds."""
    return [sum(row[column] for row in history.rows) for column in (3, 4, 5)]


def test_thinning_keeps_totals_exact_and_the_table_short() -> None:
    """However long the stream, there are fewer rows than the limit, and losses, weights and seconds add up to all."""
    stream = Stream()
    for number in range(3 * LIMIT):
        stream.block(30_000, loss=number % 8, weight=2.0)
        assert len(stream.history.rows) < LIMIT
        assert stream.history.rows[-1][1] == 30_000 * (number + 1)
    count = 3 * LIMIT
    assert totals(stream.history) == [2 * 3.5 * count, 2.0 * count, 0.25 * count]
    assert stream.history.rows[-1][:3] == [33_000 * count, 30_000 * count, 0]
    assert stream.history.resolution > 30_000
    assert len(stream.history.rows) > LIMIT / 4
    ends = [row[1] for row in stream.history.rows]
    assert ends == sorted(set(ends))


def test_small_blocks_share_a_row() -> None:
    """A row holds at least as many words as the resolution says, all but the last."""
    stream = Stream()
    for _ in range(100):
        stream.block(150)
    ends = [0, *(row[1] for row in stream.history.rows)]
    assert np.diff(ends)[:-1].tolist() == [1_050] * (len(ends) - 2)
    assert ends[-1] == 15_000
    assert totals(stream.history) == [100, 100, 25]


def test_loss_is_the_mean_of_the_last_million_words() -> None:
    """Old blocks do not count, later ones by the weight of their pairs; at least a million words do."""
    stream = Stream()
    for _ in range(20):
        stream.block(100_000, loss=9)
    for _ in range(5):
        stream.block(100_000, loss=4, weight=1)
    for _ in range(5):
        stream.block(100_000, loss=1, weight=2)
    assert stream.history.loss() == pytest.approx((5 * 4 + 10 * 1) / 15)
    assert stream.history.loss(words=200_000) == 1
    assert stream.history.loss(words=1_050_000) == pytest.approx((9 + 5 * 4 + 10 * 1) / 16)
    assert stream.history.loss(words=1e12) == pytest.approx((20 * 9 + 5 * 4 + 10 * 1) / 35)


def test_speed_is_that_of_the_last_million_words() -> None:
    """Words trained by the seconds that they took, not counting what was long ago."""
    stream = Stream()
    for seconds in [2.0] * 20 + [0.5] * 10:
        stream.block(100_000, seconds=seconds)
    assert stream.history.words_per_second() == pytest.approx(200_000)
    assert stream.history.words_per_second(words=1e12) == pytest.approx(3_000_000 / 45)
    assert stream.history.words_per_second(words=1) == pytest.approx(200_000)


def test_loss_and_speed_of_nothing_are_unknown() -> None:
    """Before a pair was trained there is no loss, rather than one of zero, and no speed before anything was."""
    stream = Stream()
    assert stream.history.loss() is None
    assert stream.history.words_per_second() is None
    stream.block(10, loss=0, weight=0)
    assert stream.history.loss() is None
    assert stream.history.words_per_second() == 40


def test_a_history_comes_back_from_its_arrays() -> None:
    """Columns are float64, one for each name; what was read back goes on as the first does."""
    stream = Stream()
    for number in range(7):
        stream.block(7_000, loss=number)
    arrays = stream.history.to_arrays()
    assert tuple(arrays) == COLUMNS
    assert all(column.dtype == np.float64 and column.flags.c_contiguous for column in arrays.values())
    restored = History.from_arrays(arrays, stream.history.resolution)
    assert restored == stream.history
    stream.block(500, loss=3)
    assert restored != stream.history
    restored.add(stream.last, 0.25)
    assert restored == stream.history


def test_an_empty_history_comes_back() -> None:
    """A trainer that has seen nothing can be stored."""
    assert History.from_arrays(History().to_arrays(), History().resolution) == History()
