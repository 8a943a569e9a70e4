"""Checkpoints that are no earlier states, because something was taken back."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.state import State
from streamer.state.given_up import GivenUp
from streamer.training.trainer import Trainer

from ..support.states import SMALL, texts


def test_only_what_is_in_between_was_given_up() -> None:
    """The state from which the stream was continued is one of it, and so is what it became."""
    found = GivenUp()
    found.add(3, 7)
    assert [number for number in range(10) if found.has(number)] == [4, 5, 6]
    found.add(8, 10)
    assert [number for number in range(12) if found.has(number)] == [4, 5, 6, 9]
    found.add(2, 12)
    assert found.ranges == [(2, 12)], "a range that is within another says nothing more"


def test_it_is_in_the_checkpoint() -> None:
    """And comes back."""
    state = Trainer(**SMALL).partial_fit(texts(5)).state
    state.number(9)
    state.given_up.add(3, 7)
    assert State.from_tree(state.to_tree()).given_up.ranges == [(3, 7)]


@pytest.mark.parametrize("after, before", [([7], [3]), ([3], [10]), ([3, 4], [7]), ([-1], [3])])
def test_impossible_numbers_are_damage(after: list[int], before: list[int]) -> None:
    """With the name of the key."""
    state = Trainer(**SMALL).partial_fit(texts(5)).state
    state.number(9)
    tree = state.to_tree() | {"given_up/after": np.array(after), "given_up/before": np.array(before)}
    with pytest.raises(StreamerError, match="given_up") as caught:
        State.from_tree(tree)
    assert caught.value.code == ExitCode.DAMAGED
