"""A folder of checkpoints as data: the keys that scripts rely on, and figures that add up."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from streamer.answers import reports
from streamer.checkpoints import FORMAT_VERSION, Store
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import REWRITTEN, Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.settings import ModelSettings
from streamer.state import InitialVectors, Score, State

CONTRACT = {
    *("checkpoint", "sequence", "vocabulary", "candidates", "vector_size", "words_seen", "words_trained", "loss"),
    *("files", "size_bytes", "age_seconds", "running", "pid"),
}


def trained(ledger: Ledger, path: str, size: int, words: int, *, to: int | None = None) -> None:
    """Let a ledger have a file of so many bytes that was trained, wholly or up to a position."""
    entry = ledger.plan(path, Verdict(Signature(size, 1, 1), path.encode().ljust(32), size))
    assert entry
    ledger.advance(entry, to or size, words)
    if to:
        ledger.abandon(entry, "given up")
    else:
        ledger.finish(entry)


@pytest.fixture
def state() -> State:
    """Return a state with four files: one trained, one in part, two refused."""
    state = State.new(ModelSettings(vector_size=4))
    trained(state.ledger, "whole.txt", 1000, 100)
    trained(state.ledger, "part.txt", 500, 30, to=300)
    state.ledger.refuse("fifo", Signature(0, 0, 1), "a FIFO, not a regular file")
    state.ledger.plan("bad.txt", Verdict(Signature(70, 1, 1), bytes(32), 70, refusal="empty"))
    return state


@pytest.fixture
def folder(state: State, tmp_path: Path) -> Path:
    """Return a folder with a checkpoint of that state, number 1."""
    Store(tmp_path / "checkpoints").save(state.to_tree(), state.number_next())
    return tmp_path / "checkpoints"


@pytest.fixture
def locked(folder: Path) -> Iterator[Path]:
    """Return the folder, held by this process."""
    with Store(folder).lock():
        yield folder


def test_status_has_the_keys_of_the_contract(folder: Path) -> None:
    """All keys are there from the first checkpoint on; JSON can say all of it."""
    status = reports.status(folder)
    assert status.keys() >= CONTRACT
    assert json.loads(json.dumps(status)) == status
    assert {**status, "checkpoint": "checkpoint-0000000001.h5", "sequence": 1, "vector_size": 4} == status
    assert status["size_bytes"] == (folder / status["checkpoint"]).stat().st_size
    assert status["files"] == {"trained": 1, "partial": 1, "skipped": 2, "held": 0, "forgotten": 0}


def test_status_of_what_was_not_measured(folder: Path) -> None:
    """A model that has seen nothing has no loss, no speed, no scores and no initial vectors: null, and not 0."""
    status = reports.status(folder)
    assert [status[key] for key in ("loss", "words_per_second", "initial")] == [None] * 3
    assert status["scores"] == []
    assert [status[key] for key in ("vocabulary", "candidates", "words_seen", "words_trained")] == [0] * 4


def test_status_of_words_and_vectors(tmp_path: Path) -> None:
    """Candidates are apart from words with vectors; initial vectors are told, and are no words seen."""
    state = State.new(ModelSettings(vector_size=4, min_count=2))
    state.model.vocabulary.observe(["often", "seldom"], np.array([7, 1]))
    state.model.embeddings.grow(1, np.random.default_rng(1))
    state.record_initial(InitialVectors("published.txt", "ab" * 32, 1, 2))
    Store(tmp_path).save(state.to_tree(), 1)
    status = reports.status(tmp_path)
    assert (status["vocabulary"], status["candidates"], status["words_seen"]) == (1, 1, 6)
    assert status["initial"] == {"name": "published.txt", "words": 1}


def test_status_has_the_last_score_of_each_test(state: State, tmp_path: Path) -> None:
    """Of several scores in one test the last counts."""
    state.model.words_trained = 30
    state.scores.add([Score(10, "pairs a", 0.1, 3, 4), Score(10, "pairs b", 0.2, 3, 4)])
    state.scores.add([Score(20, "pairs a", 0.3, 3, 4)])
    Store(tmp_path).save(state.to_tree(), 1)
    assert [(row["test"], row["score"]) for row in reports.status(tmp_path)["scores"]] == [
        ("pairs a", 0.3),
        ("pairs b", 0.2),
    ]


def test_status_knows_how_old_it_is(folder: Path) -> None:
    """Age and moment are those of the file; one from the future is not younger than now."""
    path = folder / "checkpoint-0000000001.h5"
    moment = int(time.time()) - 5000
    os.utime(path, (moment, moment))
    status = reports.status(folder)
    assert 5000 <= status["age_seconds"] < 5060
    assert datetime.fromisoformat(status["created"]) == datetime.fromtimestamp(moment, UTC)
    os.utime(path, (time.time() + 900,) * 2)
    assert reports.status(folder)["age_seconds"] == 0


def test_status_knows_how_much_is_written(state: State, folder: Path) -> None:
    """By the numbers of the checkpoints that are kept, so that those between them count; null where it is unsure."""
    assert reports.status(folder)["bytes_written_per_hour"] is None
    store = Store(folder)
    sizes = [store.save(state.to_tree(), number).size_bytes for number in (11, 12)]
    for number, moment in ((1, 1e9), (11, 1e9 + 900), (12, 1e9 + 1800)):
        os.utime(folder / f"checkpoint-{number:010}.h5", (moment, moment))
    (folder / "checkpoint-0000000001.h5").unlink()
    assert reports.status(folder)["bytes_written_per_hour"] == round(sum(sizes) / 2 * 4)
    store.save(state.to_tree(), 13)
    os.utime(folder / "checkpoint-0000000013.h5", (1e9 + 3600,) * 2)
    (folder / "checkpoint-0000000012.h5").unlink()
    found = reports.status(folder)["bytes_written_per_hour"]
    assert found == pytest.approx(2 * sizes[0] / 2700 * 3600, rel=0.01)
    os.utime(folder / "checkpoint-0000000013.h5", (1e9 + 901,) * 2)
    assert reports.status(folder)["bytes_written_per_hour"] is None
    os.utime(folder / "checkpoint-0000000013.h5", (1e9,) * 2)
    assert reports.status(folder)["bytes_written_per_hour"] is None, "a clock that went back"


def test_nobody_trains(folder: Path) -> None:
    """Without a trainer there is no process, whether there is a lock file or not."""
    assert [reports.status(folder)[key] for key in ("running", "pid")] == [False, None]
    with Store(folder).lock():
        pass
    assert (folder / ".lock").exists()
    assert [reports.status(folder)[key] for key in ("running", "pid")] == [False, None]


def test_somebody_trains(locked: Path) -> None:
    """Who holds the folder is told by number; by none if the lock file does not say it."""
    assert [reports.status(locked)[key] for key in ("running", "pid")] == [True, os.getpid()]
    (locked / ".lock").write_bytes(b"")
    assert [reports.status(locked)[key] for key in ("running", "pid")] == [True, None]


def test_files_in_the_order_of_training(folder: Path) -> None:
    """One row a file, with exactly the contract's keys; outcomes, reasons and bytes as in the ledger."""
    rows = reports.files(folder)
    keys = {"path", "outcome", "reason", "format", "encoding", "words", "bytes", "bytes_trained", "bytes_skipped"}
    keys |= {"sha256", "unusual"}
    assert all(row.keys() == keys for row in rows)
    assert [
        tuple(row[key] for key in ("path", "outcome", "words", "bytes_trained", "bytes_skipped")) for row in rows
    ] == [
        ("whole.txt", "trained", 100, 1000, 0),
        ("part.txt", "partial", 30, 300, 200),
        ("fifo", "skipped", 0, 0, 0),
        ("bad.txt", "skipped", 0, 0, 70),
    ]
    assert [row["reason"] for row in rows] == ["", "given up", "a FIFO, not a regular file", "empty"]
    assert rows[0]["sha256"] == b"whole.txt".ljust(32).hex()
    assert rows[2]["sha256"] == "0" * 64, "it was never read"


