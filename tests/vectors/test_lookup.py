"""Vectors, indices, counts and means of words: what gensim's KeyedVectors has."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from streamer.vectors import UnknownWord, WordVectors
from streamer.vectors.similarity import Entry


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


@pytest.mark.parametrize("key", [5, None, 1.5, b"a", ["a", 5]])
def test_what_is_no_word(small: WordVectors, key: Any) -> None:
    """Numbers that are no index, and whatever else is no string, are unknown words, not a row by accident."""
    with pytest.raises(UnknownWord):
        small[key]


@pytest.mark.parametrize("key", [0, 4, np.int64(2), np.uint8(3)])
def test_an_index_is_a_key(small: WordVectors, peer: Callable[[WordVectors], Any], key: Any) -> None:
    """It stands for the word at that place, wherever a word does, as in gensim."""
    theirs = peer(small)
    word = small.index_to_key[key]
    assert key in small
    assert key in theirs
    assert small.has_index_for(key)
    assert small.get_index(key) == theirs.get_index(key) == small.get_index(word)
    assert type(small.get_index(key)) is int
    assert small[key].tolist() == theirs[key].tolist() == small[word].tolist()
    assert small[[key, "a"]].tolist() == theirs[[key, "a"]].tolist() == small[[word, "a"]].tolist()
    assert small[np.array([key, 0])].tolist() == small[[word, "a"]].tolist()
    assert small.get_vector(key, norm=True) == pytest.approx(theirs.get_vector(key, norm=True))
    assert small.get_mean_vector([key, "a"]) == pytest.approx(theirs.get_mean_vector([key, "a"]))
    assert small.get_mean_vector((key, 1)) == pytest.approx(theirs.get_mean_vector((key, 1)))
    assert small.get_vecattr(key, "count") == small.get_vecattr(word, "count")


@pytest.mark.parametrize("key", [5, -1, 10**30])
def test_what_is_no_index(small: WordVectors, peer: Callable[[WordVectors], Any], key: int) -> None:
    """Numbers beyond the vocabulary are unknown words, from either end, as in gensim."""
    theirs = peer(small)
    for each in (small, theirs):
        assert key not in each
        assert each.get_index(key, -1) == -1
        for ask in (each.get_index, each.get_vector, lambda given, of=each: of[[given]]):
            with pytest.raises(KeyError):
                ask(key)
    with pytest.raises(UnknownWord, match=f"{key} is not in the vocabulary"):
        small.get_index(key)


def test_norms(tied: WordVectors, trained: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """The lengths of the vectors are gensim's, with zeros; they are there when asked for, once, and read-only."""
    for vectors in (tied, trained):
        theirs = peer(vectors)
        theirs.fill_norms()
        fresh = pickle.loads(pickle.dumps(vectors))
        assert "norms" not in vars(fresh)
        fresh.fill_norms(force=True)
        assert vars(fresh)["norms"] is fresh.norms
        assert fresh.norms == pytest.approx(theirs.norms, abs=1e-6)
        assert fresh.norms.dtype == theirs.norms.dtype == np.float32
        assert not fresh.norms.flags.writeable
    assert (tied.norms == 0).any()
    assert np.isfinite(tied.get_normed_vectors()).all()
    with np.errstate(invalid="ignore"):
        theirs = peer(tied).get_normed_vectors()
    assert tied.get_normed_vectors() == pytest.approx(np.nan_to_num(theirs), abs=1e-6)


def test_vectors_for_all(trained: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """The vectors of some words alone are gensim's, in the order given: without unknown words, each once."""
    theirs = peer(trained)
    words = trained.index_to_key
    given = [words[9], "no such word", words[3], words[9], words[20]]
    for keys in (given, iter(given), dict.fromkeys(given), np.array(given)):
        ours = trained.vectors_for_all(keys)
        assert type(ours) is WordVectors
        assert ours.index_to_key == theirs.vectors_for_all(given).index_to_key == [words[9], words[3], words[20]]
        assert ours.vectors.tolist() == theirs.vectors_for_all(given).vectors.tolist()
        assert ours.counts.tolist() == [3, 2, 1]
        assert ours.checkpoint is None
    assert trained.vectors_for_all(given, allow_inference=False).index_to_key == ours.index_to_key
    assert trained.vectors_for_all([3, words[3]]).index_to_key == [words[3]]
    assert trained.vectors_for_all(words[3]).index_to_key == [words[3]]
    assert trained.vectors_for_all([]).vectors.shape == (0, trained.vector_size)
    assert len(trained.vectors_for_all(["no such word"])) == 0
    with pytest.raises(ValueError, match="read-only"):
        ours.vectors[0] = 1


def test_vectors_for_all_with_their_counts(trained: WordVectors) -> None:
    """Then the most frequent comes first, as in every table."""
    words = trained.index_to_key
    ours = trained.vectors_for_all([words[20], words[3], words[9]], copy_vecattrs=True)
    assert ours.index_to_key == [words[3], words[9], words[20]]
    assert ours.counts.tolist() == trained.counts[[3, 9, 20]].tolist()
    assert np.array_equal(ours.vectors, trained.vectors[[3, 9, 20]])


def test_words_are_folded_where_they_are_asked_for() -> None:
    """A word stands for what texts make of it, in a list of words too; answers have the vocabulary's spelling."""
    vectors = WordVectors(["whale", "Sea"], np.eye(2), [2, 1], fold=str.lower)
    assert vectors[["Whale", "WHALE"]].tolist() == [[1, 0], [1, 0]]
    assert vectors.get_index("WHALE") == 0
    assert "sea" not in vectors
    some = vectors.vectors_for_all(["Whale", "whale", "Sea"])
    assert some.index_to_key == ["whale", "Sea"]
    assert "WHALE" in some
