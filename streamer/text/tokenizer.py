"""A block of text → its distinct words, a code for each token, and where contexts end.

A few passes in C (``str.replace``, ``bytes.translate``, NumPy) handle the whole block. Python handles only the distinct
words and the long ones: some thousands, where a MiB has 180,000 tokens. :data:`WORD` defines what a word is; a test
compares the passes with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

WORD = r"[^\W_ʼ]+(?:['’ʼ][^\W_ʼ]+)*"
"""A word: letters, digits and the marks on them, with apostrophes only inside (as closely as Python's ``re`` can)."""

APOSTROPHES = "’ʼ"
JOINERS = "\u200c\u200d"  # part of a word: they shape letters in Persian and Indic scripts
INVISIBLE = "\u00ad\u2060\ufeff"  # removed: soft hyphen, word joiner, byte-order mark
SEPARATOR = "\x1e"  # ASCII's record separator: ends a context whatever the boundary is
BREAK = "\x00"  # marks the end of a context while the text is cut into tokens

WORD_BYTES = 256
"""Most bytes of UTF-8 in a word: longer tokens are data written as letters, and would fill the vocabulary."""
MARKS = 30
"""Most marks on one letter that are read; the time to compose them grows with their square (as in UAX #15)."""

NO_WORD = ""  # stands for a token that is not a word, such as a mark without a letter

FEW_CHANGES = 50
"""If there are more different characters to replace, one pass over the text is faster than one for each."""

_SEPARATOR = SEPARATOR.encode()
_SPACE, _APOSTROPHE = b" '"
_OUTSIDE = np.zeros(256, np.bool_)
_OUTSIDE[[_SPACE, _APOSTROPHE]] = True
_ROOM = b" " * 16  # so that 8 bytes can be read from any of the first 8 of a token
_MASK = np.array([(1 << 8 * length) - 1 for length in range(9)], np.uint64)
_NO_TEXT = np.uint64(0xFF << 56)  # a byte that UTF-8 never has
_LONGEST = np.uint64(1 << 55)

STRINGS = 50_000
"""Strings that :func:`as_words` checks at a time."""

_ENDS_LINE = re.compile(f"[\n\u2028\u2029{BREAK}{SEPARATOR}]")
_STRAIGHT = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))
_BLANK_LINE = re.compile(rb"\n\s*\n")
_TABLE = bytes(
    byte if byte >= 0x80 or byte == 0 or chr(byte).isalnum() or chr(byte) == "'" else 0x20 for byte in range(256)
).lower()


@dataclass(frozen=True)
class EncodedText:
    """A tokenized block.

    Attributes:
        words: The distinct words in order of first appearance.
        codes: (n,) int32, for each token the position of its word in ``words``.
        segments: (n,) int32, not decreasing; two tokens are context of each other only if they are in one segment.
    """

    words: list[str]
    codes: npt.NDArray[np.int32]
    segments: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.codes)

    def __reduce__(self) -> tuple[Any, ...]:
        # Few and small objects for another process: pickling ten thousand strings takes longer than everything else.
        small = np.min_scalar_type(len(self.words))
        return _unpack, (" ".join(self.words), self.codes.astype(small), np.bincount(self.segments))

    def tokens(self) -> list[str]:
        """Return the tokens as strings, in order."""
        return [self.words[code] for code in self.codes]


def _unpack(words: str, codes: npt.NDArray[Any], lengths: npt.NDArray[np.int64]) -> EncodedText:
    segments = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    return EncodedText(words.split(), codes.astype(np.int32), segments)


def encode(text: str, boundary: str = "paragraph") -> EncodedText:
    r"""Tokenize a block: NFC, lower case, words that keep inner apostrophes, a segment for each context.

    Args:
        text: The block, with ``\n`` line ends.
        boundary: What ends a context: a blank line (``paragraph``), a line end (``line``), or nothing (``file``).
    """
    raw = _clean(text).encode("utf-8", "replace")
    if boundary == "paragraph":
        raw = _BLANK_LINE.sub(b" \x00 ", raw)
    elif boundary == "line":
        raw = raw.replace(b"\n", b" \x00 ")
    raw = raw.replace(_SEPARATOR, b" \x00 ").translate(_TABLE)
    return _finish(*_split(bytearray(b" %b %b" % (raw, _ROOM))))


def as_words(strings: Sequence[str]) -> list[str]:
    """Return the word that each string is in a text; :data:`NO_WORD` for a string that is not exactly one word."""
    found = [NO_WORD] * len(strings)
    for start in range(0, len(strings), STRINGS):
        piece = [string if not _ENDS_LINE.search(string) else "" for string in strings[start : start + STRINGS]]
        encoded = encode("\n".join(piece), "line")
        tokens = np.bincount(encoded.segments, minlength=len(piece))
        first = np.cumsum(tokens) - tokens
        for line in np.flatnonzero(tokens == 1).tolist():
            word = encoded.words[encoded.codes[first[line]]]
            if word == unicodedata.normalize("NFC", piece[line].translate(_STRAIGHT).lower()):
                found[start + line] = word
    return found


