"""Texts from Python become blocks: nothing is lost, nothing torn that need not be, and no block is long."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.text.encoded import EncodedText
from streamer.text.tokenizer import SEPARATOR, Rules, Tokenizer
from streamer.text.tokenizers import tokenizer
from streamer.training.texts import blocks as cut_blocks
from streamer.training.texts import check


class Recorder(Tokenizer):
    """Takes every string for a block of one word, so that the strings can be looked at."""

    def _cut(self, text: str, boundary: str) -> EncodedText:
        return EncodedText.of([[text]])


def joined(texts: Iterable[str], limit: int) -> Iterator[str]:
    """Yield the strings that the tokenizer is given."""
    return (block.tokens()[0] for block in cut_blocks(texts, Recorder(Rules()), limit))


@pytest.mark.parametrize(
    ("texts", "blocks"),
    [
        ([], []),
        ([""], [""]),
        (["a"], ["a"]),
        (["aaaa", "bbbb"], [["aaaa", "bbbb"]]),
        (["aaaaaa", "bbbb"], [["aaaaaa", "bbbb"]]),
        (["aaaaaa", "bbbbb"], ["aaaaaa", "bbbbb"]),
        (["a", "", "b"], [["a", "", "b"]]),
        (["aaaa bbbb cc"], ["aaaa bbbb ", "cc"]),
        (["aaaa\nbbbb cc"], ["aaaa\nbbbb ", "cc"]),
        (["aaaa bbb\ncccccc"], ["aaaa bbb\n", "cccccc"]),
        (["aaaaaaaaaaaaa"], ["aaaaaaaaaa", "aaa"]),
        (["a" * 10], ["a" * 10]),
        (["x", "aaaa bbbb cc", "d"], [["x", "aaaa bbbb "], ["cc", "d"]]),
    ],
)
def test_blocks_of_ten(texts: list[str], blocks: list[str | list[str]]) -> None:
    """Short texts share a block, with a separator between them; a long one is cut behind its last white space."""
    expected = [block if isinstance(block, str) else SEPARATOR.join(block) for block in blocks]
    assert list(joined(texts, 10)) == expected


def test_any_texts_are_all_there_in_order() -> None:
    """Without separators, the blocks are the texts; no block has more than twice the limit, separators aside."""
    rng = random.Random(1)
    for _ in range(300):
        limit = rng.choice([1, 2, 7, 50])
        texts = [
            "".join(rng.choice("ab \n") for _ in range(rng.choice([0, 1, limit, 3 * limit])))
            for _ in range(rng.randrange(12))
        ]
        blocks = list(joined(iter(texts), limit))
        assert "".join(blocks).replace(SEPARATOR, "") == "".join(texts)
        assert all(len(block.replace(SEPARATOR, "")) <= 2 * limit for block in blocks)


def test_words_are_whole() -> None:
    """Where there is white space within the limit, no word is cut."""
    rng = random.Random(2)
    texts = [" ".join(f"w{rng.randrange(10**6)}" for _ in range(rng.randrange(60))) for _ in range(50)]
    words = [word for block in joined(texts, 100) for word in block.replace(SEPARATOR, " ").split()]
    assert words == " ".join(texts).split()


def test_every_text_is_a_context_of_its_own() -> None:
    """Two texts never touch without a separator, and a separator stands nowhere else."""
    texts = [f"t{number}" for number in range(100)]
    blocks = list(joined(texts, 20))
    assert len(blocks) > 5
    assert [text for block in blocks for text in block.split(SEPARATOR)] == texts


def test_no_more_is_read_than_is_needed() -> None:
    """Texts of an iterable are taken when their block is asked for: a stream without end will do."""
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "aaaa"

    blocks = joined(endless(), 10)
    assert taken == 0
    assert next(blocks) == SEPARATOR.join(["aaaa"] * 2)
    assert taken == 3


def contexts(texts: Iterable[Any], limit: int = 60) -> list[list[list[str]]]:
    """Return the contexts of each block."""
    return [block.contexts() for block in cut_blocks(texts, tokenizer(Rules()), limit)]


def test_lists_of_words_are_contexts_as_they_are() -> None:
    """Nothing folds them or cuts them; tuples, arrays and generators are lists too."""
    given = [["New York", "is", "BIG"], ("a", "b"), np.array(["x", "y"]), (word for word in ["p", "q"]), []]
    assert contexts(given) == [[["New York", "is", "BIG"], ["a", "b"], ["x", "y"], ["p", "q"]]]


def test_strings_and_lists_in_turns() -> None:
    """Each is what it is, in the order given."""
    given = ["One two", ["One"], ["Two"], np.str_("three"), "four\n\nfive"]
    assert contexts(given) == [[["one", "two"]], [["One"], ["Two"]], [["three"], ["four"], ["five"]]]


def test_long_lists_are_cut() -> None:
    """No block is much longer than the limit, and no word is lost."""
    words = [f"w{number}" for number in range(95)]
    found = contexts([words, words[:3], words[:3]])
    assert [word for block in found for context in block for word in context] == words + words[:3] * 2
    assert max(len(context) for block in found for context in block) == 10
    assert len(found) == 11


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("text", r"pass \[text\]"),
        (b"text", r"pass \[data.decode\(\)\]"),
        (Path("a.txt"), "read_text"),
        ({"a": 1}, r"\.values\(\)"),
        ({"a", "b"}, r"sorted\(texts\)"),
        (None, "not None"),
        (3, "not of type int"),
    ],
)
def test_what_is_not_an_iterable_of_texts_is_refused(given: object, advice: str) -> None:
    """The error says what to pass instead."""
    with pytest.raises(TypeError, match=advice):
        check(given)


@pytest.mark.parametrize(
    ("element", "error", "advice"),
    [
        (None, TypeError, "text 1 is None.*leave out what is missing"),
        (float("nan"), TypeError, "text 1 is of type float.*leave out what is missing"),
        (np.float32("nan"), TypeError, "text 1 is of type float32.*leave out what is missing"),
        (1.5, TypeError, "text 1 is of type float, not a string or a list of words$"),
        (3, TypeError, "text 1 is of type int"),
        (b"bytes", TypeError, r"text 1 is bytes: pass data.decode\(\)"),
        (Path("a.txt"), TypeError, "text 1 is a path.*read_text"),
        ({"a": "b"}, TypeError, "text 1 is a dictionary"),
        ({"a"}, TypeError, "text 1 is a set, which has no order"),
        (["a", None], TypeError, "text 1 is not a list of words: None is not a string"),
        ([["a"]], TypeError, "text 1 is not a list of words"),
        (["a", ""], ValueError, "text 1 is not a list of words: '' is not a word"),
        (["a\nb"], ValueError, "text 1 is not a list of words"),
        (["x" * 257], ValueError, "text 1 is not a list of words"),
        (["\ud800"], ValueError, "text 1 is not a list of words"),
    ],
)
def test_what_is_no_text_is_refused_with_its_number(element: object, error: type[Exception], advice: str) -> None:
    """What came before it is there; the error says which text it is and what to pass instead."""
    found = cut_blocks(["before", element], tokenizer(Rules()), 100)
    assert next(found).tokens() == ["before"]
    with pytest.raises(error, match=advice):
        next(found)


def test_a_table_is_not_taken_for_the_names_of_its_columns() -> None:
    """Iterating over a DataFrame gives names of columns, which nobody wants to learn."""

    class Table(list[str]):
        columns = ("a",)

    with pytest.raises(TypeError, match="one of its columns"):
        check(Table())


def test_the_keys_of_a_dictionary_have_an_order() -> None:
    """Unlike those of a set."""
    assert contexts(check({"b c": 1, "a": 2}.keys())) == [[["b", "c"], ["a"]]]
