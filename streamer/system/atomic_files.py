"""Files that are complete or absent: those that commands write for other programs, apart from checkpoints.

No promise depends on them, so they have no failpoints. A full disk is tested with a real one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from streamer.errors import ExitCode, StreamerError
from streamer.system import disk


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[BinaryIO]:
    """Give a file to write to, which gets its name when it is complete: see :func:`replacing`."""
    with replacing(path) as (file,):
        yield file


@contextlib.contextmanager
def replacing(*paths: str | Path) -> Iterator[tuple[BinaryIO, ...]]:
    """Give files to write to, which get their names when all are complete, in the given order.

    They are written under hidden names, flushed to the disk and renamed. Existing files are replaced. If anything goes
    wrong before the first rename, existing files stay as they were, and no part of a new one is left.

    Raises:
        StreamerError: 74, if one cannot be written, or if anything in the context raises :class:`OSError`.

    """
    # A symbolic link stays: its target is replaced.
    places = [Path(os.path.realpath(path)) for path in paths]
    # Hidden and *.tmp: no inbox accepts them as texts, even if they are written into one.
    beside = [place.with_name(f".streamer-{secrets.token_hex(8)}.tmp") for place in places]
    try:
        try:
            for place in places:
                _check(place)
            with contextlib.ExitStack() as stack:
                files = tuple(stack.enter_context(path.open("xb")) for path in beside)
                yield files
                for file in files:
                    file.flush()
                    os.fsync(file.fileno())
            for path, place in zip(beside, places, strict=True):
                path.replace(place)
            for folder in {place.parent for place in places}:
                disk.sync_folder(folder)
        finally:
            for path in beside:
                path.unlink(missing_ok=True)
    except OSError as error:
        missing = [place.parent for place in places if not place.parent.is_dir()]
        raise StreamerError(
            f"cannot write {' and '.join(map(str, paths))}: {error.strerror or error}",
            hint=f"create the folder: mkdir -p {missing[0]}" if missing else "name a file that this user can write",
            code=ExitCode.CANNOT_WRITE,
        ) from None


def _check(place: Path) -> None:
    """Refuse a place where the rename would fail after all the work, or would remove something, such as a device."""
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, f"{place.name} is a folder")
    if place.exists() and not place.is_file():
        raise OSError(errno.EINVAL, f"{place.name} is not a regular file")
