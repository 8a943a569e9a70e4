"""Phrases become one word, the longest from the left."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from streamer.text.encoded import EncodedText
from streamer.text.phrases import Phrases, one_of


def joined(phrases: list[str], contexts: list[str]) -> list[list[str]]:
    """Return contexts with phrases in them."""
    text = EncodedText.of(context.split() for context in contexts)
    found = Phrases(phrase.split() for phrase in phrases).joined(text)
    assert found.words == list(dict.fromkeys(found.tokens()))
    assert found.codes.dtype == found.segments.dtype == np.int32
    return found.contexts()


@pytest.mark.parametrize(
    ("phrases", "context", "expected"),
    [
        ([], "a b", "a b"),
        (["a b"], "x a b y a b", "x a_b y a_b"),
        (["a b", "b c"], "a b c", "a_b c"),
        (["a b", "a b c"], "a b c a b d a b", "a_b_c a_b d a_b"),
        (["a a"], "a a a a a", "a_a a_a a"),
        (["a b c", "b c d"], "a b c d", "a_b_c d"),
        (["a b x", "a b"], "a b c", "a_b c"),
        (["single"], "single a", "single a"),
    ],
)
def test_joined(phrases: list[str], context: str, expected: str) -> None:
    """From the left, and the longest."""
    assert joined(phrases, [context]) == [expected.split()]


def test_no_phrase_crosses_a_context() -> None:
    """Its words stand in one line or paragraph."""
    assert joined(["a b", "a b c"], ["x a", "b", "a b", "c"]) == [["x", "a"], ["b"], ["a_b"], ["c"]]


def test_at_random_as_word_by_word() -> None:
    """Any phrases over any text give what a slow loop gives."""
    rng = random.Random(3)
    for _ in range(300):
        phrases = [" ".join(rng.choices("abc", k=rng.choice([2, 2, 3, 4]))) for _ in range(rng.randrange(5))]
        contexts = [" ".join(rng.choices("abcd", k=rng.randrange(12))) for _ in range(3)]
        expected = []
        for context in contexts:
            words, done = context.split(), []
            while words:
                longest = max(
                    (len(split) for phrase in phrases if words[: len(split := phrase.split())] == split), default=1
                )
                done.append("_".join(words[:longest]))
                words = words[longest:]
            if done:
                expected.append(done)
        assert joined(phrases, contexts) == expected


def test_one_of_some_strings() -> None:
    """The longest wins, whatever the strings have in common, as in a plain list with the longest first."""
    rng = random.Random(5)
    for _ in range(300):
        strings = ["".join(rng.choices("aB-.é", k=rng.randrange(1, 7))) for _ in range(rng.randrange(1, 12))]
        plain = "|".join(map(re.escape, sorted(strings, key=len, reverse=True)))
        text = "".join(rng.choices("aAbB-.éÉ ", k=80))
        for end in ("", r"(?!\w)"):
            found = re.findall(f"(?i:(?:{one_of(strings)}){end})", text)
            assert found == re.findall(f"(?i:(?:{plain}){end})", text), strings
