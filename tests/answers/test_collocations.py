"""Pairs of words that follow each other more often than chance."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from streamer.answers import collocations as module
from streamer.answers.collocations import collocations
from streamer.text.encoded import EncodedText


def slow(contexts: list[list[str]], min_count: int, threshold: float) -> dict[tuple[str, str], tuple[int, float]]:
    """Return count and score of each pair, by counting one by one."""
    words = Counter(itertools.chain.from_iterable(contexts))
    pairs = Counter(pair for context in contexts for pair in itertools.pairwise(context))
    total = sum(words.values())
    scores = {(a, b): (n, (n - min_count) / (words[a] * words[b]) * total) for (a, b), n in pairs.items()}
    return {
        pair: (n, score) for pair, (n, score) in scores.items() if n >= min_count and score >= threshold and score > 0
    }


def test_as_counted_one_by_one() -> None:
    """Over several blocks, with the best first; no pair crosses a context."""
    rng = random.Random(1)
    contexts = [rng.choices("abcdefgh", weights=range(1, 9), k=rng.randrange(30)) for _ in range(60)]
    blocks = [EncodedText.of(contexts[start : start + 7]) for start in range(0, 60, 7)]
    found = collocations(blocks, min_count=3, threshold=0.8)
    expected = slow(contexts, 3, 0.8)
    assert {each.words: each.times for each in found} == {pair: times for pair, (times, _) in expected.items()}
    assert all(each.score == pytest.approx(expected[each.words][1]) for each in found)
    assert len(found) > 5
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_new_york() -> None:
    """Two rare words that always follow each other come before two frequent ones that often do."""
    text = ["new", "york", "and", "in", "the"] * 30 + ["in", "the", "sea", "and", "the", "sky"] * 300
    found = collocations([EncodedText.of([text])], min_count=5, threshold=10)
    assert found[0].words == ("new", "york")
    assert ("in", "the") not in {each.words for each in found}


def test_nothing() -> None:
    """No text, no pairs."""
    assert collocations([], min_count=2, threshold=0) == []
    assert collocations([EncodedText.of([[]]), EncodedText.of([["a"]])], min_count=2, threshold=0) == []


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs that came once are forgotten when there are too many; frequent ones stay."""
    monkeypatch.setattr(module, "PRUNE_AT", 10)
    blocks = [EncodedText.of([["x", "y", "x", "y", f"a{n}", f"b{n}", f"c{n}", f"d{n}"]]) for n in range(20)]
    found = collocations(blocks, min_count=2, threshold=0)
    assert {each.words: each.times for each in found} == {("x", "y"): 40, ("y", "x"): 20}
