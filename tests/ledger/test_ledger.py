"""The ledger: what is trained, what is refused, and that every byte is accounted for."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.intake.fingerprint import Fingerprint, key_of
from streamer.ledger.entries import CHANGED, COPY, REWRITTEN, Entry, Signature, Verdict
from streamer.ledger.ledger import COPIES, Ledger

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
    assert ledger.outcomes() == {"trained": 1, "partial": 0, "skipped": 0, "held": 0, "forgotten": 0}
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
    assert ledger.outcomes() == {"trained": 0, "partial": 1, "skipped": 1, "held": 0, "forgotten": 0}


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


@pytest.mark.slow
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


TEXT = b"what a log says\n" * 5


def copied(*names: str, text: bytes = TEXT, grown: bool = True) -> Ledger:
    """Return a ledger in which a file was trained, others are copies of it, and then it has grown."""
    ledger = Ledger()
    first = look(ledger, text)._replace(format="html", encoding="cp1252")
    train(ledger, ledger.plan(PATH, first))
    for name in names:
        assert ledger.plan(name, look(ledger, text, path=name)) is None
    if grown:
        train(ledger, ledger.plan(PATH, look(ledger, text + b"more\n", time=1)))
    return ledger


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("name", ["copy", "other", PATH])
def test_a_copy_is_known_when_its_original_has_grown(name: str, *, stored: bool) -> None:
    """Touched, under another name or packed: a copy tells that its text was trained, and of which file it is one."""
    ledger = copied("copy")
    if stored:
        ledger = Ledger.from_arrays(ledger.to_arrays())
    verdict = look(ledger, TEXT, time=2, path=name)._replace(signature=Signature(9, 2, 2), sha256=b"packed".ljust(32))
    assert ledger.plan(name, verdict) is None
    assert ledger.refusal(name) == f"a copy of {PATH}"
    assert ledger.seen(name, verdict.signature)
    assert [row.bytes_trained for row in ledger if row.bytes_trained] == [len(TEXT) + 5]
    check(ledger)


@pytest.mark.parametrize("name", ["copy", "other"])
def test_a_copy_that_grows_is_trained_where_it_is_new(name: str) -> None:
    """Its beginning is that of the file that has grown otherwise since; it is read like that file."""
    ledger = copied("copy")
    entry = ledger.plan(name, look(ledger, TEXT + b"of its own\n", time=2, path=name))
    assert entry is not None
    assert (entry.offset, entry.copy_of, entry.format, entry.encoding) == (len(TEXT), PATH, "html", "cp1252")
    train(ledger, entry)
    assert ledger.entries[-1].explanation == f"its first {len(TEXT)} bytes are a copy of {PATH}"
    assert ledger.outcomes()["skipped"] == (name == "other")
    check(ledger)


def test_what_was_trained_comes_before_its_copies() -> None:
    """A row of a copy that is older than that of the file itself does not hide it: its name is freed."""
    ledger = Ledger()
    ledger.plan("copy", look(ledger, b"", path="copy", refusal="empty"))
    train(ledger, ledger.plan(PATH, look(ledger, TEXT)))
    ledger.plan("copy", look(ledger, TEXT, time=1, path="copy"))
    assert [row.path for row in ledger] == ["copy", PATH]
    train(ledger, ledger.plan(PATH, look(ledger, b"begun anew\n", time=2)))
    ledger.plan(PATH, look(ledger, b"begun once more\n", time=3))
    assert ledger.freed() is False
    ledger.plan("third", look(ledger, TEXT, time=4, path="third"))
    assert ledger.freed() is True


def test_a_copy_of_what_a_file_held_before_it_grew_frees_no_name() -> None:
    """What the file holds now was not found elsewhere: new content there is a rewriting, as it was."""
    ledger = copied("copy")
    train(ledger, ledger.plan(PATH, look(ledger, b"another text\n", time=2), on_change="retrain"))
    ledger.plan(PATH, look(ledger, b"and another\n", time=3))
    assert ledger.refusal(PATH) == REWRITTEN
    before = [row.moved for row in ledger]
    ledger.plan("third", look(ledger, TEXT, time=4, path="third"))
    assert (ledger.refusal("third"), ledger.freed()) == (f"a copy of {PATH}", False)
    assert [row.moved for row in ledger] == [*before, False]
    ledger.plan("fourth", look(ledger, b"another text\n", time=5, path="fourth"))
    assert ledger.freed() is True


def test_a_copy_is_not_judged_again() -> None:
    """Its text was trained, whatever later settings say of it; else it would be new once they are as before."""
    ledger = copied("copy")
    assert ledger.plan("copy", look(ledger, TEXT, time=2, path="copy", refusal="not text")) is None
    assert ledger.refusal("copy") == f"a copy of {PATH}"
    assert ledger.plan("other", look(ledger, TEXT, time=2, path="other", refusal="not text")) is None
    assert ledger.refusal("other") == "not text"
    check(ledger)


def test_a_copy_is_trained_if_the_user_wants_it() -> None:
    """With ``--duplicates train``, it is no evidence; once it is trained, it is no copy."""
    ledger = copied("copy")
    verdict = look(ledger, TEXT, time=2, path="copy")
    train(ledger, ledger.plan("copy", verdict, duplicates="train"))
    assert [row.outcome for row in ledger] == ["trained", "trained"]
    assert ledger.known("other", duplicates="train").by_head(verdict.heads[-1]) == ()
    ledger = copied("copy")
    assert ledger.plan("copy", verdict._replace(refusal="not text"), duplicates="train") is None
    assert ledger.refusal("copy") == "not text"
    check(ledger)


def test_short_texts_may_be_alike_by_chance() -> None:
    """A beginning without a line end counts if the copy is no longer what it was: if it grew itself, for one."""
    ledger = copied("copy", text=b"status: fine")
    again = look(ledger, b"status: fine, and more", time=2, path="other")
    entry = ledger.plan("other", again)
    assert entry is not None
    assert entry.offset == 0
    entry = ledger.plan("copy", again, moved=lambda path, signature: path == "copy")
    assert entry is not None
    assert entry.offset == 12


def test_only_some_copies_of_a_text_are_compared() -> None:
    """There may be millions of them. Each still knows itself, and takes the place of one that is no longer a copy."""
    names = [f"copy {number}" for number in range(COPIES + 3)]
    ledger = copied(*names)
    assert [row.head > 0 for row in ledger] == [True] * (1 + COPIES) + [False] * 3
    verdict = look(ledger, TEXT)
    found = ledger._rows.heads.find(verdict.heads[-1:], (verdict.text_sha256,))
    assert found == set(range(1, 1 + COPIES))
    for name in names:
        assert ledger.plan(name, look(ledger, TEXT, time=2, path=name)) is None
    assert [row.head > 0 for row in ledger] == [True] * (1 + COPIES) + [False] * 3
    train(ledger, ledger.plan(names[0], look(ledger, b"another text\n", time=3, path=names[0])))
    assert ledger.plan(names[-1], look(ledger, TEXT, time=3, path=names[-1])) is None
    assert [row.path for row in ledger if row.outcome == "skipped" and not row.head] == names[-3:-1]
    check(ledger)


def test_a_copy_of_before_knows_itself() -> None:
    """Older checkpoints do not say how copies begin, nor how their files are read."""
    ledger = copied("copy", "copy too")
    arrays = ledger.to_arrays()
    refused = arrays["outcome"] == 2
    arrays["head"] = np.where(refused, np.uint32(0), arrays["head"])
    html, cp1252 = arrays["format"][0], arrays["encoding"][0]
    assert (arrays["format"] == html).all() and (arrays["encoding"] == cp1252).all()
    arrays["encodings"] = np.frombuffer(b"cp1252\0\0", np.uint8)
    arrays["encoding"] = refused.astype(np.uint32)
    arrays["formats"] = np.frombuffer(b"html\0text\0", np.uint8)
    arrays["format"] = refused.astype(np.uint32)
    ledger = Ledger.from_arrays(arrays)
    assert ledger.plan("copy", look(ledger, TEXT, time=2, path="copy")) is None
    assert ledger.refusal("copy") == f"a copy of {PATH}"
    assert [(row.format, row.encoding, row.head > 0) for row in ledger] == [
        ("html", "cp1252", True), ("html", "cp1252", True), ("text", "", False),
    ]  # fmt: skip
    check(ledger)


def test_what_is_refused_for_another_reason_is_no_evidence() -> None:
    """A copy that is emptied, or can't be read any more, has a row that tells nothing of its text."""
    for refusal in ("empty", "cannot be read"):
        ledger = copied("copy", grown=False)
        assert [row.reason for row in ledger if row.head] == ["", COPY]
        if refusal == "empty":
            ledger.plan("copy", look(ledger, b"", time=2, path="copy", refusal=refusal))
        else:
            ledger.refuse("copy", Signature(80, 2, 2), refusal)
        (row,) = (row for row in ledger if row.path == "copy")
        assert (row.reason, row.head, row.source, row.copy_of, row.format, row.encoding) == (
            refusal, 0, -1, "", "text", "",
        )  # fmt: skip
        check(ledger)


