"""A word over all moments: counts, frequencies, distances against those of words as frequent, gaps."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.answers.changes import drift
from streamer.answers.timeline import Timeline, peers, sight, timeline
from streamer.state.snapshots import Snapshot
from streamer.vectors.drift import earlier_stretches

from ..support.moments import known, walk

WORD = "w0123"


@pytest.fixture(scope="module")
def stream() -> list[Snapshot]:
    """Return 13 moments of a stream in which nothing changes, except one word after the ninth."""
    found = walk(13)
    for number in range(9, 13):
        vectors = found[number].vectors()
        vectors[123] += 2
        there = found[number]
        changed = known(there.words, vectors, there.counts.tolist(), there.squares.tolist())
        found[number] = Snapshot(there.moment, there.listed, changed.steps, changed.scales, there.counts, there.squares)
    return found


def over(stream: list[Snapshot], word: str = WORD, topn: int = 3, reference: int = -1) -> Timeline:
    """Return the timeline of a word, with rows as in one of the snapshots."""
    words = peers(stream[reference], word)
    rows = np.array([stream[reference].words.index(each) for each in words])
    return timeline(word, [sight(snapshot, words, rows, topn) for snapshot in stream])


def test_counts_and_frequencies(stream: list[Snapshot]) -> None:
    """How often it was seen until each moment, and in a million words since the one before."""
    points = over(stream).points
    assert [point.count for point in points] == [int(snapshot.counts[123]) for snapshot in stream]
    assert points[0].per_million is points[0].moved is points[0].z is None
    words = stream[5].moment.words_seen - stream[4].moment.words_seen
    wanted = 1e6 * (stream[5].counts[123] - stream[4].counts[123]) / words
    assert points[5].per_million == pytest.approx(wanted)
    assert [len(point.neighbours) for point in points] == [3] * 13
    distance = np.linalg.norm(stream[5].vectors()[123] - stream[4].vectors()[123])
    assert points[5].moved == pytest.approx(distance)


def test_the_score_is_about_that_of_drift(stream: list[Snapshot]) -> None:
    """Words of like counts say the same as all words do; at the change it is high, and the distance is unusual."""
    points = over(stream).points
    seen = [snapshot.moment.words_seen for snapshot in stream]
    assert [point.z is None for point in points] == [True] * 3 + [False] * 10
    for at in range(3, 13):
        pairs = [(stream[a], stream[b]) for a, b in earlier_stretches(seen, at - 1, at)]
        all_words = drift(stream[at - 1], stream[at], pairs, min_z=-99, topn=400).words
        (wanted,) = (word.z for word in all_words if word.word == WORD)
        point = points[at]
        assert point.z is not None and point.moved and point.usual and point.unusual
        assert point.z == pytest.approx(wanted, abs=1 if at == 9 else 0.5)
        assert (point.moved > point.unusual) == (point.z >= 6) == (at == 9)
        assert (point.moved > point.usual) == (point.z > 0)


def test_a_word_that_left_and_came_back(stream: list[Snapshot]) -> None:
    """While it is away there are no figures, and none for the moment at which it is back."""
    gap = [*stream]
    there = stream[6]
    keep = [row for row in range(400) if row != 123]
    rows = [there.words[row] for row in keep]
    gap[6] = known(rows, there.vectors()[keep], there.counts[keep].tolist(), there.squares[keep].tolist(), number=7)
    points = over(gap).points
    assert points[6].count is points[6].moved is points[6].z is None and points[6].neighbours == []
    assert points[7].count == stream[7].counts[123] and points[7].per_million is points[7].moved is None
    assert points[8].moved == over(stream).points[8].moved


def test_words_are_found_where_rows_differ(stream: list[Snapshot]) -> None:
    """Rows in another order at some moment change nothing."""
    there, turned = stream[6], list(range(400))[::-1]
    mixed = known(
        [there.words[row] for row in turned],
        there.vectors()[turned],
        there.counts[turned].tolist(),
        there.squares[turned].tolist(),
    )
    mixed = Snapshot(there.moment, mixed.listed, there.steps[turned], there.scales[turned], mixed.counts, mixed.squares)
    found, wanted = over([*stream[:6], mixed, *stream[7:]]), over(stream)
    assert [point.z for point in found.points] == pytest.approx([point.z for point in wanted.points])


def test_a_rare_word_has_no_score(stream: list[Snapshot]) -> None:
    """Fewer than 20 sightings in a stretch are not enough text."""
    found = []
    for snapshot in stream:
        counts = snapshot.counts.copy()
        counts[123] = 100 + snapshot.moment.number
        found.append(
            Snapshot(snapshot.moment, snapshot.listed, snapshot.steps, snapshot.scales, counts, snapshot.squares)
        )
    points = over(found).points
    assert all(point.z is None and point.usual is None for point in points)
    assert all(point.moved is not None for point in points[1:])


def test_peers_are_words_of_like_counts() -> None:
    """They surround the word by rank; at the end of the list there are as many, on one side."""
    size = 1_000
    snapshot = known([f"w{row}" for row in range(size)], np.eye(size)[:, :4], list(range(size, 0, -1)))
    for row in (500, 0, 999):
        word, *others = peers(snapshot, f"w{row}")
        near = [int(other[1:]) for other in others]
        assert word == f"w{row}" and len(set(near)) == 300 and row not in near
        assert max(near) - min(near) in (299, 300) and min(abs(other - row) for other in near) == 1
    assert peers(known(["a", "b"], np.eye(2), [5, 6]), "a") == ["a", "b"]


def test_json(stream: list[Snapshot]) -> None:
    """A moment has its name, date and figures."""
    told = over(stream, topn=1).as_dict()
    assert told["word"] == WORD and len(told["moments"]) == 13
    keys = {"name", "date", "words_seen", "count", "per_million", "moved", "usual", "unusual", "z", "neighbours"}
    assert set(told["moments"][0]) == keys
    assert [set(each) for each in told["moments"][0]["neighbours"]] == [{"word", "cosine"}]
