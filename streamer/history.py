"""What happened so far, thinned so that it stays small over months."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model.sgns import Loss
from streamer.model.training import BlockReport

COLUMNS = ("words_seen", "words_trained", "vocabulary", "loss_total", "loss_weight", "seconds")
LIMIT = 2048
"""Rows at which neighbours are merged, two into one."""
SCORES_LIMIT = 4096
"""Scores at which half of the moments or more are given up."""


@attrs.define
class History:
    """A table with one row for each stretch of the stream.

    Attributes:
        rows: For each stretch the words seen and trained and the vocabulary at its end, the loss within it (a sum and
            its weight), and the seconds it took.
        resolution: Words trained that a row holds at least; doubled whenever the table is full.
    """

    rows: list[list[float]] = attrs.field(factory=list)
    resolution: int = 1_000

    def add(self, report: BlockReport, seconds: float) -> None:
        """Record one block, and how long it took."""
        now = [float(report.words_seen), float(report.words_trained), float(report.vocabulary)]
        spent = [report.loss.total, report.loss.weight, seconds]
        before = self.rows[-2][1] if len(self.rows) > 1 else 0.0
        if self.rows and self.rows[-1][1] - before < self.resolution:
            self.rows[-1] = now + [old + new for old, new in zip(self.rows[-1][3:], spent, strict=True)]
        else:
            self.rows.append(now + spent)
        if len(self.rows) >= LIMIT:
            pairs = zip(self.rows[::2], self.rows[1::2], strict=True)
            self.rows = [b[:3] + [x + y for x, y in zip(a[3:], b[3:], strict=True)] for a, b in pairs]
            self.resolution *= 2

    def loss(self, words: float = 1e6) -> float | None:
        """Return the mean loss over about the last so many words trained, None where nothing was measured."""
        last = self._last(words)
        weight = sum(row[4] for row in last)
        return sum(row[3] for row in last) / weight if weight else None

    def words_per_second(self, words: float = 1e6) -> float | None:
        """Return the speed over about the last so many words trained, None where nothing was measured."""
        last = self._last(words)
        before = self.rows[-len(last) - 1][1] if len(last) < len(self.rows) else 0.0
        seconds = sum(row[5] for row in last)
        return (last[0][1] - before) / seconds if seconds else None

    def _last(self, words: float) -> list[list[float]]:
        """Return the rows of about the last so many words trained, the last one first."""
        return [row for row in reversed(self.rows) if self.rows[-1][1] - row[1] < words]

    def to_arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return one float64 column for each name in :data:`COLUMNS`."""
        table = np.array(self.rows, np.float64).reshape(-1, len(COLUMNS))
        return {name: np.ascontiguousarray(table[:, number]) for number, name in enumerate(COLUMNS)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.float64]], resolution: int) -> History:
        """Return the history that :meth:`to_arrays` came from."""
        return cls(np.stack([arrays[name] for name in COLUMNS], axis=1).tolist(), resolution)


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
        if len(self.rows) >= SCORES_LIMIT:
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


@attrs.frozen
class Origin:
    """With what a model began: with nothing, or with vectors that were trained elsewhere.

    Attributes:
        name: The file they came from; empty if from none.
        sha256: The digest of that file in hexadecimal.
        words: How many words it brought.
        words_seen: How often these are counted as seen before there was any text.
    """

    name: str = ""
    sha256: str = ""
    words: int = 0
    words_seen: int = 0


@attrs.define
class EpochLosses:
    """The loss of each epoch of a ``train`` command, kept so that a command that was killed can go on with it.

    Attributes:
        job: What the command was asked to train; another job starts from nothing.
        losses: For each epoch the sum of losses and its weight.
    """

    job: str = ""
    losses: list[Loss] = attrs.field(factory=list)

    def begin(self, job: str) -> None:
        """Start the table of a job, or go on with it if it is the one that was under way."""
        if self.job != job:
            self.job, self.losses = job, []

    def add(self, epoch: int, loss: Loss) -> None:
        """Add the loss of a block to its epoch, counted from 0."""
        while len(self.losses) <= epoch:
            self.losses.append(Loss(0.0, 0.0))
        old = self.losses[epoch]
        self.losses[epoch] = Loss(old.total + loss.total, old.weight + loss.weight)

    def mean(self, epoch: int) -> float | None:
        """Return the mean loss of an epoch, None where nothing was measured."""
        if epoch >= len(self.losses) or not self.losses[epoch].weight:
            return None
        return self.losses[epoch].total / self.losses[epoch].weight


@attrs.define
class FileProgress:
    """What is known of a file whose blocks are being trained: its text in bytes, how much of it is new, and so far."""

    path: str
    size: int
    fresh: int
    words: int = 0
    admitted: int = 0
    seconds: float = 0.0
    loss: Loss = attrs.field(factory=lambda: Loss(0.0, 0.0))

    def add(self, report: BlockReport, seconds: float) -> None:
        """Take note of a block."""
        self.words += report.tokens
        self.admitted += report.admitted
        self.seconds += seconds
        self.loss = Loss(self.loss.total + report.loss.total, self.loss.weight + report.loss.weight)

    @property
    def mean_loss(self) -> float | None:
        """The mean loss so far, None where nothing was measured."""
        return self.loss.total / self.loss.weight if self.loss.weight else None
