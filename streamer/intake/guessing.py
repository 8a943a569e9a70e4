"""Which encoding a text has that is neither marked nor UTF-8: a guess from samples, or none if there is any doubt.

charset-normalizer says in which encodings the samples can be text at all. Each of these readings is then compared with
what languages look like. The best must be good, and clearly better than every other that reads differently.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from typing import NamedTuple

from streamer.intake.decoding import UTF_8, Codec
from streamer.text.languages import Fit, fit

WINDOW = 3 << 10
"""Bytes of a sample at one place."""
WINDOWS = 4
"""Places of a piece, and of a text."""

_WEST = "en fr de es pt it sv da no nl fi is ca"
_MIDDLE = "pl cs sk hu ro hr sl de"
_BALTIC = "lt lv et"
_SLAVIC = "ru uk be bg sr mk"
_LANGUAGES = {  # where readings are the same, the first is taken: it has more characters than those that are like it
    **{"cp1252": _WEST, "iso8859_15": _WEST, "mac_roman": _WEST, "cp850": _WEST, "cp437": _WEST},
    **{"cp1250": _MIDDLE, "iso8859_2": _MIDDLE, "cp852": _MIDDLE},
    **{"cp1257": _BALTIC, "iso8859_13": _BALTIC, "cp1254": "tr", "iso8859_9": "tr"},
    **{"cp1251": _SLAVIC, "koi8_r": "ru bg", "koi8_u": "ru uk", "iso8859_5": _SLAVIC},
    **{"cp866": "ru be bg", "mac_cyrillic": _SLAVIC},
    **{"cp1253": "el", "iso8859_7": "el", "cp1255": "he", "iso8859_8": "he", "cp1256": "ar", "iso8859_6": "ar"},
    **{"gb18030": "zh-Hans zh-Hant", "cp950": "zh-Hant", "big5hkscs": "zh-Hant"},
    **{"cp932": "ja", "euc_jp": "ja", "cp949": "ko", "euc_kr": "ko"},
}
"""The encodings that are guessed, and the languages that are written in them."""
_CANDIDATES = tuple(_LANGUAGES)
_OLD = frozenset({"mac_roman", "mac_cyrillic", "cp850", "cp437", "cp852", "cp866"})
_CHAOS = 0.6
"""Most chaos, by charset-normalizer, of a reading that is compared with languages."""
_GOOD = 0.6
"""How well the best reading has to fit a language."""
_STRANGE = 0.05
"""The share of its characters beyond ASCII that may be strange in this language."""
_BETTER = 0.25
"""By how much it has to fit better than every other."""
_DENSE = 0.0011
"""The share of bytes that are not ASCII from which on they are taken for letters, and not for a few bad bytes."""
_FEW = 3
"""As many of them, and of more than one kind, are letters even if their share is lower, but not in English."""
_SHORT = 400
"""In fewer bytes there are not enough words."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_PLAIN = re.compile(r"[\t\n\r\f -~]")
_NEVER = re.compile("[\0-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f\ue000-\uf8ff\ufdd0-\ufdef\ufffd-\uffff]")


class Guess(NamedTuple):
    """What a text may be in.

    Attributes:
        encoding: The name of the codec; empty if it is not certain.
        likely: The likeliest encodings, best first.
    """

    encoding: str
    likely: tuple[str, ...] = ()


