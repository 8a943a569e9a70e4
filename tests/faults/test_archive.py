"""Histories of logs that are rotated, copied, packed, gone and back: each line is trained once, and none is lost.

What may happen is drawn at random, the same for the same number; what must hold is in :mod:`tests.faults.archive`.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from streamer.service import loop
from streamer.service.saving import Saver

from . import lives
from .archive import NAMES, WORDS, Archive, Lines, kind_of
from .conftest import Amount, Tell
from .lives import ANYWHERE, Fault

pytestmark = pytest.mark.usefixtures("small_and_quiet")
LONGEST = 1_200.0
"""Seconds after which no more histories are begun."""

Rule = Callable[[Archive, random.Random], bool]
Step = tuple[str, int]
"""The name of a rule, and the seed of what it draws."""
RULES: dict[str, tuple[Rule, int]] = {}
"""What may happen, and how often, by name."""


def rule(often: int) -> Callable[[Rule], Rule]:
    """List a rule, which returns whether it did anything."""

    def listed(function: Rule) -> Rule:
        RULES[function.__name__] = function, often
        return function

    return listed


def tip(archive: Archive, chance: random.Random) -> str | None:
    """Return a file that may be copied or renamed."""
    names = [name for name, log in archive.logs.items() if archive.tip(log.lines) and archive.free(name, log.lines)]
    return chance.choice(sorted(names)) if names else None


def place(archive: Archive, chance: random.Random, name: str, lines: Lines, *, without: str = "") -> str | None:
    """Return a name for lines like those of a file, under which there is no file."""
    of_kind = [new for new in NAMES if kind_of(new) == kind_of(name) and new not in (*archive.logs, without)]
    of_kind = [new for new in of_kind if not archive.needed(new)]
    names = [new for new in of_kind if archive.free(new, lines)]
    return chance.choice(names) if names else None


@rule(3)
def write(archive: Archive, chance: random.Random) -> bool:
    """A program writes lines to a log, which is new if there was none."""
    name = chance.choice(NAMES)
    log = archive.logs.get(name)
    if log is None and not archive.free(name, ()) and chance.random() < 0.8:
        return False  # seldom, another text is under the name of one that is gone
    if log is None or not log.lines or archive.tip(log.lines):
        archive.write(name, chance.randint(1, 12))
        return True
    return False


@rule(2)
def touch(archive: Archive, chance: random.Random) -> bool:
    """A file is written again with the same in it."""
    if name := tip(archive, chance):
        archive.touch(name)
    return name is not None


@rule(4)
def leave_a_copy(archive: Archive, chance: random.Random) -> bool:
    """A log is copied, read, and grows; then something happens to the copy, of which no other file holds all now."""
    name = tip(archive, chance)
    new = name and place(archive, chance, name, archive.logs[name].lines)
    if not name or not new:
        return False
    archive.copy(name, new)
    archive.lead()
    archive.write(name, chance.randint(1, 4))
    if chance.random() < 0.5:
        archive.lead()
    if chance.random() < 0.3:
        archive.remove(new)
        archive.wait(1.1)
        archive.lead()
        archive.lead()
        archive.put_back(new, archive.gone[-1][1])
    how, third = (
        chance.choice(("touch", "rename", "pack", "write", "copy")),
        place(archive, chance, new, archive.logs[new].lines),
    )
    if not archive.tip(archive.logs[new].lines) or not archive.free(new, archive.logs[new].lines):
        return True
    if how in ("rename", "copy") and third:
        getattr(archive, how)(new, third)
    elif how == "write":
        archive.write(new, chance.randint(1, 4))
    elif how == "pack":
        archive.pack(new)
    else:
        archive.touch(new)
    return True


@rule(3)
def append(archive: Archive, chance: random.Random) -> bool:
    """Lines are added to a log that is there."""
    if name := tip(archive, chance):
        archive.write(name, chance.randint(1, 12))
    return name is not None


@rule(8)
def rotate(archive: Archive, chance: random.Random) -> bool:
    """A log has another name, or is there twice; perhaps after it has grown, and is begun anew."""
    name = tip(archive, chance)
    if not name:
        return False
    if chance.random() < 0.5:
        archive.write(name, chance.randint(1, 4))
    lines, how = archive.logs[name].lines, chance.choice(("rename", "create", "copy", "truncate", "twice"))
    new, third = (place(archive, chance, name, lines) for _ in range(2))
    if not new:
        return False
    (archive.rename if how in ("rename", "create") else archive.copy)(name, new)
    if how == "truncate":
        archive.truncate(name)
    if how == "twice" and third and third != new:
        archive.copy(new, third)
    if how in ("create", "truncate") and chance.random() < 0.8:
        archive.write(name, chance.randint(1, 8))
    return True


@rule(3)
def pack(archive: Archive, chance: random.Random) -> bool:
    """A log is packed, or unpacked."""
    if name := tip(archive, chance):
        archive.pack(name)
    return name is not None


@rule(4)
def remove(archive: Archive, chance: random.Random) -> bool:
    """A file is removed."""
    if archive.logs:
        archive.remove(chance.choice(sorted(archive.logs)))
    return bool(archive.logs)


@rule(5)
def put_back(archive: Archive, chance: random.Random) -> bool:
    """A file that was removed is there again, perhaps elsewhere, packed, or with more lines."""
    there = [(name, log) for name, log in archive.gone if archive.tip(log.lines)]
    if not there:
        return False
    name, log = chance.choice(there)
    moved, repacked, count = chance.random() < 0.3, chance.random() < 0.3, chance.randint(-5, 6)
    new = place(archive, chance, name, log.lines, without=name) if moved else name
    if new is None or new in archive.logs or not archive.free(new, log.lines):
        return False
    archive.put_back(new, log._replace(packed=log.packed != repacked))
    if count > 0:
        archive.write(new, count)
    return True


@rule(4)
def wait(archive: Archive, chance: random.Random) -> bool:
    """Time passes: what is gone for a day is folded."""
    archive.wait(chance.choice((0.02, 0.4, 1.1)))
    return True


@rule(3)
def forget(archive: Archive, chance: random.Random) -> bool:
    """Some files are gone until they are folded."""
    names = sorted(archive.logs)
    for name in chance.sample(names, chance.randint(1, 3)) if len(names) > 3 else names[:1]:
        archive.remove(name)
    archive.lead()
    archive.wait(1.1)
    archive.lead()
    return bool(names)


@rule(1)
def work(archive: Archive, chance: random.Random) -> bool:
    """From now on, the trainer works otherwise, with the same result."""
    every, threads = chance.choice((0.0, 0.0, 3600.0)), chance.choice((1, 1, 2))
    archive.run = lives.settings(archive.run, keep=chance.randint(1, 3), threads=threads, checkpoint_every=every)
    return True


@rule(4)
def live(archive: Archive, chance: random.Random) -> bool:
    """The trainer runs, and nothing happens to it."""
    archive.lead()
    return True


@rule(3)
def kill(archive: Archive, chance: random.Random) -> bool:
    """The trainer is killed before any of the calls that it makes to the disk."""
    return archive.lead(Fault("kill", ANYWHERE, chance.randint(1, len(archive.way())))).struck


@rule(3)
def kill_in_the_middle(archive: Archive, chance: random.Random) -> bool:
    """The trainer is killed when it has begun, most likely in the middle of a file."""
    name = chance.choice(("block.trained", "checkpoint.published", "block.advanced"))
    reached = archive.way().count(name)
    return reached > 0 and archive.lead(Fault("kill", name, chance.randint(1, reached))).struck


@rule(1)
def stop(archive: Archive, chance: random.Random) -> bool:
    """The trainer is told to stop."""
    return archive.lead(Fault("stop", ANYWHERE, chance.randint(1, len(archive.way())))).struck


def history(number: int, length: int) -> list[Step]:
    """Return what happens, in the history of a number."""
    chance = random.Random(number)
    names, often = list(RULES), [often for _, often in RULES.values()]
    return [(name, chance.getrandbits(32)) for name in chance.choices(names, often, k=length)]


def play(number: int, steps: list[Step], told: Counter[str]) -> None:
    """Let it all happen, and end with a run that nothing happens to."""
    archive = Archive()
    done: list[Step] = []
    try:
        for kind in random.Random(number).sample(sorted(WORDS), 2):
            archive.write(f"{kind}.0", 8)
        for name, seed in steps:
            done.append((name, seed))
            told[name] += RULES[name][0](archive, random.Random(seed))
        archive.lead()
        told["folded"] += archive.folded > 0
    except Exception as error:
        raise AssertionError(f"history {number}, after {done}: {error}") from error
    finally:
        archive.close()


def test_a_file_is_folded_though_nothing_else_happens() -> None:
    """That it is gone is saved: each start would else begin its time anew. If it returns, it is known."""
    archive = Archive()
    try:
        archive.write("plain.0", 9)
        archive.write("wide.0", 9)
        archive.lead()
        for name in sorted(archive.logs):
            archive.remove(name)
        for days in (0.5, 0.5, 0.6):
            archive.lead()
            archive.wait(days)
        archive.lead()
        assert archive.folded == 2
        archive.put_back("wide.1", archive.gone[1][1])
        archive.put_back("plain.0", archive.gone[0][1])
        archive.write("plain.0", 3)
        archive.write("wide.1", 3)
        archive.lead()
    finally:
        archive.close()


@pytest.mark.parametrize("block", [1, 2, 3])
def test_a_file_whose_name_is_freed_has_its_turn(block: int) -> None:
    """A log begun anew is refused until the old one is found under another name; then it comes before what is newer."""
    archive = Archive()
    try:
        archive.write("plain.0", 8)
        archive.lead()
        archive.rename("plain.0", "plain.1")
        archive.write("plain.0", 7)
        archive.write("plain.1", 9)
        archive.write("plain.2", 4)
        assert archive.lead(Fault("kill", "block.trained", block)).struck
        archive.lead()
        assert set(archive.logs) == {"plain.0", "plain.1", "plain.2"}
    finally:
        archive.close()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_whatever_happens_each_line_is_trained_once(
    amount: Amount, tell: Tell, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Rotations, kills and long absences end where a run ends that was never stopped, and one that never folds.

    The long set draws other histories each time, and every other one is saved beside the training, as in truth.
    """
    told = Counter[str]()
    at_random = request.config.getoption("--long")
    started = time.monotonic()
    first = time.time_ns() % 10**9 if at_random else 0
    for number in range(first, first + amount(6, 5_000)):
        if time.monotonic() - started > LONGEST:
            break
        monkeypatch.setattr(loop, "Saver", Saver if at_random and number % 2 else lives.InStep)
        play(number, history(number, amount(25, 60)), told)
        told["histories"] += 1
    figures = ", ".join(f"{count:,} {name}" for name, count in told.most_common())
    tell(f"lives of logs: {figures}; {time.monotonic() - started:.0f} s")
    assert min(told[name] for name in (*RULES, "folded")) > 0, figures
