"""Unknown words and the nearest spellings."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest

from streamer.vectors import UnknownWord, WordVectors
from streamer.vectors.spelling import nearest


def test_message() -> None:
    """The message is a sentence, not its repr, and names the nearest words."""
    vectors = WordVectors(["the", "king", "kings", "queen"], np.eye(4, dtype=np.float32), np.array([4, 3, 2, 1]))
    with pytest.raises(KeyError) as caught:
        vectors["kingg"]
    assert str(caught.value) == "'kingg' is not in the vocabulary; nearest: king, kings"
    assert isinstance(caught.value, UnknownWord)
    assert caught.value.nearest == ["king", "kings"]


def test_message_without_neighbours() -> None:
    """With nothing near, no list is begun; what is not a word at all is named too."""
    assert str(UnknownWord("xyz", ["king"])) == "'xyz' is not in the vocabulary"
    assert str(UnknownWord("", ["king", "a"])) == "'' is not in the vocabulary"
    assert str(UnknownWord(3, ["king"])) == "3 is not in the vocabulary"


def test_case() -> None:
    """What differs in case only comes first, however rare it is and in whichever of the two the capitals are."""
    assert nearest("King", ["the", "kings", "ring", "king"]) == ["king", "kings", "ring"]
    assert nearest("PARIS", ["paris"]) == ["paris"]
    assert nearest("paris", ["pari", "Paris", "PARIS", "paria"])[:2] == ["Paris", "PARIS"]
    assert nearest("King", [f"kin{number}" for number in range(60_000)] + ["king"])[0] == "king"


def test_swapped_letters() -> None:
    """What people type too early or too late leads to what they meant."""
    known = ["the", "he", "to", "they", "friend", "find", "weird", "ride", "receive", "relieve"]
    for typed, meant in (("teh", "the"), ("freind", "friend"), ("wierd", "weird"), ("recieve", "receive")):
        assert nearest(typed, known)[0] == meant


@pytest.mark.parametrize(
    ("typed", "known"),
    [("Москвы", "москва"), ("ПАРИЖ", "париж"), ("東京都", "東京"), ("καλημερα", "καλημέρα"), ("cafe", "café")],
)
def test_other_scripts(typed: str, known: str) -> None:
    """Letters are letters in any script."""
    assert nearest(typed, ["the", "дом", "大阪", known]) == [known]


@pytest.mark.alone
def test_absurd_words() -> None:
    """Nothing, spaces and a whole text are unknown like any other word, at once and in a line that one can read."""
    known = [f"word{number}" for number in range(100_000)]
    for word in ("", " ", "\n", "x" * 10_000, "word " * 2_000, "\udce9", ["word"] * 1_000, None):
        start = time.process_time()
        message = str(UnknownWord(word, known))
        assert time.process_time() - start < 0.5  # 0.02 s here
        assert len(message) < 150
        assert "\n" not in message


def test_pickle() -> None:
    """The error crosses process boundaries."""
    copy = pickle.loads(pickle.dumps(UnknownWord("kingg", ["king"])))
    assert (copy.word, str(copy)) == ("kingg", "'kingg' is not in the vocabulary; nearest: king")


@pytest.mark.alone
def test_quick_in_a_large_vocabulary() -> None:
    """The right word is found among 100,000 in a moment, and nothing is searched until someone looks."""
    random = np.random.default_rng(1)
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = {"".join(random.choice(letters, size=size)) for size in random.integers(2, 13, size=115_000)}
    known = [*sorted(words)[:100_000]]
    random.shuffle(known)
    known[40_000] = "embedding"
    start = time.process_time()
    error = UnknownWord("embeding", known)
    assert time.process_time() - start < 0.01
    start = time.process_time()
    assert error.nearest[0] == "embedding"
    assert time.process_time() - start < 0.5  # 0.03 s here; the rest is for slow machines
