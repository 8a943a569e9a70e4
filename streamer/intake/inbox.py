"""The watched folder → the files that are ready, in order.

A scan of the whole folder decides. Between two scans, only that is looked at which events name, and the files that were
not still before. So nothing is lost if an event is lost: the next scan finds it. Events also tell which files were
renamed into place: these are ready without waiting until they are still.
"""

from __future__ import annotations

import errno
import math
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

import structlog

from streamer.intake.names import Names, hidden, looks_like_text
from streamer.intake.opened import not_regular
from streamer.intake.watching import Hints, Told, Watch
from streamer.ledger.entries import Signature
from streamer.settings import RunSettings
from streamer.system import disk, failpoints

FOLDER = "a folder, not a file; what is in it is taken by itself"

SCAN_SHARE = 100
"""The next scan comes at most so many times as long after a scan as that scan took: it is 1 % of an idle core then."""
CPU_SHARE = 125
"""The same for the processor time that it took: a scan that had to wait for a disk or a network is not put off."""
TOGETHER = 0.05
"""Seconds from an event to the look: what arrives together is looked at together."""

_log = structlog.get_logger(__name__)


class Candidate(NamedTuple):  # fast like Signature, and without a Path: a scan of a new inbox may find 100,000
    """Something in the inbox that is ready to be trained or, if it has a ``refusal``, to be refused for that reason.

    ``path`` is relative to the inbox, with ``/``. Its bytes that are not UTF-8 are surrogate escapes.
    """

    path: str
    absolute: str
    signature: Signature
    refusal: str | None = None


Order = tuple[bool, float, bytes]
"""What files are sorted by."""


