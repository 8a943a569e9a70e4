"""Which bytes of which file were trained: pure data, no file is touched here.

A path has one row for every version of it that was trained, and at most one for a version that was refused. The intake
remembers nothing else. The rows are stored in the same checkpoint as the weights that those bytes shaped.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError
from streamer.formats.recipes import TEXT, Recipe
from streamer.intake.columns import LISTS, blob, coded, fit, int64, uncoded, wrong
from streamer.intake.decoding import Codec

OUTCOMES = ("trained", "partial", "skipped")  # the position is stored
IN_TRAINING = "in training"
CHANGED = "changed while it was being trained"
REMOVED = "removed before all of it was trained"
REWRITTEN = "rewritten after it was trained (--on-change retrain trains it again)"

_NUMBERS = ("text_bytes", "words", "bytes_trained", "bytes_skipped", "passes", "offset")
_COLUMNS = ("size", "mtime_ns", "ctime_ns", *_NUMBERS)  # in the order of the fields of Signature and of Entry


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

    ``sha256`` is that of the bytes on disk, ``text_bytes`` the length after decompression (0 if that fails).
    ``refusal`` says why the file must not be trained. ``prefix_matches`` says whether it begins with the bytes of the
    version that :meth:`Ledger.previous` returned. ``format`` is the recipe by which a new version is to be read,
    ``encoding`` the name of its codec.
    """

    signature: Signature
    sha256: bytes
    text_bytes: int
    refusal: str | None = None
    prefix_matches: bool = False
    format: str = TEXT
    encoding: str = ""


@dataclass(slots=True, eq=False)  # compared by identity, so that rows are moved and removed in O(1)
class Entry:
    """One version of one file. Sizes are in text bytes; ``offset`` is the position in the pass under way, else 0.

    A byte that is trained in several passes counts once, and so do its words. ``format`` is the recipe by which it was
    begun, and by which it is read to its end; so is ``encoding``, the codec, which is empty if it is not known.
    """

    path: str
    signature: Signature
    sha256: bytes
    text_bytes: int
    words: int = 0
    bytes_trained: int = 0
    bytes_skipped: int = 0
    passes: int = 0
    offset: int = 0
    outcome: str = "partial"
    reason: str = IN_TRAINING
    format: str = TEXT
    encoding: str = ""

    @property
    def bytes(self) -> int:
        """Return the bytes accounted for: all bytes of the text, unless the first pass is under way."""
        return self.bytes_trained + self.bytes_skipped

    @property
    def under_way(self) -> bool:
        """Return whether a pass over it has begun, and has neither ended nor been given up."""
        return self.reason == IN_TRAINING

    def finished(self, passes: int) -> bool:
        """Return whether no pass is under way and there were at least ``passes`` of them."""
        return self.offset == 0 and self.passes >= passes and not self.under_way


