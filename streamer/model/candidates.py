"""Words that were seen too seldom to be admitted, in compact arrays, and never more than a bound.

Text that never ends has words without end: numbers, names, mistakes. What is bounded here is lossy counting after Manku
& Motwani 2002, with a floor in place of their buckets. Each candidate has a *count*, the times it was seen since it
became one, and an *error*, the most times that it may have been seen before. A word that becomes a candidate has the
*floor* as its error. When there are more than ``limit`` candidates at the end of a block, those with the smallest
count + error are forgotten, the oldest first among equals, until K = ⌈7/8 · limit⌉ are left, and the floor rises to
the largest count + error that was forgotten.

Three things hold, whatever the text. *A count is at most what is true, and true ≤ count + error*: a word that is no
candidate was seen at most ``floor`` times. By induction: when it is forgotten, true ≤ count + error ≤ floor; when it
comes back, its error is the floor. *The floor is at most N / K*, N being the words counted here. Let Ψ be the sum of
(count + error − floor) over all candidates. It is never negative, each word of the text adds one to it, and when the
floor rises by δ, each of the K that stay loses δ: so K · floor ≤ N. (If the bound changed, K is that of the smallest
one.) *A word that was seen floor + enough times is admitted*, because its count alone is enough. So words with more
than 1/K of the text are never lost, and a word that is seen once is never admitted, because errors do not count.
"""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

HIGHEST = 2**32 - 1
"""No count and no error is larger."""
MANY = 64
"""Words from which on they are counted all together: NumPy then takes a third of the time of a loop."""
_PIECE = 1 << 16
"""Words that are restored at a time: as Python's objects, they take several times the memory."""


