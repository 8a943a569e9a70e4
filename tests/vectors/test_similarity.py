"""What queries are made of: entries and weights, lengths and directions, the nearest of many."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from streamer.vectors.similarity import entries, is_index, keys, lengths, listed, nearest, normalised, weighted

VECTOR = np.array([1.0, 2.0])
TWO = np.array([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, []),
        ([], []),
        ("word", ["word"]),
        ("", [""]),
        (VECTOR, [VECTOR]),
        (("word", 0.5), [("word", 0.5)]),
        (("word", 2), [("word", 2)]),
        ((VECTOR, np.float32(0.5)), [(VECTOR, np.float32(0.5))]),
        (["a", "b"], ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        (("a", "b", "c"), ["a", "b", "c"]),
        ([("a", 0.5), VECTOR, "b"], [("a", 0.5), VECTOR, "b"]),
        (iter(["a", "b"]), ["a", "b"]),
        ({"a": 1}.keys(), ["a"]),
        (3, [3]),
        (np.int64(3), [3]),
        ([3, "a", 0], [3, "a", 0]),
        ((3, 4), [(3, 4)]),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(["a", "b"], dtype=object), ["a", "b"]),
    ],
)
def test_one_or_several_are_a_list(given: Any, found: list[Any]) -> None:
    """A word, an index, a vector, one of them with a weight, several of these in any iterable, or nothing."""
    made = entries(given)
    assert isinstance(made, list)
    assert len(made) == len(found)
    assert all(one is other or one == other for one, other in zip(made, found, strict=True))


def test_where_there_are_no_weights_a_pair_is_two() -> None:
    """Two indices in a tuple are a word and a weight only where weights are taken; and only vectors are kept whole."""
    assert listed((3, 4)) == keys((3, 4)) == [3, 4]
    assert listed(VECTOR)[0] is VECTOR
    assert keys(np.array([3, 4])) == [3, 4]
    assert keys("word") == ["word"]
    assert keys(None) == listed(None) == []


def test_what_is_an_index() -> None:
    """Integers are, Python's and NumPy's; truth values, fractions and digits are not."""
    assert all(map(is_index, (0, 7, -1, np.int64(3), np.uint8(3))))
    assert not any(map(is_index, (True, np.bool_(True), 3.0, "3", None, np.array([3]))))


def test_a_matrix_is_several_vectors() -> None:
    """Each of its rows is one."""
    assert [row.tolist() for row in entries(TWO)] == TWO.tolist()


def test_weights_are_one_minus_one_or_given() -> None:
    """A weight that is given counts as it is, on either side."""
    found, weights = weighted(["a", ("b", 0.5), VECTOR], ["c", ("d", 0.25), (VECTOR, -3)])
    assert found[:2] + found[3:5] == ["a", "b", "c", "d"]
    assert found[2] is found[5] is VECTOR
    assert weights == [1.0, 0.5, 1.0, -1.0, 0.25, -3.0]
    assert all(isinstance(weight, float) for weight in weights)
    assert weighted([], []) == ([], [])


def test_lengths_are_what_vectors_are_divided_by() -> None:
    """Along the last axis, in the vectors' own type; one for zeros, so that nothing is divided by nothing."""
    matrix = np.array([[3, 4], [0, 0], [-5, 12], [1e-20, 0]], np.float64)
    assert lengths(matrix).tolist() == [5, 1, 13, 1e-20]
    assert lengths(matrix[0]) == 5
    assert lengths(np.zeros((0, 3), np.float32)).shape == (0,)
    assert lengths(np.zeros((3, 0), np.float32)).tolist() == [1, 1, 1]
    assert lengths(matrix.astype(np.float32)).dtype == np.float32
    assert lengths(np.ones((2, 3, 4))).shape == (2, 3)


def test_lengths_need_no_second_matrix() -> None:
    """They are computed without the squares of all numbers at once."""
    matrix = np.ones((20_000, 100), np.float32)
    tracemalloc.start()
    try:
        lengths(matrix)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < matrix.nbytes / 4


def test_directions_have_length_one() -> None:
    """Zeros stay zeros; what was given stays as it is."""
    matrix = np.array([[3, 4], [0, 0]], np.float32)
    assert normalised(matrix).tolist() == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))
    assert normalised(matrix).dtype == np.float32
    assert normalised(matrix[0]) == pytest.approx([0.6, 0.8])
    assert matrix.tolist() == [[3, 4], [0, 0]]


COSINES = np.array([0.1, 0.9, -0.5, 0.9, 0.3], np.float32)


@pytest.mark.parametrize(
    ("given", "topn", "found"),
    [
        ([], 5, [1, 3, 4, 0, 2]),
        ([], 9, [1, 3, 4, 0, 2]),
        ([], 1, [1]),
        ([], 2, [1, 3]),
        ([1], 2, [3, 4]),
        ([1, 3, 1], 2, [4, 0]),
        ([0, 1, 2, 3], 2, [4]),
        ([0, 1, 2, 3, 4], 2, []),
        ([7], 1, [1]),
        ([], 0, []),
        ([], -1, []),
    ],
)
def test_the_nearest_are_those_of_the_largest_cosines(given: list[int], topn: int, found: list[int]) -> None:
    """The largest first, equal ones in order of their indices, those given left out wherever they are."""
    before = COSINES.copy()
    assert nearest(COSINES, given, topn).tolist() == found
    assert COSINES.tolist() == before.tolist()


def test_the_nearest_are_those_of_a_full_sort() -> None:
    """Whatever the numbers, with ties in plenty and where the list is cut among them."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        size = int(rng.integers(1, 40))
        cosines = (rng.integers(-3, 4, size) / 3).astype(np.float32)
        given = set(rng.integers(0, size, int(rng.integers(0, 4))).tolist())
        topn = int(rng.integers(1, 45))
        expected = [index for index in np.argsort(-cosines, kind="stable").tolist() if index not in given][:topn]
        assert nearest(cosines, given, topn).tolist() == expected


def test_no_number_does_not_empty_the_answer() -> None:
    """A vector that is no number is the last of all, and those that are come as without it."""
    cosines = np.array([np.nan, 0.5, 0.7], np.float32)
    assert nearest(cosines, [], 2).tolist() == [2, 1]
    assert nearest(cosines, [], 3).tolist() == [2, 1, 0]
    assert len(nearest(np.full(3, np.nan, np.float32), [], 2)) == 2


def test_the_nearest_of_none() -> None:
    """Of an empty vocabulary nothing is near."""
    assert nearest(np.zeros(0, np.float32), [], 3).tolist() == []
