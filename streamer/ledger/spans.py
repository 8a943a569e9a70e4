"""Which part of which file was trained when: the journal of the stream, in the order of training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.ledger.table import Frozen, Table

SPAN = {"row": "u4", "start": "i8", "length": "u4", "pass": "u2", "blocks": "u4"}
NAMELESS = 0xFFFFFFFF
"""The row of what was trained of files that were folded."""
LONGEST = 1 << 31
"""Bytes after which a new span begins."""


class Spans:
    """Blocks of one file and pass that were trained one after the other make a span: 22 bytes."""

    def __init__(self) -> None:
        self._table = Table(SPAN)

    def __len__(self) -> int:
        """Return the number of spans."""
        return len(self._table)

    def add(self, row: int, start: int, stop: int, number: int) -> None:
        """Add a block: the row of its file, its bytes, and the number of the pass from 0."""
        number = min(number, 0xFFFF)
        if len(self._table):
            last, begin, length, passes, blocks = self._table[len(self._table) - 1]
            if (last, begin + length, passes) == (row, start, number) and stop - begin <= LONGEST:
                self._table[len(self._table) - 1] = (row, begin, stop - begin, number, blocks + 1)
                return
        self._table.append((row, start, stop - start, number, 1))

    def renumber(self, number: npt.NDArray[np.int32]) -> None:
        """Give rows other numbers: (n,); those with −1 have no name any more.

        What follows each other without a name becomes one span: ``start`` has its bytes, and ``length`` is 0.
        """
        columns = {name: self._table.column(name) for name in SPAN}
        row, named = columns["row"], columns["row"] != NAMELESS
        row[named] = number[row[named]].astype(np.uint32)  # −1 becomes NAMELESS
        lost = row == NAMELESS
        columns["start"] = np.where(lost & named, columns["length"], columns["start"])
        columns["length"][lost], columns["pass"][lost] = 0, 0
        first = ~(lost & np.concatenate([[False], lost[:-1]])) if len(lost) else lost
        starts = np.flatnonzero(first)
        if len(starts) < len(lost):
            bytes_, blocks = (np.add.reduceat(columns[name].astype(np.int64), starts) for name in ("start", "blocks"))
            columns = {name: column[starts] for name, column in columns.items()}
            columns["start"] = bytes_
            columns["blocks"] = np.minimum(blocks, NAMELESS).astype(np.uint32)
        self._table = Table(SPAN)
        self._table.extend(columns)

    def freeze(self) -> Frozen:
        """Return the spans as they are now."""
        return self._table.freeze()

    def restore(self, columns: dict[str, npt.NDArray[Any]]) -> None:
        """Take over stored spans."""
        self._table.extend(columns)
