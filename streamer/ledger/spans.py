"""Which part of which file was trained when: the journal of the stream, in the order of training."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from streamer.ledger.table import Frozen, Table

SPAN = {"row": "u4", "start": "i8", "length": "u4", "pass": "u2", "blocks": "u4"}
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

    def freeze(self) -> Frozen:
        """Return the spans as they are now."""
        return self._table.freeze()

    def restore(self, columns: dict[str, npt.NDArray[Any]]) -> None:
        """Take over stored spans."""
        self._table.extend(columns)
