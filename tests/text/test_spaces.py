"""The tokenizer ``spaces``: what lies between white space, as it is."""

from __future__ import annotations

import random

import pytest

from streamer.text.spaces import Spaces
from streamer.text.tokenizer import Rules


def cut(text: str, boundary: str = "paragraph") -> list[list[str]]:
    """Return the contexts of a text."""
    return Spaces(Rules("spaces", 1, boundary)).encode(text).contexts()


@pytest.mark.parametrize(
    ("text", "contexts"),
    [
        ("", []),
        ("New_York is BIG, e\u0301 é ﬁ don't 'x'", [["New_York", "is", "BIG,", "e\u0301", "é", "ﬁ", "don't", "'x'"]]),
        ("a\tb\u00a0c\u3000d\x1fe\nf\n\ng\x1eh", [["a", "b", "c", "d", "e", "f"], ["g"], ["h"]]),
        ("北京大学 我们。 \U000f0000", [["北京大学", "我们。", "\U000f0000"]]),
        ("a\x00b \ud800", [["a", "b", "?"]]),
    ],
)
def test_words(text: str, contexts: list[list[str]]) -> None:
    """Nothing is folded, composed or taken away."""
    assert cut(text) == contexts


def test_as_split_does() -> None:
    """Python's own ``split`` gives the same words, whatever the text, but for what ends a context and NULs."""
    rng = random.Random(1)
    signs = [chr(point) for point in range(1, 0x3100) if chr(point) not in "\x1e\u2028\u2029"]
    for _ in range(200):
        text = "".join(rng.choices([*signs, *" \n\t\u3000" * 300], k=200))
        assert [word for context in cut(text, "file") for word in context] == text.split()


def test_what_is_typed_is_what_is_meant() -> None:
    """A word is asked for as it is."""
    spaces = Spaces(Rules("spaces", 1))
    assert spaces.fold("New_York") == "New_York"
    assert spaces.fold("two words") == "two words"
    assert spaces.as_words(["A,", "a b", ""]) == ["A,", "", ""]
