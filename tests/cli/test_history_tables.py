"""Tables of what changed: what stands in them, and what where there is nothing to say."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.answers.changes import Diff, Drift, Moved, diff
from streamer.answers.emerging import Emerged, Emerging
from streamer.answers.neighbours import Neighbour
from streamer.answers.timeline import Point, Timeline
from streamer.cli.history_tables import print_diff, print_drift, print_emerging, print_timeline, summary

from ..support.moments import known

FIRST, LAST = (known(["a"], [[1]], [5], number=number, seen=100 * number).moment for number in (1, 2))
Captured = pytest.CaptureFixture[str]


def lines(captured: Captured) -> list[list[str]]:
    """Return the cells of what was printed; they are two spaces apart."""
    return [line.split("  ") for line in captured.readouterr().out.splitlines()]


def test_a_word_at_two_moments(capsys: Captured) -> None:
    """Neighbours side by side, each with what became of it."""
    then = [Neighbour("rain", 0.9, 5), Neighbour("sun", 0.8, 5)]
    now = [Neighbour("rain", 0.95, 5)]
    print_diff(Diff("cloud", FIRST, LAST, then, now, 0.5, (1_000, 3_000)))
    assert capsys.readouterr().out.splitlines() == [
        "'cloud' has cosine 0.5000 with itself; seen 1,000 times then, 3,000 now",
        "",
        "then  cosine        now   cosine",
        "rain  0.9000        rain  0.9500",
        "sun   0.8000  left",
    ]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("new", "'new' was not in the vocabulary then: it came later, and was seen 9 times"),
        ("old", "'old' has left the vocabulary; it was seen 7 times until then"),
        ("never", "'never' was in the vocabulary at neither moment"),
    ],
)
def test_a_word_that_is_unknown_at_a_moment(word: str, said: str, capsys: Captured) -> None:
    """It says why there is no cosine."""
    found = diff(word, known(["a", "old"], np.eye(2), [5, 7]), known(["a", "new"], np.eye(2), [5, 9]), 1)
    print_diff(found)
    assert capsys.readouterr().out.splitlines()[0] == said


def test_words_that_changed(capsys: Captured) -> None:
    """With the verdict, and five of the neighbours at most; what no terminal can show is escaped."""
    lost = ["b", "c", "d", "e", "f", "g"]
    words = [Moved("a\x1b", 7.25, True, 0.25, 1_000, 50, lost, []), Moved("z", 5.5, None, 0.5, 20, 20, [], ["y"])]
    print_drift(Drift(FIRST, LAST, words, 1, 1, 10, 5, []))
    head, first, second = lines(capsys)
    assert head[0].strip() == "word" and next(each for each in first if each) == "a\\x1b"
    assert [each.strip() for each in first if each][1:] == [
        "7.2",
        "changed, still moving",
        "0.250",
        "1,000",
        "50",
        "b, c, d, e, f",
    ]
    assert [each.strip() for each in second if each.strip()] == ["z", "5.5", "perhaps", "0.500", "20", "20", "y"]


@pytest.mark.parametrize(("perhaps", "min_z", "told"), [(3, 6.0, True), (3, 5.0, False), (0, 6.0, False)])
def test_what_is_not_listed_is_told(perhaps: int, min_z: float, told: bool) -> None:
    """How many perhaps changed, with the option that lists them, unless they are listed."""
    said = summary(Drift(FIRST, LAST, [], 1, perhaps, 1_000, 50, []), min_z)
    assert said.startswith(f"1 word changed, {perhaps} perhaps") and ("--min-z 5" in said) == told
    assert said.endswith("1,000 were judged, 50 have not enough text")


def test_a_word_over_time(capsys: Captured) -> None:
    """A dash where there is no figure."""
    near = [Neighbour("sun", 0.5, 5)]
    points = [
        Point(FIRST, None, None, None, None, None, None, []),
        Point(LAST, 1_000, 12.345, 0.5, 0.25, 1, -0.01, near),
    ]
    print_timeline(Timeline("a", points))
    _, first, second = (line.split() for line in capsys.readouterr().out.splitlines())
    assert first[2:] == ["snapshot-1", *"––––––"]
    assert second[2:] == ["snapshot-2", "1,000", "12.3", "0.500", "0.250", "0.0", "sun"]


def test_new_words(capsys: Captured) -> None:
    """How settled each is, and whether it came back; bursts are below, where they are known."""
    words = [Emerged("new", 9, 9, "not settled yet", True, None, None, ["a", "b"])]
    print_emerging(Emerging(FIRST, LAST, words, 1, None))
    assert capsys.readouterr().out.splitlines() == [
        "new word  seen  vector                      neighbours",
        "new          9  came back, not settled yet  a, b",
    ]
    burst = Emerged("storm", 500, 400, "settled", False, 50, 9.56, ["c"])
    print_emerging(Emerging(FIRST, LAST, words, 1, [burst]))
    assert capsys.readouterr().out.splitlines()[2:] == [
        "",
        "in more files  files  expected  seen  vector   neighbours",
        "storm             50       9.6   400  settled  c",
    ]
    print_emerging(Emerging(FIRST, LAST, [], 0, None))
    assert capsys.readouterr().out == ""
