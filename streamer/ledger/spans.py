"""Which part of which file was trained when: the journal of the stream, in the order of training."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.ledger.table import Frozen, Table

SPAN = {"row": "u4", "start": "i8", "length": "u4", "pass": "u2", "blocks": "u4", "ended": "u1"}
"""``ended`` is one of :data:`OPEN`, :data:`ENDED` and :data:`UNKNOWN`."""
NAMELESS = 0xFFFFFFFF
"""The row of what was trained of files that were folded."""
LONGEST = 1 << 31
"""Bytes after which a new span begins."""
OPEN, ENDED, UNKNOWN = 0, 1, 2
"""How a span ends: before the text did, so that the next block may continue it; where the text ended at that time; or
nobody knows, because an older version wrote it: there, what a file grew by continued the same span."""
MOST = 1 << 20
"""Spans at which the older half becomes nameless: a file that grows every five seconds makes so many in two months."""

Columns = dict[str, npt.NDArray[Any]]


class Spans:
    """Blocks of one file and pass that were read one after the other make a span: 23 bytes.

    A block ends where its bytes say, except at the end of the text as it was when it was read. So the ends of all
    blocks are known again from a span and the file, and a replay makes the same ones.
    """

    def __init__(self) -> None:
        self._table = Table(SPAN)

    def __len__(self) -> int:
        """Return the number of spans."""
        return len(self._table)

    def add(self, row: int, start: int, stop: int, number: int, *, ended: bool = False) -> None:
        """Add a block: the row of its file, its bytes, and the number of the pass from 0.

        Args:
            row: The row.
            start: Where it begins.
            stop: Where it ends.
            number: The number of the pass.
            ended: Whether the text, as it was read, ends there: what is added later is cut into blocks from there on.
        """
        number, end = min(number, 0xFFFF), ENDED if ended else OPEN
        if len(self._table):
            last, begin, length, passes, blocks, before = self._table[len(self._table) - 1]
            follows = (last, begin + length, passes, before) == (row, start, number, OPEN)
            if follows and stop - begin <= LONGEST:
                self._table[len(self._table) - 1] = (row, begin, stop - begin, number, blocks + 1, end)
                return
        if len(self._table) >= MOST:
            columns = self._columns()
            columns["row"][: MOST // 2] = NAMELESS
            self._replace(_nameless(columns, self._table.column("row") != NAMELESS))
        self._table.append((row, start, stop - start, number, 1, end))

    def renumber(self, number: npt.NDArray[np.int32]) -> None:
        """Give rows other numbers: (n,); those with −1 have no name any more.

        What follows each other without a name becomes one span: ``start`` has its bytes, and ``length`` is 0.
        """
        columns = self._columns()
        row, named = columns["row"], columns["row"] != NAMELESS
        row[named] = number[row[named]].astype(np.uint32)  # −1 becomes NAMELESS
        self._replace(_nameless(columns, named))

    def leave_out(self, rows: Collection[int]) -> None:
        """Remove the spans of some rows, which were never trained after all."""
        self._table.keep(~np.isin(self._table.column("row"), list(rows)))

    def freeze(self) -> Frozen:
        """Return the spans as they are now."""
        return self._table.freeze()

    def restore(self, columns: Columns) -> None:
        """Take over stored spans."""
        self._table.extend(columns)

    def _columns(self) -> Columns:
        return {name: self._table.column(name) for name in SPAN}

    def _replace(self, columns: Columns) -> None:
        self._table = Table(SPAN)
        self._table.extend(columns)


def _nameless(columns: Columns, named: npt.NDArray[np.bool_]) -> Columns:
    """Return spans of which some have just lost their names, with one for all that follow each other without a name.

    Args:
        columns: The spans.
        named: Those that had a name before: (n,).
    """
    lost = columns["row"] == NAMELESS
    columns["start"] = np.where(lost & named, columns["length"], columns["start"])
    columns["length"][lost], columns["pass"][lost], columns["ended"][lost] = 0, 0, UNKNOWN
    first = ~(lost & np.concatenate([[False], lost[:-1]])) if len(lost) else lost
    starts = np.flatnonzero(first)
    if len(starts) < len(lost):
        bytes_, blocks = (np.add.reduceat(columns[name].astype(np.int64), starts) for name in ("start", "blocks"))
        columns = {name: column[starts] for name, column in columns.items()}
        columns["start"] = bytes_
        columns["blocks"] = np.minimum(blocks, NAMELESS).astype(np.uint32)
    return columns
