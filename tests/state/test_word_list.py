"""Lists of words as bytes: what is found in them without decoding, and lists that are not valid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.state.tree_reader import to_blob
from streamer.state.word_list import WordList

WORDS = ["sea", "se", "ea", "größe", "海", "s"]


def listed(words: Sequence[str]) -> WordList:
    """Return words as a list."""
    return WordList(to_blob(words))


def test_finding_words() -> None:
    """A word is found by all of its letters, wherever it stands; a part of one is not."""
    found = listed(WORDS)
    assert len(found) == 6 and found.all == WORDS
    assert [found.find(word) for word in WORDS] == list(range(6)) == [found.find(found[row]) for row in range(6)]
    assert [found.find(word) for word in ("a", "e", "sea\nse", "", "größ", "\n", "\ud800")] == [None] * 7
    assert len(listed([])) == 0 and listed([]).all == [] and listed([]).find("sea") is None


@pytest.mark.parametrize(
    "other",
    [
        WORDS,
        WORDS[:3],
        [*WORDS, "more"],
        [],
        ["sea", "ea", "s", "se"],
        ["seas", "sea", "海"],
        ["x", "y"],
        ["sea", "se", "ea", "größer", "größe", "s"],
    ],
)
def test_words_of_both_lists(other: list[str]) -> None:
    """The rows of the same words, ascending, whether one list begins as the other or not; and the rows of the rest."""
    here, there = listed(WORDS).shared(listed(other))
    assert [(WORDS[a], a) for a in here.tolist()] == [(word, row) for row, word in enumerate(WORDS) if word in other]
    assert [other[row] for row in there.tolist()] == [WORDS[row] for row in here.tolist()]
    assert [WORDS[row] for row in listed(WORDS).without(listed(other))] == [w for w in WORDS if w not in other]


@pytest.mark.parametrize("blob", [b"sea\nse", b"\xff\n", b"sea\nsea\n", b"\n", b"sea\n\nse\n"])
def test_lists_that_are_not_valid(blob: bytes) -> None:
    """No line end, no UTF-8, a word twice, an empty one: each is damage, and the reader says of what."""
    with pytest.raises(StreamerError, match="words") as error:
        _ = WordList(np.frombuffer(blob, np.uint8)).all
    assert error.value.code == ExitCode.DAMAGED
    with pytest.raises(KeyError):
        _ = WordList(np.frombuffer(blob, np.uint8), KeyError).all
