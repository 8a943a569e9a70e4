"""How far a backlog is, and how long the rest takes: no terminal, no log, and a clock that is given.

A file costs something for being a file, and something for each of its bytes. Both are fitted to the time that recent
files took. So the estimate is right for large files, for tiny ones, and where the ones follow the others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

PER_FILE, PER_BYTE = 1.5e-3, 1.4e-7
"""Seconds that a file and a byte take on a common machine: only their ratio matters, and only at first."""
PRIOR_SECONDS = 1.0
"""How many seconds of work that ratio is worth."""
FIRST_SECONDS = 1.0
"""Seconds of work from which on there is an estimate."""
STEP_SECONDS = 0.25
MEMORY = 0.4
"""Share of the work so far after which it counts e times less: what was slow at first is forgotten."""
MEMORY_SECONDS = 8.0
SMOOTHING = 0.1
"""Share of the time left, or of the time so far if that is shorter, within which the estimate follows the figures."""


class TimeLeft:
    """A backlog of files: what there is, what is done, and the seconds until all of it is.

    Args:
        clock: Returns seconds; it never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.files = self.files_done = 0
        self.bytes = 0
        self._before = 0
        self._size = 0
        self._share = 0.0
        self._cost = _Cost()
        self._since: float | None = None
        self._counted = (0, 0.0)
        self._shown: tuple[float, float] | None = None

    @property
    def bytes_done(self) -> float:
        """Bytes that are done, those of the file under way included."""
        return self._before + self._share * self._size

    def add(self, files: int, size: int) -> None:
        """Add files of so many bytes in all to the backlog."""
        self.files += files
        self.bytes += size
        self._shown = None if files else self._shown  # that it grows is no jump to be smoothed

    def begin(self, size: int) -> None:
        """Begin a file of so many bytes."""
        if self._since is None:
            self._since = self._clock()
        if self.files_done == self.files:  # one that was not announced
            self.add(1, size)
        self._size, self._share = size, 0.0

    def reach(self, share: float) -> None:
        """Note that so much of the file is done."""
        self._share = share
        self._measure()

    def end(self) -> None:
        """End the file, trained or not."""
        self._before += self._size
        self.files_done += 1
        self._size, self._share = 0, 0.0
        self._measure()

    def rest(self) -> None:
        """Note that all is done. The next backlog begins at zero; what files cost is not forgotten."""
        self.files = self.files_done = self.bytes = self._before = self._size = 0
        self._share, self._counted = 0.0, (0, 0.0)
        self._since = self._shown = None

    def seconds(self) -> float | None:
        """Return the seconds left, smoothed; None if it is too early to say, or if nothing is left."""
        if self._cost.seconds < FIRST_SECONDS or self.files_done == self.files:
            return None
        left = self._cost.of(self.files - self.files_done, max(0.0, self.bytes - self.bytes_done))
        now = self._clock()
        if self._shown is not None:
            then, shown = self._shown
            expected = max(0.0, shown - (now - then))
            follow = -math.expm1(-(now - then) / max(1.0, SMOOTHING * min(left, self._cost.seconds)))
            left = expected + follow * (left - expected)
        self._shown = now, left
        return left

    def _measure(self) -> None:
        now = self._clock()
        if self._since is None or now - self._since < STEP_SECONDS:
            return
        files, size = self._counted
        self._counted = self.files_done, self.bytes_done
        self._cost.add(self.files_done - files, self.bytes_done - size, now - self._since)
        self._since = now


class _Cost:
    """Seconds = per file · files + per byte · bytes, by weighted least squares; recent work counts more."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._ff = self._fb = self._bb = self._ft = self._bt = 0.0
        self._expected = self._took = 0.0

    def add(self, files: int, size: float, seconds: float) -> None:
        """Add what was done within so many seconds."""
        self.seconds += seconds
        keep = math.exp(-seconds / max(MEMORY_SECONDS, MEMORY * self.seconds))
        # In units of the prior, so that the two numbers are of one size.
        f, b = files * PER_FILE, size * PER_BYTE
        for name, value in (
            *(("_ff", f * f), ("_fb", f * b), ("_bb", b * b), ("_ft", f * seconds), ("_bt", b * seconds)),
            *(("_expected", (f + b) * seconds), ("_took", seconds * seconds)),
        ):
            # What takes longer is less certain, in proportion.
            setattr(self, name, keep * getattr(self, name) + value / seconds)

    def of(self, files: int, size: float) -> float:
        """Return the seconds that so many files and bytes will take."""
        if not self._expected:
            return 0.0
        slow = self._took / self._expected
        prior = PRIOR_SECONDS / slow**2
        ff, bb, ft, bt = self._ff + prior, self._bb + prior, self._ft + prior * slow, self._bt + prior * slow
        per_file = (ft * bb - bt * self._fb) / (ff * bb - self._fb**2)
        per_file = min(max(per_file, 0.0), ft / ff)  # else the other would be less than nothing
        per_byte = (bt - self._fb * per_file) / bb
        return per_file * files * PER_FILE + max(per_byte, 0.0) * size * PER_BYTE
