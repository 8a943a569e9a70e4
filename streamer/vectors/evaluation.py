"""How good vectors are: word pairs with human scores, and analogies. The results are those of gensim's evaluators.

Both ignore case by default: of words that differ in case only, the most frequent stands for all. Both use only the
``restrict_vocab`` most frequent words. Rows with another word are left out or, with ``dummy4unknown``, count as failed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError
from streamer.vectors import correlation, similarity
from streamer.vectors.table import VectorTable

_PAIRS = 10_000  # pairs whose cosines are computed at once
_PIECE = 9 * 2**20  # cosines computed at once: 36 MB, 300 questions over 30,000 words


@dataclasses.dataclass(frozen=True)
class PairScores:
    """How well the cosines agree with human scores.

    Attributes:
        spearman: Rank correlation; NaN if fewer than two rows were scored.
        pearson: Linear correlation; NaN likewise.
        scored: Rows that were scored.
        rows: Rows of the file, without comments, headers and lines that are not word, word, number.

    """

    spearman: float
    pearson: float
    scored: int
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """Return what ``evaluate --json`` prints; JSON has no NaN, so NaN becomes null."""
        spearman = self.spearman if math.isfinite(self.spearman) else None
        return {"spearman": spearman, "scored": self.scored, "rows": self.rows}


@dataclasses.dataclass(frozen=True)
class SectionScores:
    """One section of an analogy file: its name, its number of rows, and how many were scored and solved."""

    section: str
    correct: int
    scored: int
    rows: int

    @property
    def accuracy(self) -> float:
        """Share of the scored rows that were solved; 0 if none was scored, as in gensim."""
        return self.correct / self.scored if self.scored else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return one entry of ``sections`` in ``evaluate --json``."""
        return {"section": self.section, "accuracy": self.accuracy, **_counts(self)}


