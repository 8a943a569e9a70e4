"""The small parts of a state as leaves: what is not theirs is refused, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.ledger.ledger import Ledger
from streamer.model.sources import COLUMNS, Source, Sources
from streamer.state import State, records
from streamer.state.tree_reader import TreeReader, grouped
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


@pytest.fixture
def sources() -> Sources:
    """Return the record of three words, which came from two files of three, and one from none."""
    found, three = Sources(), np.arange(3)
    found.grow(3)
    found.observe(Source(0, 5), three, np.array([9, 9, 9]), np.array([90, 9, 90]))
    found.observe(Source(2, 6), three, np.array([30, 1, 30]), np.array([120, 10, 120]))
    found.grow(4)
    return found


def sources_tree(found: Sources) -> dict[str, Any]:
    """Return the leaves of a record, as they are in a tree."""
    return grouped("sources", records.sources_leaves(found.copied(), Ledger().freeze()))


def test_where_words_come_from_comes_back(sources: Sources) -> None:
    """Column by column."""
    again = Sources()
    again.restore(records.read_sources(TreeReader(sources_tree(sources)), 4, 3))
    assert {name: column.tolist() for name, column in again.copied().items()} == {
        name: column.tolist() for name, column in sources.copied().items()
    }


@pytest.mark.parametrize(
    ("name", "row", "value", "problem"),
    [
        ("first", 0, 3, "sources/first has a row that is not in the ledger, which has 3"),
        ("last", 0, -3, "sources/last has a row"),
        ("movers", 0, (0, 2, 7), "sources/movers has a row"),
        ("movers", 0, (2, 2, 0), "sources/movers has a file twice"),
        ("movers", 3, (-1, 1, -1), "sources/moves has a number without a file"),
        ("moves", 0, (0, 0, 0), "sources/moves has a number without a file"),
        ("moves", 0, (1, -1, 0), "sources/moves has numbers from -1"),
        ("moves", 0, (1, np.nan, 0), "sources/moves has numbers from nan"),
        ("run", 1, np.inf, "sources/run has numbers"),
        ("anew", 1, 2, "sources/anew has 2"),
        ("files", 0, 0, "sources/files, sources/first and sources/last do not agree"),
        ("files", 3, 1, "do not agree"),
        ("last", 3, 1, "do not agree"),
        ("first", 3, 1, "do not agree"),
    ],
)
def test_a_record_that_nobody_can_have_written(sources: Sources, name: str, row: int, value: Any, problem: str) -> None:
    """Is damage, and the error names the key."""
    tree = sources_tree(sources)
    tree[f"sources/{name}"] = tree[f"sources/{name}"].copy()
    tree[f"sources/{name}"][row] = value
    with pytest.raises(StreamerError, match=problem) as caught:
        records.read_sources(TreeReader(tree), 4, 3)
    assert caught.value.code == ExitCode.DAMAGED


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_another_shape_or_type(sources: Sources, name: str) -> None:
    """Each is checked by itself."""
    tree = sources_tree(sources)
    for wrong in (tree[f"sources/{name}"][:-1], tree[f"sources/{name}"].astype(np.float64), 7):
        with pytest.raises(StreamerError, match=f"sources/{name}"):
            records.read_sources(TreeReader({**tree, f"sources/{name}": wrong}), 4, 3)
