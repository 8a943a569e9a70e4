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

from ..support import optimal_transport


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
        lambda: small.rank_by_centrality(["z"]),
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
        lambda: small.most_similar_cosmul("z"),
        lambda: small.most_similar_cosmul("a", ["z"]),
        lambda: small.similar_by_key("z"),
        lambda: small.closer_than("z", "a"),
        lambda: small.closer_than("a", "z"),
        lambda: small.relative_cosine_similarity("z", "a"),
        lambda: small.relative_cosine_similarity("a", "z"),
    )
    for call in calls:
        with pytest.raises(KeyError) as caught:
            call()
        assert isinstance(caught.value, UnknownWord)
        assert caught.value.word == "z"


def test_closer_than(
    vectors: WordVectors, tied: WordVectors, trained: WordVectors, peer: Callable[[WordVectors], Any]
) -> None:
    """The words between two words are gensim's, in its order, and as many as the rank says; ties are not closer."""
    for ours in (vectors, tied, trained):
        theirs = peer(ours)
        words = [word for word, norm in zip(ours.index_to_key, ours.norms, strict=True) if norm]
        for a, b in zip(words[:25], words[30:55], strict=True):
            with np.errstate(invalid="ignore"):
                wanted = theirs.closer_than(a, b)
            cosine = ours.similarity(a, b)
            near = {word for word in {*ours.closer_than(a, b)} ^ {*wanted} if ours.norms[ours.get_index(word)]}
            assert all(abs(ours.similarity(a, word) - cosine) < 1e-6 for word in near)
            assert ours.closer_than(a, b) == sorted(ours.closer_than(a, b), key=ours.get_index)
            assert ours.rank(a, b) == len(ours.closer_than(a, b)) + 1
            assert ours.closer_than(a, a) == []
    assert trained.closer_than(3, 7) == trained.closer_than(trained.index_to_key[3], trained.index_to_key[7])


