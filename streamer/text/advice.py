"""Which tokenizer suits a text, by a look at a piece of it. It is a guess, and only ever advice."""

from __future__ import annotations

import re
from typing import NamedTuple

from streamer.text.scripts import RUNS
from streamer.text.social import EMOJI
from streamer.text.tokenizer import Rules

SAMPLE = 1 << 16
"""Characters that are looked at."""
MANY_LINES = 0.4
"""Share of the lines that must look like those of a kind of text."""
CODE_LINES, CODE_SIGNS = 0.27, 0.5
SOCIAL_LINES = 0.25
UNUSUAL = 1 / 3
"""Share of the tokens above which those with digits in them, or those that came once, are too many."""
ENOUGH_WORDS = 50_000
"""Below, the share of words that came once says nothing."""

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? "
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TIME = rf"\d{{4}}[-/]\d\d[-/]\d\d[T :,_]|\d\d:\d\d:\d\d|\d\d/{_MONTH}/\d{{4}}|\d+\.\d{{3,}}\]|[DIWEF]\d{{4}} \d\d:"
_LOG_LINE = re.compile(
    rf"(?:\W{{0,2}}|\[ *)(?:{_TIME}|(?:{_DAY})?{_MONTH} [ \d]\d \d\d:\d\d)|\S+ \S+ \S+ \[\d\d/{_MONTH}/\d{{4}}:"
    r"|\S+ (?:DEBUG|INFO|WARN|ERROR)"
    rf"|\d+:[A-Z] \d\d {_MONTH} \d{{4}} \d\d:"
    r'|\{.*"(?:@?timestamp|time|ts|level|severity)" ?:'
)
_JSON_LINE = re.compile(r'\{ ?"')
_CODE_LINE = re.compile(
    r".*(?:[;{}]|\)\s*:|[(=,]|\)|=>|\*/)\s*$|\s*(?:#include|#define|import |from \w+ import |@\w+|//|/\*|\* )"
)
_CODE_SIGN = re.compile(r"[(){}\[\]=;]|::|->")
_SOCIAL_SIGN = re.compile(rf"(?<![\w/])[@#]\w{{2,}}|https?://|{EMOJI}")
_SENTENCE_SIGN = re.compile(r"(.)[.,!?;:](?:\s|$)")


class Advice(NamedTuple):
    """What a text looks like, and the tokenizer for it."""

    looks_like: str
    tokenizer: str


def suited(text: str) -> Advice | None:
    """Return the tokenizer that suits a text better than ``words``, or None if it looks like prose."""
    lines = [line for line in text[:SAMPLE].splitlines() if line.strip()]
    if not lines:
        return None

    def share(pattern: re.Pattern[str]) -> float:
        return sum(1 for line in lines if pattern.match(line)) / len(lines)

    if share(_LOG_LINE) >= MANY_LINES:
        return Advice("log lines", "logs")
    signs = sum(1 for line in lines if _CODE_SIGN.search(line)) / len(lines)
    if share(_CODE_LINE) >= CODE_LINES and signs >= CODE_SIGNS and share(_JSON_LINE) < MANY_LINES:
        return Advice("source code", "code")
    if sum(1 for line in lines if _SOCIAL_SIGN.search(line)) / len(lines) >= SOCIAL_LINES:
        return Advice("posts or chat", "social")
    ends = _SENTENCE_SIGN.findall(text[:SAMPLE])
    if len(ends) >= 20 and ends.count(" ") >= 0.8 * len(ends):
        return Advice("text that is tokenized already", "spaces")
    return None


def advised(text: str, rules: Rules) -> Advice | None:
    """Return what a text looks like and the tokenizer for it; None if the rules suit it, or are the user's own."""
    without_them = rules.name in ("spaces", "logs") or (rules.name == "words" and rules.version == 1)
    if without_them and needs_dictionaries(text):
        return Advice("text in a script without spaces", "words")
    return suited(text) if rules.name == "words" else None


def needs_dictionaries(text: str) -> bool:
    """Say whether most of a text is in scripts without spaces."""
    sample = text[:SAMPLE]
    letters = sum(map(str.isalpha, sample))
    return sum(map(len, RUNS.findall(sample))) > letters / 2


def unusual(seen: int, with_digits: int, once: int) -> str | None:
    """Return what is odd about the words of a text, or None.

    Args:
        seen: Tokens.
        with_digits: Those of them that hold digits.
        once: Words that came once.
    """
    if seen >= ENOUGH_WORDS and with_digits > UNUSUAL * seen:
        return f"{100 * with_digits / seen:.0f} % of the words hold digits"
    if seen >= ENOUGH_WORDS and once > UNUSUAL * seen:
        return f"{100 * once / seen:.0f} % of the words came only once"
    return None
