"""Events of the operating system → the paths in the inbox that something happened to.

Events are hints: some are lost, and some say too little. Whoever looks at what they name must still scan everything
from time to time, and at once if :attr:`Hints.unclear` says so.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from watchdog import events
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyEmitter
from watchdog.observers.inotify_c import InotifyEvent, InotifyFD

from streamer.system import failpoints

MOST = 50_000
"""Paths from which on they are not remembered one by one: to look at everything costs less."""

# Not opening or reading, because our own reading would wake us. Not each write, because a busy writer would.
_EVENTS: list[type[events.FileSystemEvent]] = [events.FileCreatedEvent, events.FileClosedEvent, events.FileMovedEvent]
_EVENTS += [events.DirCreatedEvent, events.DirMovedEvent]


class Hints(NamedTuple):
    """Where something happened, as paths relative to the inbox.

    Attributes:
        paths: Files that are new, were closed by a writer, or were renamed.
        folders: Folders that are new or were renamed, with all that is in them.
        renamed: The files among them that had another name in the inbox before, so that they are complete.
        unclear: Whether something happened that none of these tells.
    """

    paths: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()
    unclear: bool = False


class Told:
    """What events have told since somebody asked. A thread tells, another one asks."""

    def __init__(self) -> None:
        # A queue.SimpleQueue would wait for ever if a signal came just when its timeout ends (CPython 3.11).
        self.happened = threading.Event()
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._paths, self._folders, self._renamed = set[str](), set[str](), set[str]()
        self._unclear = False

    def tell(self, path: str, *, folder: bool = False, renamed: bool = False) -> None:
        """Note that something happened to a path, which may be that of a folder."""
        with self._lock:
            if len(self._paths) + len(self._folders) >= MOST:
                self._paths, self._folders, self._unclear = set(), set(), True
            if not self._unclear:
                (self._folders if folder else self._paths).add(path)
            if renamed:
                self._renamed.add(path)
        self.happened.set()

    def lost(self) -> None:
        """Note that events were lost."""
        with self._lock:
            self._unclear = True
        self.happened.set()

    def take(self) -> Hints:
        """Return what was told, and forget it."""
        with self._lock:
            paths, folders, renamed = map(frozenset, (self._paths, self._folders, self._renamed))
            hints = Hints(paths, folders, renamed, self._unclear)
            self._forget()
        return hints


class Watch(events.FileSystemEventHandler):
    """A watch on a folder and all folders in it.

    Args:
        root: The folder.
        told: Whom to tell.
        wanted: Returns whether what happened at a path matters, be it a folder or not.

    Raises:
        OSError: If the folder is gone, or the system allows no more watches.
    """

    def __init__(self, root: Path, told: Told, wanted: Callable[..., bool]) -> None:
        self._root = f"{root.resolve()}/".replace("//", "/")  # else a symbolic link would be watched, not its target
        self._told, self._wanted = told, wanted
        # watchdog finds a folder twice if it appears while its parents are being watched, and warns. In a program that
        # turns warnings into errors, the warning would end the thread that listens.
        warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
        self._observer = _Observer(told.lost)
        try:
            failpoints.reached("inbox.watch")
            self._observer.schedule(self, self._root.rstrip("/") or "/", recursive=True, event_filter=_EVENTS)
            self._observer.start()
        except BaseException:
            self.close()
            raise

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        """Tell of an event; called by the thread that listens."""
        if failpoints.reached("inbox.event") == "lose":
            return
        moved = isinstance(event, (events.FileMovedEvent, events.DirMovedEvent))
        path = os.fsdecode(event.dest_path if moved else event.src_path)
        if not path.startswith(self._root):
            self._told.lost()
            return
        path = path[len(self._root) :]
        if self._wanted(path, folder=event.is_directory):
            self._told.tell(path, folder=event.is_directory, renamed=isinstance(event, events.FileMovedEvent))

    def alive(self) -> bool:
        """Return whether the threads that listen still do."""
        return self._observer.listens()

    def close(self) -> None:
        """Stop watching."""
        self._observer.close()


class _Queue(InotifyFD):
    """The kernel's queue of events. If it overflows, events are lost, and watchdog tells nobody."""

    def __init__(self, overflowed: Callable[[], None]) -> None:
        super().__init__()
        self._overflowed = overflowed

    def handle_event(self, event: InotifyEvent) -> None:
        super().handle_event(event)  # first, because it watches the folders that were missed
        if event.is_queue_overflow:
            self._overflowed()


class _Observer(BaseObserver):
    """watchdog's observer, with a queue of our own."""

    def __init__(self, overflowed: Callable[[], None]) -> None:
        self._queue = _Queue(overflowed)
        self._queue.start()
        super().__init__(InotifyEmitter, inotify_fd=self._queue)

    def listens(self) -> bool:
        """Return whether all threads live."""
        threads = [self, self._queue, *self.emitters]
        return len(threads) > 2 and all(thread.is_alive() for thread in threads)

    def close(self) -> None:
        """End all threads."""
        self.stop()
        if self.is_alive():
            self.join()
        self._queue.stop()
        self._queue.join()
