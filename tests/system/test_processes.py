"""Helper processes: fresh interpreters that run one function, and have the files they are given only."""

from __future__ import annotations

import gc
import json
import os
import platform
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from streamer.system import failpoints
from streamer.system.processes import keep_freed_memory, rare_collections, spawn

ROOT = Path(__file__).parents[2]
HELPERS = """
    import contextlib, json, os, sys

    def tell(descriptor, *others):
        said = {
            "others": others,
            "open": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")),
            "path": sys.path,
            "session": os.getsid(0) == os.getpid(),
            "environment": dict(os.environ),
            "stdin": os.read(0, 1).decode(),
        }
        os.write(descriptor, json.dumps(said).encode())

    def copy(come, go):
        while data := os.read(come, 100):
            os.write(go, data.upper())

    def fail(descriptor):
        raise LookupError("what went wrong")
"""


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module that is on this process's path, with functions to run."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "some_helpers.py").write_text(textwrap.dedent(HELPERS))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    return "some_helpers"


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Give both ends of a pipe."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


def told(helpers: str, *others: int, shared: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return what a helper says of itself."""
    with pipe() as (come, go):
        with spawn(helpers, "tell", [go, *others], shared) as process:
            assert process.wait(20) == 0
        found: dict[str, Any] = json.loads(os.read(come, 1 << 20))
        found["ours"] = [go, *others, *shared]
    return found


def test_it_runs_the_function_with_its_descriptors(helpers: str) -> None:
    """What comes in through one goes out through the other, until ours is closed."""
    ours, theirs = os.pipe(), os.pipe()
    with spawn(helpers, "copy", [ours[0], theirs[1]]) as process:
        os.write(ours[1], b"hello")
        assert os.read(theirs[0], 100) == b"HELLO"
        for end in (*ours, theirs[1]):
            os.close(end)
        assert process.wait(20) == 0
    os.close(theirs[0])


def test_it_has_the_files_that_it_was_given_and_no_others(helpers: str) -> None:
    """Those that are its arguments, and those that are shared, under the same numbers; no file that we have open."""
    with pipe() as (one, other), pipe() as (secret, _):
        os.set_inheritable(secret, True)
        found = told(helpers, one, shared=(other,))
        assert found["others"] == [one]
        assert found["open"] == sorted([0, 1, 2, *found["ours"]])
        assert secret not in found["open"]


def test_it_imports_what_we_would(helpers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the same places in the same order, whatever lies in the folder where it is started."""
    for name in ("json", "some_helpers", "contextlib"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    assert told(helpers)["path"] == sys.path


def test_it_is_no_one_that_ctrl_c_is_for(helpers: str) -> None:
    """It has a session of its own, and reads nothing from our terminal."""
    found = told(helpers)
    assert found["session"] is True
    assert found["stdin"] == ""


def test_blas_starts_no_threads_in_it(helpers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is ours, but that BLAS has one thread, whatever ours says; ours stays as it is."""
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    monkeypatch.setenv("SOMETHING", "else")
    found = told(helpers)["environment"]
    assert found["SOMETHING"] == "else"
    assert {found[f"{name}_NUM_THREADS"] for name in ("OPENBLAS", "OMP", "MKL")} == {"1"}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"


def test_what_fails_in_it_is_shown(helpers: str, capfd: pytest.CaptureFixture[str]) -> None:
    """An error ends it with a code, and its traceback is on our stderr."""
    with pipe() as (_, go), spawn(helpers, "fail", [go]) as process:
        assert process.wait(20) == 1
    assert "LookupError: what went wrong" in capfd.readouterr().err


def test_it_can_be_killed(helpers: str) -> None:
    """It is a child of ours like any other."""
    with pipe() as (come, _), pipe() as (_, go), spawn(helpers, "copy", [come, go]) as process:
        process.kill()
        assert process.wait(20) == -signal.SIGKILL


def test_a_system_without_room_is_an_error(helpers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the failpoint has it: an OSError before anything is started."""
    monkeypatch.setattr(failpoints, "_armed", failpoints.arm("helper.start:EAGAIN"))
    with pytest.raises(BlockingIOError):
        spawn(helpers, "tell", [1])


FAULTS = """
import resource, sys
import numpy as np
from streamer.system.processes import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def work():
    arrays = [np.empty(6 << 20, np.uint8) for _ in range(8)]
    for array in arrays:
        array[::4096] = 1
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that gives memory back")
def test_memory_that_was_freed_is_kept_for_the_next_block() -> None:
    """Arrays of the same sizes are given again without the kernel's help; without the call, page by page."""
    faults = {}
    for how in ("keep", "as it comes"):
        done = subprocess.run(
            [sys.executable, "-c", FAULTS, how],
            env={**os.environ, "PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        faults[how] = int(done.stdout)
    assert faults["keep"] < 500 < faults["as it comes"]


def test_without_glibc_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems have no such call, and no harm comes of it."""

    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr("ctypes.CDLL", missing)
    keep_freed_memory()
    monkeypatch.setattr("ctypes.CDLL", lambda name: object())
    keep_freed_memory()


def test_garbage_is_looked_for_less_often_for_a_while() -> None:
    """Circles are still found, and afterwards all is as it was, whatever happens meanwhile."""
    before = gc.get_threshold()
    with suppress(KeyError), rare_collections():
        assert gc.get_threshold()[0] > before[0]
        assert gc.isenabled()
        raise KeyError
    assert gc.get_threshold() == before
