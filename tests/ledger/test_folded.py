"""What stays of folded files: they are found by name and by beginning, and leave the sums when they return."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import COPY
from streamer.ledger.folded import Folded, Sums, name_key
from streamer.ledger.ledger import Ledger

from .test_ledger import look, train


def columns(*names: str) -> dict[str, npt.NDArray[Any]]:
    """Return files of 100 bytes, of which the first 10 are a copy."""
    count = len(names)
    digests = np.frombuffer(b"".join(name.encode().ljust(16, b"\1") for name in names), np.uint8).reshape(-1, 16)
    numbers = {"text_bytes": 100, "start": 10, "words": 20, "passes": 2, "format": 0, "encoding": 0, "reason": 0}
    found = {name: np.full(count, value) for name, value in (numbers | {"moved": 0}).items()}
    heads = np.array([1 + len(name) for name in names], np.uint32)
    return {"head": heads, "name": np.array(list(map(name_key, names)), np.uint64), "sha256": digests, **found}


def with_head(folded: Folded, head: int) -> list[int]:
    """Return the versions that begin with a key, whatever their digests are."""
    return sorted(folded.heads.find((head,), [folded.text(number)[1] for number in range(len(folded))]))


@pytest.fixture
def folded() -> Folded:
    """Return four versions of three files."""
    found = Folded()
    found.formats.code("text")
    found.encodings.code("utf-8")
    found.add(columns("a", "bb", "a", "cc"))
    return found


def test_files_are_found(folded: Folded) -> None:
    """All versions of a name, the oldest first; texts by the keys of their beginnings."""
    assert [folded.of_name(name) for name in ("a", "bb", "no", "")] == [[0, 2], [1], [], []]
    assert [with_head(folded, head) for head in (2, 3, 4, 0)] == [[0, 2], [1, 3], [], []]
    assert (Folded().of_name("a"), with_head(Folded(), 2)) == ([], [])
    entry = folded.load(1)
    assert (entry.path, entry.text_bytes, entry.start, entry.bytes_trained, entry.words) == ("", 100, 10, 90, 20)
    assert (entry.passes, entry.outcome, entry.folded, entry.row, entry.known) == (2, "trained", 1, -1, 100)


def test_a_file_that_returns_is_no_longer_found(folded: Folded) -> None:
    """Neither by its name nor by its beginning; the sums are without it."""
    assert folded.freeze().sums() == {("trained", COPY): Sums(4, 360, 40, 80)}
    folded.remove(1)
    assert folded.of_name("bb") == []
    assert with_head(folded, 3) == [3]
    assert folded.freeze().sums() == {("trained", COPY): Sums(3, 270, 30, 60)}


def test_a_refused_file_has_a_name_and_a_class_only(folded: Folded) -> None:
    """It is found by its name, not by a beginning, and is in the sums of its class."""
    refused = columns("no") | {name: np.zeros(1, np.uint32) for name in ("head", "start", "words", "passes")}
    refused["reason"] = np.array([folded.reasons.code("not text")])
    folded.add(refused)
    (number,) = folded.of_name("no")
    assert folded.refused(number)
    assert not any(folded.refused(other) for other in range(4))
    assert with_head(folded, 0) == []
    assert folded.freeze().sums() == {
        ("trained", COPY): Sums(4, 360, 40, 80), ("skipped", "not text"): Sums(1, 0, 100, 0),
    }  # fmt: skip


def test_a_copy_has_a_digest_too(folded: Folded) -> None:
    """It is found by its beginning, and is refused all the same; one of an older checkpoint has no digest."""
    refused = columns("copy", "older") | {name: np.zeros(2, np.uint32) for name in ("start", "words", "passes")}
    refused["reason"] = np.full(2, folded.reasons.code(COPY))
    refused["head"] = refused["head"] * np.array([1, 0], np.uint32)
    refused["sha256"] = refused["sha256"] * np.array([[1], [0]], np.uint8)
    folded.add(refused)
    assert with_head(folded, 5) == [4]
    assert [folded.refused(number) for number in (3, 4, 5)] == [False, True, True]
    assert [folded.copied(number) for number in (3, 4, 5)] == [False, True, False]
    entry = folded.load(4, "copy")
    assert (entry.outcome, entry.explanation, entry.known) == (
        "skipped",
        "a copy of a file that is no longer listed",
        100,
    )
    assert (entry.text_bytes, entry.bytes_trained, entry.bytes_skipped) == (100, 0, 100)
    assert folded.freeze().sums()["skipped", COPY] == Sums(2, 0, 200, 0)


def test_few_that_are_added_to_many_are_found(folded: Folded) -> None:
    """They are added to the indexes one by one."""
    folded.add(columns(*(f"file {number}" for number in range(50))))
    one = columns("a new copy") | {name: np.zeros(1, np.uint32) for name in ("start", "words", "passes")}
    folded.add(one | {"reason": np.array([folded.reasons.code(COPY)])})
    folded.add(columns("a new file"))
    assert [folded.of_name(name) for name in ("a new copy", "a new file")] == [[54], [55]]
    assert with_head(folded, 11) == [54, 55]


def test_files_that_returned_take_no_memory_for_ever(folded: Folded) -> None:
    """When most have returned, the others move together."""
    for number in (0, 1, 2):
        folded.remove(number)
    folded.add(columns("dddd"))
    assert len(folded) == 2
    assert [folded.of_name(name) for name in ("a", "bb", "cc", "dddd")] == [[], [], [0], [1]]
    assert [with_head(folded, head) for head in (2, 3, 5)] == [[], [0], [1]]


def test_a_mark_stays(folded: Folded) -> None:
    """That a text was found under another name too."""
    folded.mark_moved(2)
    assert [folded.load(number).moved for number in range(4)] == [False, False, True, False]


def test_names_have_keys_of_64_bits() -> None:
    """They are the same in every process, and none is 0."""
    assert name_key("a.txt") == int.from_bytes(hashlib.sha256(b"a.txt").digest()[:8], "big")
    assert len({name_key(f"{number}") for number in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("folded/name", lambda old: old * np.uint64(0)),
        ("folded/start", lambda old: old + np.uint32(1000)),
        ("folded/moved", lambda old: old + np.uint8(2)),
        ("folded/format", lambda old: old + np.uint32(1)),
        ("folded/formats", lambda old: np.concatenate([old, old])),
        ("folded/sha256", lambda old: old[:, :8]),
        ("folded/reason", lambda old: old + np.uint32(1)),
        ("folded/reasons", lambda old: np.frombuffer(b"refused\0", np.uint8)),
        ("folded/passes", lambda old: old.astype(np.int16)),
    ],
)
def test_damage_is_told(column: str, change: Any) -> None:
    """What no folded file can be is never read as one."""
    ledger = Ledger()
    for name in "ab":
        train(ledger, ledger.plan(name, look(ledger, b"the text of " + name.encode(), path=name)))
    ledger.begin_scan()
    ledger.end_scan(1, lambda path: True)
    assert ledger.fold(1, str) == 2
    arrays = ledger.to_arrays()
    assert len(Ledger.from_arrays(dict(arrays))) == 0
    with pytest.raises(StreamerError, match="the ledger is damaged") as caught:
        Ledger.from_arrays({**arrays, column: change(arrays[column])})
    assert caught.value.code == ExitCode.DAMAGED


@pytest.mark.parametrize(
    ("reason", "head", "digest"),
    [(COPY, True, False), ("not text", False, True), ("not text", True, True), (COPY, True, True), (COPY, False, True)],
)
def test_only_copies_have_digests_and_beginnings_only_with_them(reason: str, *, head: bool, digest: bool) -> None:
    """A digest of nothing would be like every text; copies of older checkpoints have neither."""
    ledger = Ledger()
    ledger.plan("a", look(ledger, b"a text", path="a", refusal="refused"))
    train(ledger, ledger.plan("c", look(ledger, b"the text of c", path="c")))
    ledger.plan("b", look(ledger, b"a text", path="b", refusal="refused too"))
    ledger.begin_scan()
    ledger.end_scan(1, lambda path: True)
    assert ledger.fold(1, lambda old: {"refused": "other", "refused too": reason}.get(old, old)) == 3
    arrays = ledger.to_arrays()
    row = int(np.flatnonzero(arrays["folded/reason"] == 2)[0])
    arrays["folded/head"] = arrays["folded/head"].copy()
    arrays["folded/sha256"] = arrays["folded/sha256"].copy()
    arrays["folded/head"][row], arrays["folded/sha256"][row] = 7 * head, 7 * digest
    if reason == COPY and digest:
        assert Ledger.from_arrays(arrays).outcomes()["skipped"] == 2
        return
    with pytest.raises(StreamerError, match="the ledger is damaged"):
        Ledger.from_arrays(arrays)
