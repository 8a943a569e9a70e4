"""Words that left the vocabulary, with all that was learned of them, until they are seen often enough again.

A row is a word, its count, both vectors and both sums of squares. Rows come in batches, which never change: a batch is
what left at one time, or several batches merged. The newest batch that has a word has its row; a word that has come
back is in the vocabulary, and its row here means nothing any more. So nothing is ever rewritten, and batches can be
files (:mod:`streamer.state.segments`), of which only the pages that are looked at are in memory.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.system.mapped import forget

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

PIECE = 8 << 20
"""Bytes of vectors that are copied at a time."""
LEAST = 64 << 10
"""Bytes that a segment has at least, about."""
FAN = 8
"""So many segments of about a size are merged into one."""


class Gathered:
    """Rows of several arrays, which are copied when they are asked for: merging large files takes little memory.

    Args:
        arrays: The arrays, alike but for their lengths.
        of: (n,) integers, for each row the position of its array.
        rows: (n,) int64, its position in that.

    Attributes:
        dtype: The type of the elements.
        shape: The shape of the array that it stands for.
        nbytes: The bytes of that.
    """

    def __init__(self, arrays: Sequence[Floats | Gathered], of: Bytes, rows: Ints) -> None:
        self._arrays, self._of, self._rows = arrays, of, rows
        self.dtype = np.dtype(np.float32)
        self.shape: tuple[int, ...] = (len(rows), *arrays[0].shape[1:])
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize

    def take(self, positions: Ints, axis: int = 0) -> Floats:
        """Return some of the rows; ``axis`` is 0, as of arrays."""
        found: Floats = np.empty((len(positions), *self.shape[1:]), np.float32)
        of, rows = self._of[positions], self._rows[positions]
        for number in np.unique(of).tolist():
            here = (of == number).nonzero()[0]
            found[here] = self._arrays[number].take(rows[here], axis)
        return found

    def pieces(self) -> Iterator[Floats]:
        """Yield all rows, some at a time."""
        step = max(1, PIECE * len(self._rows) // max(1, self.nbytes))
        for start in range(0, len(self._rows), step):
            yield self.take(np.arange(start, min(start + step, len(self._rows))))
            for array in self._arrays:
                if isinstance(array, np.ndarray):
                    forget(array)


class Rows(NamedTuple):
    """All that a model knows of n words.

    Attributes:
        counts: (n,) int64, how often each was seen.
        vectors: (n, 2, D) float32, its input and its output vector.
        squares: (n, 2) float32, their AdaGrad accumulators.
    """

    counts: Ints
    vectors: Floats | Gathered
    squares: Floats

    @classmethod
    def none(cls, dimensions: int) -> Rows:
        """Return the rows of no words."""
        return cls(np.zeros(0, np.int64), np.zeros((0, 2, dimensions), np.float32), np.zeros((0, 2), np.float32))

    @property
    def array(self) -> Floats:
        """The vectors in memory: (n, 2, D) float32."""
        vectors = self.vectors
        return vectors.take(np.arange(len(self.counts))) if isinstance(vectors, Gathered) else vectors

    def copied(self) -> Rows:
        """Return the rows with all vectors in memory."""
        return self._replace(vectors=self.array)

    def take(self, positions: Ints) -> Rows:
        """Return some of the rows, copied."""
        return Rows(self.counts.take(positions), self.vectors.take(positions, 0), self.squares.take(positions, 0))


@attrs.define(eq=False)
class Batch:
    """Rows in the order of the hashes of their words, which never change; the arrays may be mapped from a file.

    Attributes:
        hashes: (n,) uint64, ascending.
        text: (bytes,) uint8, the words, each with a line end, as UTF-8.
        ends: (n + 1,) int64, 0, and where each word ends in the text.
        rows: What is known of each.
        digest: The digest of the file whose rows these are, as hexadecimal digits; empty if there is none yet.
        filed: The same batch, mapped from a file that another thread has written; None if there is none yet.
        mapped: Whether the arrays are those of a file.
    """

    hashes: Hashes
    text: Bytes
    ends: Ints
    rows: Rows
    digest: str = ""
    filed: Batch | None = None
    mapped: bool = False

    @classmethod
    def of(cls, words: Sequence[str], rows: Rows) -> Batch:
        """Return the batch of some distinct words."""
        hashes = hashes_of(words)
        order = hashes.argsort(kind="stable")
        lines = [f"{words[position]}\n".encode() for position in order.tolist()]
        text = np.frombuffer(b"".join(lines), np.uint8)
        return cls(hashes[order], text, np.cumsum([0, *map(len, lines)], dtype=np.int64), rows.take(order))

    def __len__(self) -> int:
        return len(self.hashes)

    @property
    def nbytes(self) -> int:
        """How many bytes the arrays have."""
        return sum(array.nbytes for array in (self.hashes, self.text, self.ends, *self.rows))

    def copied(self) -> Batch:
        """Return the batch with all vectors in memory."""
        return Batch(self.hashes, self.text, self.ends, self.rows.copied())

    def words(self) -> list[str]:
        """Return the words, in order."""
        return self.text.tobytes().decode().split("\n")[:-1]

    def find(self, words: Sequence[str], hashes: Hashes) -> Ints:
        """Return the row of each word, −1 if it has none: (n,) int64.

        Args:
            words: n words.
            hashes: (n,) uint64, their :func:`hashes_of`.
        """
        found = self.hashes.searchsorted(hashes)
        rows = np.full(len(words), -1, np.int64)
        inside = found < len(self)
        same = inside.copy()
        same[inside] = self.hashes[found[inside]] == hashes[inside]
        for position in same.nonzero()[0].tolist():
            at, wanted, line = int(found[position]), hashes[position], words[position].encode()
            while at < len(self) and self.hashes[at] == wanted:  # hashes alone may be equal by chance
                if self.text[self.ends[at] : self.ends[at + 1] - 1].tobytes() == line:
                    rows[position] = at
                    break
                at += 1
        return rows


def hashes_of(words: Iterable[str]) -> Hashes:
    """Return 64 bits for each word, the same in every process: (n,) uint64."""
    digests = b"".join(hashlib.blake2b(word.encode(), digest_size=8).digest() for word in words)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


def merged(batches: Sequence[Batch], without: Iterable[str] = ()) -> Batch:
    """Return several batches as one: of each word the row of the last batch that has it, which is not copied yet.

    Args:
        batches: The batches, the newest last; at least one.
        without: Words that are left out.
    """
    hashes = np.concatenate([batch.hashes for batch in batches])
    of = np.repeat(np.arange(len(batches), dtype=np.uint8), [len(batch) for batch in batches])
    rows = np.concatenate([np.arange(len(batch)) for batch in batches])
    order = hashes.argsort(kind="stable")  # so of equal hashes, the last is of the newest batch
    hashes, of, rows = hashes[order], of[order], rows[order]
    names = _Names(batches, of, rows)
    kept = np.ones(len(hashes), np.bool_)
    equal = (hashes[1:] == hashes[:-1]).nonzero()[0]
    for at in equal.tolist():
        later = at + 1
        while later < len(hashes) and hashes[later] == hashes[at]:  # hashes alone may be equal by chance
            if names[later] == names[at]:
                kept[at] = False
                break
            later += 1
    others = list(without)
    if others:
        wanted = hashes_of(others)
        places = wanted.argsort()
        found = np.minimum(wanted[places].searchsorted(hashes), len(others) - 1)
        known = set(others)
        for at in (wanted[places][found] == hashes).nonzero()[0].tolist():
            kept[at] &= names[at].decode() not in known
    at = kept.nonzero()[0]
    of, rows = of[at], rows[at]
    return Batch(hashes[at], *names.text(at), _gathered(batches, of, rows))


class _Names:
    """The words of rows of several batches, in any order."""

    def __init__(self, batches: Sequence[Batch], of: Bytes, rows: Ints) -> None:
        starts = _starts([len(batch.text) for batch in batches])
        ends = [batch.ends + start for batch, start in zip(batches, starts, strict=True)]
        self._text = np.concatenate([batch.text for batch in batches])
        place = _starts([len(each) for each in ends])[of] + rows
        every = np.concatenate(ends)
        self._begins, self._ends = every[place], every[place + 1]

    def __getitem__(self, row: int) -> bytes:
        return self._text[self._begins[row] : self._ends[row] - 1].tobytes()

    def text(self, rows: Ints) -> tuple[Bytes, Ints]:
        """Return the lines of some rows, one after the other, as UTF-8; and 0, and where each ends."""
        begins = self._begins[rows]
        sizes = self._ends[rows] - begins
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        return self._text[np.arange(ends[-1]) + np.repeat(begins - ends[:-1], sizes)], ends


def _starts(sizes: Sequence[int]) -> Ints:
    return np.cumsum([0, *sizes], dtype=np.int64)[:-1]


def _gathered(batches: Sequence[Batch], of: Bytes, rows: Ints) -> Rows:
    counts, squares = np.empty(len(rows), np.int64), np.empty((len(rows), 2), np.float32)
    for number, batch in enumerate(batches):
        here = (of == number).nonzero()[0]
        counts[here], squares[here] = batch.rows.counts.take(rows[here]), batch.rows.squares.take(rows[here], 0)
    return Rows(counts, Gathered([batch.rows.vectors for batch in batches], of, rows), squares)


class Cold:
    """The cold words of a model.

    Args:
        full: Bytes of recent batches from which on they become a segment.

    Attributes:
        segments: Batches that are files, or become files with the next checkpoint, the newest last.
        recent: Batches after those, which are stored in checkpoints, the newest last.
        words: How many words are cold.
        seen: The sum of their counts.
        left: How many words have left the vocabulary so far, each as often as it did.
        returned: How many words have come back so far, each as often as it did.
    """

    def __init__(self, full: int = LEAST) -> None:
        self._full = full
        self.segments: list[Batch] = []
        self.recent: list[Batch] = []
        self.words = self.seen = 0
        self.left = self.returned = 0

    def put(self, words: Sequence[str], rows: Rows, vocabulary: Iterable[str]) -> None:
        """Add words that left the vocabulary.

        Args:
            words: The words.
            rows: What is known of them.
            vocabulary: The words that are in it now.
        """
        self.recent.append(Batch.of(words, rows))
        self.words += len(words)
        self.seen += int(rows.counts.sum())
        self.left += len(words)
        if sum(batch.nbytes for batch in self.recent) >= self._full:
            self._add(merged(self.recent, vocabulary).copied(), vocabulary)
            self.recent = []
        elif len(self.recent) >= 2 * FAN:  # each is searched by itself
            self.recent = [merged(self.recent, vocabulary).copied()]

    def _add(self, segment: Batch, vocabulary: Iterable[str]) -> None:
        """Add a segment, and merge the last ones if there are :data:`FAN` of a size or smaller."""
        self.batches()
        self.segments.append(segment)
        limit = self._full * FAN // 2
        while limit <= FAN * max(batch.nbytes for batch in self.segments):
            large = [number for number, batch in enumerate(self.segments) if batch.nbytes >= limit]
            first = large[-1] + 1 if large else 0
            if len(self.segments) - first >= FAN:
                self.segments[first:] = [merged(self.segments[first:], vocabulary)]
            limit *= FAN

    def batches(self) -> tuple[list[Batch], list[Batch]]:
        """Return the segments and the recent batches; of what has become a file, the file."""
        self.segments = [batch.filed or batch for batch in self.segments]
        return self.segments[:], self.recent[:]

    def take(self, words: Sequence[str]) -> tuple[Ints, Rows | None]:
        """Take words out, as they come back into the vocabulary.

        Args:
            words: Distinct words that are not in the vocabulary.

        Returns:
            The positions of those that were cold, ascending, and their rows; None if there are none.
        """
        positions, rows = self.find(words)
        if rows is not None:
            self.words -= len(positions)
            self.seen -= int(rows.counts.sum())
            self.returned += len(positions)
        return positions, rows

    def find(self, words: Sequence[str]) -> tuple[Ints, Rows | None]:
        """Return what :meth:`take` does, and take nothing out; the words must not be in the vocabulary either."""
        at, of = np.full(len(words), -1, np.int64), np.zeros(len(words), np.uint8)
        segments, recent = self.batches()
        batches = [*segments, *recent]
        if batches and len(words):
            hashes = hashes_of(words)
            left = np.arange(len(words))
            for number in range(len(batches) - 1, -1, -1):
                rows = batches[number].find([words[position] for position in left.tolist()], hashes[left])
                here = rows >= 0
                at[left[here]], of[left[here]] = rows[here], number
                left = left[~here]
                if not len(left):
                    break
        positions = (at >= 0).nonzero()[0]
        found = _gathered(batches, of[positions], at[positions]).copied() if len(positions) else None
        for batch in segments:
            forget(batch.hashes)  # all arrays of a segment are views of one file
        return positions, found

    def all(self, without: Iterable[str]) -> Batch:
        """Return all cold words; there are some.

        Args:
            without: The words in the vocabulary.
        """
        return merged([*self.segments, *self.recent], without).copied()

    def restore(
        self, segments: Sequence[Batch], recent: Sequence[Batch], words: int, seen: int, left: int, returned: int
    ) -> None:
        """Take over the cold words of a checkpoint; arguments as the attributes."""
        self.segments, self.recent = list(segments), list(recent)
        self.words, self.seen, self.left, self.returned = words, seen, left, returned
