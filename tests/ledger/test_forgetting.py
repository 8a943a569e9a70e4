"""Which rows are of one text, and what a ledger does with a text that was forgotten."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from streamer.intake.fingerprint import Fingerprint, key_of
from streamer.ledger.entries import Entry, Signature, Verdict
from streamer.ledger.ledger import Ledger

LINE = b"a line of some words and then some more of them\n"


def text(number: int, lines: int = 30) -> bytes:
    """Return a text whose beginning no other one has."""
    return b"text %d\n" % number + LINE * lines


def verdict(
    ledger: Ledger, path: str, content: bytes, *, duplicates: str = "skip", refusal: str | None = None
) -> Verdict:
    """Return what a reader finds in a file."""
    known = ledger.known(path, duplicates=duplicates)
    found = Fingerprint(known.lengths, known.by_head)
    found.update(content)
    whole = found.digest()
    return Verdict(
        Signature(len(content), 1, 1), whole, len(content), refusal, text_sha256=whole,
        heads=(key_of(whole), *found.heads), prefixes=found.prefixes, line_ends=found.line_ends, encoding="utf-8",
    )  # fmt: skip


def plan(ledger: Ledger, path: str, content: bytes, *, duplicates: str = "skip", passes: int = 1) -> Entry | None:
    """Look a file up."""
    found = verdict(ledger, path, content, duplicates=duplicates)
    return ledger.plan(path, found, duplicates=duplicates, passes=passes, moved=lambda *_: False)


def train(ledger: Ledger, path: str, content: bytes, *, duplicates: str = "skip") -> Entry | None:
    """Look a file up, and train what is to be trained of it."""
    entry = plan(ledger, path, content, duplicates=duplicates)
    if entry:
        ledger.advance(entry, len(content), 7)
        ledger.finish(entry)
    return entry


def stored(ledger: Ledger) -> Ledger:
    """Return a ledger as it comes back from a checkpoint."""
    return Ledger.from_arrays(ledger.to_arrays(), ledger.root)


def rows(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Yield path and outcome of each row."""
    return ((entry.path, entry.outcome) for entry in ledger)


def taken_out(*others: str) -> Ledger:
    """Return a ledger in which ``a`` was forgotten, after some files were trained."""
    ledger = Ledger("/inbox")
    train(ledger, "a", text(1))
    for number, path in enumerate(others, start=2):
        train(ledger, path, text(number))
    ledger.forget(ledger.family(ledger.named("a")))
    return stored(ledger)


@pytest.mark.parametrize("path", ["a", "b", "deep/er"])
@pytest.mark.parametrize("more", [b"", b"and more\n"])
@pytest.mark.parametrize("duplicates", ["skip", "train"])
def test_a_forgotten_text_is_never_trained(path: str, more: bytes, duplicates: str) -> None:
    """Under no name, grown or not, whatever the settings; and it is not looked at again."""
    ledger = taken_out("c")
    content = text(1) + more
    assert plan(ledger, path, content, duplicates=duplicates) is None
    assert ledger.seen(path, Signature(len(content), 1, 1)) and ledger.seen(path, Signature(len(content), 1, 1), 9)
    again = stored(ledger)
    assert plan(again, path, content, duplicates=duplicates) is None
    assert {entry.words for entry in again if entry.path != "c"} == {0}


def test_another_text_of_that_name_is_trained() -> None:
    """It is no rewriting: nothing of that name is in the model."""
    ledger = taken_out()
    assert train(ledger, "a", text(9))
    assert list(rows(ledger)) == [("a", "forgotten"), ("a", "trained")]
    assert plan(ledger, "a", text(1)) is None, "and the old text still is not"
    assert plan(stored(ledger), "b", text(1)) is None


def test_a_short_beginning_may_be_chance() -> None:
    """Unless a line ends there; under its own name it is none."""
    ledger = Ledger()
    train(ledger, "a", b"some words")
    ledger.forget(ledger.named("a"))
    assert plan(ledger, "b", b"some wordsmith") is not None
    assert plan(ledger, "a", b"some wordsmith") is None
    train(ledger, "c", b"some lines\n")
    ledger.forget(ledger.named("c"))
    assert plan(ledger, "d", b"some lines\nand others") is None


