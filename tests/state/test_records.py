"""The small parts of a state as leaves: what is not theirs is refused, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.state import State, records
from streamer.state.tree_reader import TreeReader
from streamer.training import Trainer

from ..support.states import SMALL, exact, texts


@pytest.fixture
def state() -> State:
    """Return a state that has seen a little."""
    return Trainer(**SMALL).partial_fit(texts(10)).state


def test_each_part_comes_back(state: State) -> None:
    """What is read of the leaves has the same leaves again."""
    seen, trained = state.model.vocabulary.total, state.model.words_trained
    history = records.history_leaves(state.history)
    again = records.read_history(TreeReader(dict(history)), seen, trained)
    assert exact(records.history_leaves(again)) == exact(history)
    version = {**records.tokenizer_leaves(state.tokenizer), "settings/tokenizer": "words"}
    assert records.read_tokenizer(TreeReader(version)) == state.tokenizer


@pytest.mark.parametrize(
    ("key", "leaf"),
    [
        ("history/words_seen", np.array([1e9])),
        ("history/seconds", np.array([-1.0])),
        ("history/loss_total", np.array([np.nan])),
        ("history/vocabulary", np.zeros(7)),
        ("history/resolution", 0),
    ],
)
def test_a_history_that_does_not_fit_is_damage(state: State, key: str, leaf: Any) -> None:
    """The error is 65."""
    leaves = {**records.history_leaves(state.history), key: leaf}
    with pytest.raises(StreamerError, match="history/") as caught:
        records.read_history(TreeReader(leaves), state.model.vocabulary.total, state.model.words_trained)
    assert caught.value.code == ExitCode.DAMAGED


def test_a_tokenizer_of_the_future_is_told_as_such(state: State) -> None:
    """The hint is to upgrade."""
    leaves = {**records.tokenizer_leaves(state.tokenizer), "tokenizer/version": 99, "settings/tokenizer": "words"}
    with pytest.raises(StreamerError, match="tokenizer/version is 99") as caught:
        records.read_tokenizer(TreeReader(leaves))
    assert "upgrade" in caught.value.hint
