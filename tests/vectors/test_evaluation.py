"""Word pairs and analogies: the numbers of gensim's evaluators."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.vectors import AnalogyScores, PairScores, SectionScores, WordVectors

OPTIONS: list[dict[str, Any]] = [
    {},
    {"restrict_vocab": 900},
    {"case_insensitive": False},
    {"dummy4unknown": True},
    {"restrict_vocab": 1200, "case_insensitive": False, "dummy4unknown": True},
]


@pytest.fixture
def plane() -> WordVectors:
    """Return six words in three dimensions, of which "d" solves a : b :: c, and a capital "B" nearer the answer."""
    matrix = [[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1], [0, 0.8, 1], [-1, 0, 0]]
    return WordVectors(list("abcdBf"), np.array(matrix, dtype=np.float32), np.arange(6, 0, -1))


def written(folder: Path, text: str) -> Path:
    """Write a text to a file in a folder."""
    path = folder / "rows.txt"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["wordsim353.tsv", "simlex999.txt"])
@pytest.mark.parametrize("options", OPTIONS)
def test_pairs_equal_gensim(
    vectors: WordVectors,
    peer: Callable[[WordVectors], Any],
    datapath: Callable[[str], str],
    name: str,
    options: dict[str, Any],
) -> None:
    """Spearman, Pearson and the share of unknown pairs are gensim's."""
    ours = vectors.evaluate_word_pairs(datapath(name), **options)
    linear, rank, unknown = peer(vectors).evaluate_word_pairs(datapath(name), **options)
    assert ours.pearson == pytest.approx(linear[0], abs=1e-6)
    assert ours.spearman == pytest.approx(rank[0], abs=1e-6)
    assert ours.rows == {"wordsim353.tsv": 353, "simlex999.txt": 999}[name]
    if options.get("dummy4unknown"):
        assert ours.scored == ours.rows
    else:
        assert 100 * (1 - ours.scored / ours.rows) == pytest.approx(unknown)
        assert 0 < ours.scored < ours.rows


@pytest.mark.parametrize("options", OPTIONS)
def test_analogies_equal_gensim(
    vectors: WordVectors,
    peer: Callable[[WordVectors], Any],
    datapath: Callable[[str], str],
    tmp_path: Path,
    options: dict[str, Any],
) -> None:
    """Every section's right and scored answers are gensim's, over every fifth question."""
    with open(datapath("questions-words.txt"), encoding="utf-8") as file:  # noqa: PTH123 - gensim gives a string
        lines = [line for number, line in enumerate(file) if line.startswith(":") or number % 5 == 0]
    path = written(tmp_path, "".join(lines))
    ours = vectors.evaluate_word_analogies(path, **options)
    accuracy, sections = peer(vectors).evaluate_word_analogies(str(path), **options)
    *parts, total = sections
    assert [(s.section, s.correct, s.scored) for s in ours.sections] == [
        (s["section"], len(s["correct"]), len(s["correct"]) + len(s["incorrect"])) for s in parts
    ]
    assert ours.accuracy == pytest.approx(accuracy, abs=1e-12)
    assert ours.correct == len(total["correct"])
    assert 0 < ours.correct < ours.scored
    assert ours.rows == sum(not line.startswith(":") for line in lines)


