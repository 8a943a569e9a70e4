"""Scripts that are written without spaces: their runs of letters, cut into words by the dictionaries of ICU."""

from __future__ import annotations

import functools
import re

_RANGES = (
    (0x0E01, 0x0E5B),  # Thai
    (0x0E81, 0x0EDF),  # Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17F9),  # Khmer
    (0x3005, 0x3007),  # marks of repetition, and zero
    (0x3031, 0x3035),
    (0x3041, 0x3096),  # Hiragana
    (0x3099, 0x309F),
    (0x30A1, 0x30FA),  # Katakana
    (0x30FC, 0x30FF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FE),  # Burmese
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),  # Han
    (0xFF66, 0xFF9F),  # Katakana of half width
    (0x1AFF0, 0x1B16F),  # Kana
    (0x20000, 0x323AF),  # Han
)
RUNS = re.compile("([" + "".join(f"{chr(low)}-{chr(high)}" for low, high in _RANGES) + "]+)")
_LOCALE = "en"  # the word breaks of ICU are the same in all languages but Finnish and Swedish


def without_spaces(points: list[int]) -> bool:
    """Say whether any of some code points, in ascending order, is of a script without spaces."""
    return (
        bool(points) and points[-1] >= _RANGES[0][0] and any(low <= p <= high for p in points for low, high in _RANGES)
    )


def segmented(text: str) -> str:
    """Return a text with spaces around and inside of its runs of scripts without spaces.

    A run is cut by itself, so that its words do not depend on what is around it.
    """
    parts = RUNS.split(text)
    runs = parts[1::2]
    if runs:
        parts[1::2] = " ".join(["", *_breaker()("\n".join(runs), _LOCALE), ""]).split("\n")
    return "".join(parts)


@functools.cache
def _breaker() -> type:
    # 16 MB of dictionaries, which most texts don't need.
    from icu4py.breakers import WordBreaker  # noqa: PLC0415

    return WordBreaker


@functools.cache
def icu_version() -> str:
    """Return the version of ICU: another one may cut words in other places."""
    from icu4py import icu_version  # noqa: PLC0415

    return str(icu_version)
