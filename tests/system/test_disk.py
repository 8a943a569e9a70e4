"""The calls on which the promises rest: each does one thing to the file system, and can be made to fail by its name."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamer.system import disk, failpoints

from ..support.descriptors import open_files


@contextlib.contextmanager
def opened(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """Give the descriptor of a file."""
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of ten bytes."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return path


def _write(path: Path) -> None:
    with opened(path, os.O_WRONLY) as descriptor:
        disk.write(descriptor, memoryview(b"x"))


def _sync(path: Path) -> None:
    with opened(path) as descriptor:
        disk.sync(descriptor)


def _read(path: Path) -> None:
    with io.BufferedReader(disk.Reading(os.open(path, os.O_RDONLY), "checkpoint.read")) as reading:
        reading.read(3)


def _read_all(path: Path) -> None:
    with disk.Reading(os.open(path, os.O_RDONLY), "input.read") as reading:
        reading.readall()


CALLS: dict[str, Callable[[Path], object]] = {
    "folder.make": lambda path: disk.mkdir(path.parent / "new"),
    "folder.sync": lambda path: disk.make_folder(path.parent / "new"),
    "checkpoint.create": lambda path: disk.create(path.parent / "new"),
    "checkpoint.write": _write,
    "checkpoint.sync": _sync,
    "checkpoint.rename": lambda path: disk.rename(path, path.parent / "new", "checkpoint.rename"),
    "checkpoint.set_aside": lambda path: disk.rename(path, path.parent / "new", "checkpoint.set_aside"),
    "checkpoint.retire": lambda path: disk.remove(path, "checkpoint.retire"),
    "checkpoint.sync_name": lambda path: disk.sync_folder(path.parent, "checkpoint.sync_name"),
    "checkpoint.list": lambda path: list(disk.list_folder(path.parent)),
    "inbox.list": lambda path: disk.scan(str(path.parent)),
    "input.look": disk.look,
    "input.open": lambda path: disk.open_descriptor(path, os.O_RDONLY, "input.open"),
    "checkpoint.read": _read,
    "input.read": _read_all,
}


@pytest.mark.parametrize("name", CALLS)
def test_each_call_can_be_made_to_fail(name: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is armed for its name happens in its place: the error comes, and the file is as it was."""
    monkeypatch.setattr(failpoints, "_armed", failpoints.arm(f"{name}:EIO"))
    with pytest.raises(OSError) as caught:
        CALLS[name](file)
    assert caught.value.errno == errno.EIO
    assert file.read_bytes() == b"0123456789"
    if name != "folder.sync":  # the folder is there by then, and not known to be
        assert list(file.parent.iterdir()) == [file]


def test_folders_are_made_with_those_above(tmp_path: Path) -> None:
    """All that are missing, and each is in the folder above it to stay; what is there is fine."""
    folder = tmp_path / "a" / "b" / "c"
    for _ in range(2):
        disk.make_folder(folder)
        assert folder.is_dir()
    disk.mkdir(folder)


def test_each_new_folder_has_its_name_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder above each is synced, also if it was there: who made it may have been killed before this."""
    synced: list[Path] = []
    real = disk.sync_folder

    def sync(folder: Path, name: str = "") -> None:
        synced.append(folder)
        real(folder, name)

    monkeypatch.setattr(disk, "sync_folder", sync)
    disk.make_folder(tmp_path / "a" / "b")
    assert {tmp_path, tmp_path / "a"} <= set(synced)
    assert synced.index(tmp_path) < synced.index(tmp_path / "a")
    synced.clear()
    disk.make_folder(tmp_path / "a" / "b")
    assert synced == [tmp_path / "a"]


def test_a_file_where_a_folder_is_to_be(file: Path) -> None:
    """It is the system's error, and the file is kept."""
    for path in (file, file / "below"):
        with pytest.raises(OSError) as caught:
            disk.make_folder(path)
        assert caught.value.errno in (errno.EEXIST, errno.ENOTDIR)
    assert file.is_file()


def test_a_file_is_made_once(tmp_path: Path) -> None:
    """With the mode that new files have, for writing; never over another, nor through a link to none."""
    descriptor = disk.create(tmp_path / "new")
    assert os.write(descriptor, b"x") == 1
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o666 & ~mask
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for name in ("new", "link"):
        with pytest.raises(FileExistsError):
            disk.create(tmp_path / name)
    assert (tmp_path / "new").read_bytes() == b"x"


