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


of_gensim = pytest.mark.filterwarnings("ignore:Call to deprecated `init_sims`:DeprecationWarning")  # it calls itself


@of_gensim
def test_cosmul(vectors: WordVectors, trained: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """Products of cosines are gensim's: of one word or several, over none or several, and of vectors as they are."""
    for ours in (vectors, trained):
        theirs, words = peer(ours), ours.index_to_key
        for start in range(0, 60, 4):
            a, b, c, d = words[start : start + 4]
            raw = np.array(ours.get_vector(a, norm=True)) * 0.5
            sides: list[tuple[Any, Any]] = [
                ([a, b], [c]),
                ([a], [b, c, d]),
                (a, None),
                (a, b),
                ([a, a, b], [a]),
                (raw, c),
                ([raw, d], [raw]),
            ]
            for positive, negative in sides:
                every = theirs.most_similar_cosmul(positive, negative, topn=None)
                found = ours.most_similar_cosmul(positive, negative, topn=None)
                assert found == pytest.approx(every, rel=1e-4)
                assert found.dtype == np.float32
                got, wanted = (each.most_similar_cosmul(positive, negative, topn=7) for each in (ours, theirs))
                assert [score for _, score in got] == pytest.approx([score for _, score in wanted], rel=1e-4)
                assert dict(got) == pytest.approx(dict(wanted), rel=1e-4)


@of_gensim
def test_cosmul_of_zeros_and_ties(tied: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """A zero vector has cosine 0 with all, where gensim has NaN; all else is gensim's."""
    with np.errstate(invalid="ignore"):
        theirs = peer(tied).most_similar_cosmul("w1", "w2", topn=None)
    ours = tied.most_similar_cosmul("w1", "w2", topn=None)
    zero = tied.norms == 0
    assert np.array_equal(np.isnan(theirs), zero)
    assert ours[zero] == pytest.approx(1, abs=1e-5)
    assert ours[~zero] == pytest.approx(theirs[~zero], rel=1e-4)
    assert np.isfinite(tied.most_similar_cosmul("w0", "w2", topn=None)).all()


def test_cosmul_searches_what_it_is_told_to(vectors: WordVectors) -> None:
    """Frequent words only, which gensim forgets, or some words; what is asked about is never an answer."""
    a, b, c = vectors.index_to_key[:3]
    every = vectors.most_similar_cosmul([a, b], [c], topn=10**6)
    assert len(every) == len(vectors) - 3
    assert_same(
        vectors.most_similar_cosmul([a, b], [c], topn=5, restrict_vocab=40),
        [pair for pair in every if vectors.key_to_index[pair[0]] < 40][:5],
    )
    chosen = vectors.index_to_key[::7]
    assert_same(
        vectors.most_similar_cosmul([0, b], [2], topn=5, among=chosen),
        [pair for pair in every if pair[0] in chosen][:5],
    )
    assert vectors.most_similar_cosmul(a, topn=0) == []


def test_cosmul_refuses(small: WordVectors) -> None:
    """Something positive is needed, as in gensim, and weights have no meaning."""
    nothing: tuple[list[str] | None, ...] = (None, [])
    for positive in nothing:
        with pytest.raises(ValueError, match="at least one positive"):
            small.most_similar_cosmul(positive, ["a"])
    weighted: Any
    for weighted in ([("a", 0.5)], [("a", 1), "b"]):
        with pytest.raises(ValueError, match="no weights"):
            small.most_similar_cosmul(weighted)
        with pytest.raises(ValueError, match="no weights"):
            small.most_similar_cosmul("c", weighted)
    with pytest.raises(ValueError, match="shape"):
        small.most_similar_cosmul(np.ones(3))


@pytest.mark.parametrize("clip_start", [0, 1, 30, 10**6])
@pytest.mark.parametrize("clip_end", [None, 0, 1, 50, -10, 10**6])
def test_clips(vectors: WordVectors, peer: Callable[[WordVectors], Any], clip_start: int, clip_end: int | None) -> None:
    """Only words from one index to another are compared, with gensim's answers; ``restrict_vocab`` overrides them."""
    theirs = peer(vectors)
    clips: dict[str, Any] = {"clip_start": clip_start, "clip_end": clip_end}
    for word in (vectors.index_to_key[0], vectors.index_to_key[35]):
        assert_same(vectors.most_similar(word, **clips), theirs.most_similar(word, **clips))
        every = vectors.most_similar(word, topn=None, **clips)
        assert every == pytest.approx(theirs.most_similar(word, topn=None, **clips), abs=1e-6)
        assert vectors.most_similar(word, restrict_vocab=9, **clips) == vectors.most_similar(word, restrict_vocab=9)
    positional = vectors.most_similar([word], [], 5, clip_start, clip_end, None)
    assert_same(positional, theirs.most_similar([word], [], 5, clip_start, clip_end, None))


def test_a_clip_from_the_end(vectors: WordVectors) -> None:
    """It counts from the end, as in a slice, and what is asked about is no answer then either."""
    word = vectors.index_to_key[-2]
    found = vectors.most_similar(word, topn=10**6, clip_start=-5)
    assert {each for each, _ in found} == {*vectors.index_to_key[-5:]} - {word}


def test_among(vectors: WordVectors) -> None:
    """The answer is the one without it, less what is not among the words: unknown ones change nothing."""
    a, b, c = vectors.index_to_key[:3]
    chosen = [*vectors.index_to_key[::7], "no such word", vectors.index_to_key[7]]
    every = vectors.most_similar([a, b], [c], topn=10**6)
    wanted = [pair for pair in every if pair[0] in chosen]
    given: list[Any] = [chosen, set(chosen), iter(chosen), np.array(chosen), range(0, len(vectors), 7)]
    for among in given:
        assert_same(vectors.most_similar([a, b], [c], topn=10**6, among=among), wanted)
    assert_same(vectors.most_similar([a, b], [c], among=chosen), wanted[:10])
    assert_same(
        vectors.most_similar([a, b], [c], among=chosen, clip_start=10, clip_end=100),
        [pair for pair in wanted if 10 <= vectors.key_to_index[pair[0]] < 100][:10],
    )
    assert_same(vectors.most_similar(a, among=b), [(b, vectors.similarity(a, b))])
    assert vectors.most_similar(a, among=[a, "no such word"]) == vectors.most_similar(a, among=[]) == []
    untyped: Any = vectors
    with pytest.raises(ValueError, match="topn"):
        untyped.most_similar(a, among=[b], topn=None)


def test_among_words_as_they_are_typed() -> None:
    """They are folded as what is asked about is; of equally near ones, the more frequent comes first."""
    vectors = WordVectors(["a", "b", "c", "d"], [[1, 0], [1, 1], [1, 1], [0, 1]], [1, 2, 3, 4], fold=str.lower)
    assert [word for word, _ in vectors.most_similar("A", among=["B", "c", "C", "D"])] == ["c", "b", "d"]


def test_indices_are_keys_here_too(vectors: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """With weights or without, and none of them is an answer, as in gensim."""
    theirs = peer(vectors)
    sides: list[tuple[Any, Any]] = [(3, None), ([3, 5], [7]), ([(3, 0.5), 5], [(7, -2)]), (np.int64(3), 5)]
    for positive, negative in sides:
        assert_same(vectors.most_similar(positive, negative), theirs.most_similar(positive, negative))
    words = vectors.index_to_key
    assert vectors.most_similar_cosmul([3, 5], [7]) == vectors.most_similar_cosmul([words[3], words[5]], [words[7]])
    assert vectors.most_similar_batch([3, words[4]]) == vectors.most_similar_batch(words[3:5])
    with pytest.raises(UnknownWord):
        vectors.most_similar(10**6)


@pytest.mark.parametrize("topn", [0, 5, None])
def test_the_names_for_one(trained: WordVectors, peer: Callable[[WordVectors], Any], topn: Any) -> None:
    """By key, by word and by vector, gensim's answers come, also as an array."""
    theirs, word = peer(trained), trained.index_to_key[4]
    for name, given in (("similar_by_key", word), ("similar_by_word", word), ("similar_by_vector", trained[word])):
        for restrict_vocab in (None, 20):
            ours = getattr(trained, name)(given, topn, restrict_vocab)
            wanted = getattr(theirs, name)(given, topn, restrict_vocab)
            if topn is None:
                assert ours == pytest.approx(wanted, abs=1e-6)
            else:
                assert_same(ours, wanted)


def test_ties_and_zeros(tied: WordVectors, peer: Callable[[WordVectors], Any]) -> None:
    """All cosines are gensim's; those of zeros are 0 where it has NaN."""
    theirs = peer(tied)
    for word in tied.index_to_key[1:40]:
        with np.errstate(invalid="ignore"):
            wanted = np.nan_to_num(theirs.most_similar(word, topn=None))
        assert tied.most_similar(word, topn=None) == pytest.approx(wanted, abs=1e-6)
