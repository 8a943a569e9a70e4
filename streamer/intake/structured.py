"""A file with markup → blocks of the text that is in its records.

The scanner of a format always begins at the first byte of the text, and what ends before a block is dropped. So the
blocks of a run that resumes are those of a run that was never stopped.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from streamer.formats.dates import DAY, DateReader, Written
from streamer.formats.recipes import Recipe
from streamer.formats.records import Record
from streamer.intake.streams import Stream
from streamer.text.tokenizer import SEPARATOR

_ENDS = tuple(re.compile(end) for end in (r"\n\s*\n", rf"[\n{SEPARATOR}]", r"\s"))


class Extract(NamedTuple):
    """What is in the bytes of a text up to a position.

    Attributes:
        stop: The position.
        text: The text of its records.
        skipped: How many were skipped.
        date: The date of the newest one, in seconds since 1970; None if none has one, or nobody asks.
    """

    stop: int
    text: str
    skipped: int
    date: float | None = None


def extracts(
    stream: Stream, recipe: Recipe, *, start: int, stop: int, size: int, date_field: str | None = None
) -> Iterator[Extract]:
    """Yield the text of the records of a file in blocks of about ``size`` bytes.

    Args:
        stream: The text, from its first byte to ``stop``.
        recipe: Its format.
        start: Where the first block begins: at the end of another, or where the text ended before it grew.
        stop: Where the text ends.
        size: Bytes that a block may have, apart from one with a single record.
        date_field: The field with the date of a record; empty for the usual ones, None if nobody asks for dates.
    """
    texts: list[str] = []
    begin, length, skipped = start, 0, 0  # of the block; characters; records
    dates = None if date_field is None else DateReader(date_field, time.time() + DAY)
    dated: list[Written] = []
    # Pieces of HTML begin at the start, and are cut already: their text is hardly longer.
    at, whole = (start, True) if recipe.format == "html" else (0, False)  # where the last record ended
    for record in _records(stream, recipe, size, dates):
        end = stream.in_text(record.end)
        before, at = at, stream.in_text(record.stop)
        if at <= begin:
            continue
        wanted = end > begin
        text = record.text if wanted else ""
        if before > begin and (at - begin > size or length + len(text) > size):
            yield Extract(before, SEPARATOR.join(texts), skipped, dates.newest(dated) if dates else None)
            texts, begin, length, skipped, dated = [], before, 0, 0, []
        skipped += record.skipped * wanted
        if text and record.date is not None:
            dated.append(record.date)
        if len(text) > size and not whole:
            for cut, part in _cut(text, size, before, end):
                if cut > begin:
                    begin = at if cut == end else cut
                    yield Extract(begin, part, skipped, dates.newest(dated) if dates else None)
                    skipped = 0
            dated = []
        elif text:
            texts.append(text)
            length += len(text) + 1
    if begin < stop:
        yield Extract(stop, SEPARATOR.join(texts), skipped, dates.newest(dated) if dates else None)


def _records(stream: Stream, recipe: Recipe, size: int, dates: DateReader | None) -> Iterator[Record]:
    # Most files are text, and what the scanners import takes 30 ms.
    from streamer.formats import html, jsonl, mail, tables  # noqa: PLC0415

    scanners: dict[str, Callable[[], Iterator[Record]]] = {
        "jsonl": lambda: jsonl.records(stream, recipe.fields, dates),
        "csv": lambda: tables.records(stream, recipe.fields, dates),
        "html": lambda: html.records(stream, size),
        "mail": lambda: mail.records(stream, dates),
    }
    return scanners[recipe.format]()


def _cut(text: str, size: int, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """Cut the text of a record that has the bytes from ``start`` to ``stop``; yield where each part ends, and it.

    Nobody can say where a piece of a decoded text is in the bytes of the file: the ends are in proportion.
    """
    at, total = 0, len(text)
    while at < total:
        end = total
        if total - at > size:
            found = (_last(pattern, text, at, at + size) for pattern in _ENDS)
            end = next((place for place in found if place), at + size)
        yield start + (stop - start) * end // total, text[at:end]
        at = end


def _last(pattern: re.Pattern[str], text: str, start: int, stop: int) -> int:
    """Return the end of the last match of a pattern in a part of a text, 0 if there is none."""
    for back in (1 << 12, stop - start):
        ends = [found.end() for found in pattern.finditer(text, max(start, stop - back), stop)]
        if ends:
            return ends[-1]
    return 0
