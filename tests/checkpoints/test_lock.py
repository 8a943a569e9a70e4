"""One trainer for one folder: real processes, really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamer.checkpoints import Store
from streamer.errors import ExitCode, StreamerError

ROOT = Path(__file__).parents[2]
HOLD = """
import os, sys, time
from pathlib import Path
from streamer.checkpoints import Store
with Store(Path(sys.argv[1])).lock():
    if sys.argv[2:] == ["fork"] and os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
    elif sys.argv[2:] != ["fork"]:
        print(os.getpid(), flush=True)
    time.sleep(60)
"""


@contextmanager
def trainer(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a process that holds the lock of a folder; yield it and the pid that it printed."""
    command = [sys.executable, "-c", HOLD, str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def test_the_second_trainer_is_told_who_the_first_is(tmp_path: Path) -> None:
    """While one process holds the folder, another is refused with 75, and the pid is known to all."""
    store = Store(tmp_path)
    with trainer(tmp_path) as (process, pid):
        assert pid == process.pid == store.holder()
        with pytest.raises(StreamerError, match=f"process {pid}") as refused, store.lock():
            pass
        assert refused.value.code == ExitCode.LOCKED
        assert str(tmp_path) in refused.value.problem
        assert store.holder() == pid


def test_a_killed_trainer_leaves_no_lock(tmp_path: Path) -> None:
    """After kill -9 the next start needs no cleaning up, although the lock file is still there."""
    store = Store(tmp_path)
    with trainer(tmp_path) as (process, _):
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert (tmp_path / ".lock").exists()
        assert store.holder() is None
        with store.lock():
            assert store.holder() == os.getpid()
    assert store.holder() is None


def test_a_child_that_outlives_its_trainer_does_not_keep_the_lock(tmp_path: Path) -> None:
    """Processes that the trainer forked, to tokenize for it, do not hold the folder after it was killed."""
    with trainer(tmp_path, "fork") as (process, child):
        assert Store(tmp_path).holder() == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        try:
            assert Store(tmp_path).holder() is None
        finally:
            os.kill(child, signal.SIGKILL)


def test_the_lock_can_be_taken_again_and_again(tmp_path: Path) -> None:
    """Release leaves nothing behind that would keep the next one out, and makes the folder if it must."""
    store = Store(tmp_path / "new" / "folder")
    for _ in range(3):
        with store.lock():
            assert store.holder() == os.getpid()
        assert store.holder() is None
    with pytest.raises(StreamerError), store.lock(), store.lock():
        pass
    assert store.holder() is None


def test_asking_who_holds_the_lock_keeps_nobody_out(tmp_path: Path) -> None:
    """However many ask at once, none takes another for a trainer, and a trainer can start."""
    store = Store(tmp_path)
    with store.lock():
        pass
    answers: set[int | None] = set()
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answers.add(store.holder())

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            with store.lock():
                pass
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert answers <= {None, os.getpid()}


def test_nobody_holds_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Asking makes neither folder nor file."""
    assert Store(tmp_path / "none").holder() is None
    assert Store(tmp_path).holder() is None
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_without_pid_still_locks(tmp_path: Path) -> None:
    """On a full disk the pid may be missing: the folder is held all the same, by process 0."""
    store = Store(tmp_path)
    with store.lock():
        (tmp_path / ".lock").write_bytes(b"")
        assert store.holder() == 0
        with pytest.raises(StreamerError, match="another trainer holds"), store.lock():
            pass


def test_a_folder_that_cannot_be_made_is_a_writing_error(tmp_path: Path) -> None:
    """A file in the place of the folder ends with 74 and the path."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StreamerError, match="file") as refused, Store(folder).lock():
            pass
        assert refused.value.code == ExitCode.CANNOT_WRITE
        assert Store(folder).holder() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_another_user_may_ask_but_not_train(tmp_path: Path) -> None:
    """In a folder that is not ours to write, the lock is refused with 74 and the holder can still be told."""
    code = """
import os, sys
from pathlib import Path
from streamer.checkpoints import Store
from streamer.errors import StreamerError
os.setuid(65534)
store = Store(Path("."))
print(store.holder())
try:
    with store.lock(): pass
except StreamerError as error:
    print(int(error.code))
"""
    folder = tmp_path / "checkpoints"
    with Store(folder).lock():
        command = [sys.executable, "-c", code]
        other = subprocess.run(
            command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=30
        )
    assert other.stdout.split() == [str(os.getpid()), "74"], other.stderr
