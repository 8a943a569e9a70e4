"""What taking something out of a model needs: the state to start from, and what of the journal to replay.

All of it is decided by the ledgers of the states that there are. Nothing is read or trained here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError
from streamer.ledger.forgetting import Journal
from streamer.ledger.ledger import Ledger
from streamer.ledger.spans import ENDED, NAMELESS, UNKNOWN

COMPARED = 1000
"""Newest spans of a state that are compared with the journal, to know that it is an earlier state of this stream."""

Ints = npt.NDArray[np.int64]


@attrs.frozen(eq=False)
class Base:
    """A state from which the stream can be replayed.

    Attributes:
        name: Its name, as people read it.
        path: Its file; None for a model that has seen nothing.
        sequence: Its number.
        blocks: Blocks that its model was trained on.
        words: Words that it has seen, and trained.
        ledger: Its ledger.
    """

    name: str
    path: Path | None
    sequence: int
    blocks: int
    words: tuple[int, int]
    ledger: Ledger


@attrs.frozen
class Step:
    """A part of a file that was trained, to be trained again.

    Attributes:
        row: The row of the file.
        start: Where it begins in the text.
        stop: Where it ends.
        passes: The number of the pass, from 0.
        blocks: Blocks that it has.
        ended: Whether the text, as it was read, ended there.
        first: Whether no pass had covered it before.
    """

    row: int
    start: int
    stop: int
    passes: int
    blocks: int
    ended: bool
    first: bool


@attrs.frozen(eq=False)
class Plan:
    """What to replay, and what not.

    Attributes:
        base: The state to start from.
        steps: All that was trained since, in order, with what is left out.
        out: The rows that are taken out.
    """

    base: Base
    steps: list[Step]
    out: frozenset[int]

    @property
    def replayed(self) -> list[Step]:
        """What is trained again."""
        return [step for step in self.steps if step.row not in self.out]

    @property
    def rows(self) -> list[int]:
        """The rows of files that are needed, in the order of their first use."""
        return list(dict.fromkeys(step.row for step in self.replayed))


def plan(ledger: Ledger, blocks: int, out: Collection[int], bases: Iterable[Base]) -> Plan:
    """Return how to come to the model that never saw some rows.

    Args:
        ledger: The ledger as it is now.
        blocks: Blocks that the model was trained on.
        out: The rows.
        bases: The states that there are, the newest first; they are looked at until one will do.

    Raises:
        StreamerError: 66 if there is no state from before the first of these rows, 78 if the journal does not say what
            was trained since then.
    """
    journal = ledger.journal()
    ends = np.cumsum(journal.blocks)
    mine = np.flatnonzero(np.isin(journal.row, list(out)))
    for row in out:
        _check_known(ledger, journal, row)
    limit = int(ends[mine[0]] - journal.blocks[mine[0]]) if len(mine) else int(ends[-1]) if len(ends) else 0
    for base in bases:
        earlier = base.ledger.journal()
        if int(earlier.blocks.sum()) <= limit and is_earlier(earlier, journal):
            return Plan(base, steps(ledger, blocks, base, frozenset(out)), frozenset(out))
    name = ledger.entry(int(journal.row[mine[0]])).path if len(mine) else "it"
    raise StreamerError(
        f"there is no whole state from before {name} was trained",
        hint="states of the last days and weeks are kept: see --keep-states. A new model needs none",
        code=ExitCode.NO_INPUT,
    )


def _check_known(ledger: Ledger, journal: Journal, row: int) -> None:
    """Raise unless the journal says where a row was trained, from its first byte on."""
    entry = ledger.entry(row)
    if not entry.bytes_trained:
        return
    mine = np.flatnonzero(journal.row == row)
    if not len(mine) or (journal.start[mine[0]], journal.passes[mine[0]]) != (entry.start, 0):
        raise uncovered(f"when {entry.path} was trained")


def is_earlier(base: Journal, now: Journal) -> bool:
    """Return whether a journal is the beginning of another one, as far as the newest spans of it tell.

    Rows may have other numbers, and spans may have lost their names since.
    """
    ends = np.cumsum(now.blocks)
    trained = int(base.blocks.sum())
    whole = int(np.searchsorted(ends, trained, "right"))  # spans that were complete by then
    rest = trained - (int(ends[whole - 1]) if whole else 0)
    old = len(base.blocks) - (1 if rest else 0)
    if rest and (old < 0 or whole >= len(ends)):
        return False
    if rest and (base.start[old], base.passes[old], base.blocks[old]) != (now.start[whole], now.passes[whole], rest):
        return False
    for back in range(1, min(old, whole, COMPARED) + 1):
        one, other = old - back, whole - back
        if NAMELESS in (base.row[one], now.row[other]):
            break  # of folded files there are only sums
        if any(base[column][one] != now[column][other] for column in (1, 2, 3, 4)):
            return False
    return True


def renumbering(base: Ledger, now: Ledger) -> npt.NDArray[np.int32]:
    """Return the number that each row of an earlier ledger has now, −1 if that is not known: (n,).

    What the journals have in common tells it.
    """
    one, other = base.journal(), now.journal()
    number = np.full(1 + max((entry.row for entry in base), default=0), -1, np.int32)
    trained = int(one.blocks.sum())
    whole = int(np.searchsorted(np.cumsum(other.blocks), trained, "right"))
    rest = trained - int(other.blocks[:whole].sum())
    old, new = (len(one.row), whole + 1) if rest else (len(one.row), whole)
    for back in range(1, min(old, new) + 1):
        before, after = int(one.row[old - back]), int(other.row[new - back])
        if NAMELESS in (before, after):
            break
        number[before] = after
    return number


def steps(ledger: Ledger, blocks: int, base: Base, out: frozenset[int]) -> list[Step]:
    """Return what was trained since a state, in order.

    Args:
        ledger: The ledger as it is now.
        blocks: Blocks that the model was trained on.
        base: The state.
        out: Rows that need not be read again.

    Raises:
        StreamerError: 78 if the journal does not say it.
    """
    journal, earlier = ledger.journal(), base.ledger.journal()
    ends = np.cumsum(journal.blocks)
    trained = int(earlier.blocks.sum())
    total = int(ends[-1]) if len(ends) else 0
    if blocks - base.blocks != total - trained:
        raise uncovered(f"all that was trained since {base.name}: some of it came from Python, or an older version")
    first = int(np.searchsorted(ends, trained, "right"))
    known = _known(journal, first)
    found: list[Step] = []
    for at in range(first, len(ends)):
        row, start, count = int(journal.row[at]), int(journal.start[at]), int(journal.blocks[at])
        if row == NAMELESS:
            raise uncovered(f"which files were trained since {base.name}: some of them are no longer listed")
        stop, ended, entry = start + int(journal.length[at]), int(journal.ended[at]), ledger.entry(row)
        if ended == UNKNOWN and row not in out:
            raise uncovered(f"how {entry.path} was read: an older version trained it")
        later = journal.passes[at] > 0
        if later and row not in known and start > entry.start and row not in out:
            raise uncovered(f"what of {entry.path} was trained before")
        before = int(ends[at]) - count
        if before < trained:  # the state is from within it
            start, count = int(earlier.start[-1] + earlier.length[-1]), count - (trained - before)
            known[row] = max(known.get(row, 0), start)
        fresh = not later or start >= known.get(row, stop)
        found.append(Step(row, start, stop, int(journal.passes[at]), count, ended == ENDED, fresh))
        known[row] = max(known.get(row, 0), stop)
    return found


def _known(journal: Journal, stop: int) -> dict[int, int]:
    """Return up to where each file was trained that is in the journal both before and after a position of it."""
    known: dict[int, int] = {}
    for at in np.flatnonzero(np.isin(journal.row[:stop], journal.row[stop:])).tolist():
        row = int(journal.row[at])
        known[row] = max(known.get(row, 0), int(journal.start[at] + journal.length[at]))
    return known


def uncovered(what: str) -> StreamerError:
    """Return the error for what the journal does not say: 78."""
    return StreamerError(
        f"the journal does not say {what}",
        hint="a new model, in another --checkpoints folder, can be trained without it",
        code=ExitCode.CONFIGURATION,
    )