def test_a_family_is_all_of_one_text() -> None:
    """Copies, and what begins with it and goes on, from whichever of them one begins; and nothing else."""
    ledger = Ledger()
    train(ledger, "a", text(1))
    train(ledger, "other", text(2))
    assert train(ledger, "copy", text(1)) is None
    grown = train(ledger, "a.1", text(1) + b"more\n")
    assert grown and grown.start == len(text(1))
    assert train(ledger, "b", text(1) + b"more\n") is None
    family = ["a", "copy", "a.1", "b"]
    for name in family[:3]:
        found = ledger.family(ledger.named(name))
        assert {ledger.entry(row).path for row in found} == set(family if name != "a.1" else family[2:])
    assert ledger.family(ledger.named("other")) == ledger.named("other")


def test_a_copy_stands_for_a_file_that_has_grown_since() -> None:
    """Their texts differ by now; but that of the copy is in the model as the beginning of the other."""
    ledger = Ledger()
    train(ledger, "a", text(1))
    assert train(ledger, "copy", text(1)) is None
    train(ledger, "a", text(1) + b"more\n")
    assert {ledger.entry(row).path for row in ledger.family(ledger.named("copy"))} == {"a", "copy"}


def test_what_is_forgotten_accounts_for_its_bytes_and_leaves_the_journal() -> None:
    """Nothing of it is trained any more; the spans of others stay."""
    ledger = Ledger()
    for number, path in enumerate(("a", "b", "c")):
        train(ledger, path, text(number))
    ledger.forget(ledger.named("b"))
    found = ledger.entry(ledger.named("b")[0])
    assert (found.outcome, found.bytes_trained, found.bytes_skipped, found.words) == ("forgotten", 0, len(text(1)), 0)
    assert ledger.journal().row.tolist() == [0, 2]
    assert ledger.outcomes() == {"trained": 2, "partial": 0, "skipped": 0, "held": 0, "forgotten": 1}
    assert list(rows(stored(ledger))) == list(rows(ledger))
    assert sum(one.files for one in ledger.sums(str).values()) == 3


def test_a_file_in_training_can_be_forgotten() -> None:
    """It is under way no more."""
    ledger = Ledger()
    entry = plan(ledger, "a", text(1))
    assert entry
    ledger.advance(entry, 40, 7)
    ledger.forget(ledger.named("a"))
    assert ledger.under_way is None and stored(ledger).under_way is None
    assert plan(ledger, "a", text(1)) is None


def test_rows_are_found_by_digest() -> None:
    """That of the text, or of the file; of a packed file they differ. No digest finds nothing."""
    ledger = Ledger()
    train(ledger, "a", text(1))
    found = verdict(ledger, "b.gz", text(2))._replace(sha256=b"\7" * 32)
    entry = ledger.plan("b.gz", found)
    assert entry
    ledger.advance(entry, entry.text_bytes, 7)
    ledger.finish(entry)
    ledger.refuse("odd", Signature(5, 1, 1), "a FIFO")
    for digest, name in ((hashlib.sha256(text(1)).digest(), "a"), (b"\7" * 32, "b.gz")):
        assert [ledger.entry(row).path for row in ledger.with_digest(digest)] == [name]
    assert ledger.with_digest(hashlib.sha256(text(2)).digest()) == ledger.named("b.gz")
    assert ledger.with_digest(bytes(32)) == [] and ledger.with_digest(b"\1" * 32) == []


def test_folding_loses_nothing_that_was_forgotten() -> None:
    """However long its file is gone. All other files are folded."""
    ledger = taken_out("b", "c")
    ledger.begin_scan()
    ledger.end_scan(1_000, lambda path: True)
    assert ledger.fold(1_000, str) == 2
    again = stored(ledger)
    assert list(rows(again)) == [("a", "forgotten")]
    assert plan(again, "x", text(1)) is None and plan(again, "y", text(1) + b"more\n") is None
    assert plan(again, "z", text(5)) is not None
    assert again.is_folded("b") and not again.is_folded("a")


def test_what_is_withdrawn_is_trained_when_it_comes_back() -> None:
    """And so are its copies, which nobody has seen any more."""
    ledger = Ledger()
    train(ledger, "a", text(1))
    train(ledger, "b", text(2))
    assert train(ledger, "copy", text(1)) is None
    ledger.withdraw(ledger.named("a"))
    again = stored(ledger)
    assert list(rows(again)) == [("b", "trained")]
    assert again.journal().row.tolist() == [0]
    assert plan(again, "copy", text(1)) is not None


def test_another_ledger_remembers_what_was_forgotten() -> None:
    """As when a model goes back to a moment of before."""
    ledger = Ledger()
    train(ledger, "b", text(2))
    ledger.remember(entry for entry in taken_out() if entry.outcome == "forgotten")
    assert list(rows(stored(ledger))) == [("b", "trained"), ("a", "forgotten")]
    assert plan(stored(ledger), "x", text(1)) is None
