"""A folder of checkpoints: save the next, find the newest intact one, remove the oldest."""

from __future__ import annotations

import contextlib
import errno
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
from streamer.checkpoints.format import FORMAT_VERSION, Damaged, Newer, decode, seal, verify
from streamer.checkpoints.image import Image, Tree
from streamer.checkpoints.kept import KeptStates
from streamer.checkpoints.parts import SNAPSHOT_FOLDER, Parts
from streamer.checkpoints.publish import cannot_write, make_folder, publish
from streamer.errors import ExitCode, StreamerError
from streamer.system import disk

NAME = re.compile(r"checkpoint-(\d{10,})\.h5")
SET_ASIDE = re.compile(NAME.pattern + r"\.damaged(-\d+)?")
LEFT_BEHIND = ".*-*.h5.tmp-*"
LISTINGS = 100  # if a trainer removes a checkpoint before we open it, there is a newer one: list the folder again
START_ANEW = "restore one from a backup, or name another --checkpoints folder to start from scratch"


@attrs.frozen
class Checkpoint:
    """One checkpoint as the folder shows it. Only reading it shows whether it is intact.

    Attributes:
        name: The name of the file.
        sequence: Its number in the order of saving; 0 if the name has none.
        path: The path of the file.
        size_bytes: The size of the file.
        created: When it was written, in seconds since 1970.
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

    Attributes:
        folder: The same.
        states: Checkpoints of earlier days and weeks.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.states = folder, KeptStates(folder)
        self._parts = Parts(folder, _write, _read)

    def list(self) -> Checkpoints:
        """Return the checkpoints in the folder, newest first; an empty list if there is no folder.

        Raises:
            StreamerError: With exit code 66 if the folder cannot be read.
        """
        return self._matching(NAME)

    def save(self, tree: Tree, sequence: int) -> Checkpoint:
        """Write a tree as the checkpoint with this number, durably; see :meth:`publish`.

        Raises ValueError if a key or a value cannot be stored, StreamerError with exit code 74.
        """
        return self.publish(Image(tree), sequence)

    def publish(self, image: Image, sequence: int) -> Checkpoint:
        """Write an image; another thread may do this while training continues.

        When this returns, the checkpoint survives a power cut, and was read from the disk as it was written. When it
        raises, older checkpoints are unchanged.

        Raises:
            StreamerError: With exit code 74.
        """
        if not self.folder.is_dir():
            make_folder(self.folder)
        path = self.folder / f"checkpoint-{sequence:010d}.h5"
        try:
            self._parts.publish(image, path.name)
            _write(path, image)
            return _describe(path)
        except (OSError, StreamerError) as error:
            self._withdraw(path)
            raise cannot_write(path, error) if isinstance(error, OSError) else error from error.__cause__

    def part(self, name: str, digest: str) -> Tree:
        """Return what is in a segment or a snapshot; its arrays are views of the file.

        Args:
            name: Its name in the folder.
            digest: The digest that it must have.

        Raises:
            FileNotFoundError: If it is not there.
            Damaged: If it is not what was written.
            StreamerError: 66 if it can't be opened.
        """
        return _read(self.folder / name, mapped=True, digest=digest)

    def _withdraw(self, path: Path) -> None:
        """Remove a checkpoint that has its name but may not be durable, if there is another one to resume from.

        Its content is still in memory, and the retry has the next number: if each try failed, the disk would fill up.
        """
        with contextlib.suppress(OSError, StreamerError):
            if any(checkpoint.path != path for checkpoint in self.list()):
                disk.remove(path, "checkpoint.retire")

    def retire(self, keep: int) -> None:
        """Remove all checkpoints except the newest, and files that killed processes left half-written.

        Only for the holder of the lock, and not while another of its threads publishes. A removed checkpoint is never
        needed after a power cut: first the names of those that stay are made durable, because a killed process may
        have published one without this.

        Args:
            keep: How many to keep; at least one is kept.

        Raises:
            StreamerError: With exit code 74.
        """
        try:
            listed = self.list()
        except StreamerError as error:  # the checkpoint has been written, so no input is missing
            raise StreamerError(error.problem, hint=error.hint, code=ExitCode.CANNOT_WRITE) from error
        folders = (self.folder, self.folder / SNAPSHOT_FOLDER, self.states.folder)
        left_behind = [(path, "checkpoint.sweep") for each in folders for path in sorted(each.glob(LEFT_BEHIND))]
        old = [(checkpoint.path, "checkpoint.retire") for checkpoint in reversed(listed[max(keep, 1) :])]
        kept = [checkpoint.path for checkpoint in listed[: max(keep, 1)]]
        try:
            path = self.folder
            if old:
                disk.sync_folder(path, "checkpoint.sync_name")
            for path, purpose in [*left_behind, *old]:
                disk.remove(path, purpose)
            self._parts.retire(kept, [state.path for state in self.states.list()])
        except OSError as error:
            raise cannot_write(path, error) from error

    def load_newest(
        self,
        only: Collection[str] | None = None,
        on_damage: Callable[[Checkpoint, str], None] | None = None,
    ) -> tuple[Checkpoint, Tree] | None:
        """Return the newest intact checkpoint and its tree, or None if there never was a checkpoint.

        Args:
            only: Keys, and groups of keys, to read; all by default.
            on_damage: Called with each damaged checkpoint that is skipped, and the reason.

        Raises:
            StreamerError: With exit code 65 if there are checkpoints but none is intact, 66 if one cannot be opened.
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
                f"checkpoints disappear from {self.folder} before they can be read", code=ExitCode.NO_INPUT
            )
        if not reasons:
            reasons = {aside.name: "it was set aside as damaged" for aside in self._matching(SET_ASIDE)}
        for name, reason in reasons.items():
            raise StreamerError(
                f"no checkpoint in {self.folder} is intact; the newest is {name}: {reason}",
                hint=START_ANEW,
                code=ExitCode.DAMAGED,
            )
        return None

    def set_aside(self, checkpoint: Checkpoint) -> Path:
        """Rename a damaged checkpoint, so that it is kept but not used. Only for the holder of the lock.

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
            only: Keys, and groups of keys, to read; all by default.

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
            if isinstance(checkpoint, int):  # retired in the meantime: say what is there now
                return self.load(checkpoint, only)
            raise _missing(found.path) from None
        except Damaged as damage:
            raise StreamerError(
                f"{found.path} is damaged: {damage.reason}", hint="restore it from a backup", code=ExitCode.DAMAGED
            ) from damage

    def verify(
        self, checkpoint: Checkpoint | str | None = None, judge: Callable[[Checkpoint, Tree], object] | None = None
    ) -> Checkpoint:
        """Check one checkpoint completely: compare every byte with the digest, then read every array and scalar.

        Args:
            checkpoint: As for :meth:`load`; the newest by default.
            judge: Called with the checkpoint and the tree; raises StreamerError if its parts do not agree.

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
                judge(found, tree)
        except StreamerError as error:
            raise StreamerError(f"{found.path}: {error.problem}", hint=error.hint, code=error.code) from error
        return found

    def lock(self) -> AbstractContextManager[None]:
        """Be the only trainer of this folder while the context lasts.

        Raises:
            StreamerError: With exit code 75 if another process holds it, 74 if the folder cannot be written.
        """
        return lock.hold(self.folder)

    def holder(self) -> int | None:
        """Return the pid of the trainer that holds the lock, 0 if the pid is unknown, None if no trainer runs."""
        return lock.holder(self.folder)

    def _matching(self, pattern: re.Pattern[str]) -> Checkpoints:
        """Return the regular files whose names match, newest first.

        If one disappears before its size is read, there may be a newer one: the folder is listed again.
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
                            vanished = vanished or not os.path.lexists(path)  # else it is not a regular file
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
            hint=f"these exist: {there}" if there else "train one first: python -m streamer watch data/inbox --once",
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
    """Return what the file system knows about a checkpoint; raise FileNotFoundError if it is not a regular file."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(path)
    numbered = re.match(NAME, path.name)
    return Checkpoint(path.name, int(numbered[1]) if numbered else 0, path, status.st_size, status.st_mtime)


