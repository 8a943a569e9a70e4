"""What the scanners of all formats share: the bytes that they read, and the records that they find."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from streamer.formats.dates import Written
from streamer.text.tokenizer import SEPARATOR

LIMIT = 8 << 20
"""Bytes of the longest record that is parsed. Parsed JSON takes some twenty times as much memory."""

SEPARATES = re.compile(rb"From \S.*\b\d?\d:\d\d\b")
"""How a line looks that begins a message in an mbox."""


class Stream(Protocol):
    """A text in UTF-8 from its first byte on. Positions are in bytes of this stream."""

    @property
    def start(self) -> int | None:
        """The position from which on text is wanted; None while it has not been read so far."""

    def read(self) -> bytes:
        """Return the next bytes; none only at the end."""

    def rounded(self, position: int) -> int:
        """Return the position, or one very near, that a run can resume at."""


class Record(NamedTuple):
    """A record: its text is trained if ``end`` is behind the position from which on text is wanted.

    Attributes:
        end: The position after its last byte with a meaning: what was added behind it does not change it.
        stop: The position after all bytes that belong to it.
        text: Its text; empty if nothing is in it, or if nobody wants it.
        skipped: Records in these bytes that are broken or too large.
        date: When it is from; None if it does not say, or nobody asks.
    """

    end: int
    stop: int
    text: str
    skipped: int = 0
    date: Written | None = None


def wanted(stream: Stream, end: int) -> bool:
    """Return whether the text of a record that ends there is wanted."""
    return stream.start is not None and end > stream.start


def plain(text: str) -> str:
    """Return the text of a record with newlines as line ends, and without characters that a text can't have."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if SEPARATOR in text:
        text = text.replace(SEPARATOR, " ")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")  # JSON can escape half a character


class Buffer:
    """The bytes of a stream that are looked at: positions are those of the stream.

    Args:
        stream: From where they come.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.data = b""
        self.base = 0  # the position of the first byte of data
        self.ended = False

    @property
    def stop(self) -> int:
        """The position after the last byte."""
        return self.base + len(self.data)

    def more(self, keep: int) -> bool:
        """Read on, and forget the bytes before a position; return False if nothing follows."""
        piece = b"" if self.ended else self._stream.read()
        self.ended = not piece
        if piece:
            self.data = self.data[keep - self.base :] + piece
            self.base = keep
        return bool(piece)

    def slice(self, start: int, stop: int) -> bytes:
        """Return the bytes between two positions."""
        return self.data[start - self.base : stop - self.base]

    def find(self, mark: bytes, start: int, most: int, *, keep: int) -> int:
        """Return the position of a mark of one byte, of the end if there is none, or -1 if it is too far away."""
        scan = start
        while (at := self.data.find(mark, scan - self.base)) < 0:
            scan = self.stop
            if scan - start > most:
                return -1
            if not self.more(keep):
                return self.stop
        return self.base + at if self.base + at - start <= most else -1
