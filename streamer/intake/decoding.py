"""Bytes → characters: which codec a file has, where its bytes may be cut, and whether they are text at all."""

from __future__ import annotations

import codecs
import functools
from typing import NamedTuple

_MARKS = (  # UTF-32 before UTF-16: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WITHOUT_MARK = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_WIDTHS = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}
NOT_TEXT = "not text in "
BY_MARK = " by its byte-order mark"
ADVICE = "; see --encoding"
_ASCII_INSIDE = ("utf-8", "ascii", "iso8859", "cp125")  # codecs in which ASCII bytes are always those characters


class Codec(NamedTuple):
    """How bytes become text: the codec's name, the length of the byte-order mark, the bytes per code unit."""

    name: str
    mark: int
    width: int

    @classmethod
    def of(cls, head: bytes, encoding: str) -> Codec:
        """Return the codec of a file that begins with these bytes: by its byte-order mark, else by the encoding."""
        for mark, name in _MARKS:
            if head.startswith(mark):
                return cls(name, len(mark), _WIDTHS.get(name, 1))
        return cls._named(encoding)

    @classmethod
    @functools.cache
    def _named(cls, encoding: str) -> Codec:
        known = codecs.lookup(encoding).name
        name = _WITHOUT_MARK.get(known, known)
        return cls(name, 0, _WIDTHS.get(name, 1))

    def decode(self, data: bytes, start: int) -> str:
        """Return the text of the bytes that begin at ``start``, with newlines as line ends."""
        # start is within a code unit only if the file grew by half of one.
        text = data[max(self.mark - start, -start % self.width) :].decode(self.name, "replace")
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    def cut(self, data: bytes, start: int) -> int:
        """Return how many bytes of a full window at ``start`` make a block."""
        for ends in (("\n\n", "\n\r\n"), ("\n",), (" ", "\t")):
            if cut := max(self._after_last(data, end.encode(self.name), start) for end in ends):
                return cut
        decoder = _decoder(self.name)
        decoder.decode(data[-start % self.width :])
        cut = len(data) - len(decoder.getstate()[0])
        if data[:cut].endswith("\r".encode(self.name)):  # it may be half of a line end
            cut -= self.width
        return cut or len(data)

    def _after_last(self, data: bytes, mark: bytes, start: int) -> int:
        at = data.rfind(mark)
        while at >= 0 and (start + at) % self.width:  # a match across two code units
            at = data.rfind(mark, 0, at + len(mark) - 1)
        return at + len(mark) if at >= 0 else 0


_incremental = functools.cache(codecs.getincrementaldecoder)


def _decoder(codec: str) -> codecs.IncrementalDecoder:
    return _incremental(codec)("replace")


class Census:
    """Counts the characters of a text, and the bad ones among them: those that can't be decoded, and NULs."""

    def __init__(self, codec: Codec) -> None:
        self._name = codec.name
        self._known_by = BY_MARK if codec.mark else ""
        self._plain = codec.name.startswith(_ASCII_INSIDE)
        self._decoder = _decoder(codec.name)
        self._tail = b""
        self._characters, self._bad = (-1 if codec.mark else 0), 0

    def add(self, piece: bytes) -> None:
        """Count the characters of the next bytes."""
        if self._plain and piece.isascii() and not self._decoder.getstate()[0]:
            self._characters += len(piece)
            self._bad += piece.count(0)
        else:
            self._count(self._decoder.decode(piece), piece)
        self._tail = piece[-8:]

    def _count(self, text: str, piece: bytes) -> None:
        replaced = text.count("\ufffd")
        if replaced and (genuine := "\ufffd".encode(self._name, "ignore")):
            # The text may contain this character itself, which is not a failure.
            joined = self._tail[1 - len(genuine) :] + piece
            replaced = max(0, replaced - joined.count(genuine))
        self._characters += len(text)
        self._bad += replaced + text.count("\0")

    def hopeless(self, max_bad_ratio: float, most: int) -> bool:
        """Return whether the share of bad ones is too high even if there are ``most`` characters in all."""
        return self._bad > max_bad_ratio * most

    def refusal(self, max_bad_ratio: float) -> str | None:
        """Return why this is not text, or None."""
        self._count(self._decoder.decode(b"", True), b"")
        if self._characters <= 0:
            return "empty"
        if (share := self._bad / self._characters) <= max_bad_ratio:
            return None
        found = f"{100 * share:.3g} % of its characters can't be decoded"
        return f"{NOT_TEXT}{self._name}{self._known_by}: {found} {limit(max_bad_ratio)}{ADVICE}"


def limit(max_bad_ratio: float) -> str:
    """Return how a reason names the setting."""
    return f"(limit {100 * max_bad_ratio:.3g} %)"
