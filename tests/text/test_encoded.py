"""Tokenized blocks: made of contexts, pickled, and with other words in place of theirs."""

from __future__ import annotations

import pickle
import random

import numpy as np
import pytest

from streamer.text.encoded import EncodedText


def same(one: EncodedText, other: EncodedText) -> bool:
    """Say whether two blocks are equal in all parts."""
    return (
        one.words == other.words
        and one.codes.dtype == other.codes.dtype == one.segments.dtype == other.segments.dtype == np.int32
        and np.array_equal(one.codes, other.codes)
        and np.array_equal(one.segments, other.segments)
    )


def test_of_contexts() -> None:
    """Words are numbered in the order of first appearance, segments are numbers of contexts."""
    found = EncodedText.of([["b", "a"], [], iter(["a", "new york"])])
    assert found.words == ["b", "a", "new york"]
    assert found.codes.tolist() == [0, 1, 1, 2]
    assert found.segments.tolist() == [0, 0, 2, 2]
    assert found.contexts() == [["b", "a"], ["a", "new york"]]
    assert EncodedText.of([]).contexts() == []


@pytest.mark.parametrize(
    "contexts", [[], [[]], [["a"]], [["a b", "c"], [], ["c", "a b"]], [[str(n)] for n in range(300)]]
)
def test_pickled(contexts: list[list[str]]) -> None:
    """It comes back the same; a word may hold spaces."""
    found = EncodedText.of(contexts)
    assert same(pickle.loads(pickle.dumps(found)), found)


def test_replaced() -> None:
    """Each word becomes none, one or several, in the same segment; two may become the same one."""
    found = EncodedText.of([["a", "b", "c"], ["d", "a"]])
    assert found.replaced([["x"], [], ["y"], ["x"]]).contexts() == [["x", "y"], ["x", "x"]]
    assert found.replaced([["x", "z"], [], ["y"], ["x"]]).contexts() == [["x", "z", "y"], ["x", "x", "z"]]
    assert found.replaced([[], [], [], []]).contexts() == []
    assert EncodedText.of([]).replaced([]).words == []


def test_renamed() -> None:
    """Each word becomes another or none; two may become the same one."""
    found = EncodedText.of([["a", "b", "c"], ["d", "a"]])
    renamed = found.renamed(["x", "", "y", "x"])
    assert renamed.contexts() == [["x", "y"], ["x", "x"]]
    assert renamed.words == ["x", "y"]
    assert same(renamed, found.replaced([["x"], [], ["y"], ["x"]]))
    assert found.renamed([""] * 4).contexts() == EncodedText.of([]).renamed([]).contexts() == []


def test_replaced_at_random_as_one_by_one() -> None:
    """Any replacement gives what a loop over the tokens gives."""
    rng = random.Random(1)
    for _ in range(200):
        contexts = [rng.choices("abcdef", k=rng.randrange(6)) for _ in range(rng.randrange(5))]
        found = EncodedText.of(contexts)
        by = {word: rng.choices("uvwxyz", k=rng.choice([0, 1, 1, 1, 3])) for word in "abcdef"}
        expected = EncodedText.of([[new for word in context for new in by[word]] for context in contexts])
        replaced = found.replaced([by[word] for word in found.words])
        assert replaced.contexts() == expected.contexts()
        assert set(replaced.words) >= set(expected.words)
        assert replaced.words == list(dict.fromkeys(new for word in found.words for new in by[word]))
