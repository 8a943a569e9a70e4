"""Whole states of earlier days and weeks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from streamer.checkpoints import Store
from streamer.checkpoints.kept import KeptStates
from streamer.errors import ExitCode, StreamerError
from streamer.settings import levels
from streamer.system import disk

DAY = 86_400.0


def save(store: Store, number: int, date: float, text: str = "all", lost: tuple[int, ...] = ()) -> None:
    """Save a checkpoint, and keep it as a state, as a trainer does."""
    checkpoint = store.save({"number": number}, number)
    store.states.keep(checkpoint.path, number, date, levels(text), lost.__contains__)
    store.retire(1)


def numbers(store: Store) -> list[int]:
    """Return which states are kept."""
    return [state.sequence for state in store.states.list()]


def test_a_kept_state_costs_no_space(tmp_path: Path) -> None:
    """It is the same file under another name, and stays when that of the checkpoint goes."""
    store = Store(tmp_path)
    checkpoint = store.save({"number": 1}, 1)
    store.states.keep(checkpoint.path, 1, 5 * DAY, levels("3d"), lambda number: False)
    kept = store.states.list()[0]
    assert kept.path.samefile(checkpoint.path) and (kept.sequence, kept.date) == (1, 5 * DAY)
    save(store, 2, 6 * DAY, "3d")
    assert not checkpoint.path.exists()
    assert store.load(str(kept.path))[1]["number"] == 1


def test_the_last_of_each_day_stays(tmp_path: Path) -> None:
    """Levels are those of snapshots; time is that of the stream."""
    store = Store(tmp_path)
    for number in range(1, 21):
        save(store, number, number * DAY / 4, "2d")
    assert numbers(store) == [15, 19, 20]
    assert len(list(store.states.folder.iterdir())) == 3


def test_dates_may_be_of_long_ago_and_go_back(tmp_path: Path) -> None:
    """A text of before 1970 has a negative date; a clock that goes back removes nothing that is new."""
    store = Store(tmp_path)
    for number, date in enumerate([-9e9, -8e9, 3 * DAY, 2 * DAY], start=1):
        save(store, number, date, "2d")
    assert numbers(store) == [4], "the newest always stays"
    save(store, 5, 7 * DAY)
    assert numbers(store) == [4, 5]
    assert [state.date for state in store.states.list()] == [2 * DAY, 7 * DAY]


def test_a_future_that_was_given_up_goes(tmp_path: Path) -> None:
    """And so does one that somebody gave up by removing checkpoints: their numbers come again."""
    store = Store(tmp_path)
    for number in range(1, 6):
        save(store, number, number * DAY)
    save(store, 6, 6 * DAY, lost=(3, 4))
    assert numbers(store) == [1, 2, 5, 6]
    for checkpoint in store.list():
        checkpoint.path.unlink()
    save(store, 2, 9 * DAY)
    assert numbers(store) == [1, 2]
    assert store.load(str(store.states.list()[-1].path))[1]["number"] == 2


@pytest.mark.parametrize("number", [errno.EPERM, errno.EXDEV, errno.EMLINK])
def test_without_hard_links_it_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Some file systems have none, and some have few."""

    def link(old: Path, new: Path, name: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk, "link", link)
    store = Store(tmp_path)
    save(store, 1, DAY)
    kept = store.states.list()[0]
    assert kept.path.read_bytes() == store.list()[0].path.read_bytes()
    assert not kept.path.samefile(store.list()[0].path)
    assert not [path for path in store.states.folder.iterdir() if path.name.startswith(".")]


def test_a_full_disk_is_an_error_and_the_checkpoint_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is retried with the next checkpoint."""

    def link(old: Path, new: Path, name: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = Store(tmp_path)
    checkpoint = store.save({"number": 1}, 1)
    monkeypatch.setattr(disk, "link", link)
    with pytest.raises(StreamerError, match="No space") as caught:
        store.states.keep(checkpoint.path, 1, DAY, [], lambda number: False)
    assert caught.value.code == ExitCode.CANNOT_WRITE
    assert store.list() == [checkpoint] and not numbers(store)


def test_other_files_are_not_its_business(tmp_path: Path) -> None:
    """Nor is a folder that is not there."""
    assert KeptStates(tmp_path).list() == []
    folder = tmp_path / "states"
    folder.mkdir()
    (folder / "state-0000000001+5.h5.old").write_bytes(b"")
    (folder / "state-0000000001+5.h5").mkdir()
    assert KeptStates(tmp_path).list() == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    """A copy that was not finished."""
    store = Store(tmp_path)
    save(store, 1, DAY)
    half = store.states.folder / ".state-0000000002+5.h5.tmp-4711"
    half.write_bytes(b"half")
    store.retire(1)
    assert not half.exists() and numbers(store) == [1]
