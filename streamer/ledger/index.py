"""Where rows with a key are: a hash table of row numbers in one array, 6 to 8 bytes a row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

_SPARE = 64
"""Slots behind the last home: the search never goes around the end."""
_FULL = 0.7
"""Share of slots in use at which the table is built anew."""
_ROOM = 0.5
"""Share in use after that."""


class Index:
    """The numbers of rows by a key of 32 bits. Rows with other keys may be among those found: the caller compares.

    Open addressing with linear probing. Nothing is ever removed; :meth:`replace` puts a row in the place of another.

    Args:
        keys: Returns the keys of all rows that are in the index, (m,) uint32, and their numbers, (m,) int64: the table
            is built from these when it becomes full.
    """

    def __init__(self, keys: Callable[[], tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]]) -> None:
        self._keys = keys
        self._build(np.zeros(0, np.uint32), np.zeros(0, np.int64))

    def rebuild(self) -> None:
        """Build the table anew from the keys of all rows."""
        self._build(*self._keys())

    def find(self, key: int) -> list[int]:
        """Return the numbers of the rows that may have a key."""
        slots, at = self._view, key * self._homes >> 32
        found = []
        while row := slots[at]:
            found.append(row - 1)
            at += 1
        return found

    def first(self, key: int, wanted: Callable[[int], bool]) -> int:
        """Return the first row of :meth:`find` that is wanted, −1 if there is none."""
        slots, at = self._view, key * self._homes >> 32
        while row := slots[at]:
            if wanted(row - 1):
                return row - 1
            at += 1
        return -1

    def add(self, key: int, row: int) -> int:
        """Add a row; it may be in the index with another key too. The row must be among those of ``keys``.

        Returns how many others were in its way: at least those with the same key.
        """
        home = key * self._homes >> 32
        at = self._ends.get(key, home)
        while self._view[at]:
            at += 1
        if at - home > _SPARE:
            self._ends[key] = at
        if at >= len(self._slots) - 1 or self._used >= _FULL * self._homes:
            self.rebuild()  # the new row among them
        else:
            self._view[at] = row + 1
            self._used += 1
        return at - home

    def replace(self, key: int, old: int, new: int) -> None:
        """Put a row in the place of another with the same key."""
        at = key * self._homes >> 32
        while self._view[at] != old + 1:
            at += 1
        self._view[at] = new + 1

    def _build(self, keys: npt.NDArray[np.uint32], rows: npt.NDArray[np.int64]) -> None:
        order = np.argsort(keys, kind="stable")
        self._homes = max(64, int(len(rows) / _ROOM))
        homes = (keys[order].astype(np.uint64) * np.uint64(self._homes) >> np.uint64(32)).astype(np.int64)
        # Each row goes to its home, or behind the row before it: the same as adding one after the other.
        steps = np.arange(len(homes))
        places = np.maximum.accumulate(homes - steps) + steps if len(homes) else homes
        end = int(places[-1]) + 1 if len(places) else 0
        self._slots = np.zeros(max(self._homes, end) + _SPARE, np.uint32)
        self._slots[places] = rows[order] + 1
        self._view = self._slots.data
        self._used = len(rows)
        self._ends: dict[int, int] = {}  # where to look for a free slot for a key that many have
