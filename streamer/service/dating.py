"""When a text is from: the clock of the stream, by which snapshots are taken and found.

It influences no update. Only the order of files does, which is in :mod:`streamer.service.files`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from streamer.formats.dates import DAY, FIRST
from streamer.intake.prefetch import TokenBlock
from streamer.ledger.entries import Signature
from streamer.settings import RunSettings

_HINTS = {
    "mtime": "the time of modification of this file is in the future",
    "name": "this file has no date in its name, or one in the future",
    "field": "no record has a date, or all are in the future; --date-field names the field",
}

_log = structlog.get_logger(__name__)


class Dating:
    """Says when texts are from, and logs once that one does not say it.

    Args:
        source: The setting ``date_from``.
        in_name: Returns the date in the name of a file, by its name in the ledger.
        clock: Returns the seconds since 1970.
    """

    def __init__(
        self, source: str, in_name: Callable[[str], float | None], clock: Callable[[], float] = time.time
    ) -> None:
        self._source, self._in_name, self._clock = source, in_name, clock
        self._told = False

    def date(self, path: str, signature: Signature, block: TokenBlock) -> float | None:
        """Return when a block of a file is from, in seconds since 1970; None if nobody can say.

        A date in the future is none: it would be the newest of all for a long time. Clocks may differ by a day. One
        before the year 1000 is none either.

        Args:
            path: The name of the file in the ledger.
            signature: Its size and times.
            block: The block.
        """
        now = self._clock()
        match self._source:
            case "mtime":
                date: float | None = signature.mtime_ns / 1e9
            case "name":
                date = self._in_name(path)
            case "field":
                date = block.date
            case _:
                return now
        if date is not None and FIRST <= date <= now + DAY:
            return date
        if len(block.tokens) and not self._told:
            self._told = True
            _log.warning(
                "text.undated", path=path, hint=f"{_HINTS[self._source]}; the clock of the stream stands still"
            )
        return None


def date_field(run: RunSettings) -> str | None:
    """Return the field with the dates of records, empty for the usual ones; None if dates are not in fields."""
    return run.date_field if run.date_from == "field" else None
