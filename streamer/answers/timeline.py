"""One word over all moments of a stream that are known: how often it came, how far it moved, what it was near to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.answers.changes import LEAST_STRETCHES
from streamer.answers.comparing import named, neighbours, to_frame
from streamer.answers.neighbours import Neighbour
from streamer.state.snapshots import Moment, Snapshot
from streamer.vectors import drift as floor
from streamer.vectors.drift import CHANGED, Stretch

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

PEERS = 300
"""Words of like counts that show how far this one would move by chance."""


@attrs.frozen
class Point:
    """A word at a moment.

    Attributes:
        moment: The moment.
        count: How often it had been seen; None if it was not in the vocabulary.
        per_million: How often it came in a million words since the moment before; None if it was unknown at one of
            them.
        moved: The distance from its vector of the moment before; None if it was unknown at one of them.
        usual: How far words of like counts moved by chance; None if there is not enough text, or no floor.
        unusual: The distance from which on a word changed; None if there is no usual one.
        z: By how many robust standard deviations it moved farther than that; None if there is no usual distance.
        neighbours: Its nearest words, the nearest first.
    """

    moment: Moment
    count: int | None
    per_million: float | None
    moved: float | None
    usual: float | None
    unusual: float | None
    z: float | None
    neighbours: list[Neighbour]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``timeline --json`` prints of it."""
        found = {name: getattr(self, name) for name in ("count", "per_million", "moved", "usual", "unusual", "z")}
        return {**named(self.moment), **found, "neighbours": [each.as_dict() for each in self.neighbours]}


class Timeline(NamedTuple):
    """A word over all moments, the oldest first."""

    word: str
    points: list[Point]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``timeline --json`` prints."""
        return {"word": self.word, "moments": [point.as_dict() for point in self.points]}

    def to_frame(self) -> Any:
        """Return a row for each moment, as a DataFrame of pandas."""
        return to_frame([{**point.as_dict(), "neighbours": _words(point)} for point in self.points])


@attrs.frozen(eq=False)
class Sight:
    """What of a snapshot a timeline needs: the word, and words of like counts.

    Attributes:
        moment: The moment.
        neighbours: The nearest words.
        known: Which of the words were in the vocabulary, (1 + p,) bool; the word itself is the first.
        vectors: (1 + p, D) float32, their vectors.
        counts: (1 + p,) int64, how often each had been seen.
        squares: (1 + p,) float32, their sums of squared gradients.
    """

    moment: Moment
    neighbours: list[Neighbour]
    known: npt.NDArray[np.bool_]
    vectors: Floats
    counts: Ints
    squares: Floats


def peers(snapshot: Snapshot, word: str) -> list[str]:
    """Return a word of a snapshot, and after it those whose counts are nearest to its own, in the order of counts."""
    row = snapshot.listed.find(word)
    assert row is not None
    order = snapshot.counts.argsort(kind="stable")
    at = int(np.flatnonzero(order == row)[0])
    begin = max(0, min(at - PEERS // 2, len(order) - PEERS - 1))
    others = [other for other in order[begin : begin + PEERS + 1].tolist() if other != row]
    return [word, *(snapshot.listed[other] for other in others)]


def sight(snapshot: Snapshot, words: Sequence[str], rows: Ints, topn: int) -> Sight:
    """Return what a timeline needs of a snapshot.

    Args:
        snapshot: The snapshot.
        words: What :func:`peers` returned.
        rows: Where they are likely to be, (1 + p,) int64: their rows in another snapshot of the stream.
        topn: How many neighbours.
    """
    size = len(snapshot.listed)
    found = [
        row if row < size and snapshot.listed[row] == word else snapshot.listed.find(word)
        for row, word in zip(rows.tolist(), words, strict=True)
    ]
    known = np.array([row is not None for row in found])
    at = np.array([row or 0 for row in found], np.int64)
    near = neighbours(snapshot, [found[0]], topn)[0] if found[0] is not None else []
    return Sight(snapshot.moment, near, known, snapshot.vectors(at), snapshot.counts[at], snapshot.squares[at])


def timeline(word: str, sights: Sequence[Sight]) -> Timeline:
    """Return a word over all moments.

    How far it moved between two moments that follow each other is compared with words of like counts, in this stretch
    and in earlier ones, as :func:`.changes.drift` does with all words.

    Args:
        word: The word.
        sights: What is needed of each moment, the oldest first.
    """
    known: dict[tuple[int, int], tuple[bool, Stretch]] = {}

    def stretch(first: int, last: int) -> tuple[bool, Stretch]:
        if (first, last) not in known:
            known[first, last] = _stretch(sights[first], sights[last])
        return known[first, last]

    seen = [one.moment.words_seen for one in sights]
    points = []
    for at, now in enumerate(sights):
        before = sights[at - 1] if at else None
        count = int(now.counts[0]) if now.known[0] else None
        rate = moved = usual = unusual = z = None
        if before is not None and now.known[0] and before.known[0]:
            words = now.moment.words_seen - before.moment.words_seen
            rate = 1e6 * int(now.counts[0] - before.counts[0]) / words if words > 0 else None
            moved = float(np.linalg.norm(now.vectors[0] - before.vectors[0]))
            enough, asked = stretch(at - 1, at)
            pairs = floor.earlier_stretches(seen, at - 1, at) if enough else []
            if len(pairs) >= LEAST_STRETCHES:
                scores, scales = floor.scores_and_scales(asked, [stretch(*pair)[1] for pair in pairs])
                z, scale = float(scores[0]), float(scales[0])
                usual = moved * math.exp(-z * scale / 2)  # the scale is that of the logarithm of a squared distance
                unusual = usual * math.exp(CHANGED * scale / 2)
        points.append(Point(now.moment, count, rate, moved, usual, unusual, z, now.neighbours))
    return Timeline(word, points)


def _stretch(first: Sight, last: Sight) -> tuple[bool, Stretch]:
    """Return whether there is enough text on the word itself, and how far all with enough text moved."""
    chosen = first.known & last.known
    chosen &= floor.enough((first.counts, last.counts), (first.squares, last.squares))
    found = floor.stretch(
        (first.vectors[chosen], last.vectors[chosen]),
        (first.counts[chosen], last.counts[chosen]),
        (first.squares[chosen], last.squares[chosen]),
    )
    return bool(chosen[0]), found


def _words(point: Point) -> str:
    return ", ".join(each.word for each in point.neighbours)
