"""Power is lost at every moment of saving and starting; what was saved is there, and the old or the new state, always.

A kill does not test ``fsync``: what the process wrote is still in the kernel. So the disk is a model here, see
:mod:`tests.faults.power`, and what is found on it after the loss is put into a real folder, which the real code
recovers.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.checkpoints import FORMAT_VERSION, Checkpoint, Image, Store, Tree, format, publish, seal
from streamer.checkpoints.image import Part
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.model.cold import Batch, Rows
from streamer.settings import levels
from streamer.state.segments import Segment
from streamer.state.snapshots import Moment, SnapshotFile

from .conftest import Amount, Tell
from .mutants import MUTANTS
from .power import Names, PowerLoss, Recorder, frozen, write_names

NONE, LOST = "none", "lost"
"""What a recovery may find besides the number of a state: that there never was a checkpoint, that none is whole."""
Play = Callable[[Recorder], None]


FOLDED = 500
"""The number of the state that has a ledger, in which some files are folded; it takes longer than all others."""
CHILLED = range(600, 610)
"""The numbers of states that need a segment; two that follow each other may need the same one."""
TIMED = range(700, 710)
"""The numbers of states that list a snapshot, in the same way."""


@functools.cache
def segment(number: int) -> Segment:
    """Return a segment of a few cold words."""
    rows = Rows(np.array([number, 2]), np.full((2, 2, 3), number, np.float32), np.ones((2, 2), np.float32))
    found = Segment(Batch.of([f"w{number}", "x"], rows))
    assert found.name()
    return found


def segments(number: int) -> list[Segment]:
    """Return the segments that a state needs."""
    return [segment(number // 2)] if number in CHILLED else []


@functools.cache
def snapshot(number: int) -> SnapshotFile:
    """Return a snapshot of two words."""
    found = SnapshotFile.of(
        Moment(f"snapshot-{number}", number, 9, 9, 2, 0.0),
        ["a", "b"],
        np.full((2, 3), number, np.float32),
        np.array([number, 2]),
        np.ones(2, np.float32),
    )
    assert found.name()
    return found


def snapshots(number: int) -> list[SnapshotFile]:
    """Return new objects for the snapshots that a state lists."""
    return [SnapshotFile(snapshot(number // 2).moment, snapshot(number // 2)._content)] if number in TIMED else []


def parts(number: int) -> list[Part]:
    """Return all parts of a state."""
    return [*segments(number), *snapshots(number)]


@functools.cache
def ledger() -> Ledger:
    """Return a ledger of a file that is there, and of three that are folded."""
    found = Ledger("/inbox")
    for name in ("here", "gone 1", "gone 2", "gone 3"):
        digest = hashlib.sha256(name.encode()).digest()
        entry = found.plan(name, Verdict(Signature(50, 1, 1), digest, 50, text_sha256=digest, heads=(7,)))
        assert entry
        found.advance(entry, 50, 9)
        found.finish(entry)
    found.begin_scan()
    found.seen("here", Signature(50, 1, 1))
    found.end_scan(1, lambda path: True)
    assert found.fold(1, str) == 3
    return found


def tree(number: int) -> Tree:
    """Return a state that tells its number in every part."""
    found: Tree = {"model/vectors": np.full(400, number, np.int32), "number": number}
    if number == FOLDED:
        found |= {f"ledger/{name}": leaf for name, leaf in ledger().to_arrays().items()}
    if number in CHILLED:
        digests = "".join(f"{part.name()[5:-3]}\n" for part in segments(number))
        found |= {"cold/segments": np.frombuffer(digests.encode(), np.uint8), "format_version": FORMAT_VERSION}
    if number in TIMED:
        names = "".join(f"{Path(part.name()).name}\n" for part in snapshots(number))
        found |= {"snapshots/files": np.frombuffer(names.encode(), np.uint8), "format_version": FORMAT_VERSION}
    return found


def same_bits(left: Tree, right: Tree) -> bool:
    """Say whether two trees are equal in keys and every bit."""
    return left.keys() == right.keys() and all(
        value.tobytes() == right[key].tobytes() if isinstance(value, np.ndarray) else value == right[key]  # type: ignore[union-attr]
        for key, value in left.items()
    )


def image(number: int) -> Image:
    """Return a state as it is stored, with snapshots that were not written yet."""
    found = _image(number)
    found.parts = parts(number)
    return found


@functools.cache
def _image(number: int) -> Image:
    """Return a state as it is stored; making it takes longer than all else."""
    leaves = ledger().freeze().leaves() if number == FOLDED else {}
    ledgers = {f"ledger/{name}": leaf for name, leaf in leaves.items() if name != "root"}
    return Image({**tree(number), **ledgers})


@contextmanager
def ram_folder() -> Iterator[Path]:
    """Make a folder in memory, if the system has such folders: thousands of states are put there."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small checkpoint be written in several pieces, as a large one is."""
    monkeypatch.setattr(publish, "PIECE", 1400)


