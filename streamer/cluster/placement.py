"""Which node gets which call: no more than it has CPUs, and what a lost node had goes to the others."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Ref = TypeVar("Ref")

TRIES = 3
"""How often a call may end the process that runs it, on nodes that stay, before it is to blame."""


class Placement(Generic[Ref]):
    """The calls of a round that have no result yet.

    Args:
        calls: How many there are.

    Attributes:
        waiting: The numbers of those that no node has.
        running: For each reference to a result: the number of the call, and the node that has it.
    """

    def __init__(self, calls: int) -> None:
        self.waiting = deque(range(calls))
        self.running: dict[Ref, tuple[int, str]] = {}
        self._crashed = [0] * calls

    def left(self) -> bool:
        """Return whether there are calls without a result."""
        return bool(self.waiting or self.running)

    def next(self, cpus: dict[str, int]) -> tuple[int, str] | None:
        """Return a call to start and the node to start it on, or None if there is no call, or no CPU free.

        Args:
            cpus: How many CPUs each node has that may be used.
        """
        free = dict(cpus)
        for _, node in self.running.values():
            if node in free:
                free[node] -= 1
        if not self.waiting or not free:
            return None
        node = max(free, key=lambda name: free[name])
        return (self.waiting.popleft(), node) if free[node] > 0 else None

    def started(self, ref: Ref, call: int, node: str) -> None:
        """Take note that a node has a call."""
        self.running[ref] = call, node

    def ended(self, ref: Ref) -> int:
        """Take note that a call has a result; return its number."""
        return self.running.pop(ref)[0]

    def again(self, ref: Ref) -> None:
        """Put a call first that was not at fault."""
        self.waiting.appendleft(self.running.pop(ref)[0])

    def crashed(self, ref: Ref) -> bool:
        """Put a call first whose process ended; return whether this happened too often."""
        call = self.running[ref][0]
        self.again(ref)
        self._crashed[call] += 1
        return self._crashed[call] >= TRIES

    def lost(self, node: str) -> int:
        """Put first what a node had; return how many calls that were."""
        theirs = [ref for ref, (_, where) in self.running.items() if where == node]
        for ref in reversed(theirs):
            self.again(ref)
        return len(theirs)
