"""Machines that are network namespaces: each has an address of its own, and a cable to a switch that can be pulled."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

ROOT = Path(__file__).parents[2]
PORT = 6379
PATIENCE = 90.0
"""Seconds after which a test gives up waiting for what takes a few of them."""
HEAD = "head"
_numbers = itertools.count()

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "4d9f5c4f6a1e4a0c9f0b2b6f3a7c8d1e",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_grpc_client_keepalive_time_ms": "5000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": str(ROOT),
}
"""What docs/cluster.md says that nodes need, and the path to what they run here."""


def missing() -> str:
    """Return why there can be no namespaces here; empty if there can."""
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    if shutil.which("ip") is None:
        return "there is no ip (iproute2)"
    name = f"sc{os.getpid()}t"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return made.stderr.strip() if made.returncode else ""


def no_features() -> dict[str, str]:
    """Return the environment of a machine whose processor can do less."""
    return {"NPY_DISABLE_CPU_FEATURES": " ".join(np.show_config(mode="dicts")["SIMD Extensions"]["found"])}


class Trainer:
    """A running :mod:`tests.cluster.trainer`.

    Attributes:
        lines: What it has told so far.
    """

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment, start_new_session=True
        )
        self.lines: list[dict[str, Any]] = []

    def until(self, *fields: str) -> dict[str, Any]:
        """Read on to a line that has one of these fields; what a trainer says of an error is always read to."""
        stdout: IO[str] | None = self.process.stdout
        assert stdout
        for line in stdout:
            self.lines.append(json.loads(line))
            if {"problem", *fields} & self.lines[-1].keys():
                return self.lines[-1]
        raise AssertionError(f"the trainer ended with {self.process.wait()} after {self.lines}")

    def begin(self, calls: int, seconds: float) -> None:
        """Let it begin a round."""
        assert self.process.stdin
        self.process.stdin.write(f"{calls} {seconds}\n")
        self.process.stdin.flush()
        self.until("began")

    def round(self, calls: int, seconds: float = 0.0) -> dict[str, Any]:
        """Let it do a round, and return what it tells of it."""
        self.begin(calls, seconds)
        return self.until("digest")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log lines of an event."""
        return [line for line in self.lines if line.get("event") == name]

    def end(self) -> None:
        """Let it come to its end."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.until("closed")
        assert self.process.wait(PATIENCE) == 0

    def close(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                if file:
                    file.close()


class Cluster:
    """Machines with a node of Ray and one CPU each. The trainer is at the head, which has no CPU for calls."""

    def __init__(self) -> None:
        self._prefix = f"sc{os.getpid()}n{next(_numbers)}"
        self._names: list[str] = []
        self._folder = tempfile.mkdtemp(prefix="sc", dir="/tmp")
        self._switch = self._name("sw")
        _ip("netns", "add", self._switch)
        try:
            _ip("-n", self._switch, "link", "add", "br0", "type", "bridge")
            _ip("-n", self._switch, "link", "set", "br0", "up")
            self.address = f"{self.machine(HEAD)}:{PORT}"
            options = f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={self._folder}"
            self._ray(HEAD, {}, "--head", *options)
        except BaseException:
            self.close()
            raise

    def machine(self, name: str) -> str:
        """Make a machine, if there is none of this name, and return its address."""
        if name not in self._names:
            self._names.append(name)
            space, cable = self._name(name), f"v{name}"
            _ip("netns", "add", space)
            _ip("-n", self._switch, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("-n", self._switch, "link", "set", cable, "master", "br0", "up")
            _ip("-n", space, "addr", "add", f"10.77.0.{len(self._names)}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")
            _ip("-n", space, "route", "add", "default", "dev", "eth0")
        return f"10.77.0.{self._names.index(name) + 1}"

    def add(self, name: str, environment: dict[str, str] | None = None, hidden: str = "") -> None:
        """Let a machine join the cluster, if it has not; one folder may look empty to it."""
        self.machine(name)
        self.plug(name)
        if not self.processes(name):
            self._ray(name, environment or {}, f"--address={self.address}", "--num-cpus=1", hidden=hidden)

    def processes(self, name: str) -> list[int]:
        """Return the processes on a machine; none if there is no such machine."""
        if name not in self._names:
            return []
        command = ["ip", "netns", "pids", self._name(name)]
        while (found := subprocess.run(command, capture_output=True, text=True)).returncode:
            assert found.stderr == "", found.stderr  # it fails silently if a process ends while it looks
        return [int(number) for number in found.stdout.split()]

    def works(self, name: str) -> bool:
        """Return whether a machine is in the middle of a call. Ray names its processes after what they do."""
        return any(_title(process).startswith("ray::run") for process in self.processes(name))

    def kill(self, name: str, only: str = "") -> None:
        """Kill -9 all that runs on a machine, or all with a certain word in its command."""
        while processes := [process for process in self.processes(name) if only in _title(process)]:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)

    def pull(self, name: str) -> None:
        """Pull the cable of a machine."""
        _ip("-n", self._switch, "link", "set", f"v{name}", "down")

    def plug(self, name: str) -> None:
        """Plug the cable of a machine in again."""
        _ip("-n", self._switch, "link", "set", f"v{name}", "up")

    def trainer(self, *arguments: str) -> Trainer:
        """Start a trainer at the head."""
        command = [*self.at(HEAD), sys.executable, "-m", "tests.cluster.trainer", self.address, *arguments]
        return Trainer(command, {**os.environ, **ENVIRONMENT})

    def at(self, name: str) -> tuple[str, ...]:
        """Return what comes before a command that shall run on a machine."""
        return "ip", "netns", "exec", self._name(name)

    def close(self) -> None:
        """End all processes and remove all machines."""
        for name in self._names:
            with contextlib.suppress(subprocess.CalledProcessError):
                self.kill(name)
        for name in [*self._names, "sw"]:
            subprocess.run(["ip", "netns", "del", self._name(name)], capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _name(self, name: str) -> str:
        return f"{self._prefix}{name}"

    def _ray(self, name: str, environment: dict[str, str], *arguments: str, hidden: str = "") -> None:
        """Start a node."""
        ray = str(Path(sys.executable).with_name("ray"))
        limits = [f"--object-store-memory={100 << 20}", f"--node-ip-address={self.machine(name)}"]
        mount = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs none {hidden} && exec "$@"', "sh"]
        hide = mount if hidden else []
        started = subprocess.run(
            [*self.at(name), *hide, ray, "start", *arguments, *limits],
            env={**os.environ, **ENVIRONMENT, "RAY_TMPDIR": self._folder, **environment},
            capture_output=True,
            text=True,
            cwd=self._folder,
        )
        assert started.returncode == 0, started.stdout + started.stderr


def wait(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.05)


@contextlib.contextmanager
def closing(trainer: Trainer) -> Iterator[Trainer]:
    """End a trainer in the end."""
    try:
        yield trainer
    finally:
        trainer.close()


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def _title(process: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace")
    return ""
