"""Rows of fixed length in large pieces of memory: a table of ten million takes what its rows take, and no more."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

BITS = 16
PIECE = 1 << BITS
"""Rows in a piece. Untouched memory of a piece costs nothing, and no piece is ever moved."""

_CODES = {"u1": "B", "u2": "H", "u4": "I", "i4": "i", "i8": "q", "V32": "32s"}

_FIRST = struct.Struct("<I")


class Table:
    """Rows by number, from 0; each is a tuple of Python numbers and bytes.

    A row is read and written as a whole with :mod:`struct`, which is four times as fast as NumPy for a single row. A
    column of all rows is an array.

    Args:
        fields: The name of each field and its type, as NumPy spells it.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        self._row = struct.Struct("<" + "".join(_CODES[kind] for kind in fields.values()))
        self._type = np.dtype(list(fields.items()))
        self._pieces: list[bytearray] = []
        self._length = 0

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._length

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        """Return a row."""
        return self._row.unpack_from(self._pieces[number >> BITS], (number & (PIECE - 1)) * self._row.size)

    def first(self, number: int) -> int:
        """Return the first field of a row, which has 32 bits."""
        found: int = _FIRST.unpack_from(self._pieces[number >> BITS], (number & (PIECE - 1)) * self._row.size)[0]
        return found

    def __setitem__(self, number: int, row: tuple[Any, ...]) -> None:
        """Replace a row."""
        self._row.pack_into(self._pieces[number >> BITS], (number & (PIECE - 1)) * self._row.size, *row)

    def append(self, row: tuple[Any, ...]) -> int:
        """Add a row and return its number."""
        number = self._length
        if not number & (PIECE - 1):
            self._pieces.append(bytearray(PIECE * self._row.size))
        self._length += 1
        self[number] = row
        return number

    def extend(self, columns: dict[str, npt.NDArray[Any]]) -> None:
        """Add rows to an empty table; a column that is not given is zeros."""
        length = len(next(iter(columns.values())))
        self._pieces = [bytearray(PIECE * self._row.size) for _ in range(0, length, PIECE)]
        self._length = length
        for start, piece in self._views():
            for name, column in columns.items():
                given = np.ascontiguousarray(column[start : start + len(piece)])
                piece[name] = given.view("V32")[:, 0] if given.ndim == 2 else given

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return a copy of a column: (n,), or (n, 32) uint8 for bytes."""
        kind = self._type[name]
        found = np.empty(self._length, kind)
        for start, piece in self._views():
            found[start : start + len(piece)] = piece[name]
        return found.view(np.uint8).reshape(-1, kind.itemsize) if kind.kind == "V" else found

    def change(self, name: str, rows: npt.NDArray[np.bool_], value: int) -> None:
        """Set a field of some rows; ``rows`` is a mask: (n,)."""
        for start, piece in self._views():
            piece[name][rows[start : start + len(piece)]] = value

    def _views(self) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Yield each piece as a structured array, with the number of its first row."""
        for at, piece in enumerate(self._pieces):
            rows = min(PIECE, self._length - (at << BITS))
            yield at << BITS, np.frombuffer(piece, self._type, rows)
