"""An inbox on a clock that is set by hand, and files of any age in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from streamer.intake.inbox import Inbox, Scan
from streamer.ledger.entries import Signature
from streamer.settings import RunSettings

NOW = 1_000_000_000.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> float:
        """Return the time."""
        return self.time


def unseen(path: str, signature: Signature) -> bool:
    """Say of each file that it was never seen."""
    return False


def make(root: Path, clock: Clock, seen: Any = unseen, **settings: Any) -> Inbox:
    """Return an inbox that reads the clock; ``settle`` is 2 seconds unless told."""
    return Inbox(root, RunSettings(**settings), seen, wall=clock, monotonic=clock)


def put(path: Path, text: str = "text", *, age: float = 1000) -> Path:
    """Write a file that was last changed so many seconds before ``NOW``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (NOW - age, NOW - age))
    return path


def paths(scan: Scan) -> list[str]:
    """Return the paths that are ready."""
    return [candidate.path for candidate in scan.ready]
