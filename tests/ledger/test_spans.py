"""The journal of what was trained, in order."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pytest

from streamer.ledger.spans import LONGEST, NAMELESS, OPEN, SPAN, UNKNOWN, Spans


def spans(*blocks: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the spans of some blocks (row, start, stop, pass, whether the text ended): with how they end."""
    found = Spans()
    for block in blocks:
        found.add(*block[:4], ended=bool(block[4:] and block[4]))
    again = Spans()
    again.restore(columns(found))
    assert len(again) == len(found)
    return table(again)


def table(found: Spans) -> list[tuple[int, ...]]:
    """Return row, start, length, pass, blocks, ended of each span."""
    return list(zip(*(column.tolist() for column in columns(found).values()), strict=True))


def columns(found: Spans) -> dict[str, npt.NDArray[Any]]:
    """Return the spans as they are stored."""
    return {name: found.freeze().array(name) for name in SPAN}


def test_blocks_that_follow_each_other_are_one_span() -> None:
    """Another file, another pass or a gap begins a new one, and the order of training stays."""
    assert spans((0, 0, 10, 0), (0, 10, 25, 0), (1, 0, 5, 0), (0, 25, 30, 0), (0, 0, 30, 1), (0, 40, 50, 1)) == [
        (0, 0, 25, 0, 2, 0), (1, 0, 5, 0, 1, 0), (0, 25, 5, 0, 1, 0), (0, 0, 30, 1, 1, 0), (0, 40, 10, 1, 1, 0),
    ]  # fmt: skip


def test_what_a_file_grew_by_is_another_span() -> None:
    """The end of the text, as it was read, is the end of a block. A replay could not know it else."""
    assert spans((0, 0, 10, 0), (0, 10, 25, 0, 1), (0, 25, 30, 0, 1), (0, 30, 34, 0, 1), (1, 0, 9, 0, 1)) == [
        (0, 0, 25, 0, 2, 1), (0, 25, 5, 0, 1, 1), (0, 30, 4, 0, 1, 1), (1, 0, 9, 0, 1, 1),
    ]  # fmt: skip


def test_a_span_of_an_older_version_is_never_continued() -> None:
    """Nobody knows where its blocks end."""
    found = Spans()
    found.add(0, 0, 10, 0)
    old = columns(found)
    old["ended"][:] = UNKNOWN
    again = Spans()
    again.restore(old)
    again.add(0, 10, 20, 0)
    assert table(again) == [(0, 0, 10, 0, 1, UNKNOWN), (0, 10, 10, 0, 1, OPEN)]


def test_a_long_file_has_several_spans() -> None:
    """None is longer than its number can say."""
    half = LONGEST // 2
    assert spans((0, 0, half, 0), (0, half, LONGEST, 0), (0, LONGEST, LONGEST + half, 0)) == [
        (0, 0, LONGEST, 0, 2, 0), (0, LONGEST, half, 0, 1, 0),
    ]  # fmt: skip


def test_the_journal_of_years_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the older half, only the sums stay, in one span without a name. What is newer is as it was."""
    monkeypatch.setattr("streamer.ledger.spans.MOST", 8)
    found = Spans()
    for number in range(50):
        found.add(number % 3, 10 * number, 10 * number + 10, 0, ended=True)
        assert len(found) <= 8
    rows = table(found)
    assert rows[0][0] == NAMELESS and rows[0][2:4] == (0, 0) and rows[0][5] == UNKNOWN
    assert rows[0][1] + sum(row[2] for row in rows[1:]) == 500
    assert sum(row[4] for row in rows) == 50
    newest = len(rows) - 1
    assert rows[1:] == [(number % 3, 10 * number, 10, 0, 1, 1) for number in range(50 - newest, 50)]
    assert newest >= 4


def test_what_is_left_out_was_never_there() -> None:
    """All spans of its rows go, those of others stay in their order."""
    found = Spans()
    for block in ((0, 0, 10), (1, 0, 7), (0, 10, 20), (2, 0, 3)):
        found.add(*block, 0, ended=True)
    found.leave_out({0})
    assert [row[:3] for row in table(found)] == [(1, 0, 7), (2, 0, 3)]
