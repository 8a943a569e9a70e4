"""The ledger: what is trained, what is refused, and that every byte is accounted for."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path
from typing import Any

import pytest

from streamer.intake.fingerprint import Fingerprint, key_of
from streamer.ledger.entries import CHANGED, REWRITTEN, Entry, Signature, Verdict
from streamer.ledger.ledger import Ledger

PATH = "a.txt"


def look(ledger: Ledger, content: bytes, *, time: int = 0, path: str = PATH, refusal: str | None = None) -> Verdict:
    """Return what the reader would find in a plain file with this content, last changed at this time."""
    known = ledger.known(path)
    text = Fingerprint(known.lengths, known.by_head)
    text.update(content)
    return Verdict(
        Signature(len(content), time, time),
        text.digest(),
        len(content),
        refusal,
        text_sha256=text.digest(),
        heads=(key_of(text.digest()), *text.heads),
        prefixes=text.prefixes,
        line_ends=text.line_ends,
    )


def story(entry: Entry | None) -> tuple[Any, ...] | None:
    """Return all of a row except where it is."""
    return None if entry is None else dataclasses.astuple(dataclasses.replace(entry, row=0, source=0))


def train(ledger: Ledger, entry: Entry | None, *, to: int | None = None, step: int = 4) -> None:
    """Train an entry, a word for each byte, up to a position or to its end."""
    assert entry is not None
    stop = entry.text_bytes if to is None else to
    while entry.offset < stop:
        offset = min(stop, entry.offset + step)
        ledger.advance(entry, offset, offset - entry.offset)
    if to is None:
        ledger.finish(entry)


def rows(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Return what of each row tells its story."""
    return [(row.outcome, row.bytes_trained, row.bytes_skipped, row.passes, row.offset) for row in ledger.entries]


def check(ledger: Ledger) -> None:
    """Assert what always holds, and that storing the ledger keeps all of it."""
    refused = [row.path for row in ledger.entries if row.outcome == "skipped"]
    assert len(refused) == len(set(refused))
    for row in ledger.entries:
        assert 0 <= row.offset <= row.text_bytes
        if row.outcome == "trained":
            assert (row.bytes_trained, row.bytes_skipped) == (row.text_bytes - row.start, row.start)
        elif row.outcome == "skipped":
            assert (row.bytes_trained, row.bytes_skipped) == (0, row.text_bytes or row.signature.size)
        elif not row.under_way:
            assert row.bytes == row.text_bytes
            assert row.bytes_skipped > 0
        assert row.bytes == row.bytes_trained + row.bytes_skipped <= max(row.text_bytes, row.signature.size)
    arrays = ledger.to_arrays()
    again = Ledger.from_arrays(dict(arrays))
    assert list(map(story, again)) == list(map(story, ledger))
    assert {name: column.tobytes() for name, column in again.to_arrays().items()} == {
        name: column.tobytes() for name, column in arrays.items()
    }
    under_way, restored = ledger.under_way, again.under_way
    assert story(under_way) == story(restored)


def test_a_new_file_is_trained_from_its_start() -> None:
    """A file that was never seen gets a row that counts its bytes and words as they are trained."""
    ledger = Ledger()
    entry = ledger.plan(PATH, look(ledger, b"0123456789"))
    assert entry is not None
    assert (entry.outcome, entry.reason, entry.bytes, entry.offset) == ("partial", "in training", 0, 0)
    assert ledger.under_way is None
    ledger.advance(entry, 4, words=3)
    assert ledger.under_way is entry
    assert (entry.bytes_trained, entry.bytes_skipped, entry.words, entry.offset) == (4, 0, 3, 4)
    check(ledger)
    ledger.advance(entry, 10, words=2)
    ledger.finish(entry)
    assert (entry.outcome, entry.reason, entry.bytes, entry.words, entry.passes) == ("trained", "", 10, 5, 1)
    assert ledger.under_way is None
    assert ledger.outcomes() == {"trained": 1, "partial": 0, "skipped": 0}
    check(ledger)


