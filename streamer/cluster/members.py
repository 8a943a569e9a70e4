"""The nodes of a cluster as the helper sees them: asked before they get work, used, refused, or lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streamer.cluster.line import Line
from streamer.cluster.machine import differences
from streamer.cluster.messages import Event

MIXED = "--allow-mixed uses nodes that differ, and then the bits may differ too"
"""The hint."""
ASKED = 3
"""How often a node is asked what it is; one that cannot say so is refused."""


@dataclass
class Member:
    """A node.

    Attributes:
        name: Its host and address, for people.
        cpus: How many CPUs it has.
        line: A connection that tells whether it is there.
        judged: Whether it has been asked, and has answered.
        refused: Why it gets no work; empty if it may get some.
        away: Whether it does not answer.
        failed: How often it was asked in vain.
    """

    name: str
    cpus: int
    line: Line
    judged: bool = False
    refused: str = ""
    away: bool = False
    failed: int = 0


@dataclass
class Members:
    """All nodes that Ray counts as alive.

    Attributes:
        here: What bits depend on at the trainer, see :func:`streamer.cluster.machine.describe`.
        allow_mixed: Whether nodes may differ from it.
        nodes: By Ray's identifier.
        events: Log lines that nobody has written yet.
    """

    here: Mapping[str, str]
    allow_mixed: bool
    nodes: dict[str, Member] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    _warned: bool = False

    def usable(self) -> dict[str, int]:
        """Return the CPUs of each node that may get work."""
        return {
            node: member.cpus
            for node, member in self.nodes.items()
            if member.judged and not member.refused and not member.away
        }

    def to_ask(self) -> list[str]:
        """Return the nodes that have not said what they are."""
        return [node for node, member in self.nodes.items() if not member.judged]

    def refusals(self) -> list[str]:
        """Return why nodes are refused."""
        return [f"{member.name}: {member.refused}" for member in self.nodes.values() if member.refused]

    def see(self, listed: Iterable[Mapping[str, object]]) -> list[str]:
        """Take note of which nodes there are.

        Args:
            listed: As ``ray.nodes()`` lists them.

        Returns:
            Those that are lost since the last time; others must do what they had to do.
        """
        alive = {str(each["NodeID"]): each for each in listed if each["Alive"]}
        lost = []
        for node in [node for node in self.nodes if node not in alive]:
            member = self.nodes.pop(node)
            member.line.close()
            if not member.away:
                self._lose(member)
                lost.append(node)
        for node, member in self.nodes.items():
            away = not member.line.alive()
            if away and not member.away:
                self._lose(member)
                lost.append(node)
            elif member.away and not away and member.judged and not member.refused:
                self._tell("cluster.node_joined", member, cpus=member.cpus)
            member.away = away
        for node in alive.keys() - self.nodes.keys():
            self._meet(node, alive[node])
        return lost

    def answered(self, node: str, there: Mapping[str, str]) -> None:
        """Judge a node by what it says it is."""
        if (member := self.nodes.get(node)) is None:
            return
        member.judged = True
        told = differences(self.here, there)
        if told and not self.allow_mixed:
            self.refuse(node, told)
            return
        if told and not self._warned:
            self._warned = True
            self._tell(
                "cluster.mixed", member, level="warning", differs=told, hint="the bits may differ from run to run"
            )
        self._tell("cluster.node_joined", member, cpus=member.cpus)

    def unanswered(self, node: str, problem: str, *, final: bool) -> None:
        """Take note that a node could not say what it is.

        Args:
            node: The node.
            problem: Why.
            final: Whether it will never.
        """
        if (member := self.nodes.get(node)) is None:
            return
        member.failed += 1
        if final or member.failed >= ASKED:
            member.judged = True
            self.refuse(node, problem, hint="")

    def refuse(self, node: str, told: str, hint: str = MIXED) -> None:
        """Give a node no work from now on."""
        if (member := self.nodes.get(node)) is not None and not member.refused:
            member.refused = told
            self._tell(
                "cluster.node_refused", member, level="warning", differs=told, **({"hint": hint} if hint else {})
            )

    def close(self) -> None:
        """Close the connections."""
        for member in self.nodes.values():
            member.line.close()

    def _meet(self, node: str, listed: Mapping[str, object]) -> None:
        resources = listed["Resources"]
        assert isinstance(resources, Mapping)
        cpus = int(resources.get("CPU", 0))
        if cpus:
            host, port = str(listed["NodeManagerAddress"]), int(str(listed["NodeManagerPort"]))
            self.nodes[node] = Member(f"{listed['NodeManagerHostname']} ({host})", cpus, Line(host, port))

    def _lose(self, member: Member) -> None:
        if member.judged and not member.refused:
            self._tell("cluster.node_lost", member, level="warning")

    def _tell(self, event: str, member: Member, *, level: str = "info", **fields: object) -> None:
        self.events.append(Event(event, level, {"node": member.name, **fields}))
