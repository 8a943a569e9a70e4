"""Pieces that are trained from the same weights are merged as the formula says, and cover a block once."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pytest

from streamer.model.embeddings import Weights
from streamer.model.lanes import Change, Load, cut, merge, pieces, pull, train, train_rounds
from streamer.model.learner import total_loss
from streamer.model.pipeline import Pipeline, Tokens, noise_of

from .test_pipeline import BATCHING, SETTINGS, WORDS, bits, copied, tokens, weights

Doubles = npt.NDArray[np.float64]

RATE = SETTINGS.learning_rate


def block(*lengths: int, lanes: int = 2) -> Tokens:
    """Return a block with pieces of so many tokens."""
    parts = [tokens(length, seed=number) for number, length in enumerate(lengths)]
    ids, segments, noise = (np.concatenate(arrays) for arrays in zip(*(part[:3] for part in parts), strict=True))
    return Tokens(ids, segments, noise, 2, lanes, tuple(np.cumsum([0, *lengths]).tolist()))


def lane(load: Load) -> Change:
    """Train a piece."""
    return train(load, SETTINGS, BATCHING)


def changed(load: Load, steps: Doubles, squares: float) -> Change:
    """Return a change that adds a step, (D,), to each vector, and a number to each accumulator."""
    return Change((load.vectors + steps).astype(np.float32), load.squares + np.float32(squares), [])


def slow_merge(given: Weights, loads: list[Load], changes: list[Change], rate: float) -> tuple[Doubles, Doubles]:
    """Return vectors, (2V, D), and accumulators, (2V,), by the formula, one vector after the other."""
    vectors = given.vectors.reshape(-1, given.vectors.shape[2]).astype(np.float64)
    squares = given.squares.reshape(-1).astype(np.float64)
    for row in range(len(vectors)):
        total, cross, s = np.zeros(vectors.shape[1]), 0.0, squares[row]
        for load, change in zip(loads, changes, strict=True):
            for at in np.flatnonzero(load.rows == row):
                after = float(change.squares[at])
                g = (change.vectors[at] - vectors[row]) * np.sqrt(after) / rate
                total += g
                cross -= float(np.mean(g**2))
                s += after - squares[row]
        cross = max(0.0, cross + float(np.mean(total**2)))
        squares[row] = s
        vectors[row] += rate * total / np.sqrt(s + cross)
    return vectors, squares


def test_a_load_has_what_its_piece_needs() -> None:
    """Both vectors of each word, the output vector of noise words that are no tokens, and ids that point there."""
    given, piece = weights(), tokens(70)
    piece = piece._replace(ids=piece.ids // 2 * 2)  # no odd word is a token
    load = pull(given, piece)
    singles = given.outputs
    assert load.words.tolist() == sorted(set(piece.ids.tolist()))
    assert load.drawn.tolist() == sorted(set(piece.noise.tolist()) - set(piece.ids.tolist())) != []
    assert load.words[load.ids].tolist() == piece.ids.tolist()
    assert np.concatenate([load.words, load.drawn])[load.noise].tolist() == piece.noise.tolist()
    assert load.vectors.tobytes() == singles.vectors[load.rows, 0].tobytes()
    assert load.squares.tobytes() == singles.squares[load.rows, 0].tobytes()
    assert len(set(load.rows.tolist())) == len(load.rows) == 2 * len(load.words) + len(load.drawn)
    assert not np.shares_memory(load.vectors, given.vectors)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.parametrize("count", [1, 32, 70, 200])
def test_a_lane_trains_as_a_block_is_trained_in_place(architecture: str, count: int) -> None:
    """The same arithmetic on copies of the rows: the same bits, and with one lane in a round the merge keeps them."""
    settings = attrs.evolve(SETTINGS, architecture=architecture)
    given, piece = weights(), tokens(count)
    expected = copied(given)
    losses = Pipeline(BATCHING, settings).train(expected, piece)
    load = pull(given, piece)
    change = train(load, settings, BATCHING)
    assert change.losses == losses
    merge(given, [load], [change], RATE)
    assert bits(given) == bits(expected)


def test_training_a_piece_is_a_pure_function() -> None:
    """The load stays as it is, what was trained before leaves no trace, and both ways are through pickle."""
    load, other = pull(weights(), tokens(90)), pull(weights(5), tokens(33, seed=7))
    before = pickle.dumps(load)
    first = pickle.dumps(lane(load))
    lane(other)
    assert pickle.dumps(lane(load)) == pickle.dumps(lane(pickle.loads(before))) == first
    assert pickle.dumps(train(load, SETTINGS, BATCHING, Pipeline(BATCHING, SETTINGS))) == first
    assert pickle.dumps(load) == before


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("dimensions", [1, 6, 33])
def test_the_merge_is_the_damped_sum(count: int, dimensions: int) -> None:
    """Each vector and accumulator is what a slow merge in float64 finds; what no lane was given stays."""
    settings = attrs.evolve(SETTINGS, vector_size=dimensions)
    rng = np.random.default_rng(dimensions)
    given = Weights(
        rng.normal(scale=0.25, size=(WORDS, 2, dimensions)).astype(np.float32),
        rng.uniform(1e-3, 0.5, (WORDS, 2)).astype(np.float32),
    )
    parts = [tokens(14, seed=number) for number in range(count)]
    loads = [pull(given, part) for part in parts]
    changes = [train(load, settings, BATCHING) for load in loads]
    before = copied(given)
    vectors, squares = slow_merge(given, loads, changes, RATE)
    merge(given, loads, changes, RATE)
    np.testing.assert_allclose(given.outputs.vectors[:, 0], vectors, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(given.outputs.squares[:, 0], squares, rtol=1e-5)
    untouched = np.setdiff1d(np.arange(2 * WORDS), np.concatenate([load.rows for load in loads]))
    assert len(untouched)
    assert given.outputs.vectors[untouched].tobytes() == before.outputs.vectors[untouched].tobytes()
    assert given.outputs.squares[untouched].tobytes() == before.outputs.squares[untouched].tobytes()


def merged(first: Doubles, second: Doubles) -> tuple[Doubles, Doubles]:
    """Return by how much a vector of two lanes moves that move it so far, and by how much it moves in the first."""
    given = Weights(np.zeros((1, 2, 4), np.float32), np.full((1, 2), 1e-6, np.float32))
    piece = Tokens(np.zeros(2, np.int64), np.zeros(2, np.int32), np.zeros(16, np.int64), 1)
    loads = [pull(given, piece), pull(given, piece)]
    merge(given, loads, [changed(loads[0], first, 1.0), changed(loads[1], second, 1.0)], RATE)
    return given.vectors[0, 0].astype(np.float64), first


def test_orthogonal_changes_are_added() -> None:
    """The accumulator is the sum; the step of each lane is that which it would take with this accumulator."""
    first, second = np.array([1.0, 0, 0, 0]) * RATE, np.array([0, 1.0, 0, 0]) * RATE
    moved, _ = merged(first, second)
    np.testing.assert_allclose(moved, (first + second) / np.sqrt(2), rtol=1e-4)


def test_equal_changes_are_averaged() -> None:
    """Two lanes that find the same go as far as one alone."""
    step = np.array([1.0, 1, -1, 1]) * RATE  # mean(G²) is 1, as what the lane has added to its accumulator
    moved, alone = merged(step, step)
    np.testing.assert_allclose(moved, alone, rtol=1e-4)


def test_opposite_changes_are_none() -> None:
    """Nothing is left of them, and nothing is divided by zero."""
    step = np.array([1.0, 2, -1, 1]) * RATE
    moved, _ = merged(step, -step)
    np.testing.assert_allclose(moved, 0, atol=1e-7)


@pytest.mark.parametrize(
    ("words", "found"),
    [(0, 1), (14, 1), (15, 2), (24, 2), (35, 4), (44, 4), (45, 8), (84, 8), (85, 12), (204, 20)],
)
def test_pieces_are_about_as_large_as_asked(words: int, found: int) -> None:
    """The nearest number of pieces, or whole rounds: none is for a few words that are left."""
    assert cut(words, 10, 4) == found


def test_pieces_cover_all_tokens_once() -> None:
    """Tokens, segments and noise words, in order, each piece with those of its own chunks."""
    whole = block(40, 1, 64, 33)
    found = pieces(whole, BATCHING)
    assert [len(piece.ids) for piece in found] == [40, 1, 64, 33]
    assert [len(piece.noise) for piece in found] == [noise_of(BATCHING, count) for count in (40, 1, 64, 33)]
    for name in ("ids", "segments", "noise"):
        assert np.concatenate([getattr(piece, name) for piece in found]).tolist() == getattr(whole, name).tolist()
    assert {(piece.lanes, piece.group) for piece in found} == {(1, 2)}


def test_rounds_follow_each_other() -> None:
    """A round has as many pieces as lanes, the last what is left; each starts from the weights of the one before."""
    given, whole = weights(), block(40, 50, 60, 33, 20)
    expected = copied(given)
    losses = []
    parts = pieces(whole, BATCHING)
    for numbers in ((0, 1), (2, 3), (4,)):
        loads = [pull(expected, parts[number]) for number in numbers]
        changes = [lane(load) for load in loads]
        merge(expected, loads, changes, RATE)
        losses += [loss for change in changes for _, loss in change.losses]
    rounds: list[int] = []

    def compute(loads: Any) -> list[Change]:
        rounds.append(len(loads))
        return [lane(load) for load in loads]

    found = train_rounds(given, whole, SETTINGS, BATCHING, compute)
    assert rounds == [2, 2, 1]
    assert bits(given) == bits(expected)
    assert found == list(enumerate(losses))
    assert total_loss(found).weight > 0


def test_the_order_of_lanes_is_the_order_of_sums() -> None:
    """Who computes a lane changes nothing; a round that is trained again gives the same bits."""
    whole, results = block(64, 64, 64, lanes=3), []
    for backwards in (False, True, False):
        given = weights()

        def compute(loads: Any, backwards: bool = backwards) -> list[Change]:
            if backwards:
                return [lane(load) for load in loads[::-1]][::-1]
            return [lane(load) for load in loads]

        train_rounds(given, whole, SETTINGS, BATCHING, compute)
        results.append(bits(given))
    assert results[0] == results[1] == results[2]


def test_sums_are_in_the_order_of_the_pieces() -> None:
    """Rounding tells: a large step and its opposite first leave a small one, and the small one first is lost."""
    piece = Tokens(np.zeros(2, np.int64), np.zeros(2, np.int32), np.zeros(16, np.int64), 1)
    steps = [np.full(4, step) for step in (1e4, -1e4, 1e-4)]
    for order, expected in (((0, 1, 2), 1e-4), ((2, 1, 0), 0.0)):
        given = Weights(np.zeros((1, 2, 4), np.float32), np.ones((1, 2), np.float32))
        loads = [pull(given, piece) for _ in order]
        merge(given, loads, [changed(load, steps[at], 0.0) for load, at in zip(loads, order, strict=True)], RATE)
        np.testing.assert_allclose(given.vectors[0], expected, rtol=1e-5)


def test_a_round_that_fails_changes_nothing() -> None:
    """Weights are changed when all changes of a round are there."""
    given = weights()
    before = bits(given)

    def compute(loads: Any) -> list[Change]:
        [lane(load) for load in loads]
        raise EOFError

    with pytest.raises(EOFError):
        train_rounds(given, block(64, 64), SETTINGS, BATCHING, compute)
    assert bits(given) == before
