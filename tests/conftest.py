"""What all the tests share: their option, how they run side by side, and the figures that they tell.

With ``-n auto``, pytest-xdist runs them in several processes. Most of them do not mind what runs beside them. What
times things, measures a process or fills a disk is marked ``alone``: it comes last, and a gate sees to it that nothing
runs meanwhile. Without ``-n`` there is one process, and nothing to see to.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
import structlog
from filelock import FileLock

from .support.side_by_side import BLAS_THREADS, Once
from .support.undisturbed import expected, inbox, undisturbed

WORKERS_PER_CORE = 1.5
"""Many tests wait for something, so that more of them are under way than there are cores."""
STARTS_PROCESSES = {"tests.support.process", "tests.support.terminal"}
FIGURE = "figure"
"""The property of a test under which it tells a line of figures."""

__all__ = ["expected", "inbox", "undisturbed"]  # fixtures for all rooms


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--long``."""
    parser.addoption("--long", action="store_true", help="break things thousands of times: an hour, for tests/faults")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures below the results of all tests."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    figures = [(report.nodeid, line) for report in reports for name, line in report.user_properties if name == FIGURE]
    if figures:
        terminalreporter.section("what was broken")
        for _, line in sorted(figures, key=lambda figure: figure[0]):
            terminalreporter.line(line)


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """Take back how a test configured the log: what comes next in this process may look at it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Return a function that returns the folder of a name, filled by the first process of this run that asks for it.

    Nobody may change what is in it.
    """
    parent = tmp_path_factory.getbasetemp()
    if beside_others(request.config):
        parent = parent.parent

    def folder(name: str, fill: Callable[[Path], object]) -> Path:
        path, filled = parent / name, parent / f"{name}.filled"
        with FileLock(parent / f"{name}.lock"):
            if not filled.exists():
                shutil.rmtree(path, ignore_errors=True)
                path.mkdir()
                fill(path)
                filled.touch()
        return path

    return folder


def beside_others(config: pytest.Config) -> bool:
    """Say whether this process is one of several that run tests."""
    return hasattr(config, "workerinput")


def starts_processes(item: pytest.Item) -> bool:
    """Say whether a test is in a module that starts ``python -m streamer``: it imports from the one that does so."""
    assert isinstance(item, pytest.Function)
    return any(getattr(thing, "__module__", None) in STARTS_PROCESSES for thing in vars(item.module).values())


def is_alone(item: pytest.Item) -> bool:
    """Say whether nothing may run beside a test."""
    return item.get_closest_marker("alone") is not None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Say how many processes ``-n auto`` means."""
    return max(2, round(WORKERS_PER_CORE * len(os.sched_getaffinity(0))))


def pytest_configure(config: pytest.Config) -> None:
    """Set up what processes inherit.

    Signals arrive, though these tests were started by nohup or with ``&``. Beside others, BLAS starts no thread for
    each core, which takes 0.06 s in each of a thousand processes.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if beside_others(config):
        os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is quick. Begin with what may take longest, as its timeout says, and end with what is alone.

    Which process runs a test is of no matter, but for those that are alone: one runs them all.
    """
    for item in items:
        if not (item.get_closest_marker("slow") or starts_processes(item) or "faults" in item.path.parts):
            item.add_marker(pytest.mark.quick)
    if not beside_others(config):
        return

    def order(item: pytest.Item) -> tuple[bool, float]:
        timeout = item.get_closest_marker("timeout")
        return is_alone(item), -timeout.args[0] if timeout else 0.0

    items.sort(key=order)
    for item in items:
        if is_alone(item):
            item.add_marker(pytest.mark.xdist_group("alone"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run if tests of a group would be spread over several processes."""
    grouped = [item.nodeid for item in session.items if item.get_closest_marker("xdist_group")]
    if beside_others(session.config) and not all("@" in name.rpartition("]")[2] for name in grouped):
        raise pytest.UsageError("this pytest-xdist does not see the groups of this pytest: install pytest < 9.2")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Wait until a test may run; around all else, so that waiting counts towards no timeout."""
    if not beside_others(item.config):
        return (yield)
    with gate(item.config, alone=is_alone(item)), patch.dict(os.environ):
        if is_alone(item):
            for name in BLAS_THREADS:
                os.environ.pop(name, None)
        return (yield)


@contextmanager
def gate(config: pytest.Config, *, alone: bool) -> Iterator[None]:
    """Hold a lock that any number of tests can share, or one that is alone has for itself.

    Whoever waits for the room stands in the door, and lets nobody pass: so one that is alone has its turn.
    """
    assert config.cache
    folder = config.cache.mkdir("gate")
    how = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    with (folder / "door").open("w") as door, (folder / "room").open("w") as room:
        fcntl.flock(door, how)
        fcntl.flock(room, how)
        fcntl.flock(door, fcntl.LOCK_UN)
        yield
