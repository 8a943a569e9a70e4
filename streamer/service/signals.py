"""SIGTERM, Ctrl-C and the end of the terminal: the first asks for a clean stop, the second ends the process at once.

A signal counts as the second only if it comes a moment later. Shells and wrappers pass on what the kernel has already
sent to all processes, so one request can arrive twice; the end of a terminal nearly always does.

This module imports very little: a trainer handles signals before the slow imports begin.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ECHO_SECONDS = 0.1
SHOW_CURSOR = b"\x1b[?25h\n"


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """Raised where it is safe to stop, after a signal has asked for it."""


class StopSignals:
    """A context in which signals only set a flag, which a loop checks between blocks; after it, they do nothing.

    The process should end soon after: everything is saved by then, and a signal during the shutdown of the interpreter
    would change the exit code.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._when = 0.0

    def check(self) -> None:
        """Raise :class:`Stopped` if a signal has asked for it."""
        if self.received:
            raise Stopped

    def __enter__(self) -> Self:
        for number in SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it
                signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)  # unlike a handler in Python, it works to the end of the process

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.received and (number == signal.SIGHUP or now - self._when < ECHO_SECONDS):
            return
        if self.received:
            # Checkpoints are published by a rename, so an exit now leaves none half-written.
            with contextlib.suppress(OSError):
                if os.isatty(2):
                    os.write(2, SHOW_CURSOR)  # which a live display hides
            os._exit(128 + number)
        self.received, self._when = signal.Signals(number), now
