"""Parts: files beside the checkpoints that list them by name, with their digests: segments and snapshots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from streamer.checkpoints.format import SEGMENTS, SNAPSHOTS, Damaged
from streamer.checkpoints.image import Image, Part, Tree
from streamer.checkpoints.publish import make_folder
from streamer.errors import StreamerError
from streamer.system import disk

DIGEST = re.compile(r"[0-9a-f]{64}")
SNAPSHOT_FOLDER = "snapshots"
_NAMES = {
    "": re.compile(rf"cold-{DIGEST.pattern}\.h5"),
    SNAPSHOT_FOLDER: re.compile(rf"snapshot-\d+-{DIGEST.pattern}\.h5"),
}
"""The names of parts, by the folder that they are in."""
_STATE = re.compile(r"state-(\d{10,})[-+]")
"""How the name of a kept state begins: with the number of its checkpoint."""


class Parts:
    """The parts in a folder of checkpoints, for who may write there.

    Args:
        folder: The folder.
        write: Writes an image to a path, durably.
        read: Returns the tree of a checked file; arguments are the path, the keys to read, and the digest it must have.
    """

    def __init__(self, folder: Path, write: Callable[[Path, Image], None], read: Callable[..., Tree]) -> None:
        self._folder, self._write, self._read = folder, write, read
        self._durable: set[str] = set()  # names of those that are certainly there
        self._needs: dict[str, set[str]] = {}  # names of checkpoints, and of the parts that each needs

    def publish(self, image: Image, checkpoint: str) -> None:
        """Write the parts that an image needs, unless they are there already.

        Args:
            image: The image.
            checkpoint: The name that it will have.
        """
        for part in image.parts:
            if part.home == self._folder:
                continue
            if part.name() not in self._durable:
                self._place(part)
                self._durable.add(part.name())
            part.published(self._folder)
        self._needs[checkpoint] = {part.name() for part in image.parts}
        self._forget_states(checkpoint)

    def _place(self, part: Part) -> None:
        """Write a part, unless it is there.

        A killed process may have published one whose name is not durable, so the folder is synced for it.
        """
        path = self._folder / part.name()
        if self._intact(path):
            disk.sync_folder(path.parent, "checkpoint.sync_name")
        elif (image := part.image()) is not None:
            if not path.parent.is_dir():
                make_folder(path.parent)
            self._write(path, image)

    def retire(self, kept: Iterable[Path], states: Iterable[Path] = ()) -> None:
        """Remove the parts that none of these checkpoints needs; none if one of them can't be read.

        Args:
            kept: The checkpoints.
            states: Kept states. They need their segments, but not the snapshots that they list, of which there may be
                many. One that is damaged needs nothing: it is never used.
        """
        unneeded = self._unneeded(kept, states)
        if unneeded:
            disk.sync_folder(self._folder, "checkpoint.sync_name")  # no checkpoint comes back without its parts
        for name in unneeded:
            self._durable.discard(name)
            disk.remove(self._folder / name, "checkpoint.retire")

    def _unneeded(self, kept: Iterable[Path], states: Iterable[Path]) -> list[str]:
        there = [
            f"{path.relative_to(self._folder)}"
            for inside, name in _NAMES.items()
            for path in sorted((self._folder / inside).glob("*.h5"))
            if name.fullmatch(path.name)
        ]
        needed: set[str] = set()
        used, all_kept = set(states), list(kept)
        for checkpoint in (*all_kept, *used) if there else ():
            if checkpoint.name not in self._needs and checkpoint in used:
                self._needs |= self._of_link(checkpoint)
            if checkpoint.name not in self._needs:
                try:
                    self._needs[checkpoint.name] = self._named_by(checkpoint, snapshots=checkpoint not in used)
                except Damaged:
                    if checkpoint not in used:
                        return []
                    self._needs[checkpoint.name] = set()
                except (OSError, StreamerError):
                    return []
            needed |= self._needs[checkpoint.name]
        alive = {path.name for path in (*all_kept, *used)}
        self._needs = {name: needs for name, needs in self._needs.items() if name in alive}
        return [name for name in there if name not in needed]

    def _forget_states(self, checkpoint: str) -> None:
        """Forget what states need that have the number of a checkpoint, or a higher one: others get their names."""
        later = [
            name
            for name in self._needs
            if (found := _STATE.match(name)) and f"checkpoint-{found[1]}" >= checkpoint[:-3]
        ]
        for name in later:
            del self._needs[name]

    def _of_link(self, state: Path) -> dict[str, set[str]]:
        """Return what a kept state needs, by its name, if the checkpoint that it is a link to was written here."""
        found = _STATE.match(state.name)
        listed = self._needs.get(f"checkpoint-{found[1]}.h5") if found else None
        return {} if listed is None else {state.name: {name for name in listed if "/" not in name}}

    def _named_by(self, checkpoint: Path, *, snapshots: bool) -> set[str]:
        """Return the names of the segments that a checkpoint lists, and of its snapshots if they are wanted."""
        tree = self._read(checkpoint, (SEGMENTS, SNAPSHOTS))
        listed = _lines(tree, SNAPSHOTS) if snapshots else []
        return {*map(segment_name, _lines(tree, SEGMENTS)), *map(snapshot_name, listed)}

    def _intact(self, path: Path) -> bool:
        """Return whether a part is there, and is what its name says."""
        try:
            self._read(path, (), digest=path.stem.rpartition("-")[2])
        except (FileNotFoundError, NotADirectoryError, Damaged):
            return False
        return True


def _lines(tree: Tree, key: str) -> list[str]:
    listed = tree.get(key)
    try:
        return listed.tobytes().decode("ascii").split() if isinstance(listed, np.ndarray) else []
    except UnicodeDecodeError:
        raise Damaged(f"{key} has something else than names") from None


def segment_name(digest: str) -> str:
    """Return the name of the segment with this digest."""
    return f"cold-{digest}.h5"


def snapshot_name(file: str) -> str:
    """Return the name of a snapshot in the folder of checkpoints, given that of its file."""
    return f"{SNAPSHOT_FOLDER}/{file}"
