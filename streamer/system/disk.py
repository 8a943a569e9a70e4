"""The calls to the file system on which the promises depend: one function for each, named after its purpose.

Intake and checkpoints use the disk only through this module, so that a test can make any call fail, end the process
just before it, or record what was done to the disk: see :mod:`streamer.system.failpoints`.
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
    """Make a folder and its parents, unless they exist; durable in either case."""
    there = folder.is_dir()
    if not there:
        make_folder(folder.parent)
        mkdir(folder)
    try:  # even if it exists: the process that made it may have been killed before this
        sync_folder(folder.parent, "folder.sync")
    except PermissionError:
        if not there:
            raise


def mkdir(folder: Path) -> None:
    """Make one folder, unless it exists."""
    failpoints.reached("folder.make")
    folder.mkdir(exist_ok=True)


def create(path: Path) -> int:
    """Make a new file, which must not exist, and return its descriptor, for writing."""
    failpoints.reached("checkpoint.create")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    return os.open(path, flags, 0o666)  # the kernel applies the umask, which Python cannot read safely


def write(descriptor: int, data: memoryview) -> int:
    """Write the beginning of some bytes to a file, and return how many."""
    if failpoints.reached("checkpoint.write") == "short":
        data = data[: max(1, len(data) // 2)]
    return os.write(descriptor, data)


def sync(descriptor: int) -> None:
    """Make the bytes of a file durable. After a failure it must not be retried: the retry may falsely succeed."""
    failpoints.reached("checkpoint.sync")
    os.fsync(descriptor)


def rename(old: Path, new: Path, name: str) -> None:
    """Rename a file; a file that has the new name is replaced."""
    failpoints.reached(name)
    old.replace(new)


def link(old: Path, new: Path, name: str) -> None:
    """Give a file a second name, which no file may have."""
    failpoints.reached(name)
    os.link(old, new)


def remove(path: Path, name: str) -> None:
    """Remove a file, if it exists."""
    failpoints.reached(name)
    path.unlink(missing_ok=True)


def sync_folder(folder: Path, name: str = "") -> None:
    """Make the names in a folder durable, if the file system can; ``name`` is the failpoint, empty for none."""
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
    """Return what is in a folder of the inbox, as a context like that of ``os.scandir``."""
    failpoints.reached("inbox.list")
    return os.scandir(folder)


def look(path: str | Path) -> os.stat_result:
    """Return the status of a file, without following links."""
    failpoints.reached("input.look")
    return os.lstat(path)


def forget_cached(descriptor: int) -> None:
    """Drop a synced file from the cache, so that the next read asks the disk, if the system can."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def open_descriptor(path: str | Path, flags: int, name: str) -> int:
    """Open a file and return its descriptor."""
    failpoints.reached(name)
    return os.open(path, flags)


def read_at(descriptor: int, size: int, start: int) -> bytes:
    """Read up to ``size`` bytes of a file of the inbox from a position on; no bytes only at the end."""
    if failpoints.reached("input.read") == "short":
        size = max(1, size // 2)
    return os.pread(descriptor, size, start)


class Reading(io.FileIO):
    """An open file in which each read is a failpoint.

    Args:
        descriptor: The file, open for reading; closed with this object.
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
