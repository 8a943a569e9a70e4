"""Folding: what is decided of later files stays the same, and so do the sums."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from streamer.ledger import folding, table
from streamer.ledger import ledger as ledger_module
from streamer.ledger import rows as room
from streamer.ledger.entries import COPY, Entry, Signature
from streamer.ledger.folded import Sums
from streamer.ledger.ledger import Ledger

from .test_ledger import check, look, train


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep eight rows in a piece."""
    for module in (room, table, folding):
        monkeypatch.setattr(module, "PIECE", 8)
    for module in (room, table):
        monkeypatch.setattr(module, "BITS", 3)


def same(reason: str) -> str:
    """Each reason is its own class."""
    return reason


def fold(ledger: Ledger, there: dict[str, Signature], *, now: int = 1) -> int:
    """Fold all files that are not there."""
    ledger.begin_scan()
    for path, signature in there.items():
        ledger.seen(path, signature)
    ledger.end_scan(now, lambda path: True)
    return ledger.fold(now, same)


def trained(ledger: Ledger) -> tuple[int, int]:
    """Return the bytes and words that were trained, in all."""
    found = ledger.sums(same).values()
    return sum(one.bytes_trained for one in found), sum(one.words for one in found)


def texts(rng: random.Random) -> list[bytes]:
    """Return some texts of which many begin like others."""
    lines = [b"line %d of a text\n" % number for number in range(6)]
    found = [b"".join(rng.choices(lines, k=rng.randrange(1, 5))) for _ in range(6)]
    return [*found, *(text + rng.choice(lines) for text in found), *(text + b"".join(lines) for text in found)]


