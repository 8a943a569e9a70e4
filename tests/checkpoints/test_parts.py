"""Segments: published before what needs them, once, and removed when nothing needs them any more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamer.checkpoints import FORMAT_VERSION, Image, Store, seal
from streamer.checkpoints.parts import segment_name
from streamer.errors import StreamerError
from streamer.system import disk


class Words:
    """A segment of one number, and where it was published."""

    home: Path | None = None

    def __init__(self, number: int) -> None:
        self.number = number
        self.folders: list[Path] = []

    @property
    def digest(self) -> str:
        """Return the digest of what is in it."""
        return b"".join(seal(self.image()))[-32:].hex()

    def name(self) -> str:
        """Return the name of the file."""
        return segment_name(self.digest)

    def image(self) -> Image:
        """Return what is in it."""
        return Image({"number": self.number})

    def published(self, folder: Path) -> None:
        """Note the folder, in which it is by now."""
        assert (folder / self.name()).exists()
        self.folders.append(folder)


def saved(store: Store, sequence: int, *parts: Words) -> None:
    """Save a checkpoint that needs some segments, and keep two."""
    digests = "".join(f"{part.digest}\n" for part in parts)
    leaves = {"cold/segments": np.frombuffer(digests.encode(), np.uint8), "format_version": FORMAT_VERSION}
    store.publish(Image(leaves, parts), sequence)
    store.retire(2)


def there(folder: Path) -> list[int]:
    """Return the numbers of the segments in a folder."""
    return [number for number in range(1, 9) if (folder / Words(number).name()).exists()]


def test_segments_stay_as_long_as_a_checkpoint_needs_them(tmp_path: Path) -> None:
    """Each is written once, whoever needs it; it goes with the last checkpoint that names it, and nothing else does."""
    one, two, three = map(Words, (1, 2, 3))
    for foreign in ("cold-notes.h5", "cold-12.h5"):
        (tmp_path / foreign).touch()
    store = Store(tmp_path)
    saved(store, 1, one)
    first = (tmp_path / one.name()).stat()
    saved(store, 2, one, two)
    assert (tmp_path / one.name()).stat() == first
    assert {path.name for path in tmp_path.glob("cold-*.h5")} == {"cold-notes.h5", "cold-12.h5", one.name(), two.name()}
    for foreign in ("cold-notes.h5", "cold-12.h5"):
        (tmp_path / foreign).unlink()
    saved(store, 3, three)
    assert there(tmp_path) == [1, 2, 3], "the second checkpoint needs them"
    saved(store, 4, three)
    assert there(tmp_path) == [3]
    saved(store, 5)
    saved(store, 6)
    assert there(tmp_path) == []
    assert one.folders == [tmp_path] * 2


@pytest.mark.parametrize("damage", [lambda data: data[:200], lambda data: b"", lambda data: b"x" * len(data)])
def test_who_cannot_say_what_it_needs_keeps_all(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    """If a checkpoint that is kept can't be read, no segment is removed; once it is gone, they are."""
    store = Store(tmp_path)
    saved(store, 1, Words(1))
    path = tmp_path / "checkpoint-0000000001.h5"
    path.write_bytes(damage(path.read_bytes()))
    saved(store, 2, Words(2))
    assert there(tmp_path) == [1, 2]
    saved(store, 3, Words(2))
    assert there(tmp_path) == [2]


