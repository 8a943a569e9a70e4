"""Files that appear whole or not at all: what commands make for other programs, beside the checkpoints.

No promise rests on them, so they have no failpoints; that a disk may be full is tested on one that is.
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
    """Give a file to write to, which takes its place when it is complete: see :func:`replacing`."""
    with replacing(path) as (file,):
        yield file


@contextlib.contextmanager
def replacing(*paths: str | Path) -> Iterator[tuple[BinaryIO, ...]]:
    """Give files to write to, which take their places when all are complete, in the order given.

    They are written beside their places, flushed to the disk and renamed. Files that are there already are replaced;
    whatever goes wrong before the first rename leaves them as they were, and no half of a new one.

    Raises:
        StreamerError: 74, if one cannot be written, or if anything in the context raises :class:`OSError`.

    """
    # A symbolic link stays one: what it points to is replaced.
    places = [Path(os.path.realpath(path)) for path in paths]
    # Hidden and *.tmp: no inbox takes them for texts, should they be written into one.
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
            hint=f"make the folder {missing[0]} first" if missing else "choose a place that can be written to",
            code=ExitCode.CANNOT_WRITE,
        ) from None


def _check(place: Path) -> None:
    """Refuse a place that a rename would fail on after all the work, or take away, such as a device."""
    if place.is_dir():
        raise IsADirectoryError(errno.EISDIR, f"{place.name} is a folder")
    if place.exists() and not place.is_file():
        raise OSError(errno.EINVAL, f"{place.name} is no regular file")
