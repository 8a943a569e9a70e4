"""The rows of a ledger, across the pieces that they are kept in."""

from __future__ import annotations

import pytest

from streamer.ledger import rows as room
from streamer.ledger import table
from streamer.ledger.entries import Entry, Signature
from streamer.ledger.ledger import Ledger
from streamer.ledger.rows import Rows, fit

from .test_ledger import look, story, train


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep four rows in a piece."""
    for module in (room, table):
        monkeypatch.setattr(module, "BITS", 2)
        monkeypatch.setattr(module, "PIECE", 4)


def row(path: str, digest: bytes, **more: int) -> Entry:
    """Return a trained row of ten bytes."""
    entry = Entry(path, Signature(10, 1, 1), digest * 32, 10, bytes_trained=10, outcome="trained", reason="")
    entry.text_sha256, entry.head = entry.sha256, digest[0]
    return entry


def test_names_and_versions_are_found() -> None:
    """The newest version first, without those that were removed; a name that was never there has none."""
    rows, names = Rows(), ["a", "b", "a", "ä/б", "a\n", "b", "a"]
    for number, name in enumerate(names):
        rows.append(row(name, bytes([number + 1])))
    assert {name: list(rows.versions(name)) for name in [*names, "c", ""]} == {
        "a": [6, 2, 0], "b": [5, 1], "ä/б": [3], "a\n": [4], "c": [], "": [],
    }  # fmt: skip
    rows.remove(2)
    rows.remove(6)
    assert list(rows.versions("a")) == [0]
    assert [rows.path(number) for number in rows] == ["a", "b", "ä/б", "a\n", "b"]
    assert [rows.heads.find((number,), (bytes([number]) * 32,)) for number in (1, 3, 4, 99)] == [{0}, set(), {3}, set()]


def test_a_name_that_was_not_there_is_found_once_it_is() -> None:
    """The last answer is not remembered too long, and absolute names are looked for as soon as there is one."""
    rows = Rows()
    for number, name in enumerate(("a", "/box/a", "/a")):
        assert [rows.find(name), rows.find(name)] == [-1, -1]
        rows.append(row(name, bytes([number + 1])))
        assert [rows.find(name), rows.find("a"), rows.find(name)] == [number, 0, number]


@pytest.mark.parametrize("names", [("/a", "b"), ("b", "/a")])
def test_absolute_names_come_back(names: tuple[str, str]) -> None:
    """Wherever they are among the others."""
    ledger = Ledger()
    for name in names:
        train(ledger, ledger.plan(name, look(ledger, name.encode(), path=name)))
    again = Ledger.from_arrays(ledger.to_arrays())
    assert [again.knows(name) for name in (*names, "/b", "a")] == [True, True, False, False]


def test_a_ledger_of_many_pieces_comes_back() -> None:
    """Rows, names, links between versions and what only some rows have, wherever a piece ends."""
    ledger = Ledger()
    for number in range(23):
        path = f"{number % 7}.txt"
        content = b"%d" % number * 20
        train(ledger, ledger.plan(path, look(ledger, content, time=number, path=path), on_change="retrain"))
        if number % 3 == 0:
            ledger.refuse(f"bad {number}", Signature(number, 1, 1), "empty")
    again = Ledger.from_arrays(ledger.to_arrays())
    assert list(map(story, again)) == list(map(story, ledger))
    for number in range(23):
        assert again.seen(f"{number % 7}.txt", Signature(len(b"%d" % number) * 20, number, number))
    assert again.known("3.txt").size == 40


def test_what_is_in_no_other_row_is_kept_once() -> None:
    """A row that needs more for a while gives the place back."""
    rows, entry = Rows(), row("a", b"a")
    entry.offset = 5
    rows.append(entry)
    assert len(rows.more) == 1
    entry.offset = 0
    rows.store(entry)
    other = row("b", b"b")
    other.start, other.bytes_trained = 4, 6
    rows.append(other)
    assert len(rows.more) == 1
    assert (rows.load(0).offset, rows.load(1).start, rows.load(1).bytes_trained) == (0, 4, 6)


def test_times_that_do_not_fit_are_clipped() -> None:
    """Of after 2262."""
    assert [fit(1), fit(10**19), fit(-(10**19))] == [1, 2**63 - 1, -(2**63)]
