"""The trainer's side of a cluster: it hands calls to a helper process that talks to Ray, and never waits for ever."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import structlog

from streamer.cluster.machine import describe
from streamer.cluster.messages import (
    UNSAVED,
    Alive,
    Event,
    Failure,
    Packed,
    Result,
    Round,
    Setup,
    pack,
    receive,
    send,
    unpack,
)
from streamer.cluster.remote import name_of
from streamer.errors import ExitCode, StreamerError
from streamer.settings import available_cores
from streamer.system.processes import spawn

Value = TypeVar("Value")

SILENCE = 20.0
"""Seconds after which a cluster that says nothing is given up. The helper tells that it answers, every second."""
LOCAL_START = 120.0
"""Seconds that Ray has to start on this machine. Nobody else can be waited for there."""
REACH = 5.0
"""Seconds in which somebody has to answer at the address."""
LEAVE = 10.0
"""Seconds that the helper has to end what it started."""

_SHARED = Path("/dev/shm")
_LEAST, _MOST = 100 << 20, 2 << 30
"""Bytes of Ray's object store on this machine."""
_JOIN = (
    "a Ray head must listen there, and this machine be a node: ray start --address=HOST:PORT --num-cpus=0; "
    "all with the same token: RAY_AUTH_MODE=token and ~/.ray/auth_token"
)
_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_grpc_client_keepalive_time_ms": "5000",
    "RAY_grpc_client_keepalive_timeout_ms": "5000",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
"""For the helper, and for Ray if it is started on this machine; the trainer's own environment stays as it is."""

_log = structlog.get_logger(__name__)


def connect(address: str, *, allow_mixed: bool = False) -> Nodes:
    """Join a Ray cluster, or start Ray on this machine.

    Args:
        address: ``local`` starts Ray here, with a CPU for each core that this process may use, and a random token.
            ``HOST:PORT`` is the head of a cluster, ``auto`` the one that this machine is a node of. For these two, this
            machine must be a node of the cluster, with or without CPUs.
        allow_mixed: Use nodes too on which the bits of the results may differ.

    Raises:
        StreamerError: 2 if the address has another form, or Ray is not installed; 71 if nobody answers there, or Ray
            does not start; 78 if versions do not fit, or every node differs from this machine.
    """
    check(address)
    folder, memory, settings = "", 0, dict(_SETTINGS)
    if address == "local":
        memory = _memory()
        folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp" if os.access("/tmp", os.W_OK) else None)
        settings |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    elif address != "auto":
        _reach(address)
    setup = Setup(address, allow_mixed, describe(), available_cores(), memory, folder)
    return Nodes(setup, settings)


