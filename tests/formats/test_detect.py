"""Formats are known by content; what only mentions them is text."""

from __future__ import annotations

import json

import pytest

from streamer.formats import detect
from streamer.formats.detect import choose, detected, document
from streamer.formats.recipes import Recipe

HTML = [
    "<!DOCTYPE html>\n<html><head><title>x</title>",
    "\n  <!doctype HTML PUBLIC '-//W3C//DTD HTML 4.01//EN'\n 'http://x'>\n<html>",
    "<html><body>text",
    "<HTML lang=de>\n<!-- a comment --><HEAD>",
    "<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC 'x'><html>",
    "<!-- saved from url -->\n<html>\n<body>",
    "<html>short</html>\n",
]
MAIL = [
    "From ada@example.org Mon Jan  1 10:00:00 2024\nFrom: a\nSubject: b\n\ntext",
    "From - Mon Jan 01 10:00:00 2024\nX-Status: 1\nReturn-Path: <a>\nReceived: from a\n\tby b\n\n",
    "Return-Path: <a@b>\nReceived: from x\n by y; Mon\nSubject: z\n\nbody",
    "Subject: hello\nFrom: me\n\nbody",
]
JSON = [
    '{"a": 1}\n{"b": 2}\n',
    '{"a": "text"}',
    "[1, 2]\n[3, 4]\n",
    '{"a": 1}\nbroken\n{"b": 2}\n{"c": 3}\n',
    '{"a": 1}\n{"cut',
    json.dumps([{"a": "b c"}] * 3, indent=2),
    json.dumps({"a": ["b c"] * 20_000}),
    '{"a": "' + "word " * 20_000,
    '{"a":1}{"b":2}',
    "[\n]",
]
TEXT = [
    "",
    "\n\n",
    "A text about <!DOCTYPE html> and <html><body>.",
    "<html> is a tag that begins each page.",
    "<p>A fragment</p>",
    "<?xml version='1.0'?><book><p>no HTML</p></book>",
    "From the first day on, at 10:30, we had rain.\nIt did not stop.\n",
    "From a@b Mon Jan  1 10:00:00 2024\nno headers here\n",
    "Subject: a memo without a sender\n\ntext",
    "Note: this\nWarning: that\n\ntext",
    "Date: 2024\nTo: everybody\n\nno mail",
    "Subject: x\nFrom: y\nand no header\n\ntext",
    "Subject: x\nFrom: y",
    "Romeo: who is there?\nJuliet: it is I.\n\nThey go.",
    "[1] A footnote.\n[2] Another one.\n",
    "[1]\nSome text\nand more.\n",
    "{curly} brackets begin this.\n",
    '["a list"] is what this is about\n',
    "{'python': 'no JSON'}\n",
    '"quoted"\n"lines"\n',
    "2024-01-01 10:00:00 [info] {\"a\": 1}\n",
    "a,b,c\n1,2,3\n4,5,6\n",
    "%PDF is what it begins with\n",
    "BZh and PK",
]  # fmt: skip


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (head, name)
        for name, heads in (("html", HTML), ("mail", MAIL), ("jsonl", JSON), ("text", TEXT))
        for head in heads
    ],
)
def test_what_it_is(head: str, name: str) -> None:
    """By how it begins, whatever follows."""
    assert detected(head[: detect.HEAD]) == name
    assert choose("\ufeff" + head[: detect.HEAD], Recipe()) == Recipe(name)


@pytest.mark.parametrize("head", [*HTML, *MAIL, *JSON])
def test_a_text_that_quotes_another_format_is_text(head: str) -> None:
    """It begins with words of its own."""
    assert detected(("This is what such a file looks like:\n\n" + head)[: detect.HEAD]) == "text"


def test_a_table_is_one_only_if_a_column_of_it_is_wanted() -> None:
    """All of them are there, and most rows are as long as the first."""
    table = "id\ttext\n1\tone two\n2\tthree\nx\n"
    assert detected(table) == "text"
    assert detected(table, ("text",)) == detected(table, ("2", "id")) == "csv"
    assert detected(table, ("nope",)) == detected(table, ("3",)) == "text"
    assert detected("a text, with commas\nin it, and text\n", ("text",)) == "text"
    assert detected("text\none\ntwo\n", ("text",)) == "text"
    assert choose(table, Recipe("auto", ("text",))) == Recipe("csv", ("text",))


def test_fields_are_for_formats_that_have_some() -> None:
    """They are no part of the recipe of others."""
    assert choose(JSON[0], Recipe("auto", ("text",))) == Recipe("jsonl", ("text",))
    assert choose(HTML[0], Recipe("auto", ("text",))) == Recipe("html")
    assert choose("words", Recipe("auto", ("text",))) == Recipe("text")


@pytest.mark.parametrize("name", ["text", "jsonl", "html", "mail"])
def test_the_user_knows_better(name: str) -> None:
    """A format that is named is taken, whatever the file is."""
    for head in (HTML[0], MAIL[0], JSON[0], TEXT[2]):
        assert choose(head, Recipe(name)) == Recipe(name)


@pytest.mark.parametrize("head", ["a,b\n1,2\n", "", "\n\n"])
def test_a_table_without_the_column_is_refused(head: str) -> None:
    """If it is said to be one."""
    with pytest.raises(detect.NoFormat, match=r"^csv: no column text; see --field$"):
        choose(head, Recipe("csv", ("text",)))


@pytest.mark.parametrize(
    ("head", "begins", "converter"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF: ", "pdftotext"),
        (b"%PDF-1.4\r", "PDF: ", "pdftotext"),
        (b"{\\rtf1\\ansi\\deff0", "RTF: ", "unrtf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "office file of before 2007: ", "soffice"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "office file: ", "pandoc"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text", "office file: ", "pandoc"),
    ],
)
def test_what_another_program_has_to_convert(head: bytes, begins: str, converter: str) -> None:
    """The reason names it."""
    reason = document(head)
    assert reason is not None
    assert reason.startswith(begins + "convert it to text first, for example with ")
    assert converter in reason


@pytest.mark.parametrize("head", [b"", b"%PDF-1.4 is a version", b"{\\rtf", b"PK\x03\x04 other", b"text"])
def test_what_nobody_has_to_convert(head: bytes) -> None:
    """Texts, and archives that are refused for other reasons."""
    assert document(head) is None
