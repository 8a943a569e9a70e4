"""Logs: one line an event on stderr, for people on a terminal and as JSON elsewhere."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import TYPE_CHECKING, Any, cast

import structlog

from streamer.system.printable import printable

if TYPE_CHECKING:
    from rich.console import Console
    from structlog.typing import EventDict


def configure(log_format: str, level: str, console: Console) -> None:
    """Send every log line to a console's stream, in a form that suits it.

    Args:
        log_format: ``console``, ``json``, or ``auto`` for console on a terminal and JSON elsewhere.
        level: The lowest level to be shown.
        console: Where to; a live display on it stays below the lines.
    """
    pretty = log_format == "console" or (log_format == "auto" and console.is_terminal)
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=console.is_terminal, pad_event_to=20, sort_keys=False)
        if pretty
        else structlog.processors.JSONRenderer()
    )
    file = _ConsoleFile(console)
    logger = structlog.WriteLogger(cast(Any, file))
    structlog.configure(
        processors=[
            file.tell_of_loss,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if not pretty else "%H:%M:%S", utc=not pretty),
            structlog.processors.dict_tracebacks if not pretty else structlog.dev.set_exc_info,
            *([_readable] if pretty else []),  # JSON has numbers, and escapes of its own
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: logger,
        cache_logger_on_first_use=False,
    )
    threading.excepthook = _thread_failed


def _readable(logger: object, method: str, line: EventDict) -> EventDict:
    """Write the facts of a line as a person would."""
    return {name: value if name == "pid" else _as_text(value) for name, value in line.items()}


def _as_text(value: object) -> object:
    """Return figures with commas, a count of each kind in words, and what a terminal would act on as an escape."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{number:,} {kind}" for kind, number in value.items() if number) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return printable(value) if isinstance(value, str) else value


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """Log what ended a thread, which Python would print as lines that are no log lines."""
    name = failure.thread.name if failure.thread else ""
    problem = f"{failure.exc_type.__name__}: {failure.exc_value}"
    structlog.get_logger(__name__).error("thread.failed", thread=name, problem=problem)


class _ConsoleFile:
    """A file that prints whole lines above whatever live display the console shows.

    Who reads the log may go away, or the disk that it goes to fill up; that is no reason to stop training. Lines that
    can't be written are counted, and the next one that can carries their number.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_terminal = console.is_terminal  # which Rich asks the environment about, each time
        self._lost = 0
        self._torn = b""  # what ends a line of which a part was written

    def write(self, line: str) -> None:
        try:
            self._print(line)
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def tell_of_loss(self, logger: object, method: str, line: EventDict) -> EventDict:
        """Add the number of lines lost before this one, if any were, as structlog's processors do."""
        return {**line, "lines_lost": self._lost} if self._lost else line

    def _print(self, line: str) -> None:
        if self._is_terminal:
            from rich.text import Text

            self._console.print(Text.from_ansi(line.removesuffix("\n")), soft_wrap=True)
        elif file := self._console.file:
            # Not through the file's buffer, which would keep what it can't write, and half a line of what it can.
            data = memoryview(self._torn + line.encode("utf-8", "backslashreplace"))
            written = 0
            try:
                while written < len(data):
                    written += os.write(file.fileno(), data[written:])
            finally:
                if written:
                    self._torn = b"" if written == len(data) else b"\n"

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._console.file.flush()
