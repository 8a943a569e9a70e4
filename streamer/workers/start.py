"""Which workers are started, and how many: the only place that knows all kinds of workers."""

from __future__ import annotations

from collections.abc import Callable

from streamer.model.learner import Learner, ModelState
from streamer.model.pipeline import Tokens
from streamer.model.sgns import Loss
from streamer.workers.here import Here
from streamer.workers.pool import Pool
from streamer.workers.processes import WorkerProcesses, share
from streamer.workers.protocol import Nodes, Workers
from streamer.workers.rounds import Rounds

Start = Callable[[ModelState], Workers | None]
"""Starts workers for a model, or returns None if the calling process can do the work by itself."""

Connect = Callable[[], Nodes]
"""Connects to a cluster, which is closed when there is nothing to do: then it is connected to again."""


def in_this_process(update: Callable[[Tokens], Loss]) -> Workers:
    """Return what trains each block by a function, in this process, when the block is handed over."""
    return Here(update)


def starter(threads: int, cluster: Connect | None = None) -> Start:
    """Return a function that starts workers on so many cores of this machine. They are not ready at once.

    The function raises :class:`OSError` if the system has no resources for them. See :meth:`Workers.ready`.

    Args:
        threads: The cores.
        cluster: Connects to what computes the lanes of a model that has several; without it, these cores do.
    """
    return lambda model: _started(model, threads, cluster if model.settings.lanes > 1 else None)


def _started(model: ModelState, threads: int, cluster: Connect | None) -> Workers | None:
    if threads <= 1 and cluster is None:
        return None
    others: Workers
    if threads > 1:
        others = WorkerProcesses(model, threads)
        if model.settings.lanes == 1:
            return others
    else:
        others = Here(Learner(model).update)
        share(model.embeddings)
    try:
        return Rounds(model, others, cluster() if cluster else Pool(min(threads, model.settings.lanes)))
    except BaseException:
        others.close()
        raise
