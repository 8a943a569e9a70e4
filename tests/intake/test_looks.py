"""Looks at what events name, between two scans: they find what a scan would find, in its order, and cost less."""

from __future__ import annotations

import contextlib
import random
import shutil
import time
from pathlib import Path

import pytest

from streamer.intake import watching
from streamer.intake.inbox import CPU_SHARE, SCAN_SHARE, Inbox, Scan
from streamer.ledger.entries import Signature
from streamer.settings import RunSettings
from streamer.system import failpoints

from .inboxes import Clock, make, paths, put


def looked(inbox: Inbox, count: int = 1) -> Scan:
    """Look whenever the inbox is woken until so many files are ready together; fail after 5 seconds."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        inbox.wait(0.5)
        scan = inbox.look()
        if len(scan.ready) >= count:
            return scan
    raise AssertionError("nothing became ready")


def test_a_look_asks_only_about_what_events_name(root: Path, clock: Clock) -> None:
    """A file that arrives among many does not cost a scan of all of them; a scan comes when it is due."""
    for number in range(50):
        put(root / f"{number % 3}" / f"{number}")
    asked: list[str] = []
    with make(root, clock, lambda path, _: asked.append(path) or path != "1/new", rescan=100.0) as inbox:  # type: ignore[func-returns-value]
        assert inbox.look() == Scan() and len(asked) == 50, "the first look is a scan"
        asked.clear()
        put(root / "1" / "new")
        assert paths(looked(inbox)) == ["1/new"] and set(asked) == {"1/new"}
        assert inbox.until_scan == 100.0
        clock.time += 100.0
        asked.clear()
        assert paths(inbox.look()) == ["1/new"] and len(asked) == 51


def test_what_is_not_still_is_looked_at_again(root: Path, clock: Clock) -> None:
    """A look remembers it and comes back by itself, when no event comes and no scan is due."""
    seen: set[str] = set()
    with make(root, clock, lambda path, _: path in seen, rescan=1e6) as inbox:
        inbox.look()
        put(root / "b", age=0)
        put(root / "a", age=0)
        until_waiting(inbox, 2)
        clock.time += 1.0
        assert inbox.look() == Scan([], 2, 1.0)
        put(root / "b", "changed", age=0)
        clock.time += 1.0
        while paths(scan := inbox.look()) != ["a"]:
            inbox.wait(0.1)
        assert (scan.waiting, scan.next_still) == (1, 2.0)
        clock.time += 2.0
        assert paths(inbox.look()) == ["a", "b"], "what was given stays until it was seen"
        seen |= {"a", "b"}
        assert inbox.look() == Scan()
        put(root / "gone", age=-60)
        until_waiting(inbox, 1)
        (root / "gone").unlink()
        clock.time += 2.0
        assert inbox.look() == Scan()


def until_waiting(inbox: Inbox, count: int) -> None:
    """Look whenever the inbox is woken until so many files are remembered that are not still."""
    deadline = time.monotonic() + 5
    while inbox.look().waiting < count:
        assert time.monotonic() < deadline
        inbox.wait(0.5)


def test_polling_looks_again_without_a_scan(root: Path, clock: Clock) -> None:
    """Also without events, a file that has to be still costs no second scan."""
    asked: list[str] = []
    known = put(root / "known")
    put(root / "young", age=0)
    with make(root, clock, lambda path, _: asked.append(path) or path == known.name, poll=True) as inbox:  # type: ignore[func-returns-value]
        assert inbox.look() == Scan([], 1, 2.0)
        clock.time += 2.0
        asked.clear()
        assert paths(inbox.look()) == ["young"] and asked == ["young"]


def test_the_next_scan_comes_later_if_a_scan_is_slow(root: Path, clock: Clock) -> None:
    """So that an idle trainer takes a small share of a core, however many files are known."""
    put(root / "known")

    def slow(path: str, signature: Signature) -> bool:
        cpu.time += 1.0
        clock.time += took  # if that is more, the disk or the network had to be waited for
        return True

    cpu, took = Clock(), 1e6
    inbox = Inbox(root, RunSettings(), slow, wall=clock, monotonic=clock, cpu=cpu)
    inbox.look()
    assert inbox.until_scan == CPU_SHARE
    took = 1.0
    inbox.scan()
    assert inbox.until_scan == SCAN_SHARE
    clock.time += SCAN_SHARE - 1.0
    (root / "known").unlink()
    inbox.look()
    assert inbox.until_scan == 1.0, "it was no scan"
    clock.time += 1.0
    inbox.look()
    assert inbox.until_scan == 5.0, "it was a fast one"


@pytest.mark.parametrize("told", ["overflow", "many"])
def test_what_is_unclear_is_a_scan(root: Path, clock: Clock, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where events were lost, or name too many paths, everything is looked at."""
    monkeypatch.setattr(watching, "MOST", 2)
    with make(root, clock, settle=0.0, rescan=1e6) as inbox:
        inbox.look()
        with monkeypatch.context() as patched:
            if told == "overflow":
                patched.setattr(failpoints, "_armed", failpoints.arm("inbox.event:lose:1+"))
            for name in "abcd":
                put(root / name)
            if told == "overflow":
                assert not inbox.wait(0.5)
                inbox._told.lost()
        assert paths(looked(inbox, 4)) == ["a", "b", "c", "d"]


