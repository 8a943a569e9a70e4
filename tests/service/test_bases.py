"""Whole states to start from: the newest that is intact, and what becomes of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.checkpoints import Store
from streamer.errors import ExitCode, StreamerError
from streamer.service.bases import bases, opened, state_of
from streamer.service.takeback import forget
from streamer.state.reading import read_state

from ..support.states import bits
from ..support.taking_back import Stream


@pytest.fixture
def stream(tmp_path: Path) -> Stream:
    """Return a stream of three files, with a state kept of each."""
    found = Stream(tmp_path, keep=3)
    for number, name in enumerate(("a.txt", "b.txt", "c.txt")):
        found.put(name, number)
    return found


def damage(path: Path) -> None:
    """Flip a bit, of this name alone: the state that is kept of a checkpoint is the same file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.unlink()
    path.write_bytes(data)


def test_states_come_newest_first_and_can_be_gone_on_from(stream: Stream) -> None:
    """The last one is the model that has seen nothing."""
    with opened(stream.checkpoints, locked=False) as (store, checkpoint, now):
        found = list(bases(store, checkpoint, now))
        assert [base.sequence for base in found] == [3, 2, 1, 0]
        assert found[0].path == checkpoint.path and found[-1].path is None
        assert bits(state_of(found[0], now)) == bits(now)
        assert state_of(found[-1], now).words_seen == 0


def test_a_damaged_one_is_set_aside_by_who_holds_the_lock(stream: Stream) -> None:
    """Who only asks leaves it where it is."""
    newest = Store(stream.checkpoints).list()[0].path
    damage(newest)
    with opened(stream.checkpoints, locked=False) as (_, checkpoint, _):
        assert checkpoint.sequence == 2 and newest.exists()
    with opened(stream.checkpoints, locked=True) as (_, checkpoint, _):
        assert checkpoint.sequence == 2 and not newest.exists()
    assert [path.name for path in stream.checkpoints.glob("*.damaged")] == [f"{newest.name}.damaged"]


def test_a_purge_never_removes_the_last_one_that_is_intact(stream: Stream) -> None:
    """Even if what is to be forgotten is forgotten already, and the newest checkpoint is damaged."""
    forget(stream.checkpoints, "a.txt", stream.request())
    stream.put("d.txt", 4)
    damage(Store(stream.checkpoints).list()[0].path)
    forget(stream.checkpoints, "a.txt", stream.request(purge=True))
    assert {entry.path: entry.outcome for entry in read_state(stream.checkpoints).ledger} == {
        "a.txt": "forgotten",
        "b.txt": "trained",
        "c.txt": "trained",
    }


def test_without_a_checkpoint_there_is_nothing_to_take_back(tmp_path: Path) -> None:
    """66, and no folder is made."""
    with pytest.raises(StreamerError) as caught, opened(tmp_path / "none", locked=True):
        pass
    assert caught.value.code == ExitCode.NO_INPUT and not (tmp_path / "none").exists()
