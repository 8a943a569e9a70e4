"""Words that are not there, and those that look like them."""

from __future__ import annotations

import difflib
import functools
import heapq
import reprlib
from collections.abc import Sequence

_MOST_FREQUENT = 50_000  # words looked at
_FINALISTS = 200  # words that difflib compares; comparing all 50,000 took twice as long and found no more
_CUTOFF = 0.7  # difflib's own 0.6 lets "king" and "kindle" pass for alike

_brief = reprlib.Repr()  # of what is no word, a text given by mistake perhaps, an error of one line shows the ends
_brief.maxstring = 80


class UnknownWord(KeyError):  # noqa: N818 - reads as what it is: except UnknownWord
    """A word that is not in the vocabulary.

    The nearest spellings are looked for only when they are asked for or printed, so that code which tries many words
    and catches ``KeyError`` does not pay for them.

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
        """The nearest spellings known, at most three, the nearest first."""
        return nearest(self.word, self._known) if isinstance(self.word, str) else []

    def __str__(self) -> str:
        # KeyError prints the repr of its argument, which would put this sentence in quotes.
        hint = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        return f"{_brief.repr(self.word)} is not in the vocabulary{hint}"


def nearest(word: str, known: Sequence[str], count: int = 3) -> list[str]:
    """Return the known words spelled most like a word, the most alike first.

    Words that differ in case only come before all others, then those that have the same letters after the first in
    another order. Of the others, looks at the 50,000 first whose length is near, keeps the 200 whose letters are most
    nearly the same, and ranks those by Ratcliff and Obershelp's measure (:mod:`difflib`).
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
