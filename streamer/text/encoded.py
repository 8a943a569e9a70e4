"""A tokenized block: its distinct words, a code for each token, and where contexts end."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class EncodedText:
    """A tokenized block.

    Attributes:
        words: The distinct words in order of first appearance.
        codes: (n,) int32, for each token the position of its word in ``words``.
        segments: (n,) int32, not decreasing; two tokens are context of each other only if they are in one segment.
    """

    words: list[str]
    codes: npt.NDArray[np.int32]
    segments: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.codes)

    def __reduce__(self) -> tuple[Any, ...]:
        # Few and small objects for another process: pickling ten thousand strings takes longer than everything else.
        small = np.min_scalar_type(len(self.words))
        return _unpack, ("\n".join(self.words), self.codes.astype(small), np.bincount(self.segments))

    @classmethod
    def of(cls, contexts: Iterable[Iterable[str]]) -> EncodedText:
        """Return a block of words that are cut already. Each context is a segment of its own."""
        index: dict[str, int] = {}
        codes: list[int] = []
        lengths: list[int] = []
        for context in contexts:
            before = len(codes)
            codes += [index.setdefault(word, len(index)) for word in context]
            lengths.append(len(codes) - before)
        return cls(list(index), np.array(codes, np.int32), _segments(np.array(lengths, np.int64)))

    def tokens(self) -> list[str]:
        """Return the tokens as strings, in order."""
        return [self.words[code] for code in self.codes.tolist()]

    def contexts(self) -> list[list[str]]:
        """Return the tokens of each segment that has some."""
        tokens, ends = self.tokens(), np.flatnonzero(np.diff(self.segments)) + 1
        edges = [0, *ends.tolist(), len(tokens)]
        return [tokens[start:stop] for start, stop in itertools.pairwise(edges) if stop > start]

    def renamed(self, names: Sequence[str]) -> EncodedText:
        """Return the block with other words.

        Args:
            names: For each distinct word the one that replaces it; an empty string leaves it out.
        """
        words = list(dict.fromkeys(filter(None, names)))
        index = dict(zip(words, range(len(words)), strict=True)) | {"": -1}
        codes = np.fromiter(map(index.__getitem__, names), np.int32, len(names))[self.codes]
        kept = codes >= 0
        return EncodedText(words, codes[kept], self.segments[kept])

    def replaced(self, by: Sequence[Sequence[str]]) -> EncodedText:
        """Return the block with any number of words in place of each.

        Args:
            by: For each distinct word those that replace it: none, one or several.
        """
        index: dict[str, int] = {}
        flat = np.array([index.setdefault(word, len(index)) for words in by for word in words], np.int32)
        lengths = np.array([len(words) for words in by], np.int64)
        starts = np.cumsum(lengths) - lengths
        each = lengths[self.codes]
        ends = np.cumsum(each)
        within = np.arange(int(each.sum())) - np.repeat(ends - each, each)
        codes = flat[np.repeat(starts[self.codes], each) + within]
        return EncodedText(list(index), codes, np.repeat(self.segments, each))


def _unpack(words: str, codes: npt.NDArray[Any], lengths: npt.NDArray[np.int64]) -> EncodedText:
    return EncodedText(words.split("\n") if words else [], codes.astype(np.int32), _segments(lengths))


def _segments(lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    return np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
