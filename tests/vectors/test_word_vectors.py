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
from streamer.vectors.similarity import Entry
from streamer.vectors.word_vectors import Neighbours


@pytest.fixture
def small() -> WordVectors:
    """Return five words in the plane; b and d are seen equally often, and so are c and e."""
    matrix = [[1, 0], [0, 2], [3, 3], [0, 1], [-1, 0]]
    return WordVectors(list("abcde"), np.array(matrix, dtype=np.float32), np.array([9, 5, 7, 5, 7]))


def assert_same(ours: Neighbours, theirs: Neighbours) -> None:
    """Compare neighbours to 1e-6: the same words with the same cosines, in an order that these allow."""
    assert dict(ours) == pytest.approx(dict(theirs), abs=1e-6)
    assert [cosine for _, cosine in ours] == pytest.approx([cosine for _, cosine in theirs], abs=1e-6)
    cosines = [cosine for _, cosine in ours]
    assert cosines == sorted(cosines, reverse=True)


def test_container(small: WordVectors) -> None:
    """Words index their vectors, one or several; `in`, `len` and `repr` work."""
    assert small["b"].tolist() == [0, 2]
    assert small[["b", "a"]].tolist() == [[0, 2], [1, 0]]
    assert small[[]].shape == (0, 2)
    assert "b" in small
    assert "z" not in small
    assert len(small) == 5
    assert list(small) == small.index_to_key
    assert repr(small) == "<WordVectors: 5 words, 2 dimensions>"


def test_get_vector(small: WordVectors) -> None:
    """A vector comes as it is, or at length one."""
    assert small.get_vector("c").tolist() == [3, 3]
    assert small.get_vector("c", norm=True) == pytest.approx([0.5**0.5] * 2)
    assert small.get_vector("c", norm=True).dtype == np.float32


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


