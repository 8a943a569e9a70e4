"""Files that are gone from the inbox: since when, and for how long they are listed.

What is decided of later files does not depend on it, so it may follow the clock.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from streamer.intake.inbox import Scan
from streamer.intake.reasons import reason_class
from streamer.ledger.ledger import Ledger
from streamer.ledger.register import Follow

SHARE = 30
"""How often files are missed in the time for which they are listed: once a day in a month."""
EARLIEST = 1_767_225_600
"""2026. A clock that says less is wrong, as that of a machine without a battery when it starts."""
LATEST = 2**32
"""2106. The ledger has 32 bits for a time."""

_log = structlog.get_logger(__name__)


class Tidier:
    """Folds files that are gone for long.

    Args:
        ledger: The files.
        root: The folder that is watched; only its files can be missed.
        keep: Seconds for which a file is listed after it is gone; 0: for ever.
        wanted: Returns whether a scan looks at a file, given its path in the folder.
        clock: Returns the seconds since 1970.
        follow: Called with the new numbers of the ledger's rows, if some were folded.
    """

    def __init__(
        self,
        ledger: Ledger,
        root: Path,
        keep: float,
        wanted: Callable[[str], bool] = lambda path: True,
        clock: Callable[[], float] = time.time,
        follow: Follow = lambda number: None,
    ) -> None:
        self._ledger, self._prefix = ledger, f"{os.fspath(root).rstrip('/')}/"
        self._keep, self._wanted, self._clock, self._follow = keep, wanted, clock, follow
        self._last = -math.inf
        self._looking = False

    def looks(self) -> None:
        """Note that the inbox is looked at now."""
        now = self._clock()
        # A clock that is wrong at the start must not say for how long files are gone, and may be set back.
        due = not self._last <= now < self._last + self._keep / SHARE
        self._looking = self._keep > 0 and due and EARLIEST <= now < LATEST
        if self._looking:
            self._ledger.begin_scan()

    def looked(self, scan: Scan) -> bool:
        """Note what was found, if it was all that is there; fold what is gone for long.

        Returns whether the ledger has changed, which is worth a checkpoint: the next process must know since when.
        """
        if not self._looking or not scan.whole:
            return False
        now = self._last = self._clock()
        noted = self._ledger.end_scan(int(now), lambda name: self._missed(name, scan.unread))
        if folded := self._ledger.fold(int(now - self._keep), reason_class, self._follow):
            _log.info("ledger.folded", files=folded, listed=len(self._ledger))
        return noted or folded > 0

    def _missed(self, name: str, unread: frozenset[str]) -> bool:
        """Return whether a file that was not found would have been found if it were there."""
        path = name if name.startswith("/") else f"{self._ledger.root}/{name}"
        inside = path.removeprefix(self._prefix)
        return inside != path and self._wanted(inside) and not any(map(inside.startswith, unread))
