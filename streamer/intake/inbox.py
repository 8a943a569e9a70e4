"""The watched folder → the files that are ready, in order.

The scan is the truth and events are hints: they only wake the scan sooner, so nothing is lost with an event. What
they add is which files were renamed into place, and need not be watched until they are still.
"""

from __future__ import annotations

import errno
import fnmatch
import functools
import math
import mimetypes
import os
import re
import stat
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

import structlog
from watchdog import events
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from streamer.intake.ledger import Signature
from streamer.intake.reader import not_regular
from streamer.settings import DEFAULT_EXCLUDE, RunSettings
from streamer.system import disk, failpoints

FOLDER = "a folder, not a file; what is in it is taken by itself"

# Opening and reading are left out, or our own reading would wake us; so is each write, or a busy writer would.
_EVENTS: list[type[events.FileSystemEvent]] = [events.FileCreatedEvent, events.FileClosedEvent, events.FileMovedEvent]
_EVENTS += [events.DirCreatedEvent, events.DirMovedEvent]

_log = structlog.get_logger(__name__)


class Candidate(NamedTuple):  # like Signature, and with no Path in it: a scan of a new inbox may find 100,000
    """Something in the inbox that is ready to be trained, or, with a refusal, to be refused for that reason.

    ``path`` is relative to the inbox, with ``/``; bytes of it that are not UTF-8 are surrogate escapes.
    """

    path: str
    absolute: str
    signature: Signature
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at the inbox.

    ``ready`` is in the order of training, ``waiting`` counts the files that are not still yet, ``next_still`` is the
    number of seconds after which the first of them may be, and ``failure`` why the inbox itself can't be listed.
    """

    ready: list[Candidate] = field(default_factory=list)
    waiting: int = 0
    next_still: float | None = None
    failure: str | None = None


class Names:
    """Which names are taken: the globs of the settings, compiled once.

    A glob is matched against the file's name, or against its whole relative path if it holds a ``/``.
    """

    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        self._include = _compile(include)
        self._default = _compile(DEFAULT_EXCLUDE)
        self._exclude = _compile(() if exclude == DEFAULT_EXCLUDE else exclude)

    def take(self, name: str, path: str) -> bool:
        """Return whether a file is taken. Asking for it by an include is stronger than the excludes by default."""
        if self._include and not self._include(name, path):
            return False
        if self._exclude and self._exclude(name, path):
            return False
        return bool(self._include) or not (self._default and self._default(name, path))


def _compile(globs: tuple[str, ...]) -> Callable[[str, str], bool] | None:
    def union(chosen: list[str]) -> re.Pattern[str]:
        return re.compile("|".join(map(fnmatch.translate, chosen)) or r"(?!)")

    if not globs:
        return None
    names = union([glob for glob in globs if "/" not in glob])
    if not any("/" in glob for glob in globs):
        return lambda name, path: bool(names.match(name))
    paths = union([glob for glob in globs if "/" in glob])
    return lambda name, path: bool(names.match(name) or paths.match(path))


@functools.cache
def _types() -> mimetypes.MimeTypes:
    return mimetypes.MimeTypes()  # Python's own table, not the machine's, in which conf.d would be D source code


def _looks_like_text(name: str) -> bool:
    kind, packing = _types().guess_type(name)
    return packing == "gzip" or (kind or "").startswith("text/")


class _Watch(events.FileSystemEventHandler):
    """The operating system's events from one folder: that there was one, and which files were renamed into place."""

    def __init__(self, root: Path, happened: threading.Event, renamed: deque[str]) -> None:
        """Start watching; raise OSError if the folder is gone or the system allows no more watches."""
        self._root = str(root.resolve())  # a symbolic link would be watched itself, not what it leads to
        self._happened, self._renamed = happened, renamed
        self._observer: BaseObserver = Observer()
        # A folder that appears while its parents are being watched is found twice, which watchdog takes for a mistake;
        # to a program that makes errors of its warnings, the thread that listens would be lost with it.
        warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
        try:
            failpoints.reached("inbox.watch")
            self._observer.schedule(self, self._root, recursive=True, event_filter=_EVENTS)
            self._observer.start()
        except BaseException:
            self.close()
            raise

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        if failpoints.reached("inbox.event") == "lose":
            return
        if isinstance(event, events.FileMovedEvent):
            self._renamed.append(os.fsdecode(event.dest_path).removeprefix(self._root + "/"))
        self._happened.set()

    def alive(self) -> bool:
        emitters = list(self._observer.emitters)
        return self._observer.is_alive() and bool(emitters) and all(emitter.is_alive() for emitter in emitters)

    def close(self) -> None:
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()


