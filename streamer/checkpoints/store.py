"""A folder of checkpoints: save the next, find the newest that is whole, retire the oldest."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import stat
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from streamer.checkpoints import lock
from streamer.checkpoints.format import FORMAT_VERSION, Damaged, Newer, Tree, decode, seal, snapshot, verify
from streamer.checkpoints.publish import cannot_write, make_folder, publish
from streamer.errors import ExitCode, StreamerError
from streamer.system import disk

NAME = re.compile(r"checkpoint-(\d{10,})\.h5")
SET_ASIDE = re.compile(NAME.pattern + r"\.damaged(-\d+)?")
LEFT_BEHIND = ".checkpoint-*.h5.tmp-*"
LISTINGS = 100  # a trainer that retires what we are about to open has published something newer: look again
START_ANEW = "restore one from a backup, or name another --checkpoints folder to start anew"


@attrs.frozen
class Checkpoint:
    """One checkpoint as the folder shows it; whether it is whole is known after reading it.

    Attributes:
        name: The name of the file.
        sequence: Its place in the order of saving; 0 if the name does not tell.
        path: Where it is.
        size_bytes: The size of the file.
        created: When it was written, in seconds since the epoch.
    """

    name: str
    sequence: int
    path: Path
    size_bytes: int
    created: float


Checkpoints = list[Checkpoint]


class Store:
    """A folder of checkpoints. Anyone may read it at any time; only the holder of its lock may write.

    Args:
        folder: The folder; it is made when something is first written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self) -> Checkpoints:
        """Return the checkpoints in the folder, newest first; none if there is no folder.

        Raises:
            StreamerError: With exit code 66 if the folder cannot be read.
        """
        return self._matching(NAME)

    def save(self, tree: Tree, sequence: int) -> Checkpoint:
        """Write a tree as the checkpoint of that number, durably; see :meth:`publish`.

        Raises:
            ValueError: If a key or a value has no place in a tree.
            StreamerError: With exit code 74.
        """
        return self.publish(snapshot(tree), sequence)

    def publish(self, image: memoryview, sequence: int) -> Checkpoint:
        """Write what :func:`snapshot` returned: another thread may do so while the model trains on.

        When this returns, the checkpoint survives a loss of power, and the disk has given it back as it was written.
        When it raises, older ones are as they were.

        Raises:
            StreamerError: With exit code 74.
        """
        if not self.folder.is_dir():
            make_folder(self.folder)
        path = self.folder / f"checkpoint-{sequence:010d}.h5"
        try:
            publish(path, seal(image))
            _reread(path)
            return _describe(path)
        except (OSError, StreamerError) as error:
            self._withdraw(path)
            raise cannot_write(path, error) if isinstance(error, OSError) else error from error.__cause__

    def _withdraw(self, path: Path) -> None:
        """Remove what has its name and is not sure to last, if there is another to go on from.

        It is still in memory, and is written again under the next number: a disk that fails each time would fill up.
        """
        with contextlib.suppress(OSError, StreamerError):
            if any(checkpoint.path != path for checkpoint in self.list()):
                disk.remove(path, "checkpoint.retire")

    def retire(self, keep: int) -> None:
        """Remove all but the newest, and what killed processes left half-written.

        Only for the holder of the lock, and not while another of its threads publishes. What is removed is never needed
        after a loss of power: the names of those that stay are made durable first, since a process that was killed may
        have published one without.

        Args:
            keep: How many to keep; at least one is.

        Raises:
            StreamerError: With exit code 74.
        """
        try:
            listed = self.list()
        except StreamerError as error:  # what was to be written is written, so this is no want of input
            raise StreamerError(error.problem, hint=error.hint, code=ExitCode.CANNOT_WRITE) from error
        left_behind = [(path, "checkpoint.sweep") for path in sorted(self.folder.glob(LEFT_BEHIND))]
        old = [(checkpoint.path, "checkpoint.retire") for checkpoint in reversed(listed[max(keep, 1) :])]
        try:
            path = self.folder
            if old:
                disk.sync_folder(path, "checkpoint.sync_name")
            for path, purpose in [*left_behind, *old]:
                disk.remove(path, purpose)
        except OSError as error:
            raise cannot_write(path, error) from error

    def load_newest(
        self,
        only: Collection[str] | None = None,
        on_damage: Callable[[Checkpoint, str], None] | None = None,
    ) -> tuple[Checkpoint, Tree] | None:
        """Return the newest checkpoint that is whole and its tree, or None if there never was a checkpoint.

        Args:
            only: Keys, and groups of keys, to be read; all by default.
            on_damage: Called with each damaged checkpoint that is passed over, and the reason.

        Raises:
            StreamerError: With exit code 65 if there are checkpoints but none is whole, 66 if one cannot be opened.
        """
        reasons: dict[str, str] = {}
        for _ in range(LISTINGS):
            for checkpoint in self.list():
                if checkpoint.name in reasons:
                    continue
                try:
                    return checkpoint, _read(checkpoint.path, only)
                except FileNotFoundError:
                    break
                except Damaged as damage:
                    reasons[checkpoint.name] = damage.reason
                    if on_damage:
                        on_damage(checkpoint, damage.reason)
            else:
                break
        else:
            raise StreamerError(
                f"checkpoints vanish from {self.folder} before they can be read", code=ExitCode.NO_INPUT
            )
        if not reasons:
            reasons = {aside.name: "it was set aside as damaged" for aside in self._matching(SET_ASIDE)}
        for name, reason in reasons.items():
            raise StreamerError(
                f"no checkpoint in {self.folder} is whole; the newest is {name}: {reason}",
                hint=START_ANEW,
                code=ExitCode.DAMAGED,
            )
        return None

    def set_aside(self, checkpoint: Checkpoint) -> Path:
        """Rename a damaged checkpoint, so that it is out of the way but not lost. Only for the holder of the lock.

        Returns:
            Its new path.

        Raises:
            StreamerError: With exit code 74.
        """
        names = itertools.chain(["damaged"], (f"damaged-{number}" for number in itertools.count(2)))
        aside = next(path for name in names if not (path := Path(f"{checkpoint.path}.{name}")).exists())
        try:
            disk.rename(checkpoint.path, aside, "checkpoint.set_aside")
        except OSError as error:
            raise cannot_write(aside, error) from error
        return aside

    def load(self, checkpoint: Checkpoint | str | int, only: Collection[str] | None = None) -> tuple[Checkpoint, Tree]:
        """Return one checkpoint and its tree.

        Args:
            checkpoint: One from :meth:`list`, a number, a name in the folder, or a path.
            only: Keys, and groups of keys, to be read; all by default.

        Raises:
            StreamerError: With exit code 65 if it is damaged, 66 if there is no such checkpoint.
        """
        if isinstance(checkpoint, int):
            found = self._numbered(checkpoint)
        else:
            found = checkpoint if isinstance(checkpoint, Checkpoint) else self._find(checkpoint)
        try:
            return found, _read(found.path, only)
        except FileNotFoundError:
            raise _missing(found.path) from None
        except Damaged as damage:
            raise StreamerError(
                f"{found.path} is damaged: {damage.reason}", hint="restore it from a backup", code=ExitCode.DAMAGED
            ) from damage

    def verify(
        self, checkpoint: Checkpoint | str | None = None, judge: Callable[[Tree], object] | None = None
    ) -> Checkpoint:
        """Check one checkpoint wholly: every byte against its digest, then every array and scalar.

        Args:
            checkpoint: As for :meth:`load`; the newest by default.
            judge: Called with the tree, to raise what is to be raised if it makes no sense.

        Raises:
            StreamerError: With exit code 65 if it is damaged, 66 if there is no such checkpoint.
        """
        if checkpoint is None:
            newest = [*self.list(), *self._matching(SET_ASIDE)][:1]
            if not newest:
                raise StreamerError(f"there is no checkpoint in {self.folder}", code=ExitCode.NO_INPUT)
            checkpoint = newest[0]
        found, tree = self.load(checkpoint)
        try:
            if judge:
                judge(tree)
        except StreamerError as error:
            raise StreamerError(f"{found.path}: {error.problem}", hint=error.hint, code=error.code) from error
        return found

    def lock(self) -> AbstractContextManager[None]:
        """Be the only trainer of this folder while the context lasts.

        Raises:
            StreamerError: With exit code 75 if another process is, 74 if the folder cannot be written.
        """
        return lock.hold(self.folder)

    def holder(self) -> int | None:
        """Return the pid of the trainer that holds the lock, 0 if it cannot be told, None if no trainer runs."""
        return lock.holder(self.folder)

    def _matching(self, pattern: re.Pattern[str]) -> Checkpoints:
        """Return the regular files of such names, newest first.

        If one vanishes before it is looked at, a newer one may have come since: the folder is listed again.
        """
        found: Checkpoints = []
        for _ in range(LISTINGS):
            found, vanished = [], False
            try:
                for path in disk.list_folder(self.folder):
                    if pattern.fullmatch(path.name):
                        try:
                            found.append(_describe(path))
                        except FileNotFoundError:
                            vanished = vanished or not os.path.lexists(path)  # else it is no regular file
            except FileNotFoundError:
                return []
            except OSError as error:
                raise _unreadable(self.folder, error) from error
            if not vanished:
                break
        return sorted(found, key=lambda checkpoint: (checkpoint.sequence, checkpoint.created), reverse=True)

    def _numbered(self, sequence: int) -> Checkpoint:
        listed = self.list()
        for checkpoint in listed:
            if checkpoint.sequence == sequence:
                return checkpoint
        there = ", ".join(str(checkpoint.sequence) for checkpoint in reversed(listed))
        raise StreamerError(
            f"there is no checkpoint {sequence} in {self.folder}",
            hint=f"there is {there}" if there else "train one first: python -m streamer watch data/inbox --once",
            code=ExitCode.NO_INPUT,
        )

    def _find(self, name: str) -> Checkpoint:
        for path in (self.folder / name, Path(name)):
            try:
                return _describe(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _unreadable(path, error) from error
        raise _missing(Path(name))


def _describe(path: Path) -> Checkpoint:
    """Return what the file system knows of a checkpoint; raise FileNotFoundError unless it is a regular file."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(path)
    numbered = re.match(NAME, path.name)
    return Checkpoint(path.name, int(numbered[1]) if numbered else 0, path, status.st_size, status.st_mtime)


def _read(path: Path, only: Collection[str] | None = None) -> Tree:
    """Verify and decode one file through one descriptor, so that no rename comes between the two."""
    try:
        descriptor = disk.open_descriptor(path, os.O_RDONLY | os.O_CLOEXEC, "checkpoint.open")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from error  # not damaged: nobody should set it aside
    with io.BufferedReader(disk.Reading(descriptor, "checkpoint.read")) as file:
        verify(file)
        try:
            return decode(file, only)
        except Newer as newer:  # nor is this damaged
            raise StreamerError(
                f"the checkpoint cannot be used: the format version of {path} is {newer.version}, "
                f"and this version of streamer reads up to {FORMAT_VERSION}",
                hint="upgrade streamer: a newer version wrote this checkpoint",
                code=ExitCode.DAMAGED,
            ) from None


def _reread(path: Path) -> None:
    """Compare a checkpoint that was just published with its digest; remove it, and raise 74, if the disk bent it."""
    descriptor = disk.open_descriptor(path, os.O_RDONLY | os.O_CLOEXEC, "checkpoint.reread")
    with io.BufferedReader(disk.Reading(descriptor, "checkpoint.reread")) as file:
        disk.forget_cached(descriptor)
        try:
            verify(file)
        except Damaged as damage:
            disk.remove(path, "checkpoint.retire")  # even if there is no other: it is known to be bad
            raise StreamerError(
                f"cannot write {path}: read again, it is not what was written: {damage.reason}",
                hint="see that the disk and the memory are well; older checkpoints are as they were",
                code=ExitCode.CANNOT_WRITE,
            ) from damage


def _unreadable(path: Path, error: OSError) -> StreamerError:
    return StreamerError(
        f"cannot read {path}: {error.strerror or error}", hint="let this user read it", code=ExitCode.NO_INPUT
    )


def _missing(path: Path) -> StreamerError:
    return StreamerError(f"there is no checkpoint {path}", code=ExitCode.NO_INPUT)
