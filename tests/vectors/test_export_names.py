"""Words get names without whitespace: the words' own where they can be, and never one name for two words."""

from __future__ import annotations

import random

import pytest

from streamer.vectors.export_names import without_whitespace


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], {}),
        (["a", "naïve", "東京", "new_york"], {}),
        (["new york"], {"new york": "new_york"}),
        (["a\tb\nc"], {"a\tb\nc": "a_b_c"}),
        ([" a "], {" a ": "_a_"}),
        (["a  b"], {"a  b": "a__b"}),
        ([""], {"": "_"}),
        ([" "], {" ": "_"}),
        (["", " "], {"": "_", " ": "__"}),
        (["new york", "new_york"], {"new york": "new_york_"}),
        (["new york", "new\tyork"], {"new york": "new_york", "new\tyork": "new_york_"}),
        (["new york", "new_york", "new_york_", "new\nyork"], {"new york": "new_york__", "new\nyork": "new_york___"}),
    ],
)
def test_only_words_that_need_one_get_another_name(words: list[str], names: dict[str, str]) -> None:
    """Whitespace becomes underscores, and more of them where another word is called that, before it or behind it."""
    assert without_whitespace(words, words) == names


def test_names_do_not_depend_on_how_many_are_written() -> None:
    """The first of some words are named alike whether the others are written or not: all of them are known."""
    words = ["new york", "b", "new_york", "new\tyork"]
    names = without_whitespace(words, words)
    for count in range(len(words) + 1):
        few = without_whitespace(words[:count], words)
        assert few == {word: name for word, name in names.items() if word in words[:count]}


def test_any_words_stay_different() -> None:
    """Whatever the words, nothing that is written has whitespace in it, and no two are the same."""
    rng = random.Random(1)
    for _ in range(500):
        words = list({"".join(rng.choice(" _a\t\u2028") for _ in range(rng.randrange(4))) for _ in range(12)})
        names = without_whitespace(iter(words), set(words))
        written = [names.get(word, word) for word in words]
        assert len(set(written)) == len(words)
        assert all(len(name.split()) == 1 and name == name.strip() for name in written)


def test_whitespace_is_all_that_split_cuts_at() -> None:
    """Every character at which ``str.split`` or ``str.splitlines`` would cut a word is replaced."""
    cutting = [chr(code) for code in range(0x110000) if len(f"a{chr(code)}b".split()) > 1]
    lines = [chr(code) for code in range(0x3000) if len(f"a{chr(code)}b".splitlines()) > 1]
    words = [f"a{character}b" for character in {*cutting, *lines}]
    assert without_whitespace(words, words).keys() == set(words)
    assert len(words) > 20
