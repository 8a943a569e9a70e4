"""Words that are new since a moment of the stream, and words that suddenly come much more often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.answers.comparing import named, neighbours, to_frame
from streamer.state.snapshots import Moment, Snapshot

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

NOT_SETTLED, SETTLING, SETTLED = "not settled yet", "settling", "settled"
_STAGES = ((20, NOT_SETTLED), (100, SETTLING))
"""Sightings below which a word is in a stage. Of the 10 neighbours of a word that was seen 5 to 7 times, one is among
those that it has in the end; from 20 sightings on it is three, from 100 on four to five."""
NEIGHBOURS = 3
BURST = 6.0
"""Score of a burst, in standard deviations of a Poisson variable."""
_RATIO, _FILES = 2.0, 3
"""A burst is in at least so many times the files that were expected, and in so many files."""


@attrs.frozen
class Emerged:
    """A word that is new, or comes much more often.

    Attributes:
        word: The word.
        count: How often it had been seen at the end.
        sightings: How often it was seen since the moment; for a new word, how often in all.
        stage: ``not settled yet``, ``settling`` or ``settled``: how far its vector is.
        returned: Whether an earlier snapshot knew it: it had left the vocabulary, and came back.
        files: For a burst, in how many files it was since the moment; else None.
        expected: For a burst, in how many it would have been as things were; else None.
        neighbours: Its nearest words.
    """

    word: str
    count: int
    sightings: int
    stage: str
    returned: bool
    files: int | None
    expected: float | None
    neighbours: list[str]


class Emerging(NamedTuple):
    """What emerged in a stretch of a stream.

    Attributes:
        first: The moment at which it begins.
        last: The moment at which it ends.
        words: New words, the most frequent first.
        new: How many there are, listed or not.
        bursts: Words that come much more often, the most unexpected first; None if files were not counted.
    """

    first: Moment
    last: Moment
    words: list[Emerged]
    new: int
    bursts: list[Emerged] | None

    def as_dict(self) -> dict[str, Any]:
        """Return what ``emerging --json`` prints."""
        keys = ["word", "count", "stage", "returned", "neighbours"]
        found: dict[str, Any] = {
            "from": named(self.first),
            "to": named(self.last),
            "new": self.new,
            "words": [{key: getattr(word, key) for key in keys} for word in self.words],
        }
        if self.bursts is not None:
            keys = ["word", "count", "stage", "sightings", "files", "expected", "neighbours"]
            found["bursts"] = [{key: getattr(word, key) for key in keys} for word in self.bursts]
        return found

    def to_frame(self) -> Any:
        """Return a row for each word, as a DataFrame of pandas; bursts are those with an expected number."""
        return to_frame([attrs.asdict(word) for word in [*self.words, *(self.bursts or [])]])


def emerging(
    first: Snapshot,
    last: Snapshot,
    before: Callable[[Sequence[str]], set[str]] = lambda words: set(),
    *,
    topn: int = 20,
) -> Emerging:
    """Return which words are new, and which come in many more files than before.

    Bursts are counted in files, not in sightings, since one book is one burst: by sightings, 615 of 6,494 words of a
    stream of whole books were. Without files in the records of both moments there are none.

    Args:
        first: What was known at a moment.
        last: What was known later.
        before: Returns those of some words that were known at moments before the first: they returned, and are not
            new.
        topn: The most words of a kind that are listed.
    """
    rows = last.listed.without(first.listed)
    listed = rows[(-last.counts[rows]).argsort(kind="stable")][:topn]
    words = [last.listed[row] for row in listed.tolist()]
    returned = before(words)
    counts = last.counts[listed].tolist()
    near = neighbours(last, listed.tolist(), NEIGHBOURS)
    found = [
        Emerged(word, count, count, stage(count), word in returned, None, None, [each.word for each in others])
        for word, count, others in zip(words, counts, near, strict=True)
    ]
    bursts = None if first.files is None or last.files is None else _bursts(first, last, topn)
    return Emerging(first.moment, last.moment, found, len(rows), bursts)


def stage(count: int) -> str:
    """Return how far the vector of a word is that was seen so often."""
    return next((name for most, name in _STAGES if count < most), SETTLED)


def surprise(seen: Doubles, expected: Doubles) -> Doubles:
    """Return by how many standard deviations counts are off: 2(√(n + ⅜) − √(E + ⅜)), (n,) float64.

    The square root makes the variance of a Poisson variable the same for all means (Anscombe, 1948).
    """
    found: Doubles = 2 * (np.sqrt(seen + 0.375) - np.sqrt(expected + 0.375))
    return found


def _bursts(first: Snapshot, last: Snapshot, topn: int) -> list[Emerged]:
    here, there = first.listed.shared(last.listed)
    assert first.files is not None and last.files is not None
    before, after = first.files[here].astype(np.float64), last.files[there].astype(np.float64)
    seen = np.maximum(after - before, 0)  # a word that left and came back has its files counted anew
    # The word that is in most files stands for all files, of which a snapshot does not know the number.
    expected = before * (seen.max(initial=0) / max(before.max(initial=0), 1))
    score = surprise(seen, expected)
    order = np.flatnonzero((score >= BURST) & (seen >= _RATIO * expected) & (seen >= _FILES))
    order = order[(-score[order]).argsort(kind="stable")][:topn]
    near = neighbours(last, there[order].tolist(), NEIGHBOURS)
    return [
        Emerged(
            last.listed[row],
            int(last.counts[row]),
            int(last.counts[row] - first.counts[here[at]]),
            stage(int(last.counts[row])),
            False,
            int(seen[at]),
            float(expected[at]),
            [each.word for each in others],
        )
        for at, row, others in zip(order.tolist(), there[order].tolist(), near, strict=True)
    ]
