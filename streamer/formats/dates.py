"""Dates that are written in records: in a field of JSON, in a column of a table, in the header of a mail."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

NAMES = (
    *("date", "time", "timestamp", "@timestamp", "datetime"),
    *("created", "created_at", "published", "published_at", "ts"),
)
"""Fields that a date is looked for in, if nobody names one; the first that holds a date counts."""
YEARS = range(1000, 2101)
"""Years that a text may be from."""
DAY = 86400.0

FIRST = datetime(YEARS[0], 1, 1, tzinfo=UTC).timestamp()
_AFTER = datetime(YEARS[-1] + 1, 1, 1, tzinfo=UTC).timestamp()
_LONGEST = 100  # characters
_DAY_SIZE, _NAIVE_SIZE = len("2026-11-03"), len("2026-11-03T14:00:05")
_SIZES = {_DAY_SIZE, _NAIVE_SIZE, *(_NAIVE_SIZE + len(end) for end in ("Z", ".123Z", ".123456Z"))}
_FIRST_NUMBER = 1e8
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]*)?")
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_SLASHES = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})(.*)", re.DOTALL)
_UNIVERSAL = re.compile(r"\s*(?:UTC|GMT)$")
# The least number of each unit, and the units in a second. So many seconds would be after the year 5000.
_MOST = 1e20
_UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (_FIRST_NUMBER, 1.0))


Written = float | str
"""A date, in seconds since 1970, or as it is written, if that is a usual form of ISO 8601: of all in a block, only the
newest is parsed."""


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
        self._latest = min(latest, _AFTER - 1)

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
        return date if date is not None and FIRST <= date <= self._latest else None

    def look(self, value: object) -> Written | None:
        """Return the date that a value seems to say, None if it is none; for :meth:`newest`."""
        if type(value) is str:
            size = len(value)
            if size in _SIZES and value[4] == "-" == value[7]:
                if size == _DAY_SIZE:
                    return value
                if value[13] == ":" == value[16] and (size == _NAIVE_SIZE or value[-1] == "Z"):
                    return value
        elif type(value) is float and _FIRST_NUMBER <= value <= self._latest:
            return value
        return self.read(value)

    def newest(self, dates: Iterable[Written]) -> float | None:
        """Return the newest of some dates, in seconds since 1970; None if there is none."""
        found: list[float] = []
        alike: dict[tuple[int, str], list[str]] = {}  # texts of one form are in the order of time
        for date in dates:
            if isinstance(date, str):
                alike.setdefault((len(date), date[10:11]), []).append(date)
            else:
                found.append(date)
        for texts in alike.values():
            last = self.read(max(texts))
            # If that is none, or in the future, the others count.
            found += [one for one in map(self.read, texts) if one is not None] if last is None else [last]
        return max(found, default=None)

    def columns(self, row: Sequence[str]) -> list[int]:
        """Return the columns that a date may be in, from 0, by the first row of a table: the first that holds one."""
        names = [name.strip() for name in row]
        found = [names.index(name) for name in self.names if name in names]
        if not found and self.names[0].isdecimal() and 1 <= int(self.names[0]) <= len(row):
            return [int(self.names[0]) - 1]
        return found

    def in_row(self, row: Sequence[str], columns: Sequence[int]) -> Written | None:
        """Return the date of a row."""
        for column in columns:
            if column < len(row) and (date := self.look(row[column])) is not None:
                return date
        return None


def seconds(year: int, month: int = 1, day: int = 1) -> float:
    """Return when a day begins, in UTC, in seconds since 1970; raise ValueError if there is no such day."""
    return datetime(year, month, day, tzinfo=UTC).timestamp()


def _of_text(text: str) -> float | None:
    if text[4:5] != "-" and _NUMBER.fullmatch(text):
        return _of_number(float(text), with_years=len(text) == 4)
    if text[:1].isalpha():
        return _of_mail(text)
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
    return _of_mail(text)


def _of_mail(text: str) -> float | None:
    """Return the date of a text as mail has it: https://www.rfc-editor.org/rfc/rfc5322#section-3.3."""
    from email.utils import parsedate_tz  # noqa: PLC0415 - it takes 10 ms, and few texts need it

    parts = parsedate_tz(text)
    if parts is None:
        return None
    year, month, day, hour, minute, second = parts[:6]
    try:
        at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return at.timestamp() - (parts[9] or 0)


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