class Trainer:
    """What a real trainer does to a folder: start, save now and then."""

    def __init__(
        self, record: Recorder, folder: Path, keep: int, numbers: Iterator[int], *, states: bool = False
    ) -> None:
        self.record, self.keep, self.numbers, self.states = record, keep, numbers, states
        self.store = Store(folder)
        self.sequence = 0
        self.resumed_from = self.start()

    def start(self) -> int | str:
        """Find the newest state, set damaged ones aside, tidy up; return the state's number."""

        def damaged(checkpoint: Checkpoint, reason: str) -> None:
            self.store.set_aside(checkpoint)

        with self.store.lock():
            try:
                found = self.store.load_newest(on_damage=damaged)
            except StreamerError as error:
                if error.code != ExitCode.DAMAGED:
                    raise
                return LOST
            self.store.retire(self.keep)
        if found is None:
            return NONE
        self.sequence = found[0].sequence
        number = found[1].get("number")
        if not isinstance(number, int) or not same_bits(found[1], tree(number)):
            return "garbage"
        for part in parts(number):
            digest = Path(part.name()).stem.rpartition("-")[2]
            self.store.part(part.name(), digest)  # raises if it is not what was written
        for state in self.store.states.list():  # of a number that is given again, there may be an older one
            kept = self.store.load(str(state.path))[1]["number"]
            if not isinstance(kept, int) or not same_bits(self.store.load(str(state.path))[1], tree(kept)):
                return "garbage"
        return number

    def save(self) -> int:
        """Save the next state; return its number."""
        number = next(self.numbers)
        self.record.mark(("begun", number))
        with self.store.lock():
            self.sequence += 1
            self.store.publish(image(number), self.sequence)
            self.record.mark(("told", number))
            if self.states:
                path = self.store.folder / f"checkpoint-{self.sequence:010d}.h5"
                self.store.states.keep(path, self.sequence, self.sequence * 40_000.0, levels("1d"), lambda _: False)
            self.store.retire(self.keep)
        return number


def saving(keep: int, saves: int = 4, *folders: str) -> Play:
    """Return what a first run does, which makes the folder."""

    def play(record: Recorder) -> None:
        trainer = Trainer(record, record.root.joinpath("a", *folders), keep, itertools.count(1))
        for _ in range(saves):
            trainer.save()

    return play


def saving_states(after: int | None = None) -> Play:
    """Return what two runs do that keep states of each day of the stream, the first killed after so many things."""

    def play(record: Recorder) -> None:
        numbers = itertools.count(1)
        record.stop = after
        try:
            trainer = Trainer(record, record.root / "a", 1, numbers, states=True)
            for _ in range(4):
                trainer.save()
        except PowerLoss:
            pass
        record.stop = None
        if after:
            Trainer(record, record.root / "a", 1, numbers, states=True).save()

    return play


def saving_what_is_folded(record: Recorder) -> None:
    """Save a state, and another in which files were folded."""
    trainer = Trainer(record, record.root / "a", 1, iter((1, FOLDED)))
    trainer.save()
    trainer.save()


def saving_parts(of: range, keep: int, after: int | None = None) -> Play:
    """Return what two runs do that save states which need segments or snapshots.

    Args:
        of: The numbers of the states.
        keep: How many checkpoints are kept.
        after: The first run is killed after so many things.
    """

    def play(record: Recorder) -> None:
        numbers = iter(of)
        record.stop = after
        try:
            trainer = Trainer(record, record.root / "a", keep, numbers)
            for _ in range(3):
                trainer.save()
        except PowerLoss:
            pass
        record.stop = None
        if after:
            Trainer(record, record.root / "a", keep, iter(of)).save()

    return play


def starting(keep: int, damaged: int, present: int = 3) -> Play:
    """Return what a start does over so many checkpoints, the newest damaged, and over what killed processes left."""

    def play(record: Recorder) -> None:
        told = present - damaged
        record.mark(("told", told if told else LOST))
        trainer = Trainer(record, record.root / "a", keep, itertools.count(present + 1))
        if trainer.resumed_from != LOST:
            trainer.save()
            trainer.save()

    return play


