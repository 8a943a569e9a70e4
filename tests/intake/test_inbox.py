"""The inbox: which files are ready, when, and in which order; and that no lost event or broken watch loses a file."""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import socket
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from watchdog.observers.inotify_c import InotifyFD

from streamer.intake.inbox import FOLDER, Inbox, Scan
from streamer.ledger.entries import Signature
from streamer.settings import RunSettings

from .inboxes import Clock, make, paths, put, unseen

Log = list[MutableMapping[str, Any]]


def until(inbox: Inbox, path: str) -> Scan:
    """Scan whenever the inbox is woken until a path is ready; fail after 5 seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        scan = inbox.scan()
        if path in paths(scan):
            return scan
        inbox.wait(1)
    raise AssertionError(f"{path} never became ready")


def quiet(inbox: Inbox) -> bool:
    """Return whether nothing wakes the inbox for a moment."""
    start = time.monotonic()
    inbox.wait(0.15)
    return time.monotonic() - start >= 0.15


def test_files_are_ready_by_age_and_then_by_name(root: Path, clock: Clock) -> None:
    """Subfolders are walked too; the oldest comes first, and of those of one age the first by the bytes of its path."""
    for name, age in (("b", 30), ("sub/deep/a", 30), ("z", 50), ("é", 30), ("new", 10), ("sub/b", 40)):
        put(root / name, age=age)
    scan = make(root, clock).scan()
    assert paths(scan) == ["z", "sub/b", "b", "sub/deep/a", "é", "new"]
    assert (scan.waiting, scan.next_still) == (0, None)
    assert scan.ready[1].absolute == f"{root}/sub/b"
    assert scan.ready[1].signature == Signature.of((root / "sub/b").stat())
    assert {candidate.refusal for candidate in scan.ready} == {None}


def test_a_name_that_is_not_utf8_is_a_name(root: Path, clock: Clock) -> None:
    """Bytes of a name that can't be decoded are kept as surrogate escapes, and lead back to the file."""
    (root / os.fsdecode(b"caf\xe9\n.txt")).write_text("text")
    [candidate] = make(root, clock, settle=0).scan().ready
    assert os.fsencode(candidate.path) == b"caf\xe9\n.txt"
    assert Path(candidate.absolute).read_text() == "text"


def test_what_was_seen_is_left_out(root: Path, clock: Clock) -> None:
    """The ledger is asked for each file, with its signature, and its answer counts."""
    known = Signature.of(put(root / "known").stat())
    put(root / "changed")
    answers = {("known", known), ("changed", known)}
    assert paths(make(root, clock, lambda *asked: asked in answers).scan()) == ["changed"]


def test_a_file_is_ready_when_it_is_still(root: Path, clock: Clock) -> None:
    """Size and mtime must be unchanged for the settle time; each change starts it anew."""
    inbox = make(root, clock)
    put(root / "growing", "a", age=0)
    put(root / "other", age=1.5)
    assert inbox.scan() == Scan([], 2, 2.0)
    clock.time += 1.5
    put(root / "growing", "ab", age=0)
    assert inbox.scan() == Scan([], 2, 0.5)
    clock.time += 0.5
    scan = inbox.scan()
    assert (paths(scan), scan.waiting, scan.next_still) == (["other"], 1, 1.5)
    clock.time += 1.5
    assert paths(inbox.scan()) == ["other", "growing"]
    clock.time += 1
    put(root / "growing", "ab", age=-1)
    assert paths(inbox.scan()) == ["other"]


def test_an_old_file_is_still_at_first_sight_only(root: Path, clock: Clock) -> None:
    """A file older than the settle time is ready at once; one from the future, or set back later, has to wait."""
    put(root / "old", age=2)
    put(root / "young", age=1.9)
    put(root / "future", age=-3600)
    inbox = make(root, clock)
    assert paths(inbox.scan()) == ["old"]
    put(root / "old", "changed, with an old mtime", age=500)
    assert paths(inbox.scan()) == []
    clock.time += 2
    assert paths(inbox.scan()) == ["old", "young", "future"]


