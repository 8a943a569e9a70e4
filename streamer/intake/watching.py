"""Events of the operating system → the paths in the inbox that something happened to.

Events are hints: some are lost, and some say too little. Whoever looks at what they name must still scan everything
from time to time, and at once if :attr:`Hints.unclear` says so.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchCallback,
    WatchDescriptor,
)

from streamer.system import failpoints

MOST = 50_000
"""Paths from which on they are not remembered one by one: to look at everything costs less."""
MOVES = 1_000
"""Things that were moved away and may still arrive under another name."""

# Not opening or reading, because our own reading would wake us. Not each write, because a busy writer would.
_MASK = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
    | InotifyConstants.IN_DONT_FOLLOW
)


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
            if renamed and len(self._renamed) < MOST:
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


class Watch(WatchCallback):
    """A watch on a folder and all folders in it.

    watchdog reads the kernel's queue in a thread of its own. Which folder an event is about is known here: watchdog's
    observer would not tell that the queue overflowed, and errs where folders are moved out of the inbox and back.

    Args:
        root: The folder.
        told: Whom to tell.
        wanted: Returns whether what happened at a path matters, be it a folder or not.

    Attributes:
        refused: Why the system gives some folders no watch; "" if all have one.

    Raises:
        OSError: If the folder is gone, or the system allows no more watches.
    """

    def __init__(self, root: Path, told: Told, wanted: Callable[..., bool]) -> None:
        self._root = f"{root.resolve()}/"  # else a symbolic link would be watched, not its target
        self._told, self._wanted = told, wanted
        self._id = CallbackId(id(self))
        self._folders: dict[WatchDescriptor, str] = {}  # with a / at the end; that of the root is empty
        self._moved: dict[int, None] = {}  # what was moved away, by the number that its arrival will have
        self._deaf = False
        self.refused = ""  # why some folders have no watch, if the system allows no more
        # A folder may be found twice, under its old name and its new one: watchdog warns. In a program that turns
        # warnings into errors, the warning would end the thread that listens.
        warnings.filterwarnings("ignore", message="Callback with id", category=RuntimeWarning)
        self._queue = InotifyFD()
        try:
            failpoints.reached("inbox.watch")
            self._watch_all()
        except BaseException:
            self._queue.start()  # only its thread closes it
            self.close()
            raise
        self._queue.start()  # only now, so that all that follows happens in its thread

    def alive(self) -> bool:
        """Return whether events are still heard."""
        return self._queue.is_alive() and not self._deaf

    def close(self) -> None:
        """Stop watching."""
        self._queue.stop()
        self._queue.join()

    def on_event(self, event: InotifyEvent) -> None:
        """Note where something happened; called by the thread that listens, like all that follows."""
        folder = self._folders.get(event.wd)
        if folder is None or not event.name:
            if not folder:  # it is not known where this was, or the inbox itself was moved or removed
                self._told.lost()
            return
        path = folder + os.fsdecode(event.name)
        if event.is_moved_from:
            self._moved[event.cookie] = None
            if len(self._moved) > MOVES:
                del self._moved[next(iter(self._moved))]
            if event.is_directory:
                self._forget(path + "/")
            return
        renamed = event.is_moved_to and self._moved.pop(event.cookie, 0) is None
        files = list(self._watch_tree(path + "/")) if event.is_directory else [path]
        if failpoints.reached("inbox.event") == "lose":
            return
        if event.is_directory and self._wanted(path, folder=True):
            self._told.tell(path, folder=True)
        for file in files if renamed or not event.is_directory else ():
            if self._wanted(file, folder=False):
                self._told.tell(file, renamed=renamed)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Forget a folder that is gone."""
        if self._folders.pop(wd, None) == "":
            self._deaf = True
            self._told.lost()

    def on_queue_overflow(self) -> None:
        """Watch all folders anew, since some may be new or elsewhere, and tell that events were lost."""
        self._forget("")
        try:
            self._watch_all()
        except OSError:
            self._deaf = True
        self._told.lost()

    def _watch_all(self) -> None:
        self._watch_folder("")
        for _ in self._watch_tree(""):
            pass

    def _watch_folder(self, folder: str) -> None:
        watch = self._queue.add_callback(os.fsencode(self._root + folder), _MASK, self, self._id)
        if watch != -1:  # a folder that may not be read
            self._folders[watch] = folder

    def _watch_tree(self, top: str) -> Iterator[str]:
        """Watch a folder and all folders in it; yield the files in them. What is missed is found by a scan."""
        folders = [top]
        while folders:
            folder = folders.pop()
            with contextlib.suppress(OSError):
                self._watch_early(folder)  # so that nothing is lost between this and the list
                with os.scandir(self._root + folder) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(f"{folder}{entry.name}/")
                        else:
                            yield folder + entry.name

    def _watch_early(self, folder: str) -> None:
        try:
            self._watch_folder(folder)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self.refused = error.strerror or str(error)

    def _forget(self, top: str) -> None:
        """Stop watching a folder that has this path no longer, and those in it."""
        gone = [watch for watch, folder in self._folders.items() if folder.startswith(top)]
        for watch in gone:
            del self._folders[watch]
        self._queue.remove_callbacks([(watch, self._id) for watch in gone])