class Inbox:
    """The watched folder. Enter it before the first scan, so that what arrives during the scan is heard of.

    ``seen`` says for a path and a signature that there is nothing to do, and is asked for each file at each scan.
    ``without`` is a folder that is left out with all that is in it, wherever it is. ``check`` is called now and then
    during a scan, which may take seconds, and may raise to stop.
    ``wall`` gives the age of a file, ``monotonic`` how long it has been still. The folder may vanish and return.
    """

    def __init__(
        self,
        root: Path,
        settings: RunSettings,
        seen: Callable[[str, Signature], bool],
        *,
        without: Path | None = None,
        check: Callable[[], None] = lambda: None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = root.absolute()
        self._settings = settings
        self._names = Names(settings.include, settings.exclude)
        self._seen = seen
        self._without = without
        self._check = check
        self._wall = wall
        self._monotonic = monotonic
        self._pending: dict[str, tuple[tuple[int, int], float]] = {}  # size and mtime, and still since when
        self._renamed: deque[str] = deque()
        self._unreadable: set[str] = set()
        self._unlisted: str | None = None
        self._missing = False
        # A queue.SimpleQueue would wait for ever where a signal comes just as its timeout ends (CPython 3.11).
        self._happened = threading.Event()
        self._watching = False
        self._watch: _Watch | None = None
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
        """Return True when something happens in the folder, False after so many seconds."""
        happened = self._happened.wait(max(0.0, timeout))
        if happened:  # else one that comes now would be lost
            self._happened.clear()
        return happened

    def scan(self) -> Scan:
        """Look at the whole folder and return what is ready, by age and then by name."""
        identity = _identity(self.root)
        if (identity is None) != self._missing:
            self._missing = not self._missing
            _log.warning("inbox.missing" if self._missing else "inbox.found", path=str(self.root))
        self._tend(identity)
        renamed = {self._renamed.popleft() for _ in range(len(self._renamed))}
        now, today, settle = self._monotonic(), self._wall(), self._settings.settle
        ready, waits, pending, root = [], [], {}, os.fspath(self.root)
        self._unlisted = None if identity else os.strerror(errno.ENOENT)
        for number, (path, status) in enumerate(self._walk() if identity else ()):
            if number % 1000 == 0:
                self._check()
            signature = Signature.of(status)
            if self._seen(path, signature):
                continue
            refusal = FOLDER if stat.S_ISDIR(status.st_mode) else not_regular(status.st_mode)
            if refusal is None:
                known = self._pending.get(path)
                if path in renamed or (known is None and today - signature.mtime_ns / 1e9 >= settle):
                    since = -math.inf
                else:
                    since = known[1] if known and known[0] == signature[:2] else now
                pending[path] = signature[:2], since
                if now - since < settle:
                    waits.append(since + settle - now)
                    continue
            ready.append(Candidate(path, f"{root}/{path}", signature, refusal))
        self._pending = pending
        ready.sort(key=lambda candidate: (candidate.signature.mtime_ns, os.fsencode(candidate.path)))
        return Scan(ready, len(waits), max(0.0, min(waits)) if waits else None, self._unlisted)

    def _walk(self) -> Iterator[tuple[str, os.stat_result]]:
        """Yield the path and status of all that the names allow; a folder itself only if it looks like a file."""
        folders = [""]
        without = _identity(self._without) if self._without else None
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
                            if not _looks_like_text(name):
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

    def _report(self, folder: str, failure: OSError | None) -> None:
        """Log once that a folder, or something in it, can't be looked at; what vanished meanwhile is no failure."""
        if failure is None:
            self._unreadable.discard(folder)
        elif not isinstance(failure, (FileNotFoundError, NotADirectoryError)) and folder not in self._unreadable:
            self._unreadable.add(folder)
            _log.warning("inbox.unreadable", path=f"{self.root}/{folder}", reason=failure.strerror)

    def _tend(self, identity: tuple[int, int] | None) -> None:
        """Keep a living watch on the folder that is there now; where none can be had, go on by scans alone."""
        if not self._watching or (self._watch and self._watched == identity and self._watch.alive()):
            return
        if self._watch and identity:
            _log.warning("inbox.watch_lost", path=str(self.root))
        self._unwatch()
        if identity is None:
            return
        try:
            self._watch, self._watched = _Watch(self.root, self._happened, self._renamed), identity
        except FileNotFoundError:
            return  # gone since; the next scan says so
        except OSError as error:
            self._watching = False
            _log.warning(
                "inbox.polling", reason=error.strerror or str(error), hint="the folder is scanned all the same"
            )

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch:
            watch.close()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return which folder it is that has a name now, or None if there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None
