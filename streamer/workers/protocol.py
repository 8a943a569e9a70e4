"""Who computes, as the schedule of blocks sees it: five methods, whoever is behind them."""

from __future__ import annotations

from typing import Protocol

from streamer.model.pipeline import Tokens
from streamer.model.sgns import Loss


class Workers(Protocol):
    """Whoever trains the blocks of one model, in the order in which they are handed over.

    The result is the same, bit for bit, whoever it is: what to compute is settled before a block is handed over.

    Attributes:
        size: How many processes there are beside this one.
    """

    size: int

    def ready(self) -> bool:
        """Return whether blocks can be handed over, without waiting.

        Raises:
            StreamerError: If they never will; nothing has been touched then.
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
            StreamerError: 71 if who computed it died. The weights may then be in the middle of an update.
        """

    def close(self) -> None:
        """End them, whatever they are doing; the weights stay where they are."""
