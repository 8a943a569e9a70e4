"""Words, how often each was seen, and which ones were seen often enough to get a vector."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamer.model.candidates import Candidates

Ints = npt.NDArray[np.int64]


class Vocabulary:
    """A vocabulary that grows with the stream.

    A word is a *candidate* until it has been seen ``min_count`` times in all texts together. Then it is admitted and
    gets the next id. Ids never change, so a row of the embeddings always belongs to the same word.

    Args:
        min_count: How often a word must have been seen to be admitted.
        max_candidates: Most candidates at the end of a block; 0 for no bound.

    Attributes:
        min_count: How often a word must have been seen to be admitted.
        words: Admitted words; the position of a word is its id.
        index: The id of each admitted word.
        candidates: How often each word that is not admitted yet was seen.
        total: All tokens seen, including those of candidates, also of forgotten ones.
    """

    def __init__(self, min_count: int, max_candidates: int = 0) -> None:
        self.min_count = min_count
        self.words: list[str] = []
        self.index: dict[str, int] = {}
        self.candidates = Candidates(max_candidates)
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
        if len(others):
            seldom = [words[position] for position in others.tolist()]
            admitted, totals = self.candidates.count(seldom, counts[others], self.min_count)
            for position, count in zip(others[admitted].tolist(), totals, strict=True):
                ids[position] = self._admit(words[position], count)
            self.candidates.forget()
        return ids

    def restore(self, words: list[str], counts: Ints, total: int) -> None:
        """Take over the vocabulary of a checkpoint, without its candidates."""
        self.words, self.total = words, total
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
