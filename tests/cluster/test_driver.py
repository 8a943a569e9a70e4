"""A cluster of machines that die, are cut off, and differ: the bits are those of one process, or there are none."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from streamer.cluster import driver
from streamer.cluster.line import Line
from streamer.cluster.members import Member
from streamer.cluster.messages import Alive, Setup, receive

from ..support import lanes
from .network import HEAD, ROOT, Cluster, closing, missing, no_features, wait
from .trainer import digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700), pytest.mark.xdist_group("cluster")]
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
    return digest(lanes.here(lanes.calls(CALLS)))


def test_the_bits_are_those_of_one_process_at_any_number_of_nodes(cluster: Cluster, expected: str) -> None:
    """Nodes join while the trainer is connected, are asked what they are, and get work."""
    cluster.add("a")
    with closing(cluster.trainer()) as trainer:
        assert trainer.until("connected")["connected"] == 1
        assert trainer.round(CALLS)["digest"] == expected
        for size, name in enumerate(("b", "c"), start=2):
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
    for name in ("a", "b", "c"):
        cluster.add(name)
    with closing(cluster.trainer()) as trainer:
        assert trainer.until("connected")["connected"] == 3
        whole = trainer.round(CALLS, 2.0)["seconds"]
        trainer.begin(CALLS, 2.0)
        wait(lambda: cluster.works("a"))
        (cluster.kill if loss == "killed -9" else cluster.pull)("a")
        told = trainer.until("digest")
        assert told.get("digest") == expected, told
        assert len(trainer.events("cluster.node_lost")) == 1
        longer = f"{told['seconds'] - whole:.1f} s longer than {whole:.1f} s"
        record_property("figure", f"cluster: a round on three nodes, one of them {loss}: {longer}")
        assert trainer.round(CALLS)["digest"] == expected
        trainer.end()
    cluster.kill("a")


def test_a_node_that_does_not_say_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for, and the others are used then. Meanwhile the trainer hears that the cluster answers."""
    ours, theirs = socket.socketpair()
    helper = driver._Helper(theirs, Setup("auto", False, {}, 1, 0, ""))
    with socket.create_server(("127.0.0.1", 0)) as server, ours:
        lines = [Line(*server.getsockname()) for _ in range(2)]
        nodes = {"good": Member("good", 2, lines[0], judged=True), "mute": Member("mute", 4, lines[1])}
        monkeypatch.setattr(helper, "_look", lambda: helper._members.nodes.update(nodes))
        monkeypatch.setattr("streamer.cluster.driver.ray.init", lambda **_: None)
        monkeypatch.setattr(driver, "FIRST", 0.5)
        helper.start()
        helper.close()
        theirs.close()
        heads = []
        with contextlib.suppress(EOFError):
            while True:
                heads.append(receive(ours)[0])
    assert set(heads[:-1]) == {Alive(0)} and heads[-1] == Alive(2)


def test_nodes_that_differ_get_no_work(cluster: Cluster, expected: str) -> None:
    """Their results would have other bits. One line each says so; whoever wants them all the same says that."""
    cluster.add("b")
    cluster.add("less", no_features())
    cluster.add("none", hidden=str(ROOT / "streamer"))
    try:
        with closing(cluster.trainer()) as trainer:
            size = trainer.until("connected")["connected"]
            machines = [f"({cluster.machine(name)})" for name in ("less", "none")]
            refused: dict[str, dict[str, Any]] = {}
            started = time.monotonic()
            while time.monotonic() - started < 300:  # beside other tests, nodes need their time to say what they are
                assert trainer.round(CALLS, 0.3)["digest"] == expected
                lines = trainer.events("cluster.node_refused")
                refused = {name: line for line in lines for name in machines if name in line["node"]}
                if len(refused) == len(machines):
                    break
            less, none = (refused[name] for name in machines)
            assert less["differs"].startswith("CPU features in NumPy is ") and "--allow-mixed" in less["hint"]
            assert none["differs"] == "streamer is not installed there" and "hint" not in none
            assert {less["level"], none["level"]} == {"warning"}
            trainer.end()
        with closing(cluster.trainer("--allow-mixed")) as trainer:
            assert trainer.until("connected")["connected"] == size + 1
            assert trainer.round(CALLS, 0.3)["digest"]
            assert len(trainer.events("cluster.mixed")) == 1
            trainer.end()
        for name in ("a", "b", "c"):
            cluster.kill(name)
        with closing(cluster.trainer()) as trainer:
            told = trainer.until("connected")
            assert told["code"] == 78 and "no node of the cluster may be used: " in told["problem"], told
    finally:
        cluster.kill("less")
        cluster.kill("none")


@pytest.mark.parametrize("loss", ["all nodes cut off", "the head killed -9"])
def test_the_cluster_is_lost_in_a_round(loss: str, record_property: Tell) -> None:
    """The trainer has an error, and soon. The cluster is one that no other test needs."""
    if reason := missing():
        pytest.skip(reason)
    with contextlib.closing(Cluster()) as cluster:
        cluster.add("a")
        with closing(cluster.trainer()) as trainer:
            assert trainer.until("connected")["connected"] == 1
            trainer.begin(CALLS, 30.0)
            wait(lambda: cluster.works("a"))
            began = time.monotonic()
            if loss == "all nodes cut off":
                cluster.pull("a")
            else:
                cluster.kill(HEAD, only="gcs_server")
            told = trainer.until("digest")
            record_property("figure", f"cluster: {loss} in a round: an error after {time.monotonic() - began:.1f} s")
            assert told["code"] == 71 and "checkpoint is safe" in told["hint"], told
