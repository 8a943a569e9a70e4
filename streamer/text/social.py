"""The tokenizer ``social``, for posts and chat: tags, names, tickers and emoji are words, a URL is ``<url>``."""

from __future__ import annotations

from streamer.text.words import Words

URL = "<url>"

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
_LETTER = (
    r"[^\s\x00-\x2f:-@\[-^`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\u2010-\u206f\u20a0-\u2bff\u3000-\u3004\u3008-\u3030"
    r"\ud800-\uf8ff\ufe10-\ufe1f\uff00-\uff0f\U0001f000-\U0001ffff]"
)


class Social(Words):
    """Cuts posts and chat."""

    special = (
        r"(?i:\bhttps?://[^\s<>\"]+|\bwww\.[^\s<>\"]+)"
        rf"|{EMOJI}"
        rf"|(?<![\w&/#@$])[#@]{_LETTER}+"
        r"|(?<![\w&/#@$])\$[A-Za-z]{1,6}(?:\.[A-Za-z]{1,2})?(?!\w)"
    )

    def special_word(self, special: str) -> str:
        """Return a special word as it is in the vocabulary."""
        head = special[:4].lower()
        return URL if head in ("http", "www.") else self._lower(special)
