"""Log lines about files: one for each, or sums of many in which nothing is lost or told twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from streamer.model.sgns import Loss
from streamer.service.progress import FileProgress
from streamer.service.reporting import EXAMPLES, MANY, TERMINAL_SECONDS, Reporter

NO_TEXT = "not text in utf-8: {} % of its characters can't be decoded (limit 1 %); see --encoding"


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        """Return the seconds that it shows."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """Return the log lines so far."""
    with capture_logs() as lines:
        yield lines


def a_file(number: int = 0, *, admitted: int = 0, skipped: int = 0) -> FileProgress:
    """Return a file of a hundred words that was trained, with a loss of 2."""
    return FileProgress(f"{number}.txt", 600, 600, 100, admitted, 0.5, skipped, Loss(200.0, 100.0))


def shown(log: list[Any], level: str = "info") -> list[Any]:
    """Return the lines that are shown from a level on."""
    return [line for line in log if line["log_level"] != "debug" or level == "debug"]


def test_a_line_for_each(clock: Clock, log: list[Any]) -> None:
    """Unless a sum is wanted, each file has its line at once, whatever time passes."""
    reporter = Reporter(0.0, terminal=False, clock=clock)
    reporter.backlog(100_000)
    for number in range(3):
        reporter.trained(a_file(number, admitted=number, skipped=number), 50)
        clock.now += 1000
        reporter.worked(1.0)
    reporter.skipped("bad.txt", "empty")
    reporter.backlog(0)
    reporter.flush()
    assert [line["event"] for line in log] == [
        *("file.trained", "file.trained", "vocabulary.grown", "file.trained", "vocabulary.grown", "file.skipped")
    ]
    assert log[0] == {
        **{"event": "file.trained", "log_level": "info", "path": "0.txt", "words": 100, "bytes": 600, "seconds": 0.5},
        **{"words_per_second": 200, "loss": 2.0, "vocabulary": 50},
    }
    assert log[1]["records_skipped"] == 1
    assert log[-1] == {"event": "file.skipped", "log_level": "warning", "path": "bad.txt", "reason": "empty"}


def test_a_sum_of_ten_seconds(clock: Clock, log: list[Any]) -> None:
    """The lines of files are debug lines; their sum comes when it is time, and again for what comes later."""
    reporter = Reporter(10.0, terminal=False, clock=clock)
    for number in range(25):
        clock.now += 0.5
        reporter.trained(a_file(number, admitted=2, skipped=number % 2), 50 + number)
        reporter.worked(0.25)
    (line,) = shown(log)
    assert line == {
        **{"event": "files.trained", "log_level": "info", "files": 21, "words": 2_100, "bytes": 12_600},
        **{"seconds": 5.25, "words_per_second": 400, "loss": 2.0, "vocabulary": 70, "admitted": 42},
        "records_skipped": 10,
    }
    assert Counter(line["event"] for line in log)["file.trained"] == 25
    reporter.flush()
    assert shown(log)[1]["files"] == 4
    for _ in range(3):
        reporter.flush()
        clock.now += 100
        reporter.tick()
    assert len(shown(log)) == 2, "nothing is said of nothing"


def test_a_log_that_grows_is_one_file(clock: Clock, log: list[Any]) -> None:
    """However often it was trained in that time."""
    reporter = Reporter(10.0, terminal=False, clock=clock)
    for number in (1, 1, 2, 1):
        reporter.trained(a_file(number), 50)
    reporter.flush()
    assert (shown(log)[0]["files"], shown(log)[0]["words"]) == (2, 400)


def test_idle_time_does_not_make_it_slow(clock: Clock, log: list[Any]) -> None:
    """A file that came after an hour has the speed of its reading and training; the sum comes in time though idle."""
    reporter = Reporter(10.0, terminal=False, clock=clock)
    clock.now += 3600
    reporter.trained(a_file(), 50)
    reporter.worked(0.5)
    clock.now += 9.9
    reporter.tick()
    assert not shown(log)
    clock.now += 0.1
    reporter.tick()
    assert (shown(log)[0]["seconds"], shown(log)[0]["words_per_second"]) == (0.5, 200)


def test_many_refused_are_summed_by_class(clock: Clock, log: list[Any]) -> None:
    """With a few examples; a few refused ones have their own lines, with the whole reason."""
    reporter = Reporter(10.0, terminal=False, clock=clock)
    for number in range(EXAMPLES):
        reporter.skipped(f"{number}.bin", NO_TEXT.format(number))
    assert not shown(log), "they may be many yet"
    reporter.flush()
    assert [(line["event"], line["path"]) for line in shown(log)] == [
        ("file.skipped", f"{number}.bin") for number in range(EXAMPLES)
    ]
    assert shown(log)[2]["reason"] == NO_TEXT.format(2)
    log.clear()
    for number in range(500):
        reporter.skipped(f"{number}.bin", NO_TEXT.format(number) if number % 5 else "empty")
    reporter.flush()
    (line,) = shown(log)
    assert line == {
        **{"event": "files.skipped", "log_level": "warning", "files": 500},
        "reasons": {"not text in utf-8": 400, "empty": 100},
        "examples": ["0.bin", "1.bin", "2.bin"],
    }


@pytest.mark.parametrize("files", [MANY, MANY + 1])
def test_a_large_backlog_on_a_terminal(files: int, clock: Clock, log: list[Any]) -> None:
    """It is summed up when it is done, and once a minute until then; a small one has a line for each file."""
    reporter = Reporter(0.0, terminal=True, clock=clock)
    reporter.backlog(files)
    for number in range(files):
        reporter.trained(a_file(number, admitted=1), 50)
        reporter.worked(0.1)
    reporter.backlog(0)
    events = [line["event"] for line in shown(log)]
    assert events == (["files.trained"] if files > MANY else ["file.trained", "vocabulary.grown"] * files)
    log.clear()
    clock.now += TERMINAL_SECONDS
    reporter.backlog(1)
    reporter.trained(a_file(), 50)
    assert [line["event"] for line in shown(log)] == ["file.trained"], "the next one is small"


def test_once_a_minute_on_a_terminal(clock: Clock, log: list[Any]) -> None:
    """A backlog of hours leaves a line a minute; files that come meanwhile belong to it."""
    reporter = Reporter(0.0, terminal=True, clock=clock)
    reporter.backlog(1_000)
    for number in range(200):
        reporter.backlog(1)
        reporter.trained(a_file(number), 50)
        clock.now += 1.0
        reporter.worked(1.0)
    assert [line["files"] for line in shown(log)] == [TERMINAL_SECONDS] * 3


def test_files_that_come_all_the_time(clock: Clock, log: list[Any]) -> None:
    """On a terminal, the first of them have lines, then there is a sum a minute, until fewer come."""
    reporter = Reporter(0.0, terminal=True, clock=clock)
    for number in range(1_000):
        reporter.backlog(1)
        reporter.trained(a_file(number), 50)
        reporter.worked(0.1)
        reporter.backlog(0)
        clock.now += 0.5
        reporter.tick()
    events = [line["event"] for line in shown(log)]
    assert events == ["file.trained"] * MANY + ["files.trained"] * 8
    assert {line["files"] for line in shown(log)[MANY:]} == {120}
    for _ in range(2):
        clock.now += TERMINAL_SECONDS / 2
        reporter.backlog(0)
    assert shown(log)[-1]["files"] == 1_000 - MANY - 8 * 120, "nothing is left untold"
    reporter.backlog(1)
    reporter.trained(a_file(), 50)
    assert shown(log)[-1]["event"] == "file.trained"


def test_a_copy_is_no_warning(clock: Clock, log: list[Any]) -> None:
    """Its text was trained. It is told on a line, or in a sum, of its own; 20,000 of them are one line."""
    Reporter(0.0, terminal=False, clock=clock).skipped("b.txt", "a copy of a.txt")
    assert log == [{"event": "file.skipped", "log_level": "info", "path": "b.txt", "reason": "a copy of a.txt"}]
    log.clear()
    reporter = Reporter(10.0, terminal=False, clock=clock)
    for number in range(20_000):
        reporter.skipped(f"{number}.txt", f"a copy of a/{number}.txt")
    reporter.skipped("empty.txt", "empty")
    reporter.flush()
    assert shown(log) == [
        {
            **{"event": "files.skipped", "log_level": "info", "files": 20_000},
            **{"reasons": {"a copy of another file": 20_000}, "examples": ["0.txt", "1.txt", "2.txt"]},
        },
        {"event": "file.skipped", "log_level": "warning", "path": "empty.txt", "reason": "empty"},
    ]


def test_nothing_measured(clock: Clock, log: list[Any]) -> None:
    """Files without a pair have no loss, in their lines and in a sum."""
    for every in (0.0, 10.0):
        reporter = Reporter(every, terminal=False, clock=clock)
        reporter.trained(FileProgress("a.txt", 1, 1, 1, 0, 0.1), 0)
        reporter.flush()
    assert [line["loss"] for line in shown(log)] == [None, None]


def test_a_hundred_thousand_files_are_a_short_log(clock: Clock, log: list[Any]) -> None:
    """At 500 files a second, a third of them refused, the lines of all are below 100 kB."""
    reporter = Reporter(10.0, terminal=False, clock=clock)
    for number in range(100_000):
        clock.now += 2e-3
        if number % 3:
            reporter.trained(a_file(number), number)
        else:
            reporter.skipped(f"a/rather/long/name/of/a/file/{number}.txt", NO_TEXT.format(number / 1000))
        reporter.worked(2e-3)
    reporter.flush()
    lines = shown(log)
    assert sum(len(json.dumps(line)) + 50 for line in lines) < 100_000
    assert sum(line["files"] for line in lines) == 100_000
