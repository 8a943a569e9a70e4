"""Logs: one line an event on stderr, for people on a terminal and as JSON elsewhere."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING, Any, cast

import structlog

if TYPE_CHECKING:
    from rich.console import Console


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
    logger = structlog.WriteLogger(cast(Any, _ConsoleFile(console)))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if not pretty else "%H:%M:%S", utc=not pretty),
            structlog.processors.dict_tracebacks if not pretty else structlog.dev.set_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: logger,
        cache_logger_on_first_use=False,
    )
    threading.excepthook = _thread_failed


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """Log what ended a thread, which Python would print as lines that are no log lines."""
    name = failure.thread.name if failure.thread else ""
    problem = f"{failure.exc_type.__name__}: {failure.exc_value}"
    structlog.get_logger(__name__).error("thread.failed", thread=name, problem=problem)


class _ConsoleFile:
    """A file that prints whole lines above whatever live display the console shows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_terminal = console.is_terminal  # which Rich asks the environment about, each time

    def write(self, line: str) -> None:
        # Who reads the log may go away; that is no reason to stop training.
        with contextlib.suppress(OSError):
            self._print(line)

    def _print(self, line: str) -> None:
        if self._is_terminal:
            from rich.text import Text

            self._console.print(Text.from_ansi(line.removesuffix("\n")), soft_wrap=True)
        else:
            self._console.file.write(line)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._console.file.flush()
