"""Which snapshots are kept: the newest of each hour within a day, of each day within a week, and so on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_UNITS = {"h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0, "mo": 30.4375 * 86_400.0, "y": 365.25 * 86_400.0}
LEVELS = 'a list like "24h 7d 8w 24mo" (units h, d, w, mo, y), or all'
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Level(NamedTuple):
    """One a period is kept, within so many periods of the newest.

    Attributes:
        periods: The number of periods.
        unit: ``h``, ``d``, ``w``, ``mo`` or ``y``.
    """

    periods: int
    unit: str


def levels(text: str) -> list[Level]:
    """Return the levels of a list; an empty one for ``all``, which keeps everything.

    Raises:
        ValueError: If it is no such list.
    """
    if text.strip() == "all":
        return []
    found = [re.fullmatch(r"([1-9]\d{0,5})(h|d|w|mo|y)", part) for part in text.split()]
    if not found or not all(found):
        raise ValueError(text)
    return [Level(int(parts[1]), parts[2]) for parts in found if parts]


def kept(times: Sequence[float], chosen: Sequence[Level]) -> list[int]:
    """Return the positions of those that are kept.

    The time that counts is before the newest, so that a long pause removes nothing, and the newest of each period is
    the one that stays: it knows all of the period. Counts of snapshots would mislead if they come irregularly.

    Args:
        times: When each was taken, in seconds since 1970, ascending.
        chosen: The levels; none keeps all.
    """
    if not chosen or not times:
        return list(range(len(times)))
    keep = {len(times) - 1}
    for periods, unit in chosen:
        newest: dict[int, int] = {}
        for position, at in enumerate(times):
            if times[-1] - at <= periods * _UNITS[unit]:
                newest[period(at, unit)] = position  # a later one of the same period takes its place
        keep |= set(newest.values())
    return sorted(keep)


def period(at: float, unit: str) -> int:
    """Return the number of the hour, day, week, month or year (in UTC) that has a time; before 1970 it is negative."""
    when = EPOCH + timedelta(seconds=at)
    whole: dict[str, Callable[[], int]] = {
        "h": lambda: int(at // 3600),
        "d": lambda: int(at // 86_400),
        "w": lambda: int((at // 86_400 + 3) // 7),  # weeks begin on Mondays; 1970 began on a Thursday
        "mo": lambda: when.year * 12 + when.month,
        "y": lambda: when.year,
    }
    return whole[unit]()
