"""Words, how often each was seen, and which ones were seen often enough to get a vector."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Vocabulary:
    """A vocabulary that grows with the stream.

    A word is a *candidate* until it has been seen ``min_count`` times in all texts together. Then it is admitted and
    gets the next id. Ids never change, so a row of the embeddings always belongs to the same word.

    Attributes:
        min_count: How often a word must have been seen to be admitted.
        words: Admitted words; the position of a word is its id.
        index: The id of each admitted word.
        candidates: How often each word that is not admitted yet was seen.
        total: All tokens seen, including those of candidates.
    """

    def __init__(self, min_count: int) -> None:
        self.min_count = min_count
        self.words: list[str] = []
        self.index: dict[str, int] = {}
        self.candidates: dict[str, int] = {}
        self.total = 0
        self._counts: Ints = np.zeros(1024, np.int64)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def counts(self) -> Ints:
        """How often each admitted word was seen: (V,) int64, a view."""
        return self._counts[: len(self.words)]

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
        others = (ids < 0).nonzero()[0]
        for position, times in zip(others.tolist(), counts[others].tolist(), strict=True):
            word = words[position]
            count = self.candidates.get(word, 0) + times
            if count < self.min_count:
                self.candidates[word] = count
            else:
                self.candidates.pop(word, None)
                ids[position] = self._admit(word, count)
        return ids

    def restore(self, words: list[str], counts: Ints, candidates: dict[str, int], total: int) -> None:
        """Take over the vocabulary of a checkpoint."""
        self.words, self.candidates, self.total = words, candidates, total
        self.index = {word: number for number, word in enumerate(words)}
        self._counts = np.zeros(max(1024, len(words)), np.int64)
        self._counts[: len(words)] = counts

    def _admit(self, word: str, count: int) -> int:
        number = self.index[word] = len(self.words)
        self.words.append(word)
        if number == len(self._counts):
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._counts[number] = count
        return number
