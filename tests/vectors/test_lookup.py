"""Vectors, indices, counts and means of words: what gensim's KeyedVectors has."""

from __future__ import annotations

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
    """Numbers, which are rows in gensim, and whatever else is no string are unknown words, not a row by accident."""
    with pytest.raises(UnknownWord):
        small[key]
