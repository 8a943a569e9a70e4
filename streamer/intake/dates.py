"""Dates in the names of files, and in those of their folders.

A date is believed only if it can hardly be anything else. So 03-11-2026 is none, because its day may be the third or
the eleventh, and numbers of six digits or of ten are none.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from datetime import date

from streamer.formats.dates import YEARS, seconds

Parts = tuple[int, ...]
"""A date as far as it is written: year, month, day, seconds since that day began in UTC."""

_LONGEST = 255
"""Characters of a name that are looked at: file systems have no longer ones."""

_DIGITS = re.compile(r"[0-9]{4}")

# What is written in another way is first written as 2026-11-03 or 2026-11.
_CJK = re.compile(r"(?<![0-9])([0-9]{4})\s?[年년]\s?([0-9]{1,2})\s?[月월](?:\s?([0-9]{1,2})\s?[日號号일])?")
_YEAR_LAST = re.compile(r"(?<![0-9])(?<![0-9][-_. ])([0-9]{1,2})([-_. ])([0-9]{1,2})\2([0-9]{4})(?![0-9])")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?<![a-z])(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])"
)
_NAMED_MONTH = re.compile(_MONTH, re.IGNORECASE)
_YEAR = r"(?<![0-9])(?P<year>[0-9]{4})(?![0-9])"
_DAY = r"(?<![0-9])(?P<day>[0-9]{1,2})(?:st|nd|rd|th)?(?![0-9])"
_ORDERS = ((_DAY, _MONTH, _YEAR), (_MONTH, _DAY, _YEAR), (_YEAR, _MONTH, _DAY), (_MONTH, _YEAR), (_YEAR, _MONTH))
_NAMED = [re.compile("[-_., ]{0,2}".join(order), re.IGNORECASE) for order in _ORDERS]

_DAYS = (
    re.compile(r"(?<![0-9])([0-9]{4})([-_. ])([0-9]{2})\2([0-9]{2})(?![0-9])"),
    re.compile(r"(?<![0-9])([0-9]{4})(-)([0-9]{1,2})-([0-9]{1,2})(?![0-9])"),
    # With letters on both sides it is a part of something else, such as a digest.
    re.compile(r"(?<![0-9])(?:(?<![a-z])|(?=.{8}(?![a-su-y])))([0-9]{4})()([0-9]{2})([0-9]{2})(?![0-9])", re.I),
)
_DAY_AND_TIME = re.compile(
    r"(?<![0-9])([0-9]{4})([0-9]{2})([0-9]{2})(?=[0-9]{4}(?:[0-9]{2}|[0-9]{5})?(?![0-9]))"
    r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})(?P<second>[0-9]{2})?(?P<zone>Z)?"
)
_WEEK = re.compile(r"(?<![0-9])([0-9]{4})[-_]?W([0-9]{2})(?:-?([1-7]))?(?![0-9])", re.I)
_MONTH_OF_YEAR = re.compile(r"(?<![0-9])(?<![0-9][-.])([0-9]{4})[-.]([0-9]{2})(?![-.]?[0-9])")
_QUARTER = re.compile(r"(?<![0-9])([0-9]{4})[-_ ]?Q([1-4])(?![0-9])", re.I)
_IN_BRACKETS = re.compile(r"[(\[（]([0-9]{4})[)\]）]")
# Not as in 1342-0 or 555-1234; of 1914-1918, the first.
_BARE_YEAR = re.compile(
    r"(?<![0-9a-z])(?<![0-9][-.,+])([0-9]{4})(?=(?:[-–]([0-9]{4}))?s?(?![0-9a-z])(?![-–.,+][0-9]))", re.I
)

# After a T, a time is as ISO 8601 has it. After another sign, it needs seconds, or a sign before its minutes: other
# numbers behind a date mostly count parts.
_TIME = re.compile(
    r"T(?P<hour>[0-9]{2})(?:[:._-]?(?P<minute>[0-9]{2})(?:[:._-]?(?P<second>[0-9]{2}))?)?(?![0-9])"
    r"(?:[.,][0-9]+)?(?P<zone>Z|[-+][01][0-9]:?[0-5][0-9](?![0-9]))?",
    re.I,
)
_LOOSE_TIMES = [
    re.compile(rf"(?:[-_. ]|\sat\s)(?P<hour>[0-9]{{2}}){rest}(?![0-9])(?P<zone>Z|[-+][01][0-9]:[0-5][0-9](?![0-9]))?")
    for rest in (
        r"(?P<gap>[-_:.h])(?P<minute>[0-9]{2})(?P=gap)(?P<second>[0-9]{2})",
        r"[-:.h](?P<minute>[0-9]{2})(?P<second>)",
        r"(?P<minute>[0-9]{2})(?P<second>[0-9]{2})",
    )
]

_FOLDERS = [
    re.compile(rf"(?:{name}=|{name[0]}=)?([0-9]{{{digits}}})", re.I)
    for name, digits in (("year", "4"), ("month", "1,2"), ("day", "1,2"))
]
_DAY_FILE = re.compile(r"([0-9]{2})(?![0-9])")


def date_of(path: str) -> float | None:
    """Return the date in the name of a file, in seconds since 1970; None if it has none.

    A date without a time of day is the beginning of that day, in UTC; a month and a year likewise. If there are
    several, the most exact one is taken, and the first of those. Folders count if the name has none, or if theirs is
    the same and more exact.

    Args:
        path: The path of the file, with ``/``.
    """
    folders, _, name = path.rpartition("/")
    own, outer = _dated(name), _of_folders(folders, name) if folders else ()
    parts = own if not outer or (own and outer[: len(own)] != own) else outer
    return seconds(*parts[:3]) + sum(parts[3:]) if parts else None


def _of_folders(folders: str, name: str) -> Parts:
    """Return the date of the folders of a file; a number at the beginning of its own name may be the day."""
    found, to_be_continued = _folders(folders)
    if to_be_continued and (day := _DAY_FILE.match(name)):
        return _checked((*found, int(day[1]))) or found
    return found


@functools.lru_cache(1 << 10)
def _folders(folders: str) -> tuple[Parts, bool]:
    """Return the date of some folders, and whether it is a year and a month to which a day may be added."""
    names = folders.split("/")
    found: list[Parts] = []  # the deepest last
    last: Parts = ()
    for name in names:
        part = _FOLDERS[len(last)].fullmatch(name) if last and len(last) < len(_FOLDERS) else None
        last = _checked((*last, int(part[1]))) if part else ()
        if not last and (year := _FOLDERS[0].fullmatch(name)):
            last = _checked((int(year[1]),))
        if last:
            found.append(last)
        elif own := _dated(name):
            found.append(own)
    if not found:
        return (), False
    best = max(reversed(found), key=len)
    return best, best is last and len(last) == 2


def _dated(name: str) -> Parts:
    """Return the most exact date in a name, the first of several; nothing if there is none."""
    if not _DIGITS.search(name):
        return ()
    text = _rewritten(name[:_LONGEST])
    for dates in (_days, _weeks, _months, _years):
        if found := [(-len(parts), place, parts) for place, parts in dates(text) if parts]:
            return min(found)[2]
    return ()


def _days(text: str) -> Iterator[tuple[int, Parts]]:
    """Yield the days in a name, with or without a time, and where they are."""
    for found in _DAY_AND_TIME.finditer(text):
        yield found.start(), _with_time(_checked(_numbers(*found.groups()[:3])), found)
    for pattern in _DAYS:
        for found in pattern.finditer(text):
            if parts := _checked(_numbers(found[1], found[3], found[4])):
                yield found.start(), _with_time(parts, _time_at(text, found.end()))


def _weeks(text: str) -> Iterator[tuple[int, Parts]]:
    for found in _WEEK.finditer(text):
        try:
            day = date.fromisocalendar(*_numbers(found[1], found[2], found[3] or "1"))
        except ValueError:
            continue
        yield found.start(), _checked((day.year, day.month, day.day))


def _months(text: str) -> Iterator[tuple[int, Parts]]:
    for found in _MONTH_OF_YEAR.finditer(text):
        yield found.start(), _checked(_numbers(found[1], found[2]))
    for found in _QUARTER.finditer(text):
        yield found.start(), _checked((int(found[1]), 3 * int(found[2]) - 2))


def _years(text: str) -> Iterator[tuple[int, Parts]]:
    """Yield the years in a name; one in brackets comes before all others."""
    for found in _IN_BRACKETS.finditer(text):
        yield found.start() - len(text), _checked((int(found[1]),))
    for found in _BARE_YEAR.finditer(text):
        if not found[2] or int(found[1]) < int(found[2]) <= YEARS[-1]:
            yield found.start(), _checked((int(found[1]),))


def _rewritten(name: str) -> str:
    """Return a name with its dates as 2026-11-03, and without those that may be one of two days."""
    if not name.isascii():
        name = _CJK.sub(lambda found: _iso(*found.groups()), name)
    name = _YEAR_LAST.sub(_year_first, name)
    if _NAMED_MONTH.search(name):
        for pattern in _NAMED:
            name = pattern.sub(_numbered, name)
    return name


def _year_first(found: re.Match[str]) -> str:
    first, _, second, year = found.groups()
    if int(year) not in YEARS or max(int(first), int(second)) > 31 or min(int(first), int(second)) > 12:
        return found[0]
    if int(first) > 12 or int(first) == int(second):
        return _iso(year, second, first)
    return _iso(year, first, second) if int(second) > 12 else " "


def _numbered(found: re.Match[str]) -> str:
    month = _MONTHS.index(found["month"][:3].lower()) + 1
    return _iso(found["year"], str(month), found.groupdict().get("day"))


def _iso(year: str, month: str, day: str | None) -> str:
    # What is written right before or behind it is no part of it.
    return f" {year}-{int(month):02}-{int(day):02}" if day else f" {year}-{int(month):02} "


def _time_at(text: str, at: int) -> re.Match[str] | None:
    """Return the time of day that begins at a place, if there is one."""
    if time := _TIME.match(text, at):
        return time
    return next(filter(None, (pattern.match(text, at) for pattern in _LOOSE_TIMES)), None)


def _with_time(parts: Parts, time: re.Match[str] | None) -> Parts:
    """Return a day with its time, if it has a valid one."""
    if not parts or time is None:
        return parts
    hour, minute, second = _numbers(*(time[name] or "0" for name in ("hour", "minute", "second")))
    if hour > 23 or minute > 59 or second > 60:
        return parts
    zone, shift = time["zone"], 0
    if zone and zone not in "Zz":
        shift = (int(zone[1:3]) * 60 + int(zone[-2:])) * (-60 if zone[0] == "-" else 60)
    return *parts, 3600 * hour + 60 * minute + second - shift


def _numbers(*texts: str) -> tuple[int, ...]:
    return tuple(map(int, texts))


def _checked(parts: Parts) -> Parts:
    """Return a date if there is such a day, in a year that a text may be from; else nothing."""
    try:
        seconds(*parts)
    except ValueError:
        return ()
    return parts if parts[0] in YEARS else ()