@pytest.mark.parametrize(
    ("old", "trained_to", "new", "on_change", "expected", "at"),
    [
        # old content, how far it was trained (None: finished), new content, the rows after, where training goes on
        (b"01234567", None, b"01234567", "skip", [("trained", 8, 0, 1, 0)], None),
        (b"01234567", 4, b"01234567", "skip", [("partial", 4, 0, 0, 4)], 4),
        (b"01234567", None, b"0123456789", "skip", [("partial", 8, 0, 0, 8)], 8),
        (b"01234567", 4, b"0123456789", "skip", [("partial", 4, 0, 0, 4)], 4),
        (b"01234567", None, b"0123456789", "retrain", [("partial", 8, 0, 0, 8)], 8),
        (b"01234567", None, b"xxxxxxxxxx", "skip", [("trained", 8, 0, 1, 0), ("skipped", 0, 10, 0, 0)], None),
        (b"01234567", None, b"0123", "skip", [("trained", 8, 0, 1, 0), ("skipped", 0, 4, 0, 0)], None),
        (b"01234567", 4, b"xxxxxx", "skip", [("partial", 4, 4, 0, 4), ("skipped", 0, 6, 0, 0)], None),
        (b"01234567", None, b"xxxxxx", "retrain", [("trained", 8, 0, 1, 0)], 0),
        (b"01234567", 4, b"xxxxxx", "retrain", [("partial", 4, 4, 0, 4)], 0),
        (b"01234567", 0, b"xxxxxx", "skip", [], 0),
    ],
    ids=[
        "same, finished", "same, under way", "grown, finished", "grown, under way", "grown, retrain", "rewritten",
        "truncated", "rewritten, under way", "retrain", "retrain, under way", "rewritten before a byte was trained",
    ],
)  # fmt: skip
def test_what_a_change_leads_to(
    *, old: bytes, trained_to: int | None, new: bytes, on_change: str, expected: list[Any], at: int | None
) -> None:
    """Each way in which a file can have changed leads to its rows and its place to go on, stored or not."""
    for stored in (False, True):
        ledger = Ledger()
        train(ledger, ledger.plan(PATH, look(ledger, old)), to=trained_to)
        if stored:
            ledger = Ledger.from_arrays(ledger.to_arrays())
        entry = ledger.plan(PATH, look(ledger, new, time=1), on_change=on_change)
        assert rows(ledger) == expected
        assert (entry.offset if entry else None) == at
        assert ledger.under_way is (entry if at else None)
        check(ledger)
        if entry is not None:
            assert not ledger.seen(PATH, Signature(len(new), 1, 1))
            train(ledger, entry)
            assert (entry.outcome, entry.words, entry.passes) == ("trained", len(new), 1)
        assert ledger.seen(PATH, Signature(len(new), 1, 1))
        assert not ledger.seen(PATH, Signature(len(new), 2, 2))
        check(ledger)


def test_the_reasons_say_what_happened() -> None:
    """A file rewritten in the middle has one row for what was trained of it and one for what was not."""
    ledger = Ledger()
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567")), to=4)
    ledger.plan(PATH, look(ledger, b"other"))
    assert [row.reason for row in ledger.entries] == [CHANGED, REWRITTEN]
    assert ledger.outcomes() == {"trained": 0, "partial": 1, "skipped": 1}


def test_a_refused_file_is_taken_up_when_it_becomes_good() -> None:
    """An empty file that is filled, an unreadable one that is opened: the refused row goes, and the file is trained."""
    ledger = Ledger()
    assert ledger.plan(PATH, look(ledger, b"", refusal="empty")) is None
    ledger.refuse(PATH, Signature(7, 1, 1), "cannot be read: Permission denied")
    assert rows(ledger) == [("skipped", 0, 7, 0, 0)]
    assert ledger.seen(PATH, Signature(7, 1, 1))
    check(ledger)
    ledger.plan("b.txt", look(ledger, b"", path="b.txt", refusal="empty"))
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567", time=2)))
    assert [(row.path, row.outcome) for row in ledger.entries] == [("b.txt", "skipped"), (PATH, "trained")]
    check(ledger)


