"""What is known of the files that were read: their rows, what was folded, and what they add up to.

The intake remembers nothing else. The rows are stored in the same checkpoint as the weights that their bytes shaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from streamer.ledger import columns as stored
from streamer.ledger.entries import COPY, NOTHING, OUTCOMES, Entry, Signature
from streamer.ledger.folded import Folded, FrozenFolded, Sums
from streamer.ledger.folding import due, fold, missed, sums, worthwhile
from streamer.ledger.rows import GONE, SKIPPED, FrozenRows, Rows, fit
from streamer.ledger.spans import Spans
from streamer.ledger.table import Frozen

Follow = Callable[[npt.NDArray[np.int32]], None]


class FrozenLedger(NamedTuple):
    """A ledger at one moment."""

    root: str
    rows: FrozenRows
    spans: Frozen
    folded: FrozenFolded

    def leaves(self) -> dict[str, Any]:
        """Return the folder, and the columns; these may be made when they are read."""
        return {"root": self.root, **stored.to_columns(self.rows, self.spans, self.folded)}

    def numbers(self) -> npt.NDArray[np.uint32] | None:
        """Return the number that each row has in the columns: (n,); None if it is the same. Of removed rows, any."""
        return stored.numbers(self.rows.table.array("outcome") != GONE)


class Register:
    """A path has one row for every version of it that was trained, and at most one for a version that was refused."""

    def __init__(self, root: str = "") -> None:
        self._root = root
        self._rows = Rows()
        self._spans = Spans()
        self._open: dict[int, Entry] = {}  # by row: what is written to a row only when it is stored
        self._folded = Folded()
        self._freed = False  # whether a file that was refused as rewritten is to be checked again
        self._here: bytearray | None = None  # during a scan: the rows whose files are there

    @property
    def root(self) -> str:
        """Return the folder that relative paths are relative to; empty if there is none."""
        return self._root

    def adopt(self, root: str) -> None:
        """Set the folder that relative paths are relative to."""
        self._root = root

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows) - len(self._rows.removed)

    def __iter__(self) -> Iterator[Entry]:
        """Yield the rows in the order in which they were begun."""
        return map(self._entry, self._rows)

    @property
    def formats(self) -> list[str]:
        """Return the recipes by which its files were read, with those of folded ones, as a new list."""
        return list(dict.fromkeys([*self._rows.formats.texts, *self._folded.formats.texts]))

    @property
    def encodings(self) -> list[str]:
        """Return the codecs by which its files, also folded ones, were read; one may be empty, for not known."""
        return list(dict.fromkeys([*self._rows.encodings.texts, *self._folded.encodings.texts]))

    @property
    def entries(self) -> list[Entry]:
        """Return the rows in the order in which they were begun, as a new list."""
        return list(self)

    @property
    def under_way(self) -> Entry | None:
        """Return the entry in the middle of a pass, or None. It must be resumed before anything else."""
        return self._open[min(self._open)] if self._open else None

    def outcomes(self) -> dict[str, int]:
        """Return the number of rows for each outcome, with those that were folded."""
        self._flush()
        counts = np.bincount(self._rows.table.column("outcome"), minlength=len(OUTCOMES)).tolist()
        found = dict(zip(OUTCOMES, counts[: len(OUTCOMES)], strict=True))
        for (outcome, _), one in self.folded.items():
            found[outcome] += one.files
        return found

    @property
    def folded(self) -> dict[tuple[str, str], Sums]:
        """Return what the files add up to that were folded, by outcome and class of reason."""
        return self._folded.freeze().sums()

    def seen(self, path: str, signature: Signature, passes: int = 1) -> bool:
        """Return whether there is nothing to do for a file with this signature. O(1)."""
        row = self._rows.find(path)
        if row < 0:
            return False
        if self._here is not None and row < len(self._here):
            self._here[row] = 1
        if row not in self._open and self._rows.settled(row, signature, passes):
            return True
        for row in self._rows.versions(path):
            if row in self._open:
                continue
            if _alike(self._rows.signature(row), signature):
                return self._rows.outcome(row) in (*NOTHING, "held") or self._rows.load(row).finished(passes)
            if self._rows.outcome(row) == "skipped":
                return False
        return False

    def knows(self, path: str) -> bool:
        """Return whether there is a row for a file. O(1)."""
        listed = self._rows.find(path) >= 0 and next(self._rows.versions(path), -1) >= 0
        return listed or bool(self._folded.of_name(path))

    def refusal(self, path: str) -> str | None:
        """Return why the newest version of a file was refused, or None if it was not."""
        refused = self._refused(path)
        return refused.explanation if refused else None

    def freed(self) -> bool:
        """Return whether, since this was asked last, a name was freed whose file was refused: it has its turn again."""
        freed, self._freed = self._freed, False
        return freed

    def reconsider(self, stale: Callable[[Entry], bool]) -> None:
        """Forget the signatures of files whose refusal is stale, so that they are checked again.

        Of copies, of which there may be millions, only one is asked about.
        """
        table, copies = self._rows.table, self._rows.reasons.texts
        of_copies = copies.index(COPY) if COPY in copies else -1
        reasons = table.column("reason")
        refused = table.column("outcome") == SKIPPED
        again = np.zeros(len(refused), np.bool_)
        for row in np.flatnonzero(refused & (reasons != of_copies)).tolist():
            again[row] = stale(self._rows.load(row))
        if len(rows := np.flatnonzero(refused & (reasons == of_copies))) and stale(self._rows.load(int(rows[0]))):
            again[rows] = True
        table.change("ctime_ns", again, -1)

    def begin_scan(self) -> None:
        """From now on, remember which files were asked for with :meth:`seen`."""
        self._here = bytearray(len(self._rows))

    def end_scan(self, now: int, inside: Callable[[str], bool]) -> bool:
        """Note which files were missed for the first time since :meth:`begin_scan`, and which have returned.

        Returns whether there are any.

        Args:
            now: Seconds since 1970.
            inside: Returns whether a file is one of those that were scanned.
        """
        assert self._here is not None
        noted = missed(self._rows, np.frombuffer(self._here, np.bool_), now, inside)
        self._here = None
        return noted

    def fold(self, before: int, of: Callable[[str], str], follow: Follow = lambda number: None) -> int:
        """Fold the files that are gone since before a time, in seconds since 1970; return how many versions that are.

        What is decided of later files stays the same. If few are due among many, nothing is done yet.

        Args:
            before: The time.
            of: Returns the class of a reason: the sums are by class.
            follow: Called with the new number of each row, −1 if it has none: (n,) int32.
        """
        self._flush()
        going = due(self._rows, before)
        if not worthwhile(going):
            return 0
        number = fold(self._rows, self._spans, self._folded, going, of)
        self._open = {int(number[row]): entry for row, entry in self._open.items()}
        for row, entry in self._open.items():
            entry.row = row
            entry.source = int(number[entry.source]) if entry.source >= 0 else -1
        follow(number)
        return int(np.count_nonzero(going))

    def sums(self, of: Callable[[str], str]) -> dict[tuple[str, str], Sums]:
        """Return what all files add up to, with those that were folded, by outcome and class of reason."""
        self._flush()
        total = sums(self._rows.freeze(), of)
        for key, one in self.folded.items():
            total[key] = total.get(key, Sums()).plus(one)
        return total

    def entry(self, row: int) -> Entry:
        """Return a row by its number: one that was not removed."""
        return self._entry(row)

    def _entry(self, row: int) -> Entry:
        return self._open.get(row) or self._rows.load(row)

    def _versions(self, path: str) -> list[Entry]:
        """Return the versions of a file that were trained, at least in part, the newest first."""
        rows, folded = self._rows, self._folded
        listed = [
            self._entry(row) for row in rows.versions(path) if row in self._open or rows.outcome(row) not in NOTHING
        ]
        numbers = (number for number in reversed(folded.of_name(path)) if not folded.refused(number))
        return listed + [folded.load(number, path) for number in numbers]

    def _refused(self, path: str) -> Entry | None:
        found = (row for row in self._rows.versions(path) if self._rows.outcome(row) == "skipped")
        return next(map(self._rows.load, found), None)

    def _close(self, entry: Entry) -> None:
        self._open.pop(entry.row, None)
        self._rows.store(entry)

    def _store(self, entry: Entry) -> None:
        if entry.row not in self._open:
            self._rows.store(entry)

    def _flush(self) -> None:
        """Write the entries under way to their rows."""
        for entry in self._open.values():
            self._rows.store(entry)

    def freeze(self) -> FrozenLedger:
        """Return the ledger as it is now. This takes no time: what changes afterwards is copied first."""
        self._flush()
        return FrozenLedger(self._root, self._rows.freeze(), self._spans.freeze(), self._folded.freeze())

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the rows as columns, in the order in which they were begun; see ``docs/checkpoint-format.md``.

        The same rows always give the same bytes.
        """
        leaves = self.freeze().leaves()
        return {name: np.asarray(leaf) for name, leaf in leaves.items() if name != "root"}

    @classmethod
    def from_arrays(cls, columns: stored.Columns, root: str = "") -> Self:
        """Return the ledger of a folder whose :meth:`to_arrays` returned these columns; it empties them.

        Raises StreamerError with exit code 65 if a column is missing, has another length than ``paths``, or contains
        impossible values.
        """
        ledger = cls(root)
        for row in stored.restore(columns, ledger._rows, ledger._spans, ledger._folded):
            ledger._open[row] = ledger._rows.load(row)
        return ledger


def _alike(known: Signature, found: Signature) -> bool:
    """Return whether two signatures are the same; the first is clipped to 64 bits."""
    return known == found or known == Signature(*map(fit, found))
