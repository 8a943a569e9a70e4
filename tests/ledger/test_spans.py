"""The journal of what was trained, in order."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from streamer.ledger.spans import LONGEST, SPAN, Spans


def spans(*blocks: tuple[int, int, int, int]) -> list[tuple[int, ...]]:
    """Return the spans of some blocks: row, start, length, pass, blocks."""
    found = Spans()
    for block in blocks:
        found.add(*block)
    again = Spans()
    again.restore(columns(found))
    assert len(again) == len(found)
    return list(zip(*(column.tolist() for column in columns(again).values()), strict=True))


def columns(found: Spans) -> dict[str, npt.NDArray[Any]]:
    """Return the spans as they are stored."""
    return {name: found.freeze().array(name) for name in SPAN}


def test_blocks_that_follow_each_other_are_one_span() -> None:
    """Another file, another pass or a gap begins a new one, and the order of training stays."""
    assert spans((0, 0, 10, 0), (0, 10, 25, 0), (1, 0, 5, 0), (0, 25, 30, 0), (0, 0, 30, 1), (0, 40, 50, 1)) == [
        (0, 0, 25, 0, 2), (1, 0, 5, 0, 1), (0, 25, 5, 0, 1), (0, 0, 30, 1, 1), (0, 40, 10, 1, 1),
    ]  # fmt: skip


def test_a_long_file_has_several_spans() -> None:
    """None is longer than its number can say."""
    half = LONGEST // 2
    assert spans((0, 0, half, 0), (0, half, LONGEST, 0), (0, LONGEST, LONGEST + half, 0)) == [
        (0, 0, LONGEST, 0, 2), (0, LONGEST, half, 0, 1),
    ]  # fmt: skip
