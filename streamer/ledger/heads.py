"""Rows by how their texts begin. If many begin alike, they are found by their whole digests instead.

The cost of a look is that of the rows that match, and of the distinct lengths, not of all rows that begin alike. For
that, a *crowd*, the rows of a beginning that many have, takes 6 to 12 bytes a row, and some 90 for each distinct
length.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.ledger.index import Index
from streamer.ledger.table import Table

CROWD = 64
"""Rows that begin alike which are looked at one by one."""

Keys = tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]
Text = tuple[int, bytes, int]
"""Key of the beginning, 0 if the row was removed; digest, of which a half may be known; length."""


class Heads:
    """The rows of a table by the keys of their beginnings, which are never 0 here.

    Args:
        table: The table.
        field: The position of the key in its rows.
        keys: Returns the keys of all rows that have one and were not removed, (m,), and their numbers, (m,).
        text: Returns the text of a row as it is in the table now.
    """

    def __init__(
        self,
        table: Table | Sequence[tuple[Any, ...]],
        field: int,
        keys: Callable[[], Keys],
        text: Callable[[int], Text],
    ) -> None:
        self._table, self._field, self._keys, self._text = table, field, keys, text
        self.crowds: dict[int, Counter[int]] = {}  # how many rows have each length, never 0, by key
        self._by_head = Index(lambda: self._split(crowded=False))
        self._by_digest = Index(self._digests)  # of rows in crowds

    def rebuild(self) -> None:
        """Find all rows anew: their numbers have changed."""
        keys = np.sort(self._keys()[0])
        many = keys[CROWD:][keys[CROWD:] == keys[:-CROWD]]
        self.crowds = {head: Counter() for head in np.unique(many).tolist()}
        for row in self._split(crowded=True)[1].tolist():
            head, _, length = self._text(row)
            self.crowds[head][length] += 1
        self._by_head.rebuild()
        self._by_digest.rebuild()

    def lengths(self, head: int) -> Mapping[int, int]:
        """Return how many texts of each length begin with a key."""
        if (crowd := self.crowds.get(head)) is not None:
            return crowd
        rows = self._few(head)
        return Counter(self._text(row)[2] for row in set(rows)) if rows else {}

    def find(self, heads: Collection[int], digests: Collection[bytes]) -> set[int]:
        """Return the rows that begin with one of these keys, and may have one of these digests: the caller compares."""
        rows, crowded = set[int](), False
        for head in heads:
            if head in self.crowds:
                crowded = True
            elif found := self._few(head):
                rows.update(found)
        if not rows and not crowded:
            return rows  # as nearly always
        wanted = set(map(_key, digests))
        if crowded:
            rows.update(row for key in wanted for row in self._by_digest.find(key))
        texts = ((row, self._text(row)) for row in rows)
        return {row for row, (head, digest, _) in texts if head in heads and _key(digest) in wanted}

    def add(self, head: int, row: int, before: tuple[int, bytes] = (0, b"")) -> None:
        """Add a row that is in the table now.

        Args:
            head: Its key.
            row: Its number.
            before: Key and digest that it had before, if it has changed; the key is another one, or that of a crowd.
        """
        rows = {row}
        if head not in self.crowds:
            if self._by_head.add(head, row) < CROWD:
                return
            rows = set(self._few(head))
            if len(rows) <= CROWD:
                return
            self.crowds[head] = Counter()
            before = 0, b""
        for found in rows:
            _, digest, length = self._text(found)
            self.crowds[head][length] += 1
            if (head, digest) != before:
                self._by_digest.add(_key(digest), found)

    def forget(self, head: int, row: int) -> None:
        """Forget a row with this key before it changes or is removed."""
        if crowd := self.crowds.get(head):
            length = self._text(row)[2]
            crowd[length] -= 1
            if not crowd[length]:
                del crowd[length]

    def _few(self, head: int) -> list[int]:
        """Return the rows with a key that is not that of a crowd."""
        table, field = self._table, self._field  # most of those found have another key
        return [row for row in self._by_head.find(head) if table[row][field] == head and self._text(row)[0]]

    def _split(self, *, crowded: bool) -> Keys:
        """Return keys and numbers of the rows that are in crowds, or of those that are not."""
        keys, rows = self._keys()
        chosen = np.isin(keys, np.array([*self.crowds], np.uint32)) == crowded
        return keys[chosen], rows[chosen]

    def _digests(self) -> Keys:
        rows = self._split(crowded=True)[1]
        return np.fromiter((_key(self._text(row)[1]) for row in rows.tolist()), np.uint32, len(rows)), rows


def _key(digest: bytes) -> int:
    return int.from_bytes(digest[:4])
