"""Blocks of files with markup: the same from wherever a run resumes, and nothing twice when a file grows."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamer.formats.dates import DAY, seconds
from streamer.formats.recipes import ANY, Recipe
from streamer.intake import reader, streams
from streamer.intake.opened import open_regular
from streamer.intake.reader import Block

WORDS = ["alpha", "beta", "gamma", "délta", "中文", "🙂", "eps\\n", 'q"', "<b>"]
FIELDS = Recipe("auto", ("text",))
FROM = "From ada@example.org Mon Jan  1 10:00:00 2024\n"


def _texts(chance: random.Random) -> list[str]:
    counts = (chance.randrange(40) for _ in range(chance.randrange(1, 30)))
    return [" ".join(chance.choice(WORDS) for _ in range(count)) for count in counts]


def _jsonl(chance: random.Random) -> str:
    records = [{"a": text, "n": [1, {"b": text[:9]}]} for text in _texts(chance)]
    lines = [json.dumps(record, ensure_ascii=chance.random() < 0.5) for record in records]
    bad = ['{"a": [1,', '{"a": "x', "}", "", json.dumps(records[0], indent=1)]
    return "\n".join(["{}", *(line if chance.random() < 0.9 else chance.choice(bad) for line in lines)])


def _document(chance: random.Random) -> str:
    return json.dumps([{"a": text} for text in _texts(chance)], indent=chance.choice([None, 1]), ensure_ascii=False)


def _csv(chance: random.Random) -> str:
    file = io.StringIO()
    rows = ([number, text + chance.choice(["", "\n", '"'])] for number, text in enumerate(_texts(chance)))
    csv.writer(file).writerows([["id", "text"], *rows])
    return file.getvalue()


def _html(chance: random.Random) -> str:
    parts = [
        "<p>%s",
        "<div hidden>%s</div>",
        "<script>%s</script>",
        "<!-- %s -->",
        "<i>%s</i>\n",
        "<style>",
        "</style>",
    ]
    return "<!DOCTYPE html><html>" + "".join(chance.choice(parts).replace("%s", text) for text in _texts(chance))


def _mail(chance: random.Random) -> str:
    head = "From: a\nSubject: a subject\nX-Header: none\n\n"
    return "".join(f"{FROM}{head}{text}\n\n" for text in _texts(chance))


MAKERS: dict[str, tuple[Callable[[random.Random], str], Recipe, str]] = {
    "jsonl": (_jsonl, ANY, "jsonl"),
    "document": (_document, ANY, "jsonl"),
    "csv": (_csv, FIELDS, "csv text"),
    "html": (_html, ANY, "html"),
    "mail": (_mail, ANY, "mail"),
}


def blocks(path: Path, wanted: Recipe, *, start: int = 0, stop: int | None = None, **how: object) -> list[Block]:
    """Return the blocks of a file from a position on, by the recipe that it has."""
    encoding = str(how.get("encoding", "utf-8"))
    date_field = None if how.get("date_field") is None else str(how["date_field"])
    with open_regular(path) as file:
        verdict = reader.judge(file, encoding=encoding, max_bad_ratio=0.01, wanted=wanted)
        assert verdict.refusal is None
        stop = verdict.text_bytes if stop is None else stop
        size = int(str(how.get("size", 1 << 20)))
        recipe = str(how.get("recipe", verdict.format))
        asked: dict[str, Any] = {"recipe": recipe, "size": size, "date_field": date_field}
        return list(reader.blocks(file, start=start, stop=stop, encoding=encoding, **asked))


def words(found: list[Block]) -> list[str]:
    """Return all words of some blocks."""
    return " ".join(block.text.replace("\x1e", " ") for block in found).split()


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "gb18030"])
def test_blocks_are_the_same_from_any_cut_on(
    kind: str, encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small blocks and large ones, records of many blocks, in pieces of any size."""
    make, wanted, format_ = MAKERS[kind]
    chance, path, cuts = random.Random(f"{kind} {encoding}"), tmp_path / "file", 0
    for trial in range(4):
        monkeypatch.setattr(streams, "WINDOW", chance.choice([64, 1000, 1 << 18]))
        path.write_bytes(make(chance).encode(encoding, "replace"))
        size = [16, 100, 300, 5000][trial]
        if kind == "mail" and encoding == "gb18030":
            encoding = "utf-8"
            path.write_bytes(make(chance).encode())
        found = blocks(path, wanted, size=size, encoding=encoding)
        assert found[0].start == 0
        assert [block.start for block in found[1:]] == [block.stop for block in found[:-1]]
        assert found[-1].stop == path.stat().st_size
        for number in sorted(chance.sample(range(len(found)), min(len(found), 12))):
            block, rest = found[number], found[number + 1 :]
            if rest:
                cuts += 1
                assert blocks(path, wanted, start=block.stop, size=size, encoding=encoding) == rest, (trial, number)
    assert cuts >= 8, format_


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_added_is_all_that_is_read(kind: str, tmp_path: Path) -> None:
    """A file to which whole records are added gives those and no others; with or without a line end before."""
    make, wanted, format_ = MAKERS[kind]
    chance, path = random.Random(kind), tmp_path / "file"
    first, second = make(chance), make(chance)
    if kind in ("document", "csv"):
        second = {"document": '{"a": "new words"}', "csv": "77,new words\n"}[kind]
    before, joint = first.rstrip("\n") if kind != "mail" else first.rstrip(), {"mail": "\n\n"}.get(kind, "\n")
    if kind == "csv":
        before = before.rstrip("\r")
    path.write_bytes(before.encode())
    old = blocks(path, wanted)
    stop = old[-1].stop
    path.write_bytes((before + joint + second).encode())
    new = blocks(path, wanted, start=stop)
    whole = blocks(path, wanted)
    assert words([*old, *new]) == words(whole)
    assert blocks(path, wanted, stop=stop) == old, format_


