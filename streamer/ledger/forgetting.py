"""What of a ledger is taken out: which rows are of one text, and how a text that was forgotten is known for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.ledger.entries import FORGOTTEN, NO_DIGEST, Entry, Verdict, alike
from streamer.ledger.register import Register
from streamer.ledger.rows import FORGOTTEN as OUT
from streamer.ledger.rows import GONE
from streamer.ledger.spans import SPAN

ENOUGH = 1 << 10
"""Bytes that two texts must have in common, if no line ends there: short ones may be alike by chance."""

Ints = npt.NDArray[np.int64]


class Journal(NamedTuple):
    """What was trained, in order: P spans, as in :data:`streamer.ledger.spans.SPAN`; each (P,) int64."""

    row: Ints
    start: Ints
    length: Ints
    passes: Ints
    blocks: Ints
    ended: Ints


class Forgetting(Register):
    """Finds all rows of a text, and takes them out."""

    def __init__(self, root: str = "") -> None:
        super().__init__(root)
        self._forgot: bool | None = None  # not looked yet

    @property
    def has_forgotten(self) -> bool:
        """Return whether any text was forgotten."""
        if self._forgot is None:
            self._forgot = bool((self._rows.table.column("outcome") == OUT).any())
        return self._forgot

    def journal(self) -> Journal:
        """Return what was trained, in order; of spans without a row, see :data:`.spans.NAMELESS`."""
        frozen = self._spans.freeze()
        return Journal(*(frozen.array(name).astype(np.int64) for name in SPAN))

    def named(self, path: str) -> list[int]:
        """Return all rows of a file, the newest first; those that were folded have none."""
        return list(self._rows.versions(path))

    def is_folded(self, path: str) -> bool:
        """Return whether a version of a file was trained and folded: its place in the stream is no longer known."""
        return any(not self._folded.refused(number) for number in self._folded.of_name(path))

    def with_digest(self, digest: bytes) -> list[int]:
        """Return the rows with the SHA-256 of a text, or of the bytes of a file."""
        if digest == NO_DIGEST:
            return []
        frozen = self._rows.freeze()
        there = frozen.table.array("outcome") != GONE
        wanted = np.frombuffer(digest, np.uint8)
        found = (frozen.table.array("sha256") == wanted).all(axis=1)
        links = frozen.table.array("more")
        more = (frozen.more.array("sha256") == wanted).all(axis=1)
        found[links >= 0] |= more[links[links >= 0]]
        return np.flatnonzero(found & there).tolist()

    def family(self, rows: Iterable[int]) -> list[int]:
        """Return these rows, and all others with the same text: copies, and files that begin with it and go on.

        A file that was refused as a copy stands for the one that was trained. Of one that began as a copy, only what
        it added is its own.
        """
        frozen = self._rows.freeze()
        digests, links = frozen.table.array("sha256"), frozen.table.array("more")
        there = frozen.table.array("outcome") != GONE
        keys = np.ascontiguousarray(digests[:, :8]).view(np.uint64)[:, 0]
        source = np.full(len(links), -1, np.int64)
        source[links >= 0] = frozen.more.array("source")[links[links >= 0]]
        found, fresh = set[int](), set(rows)
        while fresh:
            found |= fresh
            known = {digests[row].tobytes() for row in fresh if self._entry(row).text_bytes} - {NO_DIGEST}
            alike_rows = np.flatnonzero(there & np.isin(keys, [keys[row] for row in fresh])).tolist()
            same = {row for row in alike_rows if digests[row].tobytes() in known}
            begun = set(np.flatnonzero(there & np.isin(source, list(fresh))).tolist())
            of = {int(source[row]) for row in fresh if source[row] >= 0 and self._entry(row).copied}
            fresh = (same | begun | of) - found
        return sorted(found)

    def forget(self, rows: Collection[int]) -> None:
        """Take out all rows of a text, as of :meth:`family`; from now on, :meth:`.Ledger.plan` refuses it."""
        for row in rows:
            entry = self._entry(row)
            entry.outcome, entry.reason = "forgotten", FORGOTTEN
            entry.words = entry.bytes_trained = entry.passes = entry.offset = entry.start = 0
            entry.source, entry.copy_of, entry.moved = -1, "", False
            if not entry.head and entry.text_sha256 != NO_DIGEST:
                entry.head = int.from_bytes(entry.text_sha256[:4]) or 1
            self._close(entry)
        self._spans.leave_out(rows)
        self._forgot = True

    def withdraw(self, rows: Collection[int]) -> None:
        """Take out files without forgetting them: they are trained when they are found again, as their copies are."""
        gone = set(rows)
        for entry in self.entries:
            if entry.row in gone or (entry.copied and entry.source in gone):
                self._open.pop(entry.row, None)
                self._rows.remove(entry.row)
        self._spans.leave_out(gone)

    def remember(self, others: Iterable[Entry]) -> None:
        """Add rows of another ledger, of files of which nothing was trained; they are changed."""
        for entry in others:
            entry.row = -1
            self._rows.append(entry)
            self._forgot = None

    def _forgotten(self, path: str, verdict: Verdict) -> Entry | None:
        """Return the row of a text that was forgotten, and that a text is or begins with."""
        if not self.has_forgotten or verdict.text_sha256 == NO_DIGEST:
            return None
        digests = {**verdict.prefixes, verdict.text_bytes: verdict.text_sha256}
        rows = self._rows.heads.find(verdict.heads, digests.values()) | set(self._rows.versions(path))
        for row in sorted(rows):
            if self._rows.outcome(row) != "forgotten":
                continue
            entry = self._rows.load(row)
            length = entry.text_bytes
            sure = length in (verdict.text_bytes, *verdict.line_ends) or length >= ENOUGH or entry.path == path
            if sure and alike(digests.get(length, NO_DIGEST), entry.text_sha256):
                return entry
        return None
