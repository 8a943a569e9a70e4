"""The trainer over the life of an inbox, with a twin to which nothing bad ever happens.

The twin is another checkpoint folder over the same inbox. It makes the runs that the trainer under test makes to the
end, and no others. Whatever happens to the trainer while files and settings stay the same, it must end where the twin
does, bit by bit. When they change while it is in the middle, the twin goes on from the trainer's newest checkpoint.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from streamer.settings import RunSettings

from .accounting import check_accounts, taken
from .books import Books, checkpoints, differences, newest_whole, tree_of, whole
from .lives import NOTHING, Fault, Life, settings
from .texts import Texts, check_outcome

NOWHERE = ""
"""Stands for the digest of the newest checkpoint where there is none."""


class Pair:
    """A trainer that much happens to, and its twin.

    Attributes:
        texts: The inbox.
        folder: The checkpoints of the one.
        twin: Those of the other.
        run: The settings of the next life.
        epochs: What it does: 0 for ``watch``, or passes of ``train``.
        rested: Whether its last life found nothing to do, and nothing has changed since.
    """

    def __init__(self) -> None:
        # In memory, if the system has such a folder: nothing here depends on a disk, which only takes time.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.home = Path(tempfile.mkdtemp(prefix="streamer-", dir=memory))
        self.texts = Texts(self.home / "inbox")
        self.folder, self.twin = self.home / "checkpoints", self.home / "twin"
        self.run = RunSettings(threads=1, settle=0.0, rescan=0.05, checkpoint_every=0.0, poll=True, duplicates="train")
        self.epochs = 0
        self.rested = False
        self._path = {NOWHERE}  # the checkpoints on the way from where the two were one
        self._apart = False  # whether the trainer is behind its twin, or on its way past it
        self._done = False  # whether there is nothing to do
        self._passes = 1  # that any life went over a text
        self._rules: tuple[object, ...] = ()
        self._books = {NOWHERE: Books()}

    def close(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.home)

    def changed(self) -> None:
        """Take note that files or settings are about to change, which ends what the two have in common."""
        if self._apart:
            self._clone()
        self._path, self._done, self.rested = {self._newest()}, False, False

    def lead(self, fault: Fault = NOTHING, *, edit: Callable[[], None] = lambda: None) -> Life:
        """Let the trainer live once, check what it left on disk, and compare it with its twin if it came to the end.

        Args:
            fault: What happens to it.
            edit: What a fault does that edits.
        """
        rules = (self.epochs, self.run.encoding, self.run.max_bad_ratio, self.run.on_change)
        if rules != self._rules:
            self.changed()
            self._rules = rules
        self._passes = max(self._passes, self.epochs)
        listed = checkpoints(self.folder)
        digests = [_digest(path) for path in listed if whole(path.read_bytes())]
        sound = len(digests) == len(listed)
        life = Life(fault, edit).live(self.folder, self.texts.folder, self.run, epochs=self.epochs)
        assert life.ended_well or life.struck, f"it ended with {life.code}, and nothing had happened to it"
        assert life.code in {0, *fault.codes}, f"{fault} ended it with {life.code}"
        aside = {_digest(path) for path in self.folder.glob("*.damaged*")}  # a whole one too, if the disk failed
        start = next((digest for digest in digests if digest not in aside), NOWHERE)
        self._audit(start)
        misled = start not in self._path or (life.struck and fault.hides_files)
        if life.ended_well and not life.signals.received:
            self._check_end(life, strict=not (life.struck and fault.hides_files))
            if not life.struck and sound:
                self._check_kept(listed)
        self._restore()
        if misled:
            self._clone()
            self._path = {self._newest()}
        elif life.ended_well and not life.signals.received:
            self._compare()
        else:
            self._find_way()
        return life

    def way(self) -> list[str]:
        """Return the failpoints that the next life would come by if nothing happened to it, with a copy of its own."""
        copy = self.home / "copy"
        if self.folder.is_dir():
            shutil.copytree(self.folder, copy)
        calls = Life().live(copy, self.texts.folder, self.run, epochs=self.epochs).calls
        shutil.rmtree(copy)
        return calls

    def damage(self, how: str, at: float) -> None:
        """Damage the newest checkpoint: ``flip`` a bit, ``cut`` it short or ``add`` to it, so far from its start."""
        path = checkpoints(self.folder)[0]
        content = bytearray(path.read_bytes())
        position = int(at * (len(content) - 1))
        if how == "flip":
            content[position] ^= 1 << position % 8
        path.write_bytes(content[:position] if how == "cut" else content + b"\0" * (how == "add"))
        self._done = self.rested = False
        self._find_way()

    @property
    def busy(self) -> bool:
        """Whether the next life has something to do, as far as anyone knows."""
        return not self._done

    @property
    def can_be_damaged(self) -> bool:
        """Whether the newest checkpoint is whole, and would not be the last."""
        sound = [whole(path.read_bytes()) for path in checkpoints(self.folder)]
        return sound[:1] == [True] and sum(sound) > 1

    def _newest(self) -> str:
        path = newest_whole(self.folder)
        return _digest(path) if path else NOWHERE

    def _audit(self, start: str) -> None:
        """Check all that this life saved, and learn which checkpoints lie on the way."""
        for path in checkpoints(self.folder):
            content = path.read_bytes()
            digest = _digest(path)
            if digest not in self._books and whole(content):
                tree = tree_of(content)
                self._books[digest] = self._books[start].next(tree, self.texts.contents)
                trained, seen = tree["progress/words_trained"], tree["vocabulary/words_seen"]
                assert trained <= self._passes * seen, f"{trained} words are trained, of {seen}"  # type: ignore[operator]
                self._path.add(digest)
        if self._newest() != NOWHERE:
            check_accounts(self.folder, self.texts.folder, whole=False)

    def _check_end(self, life: Life, *, strict: bool) -> None:
        """Check what holds when a trainer went through all files."""
        assert not list(self.folder.glob(".*tmp*")), "something half-written is left"
        assert not self._done or life.idle, "it was done, and found something to do"
        self.rested = self._done
        newest = self._newest()
        names = {path.relative_to(self.texts.folder).as_posix() for path in taken(self.texts.folder)}
        if newest == NOWHERE:
            assert not (names and strict), names
            return
        check_accounts(self.folder, self.texts.folder, whole=strict)
        books = self._books[newest]
        if not strict:
            return
        for name in names:
            check_outcome(name, self.texts.read(name), books, self.texts.contents, rules=self.run)
        if not self.epochs:
            assert not [row for row in books.rows if row.under_way], "a file is left in the middle"

    def _check_kept(self, before: list[Path]) -> None:
        """Check that as many checkpoints are left as were asked for, and that these are the newest."""
        after = checkpoints(self.folder)
        if after:
            written = int(after[0].stem[-10:]) - (int(before[0].stem[-10:]) if before else 0)
            there = len(before) + written
            assert len(after) == min(self.run.keep, there), f"{len(after)} of {there} are kept, not {self.run.keep}"

    def _restore(self) -> None:
        """Do what is asked of people if no checkpoint is left: put back one that a bad disk had set aside."""
        aside = [path for path in sorted(self.folder.glob("*.damaged*")) if whole(path.read_bytes())]
        if self._newest() == NOWHERE and aside:
            life = Life().live(self.folder, self.texts.folder, self.run, epochs=self.epochs)
            assert life.code == 65, "it began anew, and there was something to go on from"
            aside[-1].rename(self.folder / aside[-1].name.partition(".damaged")[0])

    def _find_way(self) -> None:
        """After a life that was cut short: go on towards the twin, or, if that is not possible any more, clone."""
        self._apart = True
        if self._newest() not in self._path:
            self._clone()
            self._path = {self._newest()}

    def _clone(self) -> None:
        shutil.rmtree(self.twin, ignore_errors=True)
        self.twin.mkdir()
        if path := newest_whole(self.folder):
            shutil.copy2(path, self.twin)
        self._apart = False

    def _compare(self) -> None:
        run = settings(self.run, threads=1, keep=1, checkpoint_every=3600.0)
        life = Life().live(self.twin, self.texts.folder, run, epochs=self.epochs)
        assert life.ended_well
        ours, theirs = newest_whole(self.folder), newest_whole(self.twin)
        assert (ours is None) == (theirs is None)
        if ours and theirs:
            unlike = differences(tree_of(ours.read_bytes()), tree_of(theirs.read_bytes()))
            assert not unlike, f"not what a run that was never stopped ends with: {unlike}"
        self._apart, self._done = False, True


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
