"""Bytes with spaces between tokens → the distinct tokens, a code for each, and where contexts end.

The same as ``split`` and a dictionary, in half the time: a token of up to 8 bytes is a 64-bit integer, and sorting
integers finds the equal ones. A short text is cut by ``split`` and a dictionary all the same: there it is faster.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import numpy.typing as npt

from streamer.text.encoded import EncodedText

ROOM = b" " * 16
"""What must follow the text, so that 8 bytes can be read from any of the first 8 of a token."""

SHORT = 2 << 10
"""Bytes from which on sorting integers is faster."""

_SPACE, _APOSTROPHE = b" '"
_AT_EDGE = re.compile(rb"'(?:(?<![^ ']')|(?![^ ']))")
_OUTSIDE = np.zeros(256, np.bool_)
_OUTSIDE[[_SPACE, _APOSTROPHE]] = True
_MASK = np.array([(1 << 8 * length) - 1 for length in range(9)], np.uint64)
_NO_TEXT = np.uint64(0xFF << 56)  # a byte that UTF-8 never has
_LONGEST = np.uint64(1 << 55)


def split(raw: bytes, longest: int, *, apostrophes: bool) -> EncodedText:
    """Return the tokens of a text: what is between spaces. A token of one NUL ends a segment, and is not returned.

    Args:
        raw: The text in UTF-8.
        longest: Tokens with more bytes are left out.
        apostrophes: Whether an apostrophe at the edge of a token is a space.
    """
    if len(raw) < SHORT:
        return _split_short(raw, longest, apostrophes=apostrophes)
    data = bytearray(b" %b %b" % (raw, ROOM))
    text = np.frombuffer(data, np.uint8)
    if apostrophes:
        found = np.flatnonzero(text == _APOSTROPHE)
        between = ~_OUTSIDE[text[found - 1]] & ~_OUTSIDE[text[found + 1]]
        text[found[~between]] = _SPACE
    blank = text == _SPACE
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
    starts, stops = edges[::2], edges[1::2]
    is_break = text[starts] == 0
    segments = np.cumsum(is_break, dtype=np.int32)
    tokens = np.flatnonzero(~is_break & (stops - starts <= longest))
    if not len(tokens):
        return EncodedText([], np.empty(0, np.int32), np.empty(0, np.int32))
    starts, stops, segments = starts[tokens], stops[tokens], segments[tokens]
    first, codes = _number(_keys(data, starts, stops))
    starts, lengths = starts[first], stops[first] - starts[first] + 1  # with the space that follows each
    ends = np.cumsum(lengths)
    bytes_of_tokens = np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1])
    return EncodedText(text[bytes_of_tokens].tobytes().decode().split(" ")[:-1], codes, segments)


def _split_short(raw: bytes, longest: int, *, apostrophes: bool) -> EncodedText:
    if apostrophes and b"'" in raw:
        raw = _AT_EDGE.sub(b" ", raw)
    contexts = [list(filter(None, piece.split(" "))) for piece in raw.decode().split("\0")]
    if max(map(len, itertools.chain(*contexts)), default=0) > longest // 4:  # a character has up to four bytes
        contexts = [[token for token in context if len(token.encode()) <= longest] for context in contexts]
    return EncodedText.of(contexts)


def _keys(raw: bytearray, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Return an integer for each token: equal for equal tokens, different for different ones."""

    def eight(positions: npt.NDArray[np.int64], left: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        return windows[positions] & _MASK[np.clip(left, 0, 8)]

    windows = np.ndarray((len(raw) - 8,), "<u8", raw, strides=(1,))
    lengths = stops - starts
    keys = eight(starts, lengths)
    long = np.flatnonzero(lengths > 8)
    if len(long):
        rest = eight(starts[long] + 8, lengths[long] - 8)
        # Up to 16 bytes: number both halves. The few that are longer: one by one.
        _, head = _number(keys[long])
        _, tail = _number(rest)
        keys[long] = _NO_TEXT | head.astype(np.uint64) << np.uint64(26) | tail.astype(np.uint64)
        places: dict[bytes, int] = {}
        for number in np.flatnonzero(lengths > 16).tolist():
            token = bytes(raw[starts[number] : stops[number]])
            keys[number] = _NO_TEXT | _LONGEST | np.uint64(places.setdefault(token, len(places)))
    return keys


def _number(keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return the first position of each distinct key, ascending, and for each key the index of its own among them."""
    order = np.argsort(keys)
    keys = keys[order]
    new = np.empty(len(keys), np.bool_)
    new[0] = True
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    first = np.minimum.reduceat(order, np.flatnonzero(new))  # the order of equal keys may differ between machines
    by_first = np.argsort(first)
    place = np.empty(len(first), np.int32)
    place[by_first] = np.arange(len(first), dtype=np.int32)
    codes = np.empty(len(keys), np.int32)
    codes[order] = place[np.cumsum(new) - 1]
    return first[by_first], codes
