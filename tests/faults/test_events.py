"""Events that never come, come too many, or kill who hears them: every file is found, and in time."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest

from ..support.corpus import put, text
from ..support.process import COMMAND, QUICK, Running, files, run, started, until
from .accounting import check_accounts
from .conftest import Amount, Tell

SETTLE, RESCAN = 1.0, 2.0
SLACK = 1.0
"""Seconds that a scan, the training of a small file and this test may take."""
TIMES = ("--vector-size", "8", "--threads", "1", "--settle", str(SETTLE), "--rescan", str(RESCAN))
QUEUE = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
LIMITS = {
    "no queue": "echo 0 > /proc/sys/user/max_inotify_instances",
    "no watches": "echo 0 > /proc/sys/user/max_inotify_watches",
    "one watch": "echo 1 > /proc/sys/user/max_inotify_watches",
}
WAYS = ("lost", "polling", "deaf", *LIMITS)
FEWER = ("unshare", "-Ur", "sh", "-c", '{limit} && exec "$@"', "sh")


def _latencies(trainer: Running, inbox: Path, count: int) -> list[float]:
    """Let files arrive in all the ways there are, at all times between two scans; return the seconds of each."""
    began = {}
    for number in range(count):
        path = inbox / f"{number}.txt"
        now = time.time()
        match number % 4:
            case 0:  # written at one go
                put(path, text(number, 2_000), age=0)
            case 1:  # renamed into place
                put(inbox / ".hidden", text(number, 2_000), age=0).rename(path)
            case 2:  # moved in from elsewhere
                put(inbox.parent / "elsewhere", text(number, 2_000), age=0).rename(path)
            case 3:  # in a folder that is moved in with it
                put(inbox.parent / "folder" / "a.txt", text(number, 2_000), age=0)
                path = inbox / f"folder-{number}"
                (inbox.parent / "folder").rename(path)
                path /= "a.txt"
        began[os.path.relpath(path, inbox)] = now
        time.sleep(RESCAN * 0.3)
    trained = {path: trainer.event("file.trained", path=path)["timestamp"] for path in began}
    return [datetime.fromisoformat(trained[path]).timestamp() - now for path, now in began.items()]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, amount: Amount) -> Iterator[dict[str, Future[list[float]]]]:
    """Return for each way to hear nothing the seconds until each file was trained.

    The services run side by side, because each does little but wait.
    """
    count = amount(4, 24)
    tmp_path_factory.getbasetemp()  # is made by the first who asks, and not by two at a time

    def without(how: str) -> list[float]:
        folder = tmp_path_factory.mktemp(how)
        (folder / "inbox" / "sub").mkdir(parents=True)
        prefix = tuple(part.format(limit=LIMITS[how]) for part in FEWER) if how in LIMITS else ()
        if prefix and run(folder=folder, command=(*prefix, "true")).code:
            pytest.skip("needs the right to make a user namespace")
        fault = {"lost": "inbox.event:lose:1+", "deaf": "inbox.event:EIO:1+"}.get(how, "")
        arguments = ("watch", "inbox", *TIMES, *(("--poll",) if how == "polling" else ()))
        environment = {"STREAMER_FAILPOINT": fault}
        command = (*prefix, *COMMAND)
        with started(*arguments, folder=folder, environment=environment, command=command) as trainer:
            trainer.event("inbox.polling" if prefix else "inbox.watched")
            seconds = _latencies(trainer, folder / "inbox", count)
            assert bool(trainer.events("failpoint.reached")) == bool(fault)
            assert not prefix or trainer.event("inbox.polling")["hint"]
            assert trainer.stopped().code == 0
        check_accounts(folder / "checkpoints", folder / "inbox")
        return seconds

    with ThreadPoolExecutor(len(WAYS)) as pool:
        yield {how: pool.submit(without, how) for how in WAYS}


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("how", WAYS)
def test_without_events(how: str, found: dict[str, Future[list[float]]], tell: Tell) -> None:
    """Events lost, none asked for, the thread that hears them dead, no watch or one: found in settle + rescan."""
    seconds = found[how].result()
    assert max(seconds) <= SETTLE + RESCAN + SLACK, seconds
    tell(f"events {how}: {len(seconds)} files trained, the last after {max(seconds):.2f} s (settle + rescan = 3 s)")


def test_a_rename_alone_wakes_the_scan(tmp_path: Path) -> None:
    """A file that was hidden for long is read as soon as it has its name, though nothing else happens for an hour."""
    (tmp_path / "inbox").mkdir()
    options = ("--vector-size", "8", "--threads", "1", "--settle", "60", "--rescan", "3600")
    with started("watch", "inbox", *options, folder=tmp_path) as trainer:
        trainer.event("inbox.watched")
        put(tmp_path / "inbox" / ".hidden", text(1, 2_000), age=0)
        time.sleep(1)  # the scan that its making woke is over
        (tmp_path / "inbox" / ".hidden").rename(tmp_path / "inbox" / "a.txt")
        trainer.event("file.trained", path="a.txt")
        assert trainer.stopped().code == 0


def test_no_scan_is_needed_where_events_come(tmp_path: Path) -> None:
    """Written and still, moved in with its folder, at any depth: trained in its order, with no scan for an hour."""
    (tmp_path / "inbox" / "deep").mkdir(parents=True)
    options = ("--vector-size", "8", "--threads", "1", "--settle", "0.5", "--rescan", "3600")
    with started("watch", "inbox", *options, folder=tmp_path) as trainer:
        trainer.event("inbox.watched")
        time.sleep(1)  # the first scan is over
        put(tmp_path / "inbox" / "deep" / "a.txt", text(1, 2_000), age=0)
        trainer.event("file.trained", path="deep/a.txt")
        for number, name in enumerate("cb"):
            put(tmp_path / "folder" / "new" / f"{name}.txt", text(2 + number, 2_000), age=900 - number)
        (tmp_path / "folder").rename(tmp_path / "inbox" / "folder")
        trainer.event("file.trained", path="folder/new/b.txt")
        (tmp_path / "inbox" / "deep").rename(tmp_path / "inbox" / "folder" / "deep")
        trainer.event("file.skipped", path="folder/deep/a.txt", level="info")
        with (tmp_path / "inbox" / "folder" / "deep" / "a.txt").open("a") as file:
            file.write("\nwords that were added to a file in a folder that was renamed\n")
        trainer.event("file.trained", path="folder/deep/a.txt")
        assert trainer.stopped().code == 0
        trained = [line["path"] for line in trainer.events("file.trained")]
    assert trained == ["deep/a.txt", "folder/new/c.txt", "folder/new/b.txt", "folder/deep/a.txt"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_more_events_than_the_kernel_keeps(tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """A burst past the kernel's queue, while the trainer can't listen: none of the files is missed."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    count = amount(QUEUE + 1_000, 50_000)
    # The next look at the folder is an hour away: only an event, or the overflow of events, can wake it.
    with started("watch", "inbox", *TIMES[:-2], "--rescan", "3600", folder=tmp_path) as trainer:
        trainer.event("inbox.watched")
        time.sleep(0.2)
        trainer.send(signal.SIGSTOP)
        for number in range(count):
            (inbox / f"{number}.txt").write_text(f"word{number} again\n")
        trainer.send(signal.SIGCONT)
        until(lambda: _rows(tmp_path) >= count, "all of the burst", 400)
        assert trainer.stopped().code == 0
    assert {row["outcome"] for row in files(tmp_path).values()} == {"trained"}
    assert len(check_accounts(tmp_path / "checkpoints", inbox)) == count
    tell(f"burst of {count:,} files past a queue of {QUEUE:,} events, no rescan: 0 missed")