class Samples:
    """Pieces of a text at a few places: where it begins, at later ones, where it ends; best where it is not ASCII.

    Attributes:
        doubtful: Whether some of it is not UTF-8.
    """

    def __init__(self) -> None:
        self.doubtful = False
        self._position = 0
        self._stride = 1
        self._number = 0
        self._first: list[bytes] = []
        self._later: list[bytes] = []
        self._last = b""

    def add(self, piece: bytes) -> None:
        """Take what is wanted of the next bytes of the text."""
        if not self._number:
            self._first = [piece]
            if len(piece) > WINDOW * WINDOWS:
                self._first = [self._window(piece, part * len(piece) // WINDOWS) for part in range(WINDOWS)]
        else:
            self._last = self._window(piece, len(piece) // 2)
            if self._number % self._stride == 0:
                self._later.append(self._last)
            if len(self._later) > 8 * WINDOWS:
                self._later, self._stride = self._later[1::2], 2 * self._stride
        self._number += 1
        self._position += len(piece)

    @property
    def marked(self) -> bool:
        """Whether it begins with a byte-order mark."""
        return bool(self._first) and Codec.of(self._first[0][:4], UTF_8).mark > 0

    @property
    def windows(self) -> list[bytes]:
        """Return the samples, in order; each begins at an even position of the text."""
        if not self._later:
            return self._first
        middle = [self._later[(len(self._later) - 1) * part // WINDOWS] for part in range(1, WINDOWS)]
        return [*self._first[::2], *middle[: WINDOWS - 2], self._last]

    def _window(self, piece: bytes, start: int) -> bytes:
        """Return a sample from a place on, or from before the first byte behind it that is not ASCII."""
        found = None if piece.isascii() else _NOT_ASCII.search(piece, start)
        if found and found.start() > start + WINDOW // 2:
            start = found.start() - WINDOW // 4
        start -= (self._position + start) % 2
        return piece[max(start, 0) : start + WINDOW]


def guess(windows: Sequence[bytes], *, sure: bool = False) -> Guess:
    """Return the encoding of a text from samples of it.

    Args:
        windows: Samples in order, each from an even position on.
        sure: Whether there has to be much that only this encoding explains: the text may also be UTF-8 with bad bytes.
    """
    if not sure and (name := _utf_16(windows)):
        return Guess(name, (name,))
    sample = b"\n".join(map(_whole, windows))
    dense = len(_NOT_ASCII.findall(sample)) >= _DENSE * len(sample)
    # Other lines are in ASCII however they are read, and may be in another language.
    lines = b"\n".join(line for line in sample.split(b"\n") if not line.isascii() or 0 in line)
    sample = lines if len(lines) > _SHORT else sample
    high = _NOT_ASCII.findall(sample)
    if sample.count(0) or not high or _is_utf_8(sample):
        return Guess("")
    names = _ranked(sample)
    if b"\xa4\xd4" in sample:  # syllables that are spelt out: cp949 has others in their place
        names = [name for name in names if name != "cp949"]
    readings: dict[str, list[str]] = {}
    for name in sorted(names, key=_CANDIDATES.index):
        readings.setdefault(sample.decode(name, "replace"), []).append(name)
    fits = {text: _fit(text, names) for text, names in readings.items()}
    likely = sorted(readings, key=lambda text: -fits[text].share)
    found = tuple(_name(readings[text], fits[text].language) for text in likely[:2])
    if not likely:
        return Guess("")
    best = likely[0]
    good = _GOOD
    if sure:
        several, english = len(high) >= _FEW and len(set(high)) > 1, fits[best].language == "en"
        good = _GOOD if (dense and several if english else dense or several) and not fits[best].strange else 2
    if sure and len(high) <= _FEW:  # so few letters fit encodings that hardly anybody uses any more
        likely = [text for text in likely if text == best or not _OLD.issuperset(readings[text])]
    if fits[best].share < good or len(fits[best].strange) > _STRANGE * fits[best].foreign:
        return Guess("", found)
    return Guess(found[0] if all(_clearly(best, other, fits) for other in likely[1:]) else "", found)


def _fit(text: str, names: Sequence[str]) -> Fit:
    return fit(text, frozenset(language for name in names for language in _LANGUAGES[name].split()))


def _name(names: Sequence[str], language: str) -> str:
    """Return the codec of encodings that read alike: the first in which the language is written."""
    return codecs.lookup(next((name for name in names if language in _LANGUAGES[name].split()), names[0])).name


def _ranked(sample: bytes) -> list[str]:
    """Return the encodings in which the sample can be a text, by charset-normalizer."""
    import charset_normalizer  # noqa: PLC0415 - it takes as long as reading a file, and most files are UTF-8

    matches = charset_normalizer.from_bytes(
        sample,
        chunk_size=1024,
        threshold=_CHAOS,
        cp_isolation=list(_CANDIDATES),
        preemptive_behaviour=False,
        enable_fallback=False,
    )
    return [name for match in matches for name in match.could_be_from_charset if name in _CANDIDATES]


def _clearly(best: str, other: str, fits: dict[str, Fit]) -> bool:
    """Return whether one reading fits clearly better than another, as a whole or where they differ."""
    one, two = fits[best], fits[other]
    if one.share - two.share >= _BETTER:
        return True
    if len(best) != len(other):
        return False
    where = [at for at, (mine, yours) in enumerate(zip(best, other, strict=True)) if mine != yours]
    strange = sum(at in one.strange for at in where), sum(at in two.strange for at in where)
    return 10 * strange[0] <= len(where) and 4 * strange[1] >= len(where)


def _whole(window: bytes) -> bytes:
    """Return the lines of a sample that are whole, or what begins and ends with a space."""
    if len(window) != WINDOW:
        return window  # it is all that there is
    for end in (b"\n", b" "):
        start, stop = window.find(end) + 1, window.rfind(end) + 1
        if stop - start > len(window) // 2:
            return window[start:stop]
    return window


def _not_ascii(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.isascii())


def _is_utf_8(sample: bytes) -> bool:
    """Return whether most of what is not ASCII is UTF-8."""
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    return len(text) - bad - sum(map(text.count, map(chr, range(128)))) > bad


def _utf_16(windows: Sequence[bytes]) -> str:
    """Return which of the two orders makes a text, all without a character that no text has; empty if none does."""
    found = ""
    for name in ("utf-16-le", "utf-16-be"):
        texts = [window[: len(window) & ~1].decode(name, "ignore") for window in windows]
        text = "\n".join(texts)
        if not text or _NEVER.search(text):
            continue
        plain = len(_PLAIN.findall(text)) / len(text)
        if plain >= 0.7 or fit(_not_ascii(text)).share >= _GOOD:
            if found:
                return ""
            found = name
    return found
