"""Which language a text reads like, and what is strange in it."""

from __future__ import annotations

import pytest

from streamer.text.languages import LANGUAGES, NOTHING, fit

from ..support.languages import TEXTS


@pytest.mark.parametrize("language", TEXTS)
def test_each_text_fits_its_language(language: str) -> None:
    """Completely, and no other language is taken for it."""
    found = fit(TEXTS[language])
    assert (found.language, found.strange) == (language, frozenset())
    assert found.share > 0.9
    assert found.foreign == sum(sign > "\x7f" for sign in TEXTS[language])
    assert not language.startswith("zh") or fit(TEXTS[language], frozenset({"ja", "ko"})).share < 0.5
    slavic, western = (
        frozenset(["ru", "uk", "bg", "sr", "be", "mk"]),
        LANGUAGES - frozenset(["ru", "uk", "bg", "sr", "be", "mk", "zh-Hans", "zh-Hant"]),
    )
    assert fit(TEXTS[language], slavic - {language}).share < 0.98
    assert fit(TEXTS[language], western - {language}).share < 0.5


def test_nothing_beyond_ascii_fits_nothing() -> None:
    """Then every encoding would do."""
    assert fit("the cat is on the mat") == NOTHING
    assert fit("") == NOTHING
    assert fit("÷ ÷ ÷").share == 0


def test_what_is_strange_is_found_where_it_is() -> None:
    """A letter of another alphabet, upper case behind lower case, a sign within a word or behind a letter."""
    text = "le café de la gare est à côté des arbres et il est là: ň fÉe c½ur fin¿ «mot» l’été"
    found = fit(text)
    assert found.language == "fr"
    assert "".join(text[at] for at in sorted(found.strange)) == "ňÉ½¿"


def test_upper_case_says_nothing() -> None:
    """Small letters in KOI8-R are capital ones in Windows-1251."""
    assert fit(TEXTS["ru"].upper()).share < 0.1
