"""A block of text → words: the rules that a model has for it, and what all tokenizers share.

A few passes in C (``str.replace``, ``bytes.translate``, NumPy) handle the whole block. Python handles only the distinct
tokens and the long ones: some thousands, where a MiB has 180,000.
"""

from __future__ import annotations

import abc
import functools
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from streamer.text.cleaning import APOSTROPHES
from streamer.text.encoded import EncodedText
from streamer.text.phrases import JOINT, Phrases
from streamer.text.splitting import split

SEPARATOR = "\x1e"  # ASCII's record separator: ends a context whatever the boundary is
BREAK = "\x00"  # marks the end of a context while the text is cut into tokens
NO_WORD = ""  # stands for a token that is not a word, such as a mark without a letter

WORD_BYTES = 256
"""Most bytes of UTF-8 in a word: longer tokens are data written as letters, and would fill the vocabulary."""
STRINGS = 50_000
"""Strings that :meth:`Tokenizer.as_words` checks at a time."""

_SEPARATOR = SEPARATOR.encode()
_BLANK_LINE = re.compile(rb"\n\s*\n")
_ENDS_LINE = re.compile(f"[\n\u2028\u2029{BREAK}{SEPARATOR}]")
STRAIGHT = str.maketrans(dict.fromkeys(APOSTROPHES, "'"))


class TokenizerError(ValueError):
    """A tokenizer that a user wrote fails on a text; the message says how."""


@dataclass(frozen=True)
class Rules:
    """Everything that decides how a model cuts text into words.

    Attributes:
        name: One of :data:`streamer.settings.TOKENIZERS`, or ``module:function``.
        version: That of the tokenizer: how a version cuts text never changes.
        boundary: What ends a context: a blank line (``paragraph``), a line end (``line``), or nothing (``file``).
        keep_case: Whether upper case stays.
        min_length: Fewest characters of a word.
        stop_words: Words that are left out.
        phrases: Words with spaces between them that become one, and words with signs in them.
    """

    name: str = "words"
    version: int = 2
    boundary: str = "paragraph"
    keep_case: bool = False
    min_length: int = 1
    stop_words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


class Tokenizer(abc.ABC):
    """Cuts text into words. How it does so follows from its rules alone, so that another process does the same."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def __reduce__(self) -> tuple[type[Tokenizer], tuple[Rules]]:
        return type(self), (self.rules,)

    def encode(self, text: str) -> EncodedText:
        r"""Tokenize a block, with ``\n`` as line ends.

        Raises:
            TokenizerError: If it runs code of the user, which fails.
        """
        encoded = self._cut(text, self.rules.boundary)
        if self.rules.phrases:  # before words are left out: a phrase may hold short words and stop words
            encoded = self._phrases.joined(encoded)
        if self._filters:
            encoded = encoded.renamed([word if self.keeps(word) else NO_WORD for word in encoded.words])
        return encoded

    def fold(self, word: str) -> str:
        """Return a word, as somebody types it, as it is in the vocabulary of a model with these rules."""
        tokens, lower = self.encode(word).tokens(), self._lower(word.translate(STRAIGHT))
        return tokens[0] if tokens in ([lower], [JOINT.join(lower.split())]) else self._lower(word)

    def as_words(self, strings: Sequence[str]) -> list[str]:
        """Return the word that each string is in a text; :data:`NO_WORD` for a string that is not exactly one word.

        Only case, and how marks and apostrophes are encoded, may differ between the string and the word.
        """
        found = [NO_WORD] * len(strings)
        for start in range(0, len(strings), STRINGS):
            piece = [string if not _ENDS_LINE.search(string) else "" for string in strings[start : start + STRINGS]]
            encoded = self._cut("\n".join(piece), "line")
            tokens = np.bincount(encoded.segments, minlength=len(piece))
            first = np.cumsum(tokens) - tokens
            for line in np.flatnonzero(tokens == 1).tolist():
                word = encoded.words[encoded.codes[first[line]]]
                if word == self._lower(piece[line].translate(STRAIGHT)):
                    found[start + line] = word
        return found

    def _lower(self, word: str) -> str:
        """Return a word in NFC, without upper case unless it is kept.

        Case is folded as Unicode does in full, without the dot that it leaves on the ``i`` of ``İ``.
        """
        folded = word if self.rules.keep_case else word.casefold().replace("i\u0307", "i")
        return unicodedata.normalize("NFC", folded)

    @abc.abstractmethod
    def _cut(self, text: str, boundary: str) -> EncodedText:
        """Tokenize a block, without a look at stop words, shortest words and phrases."""

    @property
    def _filters(self) -> bool:
        return self.rules.min_length > 1 or bool(self.rules.stop_words)

    @functools.cached_property
    def _stop_words(self) -> frozenset[str]:
        return frozenset(word for line in self.rules.stop_words for word in self._cut(line, "file").tokens())

    @functools.cached_property
    def _phrases(self) -> Phrases:
        return Phrases([self._cut(line, "file").tokens() for line in self.rules.phrases])

    def keeps(self, word: str) -> bool:
        """Say whether a word is neither too short nor a stop word."""
        return len(word) >= self.rules.min_length and word not in self._stop_words


def cut_at_spaces(text: str, boundary: str, table: bytes, *, longest: int, apostrophes: bool = False) -> EncodedText:
    """Return what is between the spaces of a cleaned text.

    Args:
        text: The text, without NULs.
        boundary: What ends a context.
        table: The byte that is read instead of each: (256,); line ends may only become spaces, NULs must stay.
        longest: Tokens with more bytes are left out.
        apostrophes: Whether an apostrophe at the edge of a token is a space.
    """
    raw = text.encode("utf-8", "replace")
    if boundary == "paragraph":
        raw = _BLANK_LINE.sub(b" \x00 ", raw)
    elif boundary == "line":
        raw = raw.replace(b"\n", b" \x00 ")
    raw = raw.replace(_SEPARATOR, b" \x00 ").translate(table)
    return split(raw, longest, apostrophes=apostrophes)


def table(in_word: Callable[[str], bool], *, keep_case: bool) -> bytes:
    """Return a table for :func:`cut_at_spaces`: a space for each ASCII character that is not in a word."""
    bytes_in_order = bytes(byte if byte >= 0x80 or byte == 0 or in_word(chr(byte)) else 0x20 for byte in range(256))
    return bytes_in_order if keep_case else bytes_in_order.lower()