@pytest.mark.parametrize(
    ("outcome", "paths"),
    [("trained", ["whole.txt"]), ("partial", ["part.txt"]), ("skipped", ["fifo", "bad.txt"]), ("no such", [])],
)
def test_files_of_one_outcome(folder: Path, outcome: str, paths: list[str]) -> None:
    """Only those rows, in the same order."""
    assert [row["path"] for row in reports.files(folder, outcome)] == paths


def test_every_byte_is_accounted_for_once(folder: Path) -> None:
    """Bytes seen are bytes trained and bytes skipped, of all files together; reasons in the order of their weight."""
    total = reports.listing(folder).bytes
    assert total == {"seen": 1570, "trained": 1300, "skipped": {"given up": 200, "empty": 70}}
    assert list(total["skipped"]) == ["given up", "empty"]
    assert total["seen"] == total["trained"] + sum(total["skipped"].values())
    assert reports.status(folder)["bytes"] == total


def test_accounts_by_class_of_reason(tmp_path: Path) -> None:
    """Files that are no text to different degrees have one sum, and a reason without bytes is left out."""
    state = State.new(ModelSettings(vector_size=4))
    for share in range(2, 100):
        state.ledger.refuse(f"{share}", Signature(5, 1, 1), f"not text in utf-8: {share} % of its characters")
    state.ledger.refuse("link", Signature(0, 0, 1), "a symbolic link, not a regular file")
    Store(tmp_path).save(state.to_tree(), 1)
    found = reports.listing(tmp_path)
    assert found.bytes == {"seen": 490, "trained": 0, "skipped": {"not text in utf-8": 490}}
    assert (len(found.files), found.folded) == (99, 0)
    assert reports.listing(tmp_path, "trained") == ([], {"seen": 0, "trained": 0, "skipped": {}}, 0)