@dataclasses.dataclass(frozen=True)
class AnalogyScores:
    """How many analogies the vectors solve, in all and by section; sections are in the order of the file."""

    accuracy: float
    correct: int
    scored: int
    rows: int
    sections: tuple[SectionScores, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``evaluate --json`` prints."""
        sections = [section.as_dict() for section in self.sections]
        return {"accuracy": self.accuracy, **_counts(self), "sections": sections}


def _counts(scores: SectionScores | AnalogyScores) -> dict[str, int]:
    return {"correct": scores.correct, "scored": scores.scored, "rows": scores.rows}


class _Vocabulary:
    """The words that an evaluation uses, found in any case.

    ``first`` maps a folded word to its index. ``stands_for``, (n,) int64, maps each index to the index of the word that
    stands for it. ``hidden`` maps an index to those it stands for, if there are any.
    """

    def __init__(self, words: list[str], case_insensitive: bool) -> None:
        self.fold = str.upper if case_insensitive else str
        self.first: dict[str, int] = {}
        self.hidden: dict[int, list[int]] = {}
        self.stands_for = np.arange(len(words), dtype=np.int64)
        for index, word in enumerate(words):
            first = self.first.setdefault(self.fold(word), index)
            if first != index:
                self.stands_for[index] = first
                self.hidden.setdefault(first, []).append(index)

    def find(self, *words: str) -> tuple[int, ...] | None:
        """Return the indices of words, or None if one is not known."""
        indices = tuple(self.first.get(self.fold(word), -1) for word in words)
        return None if -1 in indices else indices


def word_pairs(
    vectors: VectorTable,
    path: str | Path,
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    check: Callable[[], None] = lambda: None,
    vector_of: Callable[[str], similarity.Floats | None] | None = None,
) -> PairScores:
    """Correlate the cosines of word pairs with human scores.

    Args:
        vectors: The vectors to evaluate.
        path: A UTF-8 file of lines ``word, word, number``, separated by tabs or commas. Lines that begin with ``#``
            and lines of any other form, such as headers, are skipped.
        restrict_vocab: Use only this many of the most frequent words.
        case_insensitive: Whether to ignore case.
        dummy4unknown: Give pairs with an unknown word the cosine 0 instead of leaving them out.
        check: Called now and then; may raise to stop.
        vector_of: Returns the unit vector of a word, (D,), or None, in place of those of ``vectors``. It is asked for
            the known spelling of a word, or the word itself if it is not known.

    Raises:
        StreamerError: With exit code 66, if the file can't be read or has no such line.

    """
    vocabulary = _Vocabulary(vectors.index_to_key[:restrict_vocab], case_insensitive)
    rows, judgements, found = 0, [], []
    estimates: list[float] = []
    for line in _lines(path):
        row = _pair(line)
        if row is None:
            continue
        rows += 1
        if vector_of is not None:
            check()
            cosine = _estimated(vectors, vocabulary, row[:2], vector_of)
            if cosine is not None or dummy4unknown:
                judgements.append(row[2])
                estimates.append(cosine or 0.0)
            continue
        indices = vocabulary.find(*row[:2])
        if indices is not None or dummy4unknown:
            judgements.append(row[2])
            found.append(indices or (-1, -1))
    if not rows:
        raise _no_rows(path, "it has no line with two words and a number, separated by tabs or commas")
    pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
    cosines = np.zeros(len(pairs))
    for start in range(0, len(pairs), _PAIRS):
        check()
        piece = pairs[start : start + _PAIRS]
        # In float64, so that (a, b) and (b, a) give the same sum: pairs that should tie do.
        units = similarity.normalised(vectors.vectors[piece].astype(np.float64))
        cosines[start : start + _PAIRS] = np.where(piece[:, 0] < 0, 0.0, (units[:, 0] * units[:, 1]).sum(axis=1))
    if vector_of is not None:
        cosines = np.array(estimates)
    return PairScores(
        spearman=correlation.spearman(judgements, cosines),
        pearson=correlation.pearson(judgements, cosines),
        scored=len(judgements),
        rows=rows,
    )


def _estimated(
    vectors: VectorTable,
    vocabulary: _Vocabulary,
    words: tuple[str, str],
    vector_of: Callable[[str], similarity.Floats | None],
) -> float | None:
    """Return the cosine of two words by ``vector_of``, or None if one of them has no vector."""
    known = [vocabulary.find(word) for word in words]
    spellings = [word if at is None else vectors.index_to_key[at[0]] for word, at in zip(words, known, strict=True)]
    one, other = (vector_of(each) for each in spellings)
    return None if one is None or other is None else float(one.astype(np.float64) @ other.astype(np.float64))


def word_analogies(
    vectors: VectorTable,
    path: str | Path,
    restrict_vocab: int | None = 300_000,
    case_insensitive: bool = True,
    dummy4unknown: bool = False,
    check: Callable[[], None] = lambda: None,
) -> AnalogyScores:
    """Count the questions "a is to b as c is to …" whose answer is the word nearest to b - a + c.

    The words of the question, in any case, are not accepted as answers (3CosAdd; Mikolov, Yih and Zweig, 2013). gensim
    searches for it among the five nearest words only. The result differs if the words of a question have more than
    five spellings that differ in case.

    Args:
        vectors: The vectors to evaluate.
        path: A UTF-8 file of lines of four words, in sections that begin with ``: name``. Lines that begin with ``#``
            and lines of any other form are skipped; rows before the first section are in a section without a name.
        restrict_vocab: Use only this many of the most frequent words, for questions and for answers.
        case_insensitive: Whether to ignore case.
        dummy4unknown: Count rows with an unknown word as not solved instead of leaving them out.
        check: Called now and then; may raise to stop.

    Raises:
        StreamerError: With exit code 66, if the file can't be read or has no such line.

    """
    vocabulary = _Vocabulary(vectors.index_to_key[:restrict_vocab], case_insensitive)
    sections = []
    for name, questions in _sections(path):
        known = [found for words in questions if (found := vocabulary.find(*words)) is not None]
        correct = _solved(vectors.unit_vectors[:restrict_vocab], np.array(known, dtype=np.int64), vocabulary, check)
        scored = len(questions) if dummy4unknown else len(known)
        sections.append(SectionScores(name, correct, scored, rows=len(questions)))
    correct, scored, rows = (sum(getattr(s, name) for s in sections) for name in ("correct", "scored", "rows"))
    if not rows:
        raise _no_rows(path, "it has no line with four words")
    return AnalogyScores(correct / scored if scored else 0.0, correct, scored, rows, tuple(sections))


def _solved(
    units: npt.NDArray[np.float32],
    questions: npt.NDArray[np.int64],
    vocabulary: _Vocabulary,
    check: Callable[[], None],
) -> int:
    """Return how many questions, (n, 4) int64 word indices, the unit vectors, (V, D), solve."""
    correct = 0
    size = max(1, _PIECE // max(1, len(units)))
    for start in range(0, len(questions), size):
        check()
        piece = questions[start : start + size]
        a, b, c, expected = piece.T
        scores = (units[b] + units[c] - units[a]) @ units.T
        rows = np.arange(len(piece))
        scores[rows[:, None], piece[:, :3]] = -np.inf
        if vocabulary.hidden:
            for row, question in enumerate(piece[:, :3].tolist()):
                for index in question:
                    scores[row, vocabulary.hidden.get(index, [])] = -np.inf
        best = scores.argmax(axis=1)
        # If the question has all words of the vocabulary, the best is one of them, and not an answer.
        answered = scores[rows, best] > -np.inf
        correct += int(np.count_nonzero(answered & (vocabulary.stands_for[best] == expected)))
    return correct


def _pair(line: str) -> tuple[str, str, float] | None:
    """Return a line's two words and number, or None if it is of another form."""
    fields = [field.strip() for field in line.split("\t" if "\t" in line else ",")]
    if len(fields) != 3:
        return None
    try:
        judgement = float(fields[2])
    except ValueError:
        return None
    return (fields[0], fields[1], judgement) if math.isfinite(judgement) else None


def _sections(path: str | Path) -> list[tuple[str, list[list[str]]]]:
    """Return the sections of an analogy file, in order: name and rows of four words."""
    sections: list[tuple[str, list[list[str]]]] = []
    for line in _lines(path):
        words = line.split()
        if line.startswith(":"):
            sections.append((line.lstrip(": ").strip(), []))
        elif len(words) == 4:
            if not sections:
                sections.append(("", []))
            sections[-1][1].append(words)
    return sections


def _lines(path: str | Path) -> Iterator[str]:
    """Yield the lines of a file, without comments."""
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            yield from (line for line in file if not line.startswith("#"))
    except UnicodeDecodeError:
        raise StreamerError(f"cannot read {path}: it is not UTF-8", code=ExitCode.NO_INPUT) from None
    except (OSError, ValueError) as error:  # the second for a name with a NUL
        problem = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        raise StreamerError(problem, code=ExitCode.NO_INPUT) from None


def _no_rows(path: str | Path, reason: str) -> StreamerError:
    return StreamerError(f"cannot evaluate with {path}: {reason}", code=ExitCode.NO_INPUT)
