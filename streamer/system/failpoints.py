"""Places where a process can be made to fail, for drills and tests.

``STREAMER_FAILPOINT=checkpoint.write:ENOSPC:2`` arms one. If none is armed, each only checks an empty dictionary.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import time
from dataclasses import dataclass

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
    "checkpoint.keep": "before it is kept under a second name, as a state for later",
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
    "replay.trained": "after a block was trained again, before any of it is saved",
    "replay.done": "after everything was trained again, before it is saved",
    "helper.start": "before a helper process is started",
    "service.started": "after the trainer has its folder and its state",
    "service.stopping": "after the trainer was told to stop or is done, before it saves",
    "service.saved": "after the last save, before the process ends",
}
"""All failpoints, in the order of a file's way to the disk, each with the moment when it is reached."""

STALL_SECONDS = 3.0
_ANY = ("kill", "stall")


@dataclass(slots=True)
class _Armed:
    """One armed failpoint: what happens, the first time that it happens, and whether it happens every time after."""

    action: str
    first: int
    always: bool
    reached: int = 0

    def due(self) -> bool:
        self.reached += 1
        return self.reached == self.first or (self.always and self.reached > self.first)


def arm(text: str) -> dict[str, _Armed]:
    """Return what ``NAME:ACTION[:N[+]],…`` arms: the Nth time that a failpoint is reached; with +, all later times too.

    Actions are ``kill`` (SIGKILL to this process), ``stall`` (wait three seconds), ``short`` (write or read only half),
    ``lose`` (drop an event), and the names of system errors, such as ``ENOSPC``.

    Raises:
        StreamerError: If there is no such failpoint or action.
    """
    armed = {}
    for part in filter(None, text.split(",")):
        name, action, times = [*part.split(":"), "1", ""][:3]
        number = times.removesuffix("+")
        known = action in (*_ANY, "short", "lose") or action in errno.errorcode.values()
        if name not in FAILPOINTS or not known or not number.isdecimal():
            raise StreamerError(f"STREAMER_FAILPOINT is invalid: {part}", hint="NAME:ACTION:N; see docs/reliability.md")
        armed[name] = _Armed(action, int(number), times.endswith("+"))
    return armed


_armed = arm(os.environ.get("STREAMER_FAILPOINT", ""))


def reached(name: str) -> str:
    """Do what is armed for a failpoint, if anything; return what the caller must do itself: ``short``, ``lose``.

    Raises:
        OSError: If a system error is armed.
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
