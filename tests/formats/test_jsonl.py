"""JSON in all its shapes: the same strings, no keys, broken records counted one by one."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from streamer.formats import jsonl
from streamer.formats.dates import DateReader, seconds
from streamer.formats.records import LIMIT, Record, Stream

from .pieces import MiB, Pieces, dates, memory, scanned, skipped, texts

RECORDS: list[Any] = [
    {"id": 1, "text": "one two", "user": {"name": "Ada L", "tags": ["x", "deep in"]}},
    {"id": 2, "text": 'a "quoted" \\ [bracket] {brace}', "none": None, "user": {"name": "Bob"}},
    {"id": 3, "text": "line\nends\there", "ok": True, "f": -1.5e3, "user": [{"name": "C D"}, {"name": "E F"}]},
    {"id": 4, "text": "東京で会いましょう", "url": "https://example.org/a?b=c"},
    {"id": 5, "text": "sign \u2028 and \x1e mark", "e": [], "o": {}},
]
TEXTS = [
    "one two\nAda L\ndeep in",
    'a "quoted" \\ [bracket] {brace}',
    "line\nends\there\nC D\nE F",
    "東京で会いましょう",
    "sign \u2028 and   mark",
]


def scan(stream: Stream) -> Iterator[Record]:
    """Yield the records with all strings."""
    return jsonl.records(stream)


def lines(*values: Any, **how: Any) -> str:
    """Return values, a line each."""
    return "\n".join(json.dumps(value, **how) for value in values)


SHAPES = {
    "lines": lines(*RECORDS),
    "lines, not escaped, at the end a line end": lines(*RECORDS, ensure_ascii=False) + "\n",
    "lines of Windows": lines(*RECORDS).replace("\n", "\r\n"),
    "blank lines between": lines(*RECORDS).replace("\n", "\n\n \n"),
    "one array": json.dumps(RECORDS),
    "one array, printed": json.dumps(RECORDS, indent=2),
    "one array, a line each": "[\n" + lines(*RECORDS).replace("\n", ",\n") + "\n]\n",
    "one after the other": "".join(map(json.dumps, RECORDS)),
    "one after the other, printed": "\n".join(json.dumps(record, indent=2) for record in RECORDS),
    "printed, without a break": "".join(json.dumps(record, indent=2) for record in RECORDS),
    "lines, then one that is printed": lines(*RECORDS[:4]) + "\n" + json.dumps(RECORDS[4], indent=1),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_texts(shape: str) -> None:
    """In the order of the records; no keys, single words, numbers or addresses."""
    data = SHAPES[shape].encode()
    found = [text for all_of_them in texts(scan, data) for text in all_of_them.split("\x1e")]
    assert found == TEXTS
    assert skipped(scanned(scan, data)) == 0


def test_a_document_is_one_record() -> None:
    """What is in an object belongs together, however long its lists are."""
    assert texts(scan, json.dumps({"items": RECORDS}, indent=2).encode()) == ["\n".join(TEXTS)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["text"], [record["text"].replace("\x1e", " ") for record in RECORDS]),
        (["user.name"], ["Ada L", "Bob", "C D\nE F"]),
        (["user.tags"], ["x\ndeep in"]),
        (["user"], ["Ada L\ndeep in", "C D\nE F"]),
        (["id", "none", "nowhere", "text.more"], []),
        (["user.name", "text"], ["Ada L\none two", "Bob\n" + TEXTS[1], "C D\nE F\nline\nends\there", *TEXTS[3:]]),
    ],
)
def test_fields(fields: list[str], expected: list[str]) -> None:
    """Dotted names, through lists; a field gives even a single word, and what is in it if it is no string."""
    assert texts(partial(jsonl.records, fields=tuple(fields)), lines(*RECORDS).encode()) == expected


def test_a_key_may_have_dots() -> None:
    """Then it is found as well as the name in parts."""
    data = lines({"a.b": "one two"}, {"a": {"b": "three four"}}, {"a.b": {"c": "five"}}).encode()
    assert texts(partial(jsonl.records, fields=("a.b",)), data) == ["one two", "three four"]
    assert texts(partial(jsonl.records, fields=("a.b.c",)), data) == ["five"]


@pytest.mark.parametrize(
    ("broken", "count"),
    [
        ('{"a": "cut sho', 1),
        ('{"a": [1, 2,', 1),
        ('{"a" "no colon"}', 1),
        ("no JSON at all", 1),
        ("}", 1),
        ('{"a": 01}', 1),
        ('{"a": "good here"} and more', 1),
        ('{"a": "\\x"}', 1),
        ("[" * 100_000, None),
        ('{"a":' * 50_000, 1),
        ('"a string that is cut', 1),
        ("1e5\ntrue\nnull", 0),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_broken_record_is_skipped_alone(broken: str, count: int | None) -> None:
    """The lines before and after it are trained."""
    data = f'{{"t": "the first"}}\n{broken}\n{{"t": "the last"}}\n{{"t": "and more"}}'.encode()
    found = scanned(scan, data) if len(data) < 10_000 else list(scan(Pieces(data)))
    kept = [record.text for record in found if record.text and record.text != "good here"]
    assert kept[0] == "the first"
    if count is not None:
        assert kept == ["the first", "the last", "and more"]
        assert skipped(found) == count


def test_numbers_are_not_looked_at() -> None:
    """One of a million digits takes no time."""
    started = time.monotonic()
    assert texts(scan, b'{"n": ' + b"9" * 100_000 + b', "t": "one two"}') == ["one two"]
    assert time.monotonic() - started < 5


def test_records_of_random_shapes_are_found_however_they_come() -> None:
    """Values, broken and not, in lines and not, in pieces of any size: the same records, to the last byte."""
    chance = random.Random(3)

    def value(depth: int) -> Any:
        kind = chance.randrange(6 if depth else 3)
        if kind < 3:
            return chance.choice(["a b", 'q " \\ {', "é ü", 1, None, "[ ]", "line\nend"])
        if kind < 5:
            return {chance.choice("abc"): value(depth - 1) for _ in range(chance.randrange(3))}
        return [value(depth - 1) for _ in range(chance.randrange(3))]

    for _ in range(300):
        parts = [json.dumps(value(3), indent=chance.choice([None, None, 1])) for _ in range(chance.randrange(1, 6))]
        data = chance.choice(["\n", "", " ", "\n\n", ",\n"]).join(parts).encode()
        if chance.random() < 0.5:
            at = chance.randrange(len(data))
            data = data[:at] + chance.choice([b"", b"\n", b'"', b"}", b"[", b"\\"]) + data[at + chance.randrange(3) :]
        found = scanned(scan, data)
        for record in found[:3]:
            again = list(jsonl.records(Pieces(data, 50, start=record.stop)))
            wanted = [other for other in found if other.end > record.stop]
            assert [other for other in again if other.end > record.stop] == wanted


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "middle", "last", "size"),
    [
        (b'{"a": "', b"word " * 1000, b'"}\n', 100),
        (b'{"a": [', b'"one two", ' * 1000, b'"z"]}\n', 20),
        (b'{"a": ', b"[" * 5000, b"\n", 100),
        (b'{"a": ', b"1234567890" * 500, b"}\n", 100),
        (b"", b"no JSON " * 600, b"\n", 100),
    ],
    ids=["string", "list", "deep", "number", "text"],
)
def test_a_record_of_tens_of_megabytes_is_skipped(first: bytes, middle: bytes, last: bytes, size: int) -> None:
    """It takes no more memory than a record that may be that long, and is counted once."""
    times = size * MiB // len(middle)
    pieces = [first + middle, *[middle * 50] * (times // 50), last, b'{"a": "the end"}\n']
    most, count = memory(scan, pieces)
    assert count == 1
    assert most < 5 * LIMIT


def dated(data: str, field: str = "", **how: Any) -> list[float | None]:
    """Return the dates of the records of a text."""
    scanner = partial(jsonl.records, dates=DateReader(field, **how))
    found = scanned(scanner, data.encode())
    assert [record._replace(date=None) for record in found] == scanned(scan, data.encode()), "the text is the same"
    return dates(found)


def test_dates_of_records() -> None:
    """The first usual field that holds one, in their order and not in that of the record; a broken record has none."""
    data = lines(
        {"ts": 1793714405, "text": "one two", "created_at": "2026-11-03"},
        {"date": None, "time": "5 min", "created": "2026-11-04T00:00:00Z"},
        {"text": "none at all", "nested": {"date": "2026-11-03"}},
        "2026-11-03 is a string",
        5,
    )
    days = [seconds(2026, 11, 3), seconds(2026, 11, 4)]
    assert dated(data + "\n{broken}\n") == [*days, None, None, None, None]
    assert dated(json.dumps([{"date": "2026-11-03"}, {"date": "2026-11-04"}], indent=1)) == days


def test_dates_in_a_field_that_is_named() -> None:
    """A dotted name, through lists; the first that is a date. The usual fields do not count."""
    data = lines(
        {"date": "2020-01-01", "meta": {"when": "2026-11-03"}},
        {"date": "2020-01-01", "meta": [{"when": "soon"}, {"when": "2026-11-04"}]},
        {"date": "2020-01-01", "meta.when": "2026-11-05"},
        {"date": "2020-01-01"},
    )
    days = [seconds(2026, 11, day) for day in (3, 4, 5)]
    assert dated(data, "meta.when") == [*days, None]
    assert dated(lines({"year": 1880}, {"year": "1881"}), "year") == [seconds(1880), seconds(1881)]


def test_a_record_of_several_has_the_newest_date() -> None:
    """A line that is a list has one context each, and one date."""
    data = lines(
        {"date": "2020-01-01"},
        [{"date": "2026-11-03"}, {"date": "2026-11-05"}, {}, {"date": "2026-11-04"}],
    )
    assert dated(data) == [seconds(2020), seconds(2026, 11, 5)]
    assert dated(data, latest=seconds(2026, 11, 4)) == [seconds(2020), seconds(2026, 11, 4)]


def test_records_that_nobody_wants_are_not_asked_for_dates() -> None:
    """Nor is any, if nobody asks."""
    data = lines({"date": "2020-01-01"}, {"date": "2021-01-01"}).encode()
    found = jsonl.records(Pieces(data, start=22), dates=DateReader())
    assert dates(found) == [None, seconds(2021)]
    assert dates(jsonl.records(Pieces(data))) == [None, None]
