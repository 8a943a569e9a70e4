"""Snapshots: what the model was at moments of the stream, in light files that never change.

A snapshot has the words, their input vectors in 8 bits, their counts and their sums of squared gradients: some 120
bytes a word, where a checkpoint has a thousand. Words are stored, not ids, which are reused. The state lists the snapshots
that belong to it, with the digests of their files, and so does each checkpoint. So one that was copied from elsewhere,
or taken in a future that was lost, is never taken for one of this stream.

A file is published before the checkpoint that lists it, and removed after the last one that does, as segments are.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from streamer.checkpoints import Image, Tree
from streamer.state.tree_reader import TreeReader, damaged, to_blob

FORMAT = "streamer snapshot"
VERSION = 1
_STEPS = 127
_PIECE = 1 << 14
"""Rows converted at a time."""

Floats = npt.NDArray[np.float32]


@attrs.frozen
class Moment:
    """A moment of the stream of which there is a snapshot.

    Attributes:
        number: The number of the snapshot, from 1.
        words_seen: Words of all texts until then.
        words_trained: Those of them that had vectors, over all passes.
        vocabulary: Words with vectors.
        date: The date of the last text, in seconds since 1970: as ``--date-from`` says, or when it was trained.
        file: The name of the file; empty until it was written.
    """

    number: int
    words_seen: int
    words_trained: int
    vocabulary: int
    date: float
    file: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return f"snapshot-{self.number}"


def quantised(vectors: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Return vectors in 8 bits, (V, D) int8, and the size of a step of each row, (V,) float32.

    Ten nearest neighbours are the same for 98.7 % of words.
    """
    scales = np.abs(vectors).max(axis=1, initial=0) / np.float32(_STEPS)
    steps = np.where(scales > 0, scales, np.float32(1))
    numbers = np.empty(vectors.shape, np.int8)
    for at in range(0, len(vectors), _PIECE):
        piece = slice(at, at + _PIECE)
        numbers[piece] = np.rint(vectors[piece] / steps[piece, None])
    return numbers, scales.astype(np.float32)


def restored(numbers: npt.NDArray[np.int8], scales: Floats) -> Floats:
    """Return vectors as they were before :func:`quantised`, but for half a step, (V, D) float32."""
    vectors: Floats = numbers.astype(np.float32)
    vectors *= scales[:, None]
    return vectors


class SnapshotFile:
    """A snapshot that is written with the next checkpoint; a :class:`~streamer.checkpoints.image.Part`.

    Args:
        moment: The moment.
        words: The words, in the order of admission.
        vectors: Their input vectors, (V, D) float32.
        counts: (V,) int64.
        squares: AdaGrad's accumulators of the input vectors, (V,) float32.
        beside: What else belongs into it: the settings, by which words are converted.
    """

    def __init__(
        self,
        moment: Moment,
        words: list[str],
        vectors: Floats,
        counts: npt.NDArray[np.int64],
        squares: Floats,
        beside: Tree,
    ) -> None:
        numbers, scales = quantised(vectors)
        small = counts.astype(np.uint32) if counts.max(initial=0) < 2**32 else counts.copy()
        self.moment = moment
        self.written = False
        self._name = ""
        self._content: dict[str, Any] = {
            **beside,
            **{"format": FORMAT, "snapshot_version": VERSION, "number": moment.number, "date": moment.date},
            **{"words_seen": moment.words_seen, "words_trained": moment.words_trained},
            **{"words": to_blob(words), "counts": small, "squares": squares.copy()},
            **{"vectors": numbers, "scales": scales},
        }

    def name(self) -> str:
        """Return the name of the file, relative to the folder of checkpoints: its number and its digest."""
        if not self._name:
            digest = hashlib.sha256()
            for piece in self.image():
                digest.update(piece)
            self._name = f"snapshots/snapshot-{self.moment.number:06d}-{digest.hexdigest()}.h5"
        return self._name

    def image(self) -> Image:
        """Return what is in it."""
        return Image(self._content)

    def published(self, folder: Path) -> None:
        """Note that it is on the disk: the content is no longer needed."""
        self.name()
        self.written = True
        self._content = {}


@attrs.frozen
class Snapshot:
    """What a snapshot has.

    Attributes:
        moment: The moment.
        words: V words in the order of admission.
        vectors: (V, D) float32.
        counts: (V,) int64.
        squares: (V,) float32.
    """

    moment: Moment
    words: list[str]
    vectors: Floats
    counts: npt.NDArray[np.int64]
    squares: Floats


def read_snapshot(read: TreeReader, moment: Moment) -> Snapshot:
    """Return the snapshot in a tree, after checking that it is that of this moment.

    Raises:
        StreamerError: 65 if it is not.
    """
    if read.string("format") != FORMAT or read.integer("snapshot_version") != VERSION:
        raise damaged("it is not a snapshot that this version of streamer reads")
    words = read.words("words")
    counts = read.array("counts", np.uint32, (len(words),)) if _is_small(read) else read.counts("counts", len(words))
    scales = read.floats("scales", np.float32, (len(words),), low=0)
    numbers = read.array("vectors", np.int8, (len(words), None))
    squares = read.floats("squares", np.float32, (len(words),), low=1e-12)
    there = (read.count("number"), read.count("words_seen"), read.count("words_trained"), len(words))
    if there != (moment.number, moment.words_seen, moment.words_trained, moment.vocabulary):
        raise damaged(f"it is not what the checkpoint lists as {moment.name}")
    return Snapshot(moment, words, restored(numbers, scales), counts.astype(np.int64), squares)


def _is_small(read: TreeReader) -> bool:
    return read.dtype("counts") == np.uint32
