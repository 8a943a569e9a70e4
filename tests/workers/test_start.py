"""Which workers are started: processes where there are cores for them, and none where one is all there is."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from streamer.model.learner import ModelState
from streamer.settings import ModelSettings
from streamer.workers import processes, starter
from streamer.workers.pool import Pool
from streamer.workers.processes import WorkerProcesses
from streamer.workers.rounds import Rounds

from ..support.descriptors import open_files


def model(most: int = 2) -> ModelState:
    """Return a small model that has at most so many chunks under way at a time."""
    return ModelState.new(ModelSettings(vector_size=4, max_group=most))


@pytest.mark.parametrize("threads", [1, 0])
def test_one_core_does_it_alone(threads: int) -> None:
    """With one thread, a second process would only be another to wait for."""
    assert starter(threads)(model()) is None


@pytest.mark.parametrize(("threads", "most", "size"), [(2, 2, 2), (8, 2, 2), (3, 4, 3), (4, 4, 4)])
def test_more_cores_get_processes(threads: int, most: int, size: int) -> None:
    """As many as there are cores, and no more than chunks under way."""
    found = starter(threads)(model(most))
    assert isinstance(found, WorkerProcesses)
    found.close()
    assert found.size == size


class NoNodes:
    """A cluster without nodes."""

    def map(self, function: Any, calls: Any) -> list[Any]:
        """Compute nothing."""
        return []

    def close(self) -> None:
        """Do nothing."""


def test_lanes_get_nodes() -> None:
    """A model with lanes has a pool here, or the cluster, even with one thread; one without lanes needs neither."""
    several = ModelState.new(ModelSettings(vector_size=4, lanes=3))
    asked: list[NoNodes] = []

    def connect() -> NoNodes:
        asked.append(NoNodes())
        return asked[-1]

    assert starter(1)(several) is None
    assert starter(1, connect)(model()) is None
    for start, size in ((starter(2), 2), (starter(2, connect), 2), (starter(1, connect), 0)):
        found = start(several)
        assert isinstance(found, Rounds)
        assert found.size == size
        assert isinstance(found._nodes, NoNodes if asked else Pool)
        found.close()
    assert len(asked) == 2
    alone = starter(2, connect)(model())
    assert isinstance(alone, WorkerProcesses)
    alone.close()
    assert len(asked) == 2


def test_what_was_started_ends_if_the_cluster_is_not_there() -> None:
    """The error is that of the cluster; no process is left."""
    before = open_files()

    def connect() -> NoNodes:
        raise OSError(111, "Connection refused")

    for threads in (1, 2):
        state = ModelState.new(ModelSettings(vector_size=4, lanes=3))
        with pytest.raises(OSError, match="refused"):
            starter(threads, connect)(state)
        del state
        gc.collect()
        assert open_files() == before


def test_one_starter_serves_several_models() -> None:
    """Each call starts workers of its own, for the model that it is given."""
    start, models = starter(2), [model(), model()]
    found = [start(each) for each in models]
    for workers, each in zip(found, models, strict=True):
        assert isinstance(workers, WorkerProcesses)
        assert workers._state is each
        workers.close()
    assert found[0] is not found[1]


def test_making_a_starter_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that never has much to do never has a process; a system without room is heard of at the start only."""

    def refuse(*_: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(processes, "spawn", refuse)
    start = starter(4)
    with pytest.raises(OSError, match="temporarily"):
        start(model())
