"""Words never met, or met rarely: vectors estimated from spelling."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from streamer.vectors import UnknownWord, WordVectors
from streamer.vectors.spelled import SpellingIndex

WORDS = [
    "running",
    "runner",
    "sunning",
    "table",
    "tables",
    "東京都",
    "東京駅",
    "работать",
    "работа",
    "1984",
    "1985",
    "banana",
]


@pytest.fixture
def some() -> WordVectors:
    """Return a few words of several scripts, with random vectors."""
    matrix = np.random.default_rng(3).normal(size=(len(WORDS), 8)).astype(np.float32)
    return WordVectors(WORDS, matrix, np.arange(len(WORDS) * 3, 0, -3))


def grams(word: str) -> set[str]:
    """Return the 3- to 6-grams of a word, in plain Python."""
    marked = f"<{word}>"
    return {marked[at : at + size] for size in range(3, 7) for at in range(len(marked) - size + 1)}


def cosine(word: str, other: str, words: list[str]) -> float:
    """Return the cosine of two spellings, in plain Python."""
    seen = Counter(gram for each in words for gram in grams(each))
    one, two = grams(word), grams(other)

    def length(found: set[str]) -> float:
        return sum(math.log((1 + len(words)) / max(1, seen[gram])) ** 2 for gram in found)

    shared = length(one & two)
    return shared / math.sqrt(length(one) * length(two))


@pytest.mark.parametrize("word", ["runnings", "tabl", "東京", "работая", "1983", "ban", "bananana", "q"])
def test_cosines(word: str) -> None:
    """They are those of sets of grams, weighted by idf."""
    expected = [cosine(word, other, WORDS) for other in WORDS]
    assert SpellingIndex(WORDS).cosines(word) == pytest.approx(expected)


def test_formula(some: WordVectors) -> None:
    """An unknown word is the weighted mean of unit vectors; a known one is blended, itself left out."""

    def estimate(word: str) -> np.ndarray:
        alike = np.array([0 if each == word else cosine(word, each, WORDS) for each in some.index_to_key])
        weights = alike**4 * some.counts / (some.counts + 20)
        found: np.ndarray = weights @ some.unit_vectors / weights.sum()
        return found

    view = some.spelled(blend=10)
    assert view.get_vector("runnings") == pytest.approx(estimate("runnings"), abs=1e-6)
    count = some.get_vecattr("tables", "count")
    expected = (count * some.get_vector("tables", norm=True) + 10 * estimate("tables")) / (count + 10)
    assert view.get_vector("tables") == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(some.spelled(blend=0).get_vector("tables"), some["tables"])


def test_only_the_most_alike() -> None:
    """Twenty words count, and no more."""
    words = [f"stem{chr(97 + n)}" for n in range(26)]
    vectors = WordVectors(words, np.eye(26, dtype=np.float32), np.arange(126, 100, -1))
    assert np.count_nonzero(vectors.spelled().get_vector("stem")) == 20


def test_known_stays_known(some: WordVectors) -> None:
    """A view makes no word known and changes no vector."""
    before = some.vectors.copy()
    view = some.spelled()
    view.get_vector("runnings")
    assert "runnings" not in view
    assert "runnings" not in some
    assert "runner" in view
    with pytest.raises(UnknownWord):
        some["runnings"]
    assert np.array_equal(some.vectors, before)


@pytest.mark.parametrize("word", ["", "q", "\u0301", "ßß", "\ud800", "999999"])
def test_nothing_alike(some: WordVectors, word: str) -> None:
    """A word like no other is unknown."""
    with pytest.raises(UnknownWord):
        some.spelled().get_vector(word)


def test_awkward_words(some: WordVectors) -> None:
    """Very long words, an empty vocabulary, and the same word composed in two ways."""
    view = some.spelled()
    assert view.most_similar("running" * 100_000, topn=1)
    empty = WordVectors([], np.zeros((0, 4), dtype=np.float32), np.zeros(0, dtype=np.int64))
    with pytest.raises(UnknownWord):
        empty.spelled().get_vector("any")
    composed = WordVectors(["caf\u00e9s", "tea"], np.eye(2, dtype=np.float32), np.array([9, 8]))
    assert composed.spelled().get_vector("cafe\u0301s") == pytest.approx([1, 0])


@pytest.mark.parametrize("blend", [-1, math.nan, math.inf])
def test_bad_blend(some: WordVectors, blend: float) -> None:
    """It is a number from 0."""
    with pytest.raises(ValueError, match="blend"):
        some.spelled(blend)


def test_queries(some: WordVectors, tmp_path: Path) -> None:
    """Neighbours leave out the word itself; pairs with words never met are scored, others may count as 0."""
    view = some.spelled()
    assert "runner" not in dict(view.most_similar("runner", topn=99))
    assert len(view.most_similar("runner", topn=3)) == len(view.most_similar("runnerz", topn=3)) == 3
    one, other = view.get_vector("runnings", norm=True), view.get_vector("table", norm=True)
    assert view.similarity("runnings", "table") == pytest.approx(float(one @ other), abs=1e-6)
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("RUNNER\trunnings\t9\ntable\ttablet\t8\nbanana\tq\t1\nbanana\tworkx\t2\n")
    assert some.evaluate_word_pairs(pairs).scored == 0
    assert view.evaluate_word_pairs(pairs).scored == 2
    assert view.evaluate_word_pairs(pairs, dummy4unknown=True).scored == 4
    assert view.evaluate_word_pairs(pairs).spearman == pytest.approx(
        1 if view.similarity("runner", "runnings") > view.similarity("table", "tablet") else -1
    )
