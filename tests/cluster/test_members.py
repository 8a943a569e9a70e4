"""The nodes of a cluster: listed as Ray lists them, with real ports."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from streamer.cluster.members import ASKED, Members

HERE = {"NumPy": "2.0"}
OTHER = {"NumPy": "1.0"}


class Listed:
    """Nodes that listen."""

    def __init__(self) -> None:
        self.servers: dict[str, socket.socket] = {}

    def add(self, node: str) -> None:
        """Add a node."""
        self.servers[node] = socket.create_server(("127.0.0.1", 0))

    def rows(self, **cpus: float) -> list[dict[str, object]]:
        """Return them as Ray does, with one CPU each unless said."""
        return [
            {
                "NodeID": node,
                "Alive": True,
                "NodeManagerAddress": "127.0.0.1",
                "NodeManagerPort": server.getsockname()[1],
                "NodeManagerHostname": node,
                "Resources": {"CPU": cpus.get(node, 1.0)} if cpus.get(node, 1.0) else {},
            }
            for node, server in self.servers.items()
        ]


@pytest.fixture
def listed() -> Iterator[Listed]:
    """Return two nodes."""
    listed = Listed()
    listed.add("a")
    listed.add("b")
    yield listed
    for server in listed.servers.values():
        server.close()


def names(members: Members) -> list[str]:
    """Return the events, and forget them."""
    found = [event.name for event in members.events]
    members.events.clear()
    return found


def test_nobody_gets_work_before_it_has_said_what_it_is(listed: Listed) -> None:
    """And those that differ never do."""
    members = Members(HERE, allow_mixed=False)
    assert members.see(listed.rows(a=4.0)) == []
    assert sorted(members.to_ask()) == ["a", "b"] and members.usable() == {}
    members.answered("a", HERE)
    members.answered("b", OTHER)
    assert members.usable() == {"a": 4} and members.to_ask() == []
    assert members.refusals() == ["b (127.0.0.1): NumPy is 1.0, and 2.0 at the trainer"]
    assert names(members) == ["cluster.node_joined", "cluster.node_refused"]
    members.refuse("b", "again")
    assert names(members) == [], "it is said once"
    members.close()


def test_nodes_may_differ_if_somebody_says_so(listed: Listed) -> None:
    """There is one warning."""
    members = Members(HERE, allow_mixed=True)
    members.see(listed.rows())
    members.answered("a", OTHER)
    members.answered("b", OTHER)
    assert members.usable() == {"a": 1, "b": 1}
    assert names(members) == ["cluster.mixed", "cluster.node_joined", "cluster.node_joined"]
    members.close()


def test_a_node_without_cpus_is_none(listed: Listed) -> None:
    """As that of the trainer may be."""
    members = Members(HERE, allow_mixed=False)
    members.see(listed.rows(a=0.0))
    assert members.to_ask() == ["b"]
    members.close()


def test_lost_nodes(listed: Listed) -> None:
    """One that Ray no longer lists, and one that does not answer; the second may come back."""
    members = Members(HERE, allow_mixed=False)
    members.see(listed.rows())
    for node in "ab":
        members.answered(node, HERE)
    names(members)
    rows = listed.rows()
    address = listed.servers["a"].getsockname()
    listed.servers["a"].close()
    lost: list[str] = []
    while not lost:
        lost = members.see(rows)
    assert lost == ["a"] and members.usable() == {"b": 1} and names(members) == ["cluster.node_lost"]
    listed.servers["a"] = socket.create_server(address)
    while "a" not in members.usable():
        assert members.see(rows) == []
    assert names(members) == ["cluster.node_joined"]
    assert members.see(rows[1:]) == ["a"] and members.usable() == {"b": 1}
    members.answered("a", HERE)
    assert members.usable() == {"b": 1}, "an answer that comes too late"
    members.close()


def test_a_node_that_cannot_say_what_it_is(listed: Listed) -> None:
    """It is asked some times, unless it never will."""
    members = Members(HERE, allow_mixed=False)
    members.see(listed.rows())
    members.unanswered("b", "it has no streamer", final=True)
    assert members.to_ask() == ["a"]
    for _ in range(ASKED):
        assert "a" in members.to_ask()
        members.unanswered("a", "it died", final=False)
    assert members.to_ask() == [] and members.usable() == {}
    assert [event.fields.get("hint") for event in members.events] == [None, None]
    members.close()
