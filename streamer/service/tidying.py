"""Files that are gone from the inbox: since when, and for how long they are listed.

What is decided of later files does not depend on it, so it may follow the clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from streamer.intake.inbox import Scan
from streamer.intake.reasons import reason_class
from streamer.ledger.ledger import Ledger

SHARE = 30
"""How often files are missed in the time for which they are listed: once a day in a month."""

_log = structlog.get_logger(__name__)


class Tidier:
    """Folds files that are gone for long.

    Args:
        ledger: The files.
        root: The folder that is watched; only its files can be missed.
        keep: Seconds for which a file is listed after it is gone; 0: for ever.
        clock: Returns the seconds since 1970.
    """

    def __init__(self, ledger: Ledger, root: Path, keep: float, clock: Callable[[], float] = time.time) -> None:
        self._ledger, self._prefix = ledger, f"{os.fspath(root).rstrip('/')}/"
        self._keep, self._clock = keep, clock
        self._next = 0.0
        self._looking = False

    def looks(self) -> None:
        """Note that the inbox is looked at now."""
        self._looking = self._keep > 0 and self._clock() >= self._next
        if self._looking:
            self._ledger.begin_scan()

    def looked(self, scan: Scan) -> bool:
        """Note what was found, if it was all that is there; fold what is gone for long.

        Returns whether the ledger has changed, which is worth a checkpoint: the next process must know since when.
        """
        if not self._looking or not scan.whole:
            return False
        now = self._clock()
        self._next = now + self._keep / SHARE
        noted = self._ledger.end_scan(int(now), self._inside)
        if folded := self._ledger.fold(int(now - self._keep), reason_class):
            _log.info("ledger.folded", files=folded, listed=len(self._ledger))
        return noted or folded > 0

    def _inside(self, name: str) -> bool:
        path = name if name.startswith("/") else f"{self._ledger.root}/{name}"
        return path.startswith(self._prefix)
