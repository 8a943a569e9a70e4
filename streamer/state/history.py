"""Loss, speed and vocabulary over the stream, in a table that stays small over months."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model.learner import BlockReport
from streamer.model.sgns import Loss

COLUMNS = ("words_seen", "words_trained", "vocabulary", "loss_total", "loss_weight", "seconds")
LIMIT = 2048
"""When there are so many rows, each two neighbours are merged into one."""


@attrs.define
class History:
    """A table with one row for each interval of the stream.

    Attributes:
        rows: For each interval the words seen and trained and the vocabulary at its end, the loss within it (a sum and
            its weight), and the seconds it took.
        resolution: Least number of trained words in a row; doubled whenever the table is full.
    """

    rows: list[list[float]] = attrs.field(factory=list)
    resolution: int = 1_000

    def add(self, report: BlockReport, seconds: float) -> None:
        """Record one block, and how long it took."""
        (total, weight), last = report.loss, self.rows[-1] if self.rows else None
        before = self.rows[-2][1] if len(self.rows) > 1 else 0.0
        if last and last[1] - before < self.resolution:
            total, weight, seconds = last[3] + total, last[4] + weight, last[5] + seconds
            self.rows.pop()
        now = [float(report.words_seen), float(report.words_trained), float(report.vocabulary)]
        self.rows.append([*now, total, weight, seconds])
        if len(self.rows) >= LIMIT:
            pairs = zip(self.rows[::2], self.rows[1::2], strict=True)
            self.rows = [b[:3] + [x + y for x, y in zip(a[3:], b[3:], strict=True)] for a, b in pairs]
            self.resolution *= 2

    def loss(self, words: float = 1e6) -> float | None:
        """Return the mean loss over about the last ``words`` words trained, None if nothing was measured."""
        last = self._last(words)
        return Loss(sum(row[3] for row in last), sum(row[4] for row in last)).mean

    def words_per_second(self, words: float = 1e6) -> float | None:
        """Return the speed over about the last ``words`` words trained, None if nothing was measured."""
        last = self._last(words)
        before = self.rows[-len(last) - 1][1] if len(last) < len(self.rows) else 0.0
        seconds = sum(row[5] for row in last)
        return (last[0][1] - before) / seconds if seconds else None

    def _last(self, words: float) -> list[list[float]]:
        """Return the rows of about the last ``words`` words trained, the last one first."""
        return [row for row in reversed(self.rows) if self.rows[-1][1] - row[1] < words]

    def to_arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """Return one float64 column for each name in :data:`COLUMNS`."""
        table = np.array(self.rows, np.float64).reshape(-1, len(COLUMNS))
        return {name: np.ascontiguousarray(table[:, number]) for number, name in enumerate(COLUMNS)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.float64]], resolution: int) -> History:
        """Return the history whose :meth:`to_arrays` returned these arrays."""
        return cls(np.stack([arrays[name] for name in COLUMNS], axis=1).tolist(), resolution)