@pytest.mark.parametrize("copies", [1, 2, 8])
@pytest.mark.parametrize("seed", range(40))
def test_folding_changes_no_decision(seed: int, copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files come, grow, are rewritten, renamed, copied, removed and return; one of two ledgers folds, and is stored."""
    monkeypatch.setattr(ledger_module, "COPIES", copies)
    rng = random.Random(seed)
    plain, folder = Ledger(), Ledger()
    disk: dict[str, tuple[bytes, int]] = {}
    pool, names = texts(rng), [f"{name}.txt" for name in "abcdefgh"]
    folded = 0

    def there() -> dict[str, Signature]:
        return {path: Signature(len(content), time, time) for path, (content, time) in disk.items()}

    def moved(path: str, signature: Signature) -> bool:
        return there().get(path) != signature

    def take(ledger: Ledger, path: str, on_change: str, passes: int, stop: float) -> list[object]:
        content, time = disk[path]
        entry = ledger.plan(
            path, look(ledger, content, time=time, path=path), on_change=on_change, passes=passes, moved=moved
        )
        if entry is None:
            return [ledger.refusal(path) is not None]
        decided: list[object] = [entry.offset, entry.text_bytes, entry.known, entry.passes]
        if stop < 0.1 and entry.offset + 1 < entry.text_bytes:
            ledger.advance(entry, entry.offset + 1, 1)
        else:
            train(ledger, entry, step=7)
        return decided

    for time in range(1, 120):
        path, on_change = rng.choice(names), rng.choice(["skip", "skip", "retrain"])
        what = rng.random()
        if what < 0.25:
            disk[path] = rng.choice(pool), time
        elif what < 0.45 and path in disk:
            disk[path] = disk[path][0] + rng.choice(pool), time
        elif what < 0.55 and path in disk:
            disk[rng.choice(names)] = disk.pop(path)[0], time
        elif what < 0.7 and path in disk:
            path, content = rng.choice(names), disk[path][0]
            disk[path] = content, time
        else:
            disk.pop(path, None)
        if path in disk:
            rest, passes = rng.random(), rng.choice([1, 1, 2])
            decisions = [take(ledger, path, on_change, passes, rest) for ledger in (plain, folder)]
            assert decisions[0] == decisions[1], (time, path)
        if rng.random() < 0.3:
            folded += fold(folder, there(), now=time)
        if rng.random() < 0.2:
            folder = Ledger.from_arrays(folder.to_arrays())
            check(folder)
        assert trained(folder) == trained(plain), time
        under_way = ({(entry.path, entry.offset) for entry in one if entry.under_way} for one in (plain, folder))
        assert next(under_way) == next(under_way)
    assert folded


@pytest.mark.parametrize("seed", range(60))
def test_what_a_file_holds_is_known_whatever_became_of_the_others(seed: int) -> None:
    """Files grow, and are copied, touched, renamed, packed, gone and back: each line is trained once, folded or not.

    Each file is looked at after each change, so each has a row that knows what it holds: as trained, or as a copy.
    """
    rng = random.Random(seed)
    ledgers, counts = [Ledger(), Ledger()], [Counter[int](), Counter[int]()]
    disk: dict[str, tuple[int, ...]] = {}
    gone: dict[str, tuple[int, ...]] = {}  # while nothing else has their names
    signatures: dict[str, Signature] = {}
    lines = folded = copied = 0

    def content(numbers: tuple[int, ...]) -> bytes:
        return b"".join(b"line %04d\n" % number for number in numbers)

    for time in range(1, 100):
        path, what = rng.choice("abcdefgh"), rng.random()
        if path not in disk or what < 0.3:
            more = rng.randrange(1, 4)
            disk[path] = disk.get(path, ()) + tuple(range(lines, lines + more))
            lines += more
        elif what < 0.5:
            other = rng.choice("abcdefgh")
            disk[other], path = disk[path], other
        elif what < 0.65:
            other, numbers = rng.choice("abcdefgh"), disk.pop(path)
            disk[other], path = numbers, other
        elif what < 0.75:
            gone[path] = disk.pop(path)
        elif what < 0.85 and gone:
            disk[path] = rng.choice(list(gone.values()))
        signatures = {name: signature for name, signature in signatures.items() if name in disk}
        gone = {name: numbers for name, numbers in gone.items() if name not in disk}
        if path in disk:
            packed = rng.random() < 0.3
            for ledger, count in zip(ledgers, counts, strict=True):
                verdict = look(ledger, content(disk[path]), time=time, path=path)
                if packed:
                    verdict = verdict._replace(
                        signature=Signature(verdict.text_bytes // 2, time, time), sha256=b"p" * 32
                    )
                signatures[path] = verdict.signature
                entry = ledger.plan(path, verdict, on_change="retrain", moved=lambda *_: False)
                if entry:
                    count.update(disk[path][entry.offset // 10 :])
                    train(ledger, entry, step=7)
                assert ledger.seen(path, verdict.signature)
                copied += entry is None and ledger.refusal(path) is not None
        assert counts[0] == counts[1] == Counter(range(lines)), (time, path)
        if rng.random() < 0.3:
            folded += fold(ledgers[1], signatures, now=time)
        if rng.random() < 0.2:
            ledgers[1] = Ledger.from_arrays(ledgers[1].to_arrays())
        assert trained(ledgers[0]) == trained(ledgers[1]) == (10 * lines, 10 * lines)
    check(ledgers[0])
    check(ledgers[1])
    assert folded and copied


def one(ledger: Ledger, path: str, content: bytes, time: int = 0) -> Entry | None:
    """Train a file."""
    entry = ledger.plan(path, look(ledger, content, time=time, path=path))
    if entry:
        train(ledger, entry)
    return entry


def test_what_is_folded_is_in_the_sums() -> None:
    """By outcome and class; 49 bytes stay of each file, and spans have no name."""
    ledger = Ledger()
    one(ledger, "a", b"the text of a\n" * 2)
    one(ledger, "b", b"the text of a\n" * 2 + b"and more\n")
    one(ledger, "c", b"the text of a\n" * 2)
    ledger.refuse("d", Signature(7, 1, 1), "a folder")
    before = ledger.sums(same)
    assert before == {
        ("trained", ""): Sums(1, 28, 0, 28), ("trained", COPY): Sums(1, 9, 28, 9),
        ("skipped", COPY): Sums(1, 0, 28, 0), ("skipped", "a folder"): Sums(1, 0, 7, 0),
    }  # fmt: skip
    assert fold(ledger, {}) == 4
    assert (len(ledger), ledger.entries, ledger.sums(same)) == (0, [], before)
    arrays = ledger.to_arrays()
    assert len(arrays["folded/name"]) == 4
    assert arrays["spans/row"].tolist() == [0xFFFFFFFF]
    assert (arrays["spans/start"].tolist(), arrays["spans/length"].tolist()) == ([37], [0])
    assert ledger._folded.table._row.size == 49
    check(ledger)


def test_a_file_that_returns_is_listed_again() -> None:
    """It takes its figures out of the sums. If it has grown, only the new part is trained."""
    ledger = Ledger()
    one(ledger, "a", b"the text of a\n")
    one(ledger, "b", b"the text of b\n")
    assert fold(ledger, {}) == 2
    assert ledger.knows("a")
    assert not ledger.seen("a", Signature(14, 0, 0))
    assert one(ledger, "a", b"the text of a\n") is None
    grown = ledger.plan("b", look(ledger, b"the text of b\nand more\n", path="b"))
    assert grown is not None
    assert grown.offset == 14
    train(ledger, grown)
    assert [(row.path, row.outcome, row.words) for row in ledger] == [("a", "trained", 14), ("b", "trained", 23)]
    assert ledger.entries[0].sha256 == look(ledger, b"the text of a\n").sha256
    assert ledger.sums(same) == {("trained", ""): Sums(2, 37, 0, 37)}
    check(ledger)


@pytest.mark.parametrize("back", ["copy", "other"])
def test_a_folded_copy_tells_that_its_text_was_trained(back: str) -> None:
    """Though its original has grown. If it returns, it is listed again, as a copy of a file that may be gone too."""
    ledger, text = Ledger(), b"the text of a\n" * 2
    one(ledger, "a", text)
    one(ledger, "copy", text)
    one(ledger, "a", text + b"and more\n", time=1)
    before = ledger.sums(same)
    there = {"a": Signature(37, 1, 1)} if back == "copy" else {}
    assert fold(ledger, there) == 2 - len(there)
    ledger = Ledger.from_arrays(ledger.to_arrays())
    assert ledger.sums(same) == before
    assert one(ledger, back, text, time=2) is None
    assert ledger.refusal(back) == "a copy of a file that is no longer listed"
    assert ledger.outcomes()["skipped"] == (1 if back == "copy" else 2)
    assert ledger.entries[-1].text_sha256 == look(ledger, text).sha256
    check(ledger)
    entry = one(ledger, back, text + b"of its own\n", time=3)
    assert entry is not None
    assert (entry.start, entry.words) == (28, 11)
    check(ledger)


def test_only_files_that_were_scanned_can_be_missed() -> None:
    """A file of another folder, one that is there and one in the middle of its training stay."""
    ledger = Ledger()
    for path in ("here", "gone", "/elsewhere"):
        one(ledger, path, b"the text of " + path.encode())
    ledger.advance(ledger.plan("begun", look(ledger, b"the text of another", path="begun")), 4, 1)  # type: ignore[arg-type]
    ledger.begin_scan()
    ledger.seen("here", Signature(16, 0, 0))
    ledger.end_scan(10, lambda path: not path.startswith("/"))
    assert ledger.fold(9, same) == 0
    assert ledger.fold(10, same) == 1
    assert [row.path for row in ledger] == ["here", "/elsewhere", "begun"]
    entry = ledger.under_way
    assert entry is not None
    train(ledger, entry)
    assert [row.outcome for row in ledger] == ["trained"] * 3
    check(ledger)


def test_a_file_that_was_missed_for_a_while_is_not_gone() -> None:
    """If a scan finds it again, its time begins anew."""
    ledger = Ledger()
    one(ledger, "a", b"the text of a\n")
    for time, there in ((5, {}), (7, {"a": Signature(14, 0, 0)}), (8, {})):
        ledger.begin_scan()
        for path, signature in there.items():
            ledger.seen(path, signature)
        ledger.end_scan(time, lambda path: True)
    assert ledger.fold(7, same) == 0
    assert ledger.fold(8, same) == 1


def test_few_of_many_are_not_folded_yet() -> None:
    """All rows are moved for it, so it waits until it is worth it."""
    ledger = Ledger()
    for number in range(40):
        one(ledger, f"{number}", b"the text of number %d\n" % number)
    rest = {row.path: row.signature for row in ledger.entries[4:]}
    assert fold(ledger, rest) == 0
    rest.pop("4")
    assert fold(ledger, rest) == 5

    check(ledger)


def test_a_file_that_returns_as_something_else_begins_its_time_anew() -> None:
    """What was noted when it was missed does not come up again with the version that was there then."""
    ledger = Ledger()
    one(ledger, "a", b"the text of a\n")
    ledger.begin_scan()
    ledger.end_scan(5, lambda path: True)
    one(ledger, "a", b"another text\n", time=1)
    one(ledger, "a", b"the text of a\n", time=2)
    ledger = Ledger.from_arrays(ledger.to_arrays())
    ledger.begin_scan()
    ledger.end_scan(9, lambda path: True)
    assert ledger.fold(8, same) == 0
    assert ledger.fold(9, same) == 1


def test_a_refused_file_that_returns_counts_once() -> None:
    """However often it is folded, and whatever becomes of it: the sums are those of a ledger that never folds."""
    ledger = Ledger()
    for time in range(3):
        ledger.refuse("a", Signature(7, time, time), "a folder")
        ledger.plan("b", look(ledger, b"bad", time=time, path="b", refusal="not text"))
        assert ledger.sums(same) == {
            ("skipped", "a folder"): Sums(1, 0, 7, 0),
            ("skipped", "not text"): Sums(1, 0, 3, 0),
        }
        assert fold(ledger, {}) == 2
        assert ledger.outcomes() == {"trained": 0, "partial": 0, "skipped": 2, "held": 0, "forgotten": 0}
    one(ledger, "b", b"good text", time=5)
    assert ledger.sums(same) == {("skipped", "a folder"): Sums(1, 0, 7, 0), ("trained", ""): Sums(1, 9, 0, 9)}
    check(ledger)


def test_what_is_larger_than_4_gib_stays() -> None:
    """A sparse file may be as large as files can be, and there may be two: sums go beyond 64 bits."""
    ledger = Ledger()
    for name in "abc":
        ledger.refuse(name, Signature(2**63 - 1, 1, 1), "sparse")
    assert ledger.sums(same) == {("skipped", "sparse"): Sums(3, 0, 3 * (2**63 - 1), 0)}
    assert fold(ledger, {}) == 0
    check(ledger)


def test_formats_and_encodings_of_folded_files_are_known() -> None:
    """So that a checkpoint is refused that has others than there are."""
    ledger = Ledger()
    one(ledger, "a", b"the text of a\n")
    found = ledger.formats, ledger.encodings
    assert fold(ledger, {}) == 1
    assert (Ledger.from_arrays(ledger.to_arrays()).formats, ledger.encodings) == found


def test_sums_are_by_class() -> None:
    """Reasons with figures of one file are one class, folded or not."""
    ledger = Ledger()
    for number in (1, 2, 3):
        ledger.refuse(f"{number}", Signature(10, 1, 1), f"not text: {number} %")
    expected = {("skipped", "not text"): Sums(3, 0, 30, 0)}
    assert ledger.sums(lambda reason: reason.partition(":")[0]) == expected
    ledger.begin_scan()
    ledger.end_scan(1, lambda path: True)
    assert ledger.fold(1, lambda reason: reason.partition(":")[0]) == 3
    assert ledger.folded == expected


def test_the_journal_names_the_files_that_stay() -> None:
    """Their rows have other numbers; what was folded in between has no name."""
    ledger = Ledger()
    for name in "abcdef":
        one(ledger, name, b"the text of " + name.encode())
    there = {row.path: row.signature for row in ledger if row.path in "bef"}
    assert fold(ledger, there) == 3
    arrays = ledger.to_arrays()
    assert arrays["spans/row"].tolist() == [0xFFFFFFFF, 0, 0xFFFFFFFF, 1, 2]
    assert arrays["spans/start"].tolist() == [13, 0, 26, 0, 0]
    assert [row.path for row in ledger] == ["b", "e", "f"]
