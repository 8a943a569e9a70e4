"""The words of a snapshot as bytes: looking up a few of them, and comparing two lists, without decoding all."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from streamer.state.tree_reader import damaged

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
_END = 10
"""What is after each word: a line feed."""


class WordList:
    """V distinct words in the order of their admission.

    Args:
        blob: The words, each with a line end, in UTF-8: (bytes,) uint8.
        refuse: Returns the error for a list that is not valid.

    Raises:
        StreamerError: 65 if it is no such list. What is found out only when words are decoded is raised then.
    """

    def __init__(self, blob: Bytes, refuse: Callable[[str], Exception] = damaged) -> None:
        self._blob, self._refuse = blob, refuse
        if len(blob) and blob[-1] != _END:
            raise refuse("words is not a list of distinct words")
        self._ends = np.flatnonzero(blob == _END)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, row: int) -> str:
        begin = int(self._ends[row - 1]) + 1 if row else 0
        return self._decoded(self._blob[begin : int(self._ends[row])])

    @functools.cached_property
    def all(self) -> list[str]:
        """The words as strings."""
        words = self._decoded(self._blob[:-1]).split("\n") if len(self) else []
        distinct = set(words)
        if len(distinct) != len(words) or "" in distinct:
            raise self._refuse("words is not a list of distinct words")
        return words

    def find(self, word: str) -> int | None:
        """Return the row of a word; None if it is not in the list."""
        wanted = word.encode("utf-8", "surrogatepass")
        if not wanted or b"\n" in wanted:
            return None
        if self._bytes.startswith(wanted + b"\n"):
            return 0
        at = self._bytes.find(b"\n" + wanted + b"\n")
        return int(np.searchsorted(self._ends, at)) + 1 if at >= 0 else None

    def shared(self, other: WordList) -> tuple[Ints, Ints]:
        """Return the rows here and there of the words that are in both lists, (n,) int64 each, ascending here.

        Words are admitted at the end. So most of two lists of one stream is the same, and only what comes after the
        first difference is decoded.
        """
        size = min(len(self._blob), len(other._blob))
        different = self._blob[:size] != other._blob[:size]
        same = int(different.argmax()) if different.any() else size
        count = int(np.searchsorted(self._ends, same))  # words that end before the first difference
        if count in (len(self), len(other)):
            both = np.arange(count)
            return both, both
        there = {word: row for row, word in enumerate(other._after(count), count)}
        pairs = [(row, there[word]) for row, word in enumerate(self._after(count), count) if word in there]
        more = np.array(pairs, np.int64).reshape(-1, 2)
        return np.append(np.arange(count), more[:, 0]), np.append(np.arange(count), more[:, 1])

    def without(self, other: WordList) -> Ints:
        """Return the rows of the words that are not in another list, (n,) int64."""
        return np.setdiff1d(np.arange(len(self)), self.shared(other)[0], assume_unique=True)

    @functools.cached_property
    def _bytes(self) -> bytes:
        return self._blob.tobytes()

    def _after(self, count: int) -> Sequence[bytes]:
        begin = int(self._ends[count - 1]) + 1 if count else 0
        return self._blob[begin:-1].tobytes().split(b"\n")

    def _decoded(self, piece: Bytes) -> str:
        try:
            return piece.tobytes().decode()
        except UnicodeDecodeError:
            raise self._refuse("words is not UTF-8") from None
