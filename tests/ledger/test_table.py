"""Rows of fixed length: written one by one, read by rows and by columns."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.ledger import table
from streamer.ledger.table import Table


def test_rows_and_columns_are_the_same_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Across the ends of pieces."""
    monkeypatch.setattr(table, "BITS", 2)
    monkeypatch.setattr(table, "PIECE", 4)
    rows = Table({"a": "u4", "b": "V32", "c": "i8"})
    for number in range(11):
        assert rows.append((number, bytes([number]) * 32, -number)) == number
    rows[5] = (99, bytes(32), 7)
    assert (len(rows), rows[5], rows[10]) == (11, (99, bytes(32), 7), (10, b"\n" * 32, -10))
    assert rows.column("a").tolist() == [*range(5), 99, *range(6, 11)]
    assert rows.column("b").shape == (11, 32)
    rows.change("c", np.arange(11) > 8, 1)
    again = Table({"a": "u4", "b": "V32", "c": "i8"})
    again.extend({name: rows.column(name) for name in "abc"})
    assert [again[number] for number in range(11)] == [rows[number] for number in range(11)]
    assert again[9] == (9, b"\t" * 32, 1)


def test_a_row_takes_what_its_fields_take() -> None:
    """96 bytes of a file, and 68 of one that needs more."""
    from streamer.ledger.rows import MORE, ROW

    assert (Table(ROW)._row.size, Table(MORE)._row.size) == (94, 72)


def test_what_is_frozen_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are changed, added and changed again, at the ends of pieces too; only pieces that change are copied."""
    monkeypatch.setattr(table, "BITS", 2)
    monkeypatch.setattr(table, "PIECE", 4)
    rows = Table({"a": "u4", "b": "V32"})
    frozen = []
    for number in range(11):
        rows.append((number, bytes([number]) * 32))
        rows[number // 2] = (100 + number, bytes(32))
        frozen.append((rows.freeze(), [rows[at] for at in range(len(rows))]))
    rows.change("a", np.arange(11) == 10, 5)
    before, now = frozen[-1][0].memory, rows.freeze().memory
    assert [one is other for one, other in zip(before, now, strict=True)] == [True, True, False]
    for one, then in frozen:
        found = zip(one.array("a").tolist(), map(bytes, one.array("b")), strict=True)
        assert list(found) == then, f"frozen with {len(then)} rows"


def test_a_column_of_some_rows_with_other_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made piece by piece, and has a type and a shape before."""
    monkeypatch.setattr(table, "BITS", 2)
    monkeypatch.setattr(table, "PIECE", 4)
    rows = Table({"a": "u2", "b": "V32"})
    for number in range(10):
        rows.append((number, bytes([number]) * 32))
    even = np.arange(10) % 2 == 0
    column = rows.freeze().column("a", even, np.arange(10, 20, dtype=np.uint32))
    assert column.dtype == np.uint32
    assert column.shape == (5,)
    assert [piece.tolist() for piece in column.pieces()] == [[10, 12], [14, 16], [18]]
    digests = rows.freeze().column("b", even)
    assert digests.shape == np.asarray(digests).shape == (5, 32)
    assert Table({"a": "u2"}).freeze().array("a").tolist() == []
