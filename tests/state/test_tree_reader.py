"""Leaves are taken out of a tree by their types, and the one that is missing or wrong is named, with 65."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

from streamer.checkpoints import Tree
from streamer.errors import ExitCode, StreamerError
from streamer.settings import ModelSettings
from streamer.state import tree_reader
from streamer.state.tree_reader import ANOTHER, LARGEST, TreeReader, damaged, to_blob

Take = Callable[[TreeReader], Any]


@attrs.frozen
class Record:
    """A group of scalars, one of each kind."""

    number: int
    share: float
    name: str


TREE: Tree = {
    "group/number": 3,
    "group/share": 0.5,
    "group/name": "naïve",
    "truth": True,
    "counts": np.array([1, 5, 3]),
    "matrix": np.arange(6, dtype=np.float32).reshape(3, 2),
    "words": to_blob(["a", "naïve", "東京"]),
    "nothing": np.zeros(0, np.uint8),
}


def refusal(take: Take, **changed: Any) -> StreamerError:
    """Return the error that must come of a tree with a leaf that is changed, or without it if it is None."""
    tree = {**TREE, **{name.replace("__", "/"): leaf for name, leaf in changed.items()}}
    with pytest.raises(StreamerError) as caught:
        take(TreeReader({key: leaf for key, leaf in tree.items() if leaf is not None}))
    assert caught.value.code == ExitCode.DAMAGED
    assert caught.value.hint == ANOTHER
    return caught.value


def test_what_is_there_comes_as_it_is() -> None:
    """Scalars, records, arrays and words are what was put in."""
    read = TreeReader(TREE)
    assert read.record("group", Record) == Record(3, 0.5, "naïve")
    assert (read.integer("group/number"), read.count("group/number"), read.string("group/name")) == (3, 3, "naïve")
    assert read.array("matrix", np.float32, (None, 2)) is TREE["matrix"]
    assert read.array("matrix", np.float32, (3, None)) is TREE["matrix"]
    assert read.floats("matrix", np.float32, (3, 2)) is TREE["matrix"]
    assert read.counts("counts", 3) is read.counts("counts", None) is TREE["counts"]
    assert read.words("words") == ["a", "naïve", "東京"]
    assert read.words("nothing") == []


TAKES: dict[str, Take] = {
    "group/number": lambda read: read.record("group", Record),
    "group/share": lambda read: read.record("group", Record),
    "group/name": lambda read: read.string("group/name"),
    "truth": lambda read: read.integer("truth"),
    "counts": lambda read: read.counts("counts", 3),
    "matrix": lambda read: read.floats("matrix", np.float32, (3, 2)),
    "words": lambda read: read.words("words"),
}


@pytest.mark.parametrize("key", TAKES)
def test_what_is_missing_is_named(key: str) -> None:
    """Whatever is asked of it, a leaf that is not there is an error with its key."""
    assert key in refusal(TAKES[key], **{key.replace("/", "__"): None}).problem


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("group/number", 1.0),
        ("group/number", True),
        ("group/number", "3"),
        ("group/share", 1),
        ("group/share", False),
        ("group/name", 7),
        ("group/name", np.zeros(1)),
        ("truth", True),
        ("truth", np.zeros(1, np.int64)),
        ("counts", np.array([1.0, 5.0, 3.0])),
        ("counts", np.array([1, 5, 3], np.int32)),
        ("counts", np.array([1, 5, 3, 4])),
        ("counts", np.array([[1, 5, 3]])),
        ("counts", np.array([1, 0, 3])),
        ("counts", np.array([1, LARGEST + 1, 3])),
        ("matrix", np.zeros((3, 2))),
        ("matrix", np.zeros((3, 3), np.float32)),
        ("matrix", np.zeros(6, np.float32)),
        ("matrix", np.full((3, 2), np.nan, np.float32)),
        ("matrix", np.full((3, 2), -np.inf, np.float32)),
        ("words", np.frombuffer(b"a\nb", np.uint8)),
        ("words", np.frombuffer(b"a\na\n", np.uint8)),
        ("words", np.frombuffer(b"a\n\n", np.uint8)),
        ("words", np.frombuffer(b"a\xff\n", np.uint8)),
        ("words", np.frombuffer(b"a\n", np.int8)),
    ],
)
def test_what_is_of_another_kind_is_named(key: str, value: object) -> None:
    """Another type, dtype, shape or number of dimensions, and values out of bounds: refused, with the key."""
    assert key in refusal(TAKES[key], **{key.replace("/", "__"): value}).problem


def test_bounds() -> None:
    """A count lies within bounds, which are counted in; floats may have a least one."""
    read = TreeReader(TREE)
    assert read.count("group/number", low=3, high=3) == 3
    assert TreeReader({"n": LARGEST}).count("n") == LARGEST
    for bounds in ({"low": 4}, {"high": 2}):
        refusal(lambda read, bounds=bounds: read.count("group/number", **bounds))  # type: ignore[misc]
    refusal(lambda read: read.count("n"), n=-1)
    refusal(lambda read: read.count("n"), n=LARGEST + 1)
    assert read.floats("matrix", np.float32, (3, 2), low=0.0) is TREE["matrix"]
    refusal(lambda read: read.floats("matrix", np.float32, (3, 2), low=1e-12))
    assert read.counts("counts", 3, low=1) is TREE["counts"]
    refusal(lambda read: read.counts("counts", 3, low=2))


def test_a_record_that_judges_itself_is_damaged_with_65() -> None:
    """Settings out of bounds are errors 78 when a user gives them; in a checkpoint they mean that it is damaged."""
    given = ModelSettings(keep_case=True, phrases=("AT&T", "New York"))
    values = {name: value if value != () else to_blob(()) for name, value in attrs.asdict(given).items()}
    tree: Tree = {f"settings/{name}": value for name, value in values.items()}
    tree["settings/phrases"] = to_blob(given.phrases)
    assert TreeReader(tree).record("settings", ModelSettings) == given
    with pytest.raises(StreamerError) as caught:
        TreeReader({**tree, "settings/window": 0}).record("settings", ModelSettings)
    assert caught.value.code == ExitCode.DAMAGED


def test_the_arrays_of_a_group() -> None:
    """All arrays below a key come by the rest of their keys, and are gone; scalars and other groups stay."""
    tree: Tree = {"a/x": np.zeros(1), "a/b/y": np.ones(2), "a/n": 3, "ab/x": np.zeros(3), "a": np.zeros(4)}
    assert {name: len(array) for name, array in TreeReader(tree).take("a").items()} == {"x": 1, "b/y": 2}
    assert list(tree) == ["a/n", "ab/x", "a"]


def test_words_as_bytes() -> None:
    """Each word ends with a line end, no words are no bytes, and an iterator will do."""
    assert to_blob(iter(["a", "語"])).tobytes() == "a\n語\n".encode()
    assert to_blob([]).tobytes() == b""
    assert to_blob({"a": 1, "b": 2}).dtype == np.uint8


def test_the_error_may_have_another_hint() -> None:
    """What to do about it is another thing for a checkpoint that is newer."""
    assert (damaged("x").hint, damaged("x", "upgrade").hint) == (ANOTHER, "upgrade")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0])
@pytest.mark.parametrize("row", [0, 777, 1_999])
def test_each_piece_of_a_long_array_is_checked(monkeypatch: pytest.MonkeyPatch, row: int, bad: float) -> None:
    """It is looked at piece by piece, to its end."""
    monkeypatch.setattr(tree_reader, "_PIECE", 1_000)
    values, counts = np.ones((2_000, 3), np.float32), np.ones(2_000, np.int64)
    read = TreeReader({"floats": values, "counts": counts})
    assert read.floats("floats", np.float32, (2_000, 3), low=0.0) is values
    assert read.counts("counts", None) is counts
    values[row, 1], counts[row] = bad, 0
    with pytest.raises(StreamerError, match="floats has numbers from"):
        read.floats("floats", np.float32, (2_000, 3), low=0.0)
    with pytest.raises(StreamerError, match="counts has counts from 0 to 1"):
        read.counts("counts", None)
