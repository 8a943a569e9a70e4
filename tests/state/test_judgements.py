"""What is remembered of how files looked: few, the last ones, and all of it comes back."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.model.judging import ENOUGH, Figures
from streamer.state.judgements import FLAGGED, LIMIT, Judgements, key_of
from streamer.state.records import judgements_leaves, read_judgements
from streamer.state.tree_reader import TreeReader


def figures(number: int) -> Figures:
    """Return figures that tell from which file they are."""
    return Figures(float(number), 0.5, 0.25, 0.125)


def begun(count: int, *, long: bool) -> Judgements:
    """Return what is known after so many files."""
    known = Judgements()
    for number in range(count):
        known.begin("", figures(number), f"{number}.txt", "", long=long, new=True)
    return known


def test_the_last_files_are_remembered() -> None:
    """No more than LIMIT of those with a loss, and of those without."""
    known = begun(LIMIT + 5, long=True)
    assert known.longer == [figures(number) for number in range(5, LIMIT + 5)]
    known.begin("", None, "small.txt", "", long=False, new=True)
    assert not known.shorter


def test_files_of_like_size_are_compared_if_there_are_enough() -> None:
    """Else all are, since most figures do not depend on the size."""
    known = begun(ENOUGH - 1, long=True)
    assert known.others(long=True) == known.others(long=False) == known.longer
    known.begin("", figures(99), "x", "", long=False, new=True)
    assert len(known.others(long=True)) == ENOUGH
    known.begin("", figures(98), "y", "", long=True, new=True)
    assert known.others(long=True) == known.longer
    assert len(known.others(long=False)) == ENOUGH + 1


def test_unusual_files_are_known_by_name() -> None:
    """The last FLAGGED, each once; a file that was rewritten is no longer what it was."""
    known = Judgements()
    for number in range(FLAGGED + 2):
        known.hold(f"{number}", "unusual: a")
    assert (len(known.flagged), known.unusual, "1" in known.flagged) == (FLAGGED, FLAGGED + 2, False)
    known.begin("k", None, "5", "unusual: b", long=False, new=True)
    assert list(known.flagged.items())[-1] == ("5", "unusual: b")
    known.begin("k", None, "5", "", long=False, new=False)
    assert "5" in known.flagged
    known.begin("k", None, "5", "", long=False, new=True)
    assert "5" not in known.flagged


def test_a_held_file_tells_nothing_of_the_others() -> None:
    """It is not among the figures, and it is judged again."""
    known = begun(3, long=True)
    known.begin("key", figures(3), "3.txt", "", long=True, new=True)
    known.hold("bad.txt", "unusual: x")
    assert (len(known.longer), known.begun) == (4, "")


def test_a_key_stands_for_a_name_and_a_length() -> None:
    """Names that are not UTF-8 too."""
    keys = {key_of("a", 1), key_of("a", 11), key_of("a1", 1), key_of("b", 1), key_of("caf\udce9.txt", 1)}
    assert len(keys) == 5
    assert all(len(key) == 64 for key in keys)


def test_all_of_it_is_stored() -> None:
    """What was stored and read again is the same, with names that are not UTF-8."""
    known = begun(7, long=False)
    for number in range(4):
        known.begin(key_of("b", number), figures(50 + number), "b", "", long=True, new=True)
    known.hold("caf\udce9\n.txt", "unusual: loss 9.00, usually 2.50")
    known.waive(key_of("a", 1))
    for each in (Judgements(), known):
        again = read_judgements(TreeReader(dict(judgements_leaves(each))))
        assert attrs.asdict(again, recurse=False) == attrs.asdict(each, recurse=False)
        assert all(type(one) is Figures for one in again.longer)


@pytest.mark.parametrize(
    "key, value",
    [
        ("judgements/unknown", np.full(7, 1.5)),
        ("judgements/repeated", np.full(7, -0.1)),
        ("judgements/loss", np.full(7, np.nan)),
        ("judgements/order", np.zeros(6)),
        ("judgements/shorter", 8),
        ("judgements/shorter", LIMIT + 1),
        ("judgements/begun", "nonsense"),
        ("judgements/waived", 7),
        ("judgements/files", np.frombuffer(b"a\0b", np.uint8)),
        ("judgements/files", np.frombuffer(b"a\0a\0", np.uint8)),
        ("judgements/reasons", np.zeros(0, np.uint8)),
        ("judgements/unusual", -1),
    ],
)
def test_nonsense_is_refused(key: str, value: Any) -> None:
    """Each leaf is checked by itself, and those that belong together with each other; the error names the key."""
    known = begun(7, long=False)
    known.hold("a", "unusual: x")
    tree = judgements_leaves(known)
    assert key in tree
    with pytest.raises(StreamerError, match=key.rpartition("/")[0]) as caught:
        read_judgements(TreeReader({**tree, key: value}))
    assert caught.value.code == ExitCode.DAMAGED
