"""A text with markup as its scanner reads it, in UTF-8 from the first byte on, and where its bytes are in the file."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from streamer.intake.decoding import Codec

WINDOW = 1 << 18
"""Bytes that are read at a time: the same ones wherever a run resumes."""


class _Window(NamedTuple):
    """A part of the stream, and the bytes of the text that it was made from, with the positions where lines end."""

    piece: bytes
    data: bytes
    stream: list[int]
    text: list[int]


class Stream:
    """The bytes of a text from its beginning to a position, as UTF-8.

    Args:
        read: Returns so many bytes of the text, the next time those after them.
        codec: How the bytes become text.
        start: The position in the text from which on records are wanted.
        stop: The position at which the text ends.
        as_it_is: Whether to give the bytes as they are: each mail says itself what they mean.
    """

    def __init__(
        self, read: Callable[[int], bytes], codec: Codec, *, start: int, stop: int, as_it_is: bool = False
    ) -> None:
        self._read = read
        self._codec = codec
        self._wanted = start
        self._stop = stop
        self._same = codec.name in ("utf-8", "ascii") or (as_it_is and codec.width == 1)
        self._position = 0  # in the text
        self._rest = b""  # read, and not decoded yet
        self._length = 0  # of the stream
        self._windows: deque[_Window] = deque()
        self._start = 0 if start == 0 else None
        self._rounded = (-1, 0)  # a position in the stream, and in the text

    @property
    def start(self) -> int | None:
        """The position in the stream from which on records are wanted; None while it has not been read so far."""
        return self._start

    def read(self) -> bytes:
        """Return the next bytes of the stream; none only at its end."""
        while self._position < self._stop:
            data = self._rest + self._read(min(WINDOW, self._stop - self._position - len(self._rest)))
            last = self._position + len(data) == self._stop
            cut = len(data) if last or self._same else self._codec.cut(data, self._position)
            piece = self._converted(data[:cut])
            self._rest = data[cut:]
            self._position += cut
            self._length += len(piece)
            if self._start is None and self._position >= self._wanted:
                self._start = self._in_stream(self._wanted, self._windows[-1])
            if piece:
                return piece
        return b""

    def in_text(self, position: int) -> int:
        """Return where a position of the stream is in the text. It must not be before that of the last call."""
        while len(self._windows) > 1 and self._windows[0].stream[-1] < position:
            self._windows.popleft()
        if position == self._rounded[0]:
            return self._rounded[1]
        if not self._windows:
            return 0
        window = self._windows[0]
        after = bisect_left(window.stream, position)
        if after == len(window.stream):
            return window.text[-1]
        if window.stream[after] == position or not after:
            return window.text[after]
        low = window.stream[after - 1]
        if self._same:
            return window.text[after - 1] + position - low
        begin = low - window.stream[0]
        characters = window.piece[begin : begin + position - low].decode("utf-8", "ignore")
        length = len(characters.encode(self._codec.name, "replace"))
        return min(window.text[after - 1] + length, window.text[after])

    def rounded(self, position: int) -> int:
        """Return the position in the stream that a run begins at which resumes at this one: mostly the same."""
        at = self.in_text(position)
        window = next(window for window in self._windows if at <= window.text[-1])
        self._rounded = self._in_stream(at, window), at
        return self._rounded[0]

    def _in_stream(self, position: int, window: _Window) -> int:
        after = bisect_left(window.text, position)
        if window.text[after] == position or not after:
            return window.stream[after]
        low = window.text[after - 1]
        if self._same:
            return window.stream[after - 1] + position - low
        begin = len(window.data) - (window.text[-1] - low)
        characters = window.data[begin : begin + position - low].decode(self._codec.name, "ignore")
        return min(window.stream[after - 1] + len(characters.encode("utf-8", "replace")), window.stream[after])

    def _converted(self, data: bytes) -> bytes:
        """Return a piece of the text as UTF-8, and remember where its lines end."""
        begin = max(self._codec.mark - self._position, 0)
        if self._same:
            piece = data[begin:]
            stream = [self._length, self._length + len(piece)]
            self._windows.append(_Window(b"", b"", stream, [self._position + begin, self._position + len(data)]))
            return piece
        characters = data[max(begin, -self._position % self._codec.width) :].decode(self._codec.name, "replace")
        piece = characters.encode("utf-8", "replace")
        # A line end in the text is one in the stream: no other character has its byte in UTF-8.
        ours = (np.flatnonzero(np.frombuffer(piece, np.uint8) == 10) + 1 + self._length).tolist()
        theirs = _line_ends(data, self._position, self._codec)
        if len(ours) != len(theirs):
            ours, theirs = [], []
        stream = [self._length, *ours, self._length + len(piece)]
        text = [self._position + begin, *theirs, self._position + len(data)]
        self._windows.append(_Window(piece, data, stream, text))
        return piece


def _line_ends(data: bytes, position: int, codec: Codec) -> list[int]:
    """Return where lines end in bytes of the text that begin at a position."""
    first = -position % codec.width
    order = ">" if codec.name.endswith("-be") else "<"
    units = np.frombuffer(data, f"{order}u{codec.width}", (len(data) - first) // codec.width, first)
    return ((np.flatnonzero(units == 10) + 1) * codec.width + first + position).tolist()
