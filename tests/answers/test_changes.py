"""What changed between two moments: neighbours, words that came or left, and which words moved unusually far."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.answers.changes import Diff, between, diff, drift, middle_of
from streamer.errors import ExitCode, StreamerError
from streamer.state.snapshots import Snapshot
from streamer.vectors.drift import scores

from ..support.moments import known, walk

PAIRS = [(8, 10), (6, 10), (9, 10), (6, 8), (4, 8), (7, 8), (4, 6), (5, 6)]
CHANGED = "w0123"


@pytest.fixture(scope="module")
def stream() -> list[Snapshot]:
    """Return 13 moments of a stream in which nothing changes."""
    return walk(13)


def shaken(snapshot: Snapshot, word: str, by: float = 3.0) -> Snapshot:
    """Return a snapshot in which a word is elsewhere."""
    vectors = snapshot.vectors()
    vectors[snapshot.words.index(word)] += by * np.random.default_rng(5).normal(size=vectors.shape[1])
    found = known(snapshot.words, vectors, snapshot.counts.tolist(), snapshot.squares.tolist())
    return Snapshot(snapshot.moment, found.listed, found.steps, found.scales, found.counts, found.squares)


def turned(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot whose words were admitted in the reverse order."""
    found = known(
        snapshot.words[::-1], snapshot.vectors()[::-1], snapshot.counts[::-1].tolist(), snapshot.squares[::-1].tolist()
    )
    return Snapshot(snapshot.moment, found.listed, found.steps, found.scales, found.counts, found.squares)


def pool(stream: list[Snapshot]) -> list[tuple[Snapshot, Snapshot]]:
    """Return eight stretches before the moment at 10."""
    return [(stream[begin], stream[end]) for begin, end in PAIRS]


def sky(number: int, near: str) -> Snapshot:
    """Return a moment at which ``cloud`` is near to another word."""
    places: dict[str, list[float]] = {"rain": [1, 0, 0], "server": [0, 1, 0], "sun": [0.6, 0, 0.8]}
    words = ["cloud", *places]
    vectors = [places[near], *places.values()]
    return known(words, vectors, [10 * number, 50, 60, 70], number=number, seen=100 * number)


def test_a_word_at_two_moments() -> None:
    """Its neighbours then and now, who left and who entered, its cosine with itself, and how often it was seen."""
    found = diff("cloud", sky(2, "rain"), sky(5, "server"), topn=2)
    assert found.then and [each.word for each in found.then] == ["rain", "sun"]
    assert found.now and [each.word for each in found.now] == ["server", "rain"]
    assert (found.left, found.entered) == (["sun"], ["server"])
    assert found.cosine == pytest.approx(0, abs=0.01)
    assert (found.counts, found.sightings) == ((20, 50), 30)
    told = found.as_dict()
    assert told["from"]["name"] == "snapshot-2" and told["to"]["words_seen"] == 500
    assert told["then"][0] == {"word": "rain", "cosine": pytest.approx(1)}
    assert (told["count_from"], told["count_to"], told["sightings"]) == (20, 50, 30)


@pytest.mark.parametrize(("word", "at"), [("new", 1), ("old", 0), ("never", None)])
def test_a_word_that_is_unknown_at_a_moment(word: str, at: int | None) -> None:
    """It came later, or it left: what there is is told, and the rest is None."""
    then = known(["a", "b", "old"], np.eye(3), [5, 6, 7])
    now = known(["a", "b", "new"], np.eye(3), [8, 9, 10], number=2)
    found = diff(word, then, now)
    sides = (found.then, found.now)
    assert [side is not None for side in sides] == [number == at for number in range(2)]
    assert found.counts == ((None, 10), (7, None), (None, None))[["new", "old", "never"].index(word)]
    assert found.cosine is None and found.sightings is None
    assert isinstance(found, Diff) and found.as_dict()["cosine"] is None


def test_an_unchanged_stream(stream: list[Snapshot]) -> None:
    """Nothing is listed, and the words without enough text are counted."""
    found = drift(stream[10], stream[12], pool(stream))
    assert (found.words, found.changed, found.perhaps) == ([], 0, 0)
    assert found.judged + found.not_enough_text == 400 and found.judged > 390
    assert len(found.floor) == 8 and found.floor[0][0].name == "snapshot-9"
    assert found.as_dict()["floor"][1] == {"from": "snapshot-7", "to": "snapshot-11"}


