"""Fold the rows of files that were gone for long into a short record of each; what all rows add up to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.ledger.entries import COPY, IN_TRAINING, OUTCOMES
from streamer.ledger.folded import DIGEST, Folded, Sums, name_key
from streamer.ledger.rows import GONE, REFUSED, SKIPPED, TRAINED, FrozenRows, Rows
from streamer.ledger.spans import Spans
from streamer.ledger.table import PIECE

Mask = npt.NDArray[np.bool_]
Class = Callable[[str], str]

_LARGEST = np.iinfo(np.uint32).max


def accounts(rows: FrozenRows) -> dict[str, npt.NDArray[np.int64]]:
    """Return bytes and words of all rows by name: each (n,) int64; of a removed row, they mean nothing."""
    table, more = rows.table, rows.more
    outcome, size = table.array("outcome"), table.array("size")
    text, trained = size.copy(), np.where(outcome == TRAINED, size, 0)
    start, offset = np.zeros(len(size), np.int64), np.zeros(len(size), np.int64)
    links = table.array("more")
    has = np.flatnonzero(links >= 0)
    for column, name in ((text, "text_bytes"), (trained, "bytes_trained"), (start, "start"), (offset, "offset")):
        column[has] = more.array(name)[links[has]]
    reason = table.array("reason")
    training = np.isin(reason, [number for number, text in enumerate(rows.reasons) if text == IN_TRAINING])
    skipped = np.where(training, start, text - trained)
    skipped = np.where(np.isin(outcome, REFUSED), np.where(text > 0, text, size), skipped)
    return {
        "text_bytes": text, "start": start, "offset": offset, "bytes_trained": trained, "bytes_skipped": skipped,
        "words": table.array("words"),
    }  # fmt: skip


def sums(rows: FrozenRows, of: Class) -> dict[tuple[str, str], Sums]:
    """Return what rows add up to, by outcome and class of reason.

    Args:
        rows: The rows.
        of: Returns the class of a reason.
    """
    found = accounts(rows)
    outcome, reason = rows.table.array("outcome"), rows.table.array("reason").astype(np.int64)
    chosen = outcome != GONE
    copied = (found["start"] > 0) & np.isin(reason, [at for at, text in enumerate(rows.reasons) if not text])
    reason[copied] = len(rows.reasons)  # of these, the beginning is a copy
    classes = [of(text) for text in rows.reasons] + [of(COPY)]
    groups = (outcome * np.int64(len(classes)) + reason)[chosen]
    total: dict[tuple[str, str], Sums] = {}
    for group in np.unique(groups).tolist():
        mine = groups == group
        key = OUTCOMES[group // len(classes)], classes[group % len(classes)]
        columns = (found[name][chosen][mine] for name in ("bytes_trained", "bytes_skipped", "words"))
        one = Sums(int(mine.sum()), *map(_total, columns))
        total[key] = total.get(key, Sums()).plus(one)
    return total


def _total(column: npt.NDArray[np.int64]) -> int:
    """Return the sum of numbers that are not negative, beyond 64 bits too: a sparse file may have 2⁶³ − 1 bytes."""
    return (int((column >> 32).sum()) << 32) + int((column & 0xFFFFFFFF).sum())


def fold(rows: Rows, spans: Spans, folded: Folded, going: Mask, of: Class) -> npt.NDArray[np.int32]:
    """Fold rows; return the new number of each row that stays, −1 for the others: (n,).

    Args:
        rows: The rows.
        spans: The journal: what was trained of folded files becomes nameless in it.
        folded: The files that are folded already.
        going: The rows to fold, as of :func:`due`: (n,).
        of: Returns the class of a reason.
    """
    frozen = rows.freeze()
    found, table = accounts(frozen), frozen.table
    keep = ~going & (table.array("outcome") != GONE)
    numbers = np.flatnonzero(going)
    refused = table.array("outcome")[numbers] == SKIPPED
    columns: dict[str, npt.NDArray[Any]] = {name: table.array(name)[numbers] for name in ("head", "passes", "moved")}
    columns |= {name: found[name][numbers] for name in ("start", "words")}
    columns["text_bytes"] = np.where(refused, found["bytes_skipped"][numbers], found["text_bytes"][numbers])
    columns["name"] = np.fromiter((name_key(path) for _, path in rows.paths(going)), np.uint64, len(numbers))
    columns["sha256"] = table.array("sha256")[numbers, :DIGEST]
    copies = [number for number, text in enumerate(frozen.reasons) if text == COPY]
    columns["sha256"][refused & ~np.isin(table.array("reason")[numbers], copies)] = 0
    for name, texts, known in (
        ("format", frozen.formats, folded.formats),
        ("encoding", frozen.encodings, folded.encodings),
        ("reason", ["" if text in ("", IN_TRAINING) else of(text) for text in frozen.reasons], folded.reasons),
    ):
        chosen, places = np.unique(table.array(name)[numbers], return_inverse=True)
        columns[name] = np.array([known.code(texts[code]) for code in chosen.tolist()], np.uint16)[places]
    del frozen, table, found  # who holds what is frozen has all rows twice
    folded.add(columns)
    number = rows.compact(keep)
    spans.renumber(number)
    return number


def missed(rows: Rows, here: Mask, now: int, inside: Callable[[str], bool]) -> bool:
    """Note since when files are gone, and return whether any has gone or returned; see :meth:`.ledger.Ledger.end_scan`.

    Args:
        rows: The rows.
        here: The rows whose files were there, of those that there were at the beginning of the scan: (m,).
        now: Seconds since 1970.
        inside: Returns whether a file is one of those that were scanned.
    """
    gone, there = rows.table.column("gone"), np.ones(len(rows), np.bool_)
    ahead = gone > now
    rows.table.change("gone", ahead, now)  # the clock was set back
    there[: len(here)] = here
    returned = there & (gone > 0)
    rows.table.change("gone", returned, 0)
    missing = ~there & (gone == 0) & _newest(rows)
    for row, path in rows.paths(missing.copy()):
        missing[row] = inside(path)
    rows.table.change("gone", missing, max(1, now))
    return bool(returned.any() or missing.any() or ahead.any())


def due(rows: Rows, before: int) -> Mask:
    """Return the rows of the files that are gone since before a time, without files that can't be folded: (n,)."""
    gone = rows.table.column("gone")
    past = (gone > 0) & (gone <= before)
    if not past.any():
        return past  # as nearly always
    going = _whole_files(rows.freeze(), past & _newest(rows))
    going &= rows.table.column("outcome") != GONE
    return going


