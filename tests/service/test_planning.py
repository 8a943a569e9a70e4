"""From the ledgers of the states that there are to what is replayed: nothing is read or trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.ledger import spans
from streamer.ledger.entries import Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.service.planning import Base, Step, is_earlier, plan, steps

Blocks = tuple[str, list[int]]
"""The name of a file, and where each block of a reading of it ends."""


def read(ledger: Ledger, name: str, ends: list[int], *, passes: int = 1, until: int = 99) -> None:
    """Train a reading of a file, as far as a number of blocks."""
    size = ends[-1]
    digest = f"{name} {size}".encode().ljust(32, b"x")
    prefixes = {at: f"{name} {at}".encode().ljust(32, b"x") for at in range(size)}
    found = Verdict(Signature(size, 1, 1), digest, size, text_sha256=digest, heads=(1,), prefixes=prefixes)
    entry = ledger.plan(name, found, passes=passes)
    assert entry
    for end in ends[:until]:
        if end > entry.offset:
            ledger.advance(entry, end, 10)
    if entry.offset == size:
        ledger.finish(entry)


def base(ledger: Ledger, number: int, blocks: int | None = None) -> Base:
    """Return a state that has a copy of a ledger as it is now."""
    copy = Ledger.from_arrays(ledger.to_arrays())
    trained = int(copy.journal().blocks.sum()) if blocks is None else blocks
    return Base(f"state {number}", Path("x"), number, trained, (trained * 10, trained * 9), copy)


def total(ledger: Ledger) -> int:
    """Return the blocks of a ledger."""
    return int(ledger.journal().blocks.sum())


NOTHING = Base("the beginning", None, 0, 0, (0, 0), Ledger())


def test_it_starts_from_the_newest_state_that_has_not_seen_it() -> None:
    """And replays what came after that state, in order, with what is left out."""
    ledger = Ledger()
    bases = [NOTHING]
    for number, name in enumerate("abcd", start=1):
        read(ledger, name, [10, 25])
        bases.insert(0, base(ledger, number))
    chosen = plan(ledger, total(ledger), ledger.named("c"), bases)
    assert chosen.base.name == "state 2"
    assert chosen.steps == [Step(2, 0, 25, 0, 2, True, True), Step(3, 0, 25, 0, 2, True, True)]
    assert (chosen.rows, chosen.replayed) == ([3], chosen.steps[1:])
    assert plan(ledger, total(ledger), ledger.named("a"), bases).base is NOTHING


def test_a_state_from_within_a_reading() -> None:
    """The rest of it is read from where the state stopped, up to the same end."""
    ledger = Ledger()
    read(ledger, "a", [10, 20, 30, 44], until=2)
    bases = [base(ledger, 1), NOTHING]
    read(ledger, "a", [10, 20, 30, 44])
    read(ledger, "b", [7])
    chosen = plan(ledger, total(ledger), ledger.named("b"), bases)
    assert chosen.base.name == "state 1"
    assert chosen.replayed == [Step(0, 20, 44, 0, 2, True, True)]


def test_what_a_file_grew_by_is_read_by_itself() -> None:
    """In later passes, the old part and the new one are read apart, and only the new one is new."""
    ledger = Ledger()
    read(ledger, "a", [10, 20])
    read(ledger, "a", [10, 20, 33])
    read(ledger, "a", [10, 25, 33], passes=2)
    read(ledger, "a", [10, 25, 33, 40], passes=2)
    found = steps(ledger, total(ledger), NOTHING, frozenset())
    assert [(step.start, step.stop, step.first) for step in found] == [
        (0, 20, True), (20, 33, True), (0, 33, False), (33, 40, True),
    ]  # fmt: skip
    later = steps(ledger, total(ledger), base_after(3), frozenset())
    assert later == found[2:]


def base_after(blocks: int) -> Base:
    """Return the state after so many blocks of the file of the test above."""
    ledger = Ledger()
    read(ledger, "a", [10, 20])
    read(ledger, "a", [10, 20, 33])
    assert total(ledger) == blocks
    return base(ledger, 1)


def test_a_reading_that_was_given_up_has_no_end() -> None:
    """It is read up to where it was given up, as if it went on."""
    ledger = Ledger()
    read(ledger, "a", [10, 20, 30], until=2)
    read(ledger, "b", [5])
    assert [step.ended for step in steps(ledger, total(ledger), NOTHING, frozenset())] == [False, True]


@pytest.mark.parametrize("what", ["python", "before", "old", "folded", "forgotten row"])
def test_what_the_journal_does_not_say_is_refused(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """78: blocks that came from Python, spans of an older version, files without a name."""
    ledger, blocks = Ledger(), 6
    for name in "abc":
        read(ledger, name, [10, 25])
    arrays = ledger.to_arrays()
    if what == "python":
        blocks += 1
    elif what == "old":
        arrays["spans/ended"][2] = spans.UNKNOWN
    elif what in ("folded", "forgotten row"):
        arrays["spans/row"][2 if what == "folded" else 1] = spans.NAMELESS
        arrays["spans/length"][2 if what == "folded" else 1] = 0
    found = Ledger.from_arrays(arrays)
    if what == "before":
        found = Ledger.from_arrays(
            {**found.to_arrays(), **{f"spans/{name}": found.to_arrays()[f"spans/{name}"][2:] for name in spans.SPAN}}
        )
    with pytest.raises(StreamerError, match="journal does not say") as caught:
        plan(found, blocks, found.named("b"), [NOTHING])
    assert caught.value.code == ExitCode.CONFIGURATION


def test_a_state_of_another_stream_is_passed_over() -> None:
    """Its journal is no beginning of this one, though it is as long."""
    ledger, other = Ledger(), Ledger()
    read(ledger, "a", [10, 25])
    read(other, "a", [10, 26])
    foreign = base(other, 1)
    assert is_earlier(base(ledger, 1).ledger.journal(), ledger.journal())
    read(ledger, "b", [7])
    assert not is_earlier(foreign.ledger.journal(), ledger.journal())
    assert plan(ledger, total(ledger), ledger.named("b"), [foreign, NOTHING]).base is NOTHING
    with pytest.raises(StreamerError, match="no whole state from before b") as caught:
        plan(ledger, total(ledger), ledger.named("b"), [foreign])
    assert caught.value.code == ExitCode.NO_INPUT


def test_folded_files_of_before_do_not_matter() -> None:
    """Their spans have no names and were joined: the sums still say where a state is."""
    ledger = Ledger()
    for name in "abc":
        read(ledger, name, [10, 25])
    state = base(ledger, 1)
    read(ledger, "d", [7])
    ledger.begin_scan()
    ledger.seen("d", Signature(7, 1, 1))
    ledger.end_scan(5, lambda path: True)
    assert ledger.fold(5, str) == 3
    chosen = plan(ledger, total(ledger), ledger.named("d"), [state, NOTHING])
    assert chosen.base is state and len(chosen.steps) == 1
