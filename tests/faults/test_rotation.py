"""Logs that are rotated, and inboxes that are moved or copied, at any moment: each line is trained once, none is lost.

Every word is in one line only, so that a count of two is a line trained twice, and none is a line that was lost.
"""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from .accounting import check_accounts
from .conftest import Amount, Tell
from .moments import Reached, World

_ages = itertools.count(1)
LINES = 300
"""Lines in a log before it is rotated: some blocks of it."""


class Writer:
    """A program that writes lines, each with words that no other line has."""

    def __init__(self, inbox: Path) -> None:
        self.inbox = inbox
        self.lines: list[str] = []

    def log(self, count: int, name: str = "app.log") -> None:
        """Add lines to a log."""
        start = len(self.lines)
        new = [f"word{number} of{number} line{number}" for number in range(start, start + count)]
        self.lines += new
        with (self.inbox / name).open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in new))
        self.settle(name)

    def new(self) -> str:
        """Return a name that no file has, or had."""
        return f"app.log.{next(_ages)}"

    def settle(self, name: str) -> None:
        """Let a file look as if it was written long ago, later than all before it."""
        when = 1_700_000_000 + next(_ages)
        os.utime(self.inbox / name, (when, when))

    def rename(self, old: str, new: str) -> None:
        """Rename a file; its time stays."""
        (self.inbox / new).parent.mkdir(exist_ok=True)
        (self.inbox / old).rename(self.inbox / new)

    def copy(self, old: str, new: str) -> None:
        """Copy a file; the copy is complete at once, as if it was renamed into place."""
        (self.inbox / new).parent.mkdir(exist_ok=True)
        shutil.copyfile(self.inbox / old, self.inbox / ".copy")
        (self.inbox / ".copy").rename(self.inbox / new)
        self.settle(new)

    def pack(self, old: str, new: str, compress: Callable[[bytes], bytes] = gzip.compress) -> None:
        """Put a packed file in the place of a plain one."""
        data, when = (self.inbox / old).read_bytes(), (self.inbox / old).stat().st_mtime
        (self.inbox / ".packed").write_bytes(compress(data))
        os.utime(self.inbox / ".packed", (when, when))
        (self.inbox / ".packed").rename(self.inbox / new)
        (self.inbox / old).unlink()

    def truncate(self, name: str) -> None:
        """Cut a file to nothing."""
        os.truncate(self.inbox / name, 0)
        self.settle(name)


def create(w: Writer) -> None:
    w.rename("app.log", w.new())
    w.log(20)


def grown_and_created(w: Writer) -> None:
    w.log(7)
    create(w)


def created_empty(w: Writer) -> None:
    w.rename("app.log", w.new())
    (w.inbox / "app.log").touch()
    w.settle("app.log")


def copied_and_truncated(w: Writer) -> None:
    w.copy("app.log", w.new())
    w.truncate("app.log")
    w.log(20)


def grown_copied_and_truncated(w: Writer) -> None:
    w.log(7)
    copied_and_truncated(w)


def dated(w: Writer) -> None:
    w.log(3)
    w.rename("app.log", f"app.log-2026{len(w.lines):04d}")
    w.log(20)


def packed(w: Writer) -> None:
    name = w.new()
    w.rename("app.log", name)
    w.pack(name, f"{name}.gz")
    w.log(20)


def grown_and_packed(w: Writer) -> None:
    w.log(7)
    packed(w)


def packed_otherwise(w: Writer) -> None:
    w.log(2)
    name = w.new()
    w.pack("app.log", f"{name}.xz", lzma.compress)
    w.log(20)
    w.rename(f"{name}.xz", f"{w.new()}.xz")
    w.pack("app.log", f"{name}.bz2", bz2.compress)
    w.log(20)


def chain(w: Writer) -> None:
    w.log(7)
    for number in (2, 1):
        if (w.inbox / f"app.log.{number}").exists():
            w.rename(f"app.log.{number}", f"app.log.{number + 1}")
    w.rename("app.log", "app.log.1")
    w.log(20)


def chain_with_packing(w: Writer) -> None:
    w.log(7)
    if (w.inbox / "app.log.2.gz").exists():
        w.rename("app.log.2.gz", "app.log.3.gz")
    if (w.inbox / "app.log.1").exists():
        w.pack("app.log.1", "app.log.2.gz")
    w.rename("app.log", "app.log.1")
    w.log(20)


def copied_daily(w: Writer) -> None:
    for number in (2, 1):
        if (w.inbox / f"app.log.{number}").exists():
            w.rename(f"app.log.{number}", f"app.log.{number + 1}")
    w.copy("app.log", "app.log.1")
    w.log(20)


def moved_into_a_folder(w: Writer) -> None:
    w.log(4)
    w.rename("app.log", f"old/{len(w.lines)}.log")
    w.log(20)


def copied_into_a_folder(w: Writer) -> None:
    w.copy("app.log", f"backup/{len(w.lines)}.log")
    w.log(9)


def swapped(w: Writer) -> None:
    w.log(5, "other.log")
    w.rename("app.log", "third.log")
    w.rename("other.log", "app.log")
    w.rename("third.log", "other.log")


def copy_that_grows(w: Writer) -> None:
    name = w.new()
    w.copy("app.log", name)
    w.log(5, name)


WAYS = {
    way.__name__: way
    for way in (
        create, grown_and_created, created_empty, copied_and_truncated, grown_copied_and_truncated, dated, packed,
        grown_and_packed, packed_otherwise, chain, chain_with_packing, moved_into_a_folder, copied_into_a_folder,
        swapped, copy_that_grows, copied_daily,
    )
}  # fmt: skip


def live(world: World, way: Callable[[Writer], None], chance: random.Random) -> Counter[str]:
    """Let a log be rotated at a random moment of a run, again while none runs, and again; return the counts."""
    writer = Writer(world.inbox)
    writer.log(LINES)
    writer.log(50, "other.log")
    at, stop = chance.randrange(150), chance.random() < 0.5
    acted: list[str] = []

    def act(name: str, reached: Reached) -> bool:
        if acted or reached.total() <= at or name.startswith("checkpoint."):
            return False
        acted.append(name)
        way(writer)
        return stop

    world.run(act)
    if chance.random() < 0.5:
        world.run()
    way(writer)
    world.run()
    writer.log(11)
    world.run()
    check_accounts(world.checkpoints, world.inbox)
    wanted = Counter(word for line in writer.lines for word in line.split())
    found = world.counts()
    assert not +(found - wanted), f"trained twice: {sorted(found - wanted)[:6]} (at {at}: {acted})"
    assert not +(wanted - found), f"lost: {sorted(wanted - found)[:6]} (at {at}: {acted})"
    return found


@pytest.mark.parametrize("way", WAYS)
def test_every_line_is_trained_once(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amount: Amount, tell: Tell
) -> None:
    """At so many random moments of a run, stopped there or not."""
    lives = amount(3, 20)
    for number in range(lives):
        (tmp_path / str(number)).mkdir()
        world = World(tmp_path / str(number), monkeypatch)
        world.small_pieces()
        live(world, WAYS[way], random.Random(f"{way} {number}"))
    tell(f"{way}: {lives} lives, no line twice, none lost")