def test_files_that_were_folded_are_counted(tmp_path: Path) -> None:
    """In the bytes, in the outcomes, and by their number; they are not listed."""
    state = State.new(ModelSettings(vector_size=4))
    for name in "abc":
        state.ledger.refuse(name, Signature(5, 1, 1), "empty")
    before = state.ledger.outcomes()
    state.ledger.begin_scan()
    state.ledger.seen("c", Signature(5, 1, 1))
    state.ledger.end_scan(1, lambda path: True)
    assert state.ledger.fold(1, str) == 2
    assert state.ledger.outcomes() == before
    Store(tmp_path).save(state.to_tree(), 1)
    found = reports.listing(tmp_path)
    assert ([row["path"] for row in found.files], found.folded) == (["c"], 2)
    assert found.bytes == {"seen": 15, "trained": 0, "skipped": {"empty": 15}}
    assert reports.listing(tmp_path, "trained").folded == 0
    assert reports.status(tmp_path)["files_folded"] == 2


def test_half_a_digest_is_shown_as_half(tmp_path: Path) -> None:
    """A file that was folded and returns as another text: of what it was, the first half of the digest is known."""
    state, digest = State.new(ModelSettings(vector_size=4)), bytes(range(1, 33))
    ledger = state.ledger
    entry = ledger.plan("a", Verdict(Signature(9, 1, 1), digest, 9, text_sha256=digest, heads=(1,)))
    assert entry is not None
    ledger.advance(entry, 9, 3)
    ledger.finish(entry)
    ledger.begin_scan()
    ledger.end_scan(1, lambda path: True)
    assert ledger.fold(1, str) == 1
    ledger.plan("a", Verdict(Signature(8, 2, 2), digest[::-1], 8, text_sha256=digest[::-1], heads=(2,)))
    Store(tmp_path).save(state.to_tree(), 1)
    assert [row["sha256"] for row in reports.files(tmp_path)] == [digest[:16].hex(), digest[::-1].hex()]