def test_a_refused_file_keeps_one_row() -> None:
    """However often a file changes into something else that is refused, it has one row, in its old place."""
    ledger = Ledger()
    for size in (3, 5, 2):
        ledger.plan(PATH, look(ledger, bytes(size), time=size, refusal=f"reason {size}"))
        ledger.refuse("other", Signature(0, 0, size), "a FIFO, not a regular file")
    assert [(row.path, row.bytes_skipped, row.reason) for row in ledger.entries] == [
        (PATH, 2, "reason 2"), ("other", 0, "a FIFO, not a regular file"),
    ]  # fmt: skip
    check(ledger)


def test_a_file_without_text_skips_its_bytes_on_disk() -> None:
    """Where the length of the text is not known, as in a broken gzip file, the bytes on disk are what is skipped."""
    ledger = Ledger()
    ledger.plan(PATH, Verdict(Signature(99, 0, 0), bytes(32), 0, "gzip: truncated"))
    ledger.plan("b", Verdict(Signature(99, 0, 0), bytes(32), 500, "not text"))
    assert [row.bytes_skipped for row in ledger.entries] == [99, 500]
    check(ledger)


def test_what_was_trained_stays_when_the_file_becomes_bad() -> None:
    """A version that was trained keeps its row when a later one is refused, and goes on if the content returns."""
    ledger = Ledger()
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567")), to=4)
    ledger.plan(PATH, look(ledger, b"0123\x00\x00", time=1, refusal="not text"))
    assert rows(ledger) == [("partial", 4, 4, 0, 4), ("skipped", 0, 6, 0, 0)]
    assert ledger.under_way is None
    check(ledger)
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567", time=2)))
    assert rows(ledger) == [("trained", 8, 0, 1, 0)]
    assert ledger.entries[0].words == 8
    check(ledger)


def test_what_was_trained_is_not_judged_again() -> None:
    """A text that was touched after settings became stricter keeps its one row: it was trained, and is not refused."""
    ledger = Ledger()
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567")))
    touched = look(ledger, b"01234567", time=1, refusal="not text")
    assert ledger.plan(PATH, touched) is None
    assert rows(ledger) == [("trained", 8, 0, 1, 0)]
    assert ledger.seen(PATH, touched.signature)
    check(ledger)


def test_what_was_begun_is_trained_to_its_end() -> None:
    """A text in whose middle a run was stopped is gone on with, though the next run would not have begun it."""
    ledger = Ledger()
    entry = ledger.plan(PATH, look(ledger, b"01234567"))
    assert entry is not None
    ledger.advance(entry, 4, 2)
    assert ledger.plan(PATH, look(ledger, b"01234567", refusal="not text")) is entry
    ledger.advance(entry, 8, 2)
    ledger.finish(entry)
    assert rows(ledger) == [("trained", 8, 0, 1, 0)]
    check(ledger)


def test_a_file_that_was_planned_and_then_refused_leaves_no_trace_of_the_plan() -> None:
    """A file that turns bad before a byte of it was trained has one row, not two."""
    ledger = Ledger()
    ledger.plan(PATH, look(ledger, b"01234567"))
    ledger.refuse(PATH, Signature(8, 1, 1), "cannot be read: Permission denied")
    assert rows(ledger) == [("skipped", 0, 8, 0, 0)]
    assert ledger.under_way is None
    check(ledger)


@pytest.mark.parametrize("on_change", ["skip", "retrain"])
def test_restored_content_is_not_trained_again(on_change: str) -> None:
    """Same content under the same name: never again, whatever the file held in between."""
    ledger = Ledger()
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567")))
    other = ledger.plan(PATH, look(ledger, b"other", time=1), on_change=on_change)
    if other is not None:
        train(ledger, other)
    before = rows(ledger)[:1] if on_change == "skip" else rows(ledger)
    assert ledger.plan(PATH, look(ledger, b"01234567", time=2), on_change=on_change) is None
    assert rows(ledger) == before
    assert ledger.seen(PATH, Signature(8, 2, 2))
    check(ledger)


