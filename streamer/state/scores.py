"""Scores of the vectors in tests, over the stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

LIMIT = 4096
"""Number of scores at which at least half of the moments are dropped."""


class Score(NamedTuple):
    """What the vectors scored in one test at one moment of the stream."""

    words_trained: int
    test: str
    score: float
    scored: int
    rows: int


@attrs.define
class Scores:
    """Scores over the stream, thinned so that they stay few over months.

    Attributes:
        rows: In the order of the stream; for each moment one of each test. A test is called by what it measures and by
            the name of its file: ``pairs wordsim353.tsv``, ``analogies questions-words.txt``.
    """

    rows: list[Score] = attrs.field(factory=list)

    def add(self, scores: Iterable[Score]) -> None:
        """Record the scores of one moment.

        If there are too many by then, half of them or more are given up: of each stretch of the stream the last moment
        stays, so that what is left lies evenly over all of it.
        """
        self.rows.extend(scores)
        if len(self.rows) >= LIMIT:
            moments = sorted({row.words_trained for row in self.rows})
            # A power of two, so that stretches are halves of later ones.
            stretch = 1 << (2 * (moments[-1] - moments[0]) // len(moments)).bit_length()
            kept = set({moment // stretch: moment for moment in moments}.values())
            self.rows = [row for row in self.rows if row.words_trained in kept]

    @property
    def tests(self) -> list[str]:
        """The names of all tests, in the order in which they were first made."""
        return list(dict.fromkeys(row.test for row in self.rows))

    def latest(self) -> list[Score]:
        """Return the last score of each test."""
        return list({row.test: row for row in self.rows}.values())

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return a column for each part of a row; for its test, the position in :attr:`tests`."""
        number = {test: index for index, test in enumerate(self.tests)}
        return {
            "words_trained": np.array([row.words_trained for row in self.rows], np.int64),
            "test": np.array([number[row.test] for row in self.rows], np.int64),
            "score": np.array([row.score for row in self.rows], np.float64),
            "scored": np.array([row.scored for row in self.rows], np.int64),
            "rows": np.array([row.rows for row in self.rows], np.int64),
        }

    @classmethod
    def from_arrays(cls, tests: list[str], arrays: dict[str, npt.NDArray[Any]]) -> Scores:
        """Return what :meth:`to_arrays` came from."""
        names = [tests[number] for number in arrays["test"].tolist()]
        columns = (arrays[name].tolist() for name in ("words_trained", "score", "scored", "rows"))
        return cls([Score(at, test, *rest) for test, at, *rest in zip(names, *columns, strict=True)])
