"""Rows of fixed length in large pieces of memory: a table of ten million takes what its rows take, and no more.

A table can be frozen in no time: whoever holds the :class:`Frozen` sees the rows as they were. A piece is copied only
when it changes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

BITS = 16
PIECE = 1 << BITS
"""Rows in a piece. Untouched memory of a piece costs nothing, and no piece is ever moved."""

Array = npt.NDArray[Any]

_CODES = {"u1": "B", "u2": "H", "u4": "I", "i4": "i", "i8": "q", "V32": "32s"}

_FIRST = struct.Struct("<I")


@dataclass(frozen=True)
class Column:
    """A column of a frozen table, worked out when it is asked for.

    Attributes:
        dtype: Its type.
        shape: (n,), or (n, bytes) uint8.
        pieces: Yields it in pieces.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    pieces: Callable[[], Iterator[Array]]

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Return it as an array."""
        found = np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *self.pieces()])
        return found if dtype is None else found.astype(dtype)


class Frozen(NamedTuple):
    """The rows of a table at one moment.

    Attributes:
        kind: A row as NumPy spells it.
        length: The number of rows.
        memory: The pieces.
    """

    kind: np.dtype[Any]
    length: int
    memory: list[bytearray]

    def views(self) -> Iterator[tuple[int, Array]]:
        """Yield each piece as a structured array, with the number of its first row."""
        for at, piece in enumerate(self.memory):
            yield at << BITS, np.frombuffer(piece, self.kind, min(PIECE, self.length - (at << BITS)))

    def array(self, name: str) -> Array:
        """Return a copy of a column: (n,), or (n, bytes) uint8."""
        return np.asarray(self.column(name))

    def column(self, name: str, keep: Array | None = None, places: Array | None = None) -> Column:
        """Return a column.

        Args:
            name: The field.
            keep: Only these rows: (n,) bool.
            places: What to put in the place of each number.
        """
        kind = self.kind[name]
        rows = self.length if keep is None else int(np.count_nonzero(keep))

        def pieces() -> Iterator[Array]:
            for start, view in self.views():
                found = view[name] if keep is None else view[name][keep[start : start + len(view)]]
                found = np.ascontiguousarray(found)
                if kind.kind == "V":
                    yield found.view(np.uint8).reshape(-1, kind.itemsize)
                else:
                    yield found if places is None else places[found]

        if kind.kind == "V":
            return Column(np.dtype(np.uint8), (rows, kind.itemsize), pieces)
        return Column(kind if places is None else places.dtype, (rows,), pieces)


class Table:
    """Rows by number, from 0; each is a tuple of Python numbers and bytes.

    A row is read and written as a whole with :mod:`struct`, which is four times as fast as NumPy for a single row. A
    column of all rows is an array.

    Args:
        fields: The name of each field and its type, as NumPy spells it.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._row = struct.Struct("<" + "".join(_CODES[kind] for kind in fields.values()))
        self._type = np.dtype(list(fields.items()))
        self._pieces: list[bytearray] = []
        self._length = 0
        self._frozen = 0  # rows of the newest Frozen
        self._shared: set[int] = set()  # pieces that are in it

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
        if number < self._frozen and number >> BITS in self._shared:
            self._own(number >> BITS)
        self._row.pack_into(self._pieces[number >> BITS], (number & (PIECE - 1)) * self._row.size, *row)

    def append(self, row: tuple[Any, ...]) -> int:
        """Add a row and return its number."""
        number = self._length
        if not number & (PIECE - 1):
            self._pieces.append(bytearray(PIECE * self._row.size))
        self._length += 1
        self[number] = row
        return number

    def extend(self, columns: Mapping[str, Array]) -> None:
        """Add rows to an empty table; a column that is not given is zeros."""
        length = len(next(iter(columns.values())))
        self._pieces = [bytearray(PIECE * self._row.size) for _ in range(0, length, PIECE)]
        self._length = length
        for start, piece in self._now().views():
            for name, column in columns.items():
                given = np.ascontiguousarray(column[start : start + len(piece)])
                piece[name] = given.view(self._type[name])[:, 0] if given.ndim == 2 else given

    def freeze(self) -> Frozen:
        """Return the rows as they are now."""
        self._frozen, self._shared = self._length, set(range(len(self._pieces)))
        return Frozen(self._type, self._length, list(self._pieces))

    def column(self, name: str) -> Array:
        """Return a copy of a column: (n,), or (n, bytes) uint8."""
        return self._now().array(name)

    def change(self, name: str, rows: Array, value: int) -> None:
        """Set a field of some rows; ``rows`` is a mask: (n,) bool."""
        for at in range(len(self._pieces)):
            chosen = rows[at << BITS : (at + 1) << BITS]
            if chosen.any():
                self._own(at)
                np.frombuffer(self._pieces[at], self._type, len(chosen))[name][chosen] = value

    def _now(self) -> Frozen:
        """Return the rows; what the caller sees changes with them."""
        return Frozen(self._type, self._length, list(self._pieces))

    def _own(self, piece: int) -> None:
        """Copy a piece that is frozen before it changes."""
        if piece in self._shared:
            self._shared.discard(piece)
            self._pieces[piece] = self._pieces[piece][:]
