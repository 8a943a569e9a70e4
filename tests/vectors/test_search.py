"""The nearest words: what gensim's KeyedVectors answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from streamer.vectors import UnknownWord, WordVectors
from streamer.vectors.similarity import Entry

from .comparing import assert_same


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


def test_batch(vectors: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of words and vectors answers as one at a time does, in however many pieces."""
    monkeypatch.setattr("streamer.vectors.search._PIECE", 7 * len(vectors))
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
