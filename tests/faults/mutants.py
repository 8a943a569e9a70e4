"""Bugs in saving and starting, planted at run time, each of which a test has to catch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from streamer.checkpoints import Checkpoint, Image, Store, decode, parts, publish, seal, store
from streamer.checkpoints.parts import Parts
from streamer.errors import StreamerError
from streamer.system import disk

Patch = pytest.MonkeyPatch
MUTANTS: dict[str, Callable[[Patch], None]] = {}
"""Bugs, each of which would lose what was saved only if power is lost at the wrong moment."""


def mutant(function: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """List a bug under the name of its function."""
    MUTANTS[function.__name__] = function
    return function


class Lying:
    """What a module sees of :mod:`streamer.system.disk` if some of its calls do nothing."""

    def __init__(self, patch: Patch, *purposes: str) -> None:
        self.purposes = purposes
        for module in (publish, store):
            patch.setattr(module, "disk", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(disk, name)

    def sync(self, descriptor: int) -> None:
        """Sync a file, or not."""
        if "sync" not in self.purposes:
            disk.sync(descriptor)

    def sync_folder(self, folder: Path, name: str) -> None:
        """Sync a folder, or not."""
        if name not in self.purposes:
            disk.sync_folder(folder, name)


@mutant
def the_file_is_not_synced(patch: Patch) -> None:
    Lying(patch, "sync")


@mutant
def the_name_is_not_synced(patch: Patch) -> None:
    Lying(patch, "checkpoint.sync_name")


@mutant
def a_new_folder_is_not_synced(patch: Patch) -> None:
    def make_folder(folder: Path) -> None:
        if not folder.is_dir():
            make_folder(folder.parent)
            disk.mkdir(folder)

    patch.setattr(disk, "make_folder", make_folder)


@mutant
def a_folder_that_is_there_is_taken_for_durable(patch: Patch) -> None:
    make_folder = disk.make_folder
    patch.setattr(disk, "make_folder", lambda folder: None if folder.is_dir() else make_folder(folder))


@mutant
def a_name_that_is_there_is_taken_for_durable(patch: Patch) -> None:
    def retire(self: Store, keep: int) -> None:
        for path in [*self.folder.glob(store.LEFT_BEHIND), *(old.path for old in self.list()[keep:])]:
            disk.remove(path, "checkpoint.retire")

    patch.setattr(Store, "retire", retire)


def publishing(patch: Patch, how: Callable[[Path, Path, list[Any]], None]) -> None:
    """Let files be published in another way; given are the hidden path, the final one, and the pieces."""
    patch.setattr(store, "publish", lambda path, pieces: how(path.with_name(f".{path.name}.tmp-1"), path, list(pieces)))


@mutant
def the_folder_is_synced_before_the_rename(patch: Patch) -> None:
    def how(hidden: Path, path: Path, pieces: list[Any]) -> None:
        publish._write(hidden, pieces)
        disk.sync_folder(path.parent, "")
        disk.rename(hidden, path, "")

    publishing(patch, how)


@mutant
def it_is_written_under_its_name(patch: Patch) -> None:
    def how(hidden: Path, path: Path, pieces: list[Any]) -> None:
        publish._write(path, pieces)
        disk.sync_folder(path.parent, "")

    publishing(patch, how)


@mutant
def it_is_renamed_before_it_is_written(patch: Patch) -> None:
    def how(hidden: Path, path: Path, pieces: list[Any]) -> None:
        descriptor = disk.create(hidden)
        disk.rename(hidden, path, "")
        for piece in pieces:
            disk.write(descriptor, memoryview(piece))
        disk.sync(descriptor)
        os.close(descriptor)
        disk.sync_folder(path.parent, "")

    publishing(patch, how)


@mutant
def the_trailer_is_written_after_the_sync(patch: Patch) -> None:
    def how(hidden: Path, path: Path, pieces: list[Any]) -> None:
        descriptor = disk.create(hidden)
        for piece in pieces[:-1]:
            disk.write(descriptor, memoryview(piece))
        disk.sync(descriptor)
        disk.write(descriptor, memoryview(pieces[-1]))
        os.close(descriptor)
        disk.rename(hidden, path, "")
        disk.sync_folder(path.parent, "")

    publishing(patch, how)


@mutant
def the_trailer_is_written_before_the_data(patch: Patch) -> None:
    patch.setattr(store, "seal", lambda image: tuple(reversed(tuple(seal(image)))))
    patch.setattr(store, "_reread", lambda path: None)


@mutant
def old_ones_go_before_the_new_one_comes(patch: Patch) -> None:
    original = Store.publish

    def early(self: Store, image: Image, sequence: int) -> Checkpoint:
        for old in self.list():
            disk.remove(old.path, "checkpoint.retire")
        return original(self, image, sequence)

    patch.setattr(Store, "publish", early)


@mutant
def segments_come_after_the_checkpoint(patch: Patch) -> None:
    late_parts, whole = Parts.publish, Store.publish

    def late(self: Store, image: Image, sequence: int) -> Checkpoint:
        found = whole(self, image, sequence)
        late_parts(self._parts, image, found.name)
        return found

    patch.setattr(Parts, "publish", lambda self, image, checkpoint: None)
    patch.setattr(Store, "publish", late)


@mutant
def segments_go_with_the_oldest_checkpoint_that_needs_them(patch: Patch) -> None:
    def unneeded(self: Parts, kept: Iterable[Path], states: Iterable[Path]) -> list[str]:
        return sorted(path.name for path in self._folder.glob("cold-*.h5"))[:-1]

    patch.setattr(Parts, "_unneeded", unneeded)


@mutant
def snapshots_go_with_the_oldest_checkpoint_that_lists_them(patch: Patch) -> None:
    def unneeded(self: Parts, kept: Iterable[Path], states: Iterable[Path]) -> list[str]:
        return sorted(f"snapshots/{path.name}" for path in self._folder.glob("snapshots/snapshot-*.h5"))[:-1]

    patch.setattr(Parts, "_unneeded", unneeded)


@mutant
def the_folder_of_snapshots_may_be_lost(patch: Patch) -> None:
    def made(folder: Path) -> None:
        disk.mkdir(folder)  # which is recorded by then

    patch.setattr(parts, "make_folder", made)


@mutant
def the_oldest_are_kept(patch: Patch) -> None:
    def retire(self: Store, keep: int) -> None:
        disk.sync_folder(self.folder, "")
        for path in [*self.folder.glob(store.LEFT_BEHIND), *(old.path for old in self.list()[:-keep])]:
            disk.remove(path, "checkpoint.retire")

    patch.setattr(Store, "retire", retire)


@mutant
def sweeping_takes_finished_ones_too(patch: Patch) -> None:
    patch.setattr(store, "LEFT_BEHIND", "*.h5*")


@mutant
def nothing_is_swept(patch: Patch) -> None:
    patch.setattr(store, "LEFT_BEHIND", "nothing")


@mutant
def a_damaged_one_is_removed(patch: Patch) -> None:
    def removes(self: Store, checkpoint: Checkpoint) -> Path:
        disk.remove(checkpoint.path, "checkpoint.retire")
        return checkpoint.path

    patch.setattr(Store, "set_aside", removes)


@mutant
def the_digest_is_not_compared(patch: Patch) -> None:
    patch.setattr(store, "verify", lambda file: b"")


@mutant
def the_newest_is_taken_as_it_is(patch: Patch) -> None:
    def newest(self: Store, only: Any = None, on_damage: Any = None) -> Any:
        listed = self.list()
        if not listed:
            return None
        with listed[0].path.open("rb") as file:
            return listed[0], decode(file, only)

    patch.setattr(Store, "load_newest", newest)


@mutant
def none_whole_is_none_at_all(patch: Patch) -> None:
    original = Store.load_newest

    def silent(self: Store, only: Any = None, on_damage: Any = None) -> Any:
        try:
            return original(self, only, on_damage)
        except StreamerError:
            return None

    patch.setattr(Store, "load_newest", silent)
