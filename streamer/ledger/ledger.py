"""What to do next with a file that was checked, and which bytes of it were trained so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from streamer.ledger.entries import (
    CHANGED,
    COPY,
    FORGOTTEN_BEGINNING,
    FORGOTTEN_TEXT,
    IN_TRAINING,
    NO_DIGEST,
    RELEASED,
    REWRITTEN,
    TEXT,
    Entry,
    Known,
    Signature,
    Verdict,
    alike,
)
from streamer.ledger.forgetting import ENOUGH, Forgetting

COPIES = 8
"""Copies of one text with which later files are compared: there may be millions."""


class Elsewhere(NamedTuple):
    """What of a text was trained as part of another row.

    Attributes:
        length: Bytes at its beginning, the most of all rows.
        source: That row: one that was trained or, if there is none, a copy of one that has changed since.
        copies: Rows of other files that are copies of all of it.
    """

    length: int = 0
    source: Entry | None = None
    copies: int = 0


class Ledger(Forgetting):
    """Decides what to train of a file, and notes what was trained."""

    def known(self, path: str, *, duplicates: str = "skip") -> Known:
        """Return what a reader of a file needs to find out what of it was trained before."""
        by_head = self._lengths if duplicates == "skip" or self.has_forgotten else lambda head: ()
        if not self.knows(path):
            return Known(by_head=by_head)  # almost every file
        versions = [entry for entry in self._versions(path) if entry.known]
        rows = [self._entry(row) for row in self.named(path)] if self.has_forgotten else []
        known = [*versions, *(entry for entry in rows if entry.outcome == "forgotten")]
        lengths = frozenset(length for entry in known for length in (entry.text_bytes, entry.signature.size))
        size, encoding = (versions[0].signature.size, versions[0].encoding) if versions else (-1, "")
        return Known(size, encoding, lengths, by_head)

    def _lengths(self, head: int) -> Collection[int]:
        listed: Mapping[int, int] = self._rows.heads.lengths(head)
        folded = self._folded.heads.lengths(head) if len(self._folded) else {}
        if not listed and not folded:
            return ()
        for row, entry in self._open.items():
            stored, _, length = self._rows.text(row)
            if stored == head and length != entry.text_bytes:
                listed = Counter(listed)
                listed.update({length: -1, entry.text_bytes: 1})
        return {length for length, count in listed.items() if count} | folded.keys()

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

        The same content is never trained again, under no name, and what was forgotten never at all. If text was added
        to a file, only that text is trained.
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
        self._recall(path, verdict)
        if (forgotten := self._forgotten(path, verdict)) is not None:
            self._refuse_forgotten(path, verdict, forgotten)
            return None
        versions = self._versions(path)
        same = next((entry for entry in versions if entry.same(verdict)), None)
        copy = self._copied(path, verdict) if duplicates == "skip" else None
        # A text whose training has begun is not judged again: stricter settings would count its bytes twice.
        if verdict.refusal is not None and not copy and (same is None or not same.known):
            self._refuse(path, verdict, verdict.refusal)
            return None
        if same is not None and (same.finished(passes) or (same.held and same.reason != RELEASED)):
            return self._keep(same, verdict, passes)
        found = self._elsewhere(path, verdict, moved, copy) if duplicates == "skip" else Elsewhere()
        length, source = found.length, found.source
        if source and length == verdict.text_bytes and (same is None or same.known < length):
            self._mark_moved(source)
            self._refuse(path, verdict, COPY, source, copies=found.copies)
            return None
        if same is not None:
            return self._keep(same, verdict, passes)
        newest = versions[0] if versions else None
        if newest and newest.known >= length and newest.grown(verdict):
            return self._grow(newest, verdict, passes)
        newest = next((entry for entry in versions if not entry.held or entry.bytes_trained), None)
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
        fresh = offset - max(entry.offset, entry.known)
        # A pass over a file that grew is read in two parts: what was trained before, and what is new.
        end = entry.known if entry.offset < entry.known else entry.text_bytes
        self._spans.add(entry.row, entry.offset, offset, entry.passes, ended=offset == end)
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

    def hold(self, entry: Entry, reason: str) -> None:
        """Hold an entry of which no byte was trained since it was planned: its bytes are skipped until it is released.

        Raises ValueError if it is not under way.
        """
        if not entry.under_way:
            raise ValueError(f"cannot hold {entry}")
        entry.outcome, entry.reason = "held", reason
        if entry.row >= 0:
            self._close(entry)
            return
        self._drop_refused(entry.path)
        self._rows.append(entry)

    def holds(self, path: str) -> bool:
        """Return whether a file is held, and was not released."""
        return any(entry.held and entry.reason != RELEASED for entry in self._versions(path))

    def release(self, path: str) -> bool:
        """Let a file that is held be trained when it is looked at next; return whether there is one of that name."""
        held = next((entry for entry in self._versions(path) if entry.held), None)
        if held is None:
            return False
        held.reason = RELEASED
        held.signature = Signature(held.signature.size, held.signature.mtime_ns, -1)
        self._store(held)
        return True

    def released(self, path: str) -> int:
        """Return how long the text of a file was when it was released; −1 if it is not, or has been planned since."""
        if not self.knows(path):
            return -1
        lengths = (entry.text_bytes for entry in self._versions(path) if entry.reason == RELEASED)
        return next(lengths, -1)

    def refuse(self, path: str, signature: Signature, reason: str) -> None:
        """Record something that can't be opened or is not a regular file."""
        for number in self._folded.of_name(path):
            if self._folded.refused(number):
                self._folded.remove(number)
        self._refuse(path, Verdict(signature, NO_DIGEST, 0), reason)

    def _recall(self, path: str, verdict: Verdict) -> None:
        """List a folded file that has returned again; what is there now tells the other half of its digest."""
        for number in self._folded.of_name(path):
            self._folded.remove(number)
            if self._folded.refused(number) and not self._folded.copied(number):
                continue  # it is judged again
            entry = self._folded.load(number, path)
            entry.folded = -1
            found = verdict.text_sha256 if entry.same(verdict) else verdict.prefixes.get(entry.text_bytes, NO_DIGEST)
            entry.text_sha256 = found if alike(found, entry.text_sha256) else entry.text_sha256.ljust(32, b"\0")
            entry.sha256 = entry.text_sha256
            self._rows.append(entry)

    def _copied(self, path: str, verdict: Verdict) -> Entry | None:
        """Return the row of a file that was refused as a copy when it held the same; None if there is none."""
        refused = self._refused(path)
        return refused if refused and refused.copied and refused.same(verdict) else None

    def _elsewhere(
        self, path: str, verdict: Verdict, moved: Callable[[str, Signature], bool], copy: Entry | None
    ) -> Elsewhere:
        """Return how much of a text was trained as part of another row; ``copy`` is from :meth:`_copied`."""
        digests = {**verdict.prefixes, verdict.text_bytes: verdict.text_sha256}
        rows = self._rows.heads.find(verdict.heads, digests.values())
        for row in self._open:
            if self._rows.text(row)[0] in verdict.heads:
                rows.add(row)  # what it holds now may not be stored yet
        folded = self._folded.heads.find(verdict.heads, digests.values()) if len(self._folded) else set()
        if copy:
            rows.add(copy.row)
        if not rows and not folded:
            return Elsewhere()
        entries = [*map(self._entry, sorted(rows)), *map(self._folded.load, sorted(folded))]
        best, copies = Elsewhere(), 0
        for entry in sorted(entries, key=lambda entry: entry.copied):  # what was trained comes before its copies
            if entry.path == path and alike(verdict.text_sha256, entry.text_sha256) and not entry.copied:
                continue
            if not alike(digests.get(entry.text_bytes, NO_DIGEST), entry.text_sha256):
                continue
            length = entry.known
            copies += entry.copied and entry.path != path and length == verdict.text_bytes
            if length <= best.length:
                continue
            whole = length in (entry.text_bytes, verdict.text_bytes)
            sure = length >= min(ENOUGH, verdict.text_bytes) or length in verdict.line_ends or not whole
            if sure or entry.folded >= 0 or moved(entry.path, entry.signature):
                best = Elsewhere(length, entry)
        return best._replace(copies=copies)

    def _mark_moved(self, entry: Entry) -> None:
        """Remember that what a row holds is under another name too, so that its own file may begin anew.

        If the row is a copy, no file is known to hold now what was found: then no name is freed.
        """
        if entry.copied:
            return
        if entry.folded >= 0:
            self._folded.mark_moved(entry.folded)
            return
        if not entry.moved:
            entry.moved = True
            self._store(entry)
        refused = self._refused(entry.path)
        if refused and refused.reason == REWRITTEN and refused.signature.ctime_ns != -1:
            self._freed = True
            refused.signature = Signature(refused.signature.size, refused.signature.mtime_ns, -1)
            self._rows.store(refused)

    def _begin_new(self, path: str, verdict: Verdict, start: int, source: Entry | None) -> Entry:
        self._drop_held(path)
        entry = Entry(path, verdict.signature, verdict.sha256, verdict.text_bytes, format=verdict.format)
        entry.encoding, entry.text_sha256, entry.head = verdict.encoding, verdict.text_sha256, _head(verdict)
        if source:
            self._mark_moved(source)
            entry.start = entry.offset = start
            self._follow(entry, source, verdict)
        return entry

    def _follow(self, entry: Entry, source: Entry, verdict: Verdict) -> None:
        """Note of which file an entry is a copy, or begins with one, and how that file is read.

        The source is always a row that was trained: it never goes.
        """
        other = (source.source, source.copy_of) if source.copied else (source.row, source.path)
        entry.source, entry.copy_of = other
        if source.copied and not source.encoding:  # a checkpoint of before; it has head 0 too
            if source.source < 0:
                entry.format, entry.encoding = verdict.format, verdict.encoding
                return
            source = self._entry(source.source)
        entry.format, entry.encoding = source.format, source.encoding or verdict.encoding

    def _keep(self, entry: Entry, verdict: Verdict, passes: int, *, grown: bool = False) -> Entry | None:
        entry.signature = verdict.signature
        entry.sha256, entry.text_sha256, entry.head = verdict.sha256, verdict.text_sha256, _head(verdict)
        if not entry.known:
            entry.format, entry.encoding = verdict.format, verdict.encoding
        entry.encoding = entry.encoding or verdict.encoding
        self._drop_held(entry.path, but=entry.row)
        for other in self._versions(entry.path):
            if other.under_way and other.row != entry.row:
                self.abandon(other, CHANGED)
        self._drop_refused(entry.path)
        if entry.finished(passes) or (entry.held and entry.reason != RELEASED and not grown):
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
        return self._keep(entry, verdict, passes, grown=True)

    def _refuse(
        self, path: str, verdict: Verdict, reason: str, source: Entry | None = None, *, copies: int = 0
    ) -> None:
        for version in self._versions(path):
            if version.under_way:
                self.abandon(version, CHANGED if reason == COPY else reason)
        self._drop_held(path)
        entry = self._refused(path) or Entry(path, verdict.signature, verdict.sha256, 0)
        entry.signature, entry.sha256, entry.text_sha256 = verdict.signature, verdict.sha256, verdict.text_sha256
        entry.text_bytes, entry.outcome, entry.reason, entry.head = verdict.text_bytes, "skipped", reason, 0
        entry.format, entry.encoding, entry.source, entry.copy_of = TEXT, "", -1, ""
        if source:
            entry.head = _head(verdict) if copies < COPIES else 0
            self._follow(entry, source, verdict)
        if entry.row < 0:
            self._rows.append(entry)
        else:
            self._rows.store(entry)

    def _drop_held(self, path: str, but: int = -1) -> None:
        """Remove what was held of a file, and is no longer what it holds; a row stays of which a part was trained."""
        if self.knows(path):
            for entry in self._versions(path):
                if entry.held and not entry.bytes_trained and entry.row not in (but, -1):
                    self._rows.remove(entry.row)

    def _refuse_forgotten(self, path: str, verdict: Verdict, forgotten: Entry) -> None:
        whole = forgotten.text_bytes == verdict.text_bytes
        if not whole or forgotten.path != path:
            self._refuse(path, verdict, FORGOTTEN_TEXT if whole else FORGOTTEN_BEGINNING)
            return
        self._drop_refused(path)
        forgotten.signature, forgotten.sha256 = verdict.signature, verdict.sha256
        self._store(forgotten)

    def _drop_refused(self, path: str) -> None:
        if entry := self._refused(path):
            self._rows.remove(entry.row)


def _head(verdict: Verdict) -> int:
    return verdict.heads[-1] if verdict.heads else 0