def test_records_are_contexts_whatever_the_boundary(tmp_path: Path) -> None:
    """They lie apart by a character that no record has."""
    path = tmp_path / "file"
    path.write_text('{"a": "one\\u001etwo three"}\n{"b": "four five"}\n{"c": "six"}')
    assert blocks(path, ANY) == [Block(0, path.stat().st_size, "one two three\x1efour five")]


def test_a_long_record_is_cut_as_text_is(tmp_path: Path) -> None:
    """After a blank line, a line, a word; the ends are in proportion, and the last is that of the record."""
    text = "word " * 50 + "\n\n" + "line\n" * 30 + "x" * 500
    path = tmp_path / "file"
    path.write_text(
        json.dumps({"a": "first one"}) + "\n" + json.dumps({"a": text}) + "\n" + json.dumps({"a": "last one"})
    )
    found = blocks(path, ANY, size=200)
    assert "".join(block.text for block in found) == f"first one{text}last one"
    assert [block.stop for block in found] == sorted({block.stop for block in found})
    assert max(len(block.text) for block in found) <= 200
    for number, block in enumerate(found[:-1], 1):
        assert blocks(path, ANY, start=block.stop, size=200) == found[number:]


def test_a_block_has_the_date_of_its_newest_record(tmp_path: Path) -> None:
    """From any cut on, whatever the order of records; each part of a long one has its date. The text is the same."""
    chance, path = random.Random(8), tmp_path / "file"
    days = [chance.randrange(1, 29) for _ in range(60)]
    records = [{"at": f"2026-10-{day:02}", "text": f"word{day} " * chance.choice([2, 3, 90])} for day in days]
    # One without a date; and one of a single word, which is no text.
    records[::10] = [{"text": "no date here"}, {"at": "2026-10-31", "text": "short"}] * 3
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    found = blocks(path, ANY, size=200, date_field="at")
    assert [block._replace(date=None) for block in found] == blocks(path, ANY, size=200)
    inside = [{int(word[4:]) for word in block.text.split() if word[4:].isdecimal()} for block in found]
    assert [block.date for block in found] == [seconds(2026, 10, max(each)) if each else None for each in inside]
    assert max(map(len, inside)) > 1, "some blocks have several records"
    assert any(one == other and len(one) == 1 for one, other in itertools.pairwise(inside)), "some records are cut"
    for number, block in enumerate(found, 1):
        assert blocks(path, ANY, start=block.stop, size=200, date_field="at") == found[number:]
    assert {block.date for block in blocks(path, ANY, size=200, date_field="")} == {None}


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ('{"ts": %d, "text": "one two"}\n{"ts": %d, "text": "three four"}\n', ANY),
        ("text,ts\none,%d\ntwo,%d\n", Recipe("csv", ("text",))),
    ],
    ids=["jsonl", "csv"],
)
def test_dates_in_the_future_are_none(content: str, wanted: Recipe, tmp_path: Path) -> None:
    """A single one would be the newest of all for years. Clocks may differ by a day."""
    now, path = int(time.time()), tmp_path / "file"
    path.write_text(content % (now + DAY / 2, now + 2 * DAY))
    [block] = blocks(path, wanted, date_field="")
    assert block.date == int(now + DAY / 2)


