"""One trainer per folder of checkpoints, and which process it is.

The kernel releases the lock when the process ends, however it ends. The lock file stays: if it were removed, two
processes could each lock a file of that name. So it also exists, with its few bytes, when the disk is full.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from streamer.checkpoints.publish import cannot_write, make_folder
from streamer.errors import ExitCode, StreamerError
from streamer.system import disk

NAME = ".lock"
PATIENCE = 1.0  # seconds: far longer than holder() has the lock when it asks who holds it
UNKNOWN = 0


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Be the only process that writes to a folder; make the folder if needed.

    Raises:
        StreamerError: With exit code 75 if another process holds it, 74 if the folder cannot be written.
    """
    make_folder(folder)
    path = folder / NAME
    lock = filelock.FileLock(path, timeout=0, thread_local=False)
    try:
        _acquire(lock, folder)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        if not isinstance(lock, filelock.SoftFileLock):  # without flock, filelock itself writes to the file
            _sign(path)
        yield
    finally:
        lock.release()


def _acquire(lock: filelock.BaseFileLock, folder: Path) -> None:
    """Take the lock, or raise at once and name its holder; wait only for a process that just asks who holds it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            lock.acquire()
        except filelock.Timeout:
            pid = holder(folder)
            if pid is None and time.monotonic() < deadline:
                time.sleep(0.005)
                continue
            raise StreamerError(
                f"another trainer{f', process {pid},' if pid else ''} holds {folder}",
                hint="stop it first, or name another --checkpoints folder",
                code=ExitCode.LOCKED,
            ) from None
        return


def holder(folder: Path) -> int | None:
    """Return the pid of the process that holds a folder, 0 if the pid is unknown, None if no process holds it."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Shared, so that two processes that ask don't take each other for a trainer. Works in a read-only folder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _signature(descriptor)
    except OSError:
        return None
    else:
        return None
    finally:
        os.close(descriptor)


def _sign(path: Path) -> None:
    """Write our pid into the lock file if the disk allows it; the lock also works without it."""
    with contextlib.suppress(OSError):
        descriptor = disk.open_descriptor(path, os.O_WRONLY | os.O_CLOEXEC, "lock.sign")
        try:
            # Always the same length, so that a new pid needs no new space and leaves nothing of the old one.
            os.pwrite(descriptor, b"%-20d\n" % os.getpid(), 0)
        finally:
            os.close(descriptor)


def _signature(descriptor: int) -> int:
    try:
        return max(int(os.pread(descriptor, 64, 0)), UNKNOWN)
    except (OSError, ValueError):
        return UNKNOWN
