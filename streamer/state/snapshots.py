"""Snapshots: what the model was at moments of the stream, in light files that never change.

A snapshot has the words, their input vectors in 8 bits, their counts and their sums of squared gradients: some 120
bytes a word, where a checkpoint has a thousand. Words are stored, not ids, because ids change.

The state lists its snapshots with the digests of their files, and so does each checkpoint. So a file that was copied
from elsewhere, or taken in a future that was lost, is never taken for one of this stream. A file is published before
the checkpoint that lists it, and removed after the last one that does, as segments are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from streamer.checkpoints import Damaged, Image, Store, Tree
from streamer.checkpoints.parts import DIGEST, snapshot_name
from streamer.errors import ExitCode, StreamerError
from streamer.settings.levels import Level, kept
from streamer.state.copies import Copied
from streamer.state.tree_reader import TreeReader, damaged, to_blob
from streamer.state.word_list import WordList

FORMAT = "streamer snapshot"
VERSION = 1
_STEPS = 127
LONGEST = 6.2e10
"""Seconds before and after 1970 of the dates that there are: from the year 6 to 3934."""
_PIECE = 1 << 14
"""Rows converted at a time."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@attrs.frozen
class Moment:
    """A moment of the stream that is known: that of a snapshot or, as the last one, of the newest checkpoint.

    Attributes:
        name: ``snapshot-42``, or the name of the checkpoint.
        number: The number of the snapshot, from 1; 0 for a checkpoint.
        words_seen: Words of all texts until then.
        words_trained: Those of them that had vectors, over all passes.
        vocabulary: Words with vectors.
        date: The date of the newest text, in seconds since 1970: what ``--date-from`` says, or when it was trained.
        digest: The SHA-256 of the file of the snapshot, as hexadecimal digits; empty if it was not written yet.
        by_texts: Whether dates are those that texts say. Then they are in UTC, where a day of a name is a day.
    """

    name: str
    number: int
    words_seen: int
    words_trained: int
    vocabulary: int
    date: float
    digest: str = ""
    by_texts: bool = False

    @property
    def file(self) -> str:
        """The name of the file of a snapshot, in the folder of checkpoints."""
        return snapshot_name(f"{self.name}-{self.digest}.h5")


@attrs.frozen(eq=False)
class Snapshot:
    """What was known at a moment: V words in the order of their admission.

    Attributes:
        moment: The moment.
        listed: The words, of which few are decoded.
        steps: (V, D) int8, their input vectors in steps.
        scales: (V,) float32, the size of a step of each.
        counts: (V,) int64, how often each was seen.
        squares: (V,) float32, AdaGrad's accumulators of their input vectors.
        files: (V,) uint32, how many files had each, as far as it was recorded; None in a snapshot without them.
    """

    moment: Moment
    listed: WordList
    steps: npt.NDArray[np.int8]
    scales: Floats
    counts: Ints
    squares: Floats
    files: npt.NDArray[np.uint32] | None = None

    @property
    def words(self) -> list[str]:
        """The words."""
        return self.listed.all

    def vectors(self, rows: Ints | slice = slice(None)) -> Floats:
        """Return the vectors of some rows, of all by default: (n, D) float32."""
        found: Floats = self.steps[rows].astype(np.float32)
        found *= self.scales[rows, None]
        return found


