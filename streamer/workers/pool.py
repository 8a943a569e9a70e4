"""Nodes that are processes on this machine: each computes one call after the other, and owns nothing."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, TypeVar

import threadpoolctl

from streamer.system.processes import keep_freed_memory, spawn
from streamer.workers.processes import death

Result = TypeVar("Result")
Call = tuple[Callable[..., Any], tuple[Any, ...]]


class Pool:
    """Processes that compute calls of functions, as :class:`streamer.workers.protocol.Nodes` says.

    Args:
        size: How many.

    Raises:
        OSError: If the system has no resources for them.
    """

    def __init__(self, size: int) -> None:
        self._connections: list[Connection[Call, Any]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        try:
            for _ in range(size):
                ours, theirs = Pipe()
                self._connections.append(ours)
                with theirs:
                    self._processes.append(spawn("streamer.workers.pool", "serve", [theirs.fileno()]))
        except BaseException:
            self.close()
            raise

    def map(self, function: Callable[..., Result], calls: Sequence[tuple[Any, ...]]) -> list[Result]:
        """Return the results of a function for some tuples of arguments, in their order.

        Raises:
            StreamerError: 71 if a process died.
        """
        found: dict[int, Result] = {}
        at: dict[Connection[Call, Any], int] = {}  # the call that each process is computing
        left = enumerate(calls)
        with contextlib.suppress(EOFError, OSError):
            free = list(self._connections)
            while free:
                for connection, (number, call) in zip(free, left, strict=False):  # in this order: no call is lost
                    connection.send((function, call))
                    at[connection] = number
                ready = wait(list(at)) if at else []
                free = [connection for connection in at if connection in ready]
                for connection in free:
                    found[at.pop(connection)] = connection.recv()
            return [found[number] for number in range(len(calls))]
        # Raised out here, it does not keep the error of the pipe, whose frames hold buffers of what was not sent:
        # Python 3.12.1 crashes when it collects those together with the error.
        raise death(self._processes)

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        for connection in self._connections:
            connection.close()


def serve(descriptor: int) -> None:
    """Compute calls until the other side of a pipe is gone.

    Args:
        descriptor: The pipe.
    """
    keep_freed_memory()
    threadpoolctl.threadpool_limits(1, user_api="blas")
    connection: Connection[Any, Call] = Connection(descriptor)
    # These mean that the trainer is gone. Anything else is an error, and is shown.
    with connection, contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            function, call = connection.recv()
            connection.send(function(*call))