def test_a_look_keeps_the_order_of_a_scan(root: Path, clock: Clock) -> None:
    """What is ready together is given by age and then by name, also what comes in folders."""
    with make(root, clock, settle=0.0, rescan=1e6) as inbox:
        inbox.look()
        for name, age in (("z", 50), ("b", 30), ("new", 10), ("a", 30)):
            put(root / name, age=age)
        put(root.parent / "folder" / "x.txt", age=40)
        (root.parent / "folder").rename(root / "folder")
        scan = looked(inbox, 5)
        assert paths(scan) == ["z", "folder/x.txt", "a", "b", "new"]
        assert scan == inbox.scan()


@pytest.mark.parametrize("seed", range(3))
def test_looks_find_what_scans_find(seed: int, root: Path, clock: Clock) -> None:
    """Whatever is done to the folder, at random: what a look gives is what a scan would give, in its order."""
    chance, seen = random.Random(seed), set[tuple[str, Signature]]()
    out, left_out = root.parent / "out", root / "checkpoints"
    out.mkdir()
    put(left_out / "checkpoint.txt")
    names = ["a.txt", "b", "c.tmp", ".d", "e.txt", "f.txt.gz"]
    folders = [root, root / "sub", root / "sub" / "deep", root / ".hidden", root / "notes.txt", left_out, out]

    def any_path() -> Path:
        return chance.choice(folders) / chance.choice(names)

    def act() -> None:
        what = chance.randrange(8)
        with contextlib.suppress(OSError):
            if what <= 2:
                put(any_path(), f"{chance.random()}", age=chance.randrange(100))
            elif what == 3:
                any_path().rename(any_path())
            elif what == 4:
                chance.choice(folders[1:5]).rename(chance.choice([*folders[1:5], out / "x", out / "y"]))
            elif what == 5:
                (out / chance.choice("xy")).rename(chance.choice(folders[1:5]))
            elif what == 6:
                any_path().symlink_to(any_path())
            else:
                path = chance.choice([any_path(), folders[2]])
                shutil.rmtree(path) if path.is_dir() and path != root else path.unlink()

    def asked(path: str, signature: Signature) -> bool:
        return (path, signature) in seen

    settings = RunSettings(settle=0.0, rescan=1e6)
    with Inbox(root, settings, asked, without=left_out, wall=clock, monotonic=clock) as inbox:
        inbox.look()
        for _ in range(60):
            for _ in range(chance.randrange(1, 12)):
                act()
            expected = Inbox(root, settings, asked, without=left_out, wall=clock, monotonic=clock).scan()
            deadline = time.monotonic() + 5
            while (found := inbox.look()).ready != expected.ready:
                assert time.monotonic() < deadline, (paths(found), paths(expected))
                inbox.wait(0.5)
            seen |= {(candidate.path, candidate.signature) for candidate in expected.ready}
            assert inbox.until_scan > 0, "all of this was found without a scan"


def test_a_folder_that_cannot_be_read_is_told_with_the_scan(
    root: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else was looked at. If it can be read again, or is gone, nothing of it is remembered."""
    put(root / "sub" / "a")
    inbox = make(root, clock, poll=True)
    for broken, whole, unread in ((2, True, {"sub/"}), (9, True, set()), (1, False, {""}), (9, True, set())):
        with monkeypatch.context() as patched:
            patched.setattr(failpoints, "_armed", failpoints.arm(f"inbox.list:EACCES:{broken}"))
            scan = inbox.scan()
        assert (scan.whole, set(scan.unread)) == (whole, unread)
