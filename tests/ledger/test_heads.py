"""Texts that begin alike: what is decided is the same as if all of them were looked at one by one."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

import numpy as np
import pytest

from streamer.ledger import folding, table
from streamer.ledger import heads as heads_module
from streamer.ledger import ledger as ledger_module
from streamer.ledger import rows as room
from streamer.ledger.entries import Signature
from streamer.ledger.heads import Heads
from streamer.ledger.ledger import Ledger

from .test_folding import fold
from .test_ledger import look, story, train

NAMES = "abcdefghijkl"
PARTS = [b"the same\n", b"the same beginning\n", b"another", b"x" * 40, b"\n", b"12345678"]


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep eight rows in a piece."""
    for module in (room, table, folding):
        monkeypatch.setattr(module, "PIECE", 8)
    for module in (room, table):
        monkeypatch.setattr(module, "BITS", 3)


class Plain:
    """The beginnings of a table, all rows of which are looked at."""

    def __init__(self, heads: Heads) -> None:
        self.heads = heads

    def find(self, heads: Collection[int], digests: Collection[bytes]) -> set[int]:
        """Return all rows that begin with one of these keys."""
        return {row for row in self.heads._keys()[1].tolist() if self.heads._text(row)[0] in heads}


class PlainLedger(Ledger):
    """A ledger that looks at all rows."""

    def _lengths(self, head: int) -> Collection[int]:
        rows, folded = (Plain(kind.heads).find((head,), ()) for kind in (self._rows, self._folded))
        return {self._entry(row).text_bytes for row in rows} | {self._folded.load(row).text_bytes for row in folded}

    def _elsewhere(self, *args: Any) -> ledger_module.Elsewhere:
        kinds: list[Any] = [self._rows, self._folded]
        before = [kind.heads for kind in kinds]
        for kind in kinds:
            kind.heads = Plain(kind.heads)
        try:
            return super()._elsewhere(*args)
        finally:
            for kind, heads in zip(kinds, before, strict=True):
                kind.heads = heads


def lengths(ledger: Ledger) -> dict[int, set[int]]:
    """Return the lengths of the texts with each beginning that there is, by its key."""
    tables = (kind.table.column("head").tolist() for kind in (ledger._rows, ledger._folded))
    return {head: set(ledger._lengths(head)) for heads in tables for head in heads if head}


def change(disk: dict[str, tuple[bytes, int]], rng: random.Random, time: int) -> str:
    """Let a file come, grow, be rewritten, copied or removed; return the name of one."""
    path, what = rng.choice(NAMES), rng.random()
    if what < 0.15 and disk:
        del disk[rng.choice(list(disk))]
    elif what < 0.3 and disk:
        disk[path] = rng.choice(list(disk.values()))[0], time
    elif what < 0.55:
        disk[path] = disk.get(path, (b"", 0))[0] + rng.choice(PARTS), time
    else:
        disk[path] = PARTS[0] + b"".join(rng.choices(PARTS, k=rng.randrange(1, 4))), time
    return path


def take(ledger: Ledger, path: str, there: dict[str, Signature], content: bytes, rng: random.Random) -> object:
    """Let a ledger decide on a file, and train all of it or a part, or give it up; return what it was told."""
    on_change, passes = rng.choice(["skip", "retrain"]), rng.choice([1, 1, 2])
    duplicates, stop, refusal = rng.choice(["skip"] * 5 + ["train"]), rng.random(), rng.random()
    if refusal < 0.05:
        ledger.refuse(path, there[path], "a folder")
        return None
    time = there[path].mtime_ns
    verdict = look(ledger, content, time=time, path=path, refusal="bad" if refusal < 0.1 else None)
    entry = ledger.plan(
        path, verdict, on_change=on_change, duplicates=duplicates, passes=passes,
        moved=lambda path, signature: there.get(path) != signature,
    )  # fmt: skip
    decided = verdict, story(entry)
    if entry and stop < 0.5 and entry.offset + 1 < entry.text_bytes:
        ledger.advance(entry, entry.offset + 1, 1)
        if stop < 0.15:
            ledger.abandon(entry, "given up")
    elif entry:
        train(ledger, entry, step=100)
    return decided


