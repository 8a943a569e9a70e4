"""Matrices that grow: only new rows are initialised."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.model.embeddings import INITIAL_SQUARES, Embeddings

NAMES = ("input", "output", "input_squares", "output_squares")


def used(embeddings: Embeddings) -> list[bytes]:
    """Return the rows in use of each array."""
    return [getattr(embeddings, name)[: embeddings.size].tobytes() for name in NAMES]


def scramble(embeddings: Embeddings) -> None:
    """Set every number of the rows in use, as training would."""
    for number, name in enumerate(NAMES):
        rows = getattr(embeddings, name)[: embeddings.size]
        rows[:] = np.random.default_rng(number).normal(size=rows.shape)


def test_new_rows() -> None:
    """Input rows are uniform in ±½/D, output rows zero, accumulators at their start."""
    embeddings = Embeddings(50)
    embeddings.grow(400, np.random.default_rng(1))
    assert embeddings.vector_size == 50
    values = embeddings.input[:400] * 50
    assert values.dtype == np.float32
    assert np.abs(values).max() <= 0.5
    histogram, _ = np.histogram(values, 10, (-0.5, 0.5))
    np.testing.assert_allclose(histogram, 2000, atol=200)  # 4.7 standard deviations
    assert len(np.unique(values)) > 19_000
    assert not embeddings.output[:400].any()
    for squares in (embeddings.input_squares, embeddings.output_squares):
        assert (squares[:400] == np.float32(INITIAL_SQUARES)).all()


@pytest.mark.parametrize("sizes", [(3, 4, 9), (1000, 1024, 1025, 5000), (1024, 2048, 2049)])
def test_old_rows_keep_their_bits(sizes: tuple[int, ...]) -> None:
    """Growing within the capacity and beyond it initialises new rows only."""
    embeddings = Embeddings(4)
    for size in sizes:
        old, before = embeddings.size, used(embeddings)
        embeddings.grow(size, np.random.default_rng(size))
        assert embeddings.size == size
        assert [getattr(embeddings, name)[:old].tobytes() for name in NAMES] == before
        new = embeddings.input[old:size]
        assert (np.abs(new) <= 0.125).all()
        assert new.any(axis=1).all()
        assert not embeddings.output[old:size].any()
        assert (embeddings.input_squares[old:size] == np.float32(INITIAL_SQUARES)).all()
        assert (embeddings.output_squares[old:size] == np.float32(INITIAL_SQUARES)).all()
        scramble(embeddings)


def test_capacity_doubles() -> None:
    """Growing a row at a time moves the matrices only a few times."""
    embeddings, capacities = Embeddings(2), set()
    for size in range(1, 5000):
        embeddings.grow(size, np.random.default_rng(0))
        capacities.add(len(embeddings.vectors))
    assert len(capacities) <= 4


def test_growing_after_a_restore_is_growing() -> None:
    """What was restored grows to the same bits as what was never stored, however the capacity was."""
    first, second = Embeddings(3), Embeddings(3)
    first.grow(1500, np.random.default_rng(1))
    scramble(first)
    second.restore(*(getattr(first, name)[:1500].copy() for name in NAMES))
    assert used(first) == used(second)
    for embeddings in (first, second):
        embeddings.grow(1600, np.random.default_rng(2))
    assert used(first) == used(second)


@pytest.mark.parametrize("leaving", [[0], [9], [3, 4, 5], [0, 2, 4, 6, 8], list(range(9)), [], list(range(10))])
def test_gaps_are_closed(leaving: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that stay keep their bits and their order, also if they are moved in many pieces."""
    monkeypatch.setattr("streamer.model.embeddings._PIECE", 2)
    embeddings = Embeddings(3)
    embeddings.grow(10, np.random.default_rng(1))
    scramble(embeddings)
    parts = embeddings.input, embeddings.output, embeddings.input_squares, embeddings.output_squares
    stay = [np.delete(part, leaving, 0).tobytes() for part in parts]
    embeddings.remove(np.array(leaving, np.int64))
    assert (used(embeddings), embeddings.size) == (stay, 10 - len(leaving))


def test_rows_are_put_back() -> None:
    """Both vectors and both sums of squares, of the words that are named alone."""
    embeddings = Embeddings(3)
    embeddings.grow(4, np.random.default_rng(1))
    scramble(embeddings)
    before, ids = used(embeddings), np.array([3, 1])
    vectors, squares = embeddings.vectors[ids], embeddings.squares[ids]
    embeddings.vectors[ids] = 0
    embeddings.squares[ids] = 1
    embeddings.put(ids, vectors, squares)
    assert used(embeddings) == before