class Ledger:
    """The rows, and what to do next with a file that was checked."""

    def __init__(self, root: str = "") -> None:
        self._root = root
        self._rows: dict[Entry, None] = {}  # an ordered set
        self._versions: dict[str, list[Entry]] = {}
        self._refused: dict[str, Entry] = {}
        self._open: set[Entry] = set()

    @property
    def root(self) -> str:
        """Return the folder that relative paths are relative to; empty if there is none."""
        return self._root

    def adopt(self, root: str) -> None:
        """Set the folder that relative paths are relative to."""
        self._root = root

    @property
    def entries(self) -> list[Entry]:
        """Return the rows in the order of training, as a new list."""
        return list(self._rows)

    @property
    def under_way(self) -> Entry | None:
        """Return the entry in the middle of a pass, or None. It must be resumed before anything else."""
        return next((row for row in self._rows if row in self._open), None) if self._open else None

    def outcomes(self) -> dict[str, int]:
        """Return the number of rows for each outcome."""
        counts = Counter(entry.outcome for entry in self._rows)
        return {outcome: counts[outcome] for outcome in OUTCOMES}

    def seen(self, path: str, signature: Signature, passes: int = 1) -> bool:
        """Return whether there is nothing to do for a file with this signature. O(1)."""
        if refused := self._refused.get(path):
            return _alike(refused.signature, signature)
        return any(_alike(row.signature, signature) and row.finished(passes) for row in self._versions.get(path, ()))

    def knows(self, path: str) -> bool:
        """Return whether there is a row for a file. O(1)."""
        return path in self._versions or path in self._refused

    def refusal(self, path: str) -> str | None:
        """Return why the newest version of a file was refused, or None if it was not."""
        return self._refused[path].reason if path in self._refused else None

    def reconsider(self, stale: Callable[[Entry], bool]) -> None:
        """Forget the signatures of files whose refusal is stale, so that they are checked again."""
        for entry in self._refused.values():
            if stale(entry):
                entry.signature = Signature(-1, -1, -1)

    def previous(self, path: str) -> tuple[int, bytes] | None:
        """Return the size and SHA-256 on disk of the version trained last, for the check of the prefix, or None."""
        trained = (version for version in reversed(self._versions.get(path, ())) if version.bytes_trained)
        return next(((version.signature.size, version.sha256) for version in trained), None)

    def encoding(self, path: str) -> str:
        """Return the codec of the version trained last; empty if there is none, or its codec is not known."""
        trained = (version for version in reversed(self._versions.get(path, ())) if version.bytes_trained)
        return next((version.encoding for version in trained), "")

    def plan(self, path: str, verdict: Verdict, *, on_change: str = "skip", passes: int = 1) -> Entry | None:
        """Return the entry to train from its offset on, or None if there is nothing to train.

        The same content is never trained again. If text was added to a file, only that text is trained. A rewritten
        file is refused or, with ``on_change="retrain"``, trained as a new version. See the table in ``tests/intake``.
        """
        versions = self._versions.get(path, [])
        same = next((version for version in reversed(versions) if version.sha256 == verdict.sha256), None)
        # A text whose training has begun is not judged again: stricter settings would count its bytes twice.
        if verdict.refusal is not None and (same is None or not same.bytes_trained):
            self._refuse(path, verdict, verdict.refusal)
            return None
        if same is not None:
            if not same.bytes_trained:
                same.format, same.encoding = verdict.format, verdict.encoding
            same.encoding = same.encoding or verdict.encoding
            return self._keep(same, verdict, passes)
        self._drop_unbegun(path)
        newest = self._versions[path][-1] if path in self._versions else None
        if newest is None:
            return self._append(path, verdict)
        if verdict.prefix_matches and verdict.signature.size > newest.signature.size:
            return self._grow(newest, verdict, passes)
        if newest.under_way:
            self.abandon(newest, CHANGED)
        if on_change == "retrain":
            return self._append(path, verdict)
        self._refuse(path, verdict, REWRITTEN)
        return None

    def advance(self, entry: Entry, offset: int, words: int) -> None:
        """Record that the text from the entry's offset to a new one was trained, and how many words it had.

        Raises ValueError if the entry is not under way, or the offset is not between the old one and the text's end.
        """
        if not entry.under_way or not entry.offset < offset <= entry.text_bytes:
            raise ValueError(f"cannot advance {entry} to {offset}")
        fresh = offset - max(entry.offset, entry.bytes_trained)
        if fresh > 0:
            # A block is partly fresh only if the file grew in a later pass: then words are counted in proportion.
            entry.words += words * fresh // (offset - entry.offset)
            entry.bytes_trained = offset
        entry.offset = offset

    def finish(self, entry: Entry) -> None:
        """End a pass; raise ValueError if the entry is not under way or not at the end of its text."""
        if not entry.under_way or entry.offset != entry.text_bytes:
            raise ValueError(f"cannot finish {entry}")
        entry.passes += 1
        entry.offset = 0
        entry.outcome, entry.reason = "trained", ""
        self._open.remove(entry)

    def abandon(self, entry: Entry, reason: str) -> None:
        """Give up a pass: the bytes that no pass has covered are skipped. If the same content returns, it continues.

        If an earlier pass covered all bytes, the outcome is "trained", without a reason.
        """
        entry.bytes_skipped = entry.text_bytes - entry.bytes_trained
        entry.outcome, entry.reason = ("partial", reason) if entry.bytes_skipped else ("trained", "")
        self._open.discard(entry)

    def refuse(self, path: str, signature: Signature, reason: str) -> None:
        """Record something that can't be opened or is not a regular file."""
        self._refuse(path, Verdict(signature, bytes(32), 0), reason)

    def _keep(self, entry: Entry, verdict: Verdict, passes: int) -> Entry | None:
        entry.signature = verdict.signature
        for other in self._versions[entry.path]:
            if other.under_way and other is not entry:
                self.abandon(other, CHANGED)
        self._drop_refused(entry.path)
        return None if entry.finished(passes) else self._begin(entry)

    def _grow(self, entry: Entry, verdict: Verdict, passes: int) -> Entry | None:
        end, whole = entry.text_bytes, entry.offset == 0 and entry.passes > 0
        entry.sha256, entry.text_bytes = verdict.sha256, verdict.text_bytes
        entry.encoding = entry.encoding or verdict.encoding
        if whole and entry.text_bytes > end:  # an empty gzip member adds bytes on disk, but none of text
            entry.offset = end
            entry.passes -= 1
        return self._keep(entry, verdict, passes)

    def _append(self, path: str, verdict: Verdict) -> Entry:
        self._drop_refused(path)
        entry = Entry(path, verdict.signature, verdict.sha256, verdict.text_bytes)
        entry.format, entry.encoding = verdict.format, verdict.encoding
        self._add(entry)
        return entry

    def _add(self, entry: Entry) -> None:
        self._rows[entry] = None
        if entry.outcome == "skipped":
            self._refused[entry.path] = entry
            return
        self._versions.setdefault(entry.path, []).append(entry)
        if entry.under_way:
            self._open.add(entry)

    def _begin(self, entry: Entry) -> Entry:
        entry.outcome, entry.reason, entry.bytes_skipped = "partial", IN_TRAINING, 0
        self._open.add(entry)
        return entry

    def _refuse(self, path: str, verdict: Verdict, reason: str) -> None:
        self._drop_unbegun(path)
        for version in self._versions.get(path, ()):
            if version.under_way:
                self.abandon(version, reason)
        if path not in self._refused:
            self._add(Entry(path, verdict.signature, verdict.sha256, 0, outcome="skipped"))
        entry = self._refused[path]
        entry.signature, entry.sha256, entry.reason = verdict.signature, verdict.sha256, reason
        entry.text_bytes = verdict.text_bytes
        entry.bytes_skipped = verdict.text_bytes or verdict.signature.size

    def _drop_refused(self, path: str) -> None:
        if entry := self._refused.pop(path, None):
            del self._rows[entry]

    def _drop_unbegun(self, path: str) -> None:
        """Forget versions that were planned, but whose content changed before a byte of it was trained."""
        for version in self._versions.pop(path, []):
            if version.bytes_trained:
                self._versions.setdefault(path, []).append(version)
            else:
                del self._rows[version]
                self._open.discard(version)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the rows as columns of length n, in the order of training.

        ``paths`` is a uint8 blob of NUL-terminated names, one per row; ``reasons``, ``formats`` and ``encodings`` are
        such blobs of distinct texts; ``reason``, ``format`` and ``encoding`` (int32) and ``outcome`` (uint8) are
        positions in them and in :data:`OUTCOMES`; ``sha256`` is uint8 of shape (n, 32); all others are
        int64. The same rows always give the same bytes.
        """
        rows = self.entries
        columns: dict[str, npt.NDArray[Any]] = {
            "paths": blob([os.fsencode("".join(entry.path + "\0" for entry in rows))]),
            "outcome": np.array([OUTCOMES.index(entry.outcome) for entry in rows], np.uint8),
            "sha256": blob([entry.sha256 for entry in rows]).reshape(-1, 32),
        }
        for names, codes in LISTS.items():
            columns[names], columns[codes] = coded([getattr(entry, codes) for entry in rows])
        for name in _COLUMNS:
            value = attrgetter(name if name in _NUMBERS else f"signature.{name}")
            columns[name] = int64(list(map(value, rows)))
        return columns

    @classmethod
    def from_arrays(cls, columns: Mapping[str, npt.NDArray[Any]], root: str = "") -> Ledger:
        """Return the ledger of a folder whose :meth:`to_arrays` returned these columns.

        Raises StreamerError with exit code 65 if a column is missing, has another length than ``paths``, or contains
        impossible values.
        """
        ledger = cls(root)
        try:
            if problem := wrong(columns, numbers=_COLUMNS, outcomes=OUTCOMES, in_training=IN_TRAINING):
                raise ValueError(problem)
            paths = os.fsdecode(columns["paths"].tobytes()).split("\0")[:-1]
            hashes = columns["sha256"].tobytes()
            outcomes = [OUTCOMES[code] for code in columns["outcome"].tolist()]
            numbers = [columns[name].tolist() for name in _COLUMNS]
            signatures = map(Signature._make, zip(*numbers[:3], strict=True))
            digests = [hashes[start : start + 32] for start in range(0, len(hashes), 32)]
            texts = [uncoded(columns[names], columns[codes]) for names, codes in LISTS.items()]
            for recipe in set(texts[1]):
                Recipe.parse(recipe)
            for encoding in set(texts[2]) - {""}:
                Codec.of(b"", encoding)
            for fields in zip(paths, signatures, digests, *numbers[3:], outcomes, *texts, strict=True):
                ledger._add(Entry(*fields))
            if "" in paths:
                raise ValueError("paths has an empty name")
            for path, versions in ledger._versions.items():
                if len(versions) > 1 and len({row.sha256 for row in versions}) < len(versions):
                    raise ValueError(f"paths has {path!r} twice with the same content")
        except (LookupError, ValueError, TypeError) as error:
            raise StreamerError(f"the ledger is damaged: {error}", code=ExitCode.DAMAGED) from error
        if len(ledger._refused) + sum(map(len, ledger._versions.values())) != len(ledger._rows):
            raise StreamerError("the ledger is damaged: a file was refused twice", code=ExitCode.DAMAGED)
        return ledger


def _alike(known: Signature, found: Signature) -> bool:
    """Return whether two signatures are the same; the first may come from a checkpoint, clipped to 64 bits."""
    return known == found or known == Signature(*map(fit, found))
