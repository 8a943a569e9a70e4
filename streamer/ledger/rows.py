"""The rows of a ledger in little memory: some 135 bytes a file beside its name, wherever the file was put.

A row that is removed leaves a gap until the ledger is stored and read again. So the number of a row never changes while
the process runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.ledger.entries import OUTCOMES, Entry, Signature
from streamer.ledger.heads import Heads, Text
from streamer.ledger.index import Index
from streamer.ledger.table import BITS, PIECE, Column, Frozen, Table

ROW = {
    "name": "u4", "older": "i4", "size": "i8", "mtime_ns": "i8", "ctime_ns": "i8", "words": "i8", "sha256": "V32",
    "head": "u4", "passes": "u4", "reason": "u4", "format": "u2", "encoding": "u2", "outcome": "u1", "moved": "u1",
    "more": "i4", "gone": "u4",
}  # fmt: skip
"""``name`` is where the name begins; ``older`` the row before of the same name; ``more`` a row of :data:`MORE`;
``gone`` when the file was first missed, in seconds since 1970."""
MORE = {
    "row": "i4", "text_bytes": "i8", "bytes_trained": "i8", "start": "i8", "offset": "i8", "source": "i4",
    "sha256": "V32",
}  # fmt: skip
"""What only some rows need: those of files that are packed, partly trained, or copies. Here ``sha256`` is that of the
bytes on disk, in :data:`ROW` that of the text."""
GONE = len(OUTCOMES)
"""The outcome of a row that was removed."""
TRAINED, SKIPPED, FORGOTTEN = map(OUTCOMES.index, ("trained", "skipped", "forgotten"))
REFUSED = (SKIPPED, FORGOTTEN)
"""The outcomes of rows of which nothing was trained."""

Columns = dict[str, npt.NDArray[Any]]

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_SLASH = ord("/")
_STEP = 1 << 22


class Texts:
    """Distinct texts, each with a number."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, text: str) -> int:
        """Return the number of a text."""
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = len(self.texts)
            self.texts.append(text)
        return code


class FrozenRows(NamedTuple):
    """All rows at one moment.

    Attributes:
        table: :data:`ROW`.
        more: :data:`MORE`.
        blobs: The names of each piece of the table, and how many bytes of them there are.
        reasons: What the numbers in ``reason`` mean.
        formats: The same.
        encodings: The same.
    """

    table: Frozen
    more: Frozen
    blobs: list[tuple[bytearray, int]]
    reasons: list[str]
    formats: list[str]
    encodings: list[str]

    def names(self, keep: npt.NDArray[np.bool_] | None = None) -> Column:
        """Return the names, each followed by a NUL, as a column of bytes."""

        def pieces() -> Iterator[npt.NDArray[np.uint8]]:
            for at, (blob, length) in enumerate(self.blobs):
                names = np.frombuffer(blob[:length], np.uint8)  # a copy: what is looked at can't grow
                yield names if keep is None else _some_names(names, keep[at << BITS : (at + 1) << BITS])[0]

        size = sum(length for _, length in self.blobs) if keep is None else sum(map(len, pieces()))
        return Column(np.dtype(np.uint8), (size,), pieces)


