"""A plugin of coverage.py that lets the processes which help a trainer write down what they covered.

A trainer ends them by ``kill -9``, since they own nothing; but what is killed writes nothing. So wherever coverage is
measured, a helper is first given the time to end by itself, as it does when nobody is left to talk to.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any

SECONDS = 5.0
"""How long a helper may take to end by itself; one in the middle of a block takes longest."""

_kill = subprocess.Popen.kill


def kill(process: subprocess.Popen[Any]) -> None:
    """Kill a process; if it is :mod:`streamer` that asks, and not a test, when the process had the time to end."""
    if str(sys._getframe(1).f_globals.get("__name__")).startswith("streamer."):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS)
    _kill(process)


def coverage_init(registry: object, options: object) -> None:
    """Do it; there is nothing to register."""
    subprocess.Popen.kill = kill  # type: ignore[assignment, method-assign]
