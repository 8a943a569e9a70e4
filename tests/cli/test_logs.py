"""Log lines: for people on a terminal, as JSON elsewhere, and what becomes of those that can't be written."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import pytest
import structlog
from rich.console import Console

from streamer.cli import logs
from streamer.cli.live import LiveDisplay

from ..support.corpus import put
from ..support.process import done
from ..support.terminal import CODES

ESCAPE = "\x1b"


def test_log_lines(tmp_path: Path) -> None:
    """Log lines in JSON carry time, level and a dotted event, the contract's among them; console lines are plain."""
    put(tmp_path / "inbox" / "a.txt", "one two three\n" * 10)
    put(tmp_path / "inbox" / "empty.txt", "")
    done("watch", "inbox", "--once", folder=tmp_path)
    put(tmp_path / "inbox" / "b.txt", "four five six\n" * 10)
    lines = [json.loads(line) for line in done("watch", "inbox", "--once", folder=tmp_path).stderr.splitlines()]
    for line in lines:
        assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
        assert line["level"] in ("info", "warning", "error")
        assert re.fullmatch(r"[a-z]+\.[a-z]+", line["event"])
    events = [
        "checkpoint.resumed",
        "service.started",
        "inbox.watched",
        "file.trained",
        "vocabulary.grown",
        "checkpoint.saved",
    ]
    assert [line["event"] for line in lines] == [*events, "service.stopped"]
    grown = next(line for line in lines if line["event"] == "vocabulary.grown")
    assert (grown["vocabulary"], grown["admitted"]) == (6, 3)

    put(tmp_path / "inbox" / "c.txt", "seven\n")
    plain = done("watch", "inbox", "--once", "--log-format", "console", folder=tmp_path).stderr
    assert "file.trained" in plain and ESCAPE not in plain


Configured = Callable[..., Console]


@pytest.fixture
def configure() -> Iterator[Configured]:
    """Return what configures the log for a file, and give the hook of threads back."""
    hook = threading.excepthook

    def to(file: TextIO, form: str = "auto", level: str = "info", *, terminal: bool = False) -> Console:
        console = Console(file=file, force_terminal=terminal, width=200, highlight=False, color_system="truecolor")
        logs.configure(form, level, console)
        return console

    yield to
    threading.excepthook = hook


@pytest.fixture
def file(tmp_path: Path) -> Iterator[TextIO]:
    """Return a file to log to."""
    with (tmp_path / "log").open("w", encoding="ascii") as file:  # no lines of log depend on the locale
        yield file


def lines(file: TextIO) -> list[dict[str, Any]]:
    """Return the lines in a file as JSON."""
    return [json.loads(line) for line in Path(file.name).read_text().splitlines()]


def test_json_where_nobody_looks(configure: Configured, file: TextIO) -> None:
    """One document a line, with level and time in UTC, and facts as they are: numbers, lists, any letter."""
    configure(file)
    facts = {
        "number": 1_234_567,
        "share": 0.25,
        "none": None,
        "list": ["a", "b"],
        "kinds": {"x": 2},
        "name": "日\n\x1b",
    }
    structlog.get_logger().warning("some.event", **facts)
    (line,) = lines(file)
    assert {**line, **facts, "event": "some.event", "level": "warning"} == line
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
    assert line.keys() == {*facts, "event", "level", "timestamp"}


def test_lines_for_people(configure: Configured, file: TextIO) -> None:
    """Figures have commas and few digits, counts by kind are words, a process is named by a plain number."""
    configure(file, "console")
    facts: dict[str, Any] = {
        "pid": 1234567, "words": 1_234_567, "share": 0.123456, "large": 12345.6, "yes": True,
        "files": {"trained": 1_234, "skipped": 0}, "none": {"trained": 0}, "reasons": {"empty": 7}, "both": ["a", "b"],
        "name": "x\x1b[31m\n",
    }  # fmt: skip
    structlog.get_logger().info("some.event", **facts)
    (line,) = Path(file.name).read_text().splitlines()
    assert re.match(r"\d\d:\d\d:\d\d \[info +\] some\.event ", line)
    wanted = [
        *("pid=1234567", "words=1,234,567", "share=0.1235", "large=12,346", "yes=True", "files='1,234 trained'"),
        *("none=none", "both='a, b'", "reasons='7 × empty'"),
    ]
    assert [fact for fact in wanted if fact not in line] == []
    assert "\x1b" not in line and "x\\" in line


