"""The calls on which the promises rest: each to the file system by one function, under the name of what it is for.

Intake and checkpoints touch the disk through here alone, so that a test can let any call fail, end the process just
before it, or write down what was done to the disk. :data:`FAILPOINTS` names all the places, the moments between two
calls among them. ``STREAMER_FAILPOINT=checkpoint.write:ENOSPC:2`` arms one; unset, they cost a look at an empty list.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.errors import StreamerError

FAILPOINTS = {
    "folder.make": "before a folder for checkpoints is made",
    "folder.sync": "before the name of that folder is flushed to the disk",
    "lock.sign": "before the process id is written to the lock file",
    "checkpoint.list": "before the checkpoints are listed",
    "checkpoint.open": "before a checkpoint is opened",
    "checkpoint.read": "before a piece of a checkpoint is read",
    "checkpoint.set_aside": "before a damaged checkpoint is renamed",
    "checkpoint.sweep": "before a half-written file of a killed process is removed",
    "checkpoint.copied": "after the state was copied, before any of it is on disk",
    "checkpoint.create": "before the hidden file of a new checkpoint is made",
    "checkpoint.write": "before a piece of it is written",
    "checkpoint.sync": "before its bytes are flushed to the disk",
    "checkpoint.rename": "before it gets its name",
    "checkpoint.sync_name": "before its name is flushed to the disk",
    "checkpoint.reread": "before it is read again and compared with what was written",
    "checkpoint.published": "after it is on disk, before older ones are removed",
    "checkpoint.retire": "before an old checkpoint is removed",
    "inbox.event": "when an event of the operating system arrives",
    "inbox.watch": "before the operating system is asked for events",
    "inbox.list": "before a folder of the inbox is listed",
    "inbox.look": "before the size and times of a file in the inbox are read",
    "input.look": "before the kind of a file is checked",
    "input.open": "before a file is opened",
    "input.read": "before a piece of a file is read",
    "input.planned": "after a file was looked up in the ledger, before any of it is trained",
    "block.read": "after a block was tokenized, before any of it is trained",
    "block.advanced": "after the ledger counts a block as trained, before it is trained",
    "block.trained": "after a block was trained, before it is saved",
    "file.finished": "after a file was trained to its end, before it is saved",
    "helper.start": "before a helper process is started",
    "service.started": "after the trainer has its folder and its state",
    "service.stopping": "after the trainer was told to stop or is done, before it saves",
    "service.saved": "after the last save, before the process ends",
}
"""Each place where a process may be made to fail, in the order of a file's way to the disk; when it is reached."""

STALL_SECONDS = 3.0
_ANY = ("kill", "stall")


@dataclass(slots=True)
class _Armed:
    """One failpoint that is set: what happens, the first time that it does, and whether it goes on."""

    action: str
    first: int
    always: bool
    reached: int = 0

    def due(self) -> bool:
        self.reached += 1
        return self.reached == self.first or (self.always and self.reached > self.first)


def arm(text: str) -> dict[str, _Armed]:
    """Return what ``NAME:ACTION[:N[+]],…`` sets: from the Nth time on that a place is reached, or only then.

    Actions are ``kill`` (SIGKILL to this process), ``stall`` (wait three seconds), ``short`` (write or read half of
    what was asked for), ``lose`` (an event), and the name of an error of the system, such as ``ENOSPC``.

    Raises:
        StreamerError: If there is no such place or action.
    """
    armed = {}
    for part in filter(None, text.split(",")):
        name, action, times = [*part.split(":"), "1", ""][:3]
        number = times.removesuffix("+")
        known = action in (*_ANY, "short", "lose") or action in errno.errorcode.values()
        if name not in FAILPOINTS or not known or not number.isdecimal():
            raise StreamerError(f"STREAMER_FAILPOINT has no {part}", hint="name:action:n; see docs/reliability.md")
        armed[name] = _Armed(action, int(number), times.endswith("+"))
    return armed


_armed = arm(os.environ.get("STREAMER_FAILPOINT", ""))


def reached(name: str) -> str:
    """Do what is armed for a place, if anything is; return what the caller has to do itself: ``short``, ``lose``.

    Raises:
        OSError: If that is what is armed.
    """
    point = _armed.get(name) if _armed else None
    if point is None or not point.due():
        return ""
    line = {"event": "failpoint.reached", "name": name, "action": point.action, "level": "warning"}
    os.write(2, json.dumps(line).encode() + b"\n")
    if point.action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if point.action == "stall":
        time.sleep(STALL_SECONDS)
        return ""
    if point.action.isupper():
        number = getattr(errno, point.action)
        raise OSError(number, os.strerror(number))
    return point.action


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, unless they are there; durably in either case."""
    there = folder.is_dir()
    if not there:
        make_folder(folder.parent)
        mkdir(folder)
    try:  # even if it is there: who made it may have been killed before this
        sync_folder(folder.parent, "folder.sync")
    except PermissionError:
        if not there:
            raise


def mkdir(folder: Path) -> None:
    """Make one folder, unless it is there."""
    reached("folder.make")
    folder.mkdir(exist_ok=True)


def create(path: Path) -> int:
    """Make a file that is not there, and return its descriptor, for writing."""
    reached("checkpoint.create")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    return os.open(path, flags, 0o666)  # the kernel takes off the umask, which Python cannot read safely


def write(descriptor: int, data: memoryview) -> int:
    """Write the beginning of some bytes to a file, and return how many."""
    if reached("checkpoint.write") == "short":
        data = data[: max(1, len(data) // 2)]
    return os.write(descriptor, data)


def sync(descriptor: int) -> None:
    """Make the bytes of a file durable. If that failed it must not be tried again: it may then claim success."""
    reached("checkpoint.sync")
    os.fsync(descriptor)


def rename(old: Path, new: Path, name: str) -> None:
    """Give a file another name, which another file may have had."""
    reached(name)
    old.replace(new)


def remove(path: Path, name: str) -> None:
    """Remove a file, if it is there."""
    reached(name)
    path.unlink(missing_ok=True)


def sync_folder(folder: Path, name: str = "") -> None:
    """Make the names in a folder durable, where the file system knows how to; without a failpoint if it has no name."""
    reached(name)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # network file systems that cannot sync a folder say this
            raise
    finally:
        os.close(descriptor)


def list_folder(folder: Path) -> Iterator[Path]:
    """Yield what is in a folder of checkpoints."""
    reached("checkpoint.list")
    yield from folder.iterdir()


def scan(folder: str) -> Any:
    """Return a context of what is in a folder of the inbox, as ``os.scandir`` does."""
    reached("inbox.list")
    return os.scandir(folder)


def look(path: str | Path) -> os.stat_result:
    """Return what a file looks like from outside, links not followed."""
    reached("input.look")
    return os.lstat(path)


def forget_cached(descriptor: int) -> None:
    """Let the next who reads a file that was synced ask the disk for it, where the system knows how to."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def open_descriptor(path: str | Path, flags: int, name: str) -> int:
    """Open a file and return its descriptor."""
    reached(name)
    return os.open(path, flags)


class Reading(io.FileIO):
    """An open file whose reading is a failpoint.

    Args:
        descriptor: The file, open for reading, which is closed with this.
        name: The failpoint.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor)
        self._failpoint = name

    def readinto(self, buffer: Any, /) -> int:
        """Read into a buffer, and return how many bytes."""
        if reached(self._failpoint) == "short":
            buffer = memoryview(buffer)[: max(1, len(buffer) // 2)]
        return super().readinto(buffer)

    def readall(self) -> bytes:
        """Read all that is left."""
        reached(self._failpoint)
        return super().readall()
