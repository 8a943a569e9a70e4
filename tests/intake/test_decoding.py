"""Which codec a file has, where its bytes may be cut, and how bad characters are counted."""

from __future__ import annotations

import codecs

import pytest

from streamer.intake.decoding import Census, Codec


@pytest.mark.parametrize(
    ("head", "encoding", "expected"),
    [
        (b"text", "utf-8", Codec("utf-8", 0, 1)),
        (codecs.BOM_UTF8, "latin-1", Codec("utf-8", 3, 1)),
        (codecs.BOM_UTF16_LE + b"a\0", "utf-8", Codec("utf-16-le", 2, 2)),
        (codecs.BOM_UTF32_LE, "utf-8", Codec("utf-32-le", 4, 4)),
        (b"a\0b\0", "utf-16", Codec("utf-16-le", 0, 2)),
        (b"text", "latin-1", Codec("iso8859-1", 0, 1)),
    ],
)
def test_a_mark_decides_before_the_encoding(head: bytes, encoding: str, expected: Codec) -> None:
    """The name, the length of the mark, the bytes of a unit."""
    assert Codec.of(head, encoding) == expected


def test_a_cut_is_after_a_blank_line_or_a_line_or_a_word_or_a_character() -> None:
    """Whichever comes first in this order; in UTF-16 at a unit."""
    codec = Codec.of(b"", "utf-8")
    assert codec.cut(b"a b\n\nc\nd e", 0) == 5
    assert codec.cut(b"a b\nc d", 0) == 4
    assert codec.cut(b"a b", 0) == 2
    assert codec.cut("aé".encode()[:2], 0) == 1
    assert Codec.of(b"", "utf-16-le").cut("ab\n\u0a00\u0100".encode("utf-16-le"), 0) == 6


def test_line_ends_become_one() -> None:
    """And the mark is no text."""
    assert Codec.of(codecs.BOM_UTF8, "utf-8").decode(codecs.BOM_UTF8 + b"a\r\nb\rc", 0) == "a\nb\nc"


def test_bad_characters_are_counted() -> None:
    """In pieces that cut a character in two, too."""
    census = Census(Codec.of(b"", "utf-8"))
    for piece in ("é".encode()[:1], "é".encode()[1:] + b"a" * 98, b"\0"):
        census.add(piece)
    assert census.hopeless(0.01, 50)
    assert not census.hopeless(0.01, 100)
    assert census.refusal(0.01) is None
    assert (census.refusal(0.005) or "").startswith("not text in utf-8: 1 % of its")
