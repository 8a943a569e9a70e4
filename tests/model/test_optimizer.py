"""Row sums against ``np.add.at``, AdaGrad against its formula."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from streamer.model.embeddings import Weights
from streamer.model.optimizer import apply_adagrad, plan_row_sums

from .reference import product_row_sums, product_summer, product_sums

TILE = 32
MULTIPLICITIES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65]


def ids_of(kind: str, count: int) -> np.ndarray:
    """Return ids of some kind."""
    rng = np.random.default_rng(count)
    kinds: dict[str, Callable[[], np.ndarray]] = {
        "random": lambda: rng.integers(0, 50, count),
        "frequent": lambda: (rng.pareto(0.7, count) % 1000).astype(np.int64),
        "equal": lambda: np.full(count, 7),
        "zero": lambda: np.zeros(count, np.int64),
        "distinct": lambda: rng.permutation(count),
        "large": lambda: rng.integers(2**30, 2**31 - 1, 5)[rng.integers(0, 5, count)],
        "crossing": lambda: rng.permutation(np.arange(count) // (TILE + 1)),
        "powers": lambda: rng.permutation(np.resize(np.repeat(np.arange(15), MULTIPLICITIES), count)),
        "filling": lambda: rng.permutation(np.arange(count) // TILE),
    }
    return kinds[kind]().astype(np.int64)


@pytest.mark.parametrize(
    "kind", ["random", "frequent", "equal", "zero", "distinct", "large", "crossing", "filling", "powers"]
)
@pytest.mark.parametrize("count", [1, TILE - 1, TILE, TILE + 1, 3 * TILE, 500])
@pytest.mark.parametrize("shards", [1, 2, 3, 8])
def test_rows_are_summed_by_word(kind: str, count: int, shards: int) -> None:
    """Each word comes once, in its shard, its sum exactly that of its rows."""
    ids = ids_of(kind, count)
    # Small whole numbers: their sums are exact in float32, whatever the order.
    gradients = np.random.default_rng(1).integers(-99, 100, (count, 6)).astype(np.float32)
    given = gradients.copy()
    distinct, sums = product_row_sums(gradients, ids, shards=shards)
    expected, place = np.unique(ids, return_inverse=True)
    np.testing.assert_array_equal(distinct, expected)
    wanted = np.zeros((len(expected), 6))
    np.add.at(wanted, place, given)
    np.testing.assert_array_equal(sums, wanted)
    np.testing.assert_array_equal(gradients, given)


@pytest.mark.parametrize("kind", ["random", "distinct", "powers"])
@pytest.mark.parametrize("shards", [1, 2, 8])
def test_a_plan_tells_the_word_of_each_row(kind: str, shards: int) -> None:
    """Whatever the shards, each row finds its word among the distinct ones; with one shard only if that is wanted."""
    ids = ids_of(kind, 500)
    plan = plan_row_sums(ids, 500, shards)
    np.testing.assert_array_equal(plan.ids[plan.words], ids)
    assert len(plan_row_sums(ids, 500, words=False).words) == 0


def test_buffers_forget_the_chunk_before() -> None:
    """A short chunk after a long one is summed as if it were the first."""
    summer = product_summer(500, 6)
    product_row_sums(np.full((500, 6), np.nan, np.float32), ids_of("frequent", 500), summer)
    ids, gradients = ids_of("powers", 70), np.ones((70, 6), np.float32)
    for found, expected in zip(product_row_sums(gradients, ids, summer), product_row_sums(gradients, ids), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_sums_of_real_numbers() -> None:
    """Rows of any numbers, a word repeated 750 times among them, sum to what float64 says."""
    rng = np.random.default_rng(5)
    ids = np.where(rng.random(1500) < 0.5, 3, rng.integers(0, 400, 1500))
    gradients = rng.normal(size=(1500, 20)).astype(np.float32)
    distinct, sums = product_row_sums(gradients, ids)
    wanted = np.zeros((400, 20))
    np.add.at(wanted, ids, gradients.astype(np.float64))
    np.testing.assert_allclose(sums, wanted[distinct], atol=2e-4)


@pytest.mark.parametrize("distinct", [1, 2, 8192])
def test_chunks_of_the_largest_size(distinct: int) -> None:
    """A chunk of 8,192 rows, all one word or each its own, is summed exactly too."""
    found, sums = product_row_sums(np.ones((8192, 1), np.float32), np.arange(8192) % distinct)
    np.testing.assert_array_equal(found, np.arange(distinct))
    np.testing.assert_array_equal(sums, np.full((distinct, 1), 8192 // distinct))


def test_shards_change_no_bit() -> None:
    """The sums of real numbers are the same in any number of shards, for output vectors by the shard of their word."""
    rng = np.random.default_rng(6)
    ids, gradients = rng.integers(0, 90, 700), rng.normal(size=(700, 10)).astype(np.float32)
    alone = product_row_sums(gradients, ids)
    for shards in (2, 3, 64):
        distinct, sums = product_row_sums(gradients, ids, shards=shards)
        assert (distinct.tobytes(), sums.tobytes()) == tuple(array.tobytes() for array in alone)
    plan = plan_row_sums(2 * ids + 1, 700, 8, singles=True)
    for shard in range(8):
        words = plan.ids[plan.ends[shard] : plan.ends[shard + 1]] // 2
        assert len(words)
        assert (words % 8 == shard).all()


def step(weights: Weights, ids: list[int], gradients: np.ndarray, rate: float) -> None:
    """Take a step with the product, in two shards."""
    scratch = np.full(gradients.size, np.nan, np.float32)
    sums = product_sums(len(ids), gradients.shape[1], gradients.shape[2], 2)
    sums.ends[1:] = len(ids) // 2, len(ids)
    sums.ids[:] = ids
    sums.gradients[: len(ids)] = gradients
    sums.means[:] = (gradients**2).mean(2)
    for shard in (0, 1):
        apply_adagrad(weights, sums, shard, rate, scratch)


@pytest.mark.parametrize("vectors", [1, 2])
def test_adagrad_is_its_formula(vectors: int) -> None:
    """For each vector acc += mean(g²), then w += η·g/√acc; all other rows keep their bits."""
    rng = np.random.default_rng(2)
    weights = Weights(rng.normal(size=(9, vectors, 5)).astype(np.float32), rng.random((9, vectors), np.float32))
    before, squares_before = weights.vectors.astype(np.float64), weights.squares.astype(np.float64)
    ids = [0, 3, 4, 8]
    gradients = rng.normal(size=(4, vectors, 5)).astype(np.float32)
    given = gradients.astype(np.float64)
    step(weights, ids, gradients, 0.3)
    for row, word in enumerate(ids):
        for which in range(vectors):
            accumulated = squares_before[word, which] + np.mean(given[row, which] ** 2)
            assert weights.squares[word, which] == pytest.approx(accumulated, rel=1e-6)
            expected = before[word, which] + 0.3 * given[row, which] / np.sqrt(accumulated)
            np.testing.assert_allclose(weights.vectors[word, which], expected, rtol=1e-5)
    others = np.setdiff1d(np.arange(9), ids)
    np.testing.assert_array_equal(weights.vectors[others], before[others])
    np.testing.assert_array_equal(weights.squares[others], squares_before[others])


def test_a_new_word_makes_a_first_step_of_the_learning_rate() -> None:
    """Where the accumulator is still small, the step's root mean square is η, however small the gradient."""
    weights = Weights(np.zeros((1, 1, 4), np.float32), np.full((1, 1), 1e-12, np.float32))
    step(weights, [0], np.full((1, 1, 4), 1e-3, np.float32), 0.2)
    np.testing.assert_allclose(weights.vectors, 0.2, rtol=1e-5)


def test_a_zero_gradient_moves_nothing() -> None:
    """A word that a chunk holds without any pair keeps its vectors and their accumulators."""
    weights = Weights(np.ones((2, 2, 3), np.float32), np.full((2, 2), 1e-6, np.float32))
    step(weights, [1], np.zeros((1, 2, 3), np.float32), 0.2)
    assert (weights.vectors == 1).all()
    assert (weights.squares == np.float32(1e-6)).all()


def test_output_vectors_are_reached_by_their_own_numbers() -> None:
    """Number 2i + 1 of the single vectors is the output vector of word i, in the same memory."""
    weights = Weights(np.zeros((4, 2, 3), np.float32), np.ones((4, 2), np.float32))
    step(weights.outputs, [2 * 3 + 1], np.ones((1, 1, 3), np.float32), 1.0)
    assert np.argwhere(weights.vectors.any(2)).tolist() == [[3, 1]]
    assert np.argwhere(weights.squares != 1).tolist() == [[3, 1]]