def test_relative_cosine_similarity(trained: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """The cosine over the sum of the nearest cosines is gensim's, for any number of neighbours."""
    theirs, words = peer(trained), trained.index_to_key
    for a, b in zip(words[:20], words[20:40], strict=True):
        for topn in (1, 10, 10**6):
            ours = trained.relative_cosine_similarity(a, b, topn)
            assert ours == pytest.approx(float(theirs.relative_cosine_similarity(a, b, topn)), rel=1e-4)
            assert type(ours) is float
    near = trained.most_similar(words[0])
    assert sum(trained.relative_cosine_similarity(words[0], word) for word, _ in near) == pytest.approx(1, abs=1e-6)
    for each in (trained, theirs):
        with pytest.raises(ValueError, match=r"neighbour|similar words"):
            each.relative_cosine_similarity(words[0], words[1], topn=0)
    zero = WordVectors(["a", "b"], [[0, 0], [1, 2]], [2, 1])
    assert zero.relative_cosine_similarity("a", "b") == 0.0


def test_rank_by_centrality(vectors: WordVectors, trained: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """The words by their cosine to the mean are gensim's, with vectors as they are too; unknown ones are left out."""
    for each in (vectors, trained):
        theirs, words = peer(each), each.index_to_key
        for start in range(0, 60, 6):
            some = words[start : start + 6]
            for use_norm in (True, False):
                ours = each.rank_by_centrality([*some, "no such word"], use_norm)
                wanted = theirs.rank_by_centrality([*some, "no such word"], use_norm)
                assert [word for _, word in ours] == [word for _, word in wanted]
                assert [score for score, _ in ours] == pytest.approx([float(score) for score, _ in wanted], abs=1e-5)
            assert each.doesnt_match(some) == each.rank_by_centrality(some)[-1][1]
    assert trained.rank_by_centrality([3, 4])[0][1] in (3, 4)
    ((score, word),) = trained.rank_by_centrality([words[3]])
    assert word == words[3]
    assert score == pytest.approx(1)


def test_wmdistance(
    vectors: WordVectors, trained: WordVectors, peer: Callable[[WordVectors], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The distance of two lists of words is gensim's: words that come often, that both have, that nobody knows."""
    optimal_transport.install(monkeypatch)
    random = np.random.default_rng(3)
    for each in (vectors, trained):
        theirs = peer(each)
        for size in (1, 2, 5, 12):
            one, other = ([each.index_to_key[n] for n in random.integers(0, 40, size=size)] for _ in range(2))
            for norm in (True, False):
                ours = each.wmdistance(one, [*other, "no such word"], norm)
                assert ours == pytest.approx(theirs.wmdistance(one, [*other, "no such word"], norm), abs=1e-6)
                assert each.wmdistance(other, one, norm) == pytest.approx(ours)
            assert each.wmdistance(one, one[::-1]) == 0.0
            assert each.wmdistance([each.get_index(word) for word in one], other) == each.wmdistance(one, other)
    a, b = trained.index_to_key[:2]
    assert trained.wmdistance([a], [b], norm=False) == pytest.approx(np.linalg.norm(trained[a] - trained[b]))
    nothing: list[tuple[list[str], list[str]]] = [([], [a]), ([a], ["no such word"]), ([], [])]
    for some, others in nothing:
        assert trained.wmdistance(some, others) == theirs.wmdistance(some, others) == np.inf


def test_cosine_similarities(trained: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """The cosines of any vector with any others are gensim's; no table is needed, and zeros have cosine 0."""
    theirs = peer(trained)
    found = WordVectors.cosine_similarities(trained.vectors[3], trained.vectors)
    assert found == pytest.approx(theirs.cosine_similarities(trained.vectors[3], trained.vectors), abs=1e-6)
    assert found.dtype == np.float32
    assert trained.cosine_similarities([3, 4], [[3, 4], [4, -3], [0, 0]]).tolist() == pytest.approx([1, 0, 0])


def test_indices_are_keys_for_pairs_too(trained: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """Whatever compares words takes indices, with gensim's results."""
    theirs = peer(trained)
    calls: list[Callable[[Any], Any]] = [
        lambda each: each.similarity(3, 7),
        lambda each: each.distance(3, np.int64(7)),
        lambda each: each.distances(3),
        lambda each: each.distances(3, [7, 9]),
        lambda each: each.n_similarity([3, 4], [5]),
        lambda each: each.rank(3, 7),
        lambda each: each.most_similar_to_given(3, [7, 9, 11]),
        lambda each: each.relative_cosine_similarity(3, 7),
        lambda each: each.doesnt_match([3, 4, 5, 6]),
        lambda each: [key for _, key in each.rank_by_centrality([3, 4, 5, 6])],
    ]
    for call in calls:
        assert call(trained) == pytest.approx(call(theirs), abs=1e-5)


def test_ties_and_zeros(tied: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """Distances are gensim's; from and to zeros they are 1, where it has NaN."""
    theirs = peer(tied)
    for word in tied.index_to_key[:30]:
        with np.errstate(invalid="ignore"):
            wanted = np.nan_to_num(theirs.distances(word), nan=1.0)
        assert tied.distances(word) == pytest.approx(wanted, abs=1e-6)
        assert tied.similarity("w1", word) == pytest.approx(1 - wanted[tied.get_index("w1")], abs=1e-6)


def test_names_that_are_left_out(small: WordVectors) -> None:
    """They are no attributes, and the error says what to use instead; other names get the usual error."""
    assert not hasattr(small, "index2word")
    with pytest.raises(AttributeError, match=r"'WordVectors' object has no attribute 'index2word': .* index_to_key"):
        small.index2word  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'no_such_name'$"):
        small.no_such_name  # type: ignore[attr-defined]  # noqa: B018
    untyped: Any = small
    with pytest.raises(TypeError, match="item assignment"):
        untyped["a"] = [1, 2]
    with pytest.raises(TypeError, match="positional"):
        untyped.save_word2vec_format("vectors.txt", "vocab.txt")