def held(content: bytes = b"strange text") -> Ledger:
    """Return a ledger in which a new file is held."""
    ledger = Ledger()
    entry = ledger.plan(PATH, look(ledger, content))
    assert entry is not None
    ledger.hold(entry, "unusual: x")
    return ledger


def test_a_held_file_is_not_planned_again() -> None:
    """Its bytes are skipped; it is seen, and planned neither when it is touched nor for more passes."""
    ledger = held()
    assert rows(ledger) == [("held", 0, 12, 0, 0)]
    assert ledger.seen(PATH, Signature(12, 0, 0), 3)
    assert not ledger.seen(PATH, Signature(12, 5, 5))
    assert ledger.plan(PATH, look(ledger, b"strange text", time=5), passes=2) is None
    assert ledger.seen(PATH, Signature(12, 5, 5))
    assert rows(ledger) == [("held", 0, 12, 0, 0)]
    assert ledger.refusal(PATH) is None
    assert ledger.outcomes()["held"] == 1
    check(ledger)


def test_a_held_file_is_released_once() -> None:
    """Then it comes with the next scan, and is trained as any other; that it was released is told until then."""
    ledger = held()
    assert ledger.holds(PATH)
    assert ledger.release(PATH)
    assert not ledger.holds(PATH)
    check(ledger)
    assert ledger.released(PATH) == 12
    assert not ledger.seen(PATH, Signature(12, 0, 0))
    entry = ledger.plan(PATH, look(ledger, b"strange text"))
    assert ledger.released(PATH) == -1
    train(ledger, entry)
    assert rows(ledger) == [("trained", 12, 0, 1, 0)]
    assert not ledger.release(PATH)
    assert not ledger.release("other.txt")
    check(ledger)