def quantised(vectors: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return vectors in 8 bits, (V, D) int8, and the size of a step of each row, (V,) float32.

    Each number is off by half a step at most, and a step is a 127th of the largest number of the row.
    """
    scales = np.abs(vectors).max(axis=1, initial=0) / np.float32(_STEPS)
    divisors = np.where(scales > 0, scales, np.float32(1))
    steps = np.empty(vectors.shape, np.int8)
    for at in range(0, len(vectors), _PIECE):
        piece = slice(at, at + _PIECE)
        # A quotient of a number so small that it has few digits may round to more.
        steps[piece] = np.rint(vectors[piece] / divisors[piece, None]).clip(-_STEPS, _STEPS)
    return steps, scales.astype(np.float32)


class SnapshotFile:
    """A snapshot as a file; a :class:`~streamer.checkpoints.image.Part`.

    Args:
        moment: The moment.
        content: What is in the file, if it was not written yet.
        home: The folder of checkpoints in which the file is, if it was written.

    Attributes:
        moment: The same.
        home: The same.
    """

    def __init__(self, moment: Moment, content: Tree | None = None, home: Path | None = None) -> None:
        self.moment, self._content, self.home = moment, content, home

    @classmethod
    def of(
        cls,
        moment: Moment,
        words: Iterable[str],
        vectors: Floats,
        counts: Ints,
        squares: Floats,
        files: npt.NDArray[np.uint32] | None = None,
    ) -> SnapshotFile:
        """Return a snapshot of a vocabulary; arrays are copied. Arguments are as of :class:`Snapshot`."""
        steps, scales = quantised(vectors)
        content: dict[str, Any] = {"format": FORMAT, "snapshot_version": VERSION, "number": moment.number}
        content |= {"words_seen": moment.words_seen, "words_trained": moment.words_trained, "date": moment.date}
        content |= {"words": to_blob(words), "counts": _smallest(counts), "squares": squares.copy()}
        if files is not None:
            content["files"] = files.copy()
        return cls(moment, {**content, "vectors": steps, "scales": scales})

    @property
    def waits(self) -> bool:
        """Whether it is in memory only."""
        return self._content is not None

    def name(self) -> str:
        """Return the name of the file, which its digest is part of."""
        if not self.moment.digest:
            digest = hashlib.sha256()
            for piece in self.image() or ():
                digest.update(piece)
            self.moment = attrs.evolve(self.moment, digest=digest.hexdigest())
        return self.moment.file

    def image(self) -> Image | None:
        """Return what is in it; None if its file is lost, which makes no difference to the model."""
        content = self._content
        if content is None:
            try:
                content = Store(self.home).part(self.moment.file, self.moment.digest) if self.home else None
            except (OSError, Damaged, StreamerError):
                content = None
        if content is None:
            return None
        return Image({key: Copied(leaf) if isinstance(leaf, np.ndarray) else leaf for key, leaf in content.items()})

    def published(self, folder: Path) -> None:
        """Note that it is in a folder: its content is no longer needed."""
        self.home, self._content = folder, None


@attrs.define(eq=False)
class Snapshots:
    """The snapshots of a state, and the clock of its stream.

    Attributes:
        files: The snapshots, in the order of the stream.
        last: The number of the one that was taken last.
        clock: The date of the newest text so far, in seconds since 1970; minus infinity if there was none.
        by_texts: Whether that is what texts say, and not when they were trained.
    """

    files: list[SnapshotFile] = attrs.field(factory=list)
    last: int = 0
    clock: float = -np.inf
    by_texts: bool = False

    def add(self, take: Callable[[Moment], SnapshotFile], moment: Moment, chosen: Sequence[Level]) -> Moment:
        """Add a snapshot, which is taken now, and forget those that are not to be kept; return its moment.

        Args:
            take: Returns the snapshot of a moment.
            moment: The moment; its name and number are set here.
            chosen: Which are kept; see :func:`.levels.kept`.
        """
        number = self.last + 1
        moment = attrs.evolve(moment, name=f"snapshot-{number}", number=number)
        files = [*self.files, take(moment)]
        self.files = [files[at] for at in kept([file.moment.date for file in files], chosen)]
        self.last = number
        return moment

    def pass_time(self, date: float, *, by_texts: bool = False) -> None:
        """Set the clock to the date of a text, unless an older text has come after a newer one."""
        self.clock, self.by_texts = max(self.clock, date), by_texts

    @property
    def waiting(self) -> int:
        """How many snapshots are not on the disk yet."""
        return sum(file.waits for file in self.files)


def leaves(files: Sequence[SnapshotFile]) -> Tree:
    """Return the list of the snapshots of a state as leaves of a group."""
    moments = [file.moment for file in files]
    return {
        "files": to_blob([Path(file.name()).name for file in files]),
        "number": np.array([moment.number for moment in moments], np.int64),
        "words_seen": np.array([moment.words_seen for moment in moments], np.int64),
        "words_trained": np.array([moment.words_trained for moment in moments], np.int64),
        "vocabulary": np.array([moment.vocabulary for moment in moments], np.int64),
        "date": np.array([moment.date for moment in moments], np.float64),
    }


def read_snapshots(read: TreeReader, folder: Path | None) -> Snapshots:
    """Return the snapshots of the state in a tree, whose files are in a folder."""
    by_texts = read.boolean("snapshots/by_texts")
    files = [SnapshotFile(moment, home=folder) for moment in read_moments(read, by_texts)]
    last = read.count("snapshots/last", low=files[-1].moment.number if files else 0)
    clock = read.real("snapshots/clock")
    if clock != -np.inf and not -LONGEST <= clock <= LONGEST:
        raise damaged(f"snapshots/clock is {clock}, which is no date")
    return Snapshots(files, last, clock, by_texts)


def read_moments(read: TreeReader, by_texts: bool) -> list[Moment]:
    """Return the moments whose :func:`leaves` are in the group ``snapshots`` of a tree."""
    names = read.words("snapshots/files")
    number, *columns = (
        read.counts(f"snapshots/{name}", len(names), low=0)
        for name in ("number", "words_seen", "words_trained", "vocabulary")
    )
    date = read.floats("snapshots/date", np.float64, (len(names),), low=-LONGEST)
    if len(date) and date.max() > LONGEST:
        raise damaged("snapshots/date has a date that nobody can write")
    found = []
    rows = zip(names, number.tolist(), *(column.tolist() for column in columns), date.tolist(), strict=True)
    for name, count, seen, trained, vocabulary, at in rows:
        begin, end = f"snapshot-{count}-", ".h5"
        digest = name[len(begin) : -len(end)]
        if name != f"{begin}{digest}{end}" or not DIGEST.fullmatch(digest):
            raise damaged(f"snapshots/files has {name!r}, which is not the name of snapshot {count}")
        found.append(Moment(begin[:-1], count, seen, trained, vocabulary, at, digest, by_texts))
    if (np.diff(number, prepend=0) < 1).any():
        raise damaged("snapshots/number is not in order")
    return found


def read_snapshot(folder: Path, moment: Moment) -> Snapshot:
    """Return a snapshot, whose arrays are views of its file.

    Args:
        folder: The folder of checkpoints.
        moment: One that a checkpoint lists.

    Raises:
        StreamerError: 65 if the file is missing, damaged, or another one.
        FileNotFoundError: If it is missing: a trainer may have removed it in the meantime.
    """
    path = folder / moment.file
    try:
        tree = TreeReader(Store(folder).part(moment.file, moment.digest))
        return _checked(tree, moment, lambda reason: unusable(path, reason))
    except Damaged as error:
        raise unusable(path, error.reason) from None
    except StreamerError as error:
        if error.code != ExitCode.DAMAGED:
            raise
        raise unusable(path, error.problem.rpartition(": ")[2]) from None


def unusable(path: Path, reason: str) -> StreamerError:
    """Return the error for a snapshot that can't be used: 65."""
    return StreamerError(
        f"the snapshot {path} cannot be used: {reason}",
        hint="restore it from a backup, or ask for another moment: streamer snapshots lists them",
        code=ExitCode.DAMAGED,
    )


def _checked(read: TreeReader, moment: Moment, refuse: Callable[[str], Exception]) -> Snapshot:
    if read.string("format") != FORMAT or read.integer("snapshot_version") != VERSION:
        raise damaged("it is not a snapshot that this version of streamer reads")
    words = WordList(read.array("words", np.uint8, (None,)), refuse)
    size = len(words)
    there = (read.count("number"), read.count("words_seen"), read.count("words_trained"), size)
    if there != (moment.number, moment.words_seen, moment.words_trained, moment.vocabulary):
        raise damaged(f"it is not what the checkpoint lists as {moment.name}")
    counts = read.integers("counts", (np.uint32, np.int64), size)
    steps = read.array("vectors", np.int8, (size, None))
    scales = read.floats("scales", np.float32, (size,), low=0)
    squares = read.floats("squares", np.float32, (size,), low=1e-12)
    files = read.array("files", np.uint32, (size,)) if read.has("files") else None
    return Snapshot(moment, words, steps, scales, counts.astype(np.int64), squares, files)


def _smallest(counts: Ints) -> npt.NDArray[Any]:
    """Return counts in 32 bits, if they fit into them."""
    return counts.astype(np.uint32) if counts.max(initial=0) < 2**32 else counts.copy()
