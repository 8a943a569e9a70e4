"""Phrases: words that follow each other and become one, joined by ``_``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from streamer.text.encoded import EncodedText

JOINT = "_"


class Phrases:
    """Phrases of two words or more, which are joined wherever they stand in one context.

    The first phrase from the left wins, and of those that begin with the same word, the longest.
    """

    def __init__(self, phrases: Iterable[Sequence[str]]) -> None:
        self._by_pair: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        for phrase in sorted({tuple(phrase) for phrase in phrases if len(phrase) > 1}, key=len, reverse=True):
            self._by_pair.setdefault((phrase[0], phrase[1]), []).append(phrase)

    def joined(self, encoded: EncodedText) -> EncodedText:
        """Return a block in which each phrase is one word."""
        starts = self._candidates(encoded).tolist()
        if not starts:
            return encoded
        words, codes, segments = list(encoded.words), encoded.codes.copy(), encoded.segments
        numbers: dict[tuple[str, ...], int] = {}
        kept, end = np.ones(len(codes), np.bool_), 0
        for start in starts:
            if start >= end and (phrase := self._longest(encoded, start)):
                end = start + len(phrase)
                if phrase not in numbers:
                    numbers[phrase] = len(words)
                    words.append(JOINT.join(phrase))
                codes[start] = numbers[phrase]
                kept[start + 1 : end] = False
        joined = EncodedText(words, codes[kept], segments[kept])
        return _in_order(joined)

    def _candidates(self, encoded: EncodedText) -> npt.NDArray[np.int64]:
        """Return where two words follow each other with which a phrase begins."""
        index = {word: code for code, word in enumerate(encoded.words)}
        size = len(index)
        pairs = [index[a] * size + index[b] for a, b in self._by_pair if a in index and b in index]
        codes = encoded.codes.astype(np.int64)
        together = encoded.segments[1:] == encoded.segments[:-1]
        return np.flatnonzero(np.isin(codes[:-1] * size + codes[1:], pairs) & together)

    def _longest(self, encoded: EncodedText, start: int) -> tuple[str, ...]:
        words, codes, segments = encoded.words, encoded.codes, encoded.segments
        for phrase in self._by_pair[words[codes[start]], words[codes[start + 1]]]:
            stop = start + len(phrase)
            together = stop <= len(codes) and segments[stop - 1] == segments[start]
            if together and [words[code] for code in codes[start:stop].tolist()] == list(phrase):
                return phrase
        return ()


def _in_order(encoded: EncodedText) -> EncodedText:
    """Return a block whose words are in the order of first appearance, each once."""
    index: dict[str, int] = {}
    there, first = np.unique(encoded.codes, return_index=True)
    renumbered = np.zeros(len(encoded.words), np.int32)
    for code in there[np.argsort(first)].tolist():
        renumbered[code] = index.setdefault(encoded.words[code], len(index))
    return EncodedText(list(index), renumbered[encoded.codes], encoded.segments)


def with_signs(phrases: Iterable[str]) -> str:
    """Return a pattern of the phrases that are one word with signs in it, in any case; empty if there are none."""
    signed = [phrase for phrase in phrases if not phrase.split()[1:] and not phrase.isalnum()]
    return rf"(?i:(?<!\w)(?:{one_of(signed)})(?!\w))" if signed else ""


def one_of(strings: Iterable[str], depth: int = 3) -> str:
    """Return a pattern of any of some strings, the longest first; case counts for nothing where it is used.

    Strings that begin alike are tried together, down to some depth: a plain list of thousands would all be tried at
    each word of a text.
    """
    lower = {string.lower() if len(string.lower()) == len(string) else string for string in strings}
    if not depth or len(lower) < 3:
        return "|".join(map(re.escape, sorted(lower, key=lambda string: (-len(string), string))))
    groups: dict[str, list[str]] = {}
    for string in sorted(lower, reverse=True):  # so that the empty one comes last
        groups.setdefault(string[:1], []).append(string[1:])
    return "|".join(f"{re.escape(first)}(?:{one_of(rest, depth - 1)})" for first, rest in groups.items())