def test_html_and_text_have_no_dates(tmp_path: Path) -> None:
    """Nothing says where one would be."""
    path = tmp_path / "file"
    for content in ("<!DOCTYPE html><html class=no><p>2026-11-03", "date: 2026-11-03"):
        path.write_text(content)
        assert [block.date for block in blocks(path, ANY, date_field="")] == [None]


def test_skipped_records_are_counted_with_their_block(tmp_path: Path) -> None:
    """Each once, wherever a run resumes."""
    path = tmp_path / "file"
    path.write_text('{"a": "one two"}\n{"a":\n{"a": "x"}\n{bad}\n' * 50)
    found = blocks(path, ANY, size=100, recipe="jsonl")
    assert sum(block.skipped for block in found) == 100
    assert blocks(path, ANY, start=found[3].stop, size=100, recipe="jsonl") == found[4:]


NOISE = {
    "jsonl": [b'{"a":', b'"x y"', b"}", b"[", b"]", b",", b"\n", b"\\", b'"', b"\\u00e9", b"\xff", b"1e5", b"null"],
    "csv text": [b'"', b",", b"\n", b"\r", b"text", b"a b", b"\xe9", b";", b"\0"],
    "html": [b"<p>", b"<script>", b"</script>", b"<!--", b"-->", b"<div hidden>", b"</div>", b"<", b">", b"&", b"\xff"],
    "mail": [
        b"Subject: a\n",
        b"\n",
        b"--x",
        b"Content-Type: multipart/mixed; boundary=x\n",
        b"> q\n",
        b"-- \n",
        b"\xff",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", NOISE)
def test_noise_of_markup_is_read_in_the_same_blocks_from_any_cut(recipe: str, tmp_path: Path) -> None:
    """Bytes that can't be decoded among it, in encodings in which a character has one byte or several."""
    chance, path = random.Random(recipe), tmp_path / "file"
    for _ in range(150):
        data = b"id,text\n" * (recipe == "csv text") + b"".join(
            chance.choices(NOISE[recipe], k=chance.randrange(1, 120))
        )
        path.write_bytes(data)
        encoding, size = chance.choice(["utf-8", "latin-1", "utf-16", "shift_jis"]), chance.choice([16, 60])

        def read(start: int, data: bytes = data, encoding: str = encoding, size: int = size) -> list[Block]:
            with open_regular(path) as file:
                stop = len(data)
                return list(reader.blocks(file, start=start, stop=stop, encoding=encoding, recipe=recipe, size=size))

        found = read(0)
        assert found[-1].stop == len(data)
        for number, block in enumerate(found[:-1], 1):
            assert read(block.stop) == found[number:]
