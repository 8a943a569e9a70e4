"""A file that is changed at a chosen moment of its way: what changes it, the moments, and what has to come of it."""

from __future__ import annotations

import ctypes
import gzip
import itertools
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import structlog

from streamer import Trainer
from streamer.intake import opened, reader
from streamer.ledger.entries import CHANGED, REWRITTEN
from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.signals import StopSignals
from streamer.settings import RunSettings
from streamer.system import failpoints
from tests.support.corpus import put

from .accounting import Row, check_accounts

PIECE = 4096
"""Bytes of a block, and of what is read at a time, so that a file of some kilobytes has many moments."""
MODEL = {"vector_size": 4, "min_count": 3}
GONE = "removed before all of it was trained"
SHORTER = "became shorter while it was being trained"
DENIED = "cannot be read: Permission denied"
TRUNCATED = "gzip: truncated"
LINK = "a symbolic link, not a regular file"
FIFO = "a FIFO, not a regular file"
CANARY = "canary.txt"
"""A file beside the inbox, of which nothing may be trained."""


def words(kind: str, count: int) -> bytes:
    """Return lines of words of which no other kind has any; some stand there once, some several times."""
    numbers = (f"{kind}{number % 400 if number % 3 else number}" for number in range(count))
    return "".join(f"{word}\n" if number % 9 == 8 else f"{word} " for number, word in enumerate(numbers)).encode()


OLD, NEW, TAIL = words("old", 2_700), words("new", 3_600), words("tail", 900)


@dataclass(frozen=True)
class Change:
    """What is done to a file.

    Attributes:
        act: Does it, given the path of the file.
        refusal: Why the content is refused that is there then, if it would be for any file.
        partial: Reasons for which a half-trained file is given up; none if it can be finished.
        text: The text that is there then, apart from the first.
        other_file: Whether the first content goes on in a file that is open, being another than the one changed.
    """

    act: Callable[[Path], object]
    text: bytes = b""
    refusal: str = ""
    partial: tuple[str, ...] = (CHANGED,)
    other_file: bool = False


def _write(data: bytes, path: Path) -> None:
    path.write_bytes(data)


def _append(data: bytes, path: Path) -> None:
    with path.open("ab") as file:
        file.write(data)


def _replace(data: bytes, path: Path) -> None:
    path.with_name(".new").write_bytes(data)
    path.with_name(".new").replace(path)


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent.parent / CANARY)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _rename(path: Path) -> None:
    path.rename(path.with_name("b.txt"))


def _cut(size: int, path: Path) -> None:
    os.truncate(path, size)