def test_a_held_file_that_is_rewritten_is_new() -> None:
    """It was never trained, so nothing was rewritten after it was trained; what was held is no longer there."""
    ledger = held()
    entry = ledger.plan(PATH, look(ledger, b"other text", time=1))
    assert len(ledger) == 0
    train(ledger, entry)
    assert rows(ledger) == [("trained", 10, 0, 1, 0)]
    ledger = held()
    assert ledger.plan(PATH, look(ledger, b"other text", time=1, refusal="not text: x")) is None
    assert rows(ledger) == [("skipped", 0, 10, 0, 0)]
    check(ledger)


def test_a_held_file_that_grows_is_planned_whole() -> None:
    """What is added may make it another file: it is judged again."""
    ledger = held()
    ledger.release(PATH)
    assert ledger.released(PATH) == 12
    train(ledger, ledger.plan(PATH, look(ledger, b"strange text and more", time=1)))
    assert rows(ledger) == [("trained", 21, 0, 1, 0)]
    check(ledger)


def test_an_added_part_is_held() -> None:
    """The old part stays trained; the new one is skipped until it is released."""
    ledger = Ledger()
    train(ledger, ledger.plan(PATH, look(ledger, b"a good text")))
    entry = ledger.plan(PATH, look(ledger, b"a good text, and more", time=1))
    assert entry is not None
    assert entry.offset == 11
    ledger.hold(entry, "unusual: x")
    assert rows(ledger) == [("held", 11, 10, 0, 11)]
    check(ledger)
    assert ledger.release(PATH)
    train(ledger, ledger.plan(PATH, look(ledger, b"a good text, and more", time=1)))
    assert rows(ledger) == [("trained", 21, 0, 1, 0)]
    check(ledger)


def test_a_copy_of_a_held_file_is_no_copy() -> None:
    """Nothing of it was trained, so the other one is planned, and judged by itself."""
    ledger = held()
    assert ledger.plan("b.txt", look(ledger, b"strange text", path="b.txt")) is not None


def test_only_what_is_under_way_can_be_held() -> None:
    """Anything else is a mistake of the caller."""
    ledger = Ledger()
    entry = ledger.plan(PATH, look(ledger, b"text"))
    assert entry is not None
    train(ledger, entry)
    with pytest.raises(ValueError, match="cannot hold"):
        ledger.hold(entry, "unusual: x")
