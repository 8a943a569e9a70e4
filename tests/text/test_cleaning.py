"""Text is cleaned a whole block at a time as it would be letter by letter."""

from __future__ import annotations

import unicodedata

import pytest

from streamer.text.cleaning import FEW_CHANGES, MARKS, clean, in_chunks, in_words


def test_ascii_stays_but_for_nuls() -> None:
    """There is nothing to look up."""
    assert clean("a\x00b'_!", in_words) == ("a b'_!", [])


@pytest.mark.parametrize("count", [1, FEW_CHANGES, FEW_CHANGES + 1])
def test_few_and_many_changes(count: int) -> None:
    """One pass for each character, or one for all: the same text."""
    signs = "".join(filter(lambda sign: in_words(sign) == "-", map(chr, range(0x2010, 0x2F00))))[:count]
    assert len(signs) == count
    assert clean(f"é{signs}é", in_words) == ("é" + "-" * count + "é", sorted({0xE9, *map(ord, signs)}))


def test_what_becomes_of_a_character() -> None:
    """Letters and marks stay; apostrophes are one sign; the invisible goes; the rest ends a word."""
    replaced = {"é": None, "ก": None, "\u0301": None, "\u200c": None, "’": "'", "\u00ad": "", "\u2028": "\n\n"}
    replaced |= {"\u00a0": " ", "—": "-", "😀": "-"}
    assert {sign: in_words(sign) for sign in replaced} == replaced
    assert [in_chunks(sign) for sign in "é—😀\u3000\u2029"] == [None, None, None, " ", "\n\n"]


def test_composed_if_asked() -> None:
    """NFC, and no more marks on a letter than anybody reads."""
    text = "e" + "\u0301" * (MARKS + 5)
    composed, points = clean(text, in_chunks)
    assert composed == unicodedata.normalize("NFC", "e" + "\u0301" * MARKS)
    assert points == [0xE9, 0x301]
    assert clean(text, in_chunks, compose=False) == (text, [0x301])
