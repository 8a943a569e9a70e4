"""A process on a terminal, as a person sees it: what is shown, and a keyboard."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .process import PATIENCE

# A terminal sends signals only to those whose controlling terminal it is.
TAKE_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.executable, [sys.executable, '-m', 'streamer', *sys.argv[1:]])"
)
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """The other end of a process's terminal: what it has shown, and a keyboard."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process, self._descriptor, self.shown = process, descriptor, ""

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._descriptor, keys)

    def see(self, wanted: str) -> None:
        """Wait until something was shown that matches, colours and movements left out."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(wanted, CODES.sub("", self.shown)):
            assert self._read(deadline), f"never showed {wanted}:\n{self.shown}"

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self._descriptor)

    def ended(self) -> int:
        """Take in what is shown until the process ends, and return its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE)

    def _read(self, deadline: float) -> bool:
        if not select.select([self._descriptor], [], [], max(0, deadline - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self._descriptor, 1 << 16)
        except OSError:  # how Linux says that nobody holds the other end any more
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


@contextmanager
def terminal(
    *arguments: str, folder: Path, fault: str = "", columns: int = 120, **variables: str
) -> Iterator[Terminal]:
    """Run a command on a terminal of so many columns, with more variables in its environment."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAMER_")}
    environment |= {"TERM": "xterm-256color", "STREAMER_FAILPOINT": fault}
    for name in ("NO_COLOR", "COLUMNS", "CI"):
        environment.pop(name, None)
    environment |= variables
    command = [sys.executable, "-c", TAKE_TERMINAL, *arguments]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    with process:
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            with contextlib.suppress(OSError):
                os.close(ours)
