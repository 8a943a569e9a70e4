"""Words, how often each was seen, and which ones were seen often enough to get a vector."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamer.model.candidates import Candidates

Ints = npt.NDArray[np.int64]

PERIOD = 64
"""Words of the stream for each word of a full vocabulary, until a use counts half."""
_UNIT = 16
"""Bits of a use after the point, so that those used seldom still differ when they have been halved often."""
_MOST = 1 << 40
"""Most that a use begins with, so that it fits into 64 bits."""
_NONE: Ints = np.zeros(0, np.int64)


class Vocabulary:
    """A vocabulary that grows with the stream.

    A word is a *candidate* until it has been seen ``min_count`` times in all texts together. Then it is admitted and
    gets the next id, so ids are in the order of admission. Without a bound on the vocabulary they never change. With
    one, the words used least leave when there are too many, and those after them move up.

    How much a word is *used* is its count, halved once for each :data:`PERIOD` · ``limit`` words of the stream.

    Args:
        min_count: How often a word must have been seen to be admitted.
        max_candidates: Most candidates at the end of a block; 0 for no bound.
        limit: Most words at the end of a block; 0 for no bound.

    Attributes:
        min_count: How often a word must have been seen to be admitted.
        limit: Most words at the end of a block.
        halve_at: The number of all tokens seen at which the use of all words is halved next.
        words: Admitted words; the position of a word is its id.
        index: The id of each admitted word.
        candidates: How often each word that is not admitted yet was seen.
        total: All tokens seen, including those of candidates, also of forgotten ones.
    """

    def __init__(self, min_count: int, max_candidates: int = 0, limit: int = 0) -> None:
        self.min_count = min_count
        self.limit = limit
        self.halve_at = PERIOD * limit
        self.words: list[str] = []
        self.index: dict[str, int] = {}
        self.candidates = Candidates(max_candidates)
        self.total = 0
        self._counts: Ints = np.zeros(1024, np.int64)
        self._use: Ints = np.zeros(1024, np.int64)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def counts(self) -> Ints:
        """How often each admitted word was seen: (V,) int64, a view."""
        return self._counts[: len(self.words)]

    @property
    def use(self) -> Ints:
        """How much each word is used, in units of 2⁻¹⁶: (V,) int64, a view; all zero without a bound."""
        return self._use[: len(self.words)]

    def lookup(self, words: Sequence[str]) -> Ints:
        """Return the id of each word, −1 for those not admitted: (n,) int64."""
        return np.fromiter(map(self.index.get, words, itertools.repeat(-1)), np.int64, len(words))

    def observe(self, words: Sequence[str], counts: npt.ArrayLike) -> Ints:
        """Count the distinct words of a block, and admit those that have now been seen often enough.

        Args:
            words: Distinct words, in order of first appearance: they are admitted in this order.
            counts: (n,) how often each occurs in the block.

        Returns:
            (n,) int64, the id of each word, −1 for candidates.
        """
        counts = np.asarray(counts, np.int64)
        ids = self.lookup(words)
        known = ids >= 0
        self._counts[ids[known]] += counts[known]
        self.total += int(np.add.reduce(counts))
        if self.limit:
            self._use[ids[known]] += counts[known] << _UNIT
        others = (ids < 0).nonzero()[0]
        if len(others):
            seldom = [words[position] for position in others.tolist()]
            admitted, totals = self.candidates.count(seldom, counts[others], self.min_count)
            for position, count in zip(others[admitted].tolist(), totals, strict=True):
                ids[position] = self._admit(words[position], count)
            self.candidates.forget()
        while self.limit and self.total >= self.halve_at:
            self._use >>= 1
            self.halve_at += PERIOD * self.limit
        return ids

    def came_back(self, ids: Ints, counts: Ints) -> None:
        """Add to words just admitted what they were counted before they left.

        Args:
            ids: (n,) int64.
            counts: (n,) int64.
        """
        self._counts[ids] += counts

    def leaving(self) -> Ints:
        """Return the ids of the words that have to leave now: (n,) int64, ascending; none if there is no bound.

        They are those used least, of equal ones those admitted first, until 15/16 of the bound are left.
        """
        if not self.limit or len(self) <= self.limit:
            return np.zeros(0, np.int64)
        leave = len(self) - (self.limit - self.limit // 16)
        return np.sort(self.use.argsort(kind="stable")[:leave])

    def remove(self, leaving: Ints) -> list[str]:
        """Let words leave, and close the gaps; return them."""
        stay = np.ones(len(self), np.bool_)
        stay[leaving] = False
        gone = [self.words[number] for number in leaving.tolist()]
        self.words = list(itertools.compress(self.words, stay.tolist()))
        size = len(self.words)
        for column in (self._counts, self._use):
            column[:size], column[size:] = column[: len(stay)][stay], 0
        self.index = dict(zip(self.words, range(size), strict=True))
        return gone

    def restore(self, words: list[str], counts: Ints, total: int, use: Ints = _NONE, halve_at: int = 0) -> None:
        """Take over the vocabulary of a checkpoint, without its candidates.

        Args:
            words: V words.
            counts: (V,) int64.
            total: All tokens seen.
            use: (V,) int64, or empty if there was no bound: then their counts stand for it.
            halve_at: When it is halved next; 0 if there was no bound.
        """
        self.words, self.total = words, total
        self.index = {word: number for number, word in enumerate(words)}
        self._counts, self._use = (np.zeros(max(1024, len(words)), np.int64) for _ in range(2))
        self._counts[: len(words)] = counts
        if self.limit:
            self._use[: len(words)] = use if len(use) else np.minimum(counts, _MOST) << _UNIT
            self.halve_at = halve_at or total + PERIOD * self.limit

    def _admit(self, word: str, count: int) -> int:
        number = self.index[word] = len(self.words)
        self.words.append(word)
        if number == len(self._counts):
            self._counts, self._use = (np.concatenate([old, np.zeros_like(old)]) for old in (self._counts, self._use))
        self._counts[number] = count
        self._use[number] = count << _UNIT if self.limit else 0
        return number