def test_two_versions_of_a_file_are_two_rows(state: State, tmp_path: Path) -> None:
    """A file that was rewritten has a row for what was trained and one for what was refused."""
    state.ledger.plan("whole.txt", Verdict(Signature(400, 2, 2), b"x" * 32, 400))
    Store(tmp_path).save(state.to_tree(), 1)
    found = [
        (row["outcome"], row["bytes"], row["reason"]) for row in reports.files(tmp_path) if row["path"] == "whole.txt"
    ]
    assert found == [("trained", 1000, ""), ("skipped", 400, REWRITTEN)]


def test_checkpoints_newest_first(state: State, folder: Path) -> None:
    """Each with its keys; without a reason if nothing is wrong."""
    for _ in range(2):
        Store(folder).save(state.to_tree(), state.number_next())
    rows = list(reports.checkpoints(folder))
    assert [row["sequence"] for row in rows] == [3, 2, 1]
    assert all(row.keys() == {"name", "sequence", "size_bytes", "created", "verified"} for row in rows)
    assert all(row["verified"] is True for row in rows)
    assert [row["size_bytes"] for row in rows] == [(folder / row["name"]).stat().st_size for row in rows]


def test_a_damaged_checkpoint_has_a_reason(state: State, folder: Path) -> None:
    """A bent bit, half a file, and parts that do not belong together: not verified, and why, without the path again."""
    store = Store(folder)
    bent = store.save(state.to_tree(), 2).path
    content = bytearray(bent.read_bytes())
    content[len(content) // 2] ^= 1
    bent.write_bytes(content)
    half = store.save(state.to_tree(), 3).path
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    store.save({**state.to_tree(), "vocabulary/words_seen": 5}, 4)
    store.save({**state.to_tree(), "format_version": FORMAT_VERSION + 1}, 5)
    rows = {row["sequence"]: row for row in reports.checkpoints(folder)}
    assert [rows[number]["verified"] for number in (1, 2, 3, 4, 5)] == [True, False, False, False, False]
    assert [rows[number]["newer"] for number in (2, 3, 4, 5)] == [False, False, False, True]
    assert "upgrade" in rows[5]["hint"]
    for number in (2, 3, 4):
        assert rows[number]["reason"] and str(folder) not in rows[number]["reason"]
    assert "vocabulary/words_seen" in rows[4]["reason"]


def test_checkpoints_come_one_by_one(state: State, folder: Path) -> None:
    """One that is removed while others are checked is passed over; what was set aside is none any more."""
    store = Store(folder)
    old = store.list()[0]
    store.set_aside(store.save(state.to_tree(), 2))
    store.save(state.to_tree(), 3)
    rows = reports.checkpoints(folder)
    assert next(rows)["sequence"] == 3
    old.path.unlink()
    assert list(rows) == []


def test_nothing_to_report(tmp_path: Path) -> None:
    """66 where there is no checkpoint, 65 where none is intact; a list of checkpoints can be empty."""
    for report in (reports.status, reports.files):
        with pytest.raises(StreamerError) as caught:
            report(tmp_path / "nowhere")
        assert caught.value.code == ExitCode.NO_INPUT
    assert list(reports.checkpoints(tmp_path / "nowhere")) == []
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "checkpoint-0000000001.h5").write_bytes(b"no checkpoint")
    for report in (reports.status, reports.files):
        with pytest.raises(StreamerError) as caught:
            report(tmp_path)
        assert caught.value.code == ExitCode.DAMAGED
    assert [row["verified"] for row in reports.checkpoints(tmp_path)] == [False]


def test_the_newest_that_is_intact_is_reported(folder: Path) -> None:
    """A damaged one that is newer is passed over."""
    (folder / "checkpoint-0000000009.h5").write_bytes(b"no checkpoint")
    assert reports.status(folder)["sequence"] == 1
