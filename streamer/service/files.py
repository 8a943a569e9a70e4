"""Which files to train, and their names in the ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import attrs

from streamer.errors import ExitCode, StreamerError
from streamer.formats.recipes import Recipe
from streamer.intake import reader
from streamer.intake.dates import date_of
from streamer.intake.inbox import Candidate, Inbox, Order, Scan, oldest_first
from streamer.intake.opened import Opened
from streamer.ledger.entries import COPY, REWRITTEN, Entry, Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.settings import RunSettings
from streamer.system import disk


class Files:
    """The files of folders and command lines, with their names in the ledger.

    Args:
        checkpoints: The folder of checkpoints, which is never trained on.
        ledger: Which files were trained, and the folder that relative names are relative to.
        run: Which names are accepted, and how files are read.
    """

    def __init__(self, checkpoints: Path, ledger: Ledger, run: RunSettings) -> None:
        self.checkpoints, self._ledger, self._run = checkpoints, ledger, run

    def candidates(self, paths: Sequence[Path], *, passes: int) -> list[Candidate]:
        """Return the files to train, from files and folders, in order, each file once.

        Raises:
            StreamerError: With exit code 66, if there is no such file or folder.
        """
        found: dict[str, Candidate] = {}
        for path in paths:
            if path.is_dir():
                folder = Path(os.path.realpath(path))
                self.adopt(folder)
                candidates = self._in_folder(folder, passes)
            else:
                candidates = self._file(Path(os.path.realpath(path.parent)) / path.name, passes)
            for candidate in candidates:
                found.setdefault(candidate.path, candidate)
        in_time = self._run.date_from in ("mtime", "name")
        return sorted(found.values(), key=self.order) if in_time else list(found.values())

    @property
    def by_name(self) -> bool:
        """Whether the order of files is that of the dates in their names."""
        return self._run.date_from == "name"

    def order(self, candidate: Candidate) -> Order:
        """Return what a file is sorted by: the date in its name or, by default, its mtime; then its name.

        What the model learns depends on the order, so that depends on no clock: a date in the future counts too. Files
        without a date come last.
        """
        if not self.by_name:
            return oldest_first(candidate)
        date = self.date_in_name(candidate.path)
        return date is None, date or 0, os.fsencode(candidate.path)

    def date_in_name(self, name: str) -> float | None:
        """Return the date that the name of a file says, by its name in the ledger; see :func:`.dates.date_of`.

        Of the folder that names are relative to, only its own name counts, and not those of the folders that it is in.
        """
        outer, _, folder = self._ledger.root.rpartition("/")
        return date_of(name.removeprefix(f"{outer}/") if name.startswith("/") else f"{folder}/{name}")

    def order_in(self, folder: Path) -> Callable[[Candidate], Order]:
        """Return what files that were found in a folder are sorted by."""
        return (lambda candidate: self.order(self.named(candidate, folder))) if self.by_name else oldest_first

    def adopt(self, folder: Path) -> None:
        """Make names in the ledger relative to a folder, unless they are relative to another one that exists.

        A folder that no longer exists was moved; the names of its files stay valid.

        Raises:
            StreamerError: With exit code 2, if it is the folder of the checkpoints.
        """
        if folder.samefile(self.checkpoints):
            raise StreamerError(f"{folder} holds the checkpoints", hint="name another folder with --checkpoints")
        root = self._ledger.root
        if not root or not Path(root).is_dir():
            self._ledger.adopt(os.fsencode(folder).decode("utf-8", "backslashreplace"))

    def name(self, path: str) -> str:
        """Return the name of a file in the ledger: relative to the ledger's folder if it is inside, else absolute."""
        ledger = self._ledger
        root = f"{ledger.root}/"
        # A file that was given by itself before its folder was given keeps its name.
        return path if root == "/" or not path.startswith(root) or ledger.knows(path) else path[len(root) :]

    def named(self, candidate: Candidate, folder: Path) -> Candidate:
        """Return a file that was found in a folder, with its name in the ledger."""
        name = self.name(f"{folder}/{candidate.path}")
        return candidate if name == candidate.path else candidate._replace(path=name)

    def seen(self, path: str, signature: Signature, passes: int = 1) -> bool:
        """Return whether there is nothing to do for a file with this signature."""
        return self._ledger.seen(self.name(path), signature, passes)

    def seen_in(self, folder: str, passes: int = 1) -> Callable[[str, Signature], bool]:
        """Return what says of a path in a folder, and its signature, whether there is nothing to do.

        It is asked of each file at each scan. Most have been seen under the name that is tried first.
        """
        seen, knows, prefix = self._ledger.seen, self._ledger.knows, f"{folder}/"
        if folder != self._ledger.root:
            return lambda path, signature: self.seen(prefix + path, signature, passes)
        return lambda path, signature: (
            seen(path, signature, passes) or (knows(prefix + path) and seen(prefix + path, signature, passes))
        )

    def moved(self, name: str, signature: Signature) -> bool:
        """Return whether a file is gone, or no longer what it was."""
        try:
            return Signature.of(disk.look(Path(self._ledger.root) / name)) != signature
        except OSError:
            return True

    def _in_folder(self, folder: Path, passes: int) -> list[Candidate]:
        at_once = attrs.evolve(self._run, settle=0.0)
        seen = self.seen_in(os.fspath(folder), passes)
        scan = Inbox(folder, at_once, seen, without=self.checkpoints, order=self.order_in(folder)).scan()
        refuse_unreadable(folder, scan)
        return [self.named(candidate, folder) for candidate in scan.ready]

    def _file(self, path: Path, passes: int) -> list[Candidate]:
        try:
            signature = Signature.of(path.lstat())
        except OSError as error:
            raise StreamerError(f"cannot read {path}: {error.strerror}", code=ExitCode.NO_INPUT) from None
        absolute = os.fspath(path)
        name = self.name(absolute)
        return [] if self._ledger.seen(name, signature, passes) else [Candidate(name, absolute, signature)]


