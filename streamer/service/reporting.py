"""What the log says of files: a line for each, or a sum of many from time to time."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable

import structlog

from streamer.intake.reasons import reason_class
from streamer.ledger.entries import COPY
from streamer.model.sgns import Loss
from streamer.service.progress import FileProgress

MANY = 20
"""Files of a backlog, or of a minute, up to which a terminal has a line for each."""
TERMINAL_SECONDS = 60.0
"""Seconds between sums on a terminal."""
EXAMPLES = 3
"""Refused files up to which there is a line for each, and of which a sum names the paths."""


class _Refused:
    """Files that were refused since the last sum, all for reasons of one weight."""

    def __init__(self, say: Callable[..., object]) -> None:
        self._say = say
        self._first: list[tuple[str, str]] = []
        self._reasons = Counter[str]()

    def add(self, path: str, reason: str) -> None:
        """Count a file."""
        self._reasons[reason_class(reason)] += 1
        if len(self._first) < EXAMPLES:
            self._first.append((path, reason))

    def flush(self) -> None:
        """Write a line for each if there are few, else a sum."""
        if (count := self._reasons.total()) > EXAMPLES:
            examples = [path for path, _ in self._first]
            self._say("files.skipped", files=count, reasons=dict(self._reasons.most_common()), examples=examples)
        else:
            for path, reason in self._first:
                self._say("file.skipped", path=path, reason=reason)


class Reporter:
    """Writes log lines about files.

    That a file was refused is a warning. That it is a copy is none: its text was trained, under another name.

    Args:
        every: Seconds between sums; 0 for a line for each file.
        terminal: Whether somebody looks at a live line: then a large backlog is summed up, and so are files that come
            one after the other all the time.
        clock: Returns seconds.
    """

    def __init__(self, every: float, *, terminal: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._every, self._terminal, self._clock = every, terminal, clock
        self._log = structlog.get_logger(__name__).bind()  # to look up how to log takes longer than to log a line
        self._many = self._steady = False
        self._small: deque[tuple[float, int]] = deque()  # backlogs of the last minute that were not large
        self._seconds = 0.0
        self._forget()

    def _forget(self) -> None:
        self._files: set[str] = set()  # a log that grows is one file
        self._words = self._bytes = self._admitted = self._vocabulary = self._records_skipped = 0
        self._loss = Loss(0.0, 0.0)
        self._refused, self._copies = _Refused(self._log.warning), _Refused(self._log.info)
        self._since: float | None = None

    @property
    def _sums_up(self) -> bool:
        return self._every > 0 or (self._terminal and (self._many or self._steady))

    def backlog(self, files: int) -> None:
        """Note how many files come next; with 0, all were trained, and a large backlog is summed up."""
        now = self._clock()
        many = files > 0 and (self._many or files > MANY)
        if files and not many:
            self._small.append((now, files))
        while self._small and self._small[0][0] <= now - TERMINAL_SECONDS:
            self._small.popleft()
        steady = sum(count for _, count in self._small) > MANY
        if (self._many and not many) or (self._steady and not steady):
            self.flush()
        self._many, self._steady = many, steady

    def worked(self, seconds: float) -> None:
        """Add the seconds of reading and training a file; write a sum if it is time."""
        self._seconds += seconds
        self.tick()

    def trained(self, file: FileProgress, vocabulary: int) -> None:
        """Report a file that was trained to its end."""
        more: dict[str, object] = {"records_skipped": file.skipped} if file.skipped else {}
        if file.encoding not in ("", "utf-8"):
            more["encoding"] = file.encoding
        say = self._log.debug if self._sums_up else self._log.info
        say(
            "file.trained",
            path=file.path,
            words=file.words,
            bytes=file.fresh,
            seconds=round(file.seconds, 3),
            words_per_second=round(file.words / file.seconds),
            loss=_rounded(file.loss),
            vocabulary=vocabulary,
            **more,
        )
        if file.admitted:
            say("vocabulary.grown", vocabulary=vocabulary, admitted=file.admitted)
        if self._sums_up:
            self._files.add(file.path)
            self._words += file.words
            self._bytes += file.fresh
            self._admitted += file.admitted
            self._vocabulary = vocabulary
            self._records_skipped += file.skipped
            self._loss = Loss(self._loss.total + file.loss.total, self._loss.weight + file.loss.weight)
            self._begin()

    def skipped(self, path: str, reason: str) -> None:
        """Report a file that was refused or given up."""
        copy = reason_class(reason) == COPY
        if not self._sums_up:
            (self._log.info if copy else self._log.warning)("file.skipped", path=path, reason=reason)
            return
        self._log.debug("file.skipped", path=path, reason=reason)
        (self._copies if copy else self._refused).add(path, reason)
        self._begin()

    def _begin(self) -> None:
        if self._since is None:
            self._since = self._clock()

    def tick(self) -> None:
        """Write a sum if it is time."""
        every = self._every or TERMINAL_SECONDS
        if self._since is not None and self._clock() - self._since >= every:
            self.flush()

    def flush(self) -> None:
        """Write a sum of what was not told yet."""
        if self._files:
            self._log.info(
                "files.trained",
                files=len(self._files),
                words=self._words,
                bytes=self._bytes,
                seconds=round(self._seconds, 3),
                words_per_second=round(self._words / max(self._seconds, 1e-9)),
                loss=_rounded(self._loss),
                vocabulary=self._vocabulary,
                admitted=self._admitted,
                records_skipped=self._records_skipped,
            )
            self._seconds = 0.0
        self._copies.flush()
        self._refused.flush()
        self._forget()


def _rounded(loss: Loss) -> float | None:
    return None if loss.mean is None else round(loss.mean, 4)