def test_content_restored_while_the_new_one_is_trained() -> None:
    """If the old content returns in the middle of a new version, the new version is closed as it is."""
    ledger = Ledger()
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567")))
    train(ledger, ledger.plan(PATH, look(ledger, b"abcdefgh", time=1), on_change="retrain"), to=4)
    assert ledger.plan(PATH, look(ledger, b"01234567", time=2), on_change="retrain") is None
    assert rows(ledger) == [("trained", 8, 0, 1, 0), ("partial", 4, 4, 0, 4)]
    assert ledger.under_way is None
    check(ledger)


def test_an_abandoned_file_goes_on_where_it_stopped() -> None:
    """A file that vanished in the middle skips the rest; if it comes back, the rest is trained after all."""
    ledger = Ledger()
    entry = ledger.plan(PATH, look(ledger, b"01234567"))
    train(ledger, entry, to=4)
    assert entry is not None
    ledger.abandon(entry, "removed while it was being trained")
    assert (entry.outcome, entry.bytes_trained, entry.bytes_skipped) == ("partial", 4, 4)
    assert ledger.under_way is None
    check(ledger)
    assert not ledger.seen(PATH, entry.signature)
    entry = ledger.plan(PATH, look(ledger, b"01234567", time=1))
    assert entry is not None
    assert (entry.offset, entry.bytes_skipped) == (4, 0)
    train(ledger, entry)
    assert rows(ledger) == [("trained", 8, 0, 1, 0)]


def test_several_passes_count_a_byte_once() -> None:
    """Two passes over a text are wanted, the second is interrupted: bytes and words are those of the first."""
    ledger = Ledger()
    verdict = look(ledger, b"01234567")
    entry = ledger.plan(PATH, verdict, passes=2)
    train(ledger, entry)
    assert ledger.seen(PATH, verdict.signature)
    assert not ledger.seen(PATH, verdict.signature, passes=2)
    train(ledger, ledger.plan(PATH, verdict, passes=2), to=4)
    assert rows(ledger) == [("partial", 8, 0, 1, 4)]
    ledger = Ledger.from_arrays(ledger.to_arrays())
    entry = ledger.under_way
    assert entry is not None
    ledger.abandon(entry, "removed while it was being trained")
    assert rows(ledger) == [("trained", 8, 0, 1, 4)]
    assert entry.reason == "", "what is trained has no reason for which it is not"
    entry = ledger.plan(PATH, verdict, passes=2)
    assert entry is not None
    train(ledger, entry)
    assert (entry.words, entry.bytes_trained, entry.passes) == (8, 8, 2)
    assert ledger.plan(PATH, verdict, passes=2) is None
    check(ledger)


def test_growth_in_a_later_pass_counts_only_what_is_new() -> None:
    """A block that is partly old and partly new text adds the new part's share of its words."""
    ledger = Ledger()
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567"), passes=2))
    train(ledger, ledger.plan(PATH, look(ledger, b"01234567"), passes=2), to=4)
    entry = ledger.plan(PATH, look(ledger, b"0123456789ab", time=1), passes=2)
    assert entry is not None
    ledger.advance(entry, 12, words=4)
    assert (entry.bytes_trained, entry.words) == (12, 8 + 2)


def test_an_added_gzip_member_without_text_changes_nothing() -> None:
    """A file that grew on disk but not in text stays trained."""
    ledger = Ledger()
    train(ledger, ledger.plan(PATH, Verdict(Signature(50, 0, 0), b"d" * 32, 8, text_sha256=b"t" * 32)))
    grown = Verdict(Signature(70, 1, 1), b"x" * 32, 8, text_sha256=b"t" * 32)
    assert ledger.plan(PATH, grown) is None
    assert rows(ledger) == [("trained", 8, 0, 1, 0)]
    assert [row.sha256 for row in ledger] == [b"x" * 32]
    assert ledger.known(PATH).size == 70
    assert ledger.seen(PATH, grown.signature)


def test_the_previous_version_is_the_last_of_which_something_was_trained() -> None:
    """The prefix check is against a version that was trained, neither a refused nor a merely planned one."""
    ledger = Ledger()
    assert ledger.known(PATH).size == -1
    ledger.plan(PATH, look(ledger, b"bad", refusal="not text"))
    assert ledger.known(PATH).size == -1
    first = look(ledger, b"01234567", time=1)
    train(ledger, ledger.plan(PATH, first))
    ledger.plan(PATH, look(ledger, b"other", time=2), on_change="retrain")
    assert (ledger.known(PATH).size, ledger.known(PATH).lengths) == (8, frozenset({8}))