def outdated(run: RunSettings, entry: Entry) -> bool:
    """Return whether a file was refused for a reason that may not hold with the settings of this process."""
    if entry.reason == REWRITTEN:
        return run.on_change == "retrain"
    if entry.reason == COPY:
        return run.duplicates == "train"
    encoding = run.encoding_of(entry.path)
    return reader.outdated(entry.reason, encoding=encoding, max_bad_ratio=run.max_bad_ratio, wanted=wanted(run))


def judged(
    file: Opened, path: str, run: RunSettings, ledger: Ledger, check: Callable[[], None] = lambda: None
) -> Verdict:
    """Return the verdict on a file: in the encoding that it was begun with, if it is what it was, or has grown."""
    before = ledger.known(path, duplicates=run.duplicates)
    judge = partial(reader.judge, file, max_bad_ratio=run.max_bad_ratio, wanted=wanted(run), check=check)
    if before.encoding:
        verdict = judge(encoding=before.encoding, before=before)
        if ledger.begins(path, verdict):
            return verdict
    return judge(encoding=run.encoding_of(path), before=before._replace(encoding=""))


def wanted(run: RunSettings) -> Recipe:
    """Return the format that the user wants, and its fields."""
    return Recipe(run.format, run.field)


def refuse_unreadable(folder: Path, scan: Scan) -> None:
    """Raise if a folder can't be listed. This is for runs that end; a service waits until it can be listed."""
    if scan.failure:
        raise StreamerError(
            f"cannot read {folder}: {scan.failure}", hint="give this user the right to read it", code=ExitCode.NO_INPUT
        )


def has_changed(status: os.stat_result, signature: Signature) -> bool:
    """Return whether a file was written to; it does not matter if it was removed or renamed."""
    return (status.st_size, status.st_mtime_ns) != (signature.size, signature.mtime_ns)
