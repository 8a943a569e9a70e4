"""A disk that may lose power: what was done to it, and every state in which it may then be found.

After Pillai et al. 2014 (ALICE). What :mod:`streamer.system.disk` does is recorded while it is done to a real folder.
Of what was recorded, POSIX promises this much: ``fsync`` of a file makes its bytes durable, not its name; ``fsync``
of a folder makes durable the names in it. All else may have landed or not, names in any combination and in any order,
bytes wholly, partly, in another order, or as zeros where the new size landed and they did not.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamer.system import disk

Names = Mapping[str, "bytes | Names"]
"""What is in a folder: the bytes of each file, the names in each folder."""

MOST_NAMES = 9
"""Names not durable up to which all subsets are tried: 512; beyond, as many drawn at random."""
MOST_STATES = 400
"""States of one disk at one moment up to which all are tried; beyond, as many drawn at random."""


class PowerLoss(BaseException):
    """The process ends here: nothing it does from now on reaches the disk."""


@dataclass(eq=False)
class File:
    """A file: what of it is durable, and what was written since."""

    durable: bytes = b""
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    size: int = 0

    def contents(self) -> list[bytes]:
        """Return what may be found in it, as it should be first."""
        if not self.writes:
            return [self.durable]
        landed = self.durable
        for offset, data in self.writes:
            landed = landed[:offset].ljust(offset, b"\0") + data + landed[offset + len(data) :]
        half, length = len(landed) // 2, len(landed)
        torn = [landed[:cut] for cut in {1, 8, 511, 4096, half, length - 49, length - 48, length - 1} if cut < length]
        zeros = [bytes(length), landed[:half].ljust(length, b"\0"), bytes(half) + landed[half:]]
        without_one = []
        for offset, data in self.writes:  # each piece missing though later ones are there
            without_one.append(landed[:offset] + bytes(len(data)) + landed[offset + len(data) :])
        return list(dict.fromkeys([landed, self.durable, *torn, *zeros, *without_one]))


@dataclass(eq=False)
class Folder:
    """A folder: the names in it that are durable, and what was done to names since."""

    durable: dict[str, File | Folder] = field(default_factory=dict)
    changes: list[dict[str, File | Folder | None]] = field(default_factory=list)

    def now(self) -> dict[str, File | Folder]:
        """Return the names as a running process sees them."""
        return self.after(self.changes)

    def after(self, changes: list[dict[str, File | Folder | None]]) -> dict[str, File | Folder]:
        """Return the names if only some changes landed."""
        names = dict(self.durable)
        for change in changes:
            for name, what in change.items():
                names.pop(name, None)
                if what is not None:
                    names[name] = what
        return names

    def versions(self, rng: random.Random) -> list[dict[str, File | Folder]]:
        """Return what names may be found in it."""
        count = len(self.changes)
        if count <= MOST_NAMES:
            chosen: Iterator[tuple[int, ...]] = itertools.product((1, 0), repeat=count)
        else:
            chosen = (tuple(rng.randrange(2) for _ in range(count)) for _ in range(1 << MOST_NAMES))
        return [self.after(list(itertools.compress(self.changes, landed))) for landed in chosen]


@dataclass(frozen=True)
class Done:
    """One thing that was done: the function of the seam, where, and what else it was given."""

    what: str
    path: Path
    other: Any = None


class Model:
    """What a disk holds, durably and not, after some of what was recorded."""

    def __init__(self, root: Path, start: Names) -> None:
        self.root = root
        self.top = _folder(start)
        self._open: dict[int, File] = {}

    def apply(self, done: Done) -> None:
        """Let something be done to it."""
        getattr(self, f"_{done.what}")(done.path, done.other)

    def _mkdir(self, path: Path, other: Any) -> None:
        self._folder(path.parent).changes.append({path.name: Folder()})

    def _create(self, path: Path, descriptor: int) -> None:
        file = self._open[descriptor] = File()
        self._folder(path.parent).changes.append({path.name: file})

    def _write(self, path: Path, other: tuple[int, bytes]) -> None:
        file = self._open[other[0]]
        file.writes.append((file.size, other[1]))
        file.size += len(other[1])

    def _sync(self, path: Path, descriptor: int) -> None:
        file = self._open[descriptor]
        file.durable, file.writes = file.contents()[0], []

    def _rename(self, old: Path, new: Path) -> None:
        folder = self._folder(old.parent)
        folder.changes.append({old.name: None, new.name: folder.now()[old.name]})

    def _link(self, old: Path, new: Path) -> None:
        self._folder(new.parent).changes.append({new.name: self._folder(old.parent).now()[old.name]})

    def _remove(self, path: Path, other: Any) -> None:
        self._folder(path.parent).changes.append({path.name: None})

    def _sync_folder(self, path: Path, other: Any) -> None:
        if path.is_relative_to(self.root):  # what is above was there before
            folder = self._folder(path)
            folder.durable, folder.changes = folder.now(), []

    def states(self, rng: random.Random) -> Iterator[Names]:
        """Yield each state in which the disk may be found if power is lost now, once."""
        found = _states(self.top, rng)
        yield from found if len(found) <= MOST_STATES else rng.sample(found, MOST_STATES)

    def _folder(self, path: Path) -> Folder:
        folder = self.top
        for part in path.relative_to(self.root).parts:
            inner = folder.now()[part]
            assert isinstance(inner, Folder), path
            folder = inner
        return folder


class Recorder:
    """Writes down what :mod:`streamer.system.disk` does within a folder, while a context lasts.

    Args:
        root: The folder; what is in it when the context begins is durable.
        stop: Number of things done after which the process is gone: nothing more reaches the disk.
    """

    def __init__(self, root: Path, stop: int | None = None) -> None:
        self.root, self.stop = root, stop
        self.done: list[Done] = []
        self.marks: list[tuple[int, Any]] = []
        self.start = read_names(root)

    def mark(self, what: Any) -> None:
        """Note that something was told to the user, after what was done until now."""
        self.marks.append((len(self.done), what))

    @contextlib.contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Record what is done in this context."""
        originals = {name: getattr(disk, name) for name in _HOW}
        try:
            for name, how in _HOW.items():
                setattr(disk, name, self._wrapped(originals[name], how))
            yield self
        except PowerLoss:
            pass
        finally:
            for name, original in originals.items():
                setattr(disk, name, original)

    def _wrapped(self, original: Callable[..., Any], how: Callable[..., Done | None]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if self.stop is not None and len(self.done) >= self.stop:
                raise PowerLoss
            before = how(None, *arguments)  # whether a name is there has to be asked before it is removed
            result = original(*arguments)
            done = how(result, *arguments) if before is None else before
            if done is not None and done.what != "nothing":
                self.done.append(done)
            return result

        return call

    def model(self, count: int | None = None) -> Model:
        """Return the disk after the first so many things done."""
        model = Model(self.root, self.start)
        for done in self.done[:count]:
            model.apply(done)
        return model


def _how_mkdir(result: Any, folder: Path) -> Done:
    return Done("nothing" if folder.is_dir() else "mkdir", folder)


def _how_create(result: Any, path: Path) -> Done | None:
    return None if result is None else Done("create", path, result)


def _how_write(result: Any, descriptor: int, data: memoryview) -> Done | None:
    return None if result is None else Done("write", Path(), (descriptor, bytes(data[:result])))


def _how_remove(result: Any, path: Path, name: str) -> Done:
    return Done("remove" if path.exists() else "nothing", path)


_HOW: dict[str, Callable[..., Done | None]] = {
    "mkdir": _how_mkdir,
    "create": _how_create,
    "write": _how_write,
    "sync": lambda result, descriptor: Done("sync", Path(), descriptor),
    "link": lambda result, old, new, name: Done("link", old, new) if result is None and new.exists() else None,
    "rename": lambda result, old, new, name: Done("rename", old, new),
    "remove": _how_remove,
    "sync_folder": lambda result, folder, name: Done("sync_folder", folder),
}
"""For each function of the seam that changes the disk, how its arguments and result become a line of the record."""


def _folder(names: Names) -> Folder:
    return Folder(
        {name: File(what, size=len(what)) if isinstance(what, bytes) else _folder(what) for name, what in names.items()}
    )


def _states(folder: Folder, rng: random.Random) -> list[Names]:
    states: dict[Any, Names] = {}
    for names in folder.versions(rng):
        choices = [what.contents() if isinstance(what, File) else _states(what, rng) for what in names.values()]
        combinations: Iterator[tuple[Any, ...]] = itertools.product(*choices)
        for combination in itertools.islice(combinations, 4 * MOST_STATES):
            state = dict(zip(names, combination, strict=True))
            states.setdefault(frozen(state), state)
    return list(states.values())


def frozen(names: Names) -> Any:
    """Return what is in a folder in a form that can be compared and hashed."""
    return frozenset((name, what if isinstance(what, bytes) else frozen(what)) for name, what in names.items())


def read_names(folder: Path) -> Names:
    """Return what is in a folder."""
    return {
        path.name: read_names(path) if path.is_dir() else path.read_bytes()
        for path in folder.iterdir()
        if path.name != ".lock"  # never renamed or removed, and nothing is read from it
    }


def write_names(folder: Path, names: Names) -> None:
    """Put names into a new folder."""
    folder.mkdir(exist_ok=True)
    for name, what in names.items():
        if isinstance(what, bytes):
            descriptor = os.open(folder / name, os.O_CREAT | os.O_WRONLY | os.O_EXCL)
            os.write(descriptor, what)
            os.close(descriptor)
        else:
            write_names(folder / name, what)
