"""Text → text that can be cut at spaces: NFC, and an ASCII character for each that can't be part of a word.

A few passes in C handle a whole block. Python looks only at the distinct characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

APOSTROPHES = "’ʼ"
JOINERS = "\u200c\u200d"  # part of a word: they shape letters in Persian and Indic scripts
INVISIBLE = "\u00ad\u2060\ufeff"  # removed: soft hyphen, word joiner, byte-order mark
MARKS = 30
"""Most marks on one letter that are read; the time to compose them grows with their square (as in UAX #15)."""
FEW_CHANGES = 50
"""If there are more different characters to replace, one pass over the text is faster than one for each."""

Instead = Callable[[str], str | None]


def clean(text: str, instead: Instead, *, compose: bool = True) -> tuple[str, list[int]]:
    """Return a text with each character replaced that is not ASCII and can't be part of a word, and a space per NUL.

    Args:
        text: Any text.
        instead: Returns the replacement of a character that is not ASCII; None if it stays.
        compose: Whether to bring the text into NFC, and to remove marks beyond :data:`MARKS` in a row.

    Returns:
        The text, and the distinct code points beyond ASCII that it had after NFC.
    """
    if "\x00" in text:
        text = text.replace("\x00", " ")
    if text.isascii():
        return text, []
    points, distinct = _points(text)
    if compose:
        marks = [point for point in distinct if is_mark(chr(point))]
        if marks and (few := _few_marks(points, marks)) is not None:
            text = few
        if not unicodedata.is_normalized("NFC", text):
            text = unicodedata.normalize("NFC", text)
            _, distinct = _points(text)
    changes = {point: new for point in distinct if (new := instead(chr(point))) is not None}
    if len(changes) > FEW_CHANGES:
        return text.translate(changes), distinct
    for point, new in changes.items():
        text = text.replace(chr(point), new)
    return text, distinct


def in_words(character: str) -> str | None:
    """Return the replacement of a character that is not ASCII, or None if it can be part of a word."""
    if character in APOSTROPHES:
        return "'"
    if character in INVISIBLE:
        return ""
    if character in "\u2028\u2029":
        return "\n\n"
    # Python's \w does not match combining marks: it would cut words of Hindi, Thai or pointed Hebrew in the middle.
    if character.isalnum() or character in JOINERS or is_mark(character):
        return None
    # A line of dashes or dots is not a blank line, so punctuation must not become whitespace yet.
    return " " if character.isspace() else "-"  # which, unlike "_", is in the words of no tokenizer


def in_chunks(character: str) -> str | None:
    """Return the replacement of a character that is not ASCII, or None if it is no white space."""
    if character in "\u2028\u2029":
        return "\n\n"
    return " " if character.isspace() else None


def is_mark(character: str) -> bool:
    """Say whether a character is a mark on the letter before it."""
    return unicodedata.category(character)[0] == "M"


def _points(text: str) -> tuple[npt.NDArray[np.uint32], list[int]]:
    """Return the code points of a text, and the distinct ones that are not ASCII, in ascending order."""
    points = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
    there = np.zeros(int(points.max(initial=0)) + 1, np.bool_)
    there[points] = True
    return points, (np.flatnonzero(there[0x80:]) + 0x80).tolist()


def _few_marks(points: npt.NDArray[np.uint32], marks: list[int]) -> str | None:
    """Return the text without marks beyond :data:`MARKS` in a row, or None if there are none."""
    found = np.isin(points, np.array(marks, np.uint32))
    others = np.flatnonzero(~found)
    if len(points) <= MARKS or np.diff(others, prepend=-1, append=len(points)).max() <= MARKS + 1:
        return None
    positions = np.arange(len(points))
    before = np.maximum.accumulate(np.where(found, -1, positions))
    return points[positions - before <= MARKS].tobytes().decode("utf-32-le")
