"""The tokenizer ``words``: letters, digits and their marks, with apostrophes only inside.

Version 1 takes a run of Chinese for one word, and has simple lower case. Version 2 cuts scripts without spaces by
dictionary, and folds case as Unicode does: ``ß`` is ``ss``, ``ς`` is ``σ``, ``ﬁ`` is ``fi``. ``İ`` is ``i``, because
people write it without the dot that Unicode leaves on it.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from streamer.text import scripts
from streamer.text.cleaning import JOINERS, clean, in_words
from streamer.text.encoded import EncodedText
from streamer.text.phrases import with_signs
from streamer.text.tokenizer import NO_WORD, STRAIGHT, WORD_BYTES, Rules, Tokenizer, cut_at_spaces, table

WORD = r"[^\W_ʼ]+(?:['’ʼ][^\W_ʼ]+)*"
"""A word: letters, digits and the marks on them, with apostrophes only inside (as closely as Python's ``re`` can)."""

_FIRST = 0xF0000
"""The code points from here on are private: each stands for one of the special words of a block."""
_MOST = 0x10FFFF - _FIRST
_PRIVATE = re.compile(f"[{chr(_FIRST)}-\U0010ffff]")


class Words(Tokenizer):
    """Cuts text at all that is not a letter, a digit or a mark, and finds special words first if there are some."""

    expands = False
    """Whether ASCII tokens too are looked at one by one."""
    in_word = "'"
    """ASCII signs that may be in words."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self._table = table(lambda character: character.isalnum() or character in self.in_word, keep_case=self._keeps)

    @property
    def _first(self) -> bool:
        """Whether this is the first version of ``words``."""
        return self.rules.name == "words" and self.rules.version == 1

    @property
    def _keeps(self) -> bool:
        """Whether upper case is still there when the distinct words are looked at."""
        return self.rules.keep_case

    def special(self) -> str:
        """Return a pattern of words that hold signs, or stand for others; empty if there are none."""
        return ""

    @functools.cached_property
    def _specials(self) -> re.Pattern[str] | None:
        patterns = list(filter(None, (with_signs(self.rules.phrases), self.special())))
        return re.compile("|".join(patterns)) if patterns else None

    def _cut(self, text: str, boundary: str) -> EncodedText:
        places: dict[str, int] = {}
        if self._specials:
            text = self._set_aside(text, places)
        text, points = clean(text, _private_too if places else in_words)
        if not self._first and scripts.without_spaces(points):
            text = scripts.segmented(text)
        encoded = cut_at_spaces(text, boundary, self._table, longest=WORD_BYTES, apostrophes=True)
        if text.isascii() and not self.expands:  # almost every short text
            return encoded
        return self._named(encoded, [self.special_word(special) for special in places])

    def _named(self, encoded: EncodedText, specials: list[str]) -> EncodedText:
        """Return a block with words in place of tokens; private characters stand for special words."""
        return encoded.renamed([token if token.isascii() else self._word(token, specials) for token in encoded.words])

    def _set_aside(self, text: str, places: dict[str, int]) -> str:
        """Replace each special word by a private character with spaces around it."""

        def private(match: re.Match[str]) -> str:
            place = places.setdefault(match[0], len(places))
            return f" {chr(_FIRST + place)} " if place <= _MOST else " "

        if not text.isascii():
            text = _PRIVATE.sub("-", text)
        return self._specials.sub(private, text) if self._specials else text

    def special_word(self, special: str) -> str:
        """Return a special word as it is in the vocabulary."""
        return self._lower(special.translate(STRAIGHT))

    def _word(self, token: str, specials: list[str]) -> str:
        if ord(token[0]) >= _FIRST and ord(token[0]) - _FIRST < len(specials):
            return specials[ord(token[0]) - _FIRST]
        return self.word(token)

    def word(self, token: str) -> str:
        """Return the word that a token is, or :data:`NO_WORD`."""
        word = self._lower(token).strip(JOINERS + "'")
        if len(word) > WORD_BYTES // 4 and len(word.encode()) > WORD_BYTES:
            return NO_WORD  # some letters have more bytes in lower case
        return word if any(map(str.isalnum, word)) else NO_WORD

    def _lower(self, word: str) -> str:
        if self._first and not self.rules.keep_case:
            return unicodedata.normalize("NFC", word.lower())
        return super()._lower(word) if self.rules.keep_case else super()._lower(word).replace("ʼ", "'")


def _private_too(character: str) -> str | None:
    return None if ord(character) >= _FIRST else in_words(character)
