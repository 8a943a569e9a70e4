"""Put a file into a folder so that it is complete or absent, whenever the power or the process fails."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from streamer.errors import ExitCode, StreamerError
from streamer.system import disk

PIECE = 16 << 20  # bytes per write, so that signals are handled between two writes

HINTS = {
    errno.ENOSPC: "free some space on that disk, or keep fewer checkpoints (--keep)",
    errno.EDQUOT: "free some of this user's quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EACCES: "let this user write there, or name another --checkpoints folder",
    errno.EPERM: "let this user write there, or name another --checkpoints folder",
    errno.EEXIST: "something else has that name: name another --checkpoints folder",
    errno.ENOTDIR: "a part of the path is not a folder: name another --checkpoints folder",
    errno.EROFS: "that disk is read-only: name another --checkpoints folder",
}


def cannot_write(path: Path, error: OSError) -> StreamerError:
    """Return the error (74) for a path that could not be written."""
    return StreamerError(
        f"cannot write {path}: {error.strerror or error}",
        hint=HINTS.get(error.errno or 0, "check the disk, or name another --checkpoints folder"),
        code=ExitCode.CANNOT_WRITE,
    )


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, unless it exists.

    Raises:
        StreamerError: With exit code 74.
    """
    try:
        disk.make_folder(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error


def publish(path: Path, pieces: Iterable[memoryview | bytes]) -> None:
    """Write pieces to a hidden file beside the path, make them durable, and rename it to the path.

    On failure, the hidden file is removed, and a file that was at the path before stays.

    Raises:
        StreamerError: With exit code 74.
    """
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        try:
            # In a container every run may have the same pid, so a killed one may have left a file of this name.
            disk.remove(temporary, "checkpoint.sweep")
            _write(temporary, pieces)
            disk.rename(temporary, path, "checkpoint.rename")
        except BaseException:
            with contextlib.suppress(OSError):
                disk.remove(temporary, "checkpoint.sweep")
            raise
        disk.sync_folder(path.parent, "checkpoint.sync_name")
    except OSError as error:
        raise cannot_write(path, error) from error


def _write(path: Path, pieces: Iterable[memoryview | bytes]) -> None:
    """Write a new file through to the disk."""
    descriptor = disk.create(path)
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[disk.write(descriptor, rest[:PIECE]) :]
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
