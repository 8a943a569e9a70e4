"""Put a file into a folder so that, whenever power or process ends, it is there wholly or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from streamer.errors import ExitCode, StreamerError

PIECE = 16 << 20  # bytes a write, so that a signal is seen between two of them

HINTS = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some of this user's quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EACCES: "let this user write there, or name another --checkpoints folder",
    errno.EPERM: "let this user write there, or name another --checkpoints folder",
    errno.EROFS: "that disk is read-only: name another --checkpoints folder",
}


def cannot_write(path: Path, error: OSError) -> StreamerError:
    """Return the error (74) for a path that the system would not let us write."""
    return StreamerError(
        f"cannot write {path}: {error.strerror or error}",
        hint=HINTS.get(error.errno or 0, "see that the disk is well, or name another --checkpoints folder"),
        code=ExitCode.CANNOT_WRITE,
    )


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises:
        StreamerError: With exit code 74.
    """
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _sync_folder(folder.parent)
    except OSError as error:
        raise cannot_write(folder, error) from error


def publish(path: Path, pieces: Iterable[memoryview | bytes]) -> None:
    """Write pieces to a hidden file beside the path, make them durable, and rename it to the path.

    On failure the hidden file is removed and what was at the path is untouched.

    Raises:
        StreamerError: With exit code 74.
    """
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        try:
            # In a container every run may have the same pid, so a killed one may have left this very name.
            temporary.unlink(missing_ok=True)
            _write(temporary, pieces)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def _write(path: Path, pieces: Iterable[memoryview | bytes]) -> None:
    """Write a new file through to the disk. An fsync that failed must not be tried again: it may then claim success."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)  # the kernel takes off the umask, which Python cannot read safely
    try:
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(descriptor, rest[:PIECE]) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the file system knows how to."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # network file systems that cannot sync a folder say this
            raise
    finally:
        os.close(descriptor)