def test_most_similar_words(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """The neighbours of a word, of several, and of words less others, are gensim's."""
    theirs = peer(vectors)
    words = vectors.index_to_key
    for word in words[:40]:
        assert_same(vectors.most_similar(word, topn=10), theirs.most_similar(word, topn=10))
    for start in range(0, 120, 4):
        a, b, c, d = words[start : start + 4]
        for positive, negative in (([a, b], [c]), ([a], [b, c, d]), (None, [a]), (a, b), ([a, a], [b])):
            assert_same(
                vectors.most_similar(positive, negative), theirs.most_similar(positive=positive, negative=negative)
            )


def test_weights(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """Words and vectors count as much as a weight says, on either side with its own sign, as in gensim."""
    theirs = peer(vectors)
    a, b, c = vectors.index_to_key[:3]
    raw = np.array(vectors[c])
    sides: list[tuple[list[Any], list[Any] | None]] = [
        ([(a, 0.5), b], None),
        ([(a, 2), (b, 0.25)], [(c, -0.5)]),
        ([a], [(b, 0.5)]),
        ([(raw, 0.1), (a, np.float32(3))], [b]),
        ([(a, -1.0)], None),
    ]
    for positive, negative in sides:
        assert_same(vectors.most_similar(positive, negative), theirs.most_similar(positive=positive, negative=negative))
    assert vectors.most_similar((a, 0.5)) == vectors.most_similar([(a, 0.5)]) == vectors.most_similar(a)
    assert vectors.similar_by_word(a, topn=3, restrict_vocab=50) == vectors.most_similar(a, topn=3, restrict_vocab=50)
    assert [word for word, _ in vectors.most_similar([(a, 0.0), b])] == [
        word for word, _ in vectors.most_similar(b, topn=11) if word != a
    ][:10]


def test_nan_vector(vectors: WordVectors) -> None:
    """A vector that is no direction is near nothing in particular: NaN, and no warning."""
    answer = vectors.similar_by_vector(np.full(vectors.vector_size, np.nan), topn=3)
    assert len(answer) == 3
    assert all(np.isnan(cosine) for _, cosine in answer)


def test_mean_vector(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """Means are gensim's: weights, normalisation before and after, vectors among words, unknown words left out."""
    theirs = peer(vectors)
    a, b, c = vectors.index_to_key[:3]
    raw = np.array(vectors[c])
    means: list[tuple[list[Entry], list[float] | None]] = [
        ([a, b], None),
        ([a, raw, b], [1, -0.5, 3]),
        ([a, "no such word"], [0.5, 9]),
        ([b, b], [0, 0]),
    ]
    changes: list[dict[str, bool]] = [{}, {"pre_normalize": False}, {"post_normalize": True}]
    for keys, weights in means:
        for options in changes:
            ours = vectors.get_mean_vector(keys, weights, **options)
            assert ours == pytest.approx(theirs.get_mean_vector(keys, weights, **options), abs=1e-6)
            assert ours.dtype == np.float32
    assert np.array_equal(vectors.get_mean_vector(a, pre_normalize=False), vectors[a])
    with pytest.raises(UnknownWord):
        vectors.get_mean_vector([a, "no such word"], ignore_missing=False)
    with pytest.raises(ValueError, match="weights"):
        vectors.get_mean_vector([a, b], [1])


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


def test_index_and_count(small: WordVectors) -> None:
    """Where a word stands, and how often it was seen, under gensim's names."""
    assert [small.get_index(word) for word in small] == [0, 1, 2, 3, 4]
    assert (small.get_index("z", -1), small.get_index("a", -1), small.get_index("z", "none")) == (-1, 0, "none")
    assert small.has_index_for("b")
    assert not small.has_index_for("z")
    assert small.get_vecattr("b", "count") == 5
    assert type(small.get_vecattr("b", "count")) is int
    with pytest.raises(KeyError, match="sample_int"):
        small.get_vecattr("b", "sample_int")


def test_most_similar_vectors(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """Vectors count as they are, beside words or alone, in a list or as rows of an array; they exclude no word."""
    theirs = peer(vectors)
    a, b, c = vectors.index_to_key[:3]
    raw = np.array(vectors[a])
    rows = np.array(vectors[[a, b]])
    sides: list[tuple[Entry | list[Entry], Entry | list[Entry] | None]]
    sides = [([raw], None), ([raw, b], [c]), (b, raw), (raw, None), (rows, c)]
    for positive, negative in sides:
        assert_same(vectors.most_similar(positive, negative), theirs.most_similar(positive=positive, negative=negative))
    assert vectors.similar_by_vector(raw, topn=3) == vectors.most_similar([raw], topn=3)
    assert vectors.similar_by_vector(raw)[0][0] == a


@pytest.mark.parametrize("topn", [0, -1, 1, 2, 10**6])
@pytest.mark.parametrize("restrict_vocab", [None, 0, 1, 5, 30, 10**6])
def test_topn_and_restrict_vocab(
    vectors: WordVectors, peer: Callable[[WordVectors], Any], topn: int, restrict_vocab: int | None
) -> None:
    """So many words as there are, and no more; none for 0. Only frequent words are looked at, if so wished."""
    theirs = peer(vectors)
    for word in (vectors.index_to_key[0], vectors.index_to_key[-1]):
        assert_same(
            vectors.most_similar(word, topn=topn, restrict_vocab=restrict_vocab),
            theirs.most_similar(word, topn=topn, restrict_vocab=restrict_vocab),
        )


def test_topn_none(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """With topn=None all cosines come, in the order of the vocabulary, the word's own too."""
    word = vectors.index_to_key[7]
    ours = vectors.most_similar(word, topn=None)
    assert ours == pytest.approx(peer(vectors).most_similar(word, topn=None), abs=1e-6)
    assert vectors.most_similar(word, topn=None, restrict_vocab=5).shape == (5,)


def test_ties_by_frequency() -> None:
    """Of words equally near, the more frequent comes first, also where the list is cut among them."""
    matrix = np.tile(np.array([[1, 2]], dtype=np.float32), (64, 1))
    vectors = WordVectors([f"w{n}" for n in range(64)], matrix, np.arange(64))
    for topn in (1, 5, 62):
        assert [word for word, _ in vectors.most_similar("w60", topn=topn)] == [
            word for word in vectors.index_to_key if word != "w60"
        ][:topn]


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


def test_batch(vectors: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of words and vectors answers as one at a time does, in however many pieces."""
    monkeypatch.setattr("streamer.vectors.word_vectors._PIECE", 7 * len(vectors))
    words = vectors.index_to_key[:20] * 2
    mixed: list[Entry] = [words[0], np.array(vectors[words[1]]), words[2]]
    changes: list[dict[str, Any]] = [{}, {"topn": 5}, {"topn": 3, "restrict_vocab": 15}, {"topn": 10**6}]
    for options in changes:
        for given in (words, np.array(vectors[words]) * 3, mixed):
            for entry, neighbours in zip(given, vectors.most_similar_batch(given, **options), strict=True):
                assert_same(neighbours, vectors.most_similar([entry], **options))
    assert vectors.most_similar_batch([]) == []
    assert vectors.most_similar_batch(["".join(words[:1])], topn=0) == [[]]
    with pytest.raises(ValueError, match="shape"):
        vectors.most_similar_batch(np.ones((2, 3)))


def test_empty_vocabulary() -> None:
    """No words are a vocabulary too: nothing is near anything."""
    vectors = WordVectors([], np.empty((0, 3), dtype=np.float32), np.empty(0, dtype=np.int64))
    assert len(vectors) == 0
    assert vectors.similar_by_vector(np.ones(3)) == []
    with pytest.raises(UnknownWord):
        vectors.most_similar("a")


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


@pytest.mark.parametrize("key", [5, None, 1.5, b"a", ["a", 5]])
def test_what_is_no_word(small: WordVectors, key: Any) -> None:
    """Numbers, which are rows in gensim, and whatever else is no string are unknown words, not a row by accident."""
    with pytest.raises(UnknownWord):
        small[key]
