"""Files that were gone for long: what must be known of each to treat it as before if it returns, in 49 bytes.

The decisions of a ledger do not change when a file is folded. What is left out is what only people read: of the name,
a digest stays; of the digest of the text, a half; of the reason of a refusal, its class.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.ledger.entries import COPY, Entry, Signature
from streamer.ledger.heads import Heads, Text
from streamer.ledger.index import Index
from streamer.ledger.rows import Texts
from streamer.ledger.table import Frozen, Table

FOLDED = {
    "head": "u4", "name": "u8", "text_bytes": "u4", "start": "u4", "words": "u4", "passes": "u2", "format": "u2",
    "encoding": "u2", "reason": "u2", "moved": "u1", "sha256": "V16",
}  # fmt: skip
"""One version of a file; ``name`` is :func:`name_key`, and 0 if it has returned. ``reason`` is 0 if it was trained;
else ``text_bytes`` were refused. Then there is nothing else, but of a copy, which tells that its text was trained."""
DIGEST = 16
"""Bytes of a text's digest that stay."""


class Sums(NamedTuple):
    """What some files add up to.

    Attributes:
        files: Their number.
        bytes_trained: Bytes that were trained.
        bytes_skipped: Bytes that were not.
        words: Words that were trained.
    """

    files: int = 0
    bytes_trained: int = 0
    bytes_skipped: int = 0
    words: int = 0

    def plus(self, other: Sums) -> Sums:
        """Return the sums of both."""
        return Sums(*map(sum, zip(self, other, strict=True)))


class FrozenFolded(NamedTuple):
    """All folded files at one moment."""

    table: Frozen
    formats: list[str]
    encodings: list[str]
    reasons: list[str]

    def sums(self) -> dict[tuple[str, str], Sums]:
        """Return what those add up to that have not returned, by outcome and class of reason."""
        there = self.table.array("name") != 0
        reason, start = self.table.array("reason")[there], self.table.array("start")[there].astype(np.int64)
        text, words = (self.table.array(name)[there].astype(np.int64) for name in ("text_bytes", "words"))
        skipped = np.where(reason > 0, text, start)
        groups = np.where((reason == 0) & (start > 0), len(self.reasons), reason)
        keys = [("trained", ""), *(("skipped", text) for text in self.reasons[1:]), ("trained", COPY)]
        found = {}
        for group in np.unique(groups).tolist():
            mine = groups == group
            columns = (text - skipped, skipped, words)
            found[keys[group]] = Sums(int(mine.sum()), *(int(column[mine].sum()) for column in columns))
        return found


class Folded:
    """The folded files, found by their names or by how their texts begin."""

    def __init__(self) -> None:
        self.table = Table(FOLDED)
        self.formats, self.encodings, self.reasons = Texts(), Texts(), Texts()
        self.reasons.code("")
        self._by_name = Index(self._name_keys)
        self.heads = Heads(self.table, 0, self._head_keys, self.text)  # of trained versions and copies

    def __len__(self) -> int:
        """Return the number of versions, with those that have returned."""
        return len(self.table)

    def of_name(self, path: str) -> list[int]:
        """Return the versions of a file that have not returned, the oldest first."""
        if not len(self.table):
            return []
        name = name_key(path)
        return sorted(number for number in self._by_name.find(name >> 32) if self.table[number][1] == name)

    def text(self, number: int) -> Text:
        """Return key, half a digest and length of a text; the key is 0 if the version has returned."""
        found = self.table[number]
        return found[0] if found[1] else 0, found[10], found[2]

    def refused(self, number: int) -> bool:
        """Return whether a version was refused."""
        return bool(self.table[number][8])

    def copied(self, number: int) -> bool:
        """Return whether a version was refused as a copy, and its digest is known."""
        return self.refused(number) and any(self.table[number][10])

    def load(self, number: int, path: str = "") -> Entry:
        """Return a trained version or a copy; its digests are cut, and its signature has only the size of its text."""
        head, _, text_bytes, start, words, passes, fmt, encoding, reason, moved, sha256 = self.table[number]
        return Entry(
            path, Signature(text_bytes, -1, -1), sha256, text_bytes, words, 0 if reason else text_bytes - start, passes,
            outcome="skipped" if reason else "trained", reason=COPY if reason else "", format=self.formats.texts[fmt],
            encoding=self.encodings.texts[encoding], start=start, text_sha256=sha256, head=head, moved=bool(moved),
            folded=number,
        )  # fmt: skip

    def mark_moved(self, number: int) -> None:
        """Remember that what it holds was found under another name too."""
        found = self.table[number]
        self.table[number] = (*found[:9], 1, found[10])

    def remove(self, number: int) -> None:
        """Forget a version, which has returned."""
        found = self.table[number]
        self.heads.forget(found[0], number)
        self.table[number] = (found[0], 0, *found[2:])

    def add(self, columns: dict[str, npt.NDArray[Any]]) -> None:
        """Add versions, as columns like :data:`FOLDED`, which are emptied."""
        there = self.table.column("name") > 0
        if sparse := 2 * int(np.count_nonzero(there)) < len(there):  # most have returned
            self.table.keep(there)
        if sparse or len(columns["name"]) > len(self.table) >> 3:
            self.table.extend(columns)
            self._by_name.rebuild()
            self.heads.rebuild()
            return
        for row in zip(*(_listed(columns.pop(name)) for name in FOLDED), strict=True):
            number = self.table.append(row)  # one by one, since an index that is full takes all rows that there are
            self._by_name.add(row[1] >> 32, number)
            if row[0]:
                self.heads.add(row[0], number)

    def freeze(self) -> FrozenFolded:
        """Return all of it as it is now."""
        texts = (list(kind.texts) for kind in (self.formats, self.encodings, self.reasons))
        return FrozenFolded(self.table.freeze(), *texts)

    def _name_keys(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        names = self.table.column("name")
        numbers = np.flatnonzero(names)
        return (names[numbers] >> np.uint64(32)).astype(np.uint32), numbers

    def _head_keys(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        heads = self.table.column("head")
        numbers = np.flatnonzero((self.table.column("name") > 0) & (heads > 0))
        return heads[numbers], numbers


def name_key(path: str) -> int:
    """Return the digest of a name, 64 bits: never 0."""
    return int.from_bytes(hashlib.sha256(os.fsencode(path)).digest()[:8], "big") or 1


def _listed(column: npt.NDArray[Any]) -> list[Any]:
    return [bytes(row) for row in column] if column.ndim == 2 else column.tolist()
