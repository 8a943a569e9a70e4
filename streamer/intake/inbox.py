"""The watched folder → the files that are ready, in order.

The scan decides. Events only start a scan earlier, so nothing is lost if an event is lost. Events also tell which files
were renamed into place: these are ready without waiting until they are still.
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

from streamer.intake.opened import not_regular
from streamer.ledger.entries import Signature
from streamer.settings import DEFAULT_EXCLUDE, RunSettings
from streamer.system import disk, failpoints

FOLDER = "a folder, not a file; what is in it is taken by itself"

# Not opening or reading, because our own reading would wake us. Not each write, because a busy writer would.
_EVENTS: list[type[events.FileSystemEvent]] = [events.FileCreatedEvent, events.FileClosedEvent, events.FileMovedEvent]
_EVENTS += [events.DirCreatedEvent, events.DirMovedEvent]

_log = structlog.get_logger(__name__)


class Candidate(NamedTuple):  # fast like Signature, and without a Path: a scan of a new inbox may find 100,000
    """Something in the inbox that is ready to be trained or, if it has a ``refusal``, to be refused for that reason.

    ``path`` is relative to the inbox, with ``/``. Its bytes that are not UTF-8 are surrogate escapes.
    """

    path: str
    absolute: str
    signature: Signature
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """The result of one scan of the inbox.

    ``ready`` is in the order of training. ``waiting`` counts the files that are not still yet. ``next_still`` is the
    time in seconds until the first of them may be still. ``failure`` says why the inbox itself can't be listed.
    ``seconds`` is how long the scan took.
    """

    ready: list[Candidate] = field(default_factory=list)
    waiting: int = 0
    next_still: float | None = None
    failure: str | None = None
    seconds: float = 0.0


class Names:
    """Which names are accepted: the globs of the settings, compiled once.

    A glob is compared with the file's name or, if the glob contains a ``/``, with the whole relative path.
    """

    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        self._include = _compile(include)
        self._default = _compile(DEFAULT_EXCLUDE)
        self._exclude = _compile(() if exclude == DEFAULT_EXCLUDE else exclude)

    def take(self, name: str, path: str) -> bool:
        """Return whether a file is accepted. An include is stronger than the default excludes."""
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
    return mimetypes.MimeTypes()  # Python's own table: in the machine's table, conf.d would be D source code


def _looks_like_text(name: str) -> bool:
    kind, packing = _types().guess_type(name)
    return packing == "gzip" or (kind or "").startswith("text/")


class _Watch(events.FileSystemEventHandler):
    """Events of the operating system for one folder: whether there was one, and which files were renamed into place."""

    def __init__(self, root: Path, happened: threading.Event, renamed: deque[str]) -> None:
        """Start watching; raise OSError if the folder is gone or the system allows no more watches."""
        self._root = str(root.resolve())  # else a symbolic link would be watched, and not its target
        self._happened, self._renamed = happened, renamed
        self._observer: BaseObserver = Observer()
        # watchdog finds a folder twice if it appears while its parents are being watched, and warns. In a program that
        # turns warnings into errors, the warning would end the thread that listens.
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
    """The watched folder. Enter it before the first scan, so that files that arrive during the scan cause events.

    ``seen`` takes a path and a signature, and returns whether there is nothing to do. It is called for each file at
    each scan. ``without`` is a folder that is left out with its content, wherever it is. ``check`` is called now and
    then during a scan, which may take seconds; it may raise to stop. The age of a file is measured with ``wall``, and
    how long it has been still with ``monotonic``. The folder may vanish and return.
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
        self._pending: dict[str, tuple[tuple[int, int], float]] = {}  # (size, mtime), and since when it is still
        self._renamed: deque[str] = deque()
        self._unreadable: set[str] = set()
        self._unlisted: str | None = None
        self._missing = False
        # A queue.SimpleQueue would wait for ever if a signal came just when its timeout ends (CPython 3.11).
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
        """Return True when something happens in the folder, False after ``timeout`` seconds."""
        happened = self._happened.wait(max(0.0, timeout))
        if happened:  # only then: an event that comes now would be lost
            self._happened.clear()
        return happened

    def scan(self) -> Scan:
        """Scan the whole folder and return what is ready: the oldest mtime first, then by name."""
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
        seconds = self._monotonic() - now
        return Scan(ready, len(waits), max(0.0, min(waits)) if waits else None, self._unlisted, seconds)

    def _walk(self) -> Iterator[tuple[str, os.stat_result]]:
        """Yield path and status of everything whose name is accepted; of a folder only if its name looks like text."""
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
        """Log once that a folder, or something in it, can't be read; that it vanished meanwhile is not a failure."""
        if failure is None:
            self._unreadable.discard(folder)
        elif not isinstance(failure, (FileNotFoundError, NotADirectoryError)) and folder not in self._unreadable:
            self._unreadable.add(folder)
            _log.warning("inbox.unreadable", path=f"{self.root}/{folder}", reason=failure.strerror)

    def _tend(self, identity: tuple[int, int] | None) -> None:
        """Keep a living watch on the folder that is there now; if the system gives none, continue with scans only."""
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
            return  # the folder vanished; the next scan says so
        except OSError as error:
            self._watching = False
            _log.warning("inbox.polling", reason=error.strerror or str(error), hint="scans still find every file")

    def _unwatch(self) -> None:
        watch, self._watch = self._watch, None
        if watch:
            watch.close()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return the device and inode of the folder that has this path now, or None if there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None
