"""The calls on which the promises rest: each to the file system by one function, under the name of what it is for.

Intake and checkpoints touch the disk through here alone, so that a test can let any call fail, end the process just
before it, or write down what was done to the disk: see :mod:`streamer.system.failpoints`.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamer.system import failpoints


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there; durably in either case."""
    there = folder.is_dir()
    if not there:
        make_folder(folder.parent)
        mkdir(folder)
    try:  # even if it is there: who made it may have been killed before this
        sync_folder(folder.parent, "folder.sync")
    except PermissionError:
        if not there:
            raise


def mkdir(folder: Path) -> None:
    """Make one folder, unless it is there."""
    failpoints.reached("folder.make")
    folder.mkdir(exist_ok=True)


def create(path: Path) -> int:
    """Make a file that is not there, and return its descriptor, for writing."""
    failpoints.reached("checkpoint.create")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    return os.open(path, flags, 0o666)  # the kernel takes off the umask, which Python cannot read safely


def write(descriptor: int, data: memoryview) -> int:
    """Write the beginning of some bytes to a file, and return how many."""
    if failpoints.reached("checkpoint.write") == "short":
        data = data[: max(1, len(data) // 2)]
    return os.write(descriptor, data)


def sync(descriptor: int) -> None:
    """Make the bytes of a file durable. If that failed it must not be tried again: it may then claim success."""
    failpoints.reached("checkpoint.sync")
    os.fsync(descriptor)


def rename(old: Path, new: Path, name: str) -> None:
    """Give a file another name, which another file may have had."""
    failpoints.reached(name)
    old.replace(new)


def remove(path: Path, name: str) -> None:
    """Remove a file, if it is there."""
    failpoints.reached(name)
    path.unlink(missing_ok=True)


def sync_folder(folder: Path, name: str = "") -> None:
    """Make the names in a folder durable, where the file system knows how to; without a failpoint if it has no name."""
    failpoints.reached(name)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # network file systems that cannot sync a folder say this
            raise
    finally:
        os.close(descriptor)


def list_folder(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder of checkpoints."""
    failpoints.reached("checkpoint.list")
    yield from folder.iterdir()


def scan(folder: str) -> Any:
    """Return a context of what is in a folder of the inbox, as ``os.scandir`` does."""
    failpoints.reached("inbox.list")
    return os.scandir(folder)


def look(path: str | Path) -> os.stat_result:
    """Return what a file looks like from outside, links not followed."""
    failpoints.reached("input.look")
    return os.lstat(path)


def forget_cached(descriptor: int) -> None:
    """Let the next who reads a file that was synced ask the disk for it, where the system knows how to."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def open_descriptor(path: str | Path, flags: int, name: str) -> int:
    """Open a file and return its descriptor."""
    failpoints.reached(name)
    return os.open(path, flags)


class Reading(io.FileIO):
    """An open file whose reading is a failpoint.

    Args:
        descriptor: The file, open for reading, which is closed with this.
        name: The failpoint.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor)
        self._failpoint = name

    def readinto(self, buffer: Any, /) -> int:
        """Read into a buffer, and return how many bytes."""
        if failpoints.reached(self._failpoint) == "short":
            buffer = memoryview(buffer)[: max(1, len(buffer) // 2)]
        return super().readinto(buffer)

    def readall(self) -> bytes:
        """Read all that is left."""
        failpoints.reached(self._failpoint)
        return super().readall()
