"""Two protocols: workers, as the schedule of blocks uses them, and nodes, which compute the lanes of a block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from streamer.model.pipeline import Tokens
from streamer.model.sgns import Loss

Result = TypeVar("Result")


class Workers(Protocol):
    """Trains the blocks of one model, in the order in which they are handed over.

    The result is the same, bit for bit, for every kind of worker: what to compute is fixed before a block is submitted.

    Attributes:
        size: The number of processes besides this one.
    """

    size: int

    def ready(self) -> bool:
        """Return whether blocks can be handed over, without waiting.

        Raises:
            StreamerError: If they never can; nothing has been changed then.
        """

    def full(self) -> bool:
        """Return whether a block must be collected before another can be handed over."""

    def submit(self, tokens: Tokens) -> None:
        """Hand a block over.

        Raises:
            StreamerError: As :meth:`collect` does.
        """

    def collect(self) -> tuple[Loss, float]:
        """Wait for the oldest block handed over, and return its loss and when it was done, by ``perf_counter``.

        Raises:
            StreamerError: 71 if a worker died. Then the weights may be half updated.
        """

    def close(self) -> None:
        """End the workers, whatever they are doing; the weights stay where they are."""


class Nodes(Protocol):
    """Computes a pure function of arguments that can be pickled, in other processes or on other machines."""

    def map(self, function: Callable[..., Result], calls: Sequence[tuple[Any, ...]]) -> list[Result]:
        """Return the results for some tuples of arguments, in their order.

        Raises:
            StreamerError: 71 if they can't be computed.
        """

    def close(self) -> None:
        """End what is being computed: a :meth:`map` that waits for it raises an error."""
