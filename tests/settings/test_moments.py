"""Moments of the stream as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from streamer.settings.moments import Asked, moment

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC).timestamp()


def at(*parts: int) -> float:
    """Return a time in UTC in seconds since 1970."""
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-11-03", at(2026, 11, 3), at(2026, 11, 4)),
        ("2026-1-3", at(2026, 1, 3), at(2026, 1, 4)),
        ("2026-12-31", at(2026, 12, 31), at(2027, 1, 1)),
        ("2026-12", at(2026, 12, 1), at(2027, 1, 1)),
        ("1880", at(1880, 1, 1), at(1881, 1, 1)),
        ("2026-11-03 14:00", at(2026, 11, 3, 14), at(2026, 11, 3, 14, 1)),
        ("2026-11-03 14", at(2026, 11, 3, 14), at(2026, 11, 3, 15)),
        ("2026-11-03T14:00", at(2026, 11, 3, 14), at(2026, 11, 3, 14, 1)),
        ("2026-11-03 14:00:05", at(2026, 11, 3, 14, 0, 5), at(2026, 11, 3, 14, 0, 6)),
        ("2026-11-03T14:00+02:00", at(2026, 11, 3, 12), at(2026, 11, 3, 12, 1)),
        ("2026-11-03T14:00Z", at(2026, 11, 3, 14), at(2026, 11, 3, 14, 1)),
        ("today", at(2026, 11, 27), at(2026, 11, 28)),
        ("yesterday", at(2026, 11, 26), at(2026, 11, 27)),
        ("now", NOW, NOW),
        ("-7d", NOW - 7 * 86_400, NOW - 7 * 86_400),
        ("-1.5h", NOW - 5_400, NOW - 5_400),
    ],
)
def test_times(text: str, begin: float, end: float) -> None:
    """Dates, months and years last as long as they do; a time ago is an instant."""
    assert moment(f" {text} ", NOW, UTC) == Asked(f" {text} ", begin=begin, end=end)


@pytest.mark.parametrize(
    ("text", "words"),
    [("12.5M", 12_500_000), ("12500000 words", 12_500_000), ("1_000_000", 10**6), ("300k", 300_000), ("2G", 2 * 10**9)],
)
def test_points_of_the_stream(text: str, words: int) -> None:
    """A number of words; four digits alone are a year."""
    assert moment(text, NOW, UTC) == Asked(text, words=words)


def test_snapshots() -> None:
    """By their numbers."""
    assert moment("snapshot-42") == Asked("snapshot-42", snapshot=42)


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "2026-02-30", "03.11.2026", "--7d", "-7x", "snapshot-", "12.5X", "-"]
)
def test_what_is_no_moment(text: str) -> None:
    """It is refused."""
    with pytest.raises(ValueError):
        moment(text, NOW, UTC)


def test_dates_are_those_of_the_zone() -> None:
    """Even where a day has 23 or 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    found = moment("2026-03-29", NOW, berlin)
    assert found.begin is not None and found.end is not None
    assert (found.begin, found.end - found.begin) == (at(2026, 3, 28, 23), 23 * 3600)
    east = timezone(timedelta(hours=14))
    assert moment("yesterday", NOW, east).begin == at(2026, 11, 25, 10)
