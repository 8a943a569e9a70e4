"""Moments of the stream as people write them: a date, a time ago, a snapshot, a number of words."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta, tzinfo

import attrs

from streamer.settings.durations import seconds

MOMENTS = "a moment, such as 2026-11-03, '2026-11-03 14:00', yesterday, -7d, snapshot-42 or 12.5M"
_WORDS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_DATE = re.compile(r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?")
_DAYS = {"today": 0, "yesterday": 1}


@attrs.frozen
class Asked:
    """A moment that somebody asks for: exactly one of its parts is known.

    Attributes:
        text: What was asked.
        snapshot: The number of a snapshot.
        words: A number of words seen.
        begin: When a time begins, in seconds since 1970; a date is a whole day, a year is a whole year.
        end: When it ends. What is asked for up to then is what was known at the end, and what is asked for since then
            begins with ``begin``.
    """

    text: str
    snapshot: int | None = None
    words: int | None = None
    begin: float | None = None
    end: float | None = None


def moment(text: str, now: float | None = None, zone: tzinfo | None = None) -> Asked:
    """Return the moment that a text stands for.

    It has as many parts as are written: ``1880`` is a year and ``1880-05`` a month, ``2026-11-03 14:00`` is a minute.

    Args:
        text: The text.
        now: The time, in seconds since 1970.
        zone: That of dates and times without one; by default that of this machine.

    Raises:
        ValueError: If it is no moment.
    """
    now = time.time() if now is None else now
    asked = text.strip()
    if parts := re.fullmatch(r"snapshot-(\d{1,18})", asked):
        return Asked(text, snapshot=int(parts[1]))
    if parts := re.fullmatch(r"-(.+)", asked):
        ago = now - seconds(parts[1])
        return Asked(text, begin=ago, end=ago)
    if (parts := re.fullmatch(r"(\d[\d_]*\.?\d*)\s?([kMG]?)(?: ?words)?", asked)) and not _DATE.fullmatch(asked):
        return Asked(text, words=round(float(parts[1].replace("_", "")) * _WORDS[parts[2]]))
    if asked == "now":
        return Asked(text, begin=now, end=now)
    begin, end = _times(asked, now, zone)
    return Asked(text, begin=begin, end=end)


def _times(text: str, now: float, zone: tzinfo | None) -> tuple[float, float]:
    """Return when a date or time begins and ends; raise ValueError if it is neither."""
    if text in _DAYS:
        day = datetime.fromtimestamp(now, zone).date() - timedelta(days=_DAYS[text])
        return _seconds(day, day + timedelta(days=1), zone)
    if parts := _DATE.fullmatch(text):
        year, month, number = (int(part) if part else 0 for part in parts.groups())
        day = date(year, month or 1, number or 1)
        if number:
            return _seconds(day, day + timedelta(days=1), zone)
        return _seconds(day, date(year + (month == 12 or not month), month % 12 + 1 if month else 1, 1), zone)
    found = datetime.fromisoformat(text)
    found = found if found.tzinfo or zone is None else found.replace(tzinfo=zone)
    minute = re.search(r"[T ]\d\d:?\d\d(Z|[+-][\d:]+)?$", text)
    hour = re.search(r"[T ]\d\d(Z|[+-][\d:]+)?$", text)
    return found.timestamp(), found.timestamp() + (3600 if hour else 60 if minute else 1)


def _seconds(first: date, after: date, zone: tzinfo | None) -> tuple[float, float]:
    """Return when one day begins, and when another does, in seconds since 1970."""
    begin, end = (datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() for day in (first, after))
    return begin, end
