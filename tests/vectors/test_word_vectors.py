"""Words, vectors and neighbours: what gensim's KeyedVectors answers."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.vectors import UnknownWord, WordVectors


@pytest.fixture
def small():
    """Return five words in the plane; b and d are seen equally often, and so are c and e."""
    matrix = [[1, 0], [0, 2], [3, 3], [0, 1], [-1, 0]]
    return WordVectors(list("abcde"), np.array(matrix, dtype=np.float32), np.array([9, 5, 7, 5, 7]))


def assert_same(ours, theirs):
    """Compare neighbours to 1e-6: the same words with the same cosines, in an order that these allow."""
    assert dict(ours) == pytest.approx(dict(theirs), abs=1e-6)
    assert [cosine for _, cosine in ours] == pytest.approx([cosine for _, cosine in theirs], abs=1e-6)
    cosines = [cosine for _, cosine in ours]
    assert cosines == sorted(cosines, reverse=True)


def test_order(small):
    """The most frequent word is first; words seen equally often keep their order of admission."""
    assert small.index_to_key == ["a", "c", "e", "b", "d"]
    assert small.key_to_index == {"a": 0, "c": 1, "e": 2, "b": 3, "d": 4}
    assert small.counts.tolist() == [9, 7, 7, 5, 5]
    assert small.vectors.tolist() == [[1, 0], [3, 3], [-1, 0], [0, 2], [0, 1]]
    assert (small.vectors.dtype, small.counts.dtype, small.vector_size) == (np.float32, np.int64, 2)


def test_container(small):
    """Words index their vectors, one or several; `in`, `len` and `repr` work."""
    assert small["b"].tolist() == [0, 2]
    assert small[["b", "a"]].tolist() == [[0, 2], [1, 0]]
    assert small[[]].shape == (0, 2)
    assert "b" in small
    assert "z" not in small
    assert len(small) == 5
    assert repr(small) == "<WordVectors: 5 words, 2 numbers each>"


def test_get_vector(small):
    """A vector comes as it is, or at length one."""
    assert small.get_vector("c").tolist() == [3, 3]
    assert small.get_vector("c", norm=True) == pytest.approx([0.5**0.5] * 2)
    assert small.get_vector("c", norm=True).dtype == np.float32


def test_read_only(small):
    """Nothing that is handed out can be written to, and what was handed in is copied."""
    for array in (small.vectors, small.counts, small.unit_vectors, small["a"], small.get_vector("a", norm=True)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    given = np.ones((2, 2), dtype=np.float32)
    vectors = WordVectors(["a", "b"], given, np.array([2, 1]))
    given[:] = 7
    assert vectors["a"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("words", "shape", "counts"),
    [(["a"], (2, 3), [1, 1]), (["a", "b"], (2, 3), [1]), (["a"], (1,), [1]), (["a", "a"], (2, 3), [1, 1])],
)
def test_construction_refuses(words, shape, counts):
    """Words, vectors and counts of different number are refused, and words that come twice."""
    with pytest.raises(ValueError, match=r"words"):
        WordVectors(words, np.ones(shape, dtype=np.float32), np.array(counts))


def test_similarity(vectors, peer):
    """Cosine and distance are gensim's."""
    theirs = peer(vectors)
    for first, second in zip(vectors.index_to_key[:50], vectors.index_to_key[100:150], strict=True):
        assert vectors.similarity(first, second) == pytest.approx(float(theirs.similarity(first, second)), abs=1e-6)
        assert vectors.distance(first, second) == pytest.approx(float(theirs.distance(first, second)), abs=1e-6)


def test_most_similar_words(vectors, peer):
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


def test_most_similar_vectors(vectors, peer):
    """Vectors count as they are, beside words or alone, in a list or as rows of an array; they exclude no word."""
    theirs = peer(vectors)
    a, b, c = vectors.index_to_key[:3]
    raw = np.array(vectors[a])
    for positive, negative in (([raw], None), ([raw, b], [c]), (b, raw), (raw, None), (np.array(vectors[[a, b]]), c)):
        assert_same(vectors.most_similar(positive, negative), theirs.most_similar(positive=positive, negative=negative))
    assert vectors.similar_by_vector(raw, topn=3) == vectors.most_similar([raw], topn=3)
    assert vectors.similar_by_vector(raw)[0][0] == a