def check(address: str) -> None:
    """See whether there may be a cluster, without looking for it: so a slip of the pen is told at once.

    Args:
        address: As for :func:`connect`.

    Raises:
        StreamerError: 2 if the address has another form, or Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise StreamerError("a cluster needs Ray", hint="pip install 'streamer-embeddings[cluster]'")
    if address not in ("local", "auto"):
        _parsed(address)


class Nodes:
    """The nodes of a cluster; see :func:`connect`.

    Attributes:
        size: How many CPUs may be used, by the last word of the cluster.
    """

    size = 0

    def __init__(self, setup: Setup, settings: dict[str, str]) -> None:
        self._setup = setup
        self._connection, theirs = socket.socketpair()
        self._process: subprocess.Popen[bytes] | None = None
        try:
            with theirs:
                self._process = spawn("streamer.cluster.driver", "serve", [theirs.fileno()], environment=settings)
            self._connection.settimeout(LOCAL_START if setup.address == "local" else SILENCE)
            send(self._connection, setup)
            while not self.size:
                self._heard(self._receive()[0])
            self._connection.settimeout(SILENCE)
        except OSError as error:
            self._end(0.0)
            self._give_up(error, _JOIN if setup.address != "local" else "")
        except BaseException:
            self.close()
            raise

    def map(self, function: Callable[..., Value], calls: Sequence[tuple[Any, ...]]) -> list[Value]:
        """Call a pure function with each of these arguments, on the nodes, with one thread of BLAS.

        A call whose node is lost is done again on another one. So the function may run more often than it is called.

        Args:
            function: One that can be imported by its name, here and on the nodes.
            calls: The arguments of each call. Arrays reach the function read-only.

        Returns:
            What the function returned, in the order of the calls. Arrays are read-only.

        Raises:
            StreamerError: 71 if the cluster does not answer for 20 s, no node is left, or a call ends each process that
                runs it; 78 if all nodes that are left differ from this machine. The nodes are closed then.
            Exception: What the function raised, for the first call that did.
        """
        name = name_of(function)
        if self._process is None:
            raise StreamerError("the connection to the cluster is closed", code=ExitCode.SYSTEM)
        values: dict[int, Value] = {}
        errors: dict[int, Exception] = {}
        try:
            send(self._connection, Round(name, len(calls)))
            for arguments in calls:
                send(self._connection, None, pack(arguments))
            while len(values) + len(errors) < len(calls):
                head, packed = self._receive()
                if isinstance(head, Result):
                    (errors if head.raised else values)[head.call] = unpack(packed)
                else:
                    self._heard(head)
        except OSError as error:
            self._end(0.0)
            self._give_up(error, UNSAVED)
        except BaseException:  # what is under way now is nobody's
            self.close()
            raise
        if errors:
            raise errors[min(errors)]
        return [values[call] for call in range(len(calls))]

    def close(self) -> None:
        """Leave the cluster, and end Ray if it was started for this. A :meth:`map` that waits raises an error."""
        self._end(LEAVE)

    def _end(self, seconds: float) -> None:
        """End the helper, which has so many seconds to leave the cluster as it should."""
        process, self._process = self._process, None  # a thread whose round this ends comes here too
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # a thread that waits would keep open what is only closed
        self._connection.close()
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            process.kill()
            process.wait()
        if self._setup.folder:
            shutil.rmtree(self._setup.folder, ignore_errors=True)
        self.size = 0

    def _receive(self) -> tuple[Any, Packed]:
        try:
            return receive(self._connection)
        except EOFError:
            raise ConnectionResetError from None

    def _heard(self, head: object) -> None:
        if isinstance(head, Failure):
            raise StreamerError(head.problem, hint=head.hint, code=ExitCode(head.code))
        if isinstance(head, Event):
            (_log.warning if head.level == "warning" else _log.info)(head.name, **head.fields)
        if isinstance(head, Alive):
            self.size = head.cpus

    def _give_up(self, error: OSError, hint: str) -> NoReturn:
        where = "Ray on this machine" if self._setup.address == "local" else f"the cluster at {self._setup.address}"
        if isinstance(error, TimeoutError):
            problem = f"{where} does not answer"
        else:
            problem = f"the connection to {where} ended unexpectedly"
        raise StreamerError(problem, hint=hint, code=ExitCode.SYSTEM) from None


def _parsed(address: str) -> tuple[str, int]:
    """Return the host and the port of an address."""
    found = re.fullmatch(r"\[?([^\s/]+?)\]?:(\d{1,5})", address)
    if found is None or not 0 < int(found[2]) < 65536:
        raise StreamerError(f"{address!r} is no address of a cluster", hint="local, auto, or HOST:PORT of its head")
    return found[1], int(found[2])


def _reach(address: str) -> None:
    """See whether somebody answers at an address."""
    host, port = _parsed(address)
    try:
        socket.create_connection((host, port), timeout=REACH).close()
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        hint = f"start the head there: ray start --head --port={port}"
        raise StreamerError(f"nobody answers at {address}: {reason}", hint=hint, code=ExitCode.SYSTEM) from None


def _memory() -> int:
    """Return how many bytes of shared memory Ray may have on this machine."""
    free = shutil.disk_usage(_SHARED).free if _SHARED.is_dir() else _MOST
    if free < _LEAST:
        raise StreamerError(
            f"Ray needs {_LEAST >> 20} MiB in {_SHARED}, and {free >> 20} are free",
            hint="in a container: --shm-size=1g",
            code=ExitCode.SYSTEM,
        )
    return min(_MOST, free * 4 // 5)
