"""Real processes that compute calls: results in order, and a death that is told."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.system.processes import spawn
from streamer.workers import Nodes, pool
from streamer.workers.pool import Pool

from ..support.descriptors import open_files


@pytest.fixture
def two() -> Iterator[Pool]:
    """Return two processes."""
    with closing(Pool(2)) as found:
        yield found


def power(base: int, exponent: int) -> int:
    """Return a power, the later the larger it is."""
    time.sleep(0.02 * (base == 2))
    return int(base**exponent)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 11])
def test_results_are_in_the_order_of_the_calls(two: Nodes, count: int) -> None:
    """However many there are, and whichever is ready first."""
    calls = [(number % 3, number) for number in range(count)]
    for _ in range(2):
        assert two.map(power, calls) == [(number % 3) ** number for number in range(count)]


def test_each_process_has_its_share(two: Nodes) -> None:
    """While one computes, the other does too; none of them is this one."""
    found = two.map(_pid, [(0.05,)] * 8)
    assert len(set(found)) == 2
    assert os.getpid() not in found


def _pid(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def test_large_arguments_and_results(two: Nodes) -> None:
    """More than a pipe holds, both ways at a time."""
    calls = [(np.full(1 << 20, number),) for number in range(5)]
    assert [int(found.sum()) for found in two.map(np.negative, calls)] == [-number << 20 for number in range(5)]


def test_a_process_that_dies_is_told(two: Pool) -> None:
    """71, whether it computed something or not."""
    with pytest.raises(StreamerError, match="ended unexpectedly") as caught:
        two.map(os.kill, [(os.getpid(), 0), (0, signal.SIGKILL)])
    assert caught.value.code == ExitCode.SYSTEM
    with pytest.raises(StreamerError, match="ended unexpectedly"):
        two.map(power, [(1, 1)] * 3)


def test_closing_ends_what_is_computed(two: Pool) -> None:
    """Whoever waits for a result gets an error; nobody waits for the call."""
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            two.map(_pid, [(1000.0,)] * 2)
        except StreamerError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.2)
    two.close()
    thread.join(30)
    assert len(errors) == 1
    assert all(process.returncode == -signal.SIGKILL for process in two._processes)


def test_it_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when it is closed nor when the system has no room for the second process."""
    before = open_files()
    with closing(Pool(2)):
        assert open_files() > before
    assert open_files() == before
    started: list[subprocess.Popen[bytes]] = []

    def refuse(module: str, function: str, descriptors: list[int]) -> subprocess.Popen[bytes]:
        if started:
            raise OSError(11, "Resource temporarily unavailable")
        started.append(spawn(module, function, descriptors))
        return started[0]

    monkeypatch.setattr(pool, "spawn", refuse)
    with pytest.raises(OSError, match="temporarily"):
        Pool(2)
    assert started[0].poll() is not None
    assert open_files() == before
