"""HTML: what a reader sees, all of it and nothing else, however it is cut into pieces."""

from __future__ import annotations

import random
import re
import time
from functools import partial

import pytest

from streamer.formats import html

from .pieces import MiB, Pieces, memory, scanned

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>A &amp; title</title>
<style>p { color: red }</style><script>var markup = "<p>no</p>"; if (a < b) {}</script></head>
<body class="x" title="no attribute"><!-- no <b>comment</b> --><h1>Head<i>ing</i></h1><p>First par<wbr>agraph,
on two lines<p>Second: un<b>believ</b>able &eacute; &#233; &#x65E5;<br>after a break
<template><p>no template</p></template><noscript>no script</noscript>
<div hidden>no <div>hidden</div> text</div><p style="Display: none">no style</p>
<ul><li>one<li>two</ul><table><tr><td>cell<td>next</table>left<img alt="no picture" src=x>right
<textarea>in a box</textarea><pre>line 1
line 2</pre><iframe>no frame</iframe>last</body></html>"""
SEEN = [
    "A & title", "Heading", "First paragraph, on two lines", "Second: unbelievable é é 日\nafter a break", "one", "two",
    "cell", "next", "left right in a box", "line 1\nline 2", "last",
]  # fmt: skip


def contexts(text: str) -> list[str]:
    """Return what is between blank lines, without more than a space between words."""
    parts = re.split(r"\n\s*\n", text)
    return [found for part in parts if (found := re.sub(r"[ \t]+", " ", part.replace(" \n", "\n")).strip())]


def test_what_is_visible() -> None:
    """Text and title, entities decoded; no scripts, styles, templates, comments, attributes, hidden elements."""
    assert contexts(html.visible(PAGE.encode())) == SEEN


@pytest.mark.parametrize("size", [200, 500, 1000])
def test_pieces_have_the_same_words(size: int) -> None:
    """Wherever it is cut."""
    found = scanned(partial(html.records, size=size), PAGE.encode())
    assert len(found) > 1 or size > len(PAGE)
    assert " ".join(record.text for record in found).split() == " ".join(SEEN).split()
    assert found[-1].stop == len(PAGE.encode())


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("a<b>c", "ac"),
        ("<p>open<p>and open<div>more", "open and open more"),
        ("</p></div>ends only", "ends only"),
        ("x<script>never closed <p>y</p>", "x"),
        ("x<!-- never closed <p>y</p>", "x"),
        ("x<style>y", "x"),
        ("x<template>y", "x"),
        ("x<div hidden>y", "x"),
        ("<p hidden=hidden>y</p>x", "x"),
        ("<input hidden>x", "x"),
        ("<a title='a > b' href=\"?a=1&b=2\">link</a>", "link"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<p", ""),
        ("", ""),
        ("&amp;lt; &unknown; &#0; &#xD800;", "&lt; &unknown; \ufffd \ufffd"),
        ("<svg><text>in a picture</text></svg>", "in a picture"),
        ("a\x1eb", "a b"),
        ("a&#30;b", "a b"),
    ],
)
def test_markup_that_is_not_sound(markup: str, seen: str) -> None:
    """Is read as browsers read it."""
    assert html.visible(markup.encode()).split() == seen.split()


def test_a_piece_that_begins_in_what_is_hidden_shows_none_of_it() -> None:
    """Scripts, comments and hidden elements are longer than a piece here."""
    long = "no " * 2000
    parts = [f"<script>{long}</script>", f"<!-- {long} -->", f"<div hidden><div>{long}</div>{long}</div>"]
    page = "".join(
        f"<p>yes {part} yes</p>" for part in [*parts, f"<template>{long}</template>", f"<style>{long}</style>"]
    )
    for size in (100, 1000, 5000):
        words = " ".join(record.text for record in html.records(Pieces(page.encode()), size)).split()
        assert words == ["yes"] * 10, size


def test_pieces_from_any_cut_on_are_the_same() -> None:
    """A look at all tags before, and nothing else, decides what is hidden."""
    chance = random.Random(6)
    parts = ["<p>%s</p>", "%s", "<b>%s</b>", "<script>%s</script>", "<!-- %s -->", "<div hidden>%s", "</div>"]
    parts += ["<style>", "</style>", "<li title='>'>%s", "é 日 %s"]
    for _ in range(30):
        page = "".join(
            chance.choice(parts).replace("%s", "some words " * chance.randrange(9)) for _ in range(60)
        ).encode()
        found = list(html.records(Pieces(page, 1000), 100))
        assert [record.stop for record in found] == sorted({record.stop for record in found})
        for number, record in enumerate(found[:-1], 1):
            assert list(html.records(Pieces(page, 1000, start=record.stop), 100)) == found[number:]


@pytest.mark.parametrize(
    "unit",
    [
        b"<div>",
        b"<p>",
        b"<b>",
        b"<table>",
        b"<div></span>",
        b"<pre>",
        b"<div hidden>",
        b"<!--",
        b"<a b='",
        b"</script ",
    ],
)
def test_a_megabyte_of_tags_that_are_never_closed(unit: bytes) -> None:
    """Takes seconds at most."""
    data = unit * (MiB // len(unit)) + b"<p>end"
    started = time.process_time()
    list(html.records(Pieces(data), MiB))
    assert time.process_time() - started < 15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("middle", "size"),
    [(b"word " * 1000, 100), (b"<p>word " * 1000, 20), (b"<script>" * 700, 100)],
    ids=["text", "tags", "script"],
)
def test_long_pages_take_no_more_memory_than_some(middle: bytes, size: int) -> None:
    """A page of any length is parsed in pieces: tens of MiB, fewer of tags, which take a second each."""
    pieces = [b"<html>", *[middle * 50] * (size * MiB // (50 * len(middle)))]
    most, count = memory(partial(html.records, size=MiB), pieces)
    assert count == 0
    assert most < 60 * MiB
