"""What to do next with a file that was checked, and which bytes of it were trained so far.

A path has one row for every version of it that was trained, and at most one for a version that was refused. The intake
remembers nothing else. The rows are stored in the same checkpoint as the weights that those bytes shaped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.ledger import columns as stored
from streamer.ledger.entries import (
    CHANGED,
    COPY,
    IN_TRAINING,
    NO_DIGEST,
    OUTCOMES,
    REWRITTEN,
    Entry,
    Known,
    Signature,
    Verdict,
)
from streamer.ledger.rows import SKIPPED, FrozenRows, Rows, fit
from streamer.ledger.spans import Spans
from streamer.ledger.table import Frozen

ENOUGH = 1 << 10
"""Bytes that two texts must have in common, if no line ends there: short ones may be alike by chance."""


class FrozenLedger(NamedTuple):
    """A ledger at one moment."""

    root: str
    rows: FrozenRows
    spans: Frozen

    def leaves(self) -> dict[str, Any]:
        """Return the folder, and the columns; these may be made when they are read."""
        return {"root": self.root, **stored.to_columns(self.rows, self.spans)}


class Ledger:
    """The rows, and what to do next with a file that was checked."""

    def __init__(self, root: str = "") -> None:
        self._root = root
        self._rows = Rows()
        self._spans = Spans()
        self._open: dict[int, Entry] = {}  # by row: what is written to a row only when it is stored
        self._planned: Entry | None = None  # no byte of it is trained, so it has no row yet

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
        """Return the recipes by which its files were read, as a new list."""
        return list(self._rows.formats.texts)

    @property
    def encodings(self) -> list[str]:
        """Return the codecs by which its files were read, as a new list; one may be empty, for not known."""
        return list(self._rows.encodings.texts)

    @property
    def entries(self) -> list[Entry]:
        """Return the rows in the order in which they were begun, as a new list."""
        return list(self)

    @property
    def under_way(self) -> Entry | None:
        """Return the entry in the middle of a pass, or None. It must be resumed before anything else."""
        return self._open[min(self._open)] if self._open else None

    def outcomes(self) -> dict[str, int]:
        """Return the number of rows for each outcome."""
        self._flush()
        counts = np.bincount(self._rows.table.column("outcome"), minlength=len(OUTCOMES))
        return dict(zip(OUTCOMES, counts.tolist()[: len(OUTCOMES)], strict=True))

    def seen(self, path: str, signature: Signature, passes: int = 1) -> bool:
        """Return whether there is nothing to do for a file with this signature. O(1)."""
        row = self._rows.find(path)
        if row < 0:
            return False
        if row not in self._open and self._rows.settled(row, signature, passes):
            return True
        for row in self._rows.versions(path):
            if row in self._open:
                continue
            if _alike(self._rows.signature(row), signature):
                return self._rows.outcome(row) == "skipped" or self._rows.load(row).finished(passes)
            if self._rows.outcome(row) == "skipped":
                return False
        return False

    def knows(self, path: str) -> bool:
        """Return whether there is a row for a file. O(1)."""
        return self._rows.find(path) >= 0 and next(self._rows.versions(path), -1) >= 0

    def refusal(self, path: str) -> str | None:
        """Return why the newest version of a file was refused, or None if it was not."""
        refused = self._refused(path)
        return refused.explanation if refused else None

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

    def known(self, path: str, *, duplicates: str = "skip") -> Known:
        """Return what a reader of a file needs to find out what of it was trained before."""
        by_head = self._lengths if duplicates == "skip" else lambda head: ()
        if not self.knows(path):
            return Known(by_head=by_head)  # almost every file
        versions = [entry for entry in self._versions(path) if entry.known]
        lengths = frozenset(length for entry in versions for length in (entry.text_bytes, entry.signature.size))
        size, encoding = (versions[0].signature.size, versions[0].encoding) if versions else (-1, "")
        return Known(size, encoding, lengths, by_head)

    def _lengths(self, head: int) -> Collection[int]:
        rows = self._rows.with_head(head)
        return {self._entry(row).text_bytes for row in rows} if rows else ()

    def begins(self, path: str, verdict: Verdict) -> bool:
        """Return whether a file is a version that was trained, or begins with the text of one and goes on."""
        return any(entry.known and (entry.same(verdict) or entry.grown(verdict)) for entry in self._versions(path))

    def plan(  # noqa: PLR0911 - one for each line of the table
        self,
        path: str,
        verdict: Verdict,
        *,
        on_change: str = "skip",
        duplicates: str = "skip",
        passes: int = 1,
        moved: Callable[[str, Signature], bool] = lambda path, signature: False,
    ) -> Entry | None:
        """Return the entry to train from its offset on, or None if there is nothing to train.

        The same content is never trained again, under no name. If text was added to a file, only that text is trained.
        A rewritten file is refused or, with ``on_change="retrain"``, trained as a new version. See the table in
        ``tests/ledger``.

        Args:
            path: The file.
            verdict: What was found in it.
            on_change: What to do if it was rewritten.
            duplicates: ``"train"``: do not look for its content under other names.
            passes: Passes that are wanted.
            moved: Returns whether a file no longer has the signature that it had.
        """
        self._planned = None
        versions = self._versions(path)
        same = next((entry for entry in versions if entry.same(verdict)), None)
        # A text whose training has begun is not judged again: stricter settings would count its bytes twice.
        if verdict.refusal is not None and (same is None or not same.known):
            self._refuse(path, verdict, verdict.refusal)
            return None
        if same is not None and same.finished(passes):
            return self._keep(same, verdict, passes)
        length, source = self._elsewhere(path, verdict, moved) if duplicates == "skip" else (0, None)
        if source and length == verdict.text_bytes and (same is None or same.known < length):
            self._mark_moved(source)
            self._refuse(path, verdict, COPY, source)
            return None
        if same is not None:
            return self._keep(same, verdict, passes)
        newest = versions[0] if versions else None
        if newest and newest.known >= length and newest.grown(verdict):
            return self._grow(newest, verdict, passes)
        if newest and newest.under_way:
            self.abandon(newest, CHANGED)
        if newest is None or newest.moved or source or on_change == "retrain":
            return self._begin_new(path, verdict, length, source)
        self._refuse(path, verdict, REWRITTEN)
        return None

    def advance(self, entry: Entry, offset: int, words: int) -> None:
        """Record that the text from the entry's offset to a new one was trained, and how many words it had.

        Raises ValueError if the entry is not under way, or the offset is not between the old one and the text's end.
        """
        if not entry.under_way or not entry.offset < offset <= entry.text_bytes:
            raise ValueError(f"cannot advance {entry} to {offset}")
        if entry.row < 0:
            if self.knows(entry.path):
                self._drop_refused(entry.path)
            self._rows.append(entry)
            self._open[entry.row] = entry
            self._planned = None
        fresh = offset - max(entry.offset, entry.known)
        self._spans.add(entry.row, entry.offset, offset, entry.passes)
        if fresh > 0:
            # A block is partly fresh only if the file grew in a later pass: then words are counted in proportion.
            entry.words += words * fresh // (offset - entry.offset)
            entry.bytes_trained = offset - entry.start
        entry.offset = offset

    def finish(self, entry: Entry) -> None:
        """End a pass; raise ValueError if the entry is not under way or not at the end of its text."""
        if not entry.under_way or entry.offset != entry.text_bytes or entry.row < 0:
            raise ValueError(f"cannot finish {entry}")
        entry.passes += 1
        entry.offset = 0
        entry.outcome, entry.reason = "trained", ""
        self._close(entry)

    def abandon(self, entry: Entry, reason: str) -> None:
        """Give up a pass: the bytes that no pass has covered are skipped. If the same content returns, it continues.

        If an earlier pass covered all bytes, the outcome is "trained", without a reason.
        """
        whole = entry.known == entry.text_bytes
        entry.outcome, entry.reason = ("trained", "") if whole else ("partial", reason)
        if entry.row >= 0:
            self._close(entry)
        else:
            self._planned = None

    def refuse(self, path: str, signature: Signature, reason: str) -> None:
        """Record something that can't be opened or is not a regular file."""
        self._refuse(path, Verdict(signature, NO_DIGEST, 0), reason)

    def _entry(self, row: int) -> Entry:
        return self._open.get(row) or self._rows.load(row)

    def _versions(self, path: str) -> list[Entry]:
        """Return the versions of a file that were trained, at least in part, the newest first."""
        rows = self._rows
        return [self._entry(row) for row in rows.versions(path) if row in self._open or rows.outcome(row) != "skipped"]

    def _refused(self, path: str) -> Entry | None:
        found = (row for row in self._rows.versions(path) if self._rows.outcome(row) == "skipped")
        return next(map(self._rows.load, found), None)

    def _elsewhere(
        self, path: str, verdict: Verdict, moved: Callable[[str, Signature], bool]
    ) -> tuple[int, Entry | None]:
        """Return how many bytes at the beginning were trained as part of another row, the most, and that row."""
        best: tuple[int, Entry | None] = 0, None
        rows = {row for head in verdict.heads for row in self._rows.with_head(head)}
        if not rows:
            return best
        digests = {**verdict.prefixes, verdict.text_bytes: verdict.text_sha256}
        for row in sorted(rows):
            entry = self._entry(row)
            if entry.path == path and entry.text_sha256 == verdict.text_sha256:
                continue
            digest = digests.get(entry.text_bytes, NO_DIGEST)
            if digest == NO_DIGEST or digest != entry.text_sha256 or entry.known <= best[0]:
                continue
            length = entry.known
            whole = length in (entry.text_bytes, verdict.text_bytes)
            sure = length >= min(ENOUGH, verdict.text_bytes) or length in verdict.line_ends or not whole
            if sure or moved(entry.path, entry.signature):
                best = length, entry
        return best

    def _mark_moved(self, entry: Entry) -> None:
        """Remember that what a row holds is under another name too, so that its own file may begin anew."""
        if not entry.moved:
            entry.moved = True
            self._store(entry)
        refused = self._refused(entry.path)
        if refused and refused.reason == REWRITTEN:
            refused.signature = Signature(refused.signature.size, refused.signature.mtime_ns, -1)
            self._rows.store(refused)

    def _begin_new(self, path: str, verdict: Verdict, start: int, source: Entry | None) -> Entry:
        entry = Entry(path, verdict.signature, verdict.sha256, verdict.text_bytes, format=verdict.format)
        entry.encoding, entry.text_sha256, entry.head = verdict.encoding, verdict.text_sha256, _head(verdict)
        if source:
            self._mark_moved(source)
            entry.start = entry.offset = start
            entry.source, entry.copy_of = source.row, source.path
            entry.format, entry.encoding = source.format, source.encoding or verdict.encoding
        self._planned = entry
        return entry

    def _keep(self, entry: Entry, verdict: Verdict, passes: int) -> Entry | None:
        entry.signature = verdict.signature
        entry.sha256, entry.text_sha256, entry.head = verdict.sha256, verdict.text_sha256, _head(verdict)
        entry.encoding = entry.encoding or verdict.encoding
        for other in self._versions(entry.path):
            if other.under_way and other.row != entry.row:
                self.abandon(other, CHANGED)
        self._drop_refused(entry.path)
        if entry.finished(passes):
            self._store(entry)
            return None
        entry.outcome, entry.reason = "partial", IN_TRAINING
        entry.offset = max(entry.offset, entry.start)
        self._open[entry.row] = entry
        return entry

    def _grow(self, entry: Entry, verdict: Verdict, passes: int) -> Entry | None:
        end, whole = entry.text_bytes, entry.offset == 0 and entry.passes > 0
        entry.text_bytes = verdict.text_bytes
        if whole and entry.text_bytes > end:  # an empty gzip member adds bytes on disk, but none of text
            entry.offset = end
            entry.passes -= 1
        return self._keep(entry, verdict, passes)

    def _refuse(self, path: str, verdict: Verdict, reason: str, source: Entry | None = None) -> None:
        for version in self._versions(path):
            if version.under_way:
                self.abandon(version, CHANGED if reason == COPY else reason)
        entry = self._refused(path) or Entry(path, verdict.signature, verdict.sha256, 0)
        entry.signature, entry.sha256, entry.text_sha256 = verdict.signature, verdict.sha256, verdict.text_sha256
        entry.text_bytes, entry.outcome, entry.reason, entry.head = verdict.text_bytes, "skipped", reason, 0
        entry.source = source.row if source else -1
        if entry.row < 0:
            self._rows.append(entry)
        else:
            self._rows.store(entry)

    def _drop_refused(self, path: str) -> None:
        if entry := self._refused(path):
            self._rows.remove(entry.row)

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
        return FrozenLedger(self._root, self._rows.freeze(), self._spans.freeze())

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the rows as columns, in the order in which they were begun; see ``docs/checkpoint-format.md``.

        The same rows always give the same bytes.
        """
        leaves = self.freeze().leaves()
        return {name: np.asarray(leaf) for name, leaf in leaves.items() if name != "root"}

    @classmethod
    def from_arrays(cls, columns: Mapping[str, npt.NDArray[Any]], root: str = "") -> Ledger:
        """Return the ledger of a folder whose :meth:`to_arrays` returned these columns.

        Raises StreamerError with exit code 65 if a column is missing, has another length than ``paths``, or contains
        impossible values.
        """
        ledger = cls(root)
        for row in stored.restore(columns, ledger._rows, ledger._spans):
            ledger._open[row] = ledger._rows.load(row)
        return ledger


def _head(verdict: Verdict) -> int:
    return verdict.heads[-1] if verdict.heads else 0


def _alike(known: Signature, found: Signature) -> bool:
    """Return whether two signatures are the same; the first is clipped to 64 bits."""
    return known == found or known == Signature(*map(fit, found))
