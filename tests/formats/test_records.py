"""What all scanners use: a buffer of a stream, and text as a block may have it."""

from __future__ import annotations

from streamer.formats.records import Buffer, plain, wanted

from .pieces import Pieces


def test_text_is_made_plain() -> None:
    """Line ends are one character, what ends contexts is a space, and half a character is none."""
    assert plain("a\r\nb\rc") == "a\nb\nc"
    assert plain("a\x1eb") == "a b"
    assert plain("é\ud800!") == "é?!"


def test_a_buffer_keeps_what_is_needed() -> None:
    """Positions stay, and what is before them may be forgotten."""
    buffer = Buffer(Pieces(b"one\ntwo\nthree", 3))
    assert buffer.find(b"\n", 0, 100, keep=0) == 3
    assert buffer.find(b"\n", 4, 100, keep=4) == 7
    assert (buffer.base, buffer.slice(4, 7)) == (4, b"two")
    assert buffer.find(b"\n", 8, 100, keep=8) == 13 == buffer.stop
    assert buffer.ended
    assert not buffer.more(8)


def test_a_mark_may_be_too_far_away() -> None:
    """Then no more is read than was allowed, and a piece."""
    buffer = Buffer(Pieces(b"a" * 100 + b"\n", 10))
    assert buffer.find(b"\n", 0, 30, keep=0) == -1
    assert buffer.stop <= 50
    assert Buffer(Pieces(b"a" * 100 + b"\n")).find(b"\n", 0, 30, keep=0) == -1


def test_a_record_is_wanted_if_it_ends_behind_the_start() -> None:
    """Nothing is, as long as nobody knows where that is."""
    stream = Pieces(b"abcdef", 2, start=3)
    assert not wanted(stream, 99)
    stream.read()
    stream.read()
    assert wanted(stream, 4)
    assert not wanted(stream, 3)