def test_with_no_settle_time_all_is_ready_at_once(root: Path, clock: Clock) -> None:
    """With ``--settle 0`` a file is taken as it is, whatever its time."""
    put(root / "now", age=0)
    put(root / "future", age=-3600)
    assert paths(make(root, clock, settle=0.0).scan()) == ["now", "future"]


def test_a_file_that_vanished_or_was_seen_is_forgotten(root: Path, clock: Clock) -> None:
    """A file that returns under its name has to be still anew: the time it was away does not count."""
    seen: set[str] = set()
    inbox = make(root, clock, lambda path, _: path in seen)
    put(root / "gone", age=-60)  # from the future, or it would be old enough when it returns
    put(root / "seen", age=-60)
    inbox.scan()
    (root / "gone").unlink()
    seen.add("seen")
    assert inbox.scan() == Scan([], 0, None)
    clock.time += 2
    put(root / "gone", age=-60)
    seen.clear()
    assert inbox.scan() == Scan([], 2, 2.0)


def test_a_file_renamed_into_place_is_ready_at_once(root: Path, clock: Clock) -> None:
    """Write under a hidden name, then rename: the event says that the file is whole; a later change has to settle."""
    with make(root, clock) as inbox:
        put(root / ".upload", age=0).rename(root / "whole.txt")
        assert until(inbox, "whole.txt").waiting == 0
        put(root / ".folder" / "inner.txt", age=0)
        (root / ".folder").rename(root / "folder")
        until(inbox, "folder/inner.txt")
        put(root / "whole.txt", "changed", age=0)
        assert "whole.txt" not in paths(inbox.scan())


@pytest.mark.alone
def test_events_wake_the_wait(root: Path, clock: Clock) -> None:
    """A new file ends the wait long before its timeout; reading a file, as the trainer does, does not."""
    put(root / "there")
    with make(root, clock, settle=0.0) as inbox:
        start = time.monotonic()
        threading.Timer(0.05, put, [root / "new"]).start()
        inbox.wait(5)
        assert time.monotonic() - start < 2
        until(inbox, "new")
        while not quiet(inbox):  # the events of its closing
            pass
        (root / "there").read_text()
        assert quiet(inbox)


def test_a_scan_can_be_stopped(root: Path, clock: Clock) -> None:
    """A look at a large folder is left when it is told to, and the next one sees all."""
    for number in range(2_500):
        (root / str(number)).touch()
    asked: list[int] = []

    def check() -> None:
        asked.append(len(asked))
        if len(asked) == 2:
            raise InterruptedError

    inbox = Inbox(root, RunSettings(settle=0.0), unseen, check=check, wall=clock, monotonic=clock)
    with pytest.raises(InterruptedError):
        inbox.scan()
    assert len(inbox.scan().ready) == 2_500
    assert len(asked) == 5


