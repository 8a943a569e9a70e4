"""Words, vectors and neighbours: what gensim's KeyedVectors answers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from streamer.vectors import UnknownWord, WordVectors


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each, protocol=5))])
def test_pickle_and_copy(small: WordVectors, again: Callable[[WordVectors], WordVectors]) -> None:
    """What comes back answers alike and is as read-only; what was computed on the way does not travel."""
    small.checkpoint = ("of which", 3)
    assert small.unit_vectors is small.get_normed_vectors()
    size = len(pickle.dumps(small))
    other = again(small)
    assert other.index_to_key == small.index_to_key
    assert other.key_to_index == small.key_to_index
    assert other.checkpoint == small.checkpoint
    for name in ("vectors", "counts"):
        assert np.array_equal(getattr(other, name), getattr(small, name))
        assert getattr(other, name).dtype == getattr(small, name).dtype
        assert not getattr(other, name).flags.writeable
    assert len(pickle.dumps(other)) == size
    assert other.most_similar("a") == small.most_similar("a")


def test_threads(vectors: WordVectors) -> None:
    """Threads that ask at once, from the first moment on, get what one alone gets."""
    words = vectors.index_to_key[:200]
    alone = [vectors.most_similar(word, topn=3) for word in words]
    for _ in range(5):
        fresh = copy.copy(vectors)
        with ThreadPoolExecutor(8) as threads:
            units = [threads.submit(fresh.get_normed_vectors) for _ in range(8)]
            assert list(threads.map(lambda word: fresh.most_similar(word, topn=3), words)) == alone  # noqa: B023
            assert all(np.array_equal(unit.result(), vectors.unit_vectors) for unit in units)


def test_similarity(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """Cosine and distance are gensim's."""
    theirs = peer(vectors)
    for first, second in zip(vectors.index_to_key[:50], vectors.index_to_key[100:150], strict=True):
        assert vectors.similarity(first, second) == pytest.approx(float(theirs.similarity(first, second)), abs=1e-6)
        assert vectors.distance(first, second) == pytest.approx(float(theirs.distance(first, second)), abs=1e-6)


def test_distances_and_ranks(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """Distances to all words or to some, from a word or a vector, and the rank of one word for another are gensim's."""
    theirs = peer(vectors)
    words = vectors.index_to_key
    for a, b in zip(words[:30], words[300:330], strict=True):
        assert vectors.distances(a) == pytest.approx(theirs.distances(a), abs=1e-6)
        assert vectors.distances(a, words[5:9]) == pytest.approx(theirs.distances(a, words[5:9]), abs=1e-6)
        assert vectors.distances(vectors[b] * 3) == pytest.approx(theirs.distances(b), abs=1e-6)
        assert vectors.rank(a, b) == theirs.rank(a, b)
        assert vectors.rank(a, vectors.most_similar(a, topn=3)[2][0]) == 3
        assert vectors.rank(a, a) == 1
        assert vectors.most_similar_to_given(a, words[50:60]) == theirs.most_similar_to_given(a, words[50:60])
    assert vectors.distances(words[0]).dtype == vectors.distances(words[0], words[:2]).dtype == np.float32


def test_sets_of_words(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """The similarity of two sets, and the word that does not go with others, are gensim's, unknown words left out."""
    theirs = peer(vectors)
    words = vectors.index_to_key
    for start in range(0, 200, 8):
        some, others = words[start : start + 5], [*words[start + 5 : start + 8], "no such word"]
        assert vectors.n_similarity(some, others) == pytest.approx(float(theirs.n_similarity(some, others)), abs=1e-6)
        assert vectors.doesnt_match([*some, "no such word"]) == theirs.doesnt_match(some)
    assert vectors.n_similarity(words[0], words[1]) == pytest.approx(vectors.similarity(*words[:2]), abs=1e-6)
    assert vectors.n_similarity(["no such word"], some) == 0.0


def test_zero_vector() -> None:
    """A zero vector is near nothing, and makes no NaN, where gensim's does; warnings are errors here."""
    vectors = WordVectors(["a", "b", "zero"], np.array([[1, 0], [1, 1], [0, 0]], dtype=np.float32), np.array([3, 2, 1]))
    assert vectors.most_similar("a")[-1] == ("zero", 0.0)
    assert vectors.similarity("a", "zero") == 0.0
    assert vectors.distances("a")[2] == vectors.distances("zero")[0] == 1.0
    assert vectors.n_similarity(["zero"], ["a"]) == 0.0
    assert vectors.most_similar("zero") == [("a", 0.0), ("b", 0.0)]
    assert vectors.unit_vectors[2].tolist() == vectors.get_vector("zero", norm=True).tolist() == [0, 0]
    assert vectors.most_similar_batch(["zero", "a"]) == [vectors.most_similar("zero"), vectors.most_similar("a")]


def test_no_second_matrix(vectors: WordVectors) -> None:
    """Queries, pairs among them, leave the unit vectors uncomputed: a reader holds the vectors once."""
    fresh = copy.copy(vectors)
    a, b, c = fresh.index_to_key[:3]
    fresh.most_similar([a, b], [c])
    fresh.most_similar_batch([a, b])
    fresh.similarity(a, b)
    fresh.distances(a)
    fresh.rank(a, b)
    fresh.doesnt_match([a, b, c])
    assert "unit_vectors" not in vars(fresh)


def test_refusals(small: WordVectors) -> None:
    """Nothing to compare with, and vectors of another size, are errors."""
    nothing: tuple[list[str] | None, ...] = (None, [])
    for given in nothing:
        with pytest.raises(ValueError, match="at least one"):
            small.most_similar(given)
    with pytest.raises(ValueError, match="shape"):
        small.most_similar(np.ones(3))
    for ask in (
        lambda: small.get_mean_vector([]),
        lambda: small.n_similarity([], ["a"]),
        lambda: small.doesnt_match(["z"]),
        lambda: small.most_similar_to_given("a", []),
    ):
        with pytest.raises(ValueError, match="at least one"):
            ask()


def test_unknown_word_everywhere(small: WordVectors) -> None:
    """Whatever takes a word raises the same KeyError for one it does not know."""
    calls = (
        lambda: small["z"],
        lambda: small[["a", "z"]],
        lambda: small.get_vector("z"),
        lambda: small.similarity("a", "z"),
        lambda: small.most_similar("z"),
        lambda: small.most_similar("a", ["z"]),
        lambda: small.most_similar([("a", 1.0), ("z", 0.5)]),
        lambda: small.similar_by_word("z"),
        lambda: small.most_similar_batch(["a", "z"]),
        lambda: small.most_similar_to_given("a", ["b", "z"]),
        lambda: small.distances("z"),
        lambda: small.distances("a", ["z"]),
        lambda: small.rank("a", "z"),
        lambda: small.get_index("z"),
        lambda: small.get_vecattr("z", "count"),
    )
    for call in calls:
        with pytest.raises(KeyError) as caught:
            call()
        assert isinstance(caught.value, UnknownWord)
        assert caught.value.word == "z"
