"""`python -m streamer` as its users run it: started, watched through its log lines, stopped, killed."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from streamer.answers import reports

PATIENCE = 20.0
"""Seconds after which a test gives up waiting for what takes a fraction of one."""
WHOLE_RUN = 100.0
"""The same for a whole run, which takes some seconds on an idle machine."""
QUICK = ("--vector-size", "16", "--threads", "2", "--settle", "0.3", "--rescan", "1")
"""Settings of small models and short waits."""

COMMAND = (sys.executable, "-m", "streamer")
# Root reads what its mode forbids, unless the bounding set (prctl 24) lacks CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
POWERLESS = (
    sys.executable,
    "-c",
    "import ctypes, os, sys\n"
    "if os.geteuid() == 0 and any(ctypes.CDLL(None).prctl(24, power, 0, 0, 0) for power in (1, 2)): sys.exit(77)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'streamer', *sys.argv[1:]])",
)
"""The command as a user whom file modes bind, root or not; 77 if root may not give up its powers."""

Found = TypeVar("Found")
_numbers = itertools.count()


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """All of stdout as the one JSON document that it has to be."""
        return json.loads(self.stdout)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log lines of an event; every line of stderr has to be a log line."""
        return [line for line in map(json.loads, self.stderr.splitlines()) if line["event"] == name]


class Running:
    """A process at work, with its output in two files."""

    def __init__(self, process: subprocess.Popen[bytes], stdout: Path, stderr: Path) -> None:
        self.process, self._stdout, self._stderr = process, stdout, stderr
        self._lines: list[dict[str, Any]] = []
        self._read = 0

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self.process.pid

    def events(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """Return the log lines so far of an event that have these fields."""
        with self._stderr.open("rb") as log:
            log.seek(self._read)  # who waits asks hundreds of times a second
            whole, newline, _ = log.read().rpartition(b"\n")  # the last one may be half a line
        self._read += len(whole + newline)
        self._lines += map(json.loads, whole.splitlines())
        return [line for line in self._lines if {**line, "event": name, **fields} == line]

    def event(self, name: str, number: int = 1, *, within: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """Wait for the nth such log line and return it."""

        def found() -> dict[str, Any] | None:
            over = self.process.poll() is not None  # asked first: its last lines still count
            lines = self.events(name, **fields)
            assert len(lines) >= number or not over, f"ended without {name} {fields}:\n{self._stderr.read_text()}"
            return lines[number - 1] if len(lines) >= number else None

        return until(found, f"{name} {fields}", within)

    def send(self, *signals: signal.Signals) -> None:
        """Send signals, one straight after the other."""
        for number in signals:
            self.process.send_signal(number)

    def ended(self, within: float = PATIENCE) -> Ended:
        """Wait for the end of the process."""
        until(lambda: self.process.poll() is not None, "the end", within)  # Popen.wait looks every 50 ms only
        return Ended(self.process.returncode, self._stdout.read_text(), self._stderr.read_text())

    def stopped(self) -> Ended:
        """Ask it to stop, as a service manager does, and hold it to its promise of 5 seconds."""
        self.send(signal.SIGTERM)
        return self.ended(within=5)

    def killed(self) -> None:
        """Kill it as nothing can be prepared for."""
        self.send(signal.SIGKILL)
        assert self.ended().code == -signal.SIGKILL, "it had ended before it could be killed"


@contextmanager
def started(
    *arguments: object, folder: Path, environment: Mapping[str, str] | None = None, command: tuple[str, ...] = COMMAND
) -> Iterator[Running]:
    """Run a command in a folder; what still runs at the end of the context is killed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    logs = folder / "logs"
    logs.mkdir(exist_ok=True)
    number = f"{os.getpid()}-{next(_numbers)}"  # several programs may start processes in one folder
    stdout, stderr = logs / f"{number}.out", logs / f"{number}.err"
    with stdout.open("wb") as out, stderr.open("wb") as err:
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=folder,
            env={**clean, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    with process:
        try:
            yield Running(process, stdout, stderr)
        finally:
            process.kill()


def run(
    *arguments: object, folder: Path, environment: Mapping[str, str] | None = None, command: tuple[str, ...] = COMMAND
) -> Ended:
    """Run a command in a folder to its end."""
    with started(*arguments, folder=folder, environment=environment, command=command) as process:
        return process.ended(WHOLE_RUN)


def done(
    *arguments: object, folder: Path, environment: Mapping[str, str] | None = None, command: tuple[str, ...] = COMMAND
) -> Ended:
    """Run a command that has to succeed."""
    ended = run(*arguments, folder=folder, environment=environment, command=command)
    assert ended.code == 0, ended.stderr
    return ended


def json_of(folder: Path, *arguments: object) -> Any:
    """Return what a command prints with ``--json``; it has to succeed, and to say nothing else."""
    ended = done(*arguments, "--json", folder=folder)
    assert ended.stderr == ""
    return ended.json


def files(folder: Path, checkpoints: str = "checkpoints") -> dict[str, dict[str, Any]]:
    """Return what `files --json` would print, by path, after checking that every byte is accounted for once."""
    rows = reports.files(folder / checkpoints)
    by_path = {row["path"]: row for row in rows}
    assert len(by_path) == len(rows), "one row a file"
    for row in rows:
        assert row["bytes"] == row["bytes_trained"] + row["bytes_skipped"], row
        assert (row["outcome"] == "trained") == (row["reason"] == ""), row
    return by_path


def until(condition: Callable[[], Found | None], what: str, within: float = PATIENCE) -> Found:
    """Wait until a condition holds, and return what it returns."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {within} s for {what}")
