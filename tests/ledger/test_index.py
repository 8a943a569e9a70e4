"""A hash table of row numbers: every row is found, whatever the keys."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt
import pytest

from streamer.ledger.index import Index


class Keyed:
    """Rows with keys, and their index."""

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.index = Index(self.all)

    def all(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Return keys and rows."""
        return np.array(self.keys, np.uint32), np.arange(len(self.keys))

    def add(self, key: int) -> None:
        """Add a row."""
        self.keys.append(key)
        self.index.add(key, len(self.keys) - 1)

    def find(self, key: int) -> set[int]:
        """Return the rows with a key."""
        return {row for row in self.index.find(key) if self.keys[row] == key}


@pytest.mark.parametrize("top", [2**32, 1000, 1])
def test_every_row_is_found(top: int) -> None:
    """With keys all over, close to each other, or all the same; added one by one or all at once."""
    chance, keyed = random.Random(3), Keyed()
    for _ in range(3000 if top > 1 else 200):
        keyed.add(chance.randrange(2**32 - top, 2**32))
    for _ in range(2):
        for key in set(keyed.keys):
            assert keyed.find(key) == {row for row, found in enumerate(keyed.keys) if found == key}
        keyed.index.rebuild()
    assert keyed.find(12345) == set()


def test_a_row_takes_the_place_of_another() -> None:
    """Only the new one is found."""
    keyed = Keyed()
    for key in (7, 7, 9):
        keyed.add(key)
    keyed.keys.append(7)
    keyed.index.replace(7, 1, 3)
    assert keyed.find(7) == {0, 3}


def test_the_index_takes_few_bytes_a_row() -> None:
    """7 to 12 for the slots of a row."""
    keyed = Keyed()
    keyed.keys = np.random.default_rng(1).integers(0, 2**32, 100_000).tolist()
    keyed.index.rebuild()
    assert keyed.index._slots.nbytes / 100_000 < 11.6
