"""Which snapshots are kept: few of long ago, and many of late."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from streamer.settings.levels import Level, kept, levels, period

HOUR, DAY = 3600.0, 86_400.0


def test_lists_are_read() -> None:
    """With any white space; all keeps everything."""
    assert levels(" 24h  7d 8w\t24mo 3y") == [
        Level(24, "h"),
        Level(7, "d"),
        Level(8, "w"),
        Level(24, "mo"),
        Level(3, "y"),
    ]
    assert levels("all") == []


@pytest.mark.parametrize("text", ["", "  ", "0h", "7", "h", "7x", "-7d", "1.5h", "7 d", "all 7d", "1000000d", "７d"])
def test_what_is_no_list(text: str) -> None:
    """It is refused."""
    with pytest.raises(ValueError):
        levels(text)


def test_a_year_of_hours() -> None:
    """24 hours, 7 days, 8 weeks, 24 months: some fifty of 8,760, the newest of each period."""
    begin = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
    times = [begin + number * HOUR for number in range(365 * 24)]
    chosen = levels("24h 7d 8w 24mo")
    positions = kept(times, chosen)
    assert 24 + 6 + 6 + 10 <= len(positions) <= 25 + 8 + 9 + 13
    assert positions[-25:] == list(range(len(times) - 25, len(times)))
    for number in positions[:-25]:
        ends = datetime.fromtimestamp(times[number] + HOUR, UTC)
        assert ends.hour == 0, "the last of its day"
    months = {period(times[number], "mo") for number in positions}
    assert len(months) == 12, "none is lost within 24 months"


def test_thinning_often_or_once_keeps_what_is_promised() -> None:
    """However often it is done on the way, each period within its level has one, and there are not more than that."""
    rng = random.Random(5)
    chosen = levels("6h 4d 3w")
    at, times, everything = 0.0, [0.0], [0.0]
    for _ in range(3_000):
        at += rng.choice([0.2, 1, 1, 3, 50]) * HOUR
        everything.append(at)
        times = [[*times, at][position] for position in kept([*times, at], chosen)]
        assert times[-1] == at
        assert len(times) <= 1 + 7 + 5 + 4
    for count, unit, seconds in ((6, "h", HOUR), (4, "d", DAY), (3, "w", 7 * DAY)):
        wanted = {period(one, unit) for one in everything if at - one <= count * seconds}
        there = {period(one, unit) for one in times}
        assert wanted <= there


def test_what_is_kept_may_be_long_ago_or_before_1970() -> None:
    """A pause removes nothing that was kept before it, if nothing new comes; years before 1970 are years too."""
    long_ago = [datetime(year, 6, 1, tzinfo=UTC).timestamp() for year in range(1640, 1900)]
    assert kept(long_ago, levels("300y")) == list(range(len(long_ago)))
    assert kept(long_ago, levels("10y")) == list(range(len(long_ago) - 11, len(long_ago)))
    assert kept([5.0], levels("1h")) == [0]
    assert kept([], levels("1h")) == []
    assert kept([1.0, 2.0, 3.0], []) == [0, 1, 2]


def test_periods_begin_when_people_say() -> None:
    """Weeks on Mondays, days at midnight in UTC."""
    monday = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    assert period(monday, "w") == period(monday + 7 * DAY - 1, "w") == period(monday - 1, "w") + 1
    assert period(monday, "d") == period(monday - 1, "d") + 1
    december = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    assert period(december, "mo") == period(december - 1, "mo") + 1
    assert period(december, "y") == period(december - 1, "y")
