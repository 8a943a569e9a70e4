"""Which workers are started, and how many: the only place that knows all kinds of workers."""

from __future__ import annotations

from collections.abc import Callable

from streamer.model.learner import ModelState
from streamer.model.pipeline import Tokens
from streamer.model.sgns import Loss
from streamer.workers.here import Here
from streamer.workers.processes import WorkerProcesses
from streamer.workers.protocol import Workers

Start = Callable[[ModelState], Workers | None]
"""Starts workers for a model, or returns None if the calling process can do the work by itself."""


def in_this_process(update: Callable[[Tokens], Loss]) -> Workers:
    """Return what trains each block by a function, in this process, when the block is handed over."""
    return Here(update)


def starter(threads: int) -> Start:
    """Return a function that starts workers on so many cores of this machine. They are not ready at once.

    The function raises :class:`OSError` if the system has no resources for them. See :meth:`Workers.ready`.
    """
    return lambda model: WorkerProcesses(model, threads) if threads > 1 else None
