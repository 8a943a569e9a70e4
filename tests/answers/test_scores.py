"""The scores of ``evaluate`` as data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from streamer.answers.scores import evaluate
from streamer.errors import ExitCode, StreamerError
from streamer.vectors import WordVectors

from ..support.corpus import put


@pytest.fixture
def vectors() -> WordVectors:
    """Return five words, of which man : king is as woman : queen."""
    matrix = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1], [1, -1, 0]], np.float32)
    return WordVectors(["man", "king", "woman", "queen", "apple"], matrix, range(5, 0, -1))


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Return pairs in the order of their cosines, and one that is not known."""
    return put(tmp_path / "pairs.tsv", "man\tking\t9\nman\twoman\t5\nking\tapple\t4.9\nking\tunheard\t1\n")


@pytest.fixture
def analogies(tmp_path: Path) -> Path:
    """Return an analogy that these vectors solve, one that they do not, and one that is not known."""
    return put(tmp_path / "analogies.txt", ": a\nman king woman queen\n: b\nman king woman apple\nunheard of by us\n")


def test_only_what_was_asked_for(vectors: WordVectors, pairs: Path, analogies: Path) -> None:
    """There is a score for each file that was named, in the shape of ``evaluate --json``, and for no other."""
    both = evaluate(vectors, pairs, analogies)
    assert set(both) == {"pairs", "analogies"}
    assert evaluate(vectors, pairs, None) == {"pairs": both["pairs"]}
    assert evaluate(vectors, None, analogies) == {"analogies": both["analogies"]}
    assert evaluate(vectors, None, None) == {}
    assert json.loads(json.dumps(both)) == both


def test_figures(vectors: WordVectors, pairs: Path, analogies: Path) -> None:
    """Rows with unknown words are counted, and not scored."""
    scores = evaluate(vectors, pairs, analogies)
    assert (scores["pairs"]["scored"], scores["pairs"]["rows"]) == (3, 4)
    assert scores["pairs"]["spearman"] == pytest.approx(3**0.5 / 2)  # two of the three cosines are zero
    figures = {"accuracy": 0.5, "correct": 1, "scored": 2, "rows": 3}
    assert {**scores["analogies"], **figures} == scores["analogies"]
    assert [section["section"] for section in scores["analogies"]["sections"]] == ["a", "b"]


def test_only_among_the_most_frequent(vectors: WordVectors, pairs: Path, analogies: Path) -> None:
    """Both tests leave out rows with a rarer word."""
    scores = evaluate(vectors, pairs, analogies, restrict_vocab=3)
    assert (scores["pairs"]["scored"], scores["analogies"]["scored"]) == (2, 0)
    assert scores["analogies"]["accuracy"] == 0


def test_files_that_are_no_tests(vectors: WordVectors, tmp_path: Path) -> None:
    """A file that is not there, and one without a row, are errors 66 for either kind."""
    for path in (tmp_path / "none", put(tmp_path / "empty", "nothing here\n")):
        for files in ((path, None), (None, path)):
            with pytest.raises(StreamerError) as caught:
                evaluate(vectors, *files)
            assert caught.value.code == ExitCode.NO_INPUT
            assert str(path) in caught.value.problem