def prepared(damaged: int, present: int = 3) -> Names:
    """Return a folder of checkpoints, of which the newest have one wrong bit in their numbers, and of leftovers."""
    names: dict[str, bytes | Names] = {}
    for number in range(1, present + 1):
        data = bytearray(b"".join(seal(image(number))))
        if number > present - damaged:
            place = bytes(data).index(np.full(8, number, np.int32).tobytes())
            data[place + 5] ^= 1
        names[f"checkpoint-{number:010d}.h5"] = bytes(data)
    names[f".checkpoint-{present + 1:010d}.h5.tmp-{os.getpid()}"] = b"left by a process of our number" * 50
    names[f".checkpoint-{present:010d}.h5.tmp-1"] = b""
    return {"a": names}


def killed_and_started(keep: int, after: int) -> Play:
    """Return what two runs do, the first of them killed after so many things: what it did may not be durable yet."""

    def play(record: Recorder) -> None:
        numbers = itertools.count(1)
        record.stop = after
        try:
            trainer = Trainer(record, record.root / "a" / "b", keep, numbers)
            for _ in range(3):
                trainer.save()
        except PowerLoss:
            pass
        record.stop = None
        Trainer(record, record.root / "a" / "b", keep, numbers).save()

    return play


SCENARIOS: dict[str, tuple[Names, Play, int]] = {
    **{f"saving, keep {keep}": ({}, saving(keep), keep) for keep in (1, 2, 3)},
    "saving, with folded files": ({}, saving_what_is_folded, 1),
    "saving segments": ({}, saving_parts(CHILLED, 1), 1),
    **{f"saving segments, killed after {after}": ({}, saving_parts(CHILLED, 1, after), 1) for after in (24, 36)},
    "saving snapshots": ({}, saving_parts(TIMED, 1), 1),
    **{f"saving snapshots, killed after {after}": ({}, saving_parts(TIMED, 1, after), 1) for after in (14, 26, 38)},
    "keeping states": ({}, saving_states(), 1),
    **{f"keeping states, killed after {after}": ({}, saving_states(after), 1) for after in (12, 20, 29)},
    "saving, nested folders": ({}, saving(2, 2, "b", "c"), 2),
    **{
        f"starting, {damaged} of 3 damaged, keep {keep}": (prepared(damaged), starting(keep, damaged), keep)
        for damaged in (0, 1, 2, 3)
        for keep in (1, 2)
    },
    **{f"killed after {after}": ({}, killed_and_started(1, after), 1) for after in range(1, 44)},
}
"""What is there at first, what is done, and how many checkpoints are kept."""
SOMETIMES = [
    *("saving, keep 2", "starting, 0 of 3 damaged, keep 2", "starting, 2 of 3 damaged, keep 2"),
    *("starting, 3 of 3 damaged, keep 2", "saving segments, killed after 36"),
    *(f"saving snapshots, killed after {after}" for after in (14, 38)),
    *(f"keeping states, killed after {after}" for after in (12, 29)),
    *(f"killed after {after}" for after in range(1, 44) if after % 8 != 4),
]
"""What is left to ``--long``."""

REVEALING = (
    "saving, keep 1",
    "starting, 3 of 3 damaged, keep 1",
    "killed after 1",
    "killed after 20",
    "killed after 22",
    "saving segments",
    "saving snapshots",
    "starting, 1 of 3 damaged, keep 1",
)
"""Where bugs show soonest."""


def accepted(record: Recorder, count: int) -> set[Any]:
    """Return which states may be found after so many things done: the last that was told, and those begun since."""
    told: Any = NONE
    begun: set[Any] = set()
    for moment, (what, number) in record.marks:
        if what == "told" and moment <= count:
            told, begun = number, set()
        elif what == "begun" and moment <= count:
            begun.add(number)
    return {told, *begun}


