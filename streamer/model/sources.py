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

_FILE, _DATE = (np.int32, NO_FILE), (np.int32, NO_DATE)
COLUMNS: dict[str, tuple[type[np.generic], int]] = {
    "first": _FILE, "last": _FILE, "first_date": _DATE, "last_date": _DATE, "files": (np.uint32, 0),
    "run": (np.float32, 0), "movers": _FILE, "moves": (np.float32, 0), "anew": (np.uint8, 0),
}  # fmt: skip
"""For each column its type, and its value of a word of which nothing is known."""
WIDE = ("movers", "moves")
"""Columns with :data:`MOVERS` numbers a word."""


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
        self._columns = _empty(0)

    def __len__(self) -> int:
        return self._size

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a column of :data:`COLUMNS`: (V,), or (V, 3) if it is one of :data:`WIDE`; a view."""
        return self._columns[name][: self._size]

    @property
    def files(self) -> npt.NDArray[np.uint32]:
        """How many files had each word: (V,) uint32, a view."""
        return self.column("files")

    def copied(self) -> Columns:
        """Return all columns, copied."""
        return {name: self.column(name).copy() for name in COLUMNS}

    def grow(self, size: int) -> None:
        """Add words of which nothing is known, up to ``size`` of them in all."""
        if size == self._size:
            return
        if size > len(self._columns["first"]):
            grown = _empty(max(1024, size, 2 * self._size))
            for name, column in grown.items():
                column[: self._size] = self.column(name)
            self._columns = grown
        for name, (_, nothing) in COLUMNS.items():
            self._columns[name][self._size : size] = nothing
        self._size = size

    def observe(self, source: Source, ids: Ints, counts: Ints, total: Ints) -> None:
        """Record a block of text; words that are new in ``total`` begin with it.

        Args:
            source: Where it comes from.
            ids: (k,) int64, the ids of its distinct words, −1 for candidates.
            counts: (k,) int64, how often each is in it.
            total: (V,) int64, how often each word of the vocabulary was seen, with this block.
        """
        size = self._size
        self.grow(len(total))
        if source.row < 0:
            return
        known = (ids >= 0).nonzero()[0]
        at = ids[known]
        columns = self._columns
        another = columns["last"][at] != source.row
        columns["files"][at] += another
        columns["last"][at], columns["last_date"][at] = source
        columns["run"][at[another]] = 0
        columns["first"][size : self._size], columns["first_date"][size : self._size] = source
        after = total[at]
        before = after - counts[known]
        settled = ((before >= SETTLED) & (at < size)).nonzero()[0]  # a vector that is new was not moved
        if len(settled):
            self._move(source.row, at[settled], np.log(after[settled] / before[settled]).astype(np.float32))

    def _move(self, row: int, at: Ints, change: npt.NDArray[np.float32]) -> None:
        """Add to how far a file has moved some words.

        If a file has several blocks, what they add up to counts, though it may be enough only with the last of them.
        """
        columns = self._columns
        movers, moves = columns["movers"][at], columns["moves"][at]
        run = columns["run"][at] + change
        columns["run"][at] = run
        here = movers == row
        listed = here.any(axis=1)
        place = np.where(listed, here.argmax(axis=1), moves.argmin(axis=1))
        every = np.arange(len(at))
        least = moves[every, place]
        value = np.where(listed, least + change, run)
        farther = (value > least).nonzero()[0]  # of equal ones, the earlier stays
        columns["movers"][at[farther], place[farther]] = row
        columns["moves"][at[farther], place[farther]] = value[farther]

    def came_back(self, ids: Ints) -> None:
        """Note that words had left the vocabulary: (n,) int64. Their records begin anew."""
        self._columns["anew"][ids] = 1

    def remove(self, leaving: Ints) -> None:
        """Forget words that leave, and close the gaps: (n,) int64."""
        stay = np.ones(self._size, np.bool_)
        stay[leaving] = False
        size = self._size - len(leaving)
        for column in self._columns.values():
            column[:size] = column[: self._size][stay]
        self._size = size

    def renumber(self, number: npt.NDArray[np.int32]) -> None:
        """Give files other numbers: (n,); those with −1 have no name any more."""
        used = {name: self.column(name) for name in COLUMNS}
        for name, column in renumbered(used, number).items():
            used[name][:] = column

    def restore(self, columns: Mapping[str, npt.NDArray[Any]]) -> None:
        """Copy the columns of a checkpoint: those of :data:`COLUMNS`."""
        self._size = 0
        self.grow(len(columns["first"]))
        for name in COLUMNS:
            self._columns[name][: self._size] = columns[name]


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


def _empty(capacity: int) -> Columns:
    return {
        name: np.empty((capacity, MOVERS) if name in WIDE else capacity, kind) for name, (kind, _) in COLUMNS.items()
    }
