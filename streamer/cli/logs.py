"""Logs: one line per event on stderr, for people on a terminal and as JSON elsewhere."""

from __future__ import annotations

import json
import logging
import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import structlog

from streamer.system.printable import printable

if TYPE_CHECKING:
    from rich.console import Console
    from structlog.typing import EventDict, Processor


def configure(log_format: str, level: str, console: Console) -> None:
    """Send log lines to the stream of a console, as text or as JSON.

    Args:
        log_format: ``console``, ``json``, or ``auto`` for console on a terminal and JSON elsewhere.
        level: The lowest level shown.
        console: The console; a live display on it stays below the lines.
    """
    pretty = log_format == "console" or (log_format == "auto" and console.is_terminal)
    file = _ConsoleFile(console)
    logger = structlog.WriteLogger(cast(Any, file))
    structlog.configure(
        processors=[file.tell_of_loss, *(_for_people(console) if pretty else [_json])],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda *_: logger,
        cache_logger_on_first_use=False,
    )
    threading.excepthook = _thread_failed


def _for_people(console: Console) -> list[Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
        structlog.dev.set_exc_info,
        _readable,
        structlog.dev.ConsoleRenderer(colors=console.is_terminal, pad_event_to=20, sort_keys=False),
    ]


_encode = json.JSONEncoder(default=repr).encode


def _json(logger: object, method: str, line: EventDict) -> str:
    """Return a line as JSON. It is one step, for there may be a line for each of many small files."""
    line["level"], line["timestamp"] = method, f"{datetime.now(UTC).replace(tzinfo=None).isoformat()}Z"
    if "exc_info" in line:
        line = structlog.processors.dict_tracebacks(logger, method, line)
    return _encode(line)


def _readable(logger: object, method: str, line: EventDict) -> EventDict:
    """Format the values of a line for people."""
    times = {"reasons": " × "}  # "50 a copy of another file" would read badly
    return {name: value if name == "pid" else _as_text(value, times.get(name, " ")) for name, value in line.items()}


def _as_text(value: object, times: str = " ") -> object:
    """Format numbers with commas, counts by kind in words, and control characters as escapes."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{number:,}{times}{kind}" for kind, number in value.items() if number) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return printable(value) if isinstance(value, str) else value


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """Log the error that ended a thread. Python would print a traceback, which is not a log line."""
    name = failure.thread.name if failure.thread else ""
    problem = f"{failure.exc_type.__name__}: {failure.exc_value}"
    structlog.get_logger(__name__).error("thread.failed", thread=name, problem=problem)


class _ConsoleFile:
    """A file that prints complete lines, above the live display of the console if there is one.

    The reader of the log may exit, or its disk may be full; training continues. Lines that can't be written are
    counted, and the next one that can be written has their number.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_terminal = console.is_terminal  # Rich would read the environment each time
        self._lost = 0
        self._torn = b""  # ends a line that was written only in part

    def write(self, line: str) -> None:
        try:
            self._print(line)
        except OSError:
            self._lost += 1
        else:
            self._lost = 0

    def tell_of_loss(self, logger: object, method: str, line: EventDict) -> EventDict:
        """Add the number of lines lost before this one, if there are any: a processor for structlog."""
        return {**line, "lines_lost": self._lost} if self._lost else line

    def _print(self, line: str) -> None:
        if self._is_terminal:
            from rich.text import Text

            self._console.print(Text.from_ansi(line.removesuffix("\n")), soft_wrap=True)
        elif file := self._console.file:
            # Not through the file's buffer: it would keep what it can't write, and write half lines.
            data = memoryview(self._torn + line.encode("utf-8", "backslashreplace"))
            written = 0
            try:
                while written < len(data):
                    written += os.write(file.fileno(), data[written:])
            finally:
                if written:
                    self._torn = b"" if written == len(data) else b"\n"

    def flush(self) -> None:
        """Do nothing: each line is written at once."""