def test_a_word_that_changed(stream: list[Snapshot]) -> None:
    """It comes first, with what it lost and gained; its score is that of the plain function."""
    last = shaken(stream[12], CHANGED)
    found = drift(stream[10], last, pool(stream), min_z=2, topn=3)
    first, *others = found.words
    assert (first.word, first.verdict, found.changed) == (CHANGED, "changed", 1)
    assert len(others) == 2 and all(2 <= word.z < 6 and word.verdict != "changed" for word in others)
    assert first.z > others[0].z >= others[1].z
    assert first.count == stream[10].counts[123] and first.sightings == last.counts[123] - first.count
    assert len(first.lost) == len(first.gained) > 5 and not set(first.lost) & set(first.gained)
    asked = between(stream[10], last)
    z = scores(asked[2], [between(*pair)[2] for pair in pool(stream)])
    assert first.z == pytest.approx(z[asked[0].tolist().index(123)])
    assert drift(stream[10], last, pool(stream)).words == [first]


def test_words_are_matched_by_their_spelling(stream: list[Snapshot]) -> None:
    """A snapshot whose rows are in another order, and that lacks words and has others, gives the same answer."""
    last = shaken(stream[12], CHANGED)
    wanted = drift(stream[10], last, pool(stream), min_z=3)
    assert [word.word for word in drift(turned(stream[10]), last, pool(stream), min_z=3).words] == [
        word.word for word in wanted.words
    ]
    assert drift(turned(stream[10]), turned(last), pool(stream), min_z=3).judged == wanted.judged
    fewer = known(last.words[100:], last.vectors()[100:], last.counts[100:].tolist(), last.squares[100:].tolist())
    found = drift(stream[10], fewer, pool(stream), min_z=3)
    assert found.judged + found.not_enough_text == 300 and found.words[0].word == CHANGED


def test_a_word_that_still_moves_and_one_that_rests(stream: list[Snapshot]) -> None:
    """It does if it moved unusually far in the last part of the stretch too; without a middle, nobody knows."""
    last = shaken(stream[12], CHANGED)
    early = shaken(stream[11], CHANGED)
    moving = [
        drift(stream[10], last, pool(stream), middle).words[0].still_moving for middle in (stream[11], early, None)
    ]
    assert moving == [True, False, None]
    without = known(stream[11].words[:100], stream[11].vectors()[:100], stream[11].counts[:100].tolist())
    assert drift(stream[10], last, pool(stream), without).words[0].still_moving is None


def test_the_middle_is_the_last_moment_before_the_last_quarter(stream: list[Snapshot]) -> None:
    """It leaves a quarter of the words of the stretch, or there is none."""
    moments = [snapshot.moment for snapshot in stream]
    least = (moments[12].words_seen - moments[4].words_seen) / 4
    found = middle_of(moments, moments[4], moments[12])
    assert found is not None and found.number in (10, 11)  # the stretches are not quite alike
    assert moments[12].words_seen - found.words_seen >= least > moments[12].words_seen - moments[11].words_seen
    assert middle_of(moments, moments[11], moments[12]) is None


def test_too_few_earlier_stretches(stream: list[Snapshot]) -> None:
    """There is no guess: the error says how many there are, how many are needed, and before which moment."""
    with pytest.raises(StreamerError, match=r"2 earlier stretches .* 3 are needed before snapshot-11") as error:
        drift(stream[10], stream[12], pool(stream)[:2])
    assert error.value.code == ExitCode.NO_INPUT and "streamer snapshots" in error.value.hint


def test_a_part_of_the_words_is_enough_for_a_floor(stream: list[Snapshot]) -> None:
    """Of an earlier stretch with many words, some of all counts are taken."""
    here, there, moved, common = between(stream[0], stream[12], most=50)
    assert len(here) == len(there) == len(moved.moved) == 50 and common == 400
    assert here[0] == 0 and here[-1] > 390