def test_analogies_in_pieces(
    vectors: WordVectors, datapath: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of the pieces changes nothing."""
    whole = vectors.evaluate_word_analogies(datapath("questions-words.txt"), restrict_vocab=400)
    monkeypatch.setattr("streamer.vectors.evaluation._PIECE", 7 * 400)
    assert vectors.evaluate_word_analogies(datapath("questions-words.txt"), restrict_vocab=400) == whole


def test_pair_file_forms(plane: WordVectors, tmp_path: Path) -> None:
    """Tabs or commas separate; comments, headers, blank lines and other forms are not rows."""
    path = written(
        tmp_path,
        "\ufeff# comment\nword1\tword2\tscore\na\tb\t3\n\nA, c, 1.5\nb,c,2\na b 3\na\tb\tc\t3\na\tb\tnan\nq\tb\t1\n",
    )
    scores = plane.evaluate_word_pairs(path)
    assert (scores.scored, scores.rows) == (3, 4)


def test_pairs_scores_by_hand(plane: WordVectors, tmp_path: Path) -> None:
    """Cosines 0.71, 0 and -1 against 3, 2 and 1: perfect by rank, 0.99 by value."""
    scores = plane.evaluate_word_pairs(written(tmp_path, "a\tb\t3\na\tc\t2\na\tf\t1\n"))
    assert scores.spearman == pytest.approx(1)
    assert scores.pearson == pytest.approx(np.corrcoef([0.5**0.5, 0, -1], [3, 2, 1])[0, 1])


@pytest.mark.parametrize("text", ["a\tb\t3\n", "x\ty\t3\nz\ty\t2\n", "a\tb\t3\na\tc\t3\n"])
def test_pairs_without_correlation(plane: WordVectors, tmp_path: Path, text: str) -> None:
    """With too few rows, none known or all alike, there is no correlation: NaN, and null in JSON."""
    scores = plane.evaluate_word_pairs(written(tmp_path, text))
    assert math.isnan(scores.spearman)
    assert math.isnan(scores.pearson)
    assert json.loads(json.dumps(scores.as_dict(), allow_nan=False))["spearman"] is None


def test_analogies_by_hand(plane: WordVectors, tmp_path: Path) -> None:
    """A : b is c : d. "B" is nearer, but is b in another case; with case it is the answer, a wrong one."""
    path = written(tmp_path, ": first\na b c d\nA B C D\na b c f\n: none\nx b c d\na b c\n")
    first, none = SectionScores("first", 2, 3, 3), SectionScores("none", 0, 0, 1)
    assert plane.evaluate_word_analogies(path) == AnalogyScores(2 / 3, 2, 3, 4, (first, none))
    assert plane.evaluate_word_analogies(path, case_insensitive=False).correct == 0


def test_analogies_without_headings(plane: WordVectors, tmp_path: Path) -> None:
    """Rows before any heading belong to a section without a name."""
    scores = plane.evaluate_word_analogies(written(tmp_path, "# comment\na b c d\n"))
    assert scores.sections == (SectionScores("", 1, 1, 1),)


def test_analogy_without_other_words(tmp_path: Path) -> None:
    """A vocabulary of nothing but the question has no answer."""
    vectors = WordVectors(list("abc"), np.eye(3, dtype=np.float32), np.array([3, 2, 1]))
    assert vectors.evaluate_word_analogies(written(tmp_path, ": s\na b c a\n")).correct == 0


def test_json_shapes() -> None:
    """The dictionaries have the keys that scripts rely on."""
    assert PairScores(0.5, 0.4, 3, 4).as_dict() == {"spearman": 0.5, "scored": 3, "rows": 4}
    section = SectionScores("s", 1, 2, 3)
    counts = {"accuracy": 0.5, "correct": 1, "scored": 2, "rows": 3}
    assert AnalogyScores(0.5, 1, 2, 3, (section,)).as_dict() == {**counts, "sections": [{"section": "s", **counts}]}


@pytest.mark.parametrize("method", ["evaluate_word_pairs", "evaluate_word_analogies"])
@pytest.mark.parametrize("content", [None, b"", b"# nothing\nbut prose\n", b"\xff\xfe\x00a"])
def test_bad_files(plane: WordVectors, tmp_path: Path, method: str, content: bytes | None) -> None:
    """A file that is missing, empty, of another form or not UTF-8 is one error of one line, with exit code 66."""
    path = tmp_path / "rows.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StreamerError) as caught:
        getattr(plane, method)(path)
    assert caught.value.code == ExitCode.NO_INPUT
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