class Rows:
    """All rows by number, and found by the name of a file or by how its text begins."""

    def __init__(self) -> None:
        self.table, self.more = Table(ROW), Table(MORE)
        self._free: list[int] = []  # rows of MORE
        self._names: list[bytearray] = []  # of each piece of the table, NUL-terminated
        self._last = PIECE
        self.reasons, self.formats, self.encodings = Texts(), Texts(), Texts()
        self.removed: list[int] = []
        self._by_name = Index(self._name_keys)
        self.heads = Heads(self.table, 7, self._head_keys, self.text)
        self._absolute = False  # whether any name begins with a slash
        self._found = "", -1  # the last answer of find

    def __len__(self) -> int:
        """Return the number of rows, with those that were removed."""
        return len(self.table)

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers of the rows that were not removed."""
        removed = set(self.removed)
        return (row for row in range(len(self.table)) if row not in removed)

    def find(self, path: str) -> int:
        """Return the newest row of a file, which may have been removed, or −1."""
        if path != self._found[0]:  # a file is looked up again and again on its way
            self._found = path, self._find(os.fsencode(path) + b"\0")
        return self._found[1]

    def _find(self, name: bytes) -> int:
        if name[0] == _SLASH and not self._absolute:
            return -1  # each file of an inbox is looked up under its absolute name too
        names, table = self._names, self.table
        return self._by_name.first(_key(name), lambda row: names[row >> BITS].startswith(name, table.first(row)))

    def settled(self, row: int, signature: Signature, passes: int) -> bool:
        """Return whether a row is of a file all of which was trained or refused, with this signature.

        This is what a scan asks of each file. It says nothing of files that are packed, or copies in part.
        """
        found = self.table[row]
        if found[2:5] != signature or found[14] >= 0 or not (found[12] in REFUSED or found[8] >= passes):
            return False
        return found[12] == TRAINED or found[12] in REFUSED

    def versions(self, path: str) -> Iterator[int]:
        """Yield the rows of a file that were not removed, the newest first."""
        row = self.find(path)
        while row >= 0:
            found = self.table[row]
            if found[12] != GONE:
                yield row
            row = found[1]

    def text(self, row: int) -> Text:
        """Return key, digest and length of a text, as they are stored; the key is 0 if the row was removed."""
        found = self.table[row]
        length = found[2] if found[14] < 0 else self.more[found[14]][1]
        return found[7] if found[12] != GONE else 0, found[6], length

    def path(self, row: int) -> str:
        """Return the name of a file."""
        names, start = self._names[row >> BITS], self.table[row][0]
        return os.fsdecode(bytes(names[start : names.index(0, start)]))

    def paths(self, rows: npt.NDArray[np.bool_]) -> Iterator[tuple[int, str]]:
        """Yield the numbers and the names of some rows; ``rows`` is a mask: (n,). For many, this is fast."""
        for at, blob in enumerate(self._names):
            chosen = np.flatnonzero(rows[at << BITS : (at + 1) << BITS])
            if len(chosen):
                names = bytes(blob).split(b"\0")
                yield from (((at << BITS) + row, os.fsdecode(names[row])) for row in chosen.tolist())

    def signature(self, row: int) -> Signature:
        """Return size and times of a file when it was last looked at."""
        return Signature(*self.table[row][2:5])

    def outcome(self, row: int) -> str:
        """Return the outcome of a row."""
        return OUTCOMES[self.table[row][12]]

    def append(self, entry: Entry) -> None:
        """Add a row; the entry gets its number."""
        name = os.fsencode(entry.path) + b"\0"
        if not len(self.table) & (PIECE - 1):
            self._names.append(bytearray())
        names, older = self._names[-1], self.find(entry.path)
        entry.row = len(self.table)
        self.table.append(self._row(entry, len(names), older, -1, 0))
        names += name
        self._absolute |= name[0] == _SLASH
        self._found = entry.path, entry.row
        key = _key(name)
        if older < 0:
            self._by_name.add(key, entry.row)
        else:
            self._by_name.replace(key, older, entry.row)
            self.table[older] = (*self.table[older][:15], 0)  # whatever is begun of a file, it is there
        if entry.head:
            self.heads.add(entry.head, entry.row)

    def store(self, entry: Entry) -> None:
        """Replace a row by what the entry says now."""
        old = self.table[entry.row]
        if crowded := old[7] in self.heads.crowds:
            self.heads.forget(old[7], entry.row)
        self.table[entry.row] = self._row(entry, old[0], old[1], old[14], old[15])
        if entry.head and (crowded or old[7] != entry.head):
            self.heads.add(entry.head, entry.row, (old[7], old[6]))

    def _row(self, entry: Entry, name: int, older: int, more: int, gone: int) -> tuple[Any, ...]:
        size, mtime, ctime = entry.signature
        return (
            name, older, fit(size), fit(mtime), fit(ctime), entry.words, entry.text_sha256, entry.head, entry.passes,
            self.reasons.code(entry.reason), self.formats.code(entry.format), self.encodings.code(entry.encoding),
            OUTCOMES.index(entry.outcome), entry.moved, self._more(entry, more), gone,
        )  # fmt: skip

    def load(self, row: int) -> Entry:
        """Return a row."""
        found = self.table[row]
        size, outcome = found[2], OUTCOMES[found[12]]
        text_bytes, trained, start, offset, source = size, size if outcome == "trained" else 0, 0, 0, -1
        sha256 = text_sha256 = found[6]
        if found[14] >= 0:
            _, text_bytes, trained, start, offset, source, sha256 = self.more[found[14]]
        reason, fmt, encoding = (
            kind.texts[code]
            for kind, code in zip((self.reasons, self.formats, self.encodings), found[9:12], strict=True)
        )
        return Entry(
            self.path(row), Signature(*found[2:5]), sha256, text_bytes, found[5], trained, found[8], offset, outcome,
            reason, fmt, encoding, start, source, self.path(source) if source >= 0 else "", text_sha256, found[7],
            bool(found[13]), row,
        )  # fmt: skip

    def remove(self, row: int) -> None:
        """Remove a row."""
        found = self.table[row]
        self.heads.forget(found[7], row)
        if found[14] >= 0:
            self._free.append(found[14])
        self.table[row] = (*found[:12], GONE, 0, -1, 0)
        self.removed.append(row)

    def _more(self, entry: Entry, at: int) -> int:
        """Store what only some rows have; return where, −1 if the entry is not one of them."""
        usual = entry.signature.size if entry.outcome == "trained" else 0
        plain = entry.text_bytes == entry.signature.size and entry.bytes_trained == usual
        if plain and entry.start == entry.offset == 0 and entry.source < 0 and entry.sha256 == entry.text_sha256:
            if at >= 0:
                self._free.append(at)
            return -1
        values = (entry.row, entry.text_bytes, entry.bytes_trained, entry.start, entry.offset, entry.source)
        row = (*values, entry.sha256)
        if at < 0:
            if not self._free:
                return self.more.append(row)
            at = self._free.pop()
        self.more[at] = row
        return at

    def restore(self, columns: Columns, more: Columns, names: npt.NDArray[np.uint8]) -> None:
        """Take over stored rows, and empty the columns; ``names`` are NUL-terminated."""
        starts = np.concatenate([np.zeros(1, np.int64), name_ends(names) + 1])
        firsts = [*range(0, len(starts) - 1, PIECE), len(starts) - 1]
        self._names = [bytearray(names[starts[low] : starts[high]]) for low, high in pairwise(firsts)]
        self._absolute, self._found = bool((names[starts[:-1]] == _SLASH).any()), ("", -1)
        for low, high in pairwise(firsts):
            starts[low:high] -= starts[low]
        columns["name"] = starts[:-1].astype(np.uint32)
        columns["older"] = columns["more"] = np.full(len(starts) - 1, -1, np.int32)
        if len(more["row"]):
            columns["more"] = columns["more"].copy()
            columns["more"][more["row"]] = np.arange(len(more["row"]))
        del names, starts
        self.table.extend(columns)
        self.more.extend(more)
        self._link()
        self._by_name.rebuild()
        self.heads.rebuild()

    def freeze(self) -> FrozenRows:
        """Return all rows as they are now."""
        names = [(blob, len(blob)) for blob in self._names]
        texts = (list(kind.texts) for kind in (self.reasons, self.formats, self.encodings))
        return FrozenRows(self.table.freeze(), self.more.freeze(), names, *texts)

    def compact(self, keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        """Remove all rows but some; return the new number of each, −1 if it is removed: (n,).

        Args:
            keep: The rows to keep, none of which was removed before: (n,).
        """
        number = np.where(keep, np.cumsum(keep, dtype=np.int32) - np.int32(1), np.int32(-1))
        older, more = self.table.column("older"), self.table.column("more")[keep]
        while (through := (older >= 0) & ~keep[older]).any():
            older[through] = older[older[through]]
        names, self._names = self._names, []
        lengths = []
        for at, blob in enumerate(names):
            some = keep[at << BITS : (at + 1) << BITS]
            kept, of_each = _some_names(np.frombuffer(blob, np.uint8), some)
            names[at] = bytearray(kept.tobytes())
            lengths.append(of_each)
        self.table.keep(keep)
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths]))])
        blob = bytearray().join(names)
        bounds = [int(ends[row]) for row in (*range(0, len(self.table), PIECE), len(self.table))]
        self._names = [blob[low:high] for low, high in pairwise(bounds)]
        rows = np.arange(len(self.table))
        self.table.replace("name", ends[:-1] - ends[rows >> BITS << BITS])
        older = older[keep]
        self.table.replace("older", np.where(older >= 0, number[older], -1))
        used = np.zeros(len(self.more), np.bool_)
        used[more[more >= 0]] = True
        place = np.concatenate([np.cumsum(used), np.zeros(1, np.int64)]) - 1  # the last is that of −1
        self.table.replace("more", place[more])
        self.more.keep(used)
        sources = self.more.column("source")
        self.more.replace("source", np.where(sources >= 0, number[sources], -1))
        self.more.replace("row", number[self.more.column("row")])
        self._free, self.removed, self._found = [], [], ("", -1)
        self._by_name.rebuild()
        self.heads.rebuild()
        return number

    def _link(self) -> None:
        """Let each row know the one before of the same name."""
        keys = self._keys()
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        newest: dict[str, int] = {}
        for row in np.unique(order[np.concatenate([same, same + 1])]).tolist():
            path = self.path(row)
            if path in newest:
                found = self.table[row]
                self.table[row] = (found[0], newest[path], *found[2:])
            newest[path] = row

    def _keys(self) -> npt.NDArray[np.int64]:
        """Return the key of the name of each row."""
        keys = np.empty(len(self.table), np.int64)
        for at, names in enumerate(self._names):
            found = [_key(name + b"\0") for name in bytes(names).split(b"\0")[:-1]]
            keys[at << BITS : (at << BITS) + len(found)] = found
        return keys

    def _name_keys(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        older = self.table.column("older")
        newest = np.ones(len(older), np.bool_)
        newest[older[older >= 0]] = False
        return self._keys()[newest].astype(np.uint32), np.flatnonzero(newest)

    def _head_keys(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        heads = self.table.column("head")
        rows = np.flatnonzero((heads != 0) & (self.table.column("outcome") != GONE))
        return heads[rows], rows


def name_ends(blob: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return where the NULs in a blob of names are: (n,)."""
    starts = range(0, len(blob), _STEP)  # a mask of all bytes would be as large as the names
    return np.concatenate([np.zeros(0, np.int64), *(np.flatnonzero(blob[at : at + _STEP] == 0) + at for at in starts)])


def _some_names(
    blob: npt.NDArray[np.uint8], keep: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return some of the NUL-terminated names in a blob, and their lengths."""
    lengths = np.diff(np.flatnonzero(blob == 0), prepend=-1)
    return blob[np.repeat(keep, lengths)], lengths[keep]


def _key(name: bytes) -> int:
    return hash(name) & 0xFFFFFFFF


def fit(value: int) -> int:
    """Return a number clipped to 64 bits: some file systems can store nanoseconds of a time after the year 2262."""
    return value if _LEAST <= value <= _MOST else min(max(value, _LEAST), _MOST)
