"""The columns of a ledger: which arrays come back, and which can't be those of a ledger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamer.errors import StreamerError
from streamer.ledger.entries import Entry, Signature
from streamer.ledger.ledger import Ledger

from .test_ledger import look, train


def example() -> Ledger:
    """Return a ledger with a row of each kind: trained, grown from another file, partly trained, refused, a copy."""
    ledger = Ledger()
    train(ledger, ledger.plan("a", look(ledger, b"one two\n", path="a")))
    train(ledger, ledger.plan("b", look(ledger, b"one two\nthree\n", path="b")))
    train(ledger, ledger.plan("c", look(ledger, b"something else", path="c")), to=4)
    ledger.plan("d", look(ledger, b"one two\n", path="d"))
    ledger.refuse("e", Signature(7, 1, 1), "empty")
    return ledger


def problem(**changes: Any) -> str:
    """Return what is said of the example when some of its columns are others."""
    arrays = example().to_arrays()
    arrays |= {name.replace("__", "/"): np.array(column) for name, column in changes.items()}
    with pytest.raises(StreamerError) as caught:
        Ledger.from_arrays(dict(arrays))
    return str(caught.value)


def test_a_ledger_comes_back() -> None:
    """Stored and read, each row says the same, and storing it again gives the same bytes."""
    arrays = example().to_arrays()
    again = Ledger.from_arrays(dict(arrays))
    assert [row.explanation for row in again] == [
        "", "its first 8 bytes are a copy of a", "in training", "a copy of a", "empty",
    ]  # fmt: skip
    assert {name: column.tobytes() for name, column in again.to_arrays().items()} == {
        name: column.tobytes() for name, column in arrays.items()
    }


def test_a_row_that_was_removed_is_not_stored() -> None:
    """The rows behind it move up, and so do those that are named by others."""
    ledger = Ledger()
    ledger.refuse("first", Signature(0, 1, 1), "empty")
    train(ledger, ledger.plan("a", look(ledger, b"one two\n", path="a")))
    train(ledger, ledger.plan("b", look(ledger, b"one two\nthree\n", path="b")))
    train(ledger, ledger.plan("first", look(ledger, b"no longer empty", path="first", time=2)))
    again = Ledger.from_arrays(ledger.to_arrays())
    assert [(row.path, row.row, row.copy_of) for row in again] == [("a", 0, ""), ("b", 1, "a"), ("first", 2, "")]
    assert again.to_arrays()["spans/row"].tolist() == [0, 1, 2]
    assert again.seen("first", Signature(15, 2, 2))


def test_what_only_few_rows_have_is_stored_for_few() -> None:
    """A plain file that was trained needs none of it."""
    ledger = Ledger()
    for name in "abcdefgh":
        train(ledger, ledger.plan(name, look(ledger, name.encode() * 9, path=name)))
    assert len(ledger.to_arrays()["more/row"]) == 0
    assert len(example().to_arrays()["more/row"]) == 4, "all but a"


def test_what_is_wrong_is_said() -> None:
    """A list with a text twice, a number without a text, a wrong type, bytes that are not there."""
    assert "format has a number without a text in formats" in problem(format=np.full(5, 7, np.uint32))
    assert "formats has a text twice" in problem(formats=np.frombuffer(b"text\0text\0", np.uint8))
    assert "format is int64" in problem(format=np.zeros(5, np.int64))
    assert "formats is not a list" in problem(formats=np.frombuffer(b"text", np.uint8))
    assert "paths is not a list of 5 names" in problem(paths=np.frombuffer(b"a\0", np.uint8))
    assert "paths is not a list of 5 names" in problem(paths=np.frombuffer(b"a\0\0b\0c\0d\0", np.uint8))
    assert "a row has a negative number" in problem(words=np.array([-1, 0, 0, 0, 0]))
    assert "an unknown outcome" in problem(outcome=np.full(5, 9, np.uint8))
    assert "row 0 accounts for bytes" in problem(outcome=np.full(5, 2, np.uint8))
    assert "row 1 accounts for bytes" in problem(more__bytes_trained=np.array([5, 4, 0, 0]))
    assert "one that is not there" in problem(more__row=np.array([1, 2, 3, 9], np.int32))
    assert "one that is not there" in problem(more__row=np.array([1, 2, 3, 3], np.int32))
    assert "one that is not there" in problem(more__source=np.array([9, -1, -1, -1], np.int32))
    assert "one that is not there" in problem(spans__row=np.array([0, 1, 9], np.uint32))
    assert "is no copy, has a beginning" in problem(head=np.array([1, 1, 1, 1, 1], np.uint32))
    assert "more bytes than there can be" in problem(size=np.array([8, 14, 14, 8, 7]) + np.array([2**62, 0, 0, 0, 0]))
    same = example().to_arrays()
    assert "twice with the same content" in problem(
        paths=np.frombuffer(b"a\0a\0c\0d\0e\0", np.uint8), sha256=same["sha256"][[0, 0, 2, 3, 4]]
    )
    assert "refused twice" in problem(paths=np.frombuffer(b"a\0b\0c\0d\0d\0", np.uint8))


def test_an_entry_says_of_what_it_is_a_copy() -> None:
    """If the other file is no longer listed, it says that."""
    entry = Entry("a", Signature(1, 1, 1), bytes(32), 1, outcome="skipped", reason="a copy of another file")
    assert entry.explanation == "a copy of a file that is no longer listed"


def test_the_same_rows_give_the_same_bytes_whatever_they_were_before() -> None:
    """Reasons and formats are numbered as they were met, and stored in the order of their first use."""
    straight, devious = Ledger(), Ledger()
    for name, reason in (("a", "a folder"), ("b", "empty"), ("c", "a FIFO")):
        straight.refuse(name, Signature(7, 1, 1), reason)
    for name, reason in (("a", "empty"), ("b", "a FIFO"), ("c", "a socket"), ("d", "a device")):
        devious.refuse(name, Signature(7, 1, 1), reason)
    for name, reason in (("a", "a folder"), ("b", "empty"), ("c", "a FIFO")):
        devious.refuse(name, Signature(7, 1, 1), reason)
    train(devious, devious.plan("d", look(devious, b"a text", path="d")))
    train(straight, straight.plan("d", look(straight, b"a text", path="d")))
    one, other = straight.to_arrays(), devious.to_arrays()
    assert one["reasons"].tobytes() == b"a folder\0empty\0a FIFO\0\0"
    assert {name: column.tobytes() for name, column in one.items()} == {
        name: column.tobytes() for name, column in other.items()
    }
