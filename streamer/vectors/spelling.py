"""Unknown words, and known words with a similar spelling."""

from __future__ import annotations

import difflib
import functools
import heapq
import reprlib
from collections.abc import Sequence

_MOST_FREQUENT = 50_000  # words that are searched
_FINALISTS = 200  # words that difflib compares; comparing all 50,000 took twice as long and found no more
_CUTOFF = 0.7  # with difflib's default of 0.6, "king" and "kindle" are similar

_brief = reprlib.Repr()  # a long text given by mistake: the error shows its two ends, in one line
_brief.maxstring = 80


class UnknownWord(KeyError):  # noqa: N818 - so that "except UnknownWord" reads well
    """A word that is not in the vocabulary.

    The nearest spellings are computed only when they are read or printed, so that it costs nothing to try many words
    and catch ``KeyError``.

    Args:
        word: The word.
        known: The vocabulary, most frequent word first.

    """

    def __init__(self, word: object, known: Sequence[str] = ()) -> None:
        super().__init__(word)
        self.word = word
        self._known = known

    @functools.cached_property
    def nearest(self) -> list[str]:
        """The nearest known spellings, at most three, the nearest first."""
        return nearest(self.word, self._known) if isinstance(self.word, str) else []

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, so this sentence would be in quotes.
        hint = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        return f"{_brief.repr(self.word)} is not in the vocabulary{hint}"


def nearest(word: str, known: Sequence[str], count: int = 3) -> list[str]:
    """Return the known words whose spelling is most similar to a word, the most similar first.

    Words that differ in case only come first. Then come those with the same first letter and the same other letters in
    another order. Of the others, take those of the first 50,000 whose length is near, keep the 200 whose letters are
    most similar, and rank them by Ratcliff and Obershelp's measure (:mod:`difflib`).
    """
    word = word.lower()
    letters = set(word)
    slack = max(1, len(word) // 3)

    def likeness(candidate: str) -> int:
        theirs = set(candidate)
        return 2 * len(letters & theirs) - len(theirs)

    near = [each for each in known[:_MOST_FREQUENT] if abs(len(each) - len(word)) <= slack]
    finalists = heapq.nlargest(_FINALISTS, near, key=likeness)
    found = [
        *(each for each in known if each.lower() == word),
        *(each for each in finalists if each[:1] == word[:1] and sorted(each) == sorted(word)),
        *difflib.get_close_matches(word, finalists, n=count, cutoff=_CUTOFF),
    ]
    return list(dict.fromkeys(found))[:count]