def oldest_first(candidate: Candidate) -> Order:
    """Sort files by mtime, then by name."""
    return False, candidate.signature.mtime_ns, os.fsencode(candidate.path)


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of one look at the inbox.

    ``ready`` is in the order of training. ``waiting`` counts the files that are not still yet. ``next_still`` is the
    time in seconds until the first of them may be still. ``failure`` says why the inbox itself can't be listed.
    ``whole`` is whether all that is there was looked at, but for what is in the folders ``unread``, which have a ``/``
    at the end.
    """

    ready: list[Candidate] = field(default_factory=list)
    waiting: int = 0
    next_still: float | None = None
    failure: str | None = None
    whole: bool = field(default=False, compare=False)
    unread: frozenset[str] = field(default=frozenset(), compare=False)


class Inbox:
    """The watched folder. Enter it before the first look, so that files that arrive during the look cause events.

    ``seen`` takes a path and a signature, and returns whether there is nothing to do. It is called for each file at
    each scan. ``without`` is a folder that is left out with its content, wherever it is. ``check`` is called now and
    then during a scan, which may take seconds; it may raise to stop. ``order`` returns what files that are ready are
    sorted by. The age of a file is measured with ``wall``, how long it has been still with ``monotonic``, and what a
    scan takes with that and ``cpu``. The folder may vanish and return.
    """

    def __init__(
        self,
        root: Path,
        settings: RunSettings,
        seen: Callable[[str, Signature], bool],
        *,
        without: Path | None = None,
        check: Callable[[], None] = lambda: None,
        order: Callable[[Candidate], Order] = oldest_first,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        self.root = root.absolute()
        self._settings = settings
        self._names = Names(settings.include, settings.exclude)
        self._seen = seen
        self._without = without
        self._check = check
        self._order = order
        self._wall = wall
        self._monotonic, self._cpu = monotonic, cpu
        # (size, mtime), and since when it is still; −∞ if that was known at first sight
        self._pending: dict[str, tuple[tuple[int, int], float]] = {}
        self._unreadable: set[str] = set()  # folders that could not be read since the last scan began
        self._reported: set[str] = set()  # those of the scan before, while one is under way
        self._crowded = False
        self._unlisted: str | None = None
        self._missing = False
        self._scan_at = -math.inf
        self._told = Told()
        self._watching = False
        self._watch: Watch | None = None
        self._watched: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        self._watching = not self._settings.poll
        self._tend(_identity(self.root))
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching; scans still work."""
        self._watching = False
        self._unwatch()

    def wait(self, timeout: float) -> bool:
        """Return True when something happens in the folder, False after ``timeout`` seconds."""
        happened = self._told.happened.wait(max(0.0, timeout))
        if happened:  # only then: an event that comes now would be lost
            time.sleep(TOGETHER)
            self._told.happened.clear()
        return happened

    @property
    def until_scan(self) -> float:
        """Return the seconds until the whole folder is to be scanned, whatever events say."""
        return max(0.0, self._scan_at - self._monotonic())

    def look(self) -> Scan:
        """Return what is ready, in the order of :meth:`scan`; scan only if it is time, or if events say too little."""
        identity = self._arrive()
        hints = self._told.take()
        if hints.unclear or identity is None or not self.until_scan:
            return self._scan(identity, hints)
        now, settle = self._monotonic(), self._settings.settle
        due = {path for path, (_, since) in self._pending.items() if since + settle <= now} | hints.paths
        pending = {path: known for path, known in self._pending.items() if path not in due}
        return self._sift(self._named(due, hints.folders), hints.renamed, pending)

    def scan(self) -> Scan:
        """Scan the whole folder and return what is ready, in order."""
        identity = self._arrive()
        return self._scan(identity, self._told.take())

    def _scan(self, identity: tuple[int, int] | None, hints: Hints) -> Scan:
        began, began_cpu = self._monotonic(), self._cpu()
        self._reported, self._unreadable = self._unreadable, set()
        self._unlisted = None if identity else os.strerror(errno.ENOENT)
        scan = self._sift(self._walk() if identity else iter(()), hints.renamed, {})
        self._reported = set()
        now = self._monotonic()
        later = min(SCAN_SHARE * (now - began), CPU_SHARE * (self._cpu() - began_cpu))
        self._scan_at = now + max(self._settings.rescan, later)
        return replace(scan, whole=not self._unlisted, unread=frozenset(self._unreadable))

    def _arrive(self) -> tuple[int, int] | None:
        """Return which folder is there now; log if it vanished or returned, and keep a watch on it."""
        identity = _identity(self.root)
        if (identity is None) != self._missing:
            self._missing = not self._missing
            _log.warning("inbox.missing" if self._missing else "inbox.found", path=str(self.root))
            self._scan_at = -math.inf
        self._tend(identity)
        return identity

    def _sift(
        self,
        found: Iterator[tuple[str, os.stat_result]],
        renamed: frozenset[str],
        pending: dict[str, tuple[tuple[int, int], float]],
    ) -> Scan:
        """Sift what was found: what was seen, what is ready, and what has to be still first, which is remembered.

        ``pending`` is what was remembered before and not looked at now.
        """
        now, today, settle = self._monotonic(), self._wall(), self._settings.settle
        ready, root = [], os.fspath(self.root)
        for number, (path, status) in enumerate(found):
            if number % 1000 == 0:
                self._check()
            signature = Signature.of(status)
            if self._seen(path, signature):
                continue
            refusal = FOLDER if stat.S_ISDIR(status.st_mode) else not_regular(status.st_mode)
            known = self._pending.get(path)
            if refusal or path in renamed or (known is None and today - signature.mtime_ns / 1e9 >= settle):
                since = -math.inf
            else:
                since = known[1] if known and known[0] == signature[:2] else now
            pending[path] = signature[:2], since
            if now - since >= settle:
                ready.append(Candidate(path, f"{root}/{path}", signature, refusal))
        self._pending = pending
        ready.sort(key=self._order)
        # What is ready stays pending until it was seen, because it may change before it is read.
        waits = [since + settle - now for _, since in pending.values() if now - since < settle]
        return Scan(ready, len(waits), max(0.0, min(waits)) if waits else None, self._unlisted)

    def _walk(self, start: str = "", without: tuple[int, int] | None = None) -> Iterator[tuple[str, os.stat_result]]:
        """Yield path and status of everything whose name is accepted; of a folder only if its name looks like text.

        ``start`` is the folder to begin with, with a ``/`` at its end.
        """
        folders = [start]
        without = without or self._left_out()
        while folders:
            folder = folders.pop()
            failure: OSError | None = None
            try:
                with disk.scan(f"{self.root}/{folder}") as entries:
                    for entry in entries:
                        name, path = entry.name, folder + entry.name
                        if name.startswith("."):
                            continue
                        if entry.is_dir(follow_symlinks=False):
                            if without and entry.inode() == without[1] and _identity(Path(entry.path)) == without:
                                continue
                            folders.append(path + "/")
                            if not looks_like_text(name):
                                continue
                        if self._names.take(name, path):
                            try:
                                failpoints.reached("inbox.look")
                                status = entry.stat(follow_symlinks=False)
                            except OSError as error:
                                failure = error
                            else:
                                yield path, status
            except OSError as error:
                failure = error
                if not folder:
                    self._unlisted = error.strerror or str(error)
            self._report(folder, failure)

    def _named(self, paths: set[str], folders: frozenset[str]) -> Iterator[tuple[str, os.stat_result]]:
        """Yield path and status of what a scan would find of these paths, and in these folders."""
        without, real = self._left_out(), {"": True}
        done = set[str]()
        for folder in sorted(folders):
            if _parents(folder).isdisjoint(folders) and self._real(folder, without, real):
                for path, status in self._walk(folder + "/", without):
                    done.add(path)
                    yield path, status
        for path in sorted((paths | {path for path in folders if self.wanted(path)}) - done):
            parent, _, name = path.rpartition("/")
            if not self._real(parent, without, real):
                continue
            try:
                failpoints.reached("inbox.look")
                status = os.lstat(f"{self.root}/{path}")
            except OSError as error:
                self._report(parent and parent + "/", error)
                continue
            if stat.S_ISDIR(status.st_mode) and not (looks_like_text(name) and self._real(path, without, real)):
                continue
            yield path, status

    def _real(self, folder: str, without: tuple[int, int] | None, known: dict[str, bool]) -> bool:
        """Return whether a scan would list a folder: no link leads to it, and it is not left out."""
        if folder not in known:
            real = self._real(folder.rpartition("/")[0], without, known)
            if real:
                try:
                    status = os.lstat(f"{self.root}/{folder}")
                except OSError:
                    real = False
                else:
                    real = stat.S_ISDIR(status.st_mode) and (status.st_dev, status.st_ino) != without
            known[folder] = real
        return known[folder]

    def wanted(self, path: str, *, folder: bool = False) -> bool:
        """Return whether an event at a path matters: a scan would list the folder, or look at the file."""
        return not hidden(path) and (folder or self._names.take(path.rpartition("/")[2], path))

    def _left_out(self) -> tuple[int, int] | None:
        return _identity(self._without) if self._without else None

    def _report(self, folder: str, failure: OSError | None) -> None:
        """Log once that a folder, or something in it, can't be read; that it vanished meanwhile is not a failure."""
        if failure is None or isinstance(failure, (FileNotFoundError, NotADirectoryError)):
            return
        if folder not in self._unreadable | self._reported:
            _log.warning("inbox.unreadable", path=f"{self.root}/{folder}", reason=failure.strerror)
        self._unreadable.add(folder)

    def _tend(self, identity: tuple[int, int] | None) -> None:
        """Keep a living watch on the folder that is there now; if the system gives none, continue with scans only."""
        if self._watched != identity:
            self._scan_at = -math.inf
        if not self._watching or (self._watch and self._watched == identity and self._watch.alive()):
            self._watched = identity
            if self._watch and self._watch.refused and not self._crowded:
                self._crowded = True
                _log.warning("inbox.polling", reason=self._watch.refused, hint="scans still find every file")
            return
        if self._watch and identity:
            _log.warning("inbox.watch_lost", path=str(self.root))
        self._unwatch()
        self._watched, self._scan_at = identity, -math.inf  # a watch says nothing of what happened before it
        if identity is None:
            return
        try:
            self._watch = Watch(self.root, self._told, self.wanted)
        except (FileNotFoundError, NotADirectoryError):
            self._watched = None  # the folder vanished; the next look says so
        except OSError as error:
            self._watching = False
            _log.warning("inbox.polling", reason=error.strerror or str(error), hint="scans still find every file")

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch:
            watch.close()


def _parents(path: str) -> set[str]:
    """Return the folders that a path is in, without the inbox itself."""
    parts = path.split("/")[:-1]
    return {"/".join(parts[: number + 1]) for number in range(len(parts))}


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return the device and inode of the folder that has this path now, or None if there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None