@pytest.mark.parametrize(
    ("form", "terminal", "pretty"),
    [("auto", True, True), ("auto", False, False), ("console", False, True), ("json", True, False)],
)
def test_the_form_suits_the_stream(configure: Configured, form: str, terminal: bool, pretty: bool) -> None:
    """By itself for people on a terminal and JSON elsewhere; else as was asked for. Colours are for terminals only."""
    file = io.StringIO()
    if terminal:
        configure(file, form, terminal=True)
        structlog.get_logger().info("some.event", path="a.txt")
        shown = file.getvalue()
    else:
        with tempfile.TemporaryFile("w+") as real:
            configure(real, form)
            structlog.get_logger().info("some.event", path="a.txt")
            real.seek(0)
            shown = real.read()
    assert shown.count("\n") == 1
    assert ("\x1b[" in shown) == (terminal and pretty)
    assert shown.startswith("{") != pretty


def test_less_important_lines_are_left_out(configure: Configured, file: TextIO) -> None:
    """Those below the level that was asked for."""
    configure(file, level="warning")
    log = structlog.get_logger()
    for method in (log.debug, log.info, log.warning, log.error):
        method("some.event")
    assert [line["level"] for line in lines(file)] == ["warning", "error"]


def test_a_logger_that_was_made_before(configure: Configured, file: TextIO) -> None:
    """Modules make theirs when they are imported: those log where and how it is said later, each time anew."""
    log = structlog.get_logger("streamer.some.module")
    configure(file)
    log.info("first.event")
    with tempfile.TemporaryFile("w+") as other:
        configure(other, level="error")
        log.info("second.event")
    assert [line["event"] for line in lines(file)] == ["first.event"]


def test_a_line_stays_above_the_live_one(configure: Configured) -> None:
    """On a terminal a long line is not broken by us, and its brackets are no markup."""
    file = io.StringIO()
    console = configure(file, terminal=True)
    with LiveDisplay(console):
        structlog.get_logger().info("some.event", path="[red]" + "x" * 300)
    shown = CODES.sub("", file.getvalue())
    (line,) = [line for line in shown.splitlines() if "some.event" in line]
    assert "[red]" + "x" * 300 in line


def test_an_error_is_told_with_its_place(configure: Configured, file: TextIO) -> None:
    """In JSON a traceback is data in the same line."""
    configure(file)
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        structlog.get_logger().exception("some.failure")
    (line,) = lines(file)
    assert line["exception"][0]["exc_type"] == "ZeroDivisionError"


def test_what_ends_a_thread_is_a_line(configure: Configured, file: TextIO) -> None:
    """Python would print lines that are no log lines."""
    configure(file)
    thread = threading.Thread(target=lambda: 1 // 0, name="checkpoint")
    thread.start()
    thread.join()
    (line,) = lines(file)
    assert (line["event"], line["level"], line["thread"]) == ("thread.failed", "error", "checkpoint")
    assert line["problem"].startswith("ZeroDivisionError")


@contextlib.contextmanager
def pipe() -> Iterator[tuple[TextIO, int]]:
    """Return a pipe of one page, as a file to log to and what its reader reads from; writing to it never waits."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.set_blocking(reader, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(writer, "w") as file:
        try:
            yield file, reader
        finally:
            os.close(reader)


def test_lost_lines_are_counted(configure: Configured) -> None:
    """Where nobody takes the lines, none is an error; the first that can be written again carries their number."""
    with pipe() as (file, reader):
        configure(file)
        log = structlog.get_logger()
        log.info("first.event", filler="x" * 4096)  # more than there is room for
        for number in range(4):
            log.info("lost.event", number=number)
        taken = os.read(reader, 8192).decode()
        log.info("next.event")
        log.info("last.event")
        rest = os.read(reader, 8192).decode()
    # What was written of the first line is ended, so that the next one begins a line of its own.
    assert "\n" not in taken and rest[0] == "\n"
    told = [json.loads(line) for line in rest.splitlines()[1:]]
    assert [(line["event"], line.get("lines_lost")) for line in told] == [("next.event", 5), ("last.event", None)]


def test_a_disk_that_is_full(configure: Configured, tmp_path: Path) -> None:
    """No line is an error, nor is the end; nothing is kept back that comes up later without having been asked."""
    with Path("/dev/full").open("w") as full:
        configure(full)
        log = structlog.get_logger()
        for _ in range(3):
            log.info("lost.event")
    with (tmp_path / "log").open("w") as file:
        configure(file)
        log.info("next.event")
        assert [line["event"] for line in lines(file)] == ["next.event"]


def test_no_stderr_at_all(configure: Configured) -> None:
    """A process may have been started without: nothing is written, and nothing fails."""
    with contextlib.redirect_stderr(None):
        logs.configure("auto", "info", Console(stderr=True))
        structlog.get_logger().info("some.event")
