"""Runs of scripts without spaces are cut by dictionary, each by itself."""

from __future__ import annotations

import importlib.metadata
import unicodedata

import pytest
from icu4py.breakers import WordBreaker

from streamer.text import scripts
from streamer.text.scripts import icu_version, segmented, without_spaces

NAMES = ("THAI ", "LAO ", "MYANMAR ", "KHMER ", "HIRAGANA ", "KATAKANA", "CJK UNIFIED ", "CJK COMPATIBILITY IDEOGRAPH")
MARKS = ("IDEOGRAPHIC ITERATION", "IDEOGRAPHIC CLOSING", "VERTICAL KANA", "HENTAIGANA")
LETTERS = "LM"


def test_every_letter_of_these_scripts_is_in_a_run() -> None:
    """As the names of Unicode say which they are, and no letter of another script is."""
    for point in (*range(0x80, 0x33480), *range(0xE0000, 0xE0200)):
        name, kind = unicodedata.name(chr(point), ""), unicodedata.category(chr(point))[0]
        is_one = name.startswith((*NAMES, *MARKS, "HALFWIDTH KATAKANA")) and "KHMER SYMBOL" not in name
        if kind in LETTERS and point not in range(0x3099, 0x309D):
            assert without_spaces([point]) == is_one, (hex(point), name)


@pytest.mark.parametrize(
    ("points", "found"),
    [([], False), ([0xE9], False), ([0xE01], True), ([0xE9, 0x4E2D], True), ([0xE9, 0xAC00], False), ([0x20000], True)],
)
def test_without_spaces(points: list[int], found: bool) -> None:
    """One letter of a text is enough."""
    assert without_spaces(points) == found


def test_a_run_does_not_depend_on_what_is_around_it() -> None:
    """Each is cut as if it were alone, in one call for all."""
    runs = ["我们在北京学习", "東京に行きました", "ภาษาไทยง่ายมาก", "ລາວ", "ខ្មែរ", "မြန်မာ"]
    text = "".join(f"a{run}1_\n" for run in runs)
    expected = "".join(f"a {' '.join(WordBreaker(run, 'th'))} 1_\n" for run in runs)
    assert segmented(text) == expected
    assert segmented("plain") == "plain"
    assert segmented("中") == " 中 "


def test_the_language_makes_no_difference() -> None:
    """Which is why no setting asks for one."""
    text = "我们在北京大学学习。東京に行きましたภาษาไทย"
    assert len({tuple(WordBreaker(text, locale)) for locale in ("en", "zh", "ja", "th", "de")}) == 1


def test_the_version_is_that_of_icu() -> None:
    """Two numbers with a dot, and not the version of the package."""
    assert icu_version().partition(".")[0].isdigit()
    assert icu_version() != importlib.metadata.version("icu4py")
    assert scripts._breaker() is WordBreaker