def test_progress_that_cannot_be_is_refused() -> None:
    """A position that goes back or past the end, or an early finish, is a mistake of the caller."""
    ledger = Ledger()
    entry = ledger.plan(PATH, look(ledger, b"01234567"))
    assert entry is not None
    ledger.advance(entry, 4, 1)
    for offset in (3, 4, 9):
        with pytest.raises(ValueError, match="cannot advance"):
            ledger.advance(entry, offset, 1)
    with pytest.raises(ValueError, match="cannot finish"):
        ledger.finish(entry)
    ledger.advance(entry, 8, 1)
    ledger.finish(entry)
    with pytest.raises(ValueError, match="cannot finish"):
        ledger.finish(entry)


def test_a_long_random_life_keeps_the_books() -> None:
    """Over hundreds of random changes, crashes and vanishings of some files, the books balance at each step."""
    chance = random.Random(7)
    ledger, contents = Ledger(), dict.fromkeys("abc", b"first")
    for now in range(400):
        path = chance.choice("abc")
        change = chance.choice(["keep", "grow", "rewrite", "restore", "refuse"])
        if change == "grow":
            contents[path] += chance.randbytes(chance.randrange(1, 9))
        elif change in ("rewrite", "restore"):
            contents[path] = b"first" if change == "restore" else chance.randbytes(chance.randrange(1, 30))
        refusal = "not text" if change == "refuse" else None
        verdict = look(ledger, contents[path], time=now, path=path, refusal=refusal)
        entry = ledger.plan(path, verdict, on_change=chance.choice(["skip", "retrain"]), passes=chance.choice([1, 2]))
        if entry is not None:
            train(ledger, entry, to=chance.choice([None, entry.offset, (entry.offset + entry.text_bytes) // 2]))
            if entry.under_way and chance.random() < 0.3:
                ledger.abandon(entry, "removed while it was being trained")
        else:
            assert ledger.seen(path, verdict.signature)
        check(ledger)
        if chance.random() < 0.3:
            ledger = Ledger.from_arrays(ledger.to_arrays())


def test_a_file_keeps_the_format_that_it_was_begun_with() -> None:
    """It grows, is judged otherwise and is stored: it goes on as it was begun. New content has the new format."""
    ledger = Ledger()
    first = look(ledger, b"01234567")
    train(ledger, ledger.plan(PATH, first._replace(format="jsonl message 'user name'")), to=4)
    ledger = Ledger.from_arrays(ledger.to_arrays())
    grown = ledger.plan(PATH, look(ledger, b"0123456789", time=1)._replace(format="html"))
    train(ledger, grown)
    assert [row.format for row in ledger.entries] == ["jsonl message 'user name'"]
    train(ledger, ledger.plan(PATH, look(ledger, b"other", time=2)._replace(format="html"), on_change="retrain"))
    assert [row.format for row in ledger.entries] == ["jsonl message 'user name'", "html"]
    check(ledger)


def test_a_file_that_was_not_begun_has_the_newest_format() -> None:
    """A plan of which nothing was trained binds nobody."""
    ledger = Ledger()
    ledger.plan(PATH, look(ledger, b"01234567")._replace(format="csv 3"))
    entry = ledger.plan(PATH, look(ledger, b"01234567"))
    assert entry is not None
    assert entry.format == "text"


def test_a_signature_is_that_of_the_content(tmp_path: Path) -> None:
    """A regular file is told by size and times; a folder only by being one, or each new file in it would change it."""
    (tmp_path / "a").write_bytes(b"12345")
    status = (tmp_path / "a").stat()
    assert Signature.of(status) == Signature(5, status.st_mtime_ns, status.st_ctime_ns)
    before = Signature.of(tmp_path.stat())
    (tmp_path / "b").write_bytes(b"")
    assert Signature.of(tmp_path.stat()) == before
    os.mkfifo(tmp_path / "f")
    assert Signature.of((tmp_path / "f").stat()) != before
