"""Files that appear whole or not at all, one or several."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.system.atomic_files import atomic, replacing


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """Until the context ends the old file is there, then the new one, with the mode that new files have."""
    path = tmp_path / "file"
    path.write_text("old")
    with atomic(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
        assert all(
            other.name.startswith(".") and other.suffix == ".tmp" for other in tmp_path.iterdir() if other != path
        )
    assert path.read_text() == "new"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    """Whatever is raised in the context, all files stay as they were."""
    (tmp_path / "a").write_text("kept")
    with pytest.raises(error), replacing(tmp_path / "a", tmp_path / "b") as (first, second):
        first.write(b"x")
        second.write(b"y")
        raise error
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]


def test_places_that_cannot_be_taken(tmp_path: Path) -> None:
    """A folder, a device and a pipe are refused before any work is done, whichever of the files it is."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    for name, problem in (("folder", "is a folder"), ("pipe", "not a regular file"), ("device", "not a regular file")):
        complaint = pytest.raises(StreamerError, match=f"cannot write .*{name}.*{problem}")
        with complaint as caught, replacing(tmp_path / "new", tmp_path / name):
            raise AssertionError
        assert caught.value.code == ExitCode.CANNOT_WRITE
    assert not (tmp_path / "new").exists()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    """The hint names the folder; a link to nowhere makes the file that it points to."""
    complaint = pytest.raises(StreamerError, match=r"cannot write .*create the folder: mkdir -p .*missing")
    with complaint, atomic(tmp_path / "missing" / "file"):
        raise AssertionError
    (tmp_path / "link").symlink_to("target")
    with atomic(tmp_path / "link") as file:
        file.write(b"x")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == b"x"


def test_the_main_file_takes_its_place_last(tmp_path: Path) -> None:
    """Files are renamed in the order given: if the last cannot be, those before it are there, and it is as it was."""
    first, last = tmp_path / "first", tmp_path / "last"
    with pytest.raises(StreamerError) as caught, replacing(first, last) as (one, other):
        one.write(b"one")
        other.write(b"other")
        last.mkdir()  # since it was looked at
    assert caught.value.code == ExitCode.CANNOT_WRITE
    assert first.read_bytes() == b"one" and last.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {"first", "last"}
