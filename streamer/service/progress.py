"""The progress of a file, and where it is shown: nowhere, or on the live line of a terminal."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

import attrs

from streamer.model.learner import BlockReport
from streamer.model.sgns import Loss


@attrs.define
class FileProgress:
    """The progress of a file in training: the bytes of its text, how many of them are new, and the totals so far.

    ``encoding`` is how it is read. ``skipped`` counts the records that were not trained, because they are broken or too
    large.
    """

    path: str
    size: int
    fresh: int
    encoding: str = ""
    words: int = 0
    admitted: int = 0
    seconds: float = 0.0
    skipped: int = 0
    loss: Loss = attrs.field(factory=lambda: Loss(0.0, 0.0))

    def add(self, report: BlockReport, seconds: float) -> None:
        """Add a block."""
        self.words += report.tokens
        self.admitted += report.admitted
        self.seconds += seconds
        self.loss = Loss(self.loss.total + report.loss.total, self.loss.weight + report.loss.weight)

    @property
    def mean_loss(self) -> float | None:
        """The mean loss so far, None if nothing was measured."""
        return self.loss.total / self.loss.weight if self.loss.weight else None


class Display:
    """Shows nothing: for pipes and logs. :class:`LiveDisplay` shows the same events on a terminal."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def file(self, path: str, size: int, backlog: int) -> None:
        """Begin a file of ``size`` bytes, with ``backlog`` files after it."""

    def block(self, offset: int, words: int, loss: float | None, vocabulary: int) -> None:
        """Add a block: the offset in the file after it, its words, the file's loss so far."""

    def idle(self, waiting: int) -> None:
        """Show that there is nothing to train, and how many files are not still yet."""

    def echo(self, line: str) -> None:
        """Print a line of output, if anyone still reads it."""
        with contextlib.suppress(OSError):
            print(line, flush=True)