def worthwhile(going: Mask) -> bool:
    """Return whether so many are to be folded that all rows may be moved: this takes a second for a million."""
    count = int(np.count_nonzero(going))
    return count > 0 and (len(going) <= PIECE or 8 * count >= len(going))


def _newest(rows: Rows) -> Mask:
    """Return which rows are the newest of their files: (n,)."""
    older, newest = rows.table.column("older"), np.ones(len(rows), np.bool_)
    newest[older[older >= 0]] = False
    return newest


def _whole_files(rows: FrozenRows, newest: Mask) -> Mask:
    """Return all rows of those files that can be folded, given the newest row of each: (n,).

    What was forgotten never is: a text must be known by its whole digest for ever.
    """
    table, found = rows.table, accounts(rows)
    outcome, older = table.array("outcome"), table.array("older")
    largest = np.maximum.reduce([found[name] for name in ("text_bytes", "start", "words", "bytes_skipped")])
    trained = table.array("sha256").any(axis=1) & (table.array("passes") <= np.iinfo(np.uint16).max)
    trained &= found["offset"] == 0  # else a later pass stopped there
    can = (outcome == GONE) | ((largest <= _LARGEST) & ((outcome == SKIPPED) | ((outcome == TRAINED) & trained)))
    row = np.flatnonzero(newest)
    whole, chains = np.ones(len(row), np.bool_), []
    while (there := row >= 0).any():
        whole[there] &= can[row[there]]
        chains.append(row)
        row = np.where(there, older[row], -1)
    going = np.zeros(len(newest), np.bool_)
    for row in chains:
        going[row[(row >= 0) & whole]] = True
    return going
