"""From which files each word comes: the first, the last, how many, and those that moved it most. 49 bytes a word.

A file is a number here, the row of the ledger: the model knows no names. How far a file moved the vector of a word is
not measured, because several blocks change the weights at a time, and to compare vectors would cost more. It follows
from counts: the variance of AdaGrad's random walk grows with ln(G₁/G₀), with G the sum of squares of the word's
gradients (``streamer/vectors/drift.py``), and G grows as n does, the number of times that the word was seen. So a file
moved a word by ln(n₁/n₀): n₀ before the file, n₁ after it. This says how much a file weighs in what is known of a
word. It does not say that the file used the word in another sense.

Nothing here influences training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
Records = npt.NDArray[np.int32]

MOVERS = 3
"""Files of each word that are remembered as those that moved it most."""
SETTLED = 20
"""A word that was seen less often is still finding its place, and every file moves it far: none is remembered."""
NO_FILE = -1
"""Instead of a file: the text came from none, or from one that was trained before this was recorded."""
NAMELESS = -2
"""Instead of a file: one that was gone for long, and is no longer listed."""
NO_DATE = -(1 << 31)
"""Instead of a date: it is not known."""

COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "first": (np.int32, NO_FILE), "first_date": (np.int32, NO_DATE),
    "last": (np.int32, NO_FILE), "last_date": (np.int32, NO_DATE),
    "files": (np.uint32, 0), "run": (np.float32, 0), "movers": (np.int32, NO_FILE), "moves": (np.float32, 0),
    "anew": (np.uint8, 0),
}  # fmt: skip
"""For each column its type, and its value of a word of which nothing is known."""
WIDE = ("movers", "moves")
"""Columns with :data:`MOVERS` numbers a word."""

_FIRST, _LAST, _LAST_DATE, _FILES, _RUN, _MOVERS, _MOVES = 0, 2, 3, 4, 5, slice(6, 9), slice(9, 12)
_PLACES: dict[str, int | slice] = {
    "first": _FIRST, "first_date": 1, "last": _LAST, "last_date": _LAST_DATE, "files": _FILES, "run": _RUN,
    "movers": _MOVERS, "moves": _MOVES,
}  # fmt: skip
"""Where the columns are in a record, which is 12 numbers side by side: so one step takes all that is known of words."""
_RECORD = 12


class Source(NamedTuple):
    """Where a block of text comes from.

    Attributes:
        row: The row of its file in the ledger, or :data:`NO_FILE`.
        date: The date of the stream, in minutes since 1970, or :data:`NO_DATE`.
    """

    row: int = NO_FILE
    date: int = NO_DATE


NOWHERE = Source()


def in_minutes(seconds: float) -> int:
    """Return a date, in seconds since 1970, as whole minutes that fit into 32 bits; :data:`NO_DATE` if it is none."""
    if not math.isfinite(seconds):
        return NO_DATE
    return int(min(max(seconds // 60, NO_DATE + 1), -(NO_DATE + 1)))


class Sources:
    """A record of each word of a vocabulary, in the order of the ids.

    Columns: ``first`` and ``last`` file, ``first_date`` and ``last_date`` (of the stream, in minutes since 1970),
    ``files`` (how many had the word), ``movers`` (the files that moved it most) and ``moves`` (how far, as ln(n₁/n₀)),
    ``run`` (how far the last file has moved it so far), ``anew`` (1 if the word has left the vocabulary and come back:
    then all this is known since it came back).

    The first file is the one with which a word got its vector: nothing is recorded of candidates. A file that has
    grown is another file for a word, if some other file had the word in between.
    """

    def __init__(self) -> None:
        self._size = 0
        self._records: Records = np.empty((0, _RECORD), np.int32)
        self._anew: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
        self._newest = NO_FILE  # the highest row in it: most files are newer, and so are listed nowhere

    def __len__(self) -> int:
        return self._size

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column of :data:`COLUMNS`: (V,), or (V, 3) if it is one of :data:`WIDE`; a view."""
        return _column(self._records[: self._size], self._anew[: self._size], name)

    @property
    def files(self) -> npt.NDArray[np.uint32]:
        """How many files had each word: (V,) uint32, a view."""
        return self.column("files")

    def copied(self) -> Columns:
        """Return all columns, copied."""
        records, anew = self._records[: self._size].copy(), self._anew[: self._size].copy()
        return {name: _column(records, anew, name) for name in COLUMNS}

    def grow(self, size: int) -> None:
        """Add words of which nothing is known, up to ``size`` of them in all."""
        old = self._size
        if size == old:
            return
        if size > len(self._records):
            before, capacity = (self._records, self._anew), max(1024, size, 2 * old)
            self._records, self._anew = np.empty((capacity, _RECORD), np.int32), np.empty(capacity, np.uint8)
            self._records[:old], self._anew[:old] = (column[:old] for column in before)
        self._size = size
        for name, (_, nothing) in COLUMNS.items():
            self.column(name)[old:] = nothing

    def observe(self, source: Source, ids: Ints, counts: Ints, total: Ints) -> None:
        """Record a block of text; words that are new in ``total`` begin with it.

        Args:
            source: Where it comes from.
            ids: (k,) int64, the ids of its distinct words, −1 for candidates.
            counts: (k,) int64, how often each is in it.
            total: (V,) int64, how often each word of the vocabulary was seen, with this block.
        """
        size, (row, date) = self._size, source
        self.grow(len(total))
        if row < 0:
            return
        known = (ids >= 0).nonzero()[0]
        at = ids.take(known)
        after = total.take(at)
        before = after - counts.take(known)
        change = np.log(after / np.maximum(before, 1))
        change[before < SETTLED] = 0
        if self._size > size:
            self._records[size : self._size, _FIRST : _FIRST + 2] = source
            change[at >= size] = 0  # a vector that is new was not moved
        records = self._records.take(at, 0)
        last = records[:, _LAST]
        another = last != row
        last[:] = row
        records[:, _LAST_DATE] = date
        records[:, _FILES] += another
        _move(records, row, another, change, listed=row <= self._newest)
        self._records[at] = records
        self._newest = max(self._newest, row)

    def came_back(self, ids: Ints) -> None:
        """Note that words had left the vocabulary: (n,) int64. Their records begin anew."""
        self._anew[ids] = 1

    def remove(self, leaving: Ints) -> None:
        """Forget words that leave, and close the gaps: (n,) int64."""
        stay = np.ones(self._size, np.bool_)
        stay[leaving] = False
        old, self._size = self._size, self._size - len(leaving)
        for rows in (self._records, self._anew):
            rows[: self._size] = rows[:old][stay]

    def renumber(self, number: npt.NDArray[np.int32]) -> None:
        """Give files other numbers: (n,); those with −1 have no name any more."""
        used = {name: self.column(name) for name in COLUMNS}
        for name, column in renumbered(used, number).items():
            used[name][:] = column
        self._newest = self._highest()

    def restore(self, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Copy the columns of a checkpoint: those of :data:`COLUMNS`."""
        self._size = 0
        self.grow(len(columns["first"]))
        for name in COLUMNS:
            self.column(name)[:] = columns[name]
        self._newest = self._highest()

    def _highest(self) -> int:
        return max(int(self.column(name).max(initial=NO_FILE)) for name in ("last", "movers"))


def _move(
    records: Records, row: int, another: npt.NDArray[np.bool_], change: npt.NDArray[np.float64], *, listed: bool
) -> None:
    """Add to how far a file has moved some words.

    If a file has several blocks, what they add up to counts, though it may be enough only with the last of them.

    Args:
        records: (k, 12) int32, the records of the words; changed.
        row: The file.
        another: (k,) bool, whether another file had the word last.
        change: (k,) float64, how far this block moved it.
        listed: Whether the file may be among the movers of a word already.
    """
    numbers = records.view(np.float32)
    run, movers, moves = numbers[:, _RUN], records[:, _MOVERS], numbers[:, _MOVES]
    run[another] = 0
    run += change
    farther = run > np.minimum(np.minimum(moves[:, 0], moves[:, 1]), moves[:, 2])  # of equal ones, the earlier stays
    if listed:
        words, place = (movers == row).nonzero()
        moves[words, place] += change[words]
        farther[words] = False
    new = farther.nonzero()[0]
    if len(new):
        place = moves[new].argmin(axis=1)
        movers[new, place], moves[new, place] = row, run[new]


def renumbered(columns: Mapping[str, npt.NDArray[Any]], number: npt.NDArray[Any]) -> Columns:
    """Return those columns of :data:`COLUMNS` that hold files, with other numbers for these.

    Args:
        columns: The columns.
        number: The new number of each file, −1 for one that has no name any more: (n,) integers.
    """
    found = {}
    for name, (_, nothing) in COLUMNS.items():
        if nothing == NO_FILE:
            column = columns[name].copy()
            named = column >= 0
            new = number[column[named]].astype(np.int32)
            column[named] = np.where(new < 0, np.int32(NAMELESS), new)
            found[name] = column
    return found


def _column(records: Records, anew: npt.NDArray[np.uint8], name: str) -> npt.NDArray[Any]:
    """Return a column of some records, and of what is beside them, as a view."""
    if name == "anew":
        return anew
    return records.view(COLUMNS[name][0])[:, _PLACES[name]]