def _split(raw: bytearray) -> tuple[bytes, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Return the distinct tokens in order of first appearance; for each token its position among them, and its segment.

    The same as ``split`` and a dictionary, in half the time: a token of up to 8 bytes is a 64-bit integer, and sorting
    integers finds the equal ones.

    Args:
        raw: Tokens and spaces. It begins with a space and ends with a space and :data:`_ROOM`.
    """
    text = np.frombuffer(raw, np.uint8)
    # Apostrophes stay only between letters.
    apostrophes = np.flatnonzero(text == _APOSTROPHE)
    between = ~_OUTSIDE[text[apostrophes - 1]] & ~_OUTSIDE[text[apostrophes + 1]]
    text[apostrophes[~between]] = _SPACE
    blank = text == _SPACE
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1
    starts, stops = edges[::2], edges[1::2]
    is_break = text[starts] == 0
    segments = np.cumsum(is_break, dtype=np.int32)
    tokens = np.flatnonzero(~is_break & (stops - starts <= WORD_BYTES))
    if not len(tokens):
        return b"", np.empty(0, np.int32), np.empty(0, np.int32)
    starts, stops, segments = starts[tokens], stops[tokens], segments[tokens]
    first, codes = _number(_keys(raw, starts, stops))
    starts, lengths = starts[first], stops[first] - starts[first] + 1  # with the space that follows each
    ends = np.cumsum(lengths)
    bytes_of_tokens = np.repeat(starts - ends + lengths, lengths) + np.arange(ends[-1])
    return text[bytes_of_tokens].tobytes(), codes, segments


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


def _clean(text: str) -> str:
    """Return the text in NFC, with an ASCII character in place of each that can't be part of a word."""
    if "\x00" in text:
        text = text.replace("\x00", " ")
    if text.isascii():
        return text
    points, distinct = _points(text)
    marks = [point for point in distinct if _is_mark(chr(point))]
    if marks and (few := _few_marks(points, marks)) is not None:
        text = few
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
        _, distinct = _points(text)
    changes = {point: new for point in distinct if (new := _instead(chr(point))) is not None}
    if len(changes) > FEW_CHANGES:
        return text.translate(changes)
    for point, new in changes.items():
        text = text.replace(chr(point), new)
    return text


def _points(text: str) -> tuple[npt.NDArray[np.uint32], list[int]]:
    """Return the code points of a text, and the distinct ones that are not ASCII, in ascending order."""
    points = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
    there = np.zeros(int(points.max(initial=0)) + 1, np.bool_)
    there[points] = True
    return points, (np.flatnonzero(there[0x80:]) + 0x80).tolist()


def _few_marks(points: npt.NDArray[np.uint32], marks: list[int]) -> str | None:
    """Return the text without marks beyond :data:`MARKS` in a row, or None if there are none."""
    is_mark = np.isin(points, np.array(marks, np.uint32))
    others = np.flatnonzero(~is_mark)
    if len(points) <= MARKS or np.diff(others, prepend=-1, append=len(points)).max() <= MARKS + 1:
        return None
    positions = np.arange(len(points))
    before = np.maximum.accumulate(np.where(is_mark, -1, positions))
    return points[positions - before <= MARKS].tobytes().decode("utf-32-le")


def _instead(character: str) -> str | None:
    """Return the replacement of a character that is not ASCII, or None if it can be part of a word."""
    if character in APOSTROPHES:
        return "'"
    if character in INVISIBLE:
        return ""
    if character in "\u2028\u2029":
        return "\n\n"
    if _in_word(character):
        return None
    # A line of dashes or dots is not a blank line, so punctuation must not become whitespace yet.
    return " " if character.isspace() else "_"


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _in_word(character: str) -> bool:
    # Python's \w does not match combining marks: it would cut words of Hindi, Thai or pointed Hebrew in the middle.
    return character.isalnum() or character in JOINERS or _is_mark(character)


def _finish(tokens: bytes, codes: npt.NDArray[np.int32], segments: npt.NDArray[np.int32]) -> EncodedText:
    """Turn distinct tokens into distinct words: two tokens that are not ASCII may be one word, or no word."""
    words = tokens.decode().split()
    if tokens.isascii():  # almost every short text
        return EncodedText(words, codes, segments)
    folded = [word if word.isascii() else _fold(word) for word in words]
    words = list(dict.fromkeys(filter(None, folded)))
    index = dict(zip(words, range(len(words)), strict=True)) | {NO_WORD: -1}
    codes = np.fromiter(map(index.__getitem__, folded), np.int32, len(folded))[codes]
    kept = codes >= 0
    return EncodedText(words, codes[kept], segments[kept])


def _fold(token: str) -> str:
    """Return a token with characters beyond ASCII as a word, or :data:`NO_WORD`."""
    word = unicodedata.normalize("NFC", token.lower().strip(JOINERS + "'"))
    if len(word) > WORD_BYTES // 4 and len(word.encode()) > WORD_BYTES:
        return NO_WORD  # some letters have more bytes in lower case
    return word if any(map(str.isalnum, word)) else NO_WORD
