"""Words, vectors and counts in one order, most frequent first, and nothing in it changes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from streamer.vectors import WordVectors, table
from streamer.vectors.table import VectorTable, read_only


@pytest.fixture
def small() -> VectorTable:
    """Return five words in the plane; b and d are seen equally often, and so are c and e."""
    matrix = [[1, 0], [0, 2], [3, 3], [0, 1], [-1, 0]]
    return VectorTable(list("abcde"), np.array(matrix, dtype=np.float32), np.array([9, 5, 7, 5, 7]))


def test_order(small: VectorTable) -> None:
    """The most frequent word is first; words seen equally often keep their order of admission."""
    assert small.index_to_key == ["a", "c", "e", "b", "d"]
    assert small.key_to_index == {"a": 0, "c": 1, "e": 2, "b": 3, "d": 4}
    assert small.counts.tolist() == [9, 7, 7, 5, 5]
    assert small.vectors.tolist() == [[1, 0], [3, 3], [-1, 0], [0, 2], [0, 1]]
    assert small.vectors.dtype == np.float32
    assert small.counts.dtype == np.int64
    assert small.vector_size == 2


def test_it_is_a_container_of_words(small: VectorTable) -> None:
    """Its length, its words in order, and whether a word or an index is in it."""
    assert len(small) == 5
    assert list(small) == small.index_to_key
    assert "b" in small
    assert "z" not in small
    assert 3 in small
    assert all(key not in small for key in (5, -1, 3.0, True, None, b"b"))


def test_read_only(small: VectorTable) -> None:
    """Nothing that is handed out can be written to, and what was handed in is copied."""
    for array in (small.vectors, small.counts, small.unit_vectors):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    given, counts = np.ones((2, 2), dtype=np.float32), np.array([2, 1])
    made = VectorTable(["a", "b"], given, counts)
    given[:], counts[:] = 7, 7
    assert (made.vectors.tolist(), made.counts.tolist()) == ([[1, 1], [1, 1]], [2, 1])
    numbers = np.zeros(3)
    assert read_only(numbers) is numbers
    assert not numbers.flags.writeable


@pytest.mark.parametrize(("piece", "columns"), [(0, 1), (0, 8), (40, 1), (1 << 24, 8)])
def test_taken_over(piece: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a copy the same memory is put in order, whatever its size and however few columns go at once."""
    monkeypatch.setattr(table, "_PIECE", piece)
    monkeypatch.setattr(table, "_COLUMNS", columns)
    random = np.random.default_rng(1)
    for size, width in ((1, 1), (7, 3), (500, 20), (40, 0)):
        given, counts = random.normal(size=(size, width)).astype(np.float32), random.integers(1, 9, size=size)
        words = [f"w{number}" for number in range(size)]
        copied = VectorTable(words, given, counts)
        taken = VectorTable(words, given, counts, copy=False)
        assert taken.index_to_key == copied.index_to_key
        assert np.array_equal(taken.vectors, copied.vectors)
        assert np.shares_memory(taken.vectors, given) == bool(given.size)
        assert not taken.vectors.flags.writeable


def test_what_is_in_order_is_taken_over_as_it_is() -> None:
    """Memory that may not be written to will do, if nothing has to be moved."""
    given = read_only(np.arange(6, dtype=np.float32).reshape(3, 2))
    taken = VectorTable(list("abc"), given, [3, 3, 1], copy=False)
    assert np.shares_memory(taken.vectors, given)
    with pytest.raises(ValueError, match="read-only"):
        VectorTable(list("abc"), given, [1, 2, 3], copy=False)


def test_unit_vectors_are_computed_once(small: VectorTable) -> None:
    """At first use, and kept; zeros stay zeros."""
    assert small.unit_vectors is small.unit_vectors
    assert np.linalg.norm(small.unit_vectors, axis=1) == pytest.approx(1)
    assert VectorTable(["a"], [[0, 0]], [1]).unit_vectors.tolist() == [[0, 0]]


@pytest.mark.parametrize("kind", [VectorTable, WordVectors])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_what_comes_back_is_as_read_only(kind: type[VectorTable], again: Callable[[Any], Any]) -> None:
    """A copy of a table is of the same class, knows where it is from, and has computed nothing yet."""
    made = kind(["a", "b"], [[1, 2], [3, 4]], [1, 2], checkpoint=("from", 3))
    assert made.unit_vectors.shape == (2, 2)
    other = again(made)
    assert type(other) is kind
    assert (other.index_to_key, other.key_to_index, other.checkpoint) == (["b", "a"], {"b": 0, "a": 1}, ("from", 3))
    assert (other.vectors.tolist(), other.counts.tolist()) == ([[3, 4], [1, 2]], [2, 1])
    assert not (other.vectors.flags.writeable or other.counts.flags.writeable)
    assert "unit_vectors" not in vars(other)


def test_nothing_is_a_table_too() -> None:
    """An empty vocabulary has vectors of a size, and no words."""
    empty = VectorTable([], np.zeros((0, 7)), [])
    assert (len(empty), list(empty), empty.vector_size, empty.unit_vectors.shape) == (0, [], 7, (0, 7))


@pytest.mark.parametrize(
    ("words", "shape", "counts"),
    [
        (["a"], (2, 3), [1, 1]),
        (["a", "b"], (2, 3), [1]),
        (["a"], (1,), [1]),
        (["a", "a"], (2, 3), [1, 1]),
        (["a", "b"], (2, 3), [[1, 1]]),
        (["a"], (1, 2, 3), [1]),
    ],
)
def test_construction_refuses(words: list[str], shape: tuple[int, ...], counts: list[Any]) -> None:
    """Words, vectors and counts of different number are refused, and words that come twice."""
    with pytest.raises(ValueError, match=r"words"):
        VectorTable(words, np.ones(shape, dtype=np.float32), np.array(counts))
