"""A path → an open file: a regular one, and opened in a way that can neither block nor follow a link."""

from __future__ import annotations

import errno
import functools
import os
import stat
from pathlib import Path
from typing import Self

from streamer.intake.packings import MAGIC, Packing, packing_of
from streamer.system import disk

FEW = 1 << 16
"""Bytes up to which a file is kept in memory while it is open."""
CANNOT_READ = "cannot be read: "

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


class Refused(Exception):  # noqa: N818 - it is an outcome of the file, not an error of ours
    """A file, or the rest of it, can't be trained; the message is the reason that ``files`` shows."""


def not_regular(mode: int) -> str | None:
    """Return why something with this ``st_mode`` is not read, or None for a regular file."""
    kind = stat.S_IFMT(mode)
    return None if kind == stat.S_IFREG else f"{_KINDS.get(kind, 'a special thing')}, not a regular file"


class Opened:
    """An open file. A small one is read once, so that its bytes are the same however often they are asked for.

    It is not mapped into memory: a mapped file that shrinks kills the process.

    Args:
        descriptor: The file, open for reading; closed with this object.
        status: What it was then: only the bytes that it had then count.

    Attributes:
        position: Where the next read begins.
    """

    def __init__(self, descriptor: int, status: os.stat_result) -> None:
        self._descriptor = descriptor
        self.status = status
        self.position = 0
        self._all: bytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._descriptor)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    @functools.cached_property
    def packing(self) -> Packing | None:
        """How the file is packed, by its first bytes and not by its name."""
        self.position = 0
        return packing_of(self.read(MAGIC))

    def read(self, size: int, /) -> bytes:
        """Return the next bytes, fewer than ``size`` only at the end.

        Raises:
            Refused: If it can't be read.
        """
        if self._all is None and 0 < self.status.st_size <= FEW:
            self._all = self._read(0, self.status.st_size)
        start = self.position
        data = self._read(start, size) if self._all is None else self._all[start : start + size]
        self.position += len(data)
        return data

    def _read(self, start: int, size: int) -> bytes:
        pieces, stop = [], start + size
        try:
            while start < stop and (piece := disk.read_at(self._descriptor, stop - start, start)):
                pieces.append(piece)
                start += len(piece)
        except OSError as error:
            raise Refused(f"{CANNOT_READ}{error.strerror or error}") from error
        return b"".join(pieces)


def open_regular(path: str | Path) -> Opened:
    """Open a file for reading, but only a regular one: a FIFO would block, a device might never end.

    Raises Refused with the reason, or FileNotFoundError if it is gone.
    """
    try:
        _refuse_special(disk.look(path).st_mode)
        descriptor = disk.open_descriptor(path, _FLAGS, "input.open")
        try:
            status = os.fstat(descriptor)
            _refuse_special(status.st_mode)
            return Opened(descriptor, status)
        except BaseException:
            os.close(descriptor)
            raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    except OSError as error:
        raise Refused(f"{CANNOT_READ}{error.strerror or error}") from error


def _refuse_special(mode: int) -> None:
    if reason := not_regular(mode):
        raise Refused(reason)
