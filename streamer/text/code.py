"""The tokenizer ``code``: identifiers, whole and in parts.

``getUserById`` gives ``getuserbyid get user by id``, and ``get_user`` gives ``get_user get user``. The names of some
languages and libraries hold signs: ``C++``, ``C#``, ``.net``, ``node.js``.
"""

from __future__ import annotations

import re

from streamer.text.cleaning import JOINERS
from streamer.text.encoded import EncodedText
from streamer.text.words import Words

_PARTS = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+|[^\W_A-Za-z0-9]+")

_PREFIX = re.compile(r"^(?i:[bfrul]|[bf]r|r[bf]|u8)'")
"""What languages write before a string: it would be one word with the string."""

_SPECIAL = (
    r"(?<![\w.])(?:[CcGg]|[Nn]otepad|libstdc)\+\+(?![^\W\d]|\+)"
    r"|(?<![\w.])[CcFfJjQq]#(?!\w)"
    r"|(?<![\w.])\.(?:NET|[Nn]et)\b"
    r"|(?<![\w.])[A-Za-z][A-Za-z0-9]*\.(?:js|JS|net|NET)\b"
)


class Code(Words):
    """Cuts source code, and prose about it."""

    expands = True
    in_word = "'_"

    @property
    def _keeps(self) -> bool:
        return True  # parts begin with upper case

    def special(self) -> str:
        """Return a pattern of the names that hold signs."""
        return _SPECIAL

    def _named(self, encoded: EncodedText, specials: list[str]) -> EncodedText:
        return encoded.replaced([self._parts(token, specials) for token in encoded.words])

    def _parts(self, token: str, specials: list[str]) -> list[str]:
        """Return an identifier and its parts, if it has several."""
        if not token.isascii() and (special := self._word(token, specials)) in specials:
            return [special]
        token = _PREFIX.sub("", token.strip(JOINERS + "'"))
        found = _PARTS.findall(token) if "'" not in token and token.isascii() else token.split("_")
        whole, parts = self.word(token), list(filter(None, map(self.word, found)))
        return [whole, *parts] if whole and parts != [whole] else parts