def test_an_event_at_the_end_of_a_wait_is_not_lost(root: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens just after a wait has run out ends the next one."""
    inbox = make(root, clock)
    happened, wait = inbox._told.happened, inbox._told.happened.wait

    def late(timeout: float) -> bool:
        result = wait(timeout)
        happened.set()
        return result

    with monkeypatch.context() as patched:
        patched.setattr(happened, "wait", late)
        assert not inbox.wait(0.01)
    assert inbox.wait(0)


def test_signals_do_not_prolong_the_wait(root: Path, clock: Clock) -> None:
    """A signal at any moment of the wait, its very end among them, leaves it as long as it was.

    So a trainer that has nothing to do hears that it is to stop. CPython's ``SimpleQueue.get`` may wait for ever here.
    """
    inbox, over = make(root, clock, poll=True), threading.Event()

    def signals() -> None:
        while not over.is_set():
            time.sleep(random.uniform(0.004, 0.006))
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    thread = threading.Thread(target=signals)
    thread.start()
    try:
        start = time.monotonic()
        for _ in range(400):
            assert not inbox.wait(0.005)
        assert time.monotonic() - start < 20
    finally:
        over.set()
        thread.join()
        signal.signal(signal.SIGUSR1, before)


def test_without_events_the_scan_finds_all(root: Path, clock: Clock) -> None:
    """With ``--poll`` nothing is watched, and files are found all the same."""
    threads = threading.active_count()
    with make(root, clock, poll=True) as inbox:
        assert threading.active_count() == threads
        put(root / "new")
        assert paths(inbox.scan()) == ["new"]


def test_a_system_without_watches_left_is_polled(
    root: Path, clock: Clock, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If no folder can be watched, that is said once, nothing is left running, and scans go on."""
    threads = threading.active_count()

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(InotifyFD, "add_callback", fail)
    with make(root, clock) as inbox:
        put(root / "new")
        assert paths(inbox.scan()) == paths(inbox.scan()) == ["new"]
        assert threading.active_count() == threads
    assert [(entry["event"], entry["reason"]) for entry in log] == [("inbox.polling", "inotify watch limit reached")]


def test_a_dead_watch_is_replaced(root: Path, clock: Clock, log: Log) -> None:
    """A watch whose thread died is noticed at the next look, logged, and started anew."""
    with make(root, clock) as inbox:
        assert inbox._watch is not None
        inbox._watch.close()
        inbox.scan()
        assert [entry["event"] for entry in log] == ["inbox.watch_lost"]
        put(root / ".new", age=0).rename(root / "new")
        until(inbox, "new")
    assert len(log) == 1


GONE = Scan(failure="No such file or directory")


@pytest.mark.parametrize("back_at_once", [False, True])
def test_an_inbox_that_vanishes_is_waited_for(root: Path, clock: Clock, log: Log, *, back_at_once: bool) -> None:
    """A folder that is removed is missed once in the log; when there is one again, it is watched again."""
    put(root / "young", age=0)
    with make(root, clock) as inbox:
        assert inbox.scan().waiting == 1
        root.rename(root.with_name("elsewhere")) if back_at_once else shutil.rmtree(root)
        if not back_at_once:
            assert inbox.scan() == inbox.scan() == GONE
            assert [entry["event"] for entry in log] == ["inbox.missing"]
        root.mkdir()
        assert inbox.scan() == Scan()
        put(root / ".new", age=0).rename(root / "new")
        until(inbox, "new")
    expected = ["inbox.watch_lost"] if back_at_once else ["inbox.missing", "inbox.found"]
    assert [entry["event"] for entry in log] == expected


def test_an_inbox_that_is_not_there_yet_is_waited_for(tmp_path: Path, clock: Clock, log: Log) -> None:
    """Entering an inbox without a folder is no error; neither is a file in its place."""
    with make(tmp_path / "later", clock) as inbox:
        assert inbox.scan() == GONE
        (tmp_path / "later").write_text("a file")
        assert inbox.scan() == GONE
    assert [entry["event"] for entry in log] == ["inbox.missing"]


def test_an_inbox_behind_a_link_is_watched(root: Path, clock: Clock) -> None:
    """The inbox itself may be a symbolic link: events and names are those of the folder it leads to."""
    root.with_name("link").symlink_to(root)
    with make(root.with_name("link"), clock) as inbox:
        put(root / ".new", age=0).rename(root / "new")
        assert until(inbox, "new").ready[0].absolute == f"{root.with_name('link')}/new"


def test_what_is_no_regular_file_is_refused_at_once(root: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO, a socket, a link or a folder with a file's name is reported with its reason, and never opened."""
    monkeypatch.chdir(root)
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    (root / "link").symlink_to(put(root / "folder.txt" / "inner").parent)
    (root / "dangling").symlink_to("nowhere")
    (root / "pack.gz").mkdir()
    (root / "conf.d").mkdir()
    (root / "skip.tmp").symlink_to("nowhere")
    seen: list[tuple[str, Signature]] = []
    inbox = make(root, clock, lambda *asked: asked in seen)
    scan = inbox.scan()
    assert {candidate.path: candidate.refusal for candidate in scan.ready} == {
        "fifo": "a FIFO, not a regular file",
        "socket": "a socket, not a regular file",
        "link": "a symbolic link, not a regular file",
        "dangling": "a symbolic link, not a regular file",
        "folder.txt": FOLDER,
        "pack.gz": FOLDER,
        "folder.txt/inner": None,
    }
    seen += [(candidate.path, candidate.signature) for candidate in scan.ready]
    put(root / "folder.txt" / "another")
    assert paths(inbox.scan()) == ["folder.txt/another"]


def test_an_unreadable_folder_is_logged_once(root: Path, clock: Clock, log: Log) -> None:
    """A folder that may not be read, or not be entered, is skipped with one line in the log, and the rest goes on."""
    put(root / "closed" / "a")
    put(root / "listable" / "a")
    put(root / "open" / "b")
    root.parent.chmod(0o755)
    (root / "closed").chmod(0)
    (root / "listable").chmod(0o744)
    inbox, user = make(Path(os.path.relpath(root)), clock, settle=0.0), os.geteuid()
    inbox.root = Path("inbox")  # relative, for another user may not pass through pytest's folders
    before = Path.cwd()
    os.chdir(root.parent)
    try:
        if user == 0:
            os.seteuid(65534)
        assert paths(inbox.scan()) == paths(inbox.scan()) == ["open/b"]
    finally:
        os.seteuid(user)
        os.chdir(before)
    assert sorted((entry["event"], entry["path"], entry["reason"]) for entry in log) == [
        ("inbox.unreadable", "inbox/closed/", "Permission denied"),
        ("inbox.unreadable", "inbox/listable/", "Permission denied"),
    ]


def test_hidden_files_are_never_taken(root: Path, clock: Clock) -> None:
    """A leading dot hides a file or a whole folder, even from an include that names it."""
    for name in (".hidden", ".folder/a", "folder/.hidden", "folder/a"):
        put(root / name)
    assert paths(make(root, clock, include=("*", ".hidden")).scan()) == ["folder/a"]


def test_no_file_is_missed_at_the_start(root: Path, clock: Clock) -> None:
    """Files that appear while the inbox starts are all found by the first scan after the last of them."""
    stop = threading.Event()

    def write() -> None:
        for number in range(300):
            put(root / f"folder-{number % 7}" / f"{number}")
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    found: set[str] = set()
    with make(root, clock, lambda path, _: path in found, settle=0.0) as inbox:
        while len(found) < 300:
            last = stop.is_set()
            found.update(paths(inbox.scan()))
            assert not last or len(found) == 300
            inbox.wait(0.05)
    writer.join()


def test_the_watch_lives_when_folders_appear_while_it_starts(root: Path, clock: Clock) -> None:
    """Such a folder may be met twice, of which watchdog warns; here, warnings are errors and would end its thread."""
    for number in range(400):
        (root / f"folder-{number}").mkdir(parents=True)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            (root / f"folder-{number % 400}" / f"{number}").mkdir()
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    with make(root, clock, settle=0.0) as inbox:
        stop.set()
        writer.join()
        inbox.scan()
        while inbox.wait(0.3):
            pass
        put(root / "late")
        assert inbox.wait(10.0), "nobody listens to the folder any more"


def test_files_are_sorted_as_somebody_says(root: Path, clock: Clock) -> None:
    """By default the oldest comes first."""
    put(root / "a", age=10)
    put(root / "bb", age=30)
    put(root / "ccc", age=20)
    assert paths(make(root, clock).scan()) == ["bb", "ccc", "a"]
    longest = Inbox(root, RunSettings(), unseen, order=lambda found: (False, -len(found.path), b""), wall=clock)
    assert paths(longest.scan()) == paths(longest.look()) == ["ccc", "bb", "a"]
