"""Lives of the trainer in this process: started over an inbox, and ended in the way that a test wants.

A kill is told apart from the real thing by nothing that is on disk afterwards: once it has come, every further call to
the disk fails before it does anything, in whichever thread and whatever is being cleaned up, until the life is over.
"""

from __future__ import annotations

import errno
import itertools
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import attrs

from streamer.errors import StreamerError
from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.saving import Saver
from streamer.service.signals import StopSignals
from streamer.settings import RunSettings
from streamer.system import failpoints
from streamer.system.failpoints import FAILPOINTS

MODEL = {"vector_size": 4, "window": 2, "negative": 2, "min_count": 2, "sample": 0.05}
ENDLESS = 20_000
"""Calls to the disk after which a life is taken for one that never ends; it has some hundreds."""
ANYWHERE = ""

MOMENTS = (
    *(name for name in FAILPOINTS if name.startswith(("block.", "file.", "service."))),
    *("checkpoint.copied", "checkpoint.published", "input.planned"),
)
"""Failpoints at which the disk is not called, so that no error comes from there."""
_ELSEWHERE = ("inbox.event", "inbox.watch", "helper.start", "replay.trained", "replay.done")
CALLS = tuple(name for name in FAILPOINTS if name not in (*MOMENTS, *_ELSEWHERE))
"""Failpoints at which the disk is called by every life."""


_numbers = itertools.count(1_000_000)


class Killed(BaseException):
    """What SIGKILL is to a process: nothing may catch it, and nothing is done after it."""


@dataclass(frozen=True)
class Fault:
    """What happens to a life, and where.

    Attributes:
        action: ``kill``, ``stop`` (a signal), ``edit`` (see :class:`Life`), ``short`` or the name of an error.
        name: The failpoint, or :data:`ANYWHERE`.
        number: At which time that it is reached.
        always: Whether it goes on from then.
    """

    action: str
    name: str
    number: int = 1
    always: bool = False

    @property
    def hides_files(self) -> bool:
        """Return whether it lets files look as they are not: what is refused or trained is then another matter."""
        return self.action == "edit" or (self.action.isupper() and self.name.startswith(("input.", "inbox.")))

    @property
    def codes(self) -> set[int]:
        """Return the exit codes with which a life may end because of it."""
        if not self.action.isupper():
            return set()
        codes = {"checkpoint.read": {65}, "checkpoint.open": {66}, "checkpoint.list": {66, 74}, "inbox.list": {66}}
        return codes.get(self.name, {74} if self.name.startswith(("checkpoint.", "folder.")) else set())


NOTHING = Fault("nothing", ANYWHERE, 0)


@dataclass
class Life:
    """One process's life, as seen from the disk.

    Attributes:
        fault: What happens to it.
        edit: What ``edit`` does.
        signals: Through which it is told to stop.
        struck: Whether the fault has come.
        dead: Whether it is killed.
        finished: Whether all files were gone through; if it was not, something ended it before.
        idle: Whether it found nothing to do.
        code: The exit code, if it ended with an error.
        calls: The failpoints that it came by.
    """

    fault: Fault = NOTHING
    edit: Callable[[], None] = lambda: None
    signals: StopSignals = field(default_factory=StopSignals)
    struck: bool = False
    dead: bool = False
    finished: bool = False
    idle: bool = False
    code: int = 0
    calls: list[str] = field(default_factory=list)
    _times: int = 0
    _one: threading.Lock = field(default_factory=threading.Lock)

    def reached(self, name: str) -> str:
        """Do what the fault wants at a failpoint; stands in for :func:`streamer.system.failpoints.reached`."""
        if name == "inbox.event":  # comes from another thread whenever it likes, and is a hint
            return "lose" if self.dead else ""
        with self._one:
            if self.dead:
                raise Killed
            self.calls.append(name)
            assert len(self.calls) < ENDLESS, f"it never comes to an end, and is at {name}"
            if self.fault.name not in (ANYWHERE, name):
                return ""
            self._times += 1
            if self._times != self.fault.number and not (self.fault.always and self._times > self.fault.number):
                return ""
            self.struck = True
            return self._strike()

    def _strike(self) -> str:
        match self.fault.action:
            case "kill":
                self.dead = True
                raise Killed
            case "stop":
                self.signals.received = signal.SIGTERM
            case "edit":
                self.edit()
            case "short":
                return "short"
            case error:
                number = getattr(errno, error)
                raise OSError(number, os.strerror(number))
        return ""

    def live(self, folder: Path, inbox: Path, run: RunSettings, *, epochs: int = 0) -> Life:
        """Train on an inbox to the end, or as far as the fault lets it, and return itself.

        Args:
            folder: The folder of checkpoints.
            inbox: The inbox.
            run: How it works.
            epochs: Passes of ``train``; 0 for ``watch --once``.
        """
        number = next(_numbers)  # the names of half-written files tell one process from another by it
        with patch.object(failpoints, "reached", self.reached), patch.object(os, "getpid", lambda: number):
            try:
                with loop.start(folder, MODEL, run, Display(), self.signals) as running:
                    if epochs:
                        loop.train([inbox], epochs, running, lambda *_: None)
                    else:
                        loop.watch(inbox, running, once=True)
                    self.finished, self.idle = True, running.idle
            except Killed:
                self.finished = False
            except StreamerError as error:
                self.finished, self.code = False, int(error.code)
        return self

    @property
    def ended_well(self) -> bool:
        """Return whether it went through all files and saved."""
        return self.finished and not self.dead and self.code == 0


class InStep(Saver):
    """Writes each checkpoint before the training goes on, so that the same steps always lead to the same end."""

    def _begin(self) -> None:
        super()._begin()
        assert self._under_way is not None
        wait([self._under_way])


def settings(run: RunSettings, **changes: Any) -> RunSettings:
    """Return settings with some changed."""
    return attrs.evolve(run, **changes)