@pytest.mark.parametrize("crowd", [1, 2, 5])
@pytest.mark.parametrize("seed", range(25))
def test_no_decision_changes(seed: int, crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files come, grow, stop, are given up, refused, copied, folded and return, and all of it is stored now and then.

    What a reader is told, each decision and each byte of the columns are those of a ledger that looks at all rows.
    """
    monkeypatch.setattr(heads_module, "CROWD", crowd)
    monkeypatch.setattr(ledger_module, "COPIES", 3)
    rng = random.Random(seed)
    ledgers: list[Ledger] = [Ledger(), PlainLedger()]
    disk: dict[str, tuple[bytes, int]] = {}
    for time in range(1, 70):
        path, chance = change(disk, rng, time), rng.random()
        there = {name: Signature(len(content), time, time) for name, (content, time) in disk.items()}
        if path in disk:
            one, other = (take(ledger, path, there, disk[path][0], random.Random(chance)) for ledger in ledgers)
            assert one == other, time
        assert lengths(ledgers[0]) == lengths(ledgers[1]), time
        if rng.random() < 0.15:
            assert fold(ledgers[0], there, now=time) == fold(ledgers[1], there, now=time)
        if rng.random() < 0.15:
            arrays = [ledger.to_arrays() for ledger in ledgers]
            assert all(column.tobytes() == arrays[1][name].tobytes() for name, column in arrays[0].items())
            if rng.random() < 0.5:
                ledgers = [type(ledger).from_arrays(columns) for ledger, columns in zip(ledgers, arrays, strict=True)]
        assert list(map(story, ledgers[0])) == list(map(story, ledgers[1])), time


def test_a_crowd_is_found_by_digest() -> None:
    """Rows that begin alike are looked at one by one as long as they are few; then only those that match are found."""
    texts = [(7, bytes([0, 0, 0, number]) * 4, number % 3) for number in range(heads_module.CROWD + 1)]
    heads = Heads(texts, 0, lambda: (np.array([7] * len(there), np.uint32), np.arange(len(there))), texts.__getitem__)
    there: list[int] = []
    for row in range(len(texts)):
        there.append(row)
        heads.add(7, row)
        assert heads.find((7,), (texts[row][1], b"\0\0\1\0" * 8)) == {row}
        assert (row >= heads_module.CROWD) == (7 in heads.crowds)
    assert heads.lengths(7) == {0: 22, 1: 22, 2: 21}
    assert heads.find((8,), (texts[0][1],)) == set()
    heads.rebuild()
    assert (heads.find((7,), (texts[3][1],)), heads.lengths(7)) == ({3}, {0: 22, 1: 22, 2: 21})
    heads.forget(7, 5)
    assert heads.lengths(7)[2] == 20
    for row in range(0, len(texts), 3):
        heads.forget(7, row)
    assert list(heads.lengths(7)) == [1, 2]


@pytest.mark.parametrize("crowd", [1, 5])
def test_what_is_not_stored_yet_is_known(crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that has grown, and is in training, is found as it is now and not as its row says."""
    monkeypatch.setattr(heads_module, "CROWD", crowd)
    ledger = Ledger()
    for length, path in enumerate("abc", 1):
        train(ledger, ledger.plan(path, look(ledger, b"the same\n" + path.encode() * length, path=path)))
    grown = b"the same\na and more\n"
    entry = ledger.plan("a", look(ledger, grown, path="a", time=1))
    assert entry is not None
    ledger.advance(entry, 14, 4)
    verdict = look(ledger, grown, path="new")
    assert ledger._lengths(verdict.heads[-1]) == {11, 12, 20}
    found = ledger.plan("new", verdict)
    assert found is not None
    assert (found.start, found.copy_of) == (14, "a")


def test_a_folded_file_that_returned_is_no_longer_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its length is that of its row; once that has grown, nothing is left of it."""
    monkeypatch.setattr(heads_module, "CROWD", 1)
    ledger, text = Ledger(), b"the same beginning\n"
    for number in range(3):
        train(ledger, ledger.plan(f"{number}", look(ledger, text + b"%d\n" % 10**number, path=f"{number}")))
    assert fold(ledger, {}) == 3
    verdict = look(ledger, text + b"10\nand more\n", path="1")
    assert ledger._lengths(verdict.heads[-1]) == {21, 22, 23}
    train(ledger, ledger.plan("1", verdict))
    assert ledger._lengths(verdict.heads[-1]) == {21, 23, len(text) + 12}


def test_a_file_among_many_that_begin_alike_loads_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 300 short texts with the same first bytes, none is loaded for one more."""
    ledger, loaded = Ledger(), list[int]()
    for number in range(300):
        path = f"{number}"
        train(ledger, ledger.plan(path, look(ledger, b"one two three %08d" % number, path=path)), step=99)
    monkeypatch.setattr(ledger._rows, "load", loaded.append)
    assert ledger.plan("new", look(ledger, b"one two three four five", path="new")) is not None
    assert loaded == []
