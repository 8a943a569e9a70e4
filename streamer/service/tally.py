"""How many files a run trained, refused, and found to be copies, for its last line."""

from __future__ import annotations

from streamer.intake.reasons import reason_class
from streamer.ledger.entries import COPY

NAMES = 1 << 18
"""Names that are remembered: a service may run for years. A file counts again when its name was forgotten."""


class Tally:
    """Counts each file once, however often it grew or was looked at.

    A file that was refused, and later trained, counts as trained only. One of which a part was trained, and that was
    then rewritten and refused, counts as both.
    """

    def __init__(self) -> None:
        self._trained: set[str] = set()
        self._refused: dict[str, bool] = {}  # whether it is a copy
        self._forgotten = [0, 0, 0]

    @property
    def trained(self) -> int:
        """Return how many files were trained."""
        return self._forgotten[0] + len(self._trained)

    @property
    def refused(self) -> int:
        """Return how many files were refused, without copies."""
        return self._forgotten[1] + len(self._refused) - sum(self._refused.values())

    @property
    def copies(self) -> int:
        """Return how many files were copies of others."""
        return self._forgotten[2] + sum(self._refused.values())

    def train(self, path: str) -> None:
        """Count a file that was trained to its end."""
        self._refused.pop(path, None)
        self._trained.add(path)
        self._forget()

    def refuse(self, path: str, reason: str) -> None:
        """Count a file that was refused or given up."""
        self._refused[path] = reason_class(reason) == COPY
        self._forget()

    def _forget(self) -> None:
        if len(self._trained) + len(self._refused) > NAMES:
            self._forgotten = [self.trained, self.refused, self.copies]
            self._trained.clear()
            self._refused.clear()
