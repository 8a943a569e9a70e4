"""The tokenizer ``logs``: identifiers stay whole, and what never repeats becomes its class.

``sshd[4711]: from 10.0.0.7 port 51234`` gives ``sshd <num> from <ip> port <num>``. Numbers of up to three digits stay,
and so do words with digits in them: ``ipv6``, ``sha256``, ``E1234``. A long number or a hash inside of an identifier
becomes its class there: ``session-<num>.scope``.
"""

from __future__ import annotations

import functools
import itertools
import re

from streamer.text.cleaning import JOINERS, clean, in_chunks
from streamer.text.encoded import EncodedText
from streamer.text.phrases import with_signs
from streamer.text.spaces import NOT_SPACES
from streamer.text.tokenizer import WORD_BYTES, Tokenizer, cut_at_spaces

MOST_DIGITS = 4
"""Most digits of a number inside of an identifier that stays: ``iso-8859-1``, ``http-nio-8080-exec-5``."""

_UNITS = r"service|socket|timer|mount|automount|target|slice|scope|device|path|swap"
_MEDIA = r"application|audio|font|image|message|multipart|text|video"
_DATE = r"\d{4}[-/]\d\d[-/]\d\d|\d\d\.\d\d\.\d{4}|\d\d/(?:\d\d|[A-Za-z]{3})/\d{2,4}"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?(?:[Zz]|[+-]\d\d:?\d\d)?"
_LETTER = r"[^\W_]"
_NAME = r"[\w$](?:[\w$]|[-.@](?=[\w$])|::(?=\w)|(?<=[a-z])'(?=(?:d|ll|m|re|s|t|ve)(?!\w)))*"
_PIECES = re.compile(
    rf"""
    (?P<class><(?:num|hex|uuid|ip|time|path|url|mail)>)
  | (?P<url>[A-Za-z][A-Za-z0-9+.-]{{0,30}}://[^\s"'<>|\\^`{{}}]+)
  | (?P<uuid>(?<![\w-])[0-9A-Fa-f]{{8}}-(?:[0-9A-Fa-f]{{4}}-){{3}}[0-9A-Fa-f]{{12}}(?![\w-]))
  | (?P<time>(?<![\w.-])(?:(?:{_DATE})(?:[Tt_:]?{_CLOCK})?|{_CLOCK})(?![\w:]))
  | (?P<mail>(?<![\w.@+-])[\w.+-]+@(?:[\w-]+\.)+(?!(?:{_UNITS})(?!\w))[A-Za-z]{{2,}}(?![\w@]))
  | (?P<ip>(?<![\w.:-])(?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?:/\d+)?(?![\w.]|-\w)
        |(?=[A-Fa-f:]*\d)(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}
        (?:\d{{1,3}}(?:\.\d{{1,3}}){{3}}|[0-9A-Fa-f]{{1,4}}|:)?(?:%\w+)?(?:/\d+)?(?![\w:])))
  | (?P<path>(?<![\w)\]}}>.~$%])(?:~|\.{{1,2}})?/(?:[\w.@%+~=,:$?&#;!*-]+/?)+|(?<!\w)[A-Za-z]:\\[^\s"'<>|?*]*)
  | (?P<name>[A-Za-z]+/\d(?:\.\d)?(?![\w.])|(?:{_MEDIA})/[A-Za-z][\w.+-]*(?<![.+-])|{_NAME})
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"[a-z]+(?:[-._][a-z]+)*")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
_DECIMAL = re.compile(r"(?:\d+\.\d+|\d{4,}(?:\.\d+)*)([^\W\d_]{1,3})?")
_CODE = re.compile(r"[A-Z]{1,5}-?\d{4,5}|CVE-\d{4}-\d+")
_POD = re.compile(r"(<hex>|<num>)-[bcdfghjklmnpqrstvwxz2456789]{5}$")  # as Kubernetes names a copy
_PART = re.compile(rf"({_LETTER}+)")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+|(?=[a-fA-F]*[0-9])[0-9a-fA-F]{7,}")
_ONLY_DIGITS = re.compile(r"\d+")
_LONG_RUN = re.compile(r"\d{6,}")
_LONG_FIRST = re.compile(r"\d{4,}")
_CHANGES = re.compile(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)")


_COLOUR = re.compile(r"\x1b\[[0-9;:?]*[@-~]")
"""What a program sends to a terminal between its words."""


class Logs(Tokenizer):
    """Cuts the lines of logs."""

    def _cut(self, text: str, boundary: str) -> EncodedText:
        if "\x1b" in text:
            text = _COLOUR.sub(" ", text)
        text, _ = clean(text, in_chunks)
        chunks = cut_at_spaces(text, boundary, NOT_SPACES, longest=len(text) * 4)
        return chunks.replaced([self._pieces(chunk) for chunk in chunks.words])

    @functools.cached_property
    def _signed(self) -> re.Pattern[str] | None:
        pattern = with_signs(self.rules.phrases)
        return re.compile(f"({pattern})") if pattern else None

    def _pieces(self, chunk: str) -> list[str]:
        """Return the words of what lies between white space."""
        if not self._signed:
            return self._unsigned(chunk)
        parts = self._signed.split(chunk)
        words = [[self._lower(part)] if number % 2 else self._unsigned(part) for number, part in enumerate(parts)]
        return list(itertools.chain.from_iterable(words))

    def _unsigned(self, chunk: str) -> list[str]:
        """Return the words of a piece that has no phrase with signs."""
        if _PLAIN.fullmatch(chunk):
            return [chunk] if len(chunk) <= WORD_BYTES else []
        words = []
        for match in _PIECES.finditer(_MAC.sub(" 0x0 ", chunk)):
            kind = match.lastgroup
            if kind == "name":
                words += self._name(match[0])
            elif kind == "class":
                words.append(match[0])
            else:
                words.append(f"<{kind}>")
        return words

    def _name(self, name: str) -> list[str]:
        word = self._lower(self._classed(name).strip(JOINERS))
        return [word] if any(map(str.isalnum, word)) and len(word.encode()) <= WORD_BYTES else []

    def fold(self, word: str) -> str:
        """Return a word as it is in the vocabulary: the class of a number or an address that somebody types."""
        tokens = self.encode(word).tokens()
        return tokens[0] if len(tokens) == 1 else self._lower(word)

    def _classed(self, name: str) -> str:
        """Return an identifier with the class of each of its parts that never repeat."""
        if _HEX.fullmatch(name) and not _ONLY_DIGITS.fullmatch(name):
            return "<hex>"
        if decimal := _DECIMAL.fullmatch(name):
            return f"<num>{decimal[1] or ''}"
        if not any(map(str.isdigit, name)) or _CODE.fullmatch(name):
            return name
        return _POD.sub(r"\1-<hex>", _PART.sub(self._part, name))

    def _part(self, match: re.Match[str]) -> str:
        part = match[0]
        if part.isdigit():
            return part if len(part) <= MOST_DIGITS else "<num>"
        if _HEX.fullmatch(part) or (len(part) >= 10 and len(_CHANGES.findall(part)) >= 3):
            return "<hex>"
        return (_LONG_FIRST if part[0].isdigit() else _LONG_RUN).sub("<num>", part)
