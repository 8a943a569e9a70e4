"""Words that are new, or come much more often: who is listed, in which order, and how settled each is."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.answers.emerging import SETTLED, SETTLING, emerging, stage, surprise

from ..support.moments import known

OLD = ["sea", "sun", "sand"]
EYE = np.eye(6)


def test_new_words_come_first_by_how_often_they_were_seen() -> None:
    """All words that the earlier moment lacks are counted; the most frequent are listed, each with its stage."""
    first = known(OLD, EYE[:3], [50, 60, 70], seen=1_000)
    last = known([*OLD, "few", "many", "some"], EYE, [90, 90, 90, 19, 100, 20], number=2, seen=2_000)
    found = emerging(first, last)
    assert [(word.word, word.count, word.stage) for word in found.words] == [
        ("many", 100, "settled"),
        ("some", 20, "settling"),
        ("few", 19, "not settled yet"),
    ]
    assert found.new == 3 and found.bursts is None and not any(word.returned for word in found.words)
    assert len(found.words[0].neighbours) == 3 and "many" not in found.words[0].neighbours
    assert [word.word for word in emerging(first, last, topn=1).words] == ["many"]
    assert emerging(first, last, topn=1).new == 3
    told = found.as_dict()
    assert (told["from"]["name"], told["to"]["name"], told["new"]) == ("snapshot-1", "snapshot-2", 3)
    assert set(told) == {"from", "to", "new", "words"}
    assert set(told["words"][0]) == {"word", "count", "stage", "returned", "neighbours"}


def test_a_word_that_left_and_came_back_is_not_called_new() -> None:
    """It is known by the moments before the first; rows that went to other words make no difference."""
    before = known(["gone", "sun", "sand"], EYE[:3], [5, 6, 7], seen=100)
    first = known(OLD, EYE[:3], [50, 60, 70], number=2, seen=1_000)
    last = known(["new", "sun", "gone", "sea"], EYE[:4], [9, 90, 90, 90], number=3, seen=2_000)
    found = emerging(first, last, lambda words: {word for word in words if before.listed.find(word) is not None})
    assert [(word.word, word.returned) for word in found.words] == [("gone", True), ("new", False)]


@pytest.mark.parametrize(("count", "wanted"), [(1, "not settled yet"), (20, SETTLING), (99, SETTLING), (100, SETTLED)])
def test_stages(count: int, wanted: str) -> None:
    """Below 20 not settled yet, from 100 on settled."""
    assert stage(count) == wanted


def test_surprise() -> None:
    """2(√(n + ⅜) − √(E + ⅜)): of a Poisson variable, its standard deviation is one at any mean."""
    random = np.random.default_rng(1)
    for mean in (10, 100, 1_000):
        found = surprise(random.poisson(mean, 20_000).astype(float), np.full(20_000, float(mean)))
        assert abs(found.mean()) < 0.1 and found.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("word", "before", "within", "wanted"),
    [
        ("burst", 10, 50, True),
        ("new in files", 0, 20, True),
        ("not twice as many", 400, 799, False),
        ("not surprising", 4, 12, False),
        ("one long book", 0, 1, False),
    ],
)
def test_bursts_are_counted_in_files(word: str, before: int, within: int, wanted: bool) -> None:
    """A word in many more files than expected is a burst, however often each file says it."""
    first = known(["usual", word], EYE[:2], [1_000, 100], seen=10_000, files=[500, before])
    last = known(["usual", word], EYE[:2], [2_000, 9_000], number=2, seen=20_000, files=[1_000, before + within])
    found = emerging(first, last)
    assert found.bursts is not None and [each.word for each in found.bursts] == ([word] if wanted else [])
    if wanted:
        (burst,) = found.as_dict()["bursts"]
        assert (burst["files"], burst["expected"], burst["sightings"]) == (within, before, 8_900)


def test_without_files_in_both_there_are_no_bursts() -> None:
    """A snapshot of an older version has none, and nothing is guessed."""
    first = known(["usual"], EYE[:1], [10], seen=10)
    assert emerging(first, known(["usual"], EYE[:1], [20], number=2, seen=20, files=[7])).bursts is None
