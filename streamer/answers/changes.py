"""What changed between two moments: a word and its neighbours, and which words moved farther than words always do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.answers.comparing import cosine, named, neighbours, to_frame
from streamer.answers.neighbours import Neighbour
from streamer.errors import ExitCode, StreamerError
from streamer.state.past import described
from streamer.state.snapshots import Moment, Snapshot
from streamer.vectors import drift as floor

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

NEIGHBOURS = 10
"""Neighbours of a changed word that are compared."""
LEAST_STRETCHES = 3
"""Earlier stretches without which there is no floor."""
MOVING = 3.0
"""Score in the last part of a stretch from which on a changed word is still moving."""
LAST_PART = 0.25
"""The least part of a stretch that tells whether a word is still moving."""
_SAMPLE = 20_000
"""Words of an earlier stretch that are enough for a floor."""


class Diff(NamedTuple):
    """One word at two moments.

    Attributes:
        word: The word.
        first: The earlier moment.
        last: The later moment.
        then: Its neighbours at the earlier one; None if it was not in the vocabulary.
        now: The same at the later one.
        cosine: That of the word with itself; None if it was unknown at one of the moments.
        counts: How often it had been seen at both; None where it was not in the vocabulary.
    """

    word: str
    first: Moment
    last: Moment
    then: list[Neighbour] | None
    now: list[Neighbour] | None
    cosine: float | None
    counts: tuple[int | None, int | None]

    @property
    def sightings(self) -> int | None:
        """How often it was seen between the two; None if it was unknown at one of them."""
        before, after = self.counts
        return None if before is None or after is None else after - before

    @property
    def entered(self) -> list[str]:
        """Those that are neighbours at the later moment only, the nearest first."""
        return _only(self.now or [], self.then or [])

    @property
    def left(self) -> list[str]:
        """Those that were neighbours at the earlier moment only, the nearest first."""
        return _only(self.then or [], self.now or [])

    def as_dict(self) -> dict[str, Any]:
        """Return what ``diff --json`` prints."""
        then, now = (None if near is None else [each.as_dict() for each in near] for near in (self.then, self.now))
        return {
            "word": self.word,
            "from": named(self.first),
            "to": named(self.last),
            "cosine": self.cosine,
            "count_from": self.counts[0],
            "count_to": self.counts[1],
            "sightings": self.sightings,
            "then": then,
            "now": now,
            "entered": self.entered,
            "left": self.left,
        }

    def to_frame(self) -> Any:
        """Return a row for each neighbour at one of the moments, as a DataFrame of pandas."""
        sides = ((self.then, "then"), (self.now, "now"))
        return to_frame([{"when": name, **each.as_dict()} for near, name in sides for each in near or []])


@attrs.frozen
class Moved:
    """A word that moved farther than words of like counts.

    Attributes:
        word: The word.
        z: By how many robust standard deviations.
        still_moving: Whether it did so in the last part of the stretch too; None if there is not enough text to tell.
        cosine: That of the word with itself.
        count: How often it had been seen when the stretch began.
        sightings: How often it was seen within the stretch.
        lost: Neighbours that it had at the beginning only.
        gained: Neighbours that it has at the end only.
    """

    word: str
    z: float
    still_moving: bool | None
    cosine: float
    count: int
    sightings: int
    lost: list[str]
    gained: list[str]

    @property
    def verdict(self) -> str:
        """``changed``, ``perhaps`` or ``as usual``."""
        return "changed" if self.z >= floor.CHANGED else "perhaps" if self.z >= floor.PERHAPS else "as usual"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``drift --json`` prints of it."""
        return {**attrs.asdict(self), "verdict": self.verdict}


