"""Places where a process can be made to fail, for drills and tests.

``STREAMER_FAILPOINT=checkpoint.write:ENOSPC:2`` arms one. Unarmed, a failpoint costs a look at an empty dictionary.
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
    "folder.make": "making a folder for checkpoints",
    "folder.sync": "making durable that it is there",
    "lock.sign": "writing our number into the lock file",
    "checkpoint.list": "listing the checkpoints",
    "checkpoint.open": "opening one",
    "checkpoint.read": "reading a piece of one",
    "checkpoint.set_aside": "renaming one that is damaged",
    "checkpoint.sweep": "removing what a killed process left half-written",
    "checkpoint.copied": "the state was copied, none of it is on disk",
    "checkpoint.create": "making the hidden file for a new one",
    "checkpoint.write": "writing a piece of it",
    "checkpoint.sync": "making its bytes durable",
    "checkpoint.rename": "giving it its name",
    "checkpoint.sync_name": "making its name durable",
    "checkpoint.reread": "reading it again, to see whether it is what was written",
    "checkpoint.published": "it is on disk, older ones are too",
    "checkpoint.retire": "removing an old one",
    "inbox.event": "an event of the operating system arrives",
    "inbox.watch": "asking the operating system for events",
    "inbox.list": "listing a folder of the inbox",
    "inbox.look": "asking for size and times of a file in it",
    "input.look": "asking what kind of thing a file is",
    "input.open": "opening it",
    "input.read": "reading a piece of it",
    "input.planned": "a file was looked up in the ledger, none of it is trained",
    "block.read": "a block is tokenised, none of it is trained",
    "block.advanced": "the ledger says that it is trained, which it is not yet",
    "block.trained": "it is trained, and not saved",
    "file.finished": "a file is trained to its end, and not saved",
    "helper.start": "starting a process that helps",
    "service.started": "the trainer holds its folder and has its state",
    "service.stopping": "it was told to stop, or is done, and has not saved",
    "service.saved": "it has saved, and has not ended",
}
"""Each place where a process may be made to fail, in the order of a file's way to the disk; what happens there."""

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
