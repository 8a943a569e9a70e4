"""Copies for checkpoints: what they show is one moment, however the room for them came about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamer import Trainer
from streamer.checkpoints import Image
from streamer.model.embeddings import Embeddings
from streamer.model.learner import Learner, ModelState
from streamer.settings import ModelSettings
from streamer.state import State, copies
from streamer.state.copies import Column, Copied, Later, Room, large

from ..support.texts import encode

RNG = np.random.default_rng(5)


def grown(size: int) -> Embeddings:
    """Return matrices of some random rows, of which each number is another."""
    embeddings = Embeddings(3)
    embeddings.grow(size, RNG)
    embeddings.vectors[:] = RNG.random(embeddings.vectors.shape)
    embeddings.squares[:] = RNG.random(embeddings.squares.shape)
    return embeddings


def contents(columns: dict[str, Column]) -> dict[str, Any]:
    """Return the arrays."""
    return {name: np.concatenate([*column.pieces()]) for name, column in columns.items()}


@pytest.mark.parametrize("cores", [1, 2, 3, 16])
def test_all_rows_are_copied(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    """At any number of cores, also with fewer rows than cores; and later changes are not seen."""
    monkeypatch.setattr(copies, "available_cores", lambda: cores)
    monkeypatch.setattr(copies, "PIECE", 100)  # four rows
    for size in (1, 10, 101):
        embeddings = grown(size)
        expected = {
            "input": embeddings.input.copy(),
            "output": embeddings.output.copy(),
            "input_squares": embeddings.input_squares.copy(),
            "output_squares": embeddings.output_squares.copy(),
        }
        columns = Room(embeddings).copy(embeddings)
        embeddings.vectors[:] = embeddings.squares[:] = 7
        for name, array in contents(columns).items():
            np.testing.assert_array_equal(array, expected[name], name)
            assert columns[name].shape == expected[name].shape


def test_nothing_is_copied_of_nothing() -> None:
    """A model that has seen no word has four empty columns."""
    embeddings = Embeddings(3)
    columns = Room(embeddings).copy(embeddings)
    assert {name: column.shape for name, column in columns.items()} == {
        "input": (0, 3), "output": (0, 3), "input_squares": (0,), "output_squares": (0,),
    }  # fmt: skip


@pytest.mark.parametrize("more", [5, 5_000])
def test_a_model_that_grows_after_room_was_made(more: int) -> None:
    """Within its capacity or beyond it."""
    embeddings = grown(1000)
    room = Room(embeddings)
    embeddings.grow(1000 + more, RNG)
    found = contents(room.copy(embeddings))
    np.testing.assert_array_equal(found["input"], embeddings.input)
    np.testing.assert_array_equal(found["output_squares"], embeddings.output_squares)


def test_an_image_is_that_of_the_tree() -> None:
    """With room and without: the same file, though training went on before it was written."""
    state = State(ModelState.new(ModelSettings(vector_size=4, min_count=1)))
    learner = Learner(state.model)
    first, second = encode("one fish two fish red fish"), encode("blue fish one whale")
    learner.train_block(first.words, first.codes, first.segments)
    expected = b"".join(Image(state.to_tree()))
    room = state.room()
    images = state.image(room), state.image()
    learner.train_block(second.words, second.codes, second.segments)
    assert [b"".join(image) for image in images] == [expected, expected]
    assert b"".join(state.image()) == b"".join(Image(state.to_tree())) != expected


def test_what_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows in use count, not the capacity."""
    embeddings = grown(10)
    monkeypatch.setattr(copies, "LARGE", 10 * 2 * (3 + 1) * 4)
    assert large(embeddings)
    embeddings.size = 9
    assert not large(embeddings)


def test_leaves_that_are_made_later() -> None:
    """They are made when an image is written, not when it is made."""
    leaves = {"array": np.arange(3)}
    image = Image({"late": Later(lambda: leaves)})
    leaves["array"] = np.arange(4, 9)
    assert np.arange(4, 9).tobytes() in b"".join(image)


def test_what_is_a_copy_already_is_not_copied_again() -> None:
    """The image shows the array itself."""
    array = np.arange(3)
    image = Image({"array": Copied(array)})
    array[:] = 4, 5, 6
    assert np.arange(4, 7).tobytes() in b"".join(image)


def test_candidates_of_an_image_are_those_of_its_moment() -> None:
    """Words that become candidates after that are not in it."""
    trainer = Trainer(threads=1).partial_fit(["some words seen once"])
    image = trainer.state.image()
    before = b"".join(trainer.state.image())
    trainer.partial_fit(["some others words"])
    assert b"".join(image) == before != b"".join(trainer.state.image())