class Drift(NamedTuple):
    """Which words changed in a stretch of a stream.

    Attributes:
        first: The moment at which it begins.
        last: The moment at which it ends.
        words: The words with the highest scores, highest first.
        changed: How many words changed, listed or not.
        perhaps: How many perhaps did.
        judged: How many words have scores.
        not_enough_text: How many words of both moments were seen too seldom before the stretch or within it.
        floor: The earlier stretches that show how far words move by chance.
    """

    first: Moment
    last: Moment
    words: list[Moved]
    changed: int
    perhaps: int
    judged: int
    not_enough_text: int
    floor: list[tuple[Moment, Moment]]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``drift --json`` prints."""
        return {
            "from": named(self.first),
            "to": named(self.last),
            "words": [word.as_dict() for word in self.words],
            "changed": self.changed,
            "perhaps": self.perhaps,
            "judged": self.judged,
            "not_enough_text": self.not_enough_text,
            "floor": [{"from": first.name, "to": last.name} for first, last in self.floor],
        }

    def to_frame(self) -> Any:
        """Return a row for each word, as a DataFrame of pandas."""
        return to_frame([word.as_dict() for word in self.words])


def diff(word: str, first: Snapshot, last: Snapshot, topn: int = 10) -> Diff:
    """Return a word at two moments; it may be unknown at either.

    Args:
        word: The word, as it would be in the vocabulary.
        first: What was known at the earlier moment.
        last: What was known at the later one.
        topn: How many neighbours to compare.
    """
    rows = [snapshot.listed.find(word) for snapshot in (first, last)]
    near, counts, vectors = [], [], []
    for snapshot, row in zip((first, last), rows, strict=True):
        near.append(None if row is None else neighbours(snapshot, [row], topn)[0])
        counts.append(None if row is None else int(snapshot.counts[row]))
        vectors += [] if row is None else [snapshot.vectors(np.array([row]))[0]]
    own = cosine(*vectors) if len(vectors) == 2 else None
    return Diff(word, first.moment, last.moment, near[0], near[1], own, (counts[0], counts[1]))


def between(first: Snapshot, last: Snapshot, most: int | None = None) -> tuple[Ints, Ints, floor.Stretch, int]:
    """Return the words of a stretch that can be judged, and how far they moved.

    Args:
        first: What was known when it began.
        last: What was known when it ended.
        most: How many words are enough; by default all that can be judged.

    Returns:
        Their rows at both moments, (n,) int64 each, how far they moved, and how many words of both moments there are.
    """
    here, there = first.listed.shared(last.listed)
    chosen = floor.enough((first.counts[here], last.counts[there]), (first.squares[here], last.squares[there]))
    common = len(here)
    here, there = here[chosen], there[chosen]
    if most is not None and len(here) > most:
        some = np.linspace(0, len(here) - 1, most).astype(np.int64)  # of all counts: the frequent came early
        here, there = here[some], there[some]
    return here, there, _moved(first, last, here, there), common


def drift(
    first: Snapshot,
    last: Snapshot,
    earlier: Sequence[tuple[Snapshot, Snapshot]],
    middle: Snapshot | None = None,
    *,
    min_z: float = floor.CHANGED,
    topn: int = 20,
) -> Drift:
    """Return which words moved farther in a stretch than words of like counts always do.

    Words are matched by their spelling. A word that left the vocabulary in between and came back is judged by what it
    was at the two moments.

    Args:
        first: What was known when it began.
        last: What was known when it ended.
        earlier: Earlier stretches of the stream; see :func:`.vectors.drift.earlier_stretches`.
        middle: What was known in between, from which on a changed word that moves is still moving.
        min_z: The least score of a word that is listed.
        topn: The most words that are listed.

    Raises:
        StreamerError: 66 if there are too few earlier stretches.
    """
    if len(earlier) < LEAST_STRETCHES:
        raise too_few(first.moment, len(earlier))
    here, there, asked, common = between(first, last)
    pool = [between(*pair, most=_SAMPLE)[2] for pair in earlier]
    z = floor.scores(asked, pool)
    order = (-z).argsort(kind="stable")
    order = order[z[order] >= min_z][:topn]
    rows_then, rows_now = here[order], there[order]
    moving = _still_moving(middle, last, rows_now, pool)
    then, now = neighbours(first, rows_then.tolist(), NEIGHBOURS), neighbours(last, rows_now.tolist(), NEIGHBOURS)
    before, after = first.vectors(rows_then), last.vectors(rows_now)
    words = [
        Moved(
            first.listed[int(row)],
            float(z[order[number]]),
            moving[number],
            cosine(before[number], after[number]),
            int(first.counts[row]),
            int(last.counts[rows_now[number]] - first.counts[row]),
            _only(then[number], now[number]),
            _only(now[number], then[number]),
        )
        for number, row in enumerate(rows_then.tolist())
    ]
    changed, perhaps = (int((z >= least).sum()) for least in (floor.CHANGED, floor.PERHAPS))
    stretches = [(begin.moment, end.moment) for begin, end in earlier]
    return Drift(first.moment, last.moment, words, changed, perhaps - changed, len(z), common - len(z), stretches)


def too_few(first: Moment, found: int) -> StreamerError:
    """Return the error for a stretch before which there are too few others: 66."""
    there = "no earlier stretch" if not found else f"{found} earlier stretch{'' if found == 1 else 'es'}"
    return StreamerError(
        f"there is {there} of the stream to show how far words move by chance: "
        f"{LEAST_STRETCHES} are needed before {described(first)}",
        hint="ask from a later moment (streamer snapshots lists them), or wait for more snapshots",
        code=ExitCode.NO_INPUT,
    )


def middle_of(moments: Sequence[Moment], first: Moment, last: Moment) -> Moment | None:
    """Return the newest of some moments after which there is a quarter of a stretch or more; None if there is none."""
    least = LAST_PART * (last.words_seen - first.words_seen)
    found = [
        one
        for one in moments
        if first.words_seen < one.words_seen < last.words_seen and last.words_seen - one.words_seen >= least
    ]
    return found[-1] if found else None


def _still_moving(
    middle: Snapshot | None, last: Snapshot, rows: Ints, pool: Sequence[floor.Stretch]
) -> list[bool | None]:
    """Return for some rows of the last moment whether they still move."""
    answers: list[bool | None] = [None] * len(rows)
    if middle is None or not len(rows):
        return answers
    found = [middle.listed.find(last.listed[row]) for row in rows.tolist()]
    known = np.array([number for number, row in enumerate(found) if row is not None], np.int64)
    here, there = np.array([found[number] for number in known.tolist()], np.int64), rows[known]
    chosen = floor.enough((middle.counts[here], last.counts[there]), (middle.squares[here], last.squares[there]))
    known, here, there = known[chosen], here[chosen], there[chosen]
    z = floor.scores(_moved(middle, last, here, there), pool)
    for number, score in zip(known.tolist(), z.tolist(), strict=True):
        answers[number] = score >= MOVING
    return answers


def _moved(first: Snapshot, last: Snapshot, here: Ints, there: Ints) -> floor.Stretch:
    return floor.stretch(
        (first.vectors(here), last.vectors(there)),
        (first.counts[here], last.counts[there]),
        (first.squares[here], last.squares[there]),
    )


def _only(these: Sequence[Neighbour], others: Sequence[Neighbour]) -> list[str]:
    """Return the words of some neighbours that are not among others."""
    known = {each.word for each in others}
    return [each.word for each in these if each.word not in known]
