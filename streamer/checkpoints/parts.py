"""Segments: files beside the checkpoints that need them, and that name them by their digests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from streamer.checkpoints.format import SEGMENTS, Damaged
from streamer.checkpoints.image import Image, Tree
from streamer.errors import StreamerError
from streamer.system import disk

SEGMENT = re.compile(r"cold-([0-9a-f]{64})\.h5")


class Parts:
    """The segments in a folder of checkpoints, for who may write there.

    Args:
        folder: The folder.
        write: Writes an image to a path, durably.
        read: Returns the tree of a checked file; arguments are the path, the keys to read, and the digest it must have.
    """

    def __init__(self, folder: Path, write: Callable[[Path, Image], None], read: Callable[..., Tree]) -> None:
        self._folder, self._write, self._read = folder, write, read
        self._durable: set[str] = set()  # names of those that are certainly there
        self._needs: dict[str, set[str]] = {}  # names of checkpoints, and of the segments that each needs

    def publish(self, image: Image, checkpoint: str) -> None:
        """Write the segments that an image needs, unless they are there already.

        A killed process may have published one whose name is not durable, so the folder is synced for it.

        Args:
            image: The image.
            checkpoint: The name that it will have.
        """
        for part in image.parts:
            path = self._folder / part.name()
            if path.name not in self._durable:
                if self._intact(path):
                    disk.sync_folder(self._folder, "checkpoint.sync_name")
                else:
                    self._write(path, part.image())
                self._durable.add(path.name)
            part.published(self._folder)
        self._needs[checkpoint] = {part.name() for part in image.parts}

    def retire(self, kept: Iterable[Path]) -> None:
        """Remove the segments that none of these checkpoints needs; none if one of them can't be read."""
        unneeded = self._unneeded(kept)
        if unneeded:
            disk.sync_folder(self._folder, "checkpoint.sync_name")  # no checkpoint comes back without its segments
        for path in unneeded:
            self._durable.discard(path.name)
            disk.remove(path, "checkpoint.retire")

    def _unneeded(self, kept: Iterable[Path]) -> list[Path]:
        there = [path for path in sorted(self._folder.glob("cold-*.h5")) if SEGMENT.fullmatch(path.name)]
        needed: set[str] = set()
        for checkpoint in kept if there else ():
            if checkpoint.name not in self._needs:
                try:
                    self._needs[checkpoint.name] = set(map(segment_name, self._named_by(checkpoint)))
                except (OSError, Damaged, StreamerError):
                    return []
            needed |= self._needs[checkpoint.name]
        return [path for path in there if path.name not in needed]

    def _named_by(self, checkpoint: Path) -> list[str]:
        """Return the digests that a checkpoint names."""
        named = self._read(checkpoint, (SEGMENTS,)).get(SEGMENTS)
        try:
            return named.tobytes().decode("ascii").split() if isinstance(named, np.ndarray) else []
        except UnicodeDecodeError:
            raise Damaged(f"{SEGMENTS} has something else than digests") from None

    def _intact(self, path: Path) -> bool:
        """Return whether a segment is there, and is what its name says."""
        try:
            self._read(path, (), digest=path.name[5:-3])
        except (FileNotFoundError, Damaged):
            return False
        return True


def segment_name(digest: str) -> str:
    """Return the name of the segment with this digest."""
    return f"cold-{digest}.h5"
