"""A row of the ledger, and what was found when its file was read."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

TEXT = "text"
"""The recipe of a file without markup."""
OUTCOMES = ("trained", "partial", "skipped", "held", "forgotten")  # the position is stored
NOTHING = ("skipped", "forgotten")
"""Outcomes of files of which nothing was trained."""
IN_TRAINING = "in training"
CHANGED = "changed while it was being trained"
REMOVED = "removed before all of it was trained"
REWRITTEN = "rewritten after it was trained (--on-change retrain trains it again)"
COPY = "a copy of another file"
RELEASED = "released: it comes with the next files"
FORGOTTEN = "taken out (streamer forget)"
FORGOTTEN_TEXT = "its text was forgotten (streamer forget)"
FORGOTTEN_BEGINNING = "begins with a text that was forgotten (streamer forget)"
NO_DIGEST = bytes(32)


class Signature(NamedTuple):  # a frozen dataclass takes twice as long to make, and a scan makes 100,000
    """Size and times of a file: as long as they stay the same, the content is not read again."""

    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Signature:
        """Return the signature of a stat.

        If it is not a regular file, there are no bytes to account for, and the times mean nothing (those of a folder
        change with every file that is put into it). Then the signature says only what kind of thing it is.
        """
        if stat.S_ISREG(status.st_mode):
            return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        return cls(0, 0, stat.S_IFMT(status.st_mode))


class Verdict(NamedTuple):
    """What was found when a whole file was read.

    Attributes:
        signature: Size and times of the file.
        sha256: Digest of the bytes on disk.
        text_bytes: The length after decompression, 0 if that fails.
        refusal: Why the file must not be trained.
        format: The recipe by which a new version is to be read.
        text_sha256: Digest of the text after decompression.
        heads: Keys of the text's beginnings, the longest last, by which later files are compared with this one.
        prefixes: Digests of beginnings of the text, by their lengths: of those that the ledger asked for.
        packed_prefixes: The same of the bytes on disk of a packed file.
        line_ends: The lengths among those of ``prefixes`` at which a line ends.
        encoding: The codec by which a new version is to be read.
    """

    signature: Signature
    sha256: bytes
    text_bytes: int
    refusal: str | None = None
    format: str = TEXT
    text_sha256: bytes = NO_DIGEST
    heads: tuple[int, ...] = ()
    prefixes: Mapping[int, bytes] = {}
    packed_prefixes: Mapping[int, bytes] = {}
    line_ends: Collection[int] = ()
    encoding: str = ""


class Known(NamedTuple):
    """What a reader needs to find out what of a text was trained before.

    Attributes:
        size: The size on disk of the version of the file that was trained last, −1 if there is none.
        encoding: The codec by which that version was read; empty if it is not known.
        lengths: Lengths of its versions, as text and on disk.
        by_head: Returns the lengths of the texts that begin with a key.
    """

    size: int = -1
    encoding: str = ""
    lengths: frozenset[int] = frozenset()
    by_head: Callable[[int], Iterable[int]] = lambda head: ()


def alike(found: bytes, known: bytes) -> bool:
    """Return whether a digest is one that is known; of a file that was folded once, only a half may be known."""
    return known != NO_DIGEST and found.startswith(known.rstrip(b"\0"))


@dataclass(slots=True, eq=False)
class Entry:
    """One version of one file. Sizes are in text bytes; ``offset`` is the position in the pass under way, else 0.

    A byte that is trained in several passes counts once, and so do its words.

    Attributes:
        path: Its name in the ledger.
        signature: Size and times when it was last looked at.
        sha256: Digest of the bytes on disk; zeros if they were never read to the end.
        text_bytes: The length of its text.
        words: Words in the bytes that were trained.
        bytes_trained: Bytes that were trained, from ``start`` on.
        passes: Passes that have ended.
        offset: The position in the pass under way, else 0.
        outcome: One of :data:`OUTCOMES`.
        reason: Why it is not trained, or not all of it.
        format: The recipe by which it was begun, and by which it is read to its end.
        encoding: The codec by which it was begun, and by which it is read to its end; empty if it is not known.
        start: Bytes at its beginning that were trained as part of another file.
        source: The row of that file, which was trained; −1 if there is none.
        copy_of: The name of that file.
        text_sha256: Digest of its text, the same as ``sha256`` unless it is packed; zeros if it is not known.
        head: The key of its beginning, 0 if other files are not compared with it.
        moved: Whether what it holds was found under another name too: then new content is no rewriting.
        row: Its number in the table, −1 before a byte of it was trained.
        folded: Its number among the folded files, −1 if it is not one of them.
    """

    path: str
    signature: Signature
    sha256: bytes
    text_bytes: int
    words: int = 0
    bytes_trained: int = 0
    passes: int = 0
    offset: int = 0
    outcome: str = "partial"
    reason: str = IN_TRAINING
    format: str = TEXT
    encoding: str = ""
    start: int = 0
    source: int = -1
    copy_of: str = ""
    text_sha256: bytes = NO_DIGEST
    head: int = 0
    moved: bool = False
    row: int = field(default=-1, repr=False)
    folded: int = field(default=-1, repr=False)

    @property
    def known(self) -> int:
        """Return how many bytes at its beginning were trained, as part of this file or of another."""
        return self.text_bytes if self.copied else self.start + self.bytes_trained

    @property
    def copied(self) -> bool:
        """Return whether it was refused as a copy: all of its text was trained, whatever became of the other file."""
        return self.outcome == "skipped" and self.reason == COPY

    @property
    def bytes_skipped(self) -> int:
        """Return the bytes that this row accounts for without having trained them."""
        if self.outcome in NOTHING:
            return self.text_bytes or self.signature.size
        return self.start if self.under_way else self.text_bytes - self.bytes_trained

    @property
    def bytes(self) -> int:
        """Return the bytes accounted for: all bytes of the text, unless the first pass is under way."""
        return self.bytes_trained + self.bytes_skipped

    @property
    def held(self) -> bool:
        """Return whether it is held, or the part of it that was added last."""
        return self.outcome == "held"

    @property
    def under_way(self) -> bool:
        """Return whether a pass over it has begun, and has neither ended nor been given up."""
        return self.reason == IN_TRAINING

    @property
    def explanation(self) -> str:
        """Return the reason, with the name of the file that this one is a copy of."""
        other = self.copy_of or "a file that is no longer listed"
        if self.reason == COPY:
            return f"a copy of {other}"
        if self.start and not self.reason:
            return f"its first {self.start:,} bytes are a copy of {other}"
        return self.reason

    def finished(self, passes: int) -> bool:
        """Return whether no pass is under way and there were at least ``passes`` of them."""
        return self.offset == 0 and self.passes >= passes and not self.under_way

    def same(self, verdict: Verdict) -> bool:
        """Return whether it is of this content; of older checkpoints, the digest of a packed text is not known."""
        if self.text_sha256 != NO_DIGEST:
            return alike(verdict.text_sha256, self.text_sha256)
        return self.sha256 != NO_DIGEST and self.sha256 == verdict.sha256

    def grown(self, verdict: Verdict) -> bool:
        """Return whether this content begins with its text, and goes on."""
        if self.text_sha256 != NO_DIGEST:
            longer = verdict.text_bytes > self.text_bytes
            return longer and alike(verdict.prefixes.get(self.text_bytes, NO_DIGEST), self.text_sha256)
        longer = verdict.signature.size > self.signature.size
        return longer and verdict.packed_prefixes.get(self.signature.size) == self.sha256
