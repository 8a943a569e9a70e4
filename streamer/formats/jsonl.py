"""JSON: a record a line, records one after the other, one document, or an array whose elements are the records."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from streamer.formats.dates import DateReader, Written
from streamer.formats.records import LIMIT, Buffer, Record, Stream, plain, wanted
from streamer.text.scripts import without_spaces
from streamer.text.tokenizer import SEPARATOR

LINE = 1 << 20
"""Bytes of the longest line that is tried as a whole record, before brackets are counted."""

_SPACE = re.compile(rb"[\s,]*")
_OUTSIDE = re.compile(rb'"(?:[^"\\\n]*+(?:\\.[^"\\\n]*+)*+")?+|[\[{]++|[\]}]++|\n(?=[\[{])')
_IN_STRING = re.compile(rb'"|\n|\\.?', re.DOTALL)
_SCALAR_ENDS = re.compile(rb"\n")
_ELEMENT_ENDS = re.compile(rb"[,\]\n]")
_WORDS = re.compile(r"\S\s+\S")

# Numbers are of no interest: integers of many digits would take long. Control characters in strings are let be.
_DECODER = json.JSONDecoder(parse_int=float, strict=False)
_BROKEN = object()


def records(stream: Stream, fields: tuple[str, ...] = (), dates: DateReader | None = None) -> Iterator[Record]:
    """Yield the records of a text of JSON values.

    Args:
        stream: The text.
        fields: Dotted names of the strings to take; without any, all strings of more than one word are taken.
        dates: Where the dates of records are, and what reads them; None if nobody asks for them.
    """
    return _Scanner(stream, fields, dates).records()


class _Scanner:
    def __init__(self, stream: Stream, fields: tuple[str, ...], dates: DateReader | None) -> None:
        self._stream = stream
        self._fields = [tuple(field.split(".")) for field in fields]
        self._dates = dates
        self._dotted = dates is not None and any("." in name for name in dates.names)
        self._buffer = Buffer(stream)
        self._at = 0
        self._in_array = False  # in an array whose elements are the records
        self._tried = 0  # lines that end before this position are known to be no records
        self._lines = False  # a line by itself was a record: then a line that is one ends whatever is open before

    def records(self) -> Iterator[Record]:
        buffer = self._buffer
        while self._skip_space():
            first = buffer.slice(self._at, self._at + 1)
            if first == b"]" and self._in_array:
                self._in_array = False
                self._at += 1
            elif (record := self._line()) is not None:
                yield record
            elif first == b"[" and not self._in_array:
                self._in_array = True
                self._at += 1
            elif first in b'{["':
                yield self._value()
            else:
                yield self._rest(_ELEMENT_ENDS if self._in_array else _SCALAR_ENDS)

    def _skip_space(self) -> bool:
        """Go to the next value; return False if there is none."""
        buffer = self._buffer
        while True:
            found = _SPACE.match(buffer.data, self._at - buffer.base)
            assert found is not None
            self._at = buffer.base + found.end()
            if self._at < buffer.stop:
                return True
            if not buffer.more(self._at):
                return False

    def _line(self) -> Record | None:
        """Return the record that a line is, None if it is not exactly one."""
        if self._at < self._tried:
            return None
        stop = self._buffer.find(b"\n", self._at, LINE, keep=self._at)
        self._tried = self._at + LINE if stop < 0 else stop
        if stop < 0:
            return None
        line = self._buffer.slice(self._at, stop).rstrip()
        if self._in_array:
            line = line.removesuffix(b",").rstrip()
        value = _parsed(line)
        if value is _BROKEN:
            return None
        self._lines |= not self._in_array
        end, self._at = self._at + len(line), min(stop + 1, self._buffer.stop)
        return self._record(value, end, self._at)

    def _value(self) -> Record:
        """Return the record that begins here, by counting brackets."""
        buffer, start = self._buffer, self._at
        scan, depth, in_string, large = start, 0, False, False
        while True:
            found = (_IN_STRING if in_string else _OUTSIDE).search(buffer.data, scan - buffer.base)
            if found is None or (found[0] == b"\\" and not buffer.ended):
                # A line end is a token by what follows it.
                last_line_end = not in_string and buffer.data.endswith(b"\n") and scan < buffer.stop
                scan = buffer.stop - last_line_end if found is None else buffer.base + found.start()
                large |= scan - start > LIMIT
                if buffer.more(scan if large else start):
                    continue
                self._at = buffer.stop
                return self._record(_BROKEN, self._at, self._at)
            token, scan = found[0], buffer.base + found.end()
            if token == b"\n":
                if in_string or self._is_record(scan, keep=scan if large else start):
                    self._at = scan
                    return self._record(_BROKEN, scan - 1, scan)
                continue
            if in_string:
                in_string = token != b'"'
                if in_string:
                    continue
            elif token == b'"':
                in_string = True
                continue
            elif token[0] in b"[{":
                depth += len(token)
            elif token[0] in b"]}":
                scan -= max(0, len(token) - max(depth, 1))  # those behind are of others
                depth -= len(token)
            if depth <= 0:
                self._at = scan
                large |= scan - start > LIMIT
                value = _BROKEN if large else _parsed(buffer.slice(start, scan))
                return self._record(value, scan, scan)

    def _is_record(self, start: int, *, keep: int) -> bool:
        """Return whether the line that begins here is a record, in a text whose lines are."""
        if not self._lines or self._in_array:
            return False
        stop = self._buffer.find(b"\n", start, LINE, keep=keep)
        return stop >= 0 and _parsed(self._buffer.slice(start, stop)) is not _BROKEN

    def _rest(self, ends: re.Pattern[bytes]) -> Record:
        """Return what begins with no bracket and is no string: a number, or something broken."""
        buffer, start = self._buffer, self._at
        scan = start + 1
        while (found := ends.search(buffer.data, scan - buffer.base)) is None:
            scan = buffer.stop
            if not buffer.more(scan if scan - start > LINE else start):
                break
        self._at = buffer.base + found.start() if found else buffer.stop
        value = _parsed(buffer.slice(start, self._at)) if buffer.base <= start else _BROKEN
        return self._record(value, self._at, self._at)

    def _record(self, value: Any, end: int, stop: int) -> Record:
        if value is _BROKEN:
            return Record(end, stop, "", 1)
        if not wanted(self._stream, end):
            return Record(end, stop, "")
        values = value if isinstance(value, list) and not self._in_array else [value]
        texts = ("\n".join(map(plain, self._strings(item))) for item in values)
        text = SEPARATOR.join(filter(None, texts))
        if self._dates is None:
            return Record(end, stop, text)
        if len(values) == 1:
            return Record(end, stop, text, 0, self._date(self._dates, values[0]))
        found = (self._date(self._dates, item) for item in values)
        return Record(end, stop, text, 0, self._dates.newest(date for date in found if date is not None))

    def _date(self, dates: DateReader, value: Any) -> Written | None:
        """Return the date of a record: the first one in its fields."""
        if self._dotted or type(value) is not dict:
            items = (item for name in dates.names for item in _items(value, tuple(name.split("."))))
            return next((date for item in items if (date := dates.look(item)) is not None), None)
        for name in dates.names:
            if name in value and (date := dates.look(value[name])) is not None:
                return date
        return None

    def _strings(self, value: Any) -> list[str]:
        if not self._fields:
            return list(_all_strings(value))
        return [text for field in self._fields for text in _at_field(value, field)]


def _parsed(data: bytes) -> Any:
    """Return the value that some bytes are, :data:`_BROKEN` if they are not exactly one."""
    try:
        return _DECODER.decode(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return _BROKEN


def _all_strings(value: Any) -> Iterator[str]:
    """Yield the strings of more than one word in a value, in order, and no keys."""
    waiting = [value]
    while waiting:  # no recursion: a value may be nested deeper than Python's stack is high
        item = waiting.pop()
        if isinstance(item, str):
            if _WORDS.search(item) or (not item.isascii() and without_spaces(sorted(set(map(ord, item))))):
                yield item
        elif isinstance(item, dict):
            waiting.extend(reversed(item.values()))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _at_field(value: Any, field: tuple[str, ...]) -> Iterator[str]:
    """Yield the strings at a dotted name."""
    for item in _items(value, field):
        if isinstance(item, str):
            yield item
        else:
            yield from _all_strings(item)


def _items(value: Any, field: tuple[str, ...]) -> Iterator[Any]:
    """Yield what is at a dotted name, also through lists; a key may have dots in it."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        item, used = waiting.pop()
        if isinstance(item, list):
            waiting.extend((element, used) for element in reversed(item))
        elif used == len(field):
            yield item
        elif isinstance(item, dict):
            ends = range(used + 1, len(field) + 1)
            keys = ((".".join(field[used:stop]), stop) for stop in ends)
            waiting.extend((item[key], stop) for key, stop in keys if key in item)
