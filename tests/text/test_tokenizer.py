"""What all tokenizers share: filters, phrases, and being the same in another process."""

from __future__ import annotations

import pickle

import pytest

from streamer.text.tokenizer import Rules, Tokenizer
from streamer.text.tokenizers import tokenizer

NAMES = ("words", "logs", "social", "code", "spaces")
TEXT = "New York is a BIG city #tag get_user 10.0.0.1\n\nthe end of New York City"


def of(name: str, **rules: object) -> Tokenizer:
    return tokenizer(Rules(name, 1, **rules))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_stop_words_and_short_words_are_left_out(name: str) -> None:
    """A line of the list means the word that it is in a text."""
    plain = of(name).encode(TEXT).tokens()
    filtered = of(name, stop_words=("THE", "the", "is"), min_length=3).encode(TEXT).tokens()
    assert filtered == [word for word in plain if len(word) >= 3 and word not in ("the", "is")]
    assert len(filtered) < len(plain)


@pytest.mark.parametrize("name", NAMES)
def test_phrases_are_words(name: str) -> None:
    """Before words are left out, so that a phrase may hold short words and stop words."""
    found = of(name, phrases=("New York", "New York City")).encode(TEXT).contexts()
    first, second = ("New_York", "New_York_City") if name == "spaces" else ("new_york", "new_york_city")
    assert (found[0][0], found[-1][-1]) == (first, second)
    assert of(name, phrases=("New York",)).fold("New York") == first
    found = of(name, phrases=("end of New",), stop_words=("of", "the"), min_length=4).encode(TEXT).contexts()
    assert ("end_of_New" if name == "spaces" else "end_of_new") in found[-1]
    assert "of" not in found[-1]


@pytest.mark.parametrize("name", NAMES)
def test_another_process_cuts_the_same(name: str) -> None:
    """It is pickled as its rules."""
    rules = Rules(name, 1, "line", False, 2, ("the",), ("New York", "AT&T"))
    sent = pickle.loads(pickle.dumps(tokenizer(rules)))
    assert type(sent) is type(tokenizer(rules))
    assert sent.rules == rules
    assert sent.encode(TEXT).contexts() == tokenizer(rules).encode(TEXT).contexts()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("boundary", "count"), [("paragraph", 3), ("line", 4), ("file", 2)])
def test_contexts(name: str, boundary: str, count: int) -> None:
    """What ends a context is the same for all, and so is the separator."""
    assert len(tokenizer(Rules(name, 1, boundary)).encode("aa\nbb\n\ncc\x1edd").contexts()) == count


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", " \n\n ", "\x1e\x1e", "\x00"])
def test_nothing(name: str, text: str) -> None:
    """No text, no words."""
    assert of(name, phrases=("a b",), stop_words=("a",)).encode(text).words == []


@pytest.mark.parametrize("name", ["words", "code", "social"])
@pytest.mark.parametrize("typed", ["a whale", "whale.", '"whale"', "whale-", "a", "the"])
def test_what_is_no_word_is_not_found(name: str, typed: str) -> None:
    """Only case, marks and apostrophes may differ: signs are not left out for who asks."""
    assert of(name, stop_words=("the",)).fold(typed.title()) == typed
