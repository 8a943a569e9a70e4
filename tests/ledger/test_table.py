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
