"""A cluster of machines that die, are cut off, and differ: the bits are those of one process, or there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ..support import lanes
from .network import HEAD, Cluster, closing, missing, no_features, wait
from .trainer import digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("cluster")]
CALLS = 6
Tell = Callable[[str, object], None]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Return a head with one CPU; tests add the machines that they need."""
    if reason := missing():
        pytest.skip(reason)
    cluster = Cluster()
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def expected() -> str:
    """Return the digest of a round in this process."""
    return digest([lanes.lane(*call) for call in lanes.calls(CALLS)])


def test_the_bits_are_those_of_one_process_at_any_number_of_nodes(cluster: Cluster, expected: str) -> None:
    """Nodes join while the trainer is connected, are asked what they are, and get work."""
    with closing(cluster.trainer()) as trainer:
        assert trainer.until("connected")["connected"] == 1
        assert trainer.round(CALLS)["digest"] == expected
        for size, name in enumerate(("a", "b"), start=2):
            cluster.add(name)
            while (told := trainer.round(CALLS, 0.3))["size"] < size:
                assert told["digest"] == expected
            assert trainer.round(CALLS, 0.3) | {"seconds": 0} == {"digest": expected, "size": size, "seconds": 0}
        assert len(trainer.events("cluster.node_joined")) == 3
        trainer.end()
    assert cluster.processes("a"), "a cluster stays when a trainer leaves"


@pytest.mark.parametrize("loss", ["killed -9", "cut off"])
def test_a_node_that_is_lost_in_a_round(cluster: Cluster, expected: str, loss: str, record_property: Tell) -> None:
    """What it had to do is done by others, with the same bits."""
    cluster.add("a")
    cluster.add("b")
    with closing(cluster.trainer()) as trainer:
        assert trainer.until("connected")["connected"] == 3
        trainer.round(CALLS, 0.5)
        trainer.begin(CALLS, 2.0)
        wait(lambda: cluster.works("a"))
        (cluster.kill if loss == "killed -9" else cluster.pull)("a")
        told = trainer.until("digest")
        assert told.get("digest") == expected, told
        assert len(trainer.events("cluster.node_lost")) == 1
        # Six calls of two seconds on two nodes take six; the rest is what the loss costs.
        record_property("figure", f"a round on three nodes, one of them {loss}: {told['seconds'] - 4:.1f} s longer")
        assert trainer.round(CALLS)["digest"] == expected
        trainer.end()
    cluster.kill("a")


def test_a_node_that_differs_gets_no_work(cluster: Cluster, expected: str) -> None:
    """Its results would have other bits. One line says so; whoever wants it all the same says that."""
    cluster.add("less", no_features())
    try:
        with closing(cluster.trainer()) as trainer:
            size = trainer.until("connected")["connected"]
            assert trainer.round(CALLS, 0.3)["digest"] == expected
            (refused,) = trainer.events("cluster.node_refused")
            assert refused["differs"].startswith("CPU features in NumPy is ") and "--allow-mixed" in refused["hint"]
            assert cluster.machine("less") in refused["node"] and refused["level"] == "warning"
            trainer.end()
        with closing(cluster.trainer("--allow-mixed")) as trainer:
            assert trainer.until("connected")["connected"] == size + 1
            trainer.round(CALLS, 0.3)
            assert len(trainer.events("cluster.mixed")) == 1
            trainer.end()
    finally:
        cluster.kill("less")


def test_the_head_dies_in_a_round(cluster: Cluster, record_property: Tell) -> None:
    """The trainer has an error, and soon."""
    with closing(cluster.trainer()) as trainer:
        trainer.until("connected")
        trainer.begin(CALLS, 3.0)
        wait(lambda: cluster.works(HEAD))
        head = set(cluster.processes(HEAD)) - {trainer.process.pid}
        cluster.kill_ray(HEAD)
        assert head
        told = trainer.until("digest")
        assert told["code"] == 71 and "checkpoint is safe" in told["hint"], told
        record_property("figure", f"the head of a cluster killed -9: an error after {told['seconds']:.1f} s")