def test_one_that_was_left_behind_is_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name may be lost with the power, so the folder is synced before the checkpoint that needs it has its own."""
    did: list[str] = []
    sync, rename = disk.sync_folder, disk.rename
    failing = [True]

    def synced(folder: Path, name: str = "") -> None:
        if failing and name == "checkpoint.sync_name":
            failing.pop()
            raise OSError(5, "Input/output error")
        did.append("sync")
        sync(folder, name)

    def renamed(old: Path, new: Path, name: str) -> None:
        did.append(new.name[:4])
        rename(old, new, name)

    monkeypatch.setattr(disk, "sync_folder", synced)
    monkeypatch.setattr(disk, "rename", renamed)
    store, part = Store(tmp_path), Words(1)
    with pytest.raises(StreamerError, match="Input/output error"):
        saved(store, 1, part)
    assert (did, there(tmp_path), store.list()) == (["cold"], [1], [])
    did.clear()
    saved(store, 2, part)
    assert did[:3] == ["sync", "chec", "sync"]
    did.clear()
    saved(store, 3, part)
    assert did[0] == "chec", "it is known to be durable"


def test_a_file_that_has_the_name_is_not_trusted(tmp_path: Path) -> None:
    """One that is not the segment is written again; one that is, is not."""
    store, part = Store(tmp_path), Words(1)
    path = tmp_path / part.name()
    path.write_bytes(b"something else")
    saved(store, 1, part)
    whole = path.read_bytes()
    assert whole == b"".join(seal(part.image()))
    before = path.stat().st_ino
    saved(Store(tmp_path), 2, part)
    assert path.stat().st_ino == before
    path.write_bytes(whole[:-1])
    saved(Store(tmp_path), 3, part)
    assert path.read_bytes() == whole


def test_names_that_are_none_remove_nothing(tmp_path: Path) -> None:
    """A checkpoint with a right digest and nonsense in place of digests is one that can't say what it needs."""
    store = Store(tmp_path)
    saved(store, 1, Words(1))
    nonsense = {"cold/segments": np.frombuffer(b"\xff\xfe\n", np.uint8), "format_version": FORMAT_VERSION}
    Store(tmp_path).publish(Image(nonsense), 2)
    store.retire(1)
    assert there(tmp_path) == [1]


def test_what_a_checkpoint_of_an_older_version_needs_is_nothing(tmp_path: Path) -> None:
    """It has no such key, and is not read for it."""
    store = Store(tmp_path)
    store.publish(Image({"format_version": 8, "numbers": np.zeros(9)}), 1)
    saved(store, 2, Words(1))
    store.retire(2)
    assert there(tmp_path) == [1]
    (tmp_path / Words(7).name()).touch()
    store.retire(2)
    assert there(tmp_path) == [1]


def test_a_kept_state_needs_its_segments_too(tmp_path: Path) -> None:
    """They stay as long as it does; one that is damaged can't be used, and holds nothing back."""
    one, two = map(Words, (1, 2))
    store = Store(tmp_path)
    saved(store, 1, one)
    store.states.keep(tmp_path / "checkpoint-0000000001.h5", 1, 0, [], lambda number: False)
    for number in (2, 3, 4):
        saved(store, number, two)
    assert there(tmp_path) == [1, 2] and len(store.list()) == 2
    again = Store(tmp_path)  # another process, which does not know what the state needs
    again.retire(2)
    assert there(tmp_path) == [1, 2]
    kept = store.states.list()[0].path
    kept.write_bytes(kept.read_bytes()[:-1])
    Store(tmp_path).retire(2)
    assert there(tmp_path) == [2]


def test_a_state_that_takes_the_name_of_a_damaged_one_keeps_its_segments(tmp_path: Path) -> None:
    """What the damaged one needed, which was nothing, is not what the new one needs."""
    one, two = map(Words, (1, 2))
    store = Store(tmp_path)
    saved(store, 1, two)
    saved(store, 2, one)
    store.states.keep(tmp_path / "checkpoint-0000000002.h5", 2, 0, [], lambda number: False)
    for path in (store.list()[0].path, store.states.list()[-1].path):
        path.write_bytes(path.read_bytes()[:-1])
    store = Store(tmp_path)  # the next process
    store.set_aside(store.list()[0])
    store.retire(2)
    saved(store, 2, one)
    store.states.keep(tmp_path / "checkpoint-0000000002.h5", 2, 0, [], lambda number: False)
    for number in (3, 4, 5):
        saved(store, number, two)
    assert there(tmp_path) == [1, 2]
    assert len(store._parts._needs) <= 4, "what is gone needs nothing"