def _write(path: Path, image: Image) -> None:
    """Publish a file, and read it again."""
    publish(path, seal(image))
    _reread(path)


def _read(path: Path, only: Collection[str] | None = None, *, mapped: bool = False, digest: str = "") -> Tree:
    """Verify and decode one file through one descriptor, so that a rename in between changes nothing.

    Args:
        path: The file.
        only: As for :func:`decode`.
        mapped: The same.
        digest: The digest that it must have, if that is known.
    """
    try:
        descriptor = disk.open_descriptor(path, os.O_RDONLY | os.O_CLOEXEC, "checkpoint.open")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from error  # not damaged: it must not be set aside
    with io.BufferedReader(disk.Reading(descriptor, "checkpoint.read")) as file:
        if verify(file).hex() != digest and digest:
            raise Damaged("it is another file than the one that is meant")
        try:
            return decode(file, only, mapped=mapped)
        except Newer as newer:  # not damaged either
            raise StreamerError(
                f"the checkpoint cannot be used: the format version of {path} is {newer.version}, "
                f"and this version of streamer reads up to {FORMAT_VERSION}",
                hint="upgrade streamer: a newer version wrote this checkpoint",
                code=ExitCode.DAMAGED,
            ) from newer


def _reread(path: Path) -> None:
    """Compare a checkpoint that was just published with its digest; if it differs, remove it and raise 74."""
    descriptor = disk.open_descriptor(path, os.O_RDONLY | os.O_CLOEXEC, "checkpoint.reread")
    with io.BufferedReader(disk.Reading(descriptor, "checkpoint.reread")) as file:
        disk.forget_cached(descriptor)
        try:
            verify(file)
        except Damaged as damage:
            disk.remove(path, "checkpoint.retire")  # even if there is no other: it is certainly damaged
            raise StreamerError(
                f"cannot write {path}: when it was read again, it was not what was written: {damage.reason}",
                hint="check the disk and the memory; older checkpoints are unchanged",
                code=ExitCode.CANNOT_WRITE,
            ) from damage


def _unreadable(path: Path, error: OSError) -> StreamerError:
    wrong_name = error.errno in (errno.ENOTDIR, errno.ENAMETOOLONG)
    return StreamerError(
        f"cannot read {path}: {error.strerror or error}",
        hint="name a folder of checkpoints" if wrong_name else "give this user the right to read it",
        code=ExitCode.NO_INPUT,
    )


def _missing(path: Path) -> StreamerError:
    return StreamerError(
        f"there is no checkpoint {path}", hint="this lists them: streamer checkpoints", code=ExitCode.NO_INPUT
    )
