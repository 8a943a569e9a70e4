"""Bytes → characters: which codec a file has, where its bytes may be cut, and whether they are text at all."""

from __future__ import annotations

import codecs
import functools
import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_MARKS = (  # UTF-32 before UTF-16: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ALL_MARKS = tuple(mark for mark, _ in _MARKS)
_WITHOUT_MARK = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_WIDTHS = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}
AUTO = "auto"
"""The encoding of those who want it to be found out."""
UTF_8 = "utf-8"
NOT_TEXT = "not text in "
UNDECODABLE = " % of its characters can't be decoded "
CONTROLS = " % of its characters are controls, or none "
FOR_PRIVATE_USE = " % of its characters are for private use, or hardly ever used "
BY_MARK = " by its byte-order mark"
ADVICE = "; see --encoding"
GUESSED = ": see --encoding"
"""How the reason of a file ends for which no encoding was found."""
_ASCII_INSIDE = ("utf-8", "ascii", "iso8859", "cp125")  # codecs in which ASCII bytes are always those characters


class Codec(NamedTuple):
    """How bytes become text: the codec's name, the length of the byte-order mark, the bytes per code unit."""

    name: str
    mark: int
    width: int

    @classmethod
    def of(cls, head: bytes, encoding: str) -> Codec:
        """Return the codec of a file that begins with these bytes: by its byte-order mark, else by the encoding."""
        if head.startswith(_ALL_MARKS):
            mark, name = next(found for found in _MARKS if head.startswith(found[0]))
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


ODD = 0.03
"""The share of characters that no text has from which on something is no text, whatever the settings."""
PRIVATE = 0.06
"""The same of characters for private use, where fonts of terminals have icons, and of Chinese ones that are in names.

Numbers with a fraction have many of the latter, when they are read as UTF-16."""
_USUAL = b"\a\b\t\n\f\r\v\x1a\x1b\x1c\x1d\x1e\x1f"
"""Controls of printers and terminals, Ctrl-Z, which ended files, and those that separate records and fields."""
_ODD = bytes(byte for byte in (*range(0x20), 0x7F) if byte not in _USUAL)


class Census:
    """Counts the characters of a text, and two kinds of bad ones.

    Some can't be decoded, or are NULs: the user says how many of these there may be. Others are decoded, but no text
    has them: controls, code points that are no characters, and too many for private use. They show that the encoding is
    wrong, or that there is none.

    Args:
        codec: How the bytes are decoded.
        bytes_only: Whether the bytes are not all in this codec, so that only controls in ASCII are no text: a mail.
    """

    def __init__(self, codec: Codec, *, bytes_only: bool = False) -> None:
        self._name = codec.name
        self._known_by = BY_MARK if codec.mark else ""
        self._plain = codec.name.startswith(_ASCII_INSIDE)
        self._units = codec.width > 1
        self._bytes_only = bytes_only
        self._decoder: codecs.IncrementalDecoder | None = None  # nearly every text is ASCII so far
        self._tail = b""
        self._characters, self._bad = (-1 if codec.mark else 0), 0
        self._odd = self._private = 0

    @property
    def bad(self) -> int:
        """Return how many characters can't be decoded, or are NULs."""
        return self._bad

    def add(self, piece: bytes) -> None:
        """Count the characters of the next bytes."""
        plain = self._plain and piece.isascii() and not (self._decoder and self._decoder.getstate()[0])
        if plain or self._bytes_only:
            self._characters += len(piece)
            self._bad += piece.count(0)
            self._odd += _odd_bytes(piece)
        else:
            self._decoder = self._decoder or _decoder(self._name)
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
        odd, private = _odd_characters(text)
        # In these codecs, what can't be decoded is half of a surrogate pair, or no code point.
        self._odd += odd + (replaced if self._units else 0)
        self._private += private

    def hopeless(self, max_bad_ratio: float, most: int) -> bool:
        """Return whether the share of bad ones is too high even if there are ``most`` characters in all."""
        return self._bad > max_bad_ratio * most or self._odd > ODD * most or self._private > PRIVATE * most

    def refusal(self, max_bad_ratio: float) -> str | None:
        """Return why this is not text, or None."""
        if self._decoder:
            self._count(self._decoder.decode(b"", True), b"")
        if self._characters <= 0:
            return "empty"
        if (share := self._bad / self._characters) > max_bad_ratio:
            found = f"{100 * share:.3g}{UNDECODABLE}{limit(max_bad_ratio)}"
        elif (share := self._odd / self._characters) > ODD:
            found = f"{100 * share:.3g}{CONTROLS}{limit(ODD)}"
        elif (share := self._private / self._characters) > PRIVATE:
            found = f"{100 * share:.3g}{FOR_PRIVATE_USE}{limit(PRIVATE)}"
        else:
            return None
        return f"{NOT_TEXT}{self._name}{self._known_by}: {found}{ADVICE}"


def _odd_bytes(piece: bytes) -> int:
    """Return how many bytes are controls that no text in ASCII has."""
    return len(piece) - len(piece.translate(None, _ODD))


def _odd_characters(text: str) -> tuple[int, int]:
    """Return how many characters no text has, and how many are for private use."""
    try:
        return _odd_bytes(text.encode("cp1252")), 0  # which has no controls of its own
    except UnicodeEncodeError:
        pass
    kinds = _kinds()[np.frombuffer(text.encode("utf-16-le", "surrogatepass"), "<u2")]
    return int(np.count_nonzero(kinds == 1)), int(np.count_nonzero(kinds == 2))


@functools.cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Return for each unit of UTF-16 whether it is usual (0), none of a text (1), or private or rare (2).

    Outside the first plane the first unit of a pair counts for both: planes without characters are none of a text.
    """
    categories = [unicodedata.category(chr(unit)) for unit in range(0x10000)]
    kinds = np.array([{"Cc": 1, "Cn": 1, "Co": 2}.get(category, 0) for category in categories], np.uint8)
    kinds[[*_USUAL, 0x85]] = 0  # the last ends lines in EBCDIC
    kinds[0x3400:0x4DC0] = 2
    kinds[0xD8C0:0xDB40] = 1
    kinds[0xDB80:0xDC00] = 2
    return kinds


def limit(max_bad_ratio: float) -> str:
    """Return how a reason names the setting."""
    return f"(limit {100 * max_bad_ratio:.3g} %)"


def likely(encoding: str) -> str:
    """Return the codec that a file without a byte-order mark most likely has, before it is looked at."""
    return UTF_8 if encoding == AUTO else Codec.of(b"", encoding).name


def text_otherwise(reason: str, encoding: str, max_bad_ratio: float) -> bool:
    """Return whether what was no text may be one in this encoding, or with this limit."""
    fixed = CONTROLS in reason or FOR_PRIVATE_USE in reason
    if not fixed and limit(max_bad_ratio) not in reason:
        return True
    codec = reason.removeprefix(NOT_TEXT).split(":")[0]
    if codec.endswith(BY_MARK):
        return False
    if reason.endswith(GUESSED):  # so it is not UTF-8 either
        return encoding != AUTO and likely(encoding) != UTF_8
    return encoding == AUTO or codec != likely(encoding)
