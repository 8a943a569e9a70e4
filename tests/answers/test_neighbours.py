"""Neighbours and analogies as data: the nearest first, with how often each was seen."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.answers import neighbours
from streamer.answers.neighbours import BATCH, Neighbour
from streamer.vectors import WordVectors
from streamer.vectors.spelling import UnknownWord

COUNT = 600


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    """Return 600 words, each seen a number of times of its own."""
    words = [f"w{number}" for number in range(COUNT)]
    matrix = np.random.default_rng(1).normal(size=(COUNT, 8)).astype(np.float32)
    return WordVectors(words, matrix, range(10 * COUNT, 9 * COUNT, -1))


def test_neighbours_are_the_nearest_with_their_counts(vectors: WordVectors) -> None:
    """What is returned are the cosines of all other words, sorted, and the counts of those words."""
    ((word, near),) = neighbours.similar(vectors, ["w7"], topn=5)
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    cosines = unit @ unit[vectors.key_to_index["w7"]]
    cosines[vectors.key_to_index["w7"]] = -2
    order = np.argsort(-cosines)[:5]
    assert word == "w7"
    assert [each.word for each in near] == [vectors.index_to_key[index] for index in order]
    assert [each.cosine for each in near] == pytest.approx(cosines[order].tolist(), abs=1e-5)
    assert [each.seen for each in near] == vectors.counts[order].tolist()


def test_more_words_than_a_batch(vectors: WordVectors) -> None:
    """Every word is answered in its place, on both sides of where batches end, a word asked for twice too."""
    asked = [f"w{number}" for number in range(2 * BATCH + 1)] + ["w0"]
    found = list(neighbours.similar(vectors, asked, topn=2))
    assert [word for word, _ in found] == asked
    answers = dict(found)
    for word in ("w0", f"w{BATCH - 1}", f"w{BATCH}", f"w{2 * BATCH}"):
        ((_, alone),) = neighbours.similar(vectors, [word], topn=2)
        assert [each.word for each in answers[word]] == [each.word for each in alone]


def test_answers_come_before_all_are_computed(vectors: WordVectors) -> None:
    """The first batch is answered although a later word is unknown, which is an error when it is that one's turn."""
    answers = neighbours.similar(vectors, [f"w{number}" for number in range(BATCH)] + ["unheard"], topn=1)
    for _ in range(BATCH):
        next(answers)
    with pytest.raises(UnknownWord):
        next(answers)


def test_no_words_have_no_answers(vectors: WordVectors) -> None:
    """Where all that was asked for is unknown, nothing is left to ask."""
    assert list(neighbours.similar(vectors, [])) == []


def test_an_analogy_is_none_of_the_three(vectors: WordVectors) -> None:
    """The answers are all other words, the best first, though the words asked for would be better still."""
    near = neighbours.analogy(vectors, "w1", "w2", "w3", topn=COUNT)
    assert {each.word for each in near} == set(vectors.index_to_key) - {"w1", "w2", "w3"}
    assert [each.cosine for each in near] == sorted((each.cosine for each in near), reverse=True)
    assert all(each.seen == vectors.counts[vectors.key_to_index[each.word]] for each in near)


def test_an_analogy_adds_b_and_c_and_takes_a_away() -> None:
    """King is to man as woman is to: what has the crown and the other sex."""
    words = ["man", "king", "woman", "queen", "apple"]
    matrix = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1], [1, -1, 0]], np.float32)
    vectors = WordVectors(words, matrix, range(5, 0, -1))
    assert [each.word for each in neighbours.analogy(vectors, "man", "king", "woman")] == ["queen", "apple"]


def test_only_among_the_most_frequent(vectors: WordVectors) -> None:
    """With ``restrict_vocab`` all answers are among so many words; what is asked about need not be."""
    frequent = set(vectors.index_to_key[:20])
    ((_, near),) = neighbours.similar(vectors, ["w500"], topn=COUNT, restrict_vocab=20)
    assert {each.word for each in near} == frequent
    answers = neighbours.analogy(vectors, "w1", "w500", "w2", topn=COUNT, restrict_vocab=20)
    assert {each.word for each in answers} == frequent - {"w1", "w2"}


def test_what_json_has_of_a_neighbour() -> None:
    """Word and cosine, as was promised."""
    assert Neighbour("word", 0.5, 7).as_dict() == {"word": "word", "cosine": 0.5}
