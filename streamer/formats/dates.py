"""Dates that are written in records: in a field of JSON, in a column of a table, in the header of a mail."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_tz

NAMES = (
    *("date", "time", "timestamp", "@timestamp", "datetime"),
    *("created", "created_at", "published", "published_at", "ts"),
)
"""Fields that a date is looked for in, if nobody names one; the first that holds a date counts."""
YEARS = range(1000, 2101)
"""Years that a text may be from."""
DAY = 86400.0

_FIRST = datetime(YEARS[0], 1, 1, tzinfo=UTC).timestamp()
_AFTER = datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC).timestamp()
_LONGEST = 100  # characters
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]*)?")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_SLASHES = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})(.*)", re.DOTALL)
_UNIVERSAL = re.compile(r"\s*(?:UTC|GMT)$")
# The least number of each unit, and the units in a second. So many seconds would be after the year 5000.
_MOST = 1e20
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))


class DateReader:
    """Reads the dates of records.

    Args:
        field: The field that they are in: a dotted name, or a column by name or number. By default, :data:`NAMES`.
        latest: The latest date that is believed, in seconds since 1970: a single date in the far future, as unwanted
            mail has them, would be the newest for ever.

    Attributes:
        names: Where to look, in this order.
    """

    def __init__(self, field: str = "", latest: float = math.inf) -> None:
        self.names = (field,) if field else NAMES
        self._with_years = bool(field)
        self._latest = latest

    def read(self, value: object) -> float | None:
        """Return the date that a value says, in seconds since 1970; None if it is none.

        A string may be as ISO 8601 or as RFC 5322 (mail) has it, or a number. A number counts seconds since 1970, or
        thousandths, millionths or billionths of them. One of eight digits is a year, a month and a day. One of four
        digits is a year, if it is a string, or in a field that somebody has named. Without a zone, it is UTC. What has
        no time begins with its day, its month or its year.
        """
        if isinstance(value, str):
            date = _of_text(value.strip()) if len(value) <= _LONGEST else None
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            date = _of_number(value, with_years=self._with_years)
        else:
            return None
        return date if date is not None and _FIRST <= date < _AFTER and date <= self._latest else None

    def columns(self, row: Sequence[str]) -> list[int]:
        """Return the columns that a date may be in, from 0, by the first row of a table: the first that holds one."""
        names = [name.strip() for name in row]
        found = [names.index(name) for name in self.names if name in names]
        if not found and self.names[0].isdecimal() and 1 <= int(self.names[0]) <= len(row):
            return [int(self.names[0]) - 1]
        return found

    def in_row(self, row: Sequence[str], columns: Sequence[int]) -> float | None:
        """Return the date of a row, in seconds since 1970."""
        for column in columns:
            if column < len(row) and (date := self.read(row[column])) is not None:
                return date
        return None


def seconds(year: int, month: int = 1, day: int = 1) -> float:
    """Return when a day begins, in UTC, in seconds since 1970; raise ValueError if there is no such day."""
    return datetime(year, month, day, tzinfo=UTC).timestamp()


def _of_text(text: str) -> float | None:
    if text[4:5] != "-" and _NUMBER.fullmatch(text):
        return _of_number(float(text), with_years=len(text) == 4)
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        pass
    except OverflowError:
        return None
    try:
        return _of_rare_text(text)
    except (ValueError, OverflowError):
        return None


def _of_rare_text(text: str) -> float | None:
    """Return the date of a text that is not as ISO 8601 has it; raise ValueError if there is no such day."""
    if month := _MONTH.fullmatch(text):
        return seconds(int(month[1]), int(month[2]))
    if slashes := _SLASHES.fullmatch(text):
        return _of_text("{}-{}-{}{}".format(*slashes.groups()))
    if (bare := _UNIVERSAL.sub("+00:00", text)) != text and text[:4].isdecimal():
        return _of_text(bare)
    # https://www.rfc-editor.org/rfc/rfc5322#section-3.3, and what mailers write instead
    if parts := parsedate_tz(text):
        year, month_, day, hour, minute, second = parts[:6]
        at = datetime(year, month_, day, hour, minute, min(second, 59), tzinfo=UTC)
        return at.timestamp() - (parts[9] or 0)
    return None


def _of_number(number: float, *, with_years: bool) -> float | None:
    size = abs(number)
    for least, unit in _UNITS:
        if size >= least:
            return number / unit if size < _MOST else None
    if number % 1:
        return None
    whole = int(number)
    try:
        if whole in YEARS:
            return seconds(whole) if with_years else None
        return seconds(whole // 10000, whole // 100 % 100, whole % 100)
    except ValueError:
        return None