class Enumerator:
    """Plays scenarios, loses power at every moment of them, and recovers from every state of the disk.

    Attributes:
        states: The distinct states that were recovered from.
    """

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder, self.rng = folder, random.Random(seed)
        self.states: set[int] = set()
        self._tried: set[int] = set()
        self._number = itertools.count()

    def violations(self, start: Names, play: Play, keep: int, *, nested: float = 0.0) -> Iterator[str]:
        """Yield what is wrong with what is found after a loss of power.

        Args:
            start: What is on the disk.
            play: What is done to it.
            keep: Checkpoints to keep.
            nested: Share of the recoveries during which power is lost again.
        """
        root = self._new(start)
        record = Recorder(root)
        try:
            with record.recording():
                play(record)
        except StreamerError as error:
            yield f"cannot even be played: {error}"
        shutil.rmtree(root)
        for count in range(len(record.done) + 1):
            may_be = accepted(record, count)
            for state in record.model(count).states(self.rng):
                key = hash((frozen(state), frozenset(may_be), keep))
                if key in self._tried:
                    continue
                self._tried.add(key)
                self.states.add(hash(frozen(state)))
                again = self._new(state)
                recovery = Recorder(again)
                for wrong in self._recover(recovery, keep, may_be):
                    did = f"{record.done[count - 1].what} {record.done[count - 1].path.name}" if count else "nothing"
                    yield f"after {count} things, the last {did}: {wrong}; found {sorted(_paths(state))}"
                shutil.rmtree(again)
                if self.rng.random() < nested:
                    yield from self._lost_again(state, recovery, keep)

    def _recover(self, record: Recorder, keep: int, may_be: set[Any]) -> Iterator[str]:
        """Recover, as the next start of the trainer does, and save; yield what is wrong."""
        folder = record.root / "a"
        while (inner := next((path for path in folder.glob("[bc]") if path.is_dir()), None)) is not None:
            folder = inner
        with record.recording():
            trainer = Trainer(record, folder, keep, itertools.count(1000))
            found = trainer.resumed_from
            record.mark(("told", found))
            if found not in may_be:
                yield f"{found} is found where {may_be} may be"
            if found == LOST:
                return
            if list(folder.glob(".*.tmp-*")):
                yield "a file that was half written is left"
            number = trainer.save()
            again = Trainer(record, folder, keep, itertools.count(2000)).resumed_from
            if again != number:
                yield f"what is saved next, {number}, is not found, but {again}"

    def _lost_again(self, state: Names, recovery: Recorder, keep: int) -> Iterator[str]:
        for count in range(len(recovery.done) + 1):
            may_be = accepted(recovery, count)
            if may_be == {NONE}:  # before it was known what is there
                continue
            states = list(recovery.model(count).states(self.rng))
            for found in self.rng.sample(states, min(len(states), 4)):
                self.states.add(hash(frozen(found)))
                root = self._new(found)
                for wrong in self._recover(Recorder(root), keep, may_be):
                    yield f"power lost again after {count} things of the recovery from {sorted(_paths(state))}: {wrong}"
                shutil.rmtree(root)

    def _new(self, names: Names) -> Path:
        root = self.folder / str(next(self._number))
        write_names(root, names)
        return root


def _paths(names: Names, prefix: str = "") -> Iterator[str]:
    for name, what in names.items():
        if isinstance(what, bytes):
            yield f"{prefix}{name} ({len(what)})"
        else:
            yield f"{prefix}{name}/"
            yield from _paths(what, f"{prefix}{name}/")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_was_saved_survives_every_loss_of_power(amount: Amount, tell: Tell) -> None:
    """From every state that POSIX allows the last save that was told is recovered, or a newer one; and so once more."""
    with ram_folder() as folder:
        enumerator = Enumerator(folder)
        scenarios = [name for name in SCENARIOS if amount(name not in SOMETIMES, True)]
        for name in scenarios:
            start, play, keep = SCENARIOS[name]
            found = enumerator.violations(start, play, keep, nested=amount(2, 50) / 100)
            assert not list(itertools.islice(found, 5)), name
    count = len(enumerator.states)
    tell(f"power loss: {count:,} distinct states of the disk in {len(scenarios)} scenarios, all recovered")
    assert count >= 1000


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", MUTANTS)
def test_each_bug_is_caught(name: str, monkeypatch: pytest.MonkeyPatch, tell: Tell) -> None:
    """With any of these bugs some state of the disk does not recover: the enumerator sees what it is there for."""
    MUTANTS[name](monkeypatch)
    with ram_folder() as folder:
        enumerator = Enumerator(folder)
        for scenario in [*REVEALING, *(name for name in SCENARIOS if name not in REVEALING)]:
            start, play, keep = SCENARIOS[scenario]
            try:
                wrong = next(enumerator.violations(start, play, keep), None)
            except (StreamerError, format.Damaged, OSError) as error:
                wrong = f"it fails: {error!r}"
            if wrong:
                tell(f"caught in {scenario!r}, after {len(enumerator.states)} states: {name}: {wrong[:150]}")
                return
    pytest.fail("survived every state")
