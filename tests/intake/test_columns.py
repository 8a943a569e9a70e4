"""The columns of a ledger: texts by number, numbers of 64 bits, and what can't be a ledger."""

from __future__ import annotations

import numpy as np
import pytest

from streamer.intake import columns
from streamer.intake.ledger import IN_TRAINING, OUTCOMES, Ledger, Signature

NUMBERS = ("size", "mtime_ns", "ctime_ns", "text_bytes", "words", "bytes_trained", "bytes_skipped", "passes", "offset")


def problem(**changes: object) -> str:
    """Return what is wrong with a ledger of two rows in which some columns are others."""
    ledger = Ledger()
    for path in "ab":
        ledger.refuse(path, Signature(1, 1, 1), f"reason {path}")
    arrays = ledger.to_arrays() | {name: np.array(column) for name, column in changes.items()}
    return columns.wrong(arrays, numbers=NUMBERS, outcomes=OUTCOMES, in_training=IN_TRAINING)


@pytest.mark.parametrize("texts", [[], ["a"], ["b", "a", "b", ""], ["причина", "\udcff"]])
def test_texts_come_back(texts: list[str]) -> None:
    """Each distinct text is stored once."""
    names, codes = columns.coded(texts)
    assert names.tobytes().count(b"\0") == len(set(texts))
    assert codes.dtype == np.int32
    assert columns.uncoded(names, codes) == texts


def test_numbers_that_do_not_fit_are_clipped() -> None:
    """Times of after 2262."""
    assert columns.int64([1, 10**19, -(10**19)]).tolist() == [1, 2**63 - 1, -(2**63)]
    assert columns.fit(7) == 7
    assert columns.blob([b"a", b"bc"]).tolist() == [97, 98, 99]


def test_what_is_wrong_is_said() -> None:
    """A list with a text twice, a number without a text, a wrong type, bytes that are not there."""
    assert problem() == ""
    assert "format has a number without a text in formats" in problem(format=np.array([0, 1], np.int32))
    assert "formats has a text twice" in problem(formats=np.frombuffer(b"text\0text\0", np.uint8))
    assert "reason has a number without a text" in problem(reason=np.array([-1, 0], np.int32))
    assert "format is int64" in problem(format=np.array([0, 0], np.int64))
    assert "formats is not a list" in problem(formats=np.frombuffer(b"text", np.uint8))
    assert "paths is not a list of 2 names" in problem(paths=np.frombuffer(b"a\0", np.uint8))
    assert "row 1 accounts for bytes" in problem(bytes_skipped=np.array([1, 9]))
