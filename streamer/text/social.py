"""The tokenizer ``social``, for posts and chat: tags, names, tickers and emoji are words, a URL is ``<url>``."""

from __future__ import annotations

import re

from streamer.text.cleaning import JOINERS, is_mark
from streamer.text.words import Words

# In scripts without spaces nothing else may stand between an address or a name and the text around it.
_WITHOUT_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_BEGINS = rf"(?<![^\W{_WITHOUT_SPACES}])"
_URL = rf"{_BEGINS}(?i:https?://|www\.)[^\s<>\"{_WITHOUT_SPACES}\U0001f000-\U0001ffff]+"
_IS_URL = re.compile(_URL)

# What Unicode calls Extended_Pictographic, without the signs that are used in plain text, such as ©.
_PICTURE = (
    "[\u203c\u2049\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6"
    "\u25c0\u25fb-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff]"
)
_MODIFIED = f"{_PICTURE}(?:\ufe0f|[\U0001f3fb-\U0001f3ff])*(?:[\U000e0020-\U000e007e]+\U000e007f)?"
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
EMOJI = f"{_FLAG}|{_KEYCAP}|{_MODIFIED}(?:\u200d{_MODIFIED})*"


class Social(Words):
    """Cuts posts and chat."""

    def special(self) -> str:
        """Return a pattern of tags, names, tickers, emoji and addresses."""
        marks = "".join(filter(is_mark, map(chr, range(0x300, 0x20000))))
        letter = rf"[\w{marks}{JOINERS}]"
        return (
            rf"{_URL}|{EMOJI}"
            rf"|(?<![\w&/#@$])#{letter}+|{_BEGINS}(?<![&/#@$])@{letter}+"
            r"|(?<![\w&/#@$])\$[A-Za-z]{1,6}(?:\.[A-Za-z]{1,2})?(?!\w)"
        )

    def special_word(self, special: str) -> str:
        """Return a special word as it is in the vocabulary."""
        return "<url>" if _IS_URL.match(special) else super().special_word(special)