def test_a_write_says_how_much_it_wrote(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it, as a rule; half of it where that is armed, and never nothing."""
    with opened(file, os.O_WRONLY | os.O_TRUNC) as descriptor:
        assert disk.write(descriptor, memoryview(b"abcdef")) == 6
        monkeypatch.setattr(failpoints, "_armed", failpoints.arm("checkpoint.write:short:1+"))
        assert disk.write(descriptor, memoryview(b"ghijkl")) == 3
        assert disk.write(descriptor, memoryview(b"m")) == 1
    assert file.read_bytes() == b"abcdefghim"


def test_a_rename_takes_the_place_of_another(file: Path, tmp_path: Path) -> None:
    """One name less, and the other file's content is gone."""
    (tmp_path / "other").write_text("old")
    disk.rename(file, tmp_path / "other", "checkpoint.rename")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("other", b"0123456789")]


def test_what_is_not_there_is_removed_already(file: Path, tmp_path: Path) -> None:
    """Removing is about what is left."""
    for _ in range(2):
        disk.remove(file, "checkpoint.retire")
        assert not list(tmp_path.iterdir())


def test_syncing_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """Nor does it when it fails."""
    before = open_files()
    disk.sync_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        disk.sync_folder(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        disk.sync_folder(tmp_path / "file")
    assert open_files() == before


@pytest.mark.parametrize(("number", "raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_that_cannot_sync_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, raised: bool
) -> None:
    """Network file systems say that they cannot, and that is no failure; anything else is. No descriptor stays open."""

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    before = open_files()
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError) if raised else contextlib.nullcontext():
        disk.sync_folder(tmp_path)
    assert open_files() == before


def test_folders_are_listed_as_they_are(file: Path, tmp_path: Path) -> None:
    """Of checkpoints as paths, of the inbox as entries of the system."""
    (tmp_path / "folder").mkdir()
    assert set(disk.list_folder(tmp_path)) == {file, tmp_path / "folder"}
    with disk.scan(str(tmp_path)) as entries:
        assert sorted((entry.name, entry.is_dir()) for entry in entries) == [("file", False), ("folder", True)]


def test_a_look_follows_no_link(file: Path, tmp_path: Path) -> None:
    """A link is looked at, not what it points to."""
    (tmp_path / "link").symlink_to(file)
    assert stat.S_ISREG(disk.look(file).st_mode)
    assert stat.S_ISLNK(disk.look(str(tmp_path / "link")).st_mode)


def test_reading_is_reading(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a buffer or without one, from any place, all or a part; half where that is armed, and never nothing."""
    with io.BufferedReader(disk.Reading(os.open(file, os.O_RDONLY), "input.read")) as buffered:
        assert (buffered.read(3), buffered.seek(8), buffered.read(), buffered.read()) == (b"012", 8, b"89", b"")
    monkeypatch.setattr(failpoints, "_armed", failpoints.arm("input.read:short:1+"))
    buffer = bytearray(6)
    with disk.Reading(os.open(file, os.O_RDONLY), "input.read") as reading:
        assert (reading.readinto(buffer), bytes(buffer[:3])) == (3, b"012")
        assert reading.readinto(memoryview(buffer)[:1]) == 1
    with io.BufferedReader(disk.Reading(os.open(file, os.O_RDONLY), "input.read")) as buffered:
        assert buffered.read(9) == b"012345678", "who reads on has it all the same"


def test_reading_closes_its_descriptor(file: Path) -> None:
    """The descriptor is its own."""
    before = open_files()
    descriptor = disk.open_descriptor(file, os.O_RDONLY | os.O_CLOEXEC, "input.open")
    with disk.Reading(descriptor, "input.read") as reading:
        assert reading.readall() == b"0123456789"
        assert reading.fileno() == descriptor
    assert open_files() == before


def test_forgetting_what_is_cached_changes_nothing(file: Path) -> None:
    """It is a hint to the system: the file is the same, and what takes no hints raises nothing."""
    with opened(file) as descriptor:
        os.fsync(descriptor)
        disk.forget_cached(descriptor)
        assert os.read(descriptor, 20) == b"0123456789"
    reading, writing = os.pipe()
    disk.forget_cached(reading)
    os.close(reading)
    os.close(writing)
