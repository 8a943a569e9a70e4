"""Tables: columns by name and number, whatever separates them, with line ends inside of cells."""

from __future__ import annotations

import csv
import io
import random
from functools import partial

import pytest

from streamer.formats import tables
from streamer.formats.dates import DateReader, seconds
from streamer.formats.records import LIMIT

from .pieces import MiB, Pieces, dates, memory, scanned, skipped, texts

ROWS = [
    ["id", "full text", "who"],
    ["1", "one two", "Ada"],
    ["2", 'with, a; "quoted"\tword | here', "Bob"],
    ["3", "over\ntwo lines\r\nand three", ""],
    ["4", "", "nobody"],
    ["5", "東京 \x1e mark", "Éva"],
]
TEXTS = ["one two", 'with, a; "quoted"\tword | here', "over\ntwo lines\nand three", "東京   mark"]


def table(delimiter: str = ",", ends: str = "\r\n") -> bytes:
    """Return the rows as a file."""
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator=ends).writerows(ROWS)
    return file.getvalue().encode()


@pytest.mark.parametrize("delimiter", tables.DELIMITERS)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_a_column_by_name(delimiter: str, ends: str) -> None:
    """The header is none of its texts."""
    assert texts(partial(tables.records, fields=("full text",)), table(delimiter, ends)) == TEXTS


def test_a_column_by_number() -> None:
    """Without a name there is no header, so that the first row is a record."""
    assert texts(partial(tables.records, fields=("2",)), table()) == ["full text", *TEXTS]


def test_several_columns_are_one_record() -> None:
    """In the order in which they are named."""
    found = texts(partial(tables.records, fields=("who", "full text")), table())
    assert found[0] == "Ada\none two"
    assert len(found) == 5


def test_a_row_without_the_column_is_skipped_alone() -> None:
    """Blank lines are no rows."""
    data = b"\n\nid,text\n1,one\n2\n\n3,three,more\nx\n"
    found = scanned(partial(tables.records, fields=("text",)), data)
    assert [record.text for record in found if record.text] == ["one", "three"]
    assert skipped(found) == 2


def test_a_table_of_one_column() -> None:
    """Every line is a cell."""
    data = b"text\nthe first\nthe second, with a comma\n"
    assert texts(partial(tables.records, fields=("text",)), data) == ["the first", "the second"]
    assert texts(partial(tables.records, fields=("1",)), b"a word\nanother\n") == ["a word", "another"]


def test_the_header_is_known_wherever_text_is_wanted() -> None:
    """From any row on."""
    scanner = partial(tables.records, fields=("full text",))
    found = scanned(scanner, table())
    for record in found:
        again = scanner(Pieces(table(), 10, start=record.stop))
        assert [other.text for other in again if other.end > record.stop] == [
            other.text for other in found if other.end > record.stop
        ]


def test_columns_that_there_are_not() -> None:
    """The error names the first one."""
    assert tables.columns(["a", "3", "b"], ["3", "1"]) == ([1, 0], True)
    assert tables.columns(["a", "b"], ["2"]) == ([1], False)
    for field in ("c", "0", "3", "-1", ""):
        with pytest.raises(tables.NoColumn, match=f"^{field}$"):
            tables.columns(["a", "b"], [field])
    assert list(tables.records(Pieces(b"a,b\n1,2\n"), ["c"])) == []


def test_the_delimiter_is_the_one_that_gives_all_columns() -> None:
    """Else the most frequent one outside of quotes."""
    assert tables.sniffed('a;b,c;"x,y,z"\n', []) == ";"
    assert tables.sniffed("a, b, c;text\n", ["text"]) == ";"
    assert tables.sniffed("text\n", ["text"]) == ","


def test_random_tables_are_read_as_the_standard_library_does() -> None:
    """Quotes and line ends anywhere, open quotes too, in pieces of any size."""
    chance = random.Random(2)
    for _ in range(200):
        cells = ["".join(chance.choice('ab ",;\n\ré') for _ in range(chance.randrange(8))) for _ in range(20)]
        data = "id,text\n" + "\n".join(f"{number},{cell}" for number, cell in enumerate(cells))
        rows = list(csv.reader(data.splitlines(keepends=True) if "\x85" not in data else []))[1:]
        expected = [row[1].replace("\r\n", "\n").replace("\r", "\n") for row in rows if len(row) > 1 and row[1]]
        assert texts(partial(tables.records, fields=("text",)), data.encode()) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "middle"),
    [(b"", b"word " * 1000), (b'"', b"word " * 1000), (b"", b"word," * 1000)],
    ids=["cell", "quoted", "cells"],
)
def test_a_row_of_a_hundred_megabytes_is_skipped(first: bytes, middle: bytes) -> None:
    """It takes no more memory than a row that may be that long, and is counted once."""
    pieces = [b"id,text\n1," + first + middle, *[middle * 50] * (100 * MiB // (50 * len(middle))), first + b"\n2,end\n"]
    most, count = memory(partial(tables.records, fields=("text",)), pieces)
    assert count == 1
    assert most < 5 * LIMIT


@pytest.mark.slow
def test_an_open_quote_takes_a_part_of_the_table() -> None:
    """Rows are read again when what it opened has become too large."""
    pieces = [b'id,text\n1,"open\n', *[b"2,some words\n" * 10_000] * 100]
    most, count = memory(partial(tables.records, fields=("text",)), pieces)
    assert count == 1
    assert most < 8 * LIMIT


DATED = b"id,created_at,text,day\n1,2026-11-03,one,5\n2,no date,two,2026-11-05\n3\n4,2026-11-04,four\n"


@pytest.mark.parametrize(
    ("field", "days"), [("", [3, None, None, 4]), ("day", [None, 5, None, None]), ("4", [None, 5, None, None])]
)
def test_dates_of_rows(field: str, days: list[int | None]) -> None:
    """In a usual column, or in one by name or number; the header and a short row have none. The text is the same."""
    expected = [None, *(day and seconds(2026, 11, day) for day in days)]
    found = scanned(partial(tables.records, fields=("text",), dates=DateReader(field)), DATED)
    assert dates(found) == expected
    bare = scanned(partial(tables.records, fields=("text",)), DATED)
    assert [record._replace(date=None) for record in found] == bare
    assert {*dates(bare)} == {None}


def test_dates_of_a_table_without_a_header() -> None:
    """By numbers only: then the first row has a date, too."""
    data = b"2026-11-03\tone\n2026-11-04\ttwo\n"
    found = scanned(partial(tables.records, fields=("2",), dates=DateReader("1")), data)
    assert list(zip([record.text for record in found], dates(found), strict=True)) == [
        ("one", seconds(2026, 11, 3)),
        ("two", seconds(2026, 11, 4)),
    ]
    late = tables.records(Pieces(data, start=15), ("2",), DateReader("1"))
    assert dates(late) == [None, seconds(2026, 11, 4)]
