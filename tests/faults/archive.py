"""An inbox of logs that are rotated, copied, packed, removed and put back, and what must have been trained of it.

What must have been trained is known from what was done to the files, and from nothing that the ledger says: each line
has words that no other line has. So a count of two is a line that was trained twice, and none is a line that was lost.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from streamer.answers import reports
from streamer.service import loop
from streamer.service.tidying import Tidier
from streamer.settings import RunSettings

from .books import checkpoints, differences, newest_whole, tree_of
from .lives import NOTHING, Fault, Life, settings

DAY = 100
"""Seconds that files are listed after they are gone."""
WORDS = {"plain": "line", "latin": "é", "cyrillic": "слово", "wide": "жé", "big": "ñ"}
CODECS = {"plain": "utf-8", "latin": "latin-1", "cyrillic": "cp1251", "wide": "utf-16-le", "big": "utf-16-be"}
"""How a text of each kind is written; names of files begin with the kind."""
MARKS = {"wide": b"\xff\xfe", "big": b"\xfe\xff"}
ENCODINGS = ("*latin*=latin-1", "*cyrillic*=cp1251", "auto")
NAMES = tuple(f"{folder}{kind}.{number}" for kind in WORDS for number, folder in enumerate(("", "", "", "old/")))
COPY = "a copy of "
REWRITTEN = "rewritten after it was trained"

Lines = tuple[int, ...]


class Log(NamedTuple):
    """What a file holds.

    Attributes:
        lines: The numbers of its lines.
        packed: Whether it is a gzip file.
    """

    lines: Lines
    packed: bool = False


def kind_of(name: str) -> str:
    """Return the kind of text that a file of this name holds."""
    return name.rpartition("/")[2].partition(".")[0]


def encoded(kind: str, lines: Lines) -> bytes:
    """Return the text of so many lines; the mark of its encoding is before line 0 of a log."""
    stem = WORDS[kind]
    text = "".join(f"{stem}{number} x{stem}{number}\n" for number in lines).encode(CODECS[kind])
    return MARKS.get(kind, b"") + text if lines else b""


class Archive:
    """A folder of logs, a trainer that much happens to, its twin that is never stopped, and one that never folds.

    The twins have checkpoints of their own over the same inbox.

    Attributes:
        logs: The files that are there.
        gone: Files that were there, with their names, the last one last.
        now: What the trainers take for the time, when they look for files that are gone for long.
    """

    def __init__(self) -> None:
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.home = Path(tempfile.mkdtemp(prefix="streamer-", dir=memory))
        self.inbox, self.folder = self.home / "inbox", self.home / "checkpoints"
        self._twins = self.home / "twin", self.home / "hoarder"
        (self.inbox / "old").mkdir(parents=True)
        self.run = RunSettings(
            threads=1, settle=0.0, rescan=0.05, checkpoint_every=0.0, poll=True, encoding=ENCODINGS, ledger_keep=DAY
        )
        self.logs: dict[str, Log] = {}
        self.gone: list[tuple[str, Log]] = []
        self.now = 2_000_000_000
        self.folded = 0
        self._lines = 0
        self._kind: list[str] = []  # of each line
        self._clock = 1_600_000_000
        self._known: set[Lines] = set()  # all that any file ever held
        self._held: dict[str, set[Lines]] = {}  # what may have been trained under a name, and was found under no other
        self._read: dict[str, Lines] = {}  # what a file, perhaps gone since, held when all were read
        self._trained: set[int] = set()  # lines that must have been trained
        self._apart = False  # whether a life was cut short, and no file has changed since
        self._done = False  # whether all was trained, and no file has changed since

    def close(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.home)

    # What may be done to files.

    def write(self, name: str, count: int) -> None:
        """Add new lines to a file, which is made if there is none."""
        log = self.logs.get(name, Log(()))
        new = tuple(range(self._lines, self._lines + count))
        self._lines += count
        self._kind += [kind_of(name)] * count
        self._put(name, log._replace(lines=log.lines + new), added=new if log.packed else ())

    def rename(self, name: str, new: str) -> None:
        """Give a file another name; its times stay."""
        self._changed()
        (self.inbox / name).rename(self.inbox / new)
        self.logs[new] = self.logs.pop(name)

    def copy(self, name: str, new: str) -> None:
        """Copy a file."""
        self._put(new, self.logs[name])

    def truncate(self, name: str) -> None:
        """Cut a file to nothing."""
        self._put(name, Log(()))

    def pack(self, name: str) -> None:
        """Put a gzip file in the place of a plain one, or the other way around; its times stay."""
        log, when = self.logs[name], (self.inbox / name).stat().st_mtime_ns
        self._put(name, log._replace(packed=not log.packed))
        os.utime(self.inbox / name, ns=(when, when))

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._changed()
        (self.inbox / name).unlink()
        self.gone.append((name, self.logs.pop(name)))

    def put_back(self, name: str, log: Log) -> None:
        """Let a file be there again."""
        self._put(name, log)

    def wait(self, days: float) -> None:
        """Let time pass."""
        self._changed()
        self.now += int(days * DAY)

    def _put(self, name: str, log: Log, added: Lines = ()) -> None:
        self._changed()
        path, kind = self.inbox / name, kind_of(name)
        content = encoded(kind, log.lines)
        if added:  # a member of gzip
            text = content[len(encoded(kind, log.lines[: -len(added)])) :]
            content = path.read_bytes() + gzip.compress(text, mtime=0)
        elif log.packed:
            content = gzip.compress(content, mtime=0)
        path.write_bytes(content)
        self._clock += 1
        os.utime(path, (self._clock, self._clock))
        self.logs[name] = log
        self._known.add(log.lines)

    def touch(self, name: str) -> None:
        """Let a file be newer, with the same in it."""
        self._put(name, self.logs[name])

    def tip(self, lines: Lines) -> bool:
        """Return whether a copy of these lines is known for what it is.

        It is if no file ever held these lines and more: a text that has grown is not recognised any more as what it was
        before. It is too if a file was read that holds just them, or did when it was gone.
        """
        return bool(lines) and (not self._outgrown(lines) or any(self._reads(name) == lines for name in self._read))

    def needed(self, name: str) -> bool:
        """Return whether what a file held that is gone is known from it only, and may be in another file by now."""
        lines = self._read.get(name, ())
        return name not in self.logs and bool(lines) and self._outgrown(lines)

    def _outgrown(self, lines: Lines) -> bool:
        return any(one[: len(lines)] == lines and one != lines for one in self._known)

    def _reads(self, name: str) -> Lines:
        """Return what a row says of a file that has not changed since it was read."""
        lines = self._read[name]
        return lines if name not in self.logs or self.logs[name].lines == lines else ()

    def free(self, name: str, lines: Lines) -> bool:
        """Return whether these lines may be written under a name, and are not taken for a rewritten file."""
        others = [log.lines for other, log in self.logs.items() if other != name]
        return all(
            _begins(lines, held) or any(_begins(one, held) for one in others) for held in self._held.get(name, ())
        )

    # What happens to the trainer.

    def way(self) -> list[str]:
        """Return the failpoints that the next life would come by if nothing happened to it, with a copy of its own."""
        copy = self.home / "copy"
        if self.folder.is_dir():
            shutil.copytree(self.folder, copy)
        calls = self._live(copy, self.run).calls
        shutil.rmtree(copy)
        return calls

    def lead(self, fault: Fault = NOTHING) -> Life:
        """Let the trainer live once; compare it with its twins if it came to the end, and check its accounts."""
        for name, log in self.logs.items():
            if log.lines:
                self._held.setdefault(name, set()).add(log.lines)
        self._read = {name: lines for name in self._read if (lines := self._reads(name))}
        life = self._live(self.folder, self.run, fault)
        assert life.ended_well or life.struck, f"it ended with {life.code}, and nothing had happened to it"
        assert life.code == 0, life.code
        if life.ended_well and not life.signals.received:
            assert not self._done or life.idle, "it was done, and found something to do"
            if not self._done:
                self._compare(stopped=self._apart)
            self._apart, self._done = False, True
            self._check_files()
        else:
            self._apart = True
        if newest_whole(self.folder):
            self._check_lines()
        return life

    def _live(self, folder: Path, run: RunSettings, fault: Fault = NOTHING) -> Life:
        with patch.object(loop, "Tidier", partial(Tidier, clock=lambda: float(self.now))):
            return Life(fault).live(folder, self.inbox, run)

    def _changed(self) -> None:
        """Take note that files are about to change: what a twin would do from here on, the trainer may have done."""
        for twin in self._twins if self._apart else ():
            self._clone(twin)
        self._apart = self._done = False

    def _clone(self, twin: Path) -> None:
        shutil.rmtree(twin, ignore_errors=True)
        twin.mkdir()
        if path := newest_whole(self.folder):
            shutil.copy2(path, twin)

    def _compare(self, *, stopped: bool) -> None:
        run = settings(self.run, threads=1, keep=1, checkpoint_every=3600.0)
        twin, hoarder = self._twins
        if stopped:
            assert self._live(twin, run).ended_well
        else:
            self._clone(twin)
        assert self._live(hoarder, settings(run, ledger_keep=0.0)).ended_well
        if not checkpoints(self.folder):
            assert not checkpoints(twin) and not checkpoints(hoarder)
            return
        ours, theirs, listed = (tree_of(self._newest(folder)) for folder in (self.folder, twin, hoarder))
        unlike = differences(ours, theirs)
        assert not unlike, f"not what a run that was never stopped ends with: {unlike}"
        unlike = [key for key in differences(ours, listed) if not key.startswith("ledger/")]
        assert not unlike, f"not what a run that never folds ends with: {unlike}"
        for outcome in ("trained", "partial"):
            some, others = (reports.listing(folder, outcome) for folder in (self.folder, hoarder))
            assert some.bytes == others.bytes, "what is folded is not what was listed"
            assert len(some.files) + some.folded == len(others.files) + others.folded
        self.folded = max(self.folded, reports.status(self.folder)["files_folded"])

    @staticmethod
    def _newest(folder: Path) -> bytes:
        path = newest_whole(folder)
        assert path
        return path.read_bytes()

    def _check_files(self) -> None:
        """Check what holds of each file that is there when a trainer went through all of them."""
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in reports.files(self.folder) if checkpoints(self.folder) else ():
            rows.setdefault(row["path"], []).append(row)
        taken = {name for name, log in self.logs.items() if self.free(name, log.lines)}
        for name, log in self.logs.items():
            mine, size = rows.get(name, []), len(encoded(kind_of(name), log.lines))
            assert mine, f"{name} is neither trained nor refused"
            refused = [row for row in mine if row["outcome"] == "skipped"]
            if not log.lines:
                assert [row["reason"] for row in refused] == ["empty"], mine
            elif name in taken:
                self._trained.update(log.lines)
                if refused:
                    assert refused[0]["reason"].startswith(COPY), mine
                    assert (refused[0]["bytes_skipped"], refused[0]["words"]) == (size, 0), mine
                else:
                    assert any(row["outcome"] == "trained" and row["bytes"] == size for row in mine), mine
            else:
                assert not refused or refused[0]["reason"].startswith((COPY, REWRITTEN)), mine
        self._read |= {name: self.logs[name].lines for name in taken if self.logs[name].lines}
        for name in taken:
            elsewhere = [log.lines for other, log in self.logs.items() if other != name]
            mine_now = self.logs[name].lines
            old = self._held.get(name, set())
            self._held[name] = {mine_now} - {()} if mine_now else old
            self._held[name] = {one for one in self._held[name] if not any(_begins(other, one) for other in elsewhere)}

    def _check_lines(self) -> None:
        """Check that no line was trained twice, that none is lost, and that the bytes are those of the lines."""
        tree: Any = tree_of(self._newest(self.folder))
        counts = Counter[str]()
        for group in ("vocabulary", "candidates"):
            words = tree[f"{group}/words"].tobytes().decode().splitlines()
            counts.update(dict(zip(words, tree[f"{group}/counts"].tolist(), strict=True)))
        bytes_, lines, starts = 0, set[int](), {one[0] for one in self._known if one}
        for number, kind in enumerate(self._kind):
            word = f"{WORDS[kind]}{number}"
            found = counts.pop(word, 0)
            assert found == counts.pop(f"x{word}", 0), f"half of line {number} was trained"
            assert found < 2, f"line {number} of {kind} was trained {found} times"
            if found:
                lines.add(number)
                bytes_ += len(encoded(kind, (number,))) - (0 if number in starts else len(MARKS.get(kind, b"")))
        assert not counts, f"nobody wrote {counts}"
        assert not self._trained - lines, f"lost {sorted(self._trained - lines)}"
        status, listing = reports.status(self.folder), reports.listing(self.folder)
        told = status["bytes"]
        assert told == listing.bytes
        assert told["trained"] == bytes_, f"{told} for {bytes_} bytes of {len(lines)} lines"
        assert told["seen"] == told["trained"] + sum(told["skipped"].values())
        assert status["words_seen"] == 2 * len(lines)
        assert sum(status["files"].values()) == len(listing.files) + listing.folded
        assert listing.folded == status["files_folded"]
        assert sum(row["bytes_trained"] for row in listing.files) <= bytes_
        named = tree["ledger/spans/row"] < 2**32 - 1
        of_rows = Counter[int]()
        for row, length in zip(tree["ledger/spans/row"][named], tree["ledger/spans/length"][named], strict=True):
            of_rows[int(row)] += int(length)
        assert of_rows.total() + int(tree["ledger/spans/start"][~named].sum()) == bytes_, "the journal has other bytes"
        for number, row_bytes in of_rows.items():
            assert row_bytes <= listing.files[number]["bytes_trained"], "the journal names another file"
        if not listing.folded:
            assert sum(row["bytes"] for row in listing.files) == told["seen"]
            assert sum(row["words"] for row in listing.files) == status["words_seen"]


def _begins(lines: Lines, with_lines: Lines) -> bool:
    return lines[: len(with_lines)] == with_lines