def changes(old: bytes) -> dict[str, Change]:
    """Return what can be done to a file with this content."""
    half = old[: old.index(b"\n", len(old) // 2) + 1]
    same_length = (NEW * (len(old) // len(NEW) + 1))[: len(old) - 1] + b"\n"
    return {
        "append": Change(partial(_append, TAIL), old + TAIL, partial=()),
        "touch": Change(os.utime, old, partial=()),
        "rewrite, same length": Change(partial(_write, same_length), same_length),
        "rewrite, other length": Change(partial(_write, NEW), NEW),
        "truncate": Change(partial(_cut, len(half)), half, partial=(CHANGED, SHORTER)),
        "empty": Change(partial(_cut, 0), refusal="empty", partial=(CHANGED, SHORTER, "empty")),
        "delete": Change(os.unlink, partial=(GONE,), other_file=True),
        "replace": Change(partial(_replace, same_length), same_length, other_file=True),
        "rename": Change(_rename, old, partial=(GONE,), other_file=True),
        "forbid": Change(lambda path: path.chmod(0), refusal=DENIED, partial=(DENIED,), other_file=True),
        "link": Change(_link, refusal=LINK, partial=(LINK,), other_file=True),
        "fifo": Change(_fifo, refusal=FIFO, partial=(FIFO,), other_file=True),
    }


CHANGES = changes(OLD)
PACKED = gzip.compress(OLD, mtime=0)
PACKED_CHANGES = {
    "append": Change(partial(_append, gzip.compress(TAIL)), OLD + TAIL, partial=()),
    "rewrite": Change(partial(_write, gzip.compress(NEW)), NEW),
    "truncate": Change(partial(_cut, len(PACKED) // 2), refusal=TRUNCATED, partial=(CHANGED, SHORTER, TRUNCATED)),
    "delete": Change(os.unlink, partial=(GONE,), other_file=True),
}

UNSCANNED, OPENED, BEGUN, ENDED, DOWN = range(5)
"""Stages of a file's way: it is not open yet; it is, and nothing is trained; some is; all is; none runs, some is."""

Reached = Counter[str]
Moment = tuple[int, Callable[[str, Reached], bool]]


def _nth(name: str, number: int) -> Callable[[str, Reached], bool]:
    return lambda at, reached: at == name and reached[name] == number


def never(at: str, reached: Reached) -> bool:
    """Say that it is not yet the moment."""
    return False


def moments(blocks: int) -> dict[str, Moment]:
    """Return the moments on the way of a file of so many blocks: the stage, and whether a failpoint is it."""
    return {
        "before the folder is listed": (UNSCANNED, _nth("inbox.list", 1)),
        "before it is seen": (UNSCANNED, _nth("inbox.look", 1)),
        "before it is looked at": (UNSCANNED, _nth("input.look", 1)),
        "before it is opened": (UNSCANNED, _nth("input.open", 1)),
        "before it is read": (OPENED, _nth("input.read", 1)),
        "amid the inspection": (OPENED, _nth("input.read", 2)),
        "after the inspection": (OPENED, _nth("input.planned", 1)),
        "at the first block": (OPENED, _nth("block.read", 1)),
        "at the first block, advanced": (BEGUN, _nth("block.advanced", 1)),
        "after the first block": (BEGUN, _nth("block.trained", 1)),
        "between two blocks": (BEGUN, lambda at, reached: at == "input.read" and reached["block.trained"] >= 2),
        "at a block in the middle": (BEGUN, _nth("block.read", blocks // 2)),
        "after a block in the middle": (BEGUN, _nth("block.trained", blocks // 2)),
        "before the last block": (BEGUN, _nth("block.trained", blocks - 1)),
        "at the last block": (BEGUN, _nth("block.read", blocks)),
        "at the last block, advanced": (ENDED, _nth("block.advanced", blocks)),
        "after the last block": (ENDED, _nth("block.trained", blocks)),
        "after the file": (ENDED, _nth("file.finished", 1)),
        "at the next scan": (ENDED, _nth("inbox.list", 2)),
        "while no trainer runs, half": (DOWN, _nth("block.trained", blocks // 2)),
        "while no trainer runs, begun": (DOWN, _nth("block.trained", 1)),
        "while no trainer runs, whole": (ENDED, never),
    }


BEGINNING = " bytes are a copy of a.txt"
"""How the reason ends of a file whose beginning was trained under another name."""

Expected = list[tuple[str, str, tuple[str, ...], bytes]]
"""Rows: the path, the outcome, the reasons of which it has one, and the text."""


def expected(change: Change, stage: int, old: bytes = OLD) -> Expected:
    """Return the rows that there have to be in the end, as docs/files.md says."""
    rows: Expected = []
    if stage == ENDED or (stage in (OPENED, BEGUN) and change.other_file):
        rows = [("a.txt", "trained", ("",), old)]
    elif stage in (BEGUN, DOWN):
        rows = [("a.txt", "partial", change.partial, old)]
    if change.refusal:
        return [*rows, ("a.txt", "skipped", (change.refusal,), b"")]
    if change.act is _rename:
        whole, half = ("b.txt", "skipped", ("a copy of a.txt",), b""), ("b.txt", "trained", (BEGINNING,), old)
        of_a = {"trained": whole, "partial": half}
        return [*rows, of_a[rows[0][1]] if rows else ("b.txt", "trained", ("",), old)]
    if not change.text:
        return rows
    if rows and change.partial:
        return [*rows, ("a.txt", "skipped", (REWRITTEN,), b"")]
    return [("a.txt", "trained", ("",), change.text)]


@contextmanager
def bound_by_modes() -> Iterator[None]:
    """Let file modes bind this thread, even if it is root's: without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)
    before, data = ((ctypes.c_uint32 * 6)() for _ in range(2))
    assert libc.capget(head, before) == 0
    data[:] = [*before]
    data[0] &= ~0b110
    if libc.capset(head, data):
        pytest.skip("root, and not allowed to give up its powers")
    try:
        yield
    finally:
        assert libc.capset(head, before) == 0


class World:
    """A folder of checkpoints, an inbox, and a trainer that runs in this process, once after the other.

    Args:
        folder: Where both are made.
        monkeypatch: To act at failpoints.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inbox, self.checkpoints = folder / "inbox", folder / "checkpoints"
        self.inbox.mkdir()
        self.lines: list[Any] = []
        self.words_trained = 0
        self._monkeypatch = monkeypatch

    def small_pieces(self) -> None:
        """Let files be read and trained in small pieces."""
        self._monkeypatch.setattr(reader, "blocks", partial(reader.blocks, size=PIECE))
        self._monkeypatch.setattr(reader, "PIECE", PIECE)
        self._monkeypatch.setattr(opened, "FEW", PIECE)

    def run(self, hook: Callable[[str, Reached], bool] = never, **settings: Any) -> bool:
        """Train all that is there, by a new trainer; return whether the hook did, which is asked at each failpoint.

        The hook gets the name of the failpoint and how often each was reached, and stops the trainer if it says so.
        """
        signals, reached, stopped = StopSignals(), Counter[str](), list[str]()

        def at(name: str) -> str:
            reached[name] += 1
            if not stopped and hook(name, reached):
                stopped.append(name)
                signals.received = signal.SIGTERM
            return ""

        run = RunSettings(**{"threads": 1, "settle": 0.0, "rescan": 0.05, "poll": True, **settings})
        with structlog.testing.capture_logs() as self.lines, self._monkeypatch.context() as patch:
            patch.setattr(failpoints, "reached", at)
            with loop.start(self.checkpoints, MODEL, run, Display(), signals) as running:
                loop.watch(self.inbox, running, once=True)
            self.words_trained += running.words_seen
        return bool(stopped)

    def counts(self) -> Counter[str]:
        """Return how often each word was seen, admitted or not."""
        vocabulary = Trainer.resume(self.checkpoints, threads=1).state.model.vocabulary
        return Counter(dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))) + Counter(
            vocabulary.candidates
        )

    def check(self, *contents: bytes, whole: bool = True) -> dict[str, list[Row]]:
        """Check the accounts, and that each word of the bytes that count as trained was seen once for each of them.

        Args:
            contents: What the files held, and hold now.
            whole: Whether the trainer had the time to end with all that is there.
        """
        by_path = check_accounts(self.checkpoints, self.inbox, whole=whole)
        texts, seen = {sha256(content).hexdigest(): _text(content) for content in contents}, Counter[str]()
        for row in itertools.chain.from_iterable(by_path.values()):
            if row["outcome"] != "skipped":
                start = row["bytes_skipped"] if row["outcome"] == "trained" else 0  # a copy of another file
                part = texts[row["sha256"]][start : start + row["bytes_trained"]]
                trained = Counter(part.decode().split())
                assert row["words"] == trained.total(), row
                seen += trained
        assert self.counts() == seen
        assert self.words_trained == seen.total(), "what is counted once is trained once"
        return by_path


def _text(content: bytes) -> bytes:
    with suppress(OSError, EOFError):
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    return b""


def live(world: World, change: Change, moment: Moment, first: bytes, **settings: Any) -> dict[str, list[Row]]:
    """Let a file be changed at a moment, and the trainer come to its end; check and return the rows.

    Args:
        world: Where.
        change: What is done to the file.
        moment: When.
        first: What the file holds at first.
        settings: How the trainer runs.
    """
    path = put(world.inbox / "a.txt", first, age=3600)
    put(world.inbox / "other.txt", words("other", 50), age=60)
    put(world.inbox.parent / CANARY, words("canary", 50))
    stage, is_it = moment
    acted: list[str] = []

    def act(name: str, reached: Reached) -> bool:
        if acted or not is_it(name, reached):
            return False
        acted.append(name)
        if stage != DOWN:
            change.act(path)
        return stage == DOWN

    with bound_by_modes():
        stopped = world.run(act, **settings)
        assert stopped == (stage == DOWN)
        assert acted or is_it is never, "there is no such moment"
        if stopped or not acted:
            change.act(path)
        if stopped or not acted or stage == UNSCANNED:  # a listing that is under way need not show a new name
            world.run(**settings)
        world.run()
    said = [line for line in world.lines if line["event"] in ("file.trained", "file.skipped")]
    assert not said, "what is known is said once"
    with suppress(FileNotFoundError):
        path.chmod(0o644)
    return world.check(first, *(found.read_bytes() for found in world.inbox.iterdir() if found.is_file()))