class Candidates(Mapping[str, int]):
    """How often each candidate was seen, by word, in the order in which they became candidates.

    A row is 24 bytes, its word with a line end, and 6 to 13 bytes in a hash table with open addressing. Hashes are
    Python's, which differ from process to process; nothing depends on them but where in the table a row is.

    Args:
        limit: Most candidates at the end of a block; 0 for no bound.

    Attributes:
        limit: The same.
        floor: Most times that a word was seen which is no candidate and was not admitted; 0 if none was forgotten.
        forgotten: Sum of the counts of all candidates that were forgotten.
    """

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit
        self.floor = 0
        self.forgotten = 0
        self._clear()

    def __len__(self) -> int:
        return self._alive

    def __iter__(self) -> Iterator[str]:
        return iter(self.text().tobytes().decode().split("\n")[:-1])

    def __getitem__(self, word: str) -> int:
        row = self._row(hash(word), f"{word}\n".encode())
        if row < 0:
            raise KeyError(word)
        return self._times[row]

    def text(self) -> Bytes:
        """Return the words, each with a line end, as UTF-8: (bytes,) uint8, a copy."""
        return np.frombuffer(self._text, np.uint8)[np.repeat(self._in_use(), self._sizes())]

    def counts(self) -> Ints:
        """Return how often each was seen since it became one: (n,) int64, a copy."""
        return np.frombuffer(self._times, np.uint32)[self._in_use()].astype(np.int64)

    def errors(self) -> Ints:
        """Return how often each may have been seen before that, at most: (n,) int64, a copy."""
        return np.frombuffer(self._errors, np.uint32)[self._in_use()].astype(np.int64)

    def count(self, words: Sequence[str], times: Ints, enough: int) -> tuple[list[int], list[int]]:
        """Count the words of a block; those seen often enough are candidates no longer.

        Args:
            words: n distinct words that are not admitted.
            times: (n,) int64, how often each occurs in the block.
            enough: The count from which on a word is admitted.

        Returns:
            The positions of the words to be admitted, ascending, and the count of each.
        """
        return self._count_many(words, times, enough) if len(words) >= MANY else self._count_few(words, times, enough)

    def _count_few(self, words: Sequence[str], times: Ints, enough: int) -> tuple[list[int], list[int]]:
        positions: list[int] = []
        totals: list[int] = []
        for position, (word, number) in enumerate(zip(words, times.tolist(), strict=True)):
            found, line = hash(word), f"{word}\n".encode()
            row = self._row(found, line)
            total = number + self._times[row] if row >= 0 else number
            if total < enough:
                if row >= 0:
                    self._times[row] = total
                else:
                    self._append(found, line, total, self.floor)
            else:
                positions.append(position)
                totals.append(total)
                if row >= 0:
                    self._times[row] = 0
                    self._alive -= 1
        return positions, totals

    def _count_many(self, words: Sequence[str], times: Ints, enough: int) -> tuple[list[int], list[int]]:
        hashes, lines = np.fromiter(map(hash, words), np.int64, len(words)), [f"{word}\n".encode() for word in words]
        rows = self._rows(hashes, lines)
        known, stored = rows >= 0, np.frombuffer(self._times, np.uint32)
        totals = times.copy()
        totals[known] += stored[rows[known]]
        admitted = totals >= enough
        stored[rows[known]] = np.where(admitted[known], 0, totals[known])
        self._alive -= int(np.count_nonzero(admitted & known))
        del stored  # or nothing can be added
        new = (~(known | admitted)).nonzero()[0]
        self._extend(hashes[new], [lines[position] for position in new.tolist()], totals[new], self.floor)
        positions = admitted.nonzero()[0]
        return positions.tolist(), totals[positions].tolist()

    def forget(self) -> None:
        """Keep to the bound, at the end of a block."""
        if not self.limit or self._alive <= self.limit:
            return
        leave = self._alive - (self.limit - self.limit // 8)
        times, errors = (np.frombuffer(column, np.uint32) for column in (self._times, self._errors))
        rows = times.nonzero()[0]
        most = times[rows].astype(np.int64) + errors[rows]
        last = np.partition(most, leave - 1)[leave - 1]
        goes = most < last
        equal = (most == last).nonzero()[0]
        goes[equal[: leave - np.count_nonzero(goes)]] = True
        self.floor = max(self.floor, int(last))
        self.forgotten += int(times[rows[goes]].sum(dtype=np.int64))
        self._pack(rows[~goes])

    def restore(self, words: Sequence[str], counts: Ints, errors: Ints, floor: int, forgotten: int) -> None:
        """Take over the candidates of a checkpoint: distinct words, counts from 1 on, (n,) and (n,) int64."""
        self._clear()
        self.floor, self.forgotten = floor, forgotten
        for start in range(0, len(words), _PIECE):
            here = slice(start, start + _PIECE)
            lines, hashes = (
                [f"{word}\n".encode() for word in words[here]],
                np.fromiter(map(hash, words[here]), np.int64),
            )
            self._extend(hashes, lines, counts[here], errors[here])

    def _clear(self) -> None:
        self._alive = 0
        self._times, self._errors = array("I"), array("I")  # times of 0: the row is not in use any more
        self._hashes = array("q")
        self._ends = array("q", [0])  # in the text; of row r at r + 1
        self._text = bytearray()
        self._table = array("i", itertools.repeat(-1, 1024))

    def _in_use(self) -> npt.NDArray[np.bool_]:
        return np.frombuffer(self._times, np.uint32) > 0

    def _sizes(self) -> Ints:
        """Return the bytes of the line of each row."""
        ends = np.frombuffer(self._ends, np.int64)
        return ends[1:] - ends[:-1]

    def _row(self, found: int, line: bytes) -> int:
        """Return the row of a word, by its hash and its line; −1 if it is no candidate."""
        table, hashes = self._table, self._hashes
        last = len(table) - 1
        at = found & last
        while (row := table[at]) >= 0:
            if hashes[row] == found and self._times[row]:
                ends = self._ends
                if self._text[ends[row] : ends[row + 1]] == line:
                    return row
            at = at + 1 & last
        return -1

    def _rows(self, hashes: Ints, lines: list[bytes]) -> Ints:
        """Return the row of each word, by its hash and its line, −1 if it is no candidate: (n,) int64."""
        table, stored = np.frombuffer(self._table, np.int32), np.frombuffer(self._hashes, np.int64)
        rows, left, at = np.full(len(lines), -1, np.int64), np.arange(len(lines)), hashes & (len(table) - 1)
        if not len(stored):
            return rows
        used = self._in_use()
        while len(left):
            found = table[at]
            same = (found >= 0) & (stored[found] == hashes[left]) & used[found]
            places = same.nonzero()[0]
            if len(places):
                same[places] = self._are(found[places], [lines[position] for position in left[places].tolist()])
                rows[left[same]] = found[same]
            on = (found >= 0) & ~same
            left, at = left[on], (at[on] + 1) & (len(table) - 1)
        return rows

    def _are(self, rows: npt.NDArray[np.int32], lines: list[bytes]) -> npt.NDArray[np.bool_]:
        """Return whether the words of these rows have these lines: hashes alone may be equal by chance."""
        text, ends = np.frombuffer(self._text, np.uint8), np.frombuffer(self._ends, np.int64)
        sizes = np.fromiter(map(len, lines), np.int64, len(lines))
        starts, begins = ends[rows], np.cumsum(sizes) - sizes
        equal: npt.NDArray[np.bool_] = ends[rows + 1] - starts == sizes
        wanted = np.frombuffer(b"".join(lines), np.uint8)
        places = np.minimum(np.repeat(starts - begins, sizes) + np.arange(len(wanted)), len(text) - 1)
        return equal & np.logical_and.reduceat(text[places] == wanted, begins)

    def _append(self, found: int, line: bytes, times: int, error: int) -> None:
        """Add a word that is no candidate."""
        self._make_room(1)
        row = len(self._times)
        self._times.append(times)
        self._errors.append(error)
        self._hashes.append(found)
        self._text += line
        self._ends.append(len(self._text))
        self._alive += 1
        table, last = self._table, len(self._table) - 1
        at = found & last
        while table[at] >= 0:
            at = at + 1 & last
        table[at] = row

    def _extend(self, hashes: Ints, lines: list[bytes], times: Ints, errors: Ints | int) -> None:
        """Add words that are no candidates."""
        self._make_room(len(lines))
        row, end = len(self._times), len(self._text)
        self._times.frombytes(times.astype(np.uint32).tobytes())
        self._errors.frombytes(np.broadcast_to(np.asarray(errors), len(lines)).astype(np.uint32).tobytes())
        self._hashes.frombytes(hashes.tobytes())
        self._text += b"".join(lines)
        self._ends.frombytes((end + np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)))).tobytes())
        self._alive += len(lines)
        _place(np.frombuffer(self._table, np.int32), np.arange(row, row + len(lines), dtype=np.int32), hashes)

    def _make_room(self, more: int) -> None:
        if 3 * (len(self._times) + more) > 2 * len(self._table):
            self._pack(self._in_use().nonzero()[0], more)

    def _pack(self, rows: Ints, more: int = 0) -> None:
        """Keep these rows only, and make a table with room for some more."""
        sizes = self._sizes()
        kept = np.zeros(len(sizes), np.bool_)
        kept[rows] = True
        self._text = bytearray(np.frombuffer(self._text, np.uint8)[np.repeat(kept, sizes)].data)
        self._ends = array("q", np.concatenate([[0], np.cumsum(sizes[rows])]).tobytes())
        self._times, self._errors = (
            array("I", np.frombuffer(column, np.uint32)[rows].tobytes()) for column in (self._times, self._errors)
        )
        hashes = np.frombuffer(self._hashes, np.int64)[rows]
        self._hashes = array("q", hashes.tobytes())
        self._alive = len(rows)
        slots = 1 << max(10, ((len(rows) + more) * 5 // 3).bit_length())
        table = np.full(slots, -1, np.int32)
        _place(table, np.arange(len(rows), dtype=np.int32), hashes)
        self._table = array("i", table.tobytes())


def _place(table: npt.NDArray[np.int32], rows: npt.NDArray[np.int32], hashes: Ints) -> None:
    """Put rows into a table, each into the first free slot from its own on."""
    at = hashes & (len(table) - 1)
    while len(rows):
        free = table[at] < 0
        table[at[free]] = rows[free]  # several may want one: the last has it
        on = table[at] != rows
        rows, at = rows[on], (at[on] + 1) & (len(table) - 1)
