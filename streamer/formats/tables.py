"""Tables: CSV, TSV and what is like them. A row is a record; the text of the wanted columns is taken."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

from streamer.formats.dates import DateReader
from streamer.formats.records import LIMIT, Buffer, Record, Stream, plain, wanted

DELIMITERS = ",;\t|"
HEADER = 1 << 16
"""Bytes of the longest first row."""

_QUOTED = re.compile(r'"(?:[^"]|"")*+"')


class NoColumn(Exception):  # noqa: N818 - it is an outcome of the file, not an error of ours
    """A table has no column of a name; the message is the name."""


def records(stream: Stream, fields: Sequence[str], dates: DateReader | None = None) -> Iterator[Record]:
    """Yield the rows of a table; one without the wanted columns is broken.

    Args:
        stream: The table.
        fields: Columns by name, or by number from 1 where the first row has no such name.
        dates: Where the dates of rows are, and what reads them; None if nobody asks for them.
    """
    csv.field_size_limit(2 * LIMIT)  # of the whole process; rows are shorter
    lines = _Lines(stream)
    rows: Iterator[list[str]] | None = None
    places: list[int] = []
    dated: list[int] = []  # the columns that have dates
    while True:
        lines.begin()
        try:
            if rows is None:
                while not (first := next(lines)).strip():
                    pass
                lines.unread(first)
                delimiter = sniffed(first, fields)
                rows = csv.reader(lines, delimiter=delimiter)
                row = next(rows)
                places, is_header = columns(row, fields)
                dated = dates.columns(row) if dates else []
                if is_header:
                    yield Record(lines.end, lines.position, "")
                    continue
            else:
                row = next(rows)
        except StopIteration:
            return
        except (_TooLarge, csv.Error):
            yield Record(lines.end, lines.position, "", 1)
            continue
        except NoColumn:
            return  # the table that was judged was another one
        if not places:
            return
        found = _record(stream, lines, row, places)
        yield found._replace(date=dates.in_row(row, dated)) if dates and wanted(stream, found.end) else found


def _record(stream: Stream, lines: _Lines, row: list[str], places: list[int]) -> Record:
    end, stop = lines.end, lines.position
    if not row:
        return Record(end, stop, "")
    if len(row) <= max(places):
        return Record(end, stop, "", 1)
    if not wanted(stream, end):
        return Record(end, stop, "")
    return Record(end, stop, "\n".join(plain(row[place]) for place in places))


def sniffed(line: str, fields: Sequence[str]) -> str:
    """Return the delimiter of a table by its first line: the one that gives all columns, or gives most."""
    bare = _QUOTED.sub("", line)

    def fit(delimiter: str) -> tuple[bool, int]:
        names = next(csv.reader([line], delimiter=delimiter), [])
        return all(field in names for field in fields), bare.count(delimiter)

    return max(DELIMITERS, key=fit)


def columns(row: Sequence[str], fields: Sequence[str]) -> tuple[list[int], bool]:
    """Return the places of columns, from 0, by the first row; and whether that row is a header.

    Raises:
        NoColumn: If there is no such column.
    """
    names = [name.strip() for name in row]
    places, is_header = [], False
    for field in fields:
        if field in names:
            places.append(names.index(field))
            is_header = True
        elif field.isdecimal() and 1 <= int(field) <= len(row):
            places.append(int(field) - 1)
        else:
            raise NoColumn(field)
    return places, is_header


class _TooLarge(Exception):  # noqa: N818 - it is an outcome of the record
    """A row has more bytes than :data:`LIMIT`."""


class _Lines:
    """The lines of a table, each with its end, one at a time as the reader of rows asks for them."""

    def __init__(self, stream: Stream) -> None:
        self._buffer = Buffer(stream)
        self._lines: list[bytes] = []  # the last first
        self._unread: list[str] = []
        self._read = 0  # bytes since the row began
        self.position = 0
        self.end = 0  # the position without line ends

    def __iter__(self) -> _Lines:
        return self

    def begin(self) -> None:
        """Say that a row begins."""
        self._read = 0

    def unread(self, line: str) -> None:
        """Give back a line, to be read again."""
        self._unread.append(line)

    def __next__(self) -> str:
        if self._unread:
            return self._unread.pop()
        if not self._lines:
            self._fill()
        line = self._lines.pop()
        self.position += len(line)
        self.end = self.position - len(line) + len(line.rstrip(b"\r\n"))
        self._read += len(line)
        if self._read > LIMIT:
            raise _TooLarge
        return line.decode("utf-8", "replace")

    def _fill(self) -> None:
        """Split what was read into lines; raise StopIteration at the end, and _TooLarge after a line that is that."""
        buffer = self._buffer
        while True:
            lines = buffer.slice(self.position, buffer.stop).splitlines(keepends=True)
            # The last line may go on, and so may a line end of two characters.
            if not buffer.ended and lines:
                lines.pop()
            if lines:
                self._lines = lines[::-1]
                return
            if buffer.stop - self.position > LIMIT:
                self._skip_line()
                raise _TooLarge
            if not buffer.more(self.position) and buffer.stop == self.position:
                raise StopIteration

    def _skip_line(self) -> None:
        """Go behind a line that is too long."""
        buffer = self._buffer
        at = self.position
        while (stop := buffer.data.find(b"\n", at - buffer.base)) < 0:
            at = buffer.stop
            if not buffer.more(at):
                self.position = self.end = buffer.stop
                return
        self.position = buffer.base + stop + 1
        self.end = self.position - 1
