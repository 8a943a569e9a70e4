"""The progress of a file, and where it is shown: nowhere, or on the live line of a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
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
    words: int = 0
    admitted: int = 0
    seconds: float = 0.0
    skipped: int = 0
    loss: Loss = attrs.field(factory=lambda: Loss(0.0, 0.0))
    encoding: str = ""

    def add(self, report: BlockReport, seconds: float) -> None:
        """Add a block."""
        self.words += report.tokens
        self.admitted += report.admitted
        self.seconds += seconds
        self.loss = Loss(self.loss.total + report.loss.total, self.loss.weight + report.loss.weight)


class Display:
    """Shows nothing: for pipes and logs. :class:`LiveDisplay` shows the same events on a terminal.

    Attributes:
        live: Whether somebody looks at it.
    """

    live = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def epoch(self, number: int, epochs: int) -> None:
        """Begin an epoch of several; what was to be done before is done."""

    def backlog(self, files: int, size: int) -> None:
        """Begin with so many files, of so many bytes in all; 0 if there is nothing to train."""

    def waiting(self, files: int) -> None:
        """Note how many files are not still yet."""

    def file(self, path: str, size: int) -> None:
        """Begin a file of ``size`` bytes on disk."""

    def reached(self, share: float) -> None:
        """Note that so much of the file has been handed over to training."""

    def block(self, words: int, loss: Callable[[], float | None], vocabulary: int) -> None:
        """Add a block that was trained: its words, what returns the loss now, the size of the vocabulary."""

    def done(self) -> None:
        """End the file, trained or not."""

    def scoring(self) -> None:
        """Show that the vectors are being scored, until the next event."""

    def saving(self) -> None:
        """Show that only the last checkpoint is still to be written."""

    def idle(self) -> None:
        """Show that there is nothing to train."""

    def echo(self, line: str) -> None:
        """Print a line of output, if anyone still reads it."""
        with contextlib.suppress(OSError):
            print(line, flush=True)