def _rows(folder: Path) -> int:
    time.sleep(0.2)
    return len(files(folder)) if list((folder / "checkpoints").glob("*.h5")) else 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_files_that_arrive_while_it_starts(tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """Files that are renamed in all the time while a service starts, with no second look for an hour: none missed."""
    arrived = 0
    starts = amount(4, 200)
    for start in range(starts):
        folder = tmp_path / str(start)
        inbox = folder / "inbox"
        inbox.mkdir(parents=True)
        stop = threading.Event()

        def arrive(inbox: Path = inbox, stop: threading.Event = stop) -> None:
            number = 0
            while not stop.is_set():
                put(inbox / f".{number}", f"word{number}\n", age=0).rename(inbox / f"{number}.txt")
                number += 1
                time.sleep(0.0005)

        writer = threading.Thread(target=arrive)
        writer.start()
        try:
            settings = ("--vector-size", "8", "--threads", "1", "--settle", "0", "--rescan", "3600")
            with started("watch", "inbox", *settings, folder=folder) as trainer:
                trainer.event("inbox.watched")
                time.sleep(0.05)
                stop.set()
                writer.join()
                count = len(list(inbox.glob("*.txt")))
                until(lambda: len(trainer.events("file.trained")) >= count, f"{count} files")  # noqa: B023
                assert trainer.stopped().code == 0
        finally:
            stop.set()
            writer.join()
        check_accounts(folder / "checkpoints", inbox)
        arrived += count
        shutil.rmtree(folder)
    tell(f"{arrived:,} files that arrived during {starts} starts: 0 missed")


@pytest.mark.slow
def test_an_inbox_that_goes_and_comes_back(tmp_path: Path) -> None:
    """Removed, replaced by another folder, moved away and back, made a file: told, waited for, and gone on with."""
    inbox = tmp_path / "inbox"
    put(inbox / "a.txt", text(1, 2_000))
    with started("watch", "inbox", *QUICK, folder=tmp_path) as trainer:
        trainer.event("file.trained", path="a.txt")
        shutil.rmtree(inbox)
        trainer.event("inbox.missing")
        put(inbox / "b.txt", text(2, 2_000))
        trainer.event("inbox.found")
        trainer.event("file.trained", path="b.txt")
        inbox.rename(tmp_path / "away")
        trainer.event("inbox.missing", 2)
        inbox.write_text("no folder")
        time.sleep(1.2)
        inbox.unlink()
        (tmp_path / "away").rename(inbox)
        put(inbox / "c.txt", text(3, 2_000))
        trainer.event("file.trained", path="c.txt")
        put(inbox / ".d", text(4, 2_000), age=0).rename(inbox / "d.txt")
        trainer.event("file.trained", path="d.txt")
        assert trainer.stopped().code == 0
    assert [row["path"] for row in files(tmp_path).values()] == ["a.txt", "b.txt", "c.txt", "d.txt"]


def test_an_inbox_that_cannot_be_listed(tmp_path: Path) -> None:
    """`--once` and `train` end with 66 where the folder can't be read; a service says so once and goes on."""
    put(tmp_path / "inbox" / "a.txt", text(1, 2_000))
    fault = {"STREAMER_FAILPOINT": "inbox.list:EACCES:1+"}
    for command in (("watch", "inbox", "--once"), ("train", "inbox")):
        ended = run(*command, *QUICK, folder=tmp_path, environment=fault)
        assert ended.code == 66
        assert "cannot read" in ended.stderr and "Permission denied" in ended.stderr
    fault = {"STREAMER_FAILPOINT": "inbox.list:EACCES:1"}
    with started("watch", "inbox", *QUICK, folder=tmp_path, environment=fault) as trainer:
        trainer.event("inbox.unreadable")
        trainer.event("file.trained", path="a.txt")
        assert trainer.stopped().code == 0
