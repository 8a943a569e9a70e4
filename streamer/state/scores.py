"""Scores of the vectors in tests, over the stream."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

LIMIT = 4096
"""When there are so many scores, at least half of the moments are dropped."""


class Score(NamedTuple):
    """The score of the vectors in one test at one moment of the stream."""

    words_trained: int
    test: str
    score: float
    scored: int
    rows: int


@attrs.define
class Scores:
    """Scores over the stream; old moments are dropped so that the table stays small over months.

    Attributes:
        rows: In the order of the stream; one per test at each moment. The name of a test is what it measures and the
            name of its file: ``pairs wordsim353.tsv``, ``analogies questions-words.txt``.
    """

    rows: list[Score] = attrs.field(factory=list)

    def add(self, scores: Iterable[Score]) -> None:
        """Record the scores of one moment.

        If there are too many then, at least half are dropped: in each interval of the stream only the last moment
        stays, so that the rest is spread evenly over the stream.
        """
        self.rows.extend(scores)
        if len(self.rows) >= LIMIT:
            moments = sorted({row.words_trained for row in self.rows})
            # A power of two, so that later intervals consist of whole earlier ones.
            stretch = 1 << (2 * (moments[-1] - moments[0]) // len(moments)).bit_length()
            kept = set({moment // stretch: moment for moment in moments}.values())
            self.rows = [row for row in self.rows if row.words_trained in kept]

    @property
    def tests(self) -> list[str]:
        """The names of all tests, in the order of their first score."""
        return list(dict.fromkeys(row.test for row in self.rows))

    def latest(self) -> list[Score]:
        """Return the last score of each test."""
        return list({row.test: row for row in self.rows}.values())

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return one column of length n for each field of a row; a test is its position in :attr:`tests`."""
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
        """Return the scores whose :meth:`to_arrays` returned these arrays."""
        names = [tests[number] for number in arrays["test"].tolist()]
        columns = (arrays[name].tolist() for name in ("words_trained", "score", "scored", "rows"))
        return cls([Score(at, test, *rest) for test, at, *rest in zip(names, *columns, strict=True)])
