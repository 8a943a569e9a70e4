"""Words as people type them: folded as a text would be, told apart where they are not known, completed."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer import Trainer
from streamer.answers.words import Unknown, beginning_with, folded, unknown
from streamer.errors import ExitCode, StreamerError
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import tokenizer
from streamer.vectors import WordVectors


def known(*words: str) -> WordVectors:
    """Return vectors of some words, the most frequent first."""
    rows = [[1.0, float(number)] for number in range(len(words))]
    return WordVectors(list(words), rows, range(len(words), 0, -1), fold=tokenizer(Rules()).fold)


def test_a_word_is_folded_as_a_text_would_be() -> None:
    """Case, curly apostrophes and letters in two parts make no difference; what is no word is only lowered."""
    vectors = known("don't", "café")
    assert folded(vectors, ["DON’T", "Cafe\u0301", "café", "Unheard", "!?"]) == [
        "don't",
        "café",
        "café",
        "unheard",
        "!?",
    ]


def test_a_word_that_is_known_as_it_was_typed_stays() -> None:
    """Vectors that were made elsewhere may have capitals: these are meant where they are typed."""
    vectors = known("Turkey", "turkey")
    assert folded(vectors, ["Turkey", "turkey", "TURKEY"]) == ["Turkey", "turkey", "turkey"]


def test_more_than_one_word_is_its_first() -> None:
    """Every word that is asked for has one answer, so that answers can be put beside the questions."""
    asked = ["", "two words", "-", "one"]
    assert len(folded(known("one"), asked)) == len(asked)


def test_unknown_words_each_once_and_in_order() -> None:
    """A word that has a vector is not told; one that has none is told once, with the nearest spellings."""
    found = unknown(known("king", "queen", "kind"), ["xyzzy", "king", "kinq", "xyzzy"])
    assert [each.word for each in found] == ["xyzzy", "kinq"]
    assert found[0].suggestions == []
    assert set(found[1].suggestions) == {"king", "kind"}


def test_suggestions_are_made_only_if_wished() -> None:
    """They take long for thousands of words."""
    assert unknown(known("king"), ["kinq"], suggest=False) == [Unknown("kinq", [])]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of checkpoints of a text in which words are first seen in another order than by frequency."""
    text = "cat car cab can't dog " + "car cab " * 5 + "car " * 3 + "can't " * 9
    Trainer(vector_size=4, min_count=1, threads=1).partial_fit([text]).save(tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


def test_beginning_with(folder: Path) -> None:
    """The most frequent come first, in whatever case the letters were typed; a caller may leave some out."""
    assert beginning_with(folder, "ca", 10, without="'") == ["car", "cab", "cat"]
    assert beginning_with(folder, "CA", 10, without="'") == ["car", "cab", "cat"]
    assert beginning_with(folder, "", 10, without="'") == ["car", "cab", "cat", "dog"]
    assert "can't" in beginning_with(folder, "ca", 10)
    assert beginning_with(folder, "x", 10) == []


def test_beginning_with_no_more_than_asked_for(folder: Path) -> None:
    """The count is the most that are returned."""
    assert beginning_with(folder, "ca", 2, without="'") == ["car", "cab"]


def test_nothing_is_said_of_damage(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The newest that is intact answers, in silence: the caller has a line on screen that is being typed."""
    (folder / "checkpoint-0000000009.h5").write_bytes(b"no checkpoint")
    assert beginning_with(folder, "ca", 1, without="'") == ["car"]
    assert capfd.readouterr() == ("", "")


def test_no_words_to_begin_with(tmp_path: Path, folder: Path) -> None:
    """66 without a checkpoint, 65 if none is intact: it is for the caller to be silent of that."""
    with pytest.raises(StreamerError) as caught:
        beginning_with(tmp_path / "nowhere", "a", 1)
    assert caught.value.code == ExitCode.NO_INPUT
    for path in folder.glob("*.h5"):
        path.write_bytes(b"no checkpoint")
    with pytest.raises(StreamerError) as caught:
        beginning_with(folder, "a", 1)
    assert caught.value.code == ExitCode.DAMAGED