@pytest.mark.parametrize("topn", [0, -1, 1, 2, 10**6])
@pytest.mark.parametrize("restrict_vocab", [None, 0, 1, 5, 30, 10**6])
def test_topn_and_restrict_vocab(vectors, peer, topn, restrict_vocab):
    """So many words as there are, and no more; none for 0. Only frequent words are looked at, if so wished."""
    theirs = peer(vectors)
    for word in (vectors.index_to_key[0], vectors.index_to_key[-1]):
        assert_same(
            vectors.most_similar(word, topn=topn, restrict_vocab=restrict_vocab),
            theirs.most_similar(word, topn=topn, restrict_vocab=restrict_vocab),
        )


def test_topn_none(vectors, peer):
    """With topn=None all cosines come, in the order of the vocabulary, the word's own too."""
    word = vectors.index_to_key[7]
    ours = vectors.most_similar(word, topn=None)
    assert ours == pytest.approx(peer(vectors).most_similar(word, topn=None), abs=1e-6)
    assert vectors.most_similar(word, topn=None, restrict_vocab=5).shape == (5,)


def test_ties_by_frequency():
    """Of words equally near, the more frequent comes first, also where the list is cut among them."""
    matrix = np.tile(np.array([[1, 2]], dtype=np.float32), (64, 1))
    vectors = WordVectors([f"w{n}" for n in range(64)], matrix, np.arange(64))
    for topn in (1, 5, 62):
        assert [word for word, _ in vectors.most_similar("w60", topn=topn)] == [
            word for word in vectors.index_to_key if word != "w60"
        ][:topn]


def test_zero_vector():
    """A zero vector is near nothing, and makes no NaN."""
    vectors = WordVectors(["a", "b", "zero"], np.array([[1, 0], [1, 1], [0, 0]], dtype=np.float32), np.array([3, 2, 1]))
    assert vectors.most_similar("a")[-1] == ("zero", 0.0)
    assert vectors.similarity("a", "zero") == 0.0


def test_batch(vectors, monkeypatch):
    """A batch answers as one word at a time does, in however many pieces."""
    monkeypatch.setattr("streamer.vectors.word_vectors._PIECE", 7 * len(vectors))
    words = vectors.index_to_key[:20] * 2
    for word, neighbours in zip(words, vectors.most_similar_batch(words, topn=5), strict=True):
        assert_same(neighbours, vectors.most_similar(word, topn=5))
    assert vectors.most_similar_batch([]) == []
    assert vectors.most_similar_batch(["".join(words[:1])], topn=0) == [[]]


def test_empty_vocabulary():
    """No words are a vocabulary too: nothing is near anything."""
    vectors = WordVectors([], np.empty((0, 3), dtype=np.float32), np.empty(0, dtype=np.int64))
    assert len(vectors) == 0
    assert vectors.similar_by_vector(np.ones(3)) == []
    with pytest.raises(UnknownWord):
        vectors.most_similar("a")


def test_refusals(small):
    """Nothing to compare with, and vectors of another size, are errors."""
    for given in (None, []):
        with pytest.raises(ValueError, match="at least one"):
            small.most_similar(given)
    with pytest.raises(ValueError, match="shape"):
        small.most_similar(np.ones(3))


def test_unknown_word_everywhere(small):
    """Whatever takes a word raises the same KeyError for one it does not know."""
    calls = (
        lambda: small["z"],
        lambda: small[["a", "z"]],
        lambda: small.get_vector("z"),
        lambda: small.similarity("a", "z"),
        lambda: small.most_similar("z"),
        lambda: small.most_similar("a", ["z"]),
        lambda: small.most_similar_batch(["a", "z"]),
    )
    for call in calls:
        with pytest.raises(KeyError) as caught:
            call()
        assert isinstance(caught.value, UnknownWord)
        assert caught.value.word == "z"
