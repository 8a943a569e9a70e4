"""Files that change after they were trained: what is new is trained, what is doubtful refused, the rest let be."""

from __future__ import annotations

from pathlib import Path

import pytest

import streamer
from streamer.answers import reports
from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.signals import StopSignals
from streamer.settings import RunSettings

from ..support.corpus import aged, large, put, text
from ..support.languages import TEXTS
from ..support.process import QUICK, done, files, started


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return a folder whose four files were trained."""
    for number, name in enumerate(("grown", "rewritten", "restored", "touched")):
        put(tmp_path / "inbox" / f"{name}.txt", text(number, 5_000), age=9000)
    done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    return tmp_path / "inbox"


def test_changed_files(inbox: Path, tmp_path: Path) -> None:
    """Of a grown file only the tail is trained; a rewritten one is refused; touched or restored ones are let be."""
    old = files(tmp_path)
    put(inbox / "grown.txt", text(0, 5_000) + "and one two three\n")
    put(inbox / "rewritten.txt", text(11, 6_000))
    put(inbox / "restored.txt", text(12, 4_000))
    aged(inbox / "touched.txt", 60)
    ended = done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    assert [(line["path"], line["words"]) for line in ended.events("file.trained")] == [("grown.txt", 4)]
    refused = {line["path"]: line["reason"] for line in ended.events("file.skipped")}
    assert set(refused) == {"rewritten.txt", "restored.txt"}
    assert all("rewritten" in reason and "--on-change" in reason for reason in refused.values())
    rows = _rows(tmp_path)
    assert ("grown.txt", "trained", old["grown.txt"]["bytes"] + 18, old["grown.txt"]["words"] + 4) in rows
    assert ("rewritten.txt", "skipped", (inbox / "rewritten.txt").stat().st_size, 0) in rows
    assert ("rewritten.txt", "trained", old["rewritten.txt"]["bytes"], old["rewritten.txt"]["words"]) in rows

    put(inbox / "restored.txt", text(2, 5_000))
    ended = done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    assert ended.stdout == "nothing new to train\n"
    assert [row for row in _rows(tmp_path) if row[0] == "restored.txt"] == [
        ("restored.txt", "trained", old["restored.txt"]["bytes"], old["restored.txt"]["words"])
    ]


def test_retrain_takes_what_was_refused_before(inbox: Path, tmp_path: Path) -> None:
    """--on-change retrain, which the reason of the refusal names, trains the rewritten file."""
    put(inbox / "rewritten.txt", text(11, 6_000))
    done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    ended = done("watch", "inbox", "--once", *QUICK, "--on-change", "retrain", folder=tmp_path)
    assert [line["path"] for line in ended.events("file.trained")] == ["rewritten.txt"]
    sizes = [row[2] for row in _rows(tmp_path) if row[0] == "rewritten.txt"]
    assert sizes == [len(text(1, 5_000)), len(text(11, 6_000))]


def test_another_encoding_takes_what_was_refused_before(tmp_path: Path) -> None:
    """--encoding, which the reason of the refusal names, lets the file in without it being touched."""
    put(tmp_path / "inbox" / "a.txt", "café crème\n".encode("latin-1"))
    assert "--encoding" in done("watch", "inbox", "--once", *QUICK, folder=tmp_path).events("file.skipped")[0]["reason"]
    ended = done("watch", "inbox", "--once", *QUICK, "--encoding", "latin-1", folder=tmp_path)
    assert [line["path"] for line in ended.events("file.trained")] == ["a.txt"]


def test_a_file_that_grows_while_it_is_watched(tmp_path: Path) -> None:
    """A log that is added to is trained piece after piece, each word once, by one running process."""
    path = put(tmp_path / "inbox" / "log.txt", "alpha beta\n")
    with started("watch", "inbox", *QUICK, "--min-count", "1", folder=tmp_path) as trainer:
        for number in (1, 2, 3):
            trainer.event("file.trained", number)
            if number < 3:
                with path.open("a") as file:
                    file.write("alpha gamma\n")
        assert trainer.stopped().code == 0
    vectors = streamer.load(tmp_path / "checkpoints")
    assert dict(zip(vectors.index_to_key, vectors.counts.tolist(), strict=True)) == {"alpha": 3, "gamma": 2, "beta": 1}


def test_a_file_that_is_rewritten_while_it_is_trained(tmp_path: Path) -> None:
    """Content that changes under a running pass: each byte is trained from the version it belongs to, or skipped."""
    path = put(tmp_path / "inbox" / "a.txt", large())
    with started("watch", "inbox", *QUICK, "--checkpoint-every", "0", folder=tmp_path) as trainer:
        trainer.event("checkpoint.saved")
        put(path, text(2, 100_000), age=0)
        reason = trainer.event("file.skipped", path="a.txt")["reason"]
        assert trainer.stopped().code == 0
    rows = done("files", "--json", folder=tmp_path).json
    assert all(row["bytes"] == row["bytes_trained"] + row["bytes_skipped"] for row in rows)
    assert rows[0]["outcome"] == "partial" and rows[0]["bytes_trained"] > 0 and rows[0]["reason"]
    assert rows[-1]["outcome"] == "skipped" and rows[-1]["reason"] == reason


def _rows(folder: Path) -> list[tuple[str, str, int, int]]:
    rows = done("files", "--json", folder=folder).json
    return [(row["path"], row["outcome"], row["bytes"], row["words"]) for row in rows]


def test_a_file_rewritten_while_it_is_trained(tmp_path: Path) -> None:
    """No block of the new content is trained as if it were the old one's: the rest is given up, the new one refused."""
    path = put(tmp_path / "inbox" / "a.txt", large())

    class Rewriting(Display):
        def reached(self, share: float) -> None:
            path.write_bytes(b"x" * path.stat().st_size)

    run = RunSettings(threads=1, settle=0.0)
    with loop.start(tmp_path / "checkpoints", {"vector_size": 8}, run, Rewriting(), StopSignals()) as running:
        loop.watch(tmp_path / "inbox", running, once=True)
    partial, refused = reports.files(tmp_path / "checkpoints")
    assert (partial["outcome"], partial["reason"]) == ("partial", "changed while it was being trained")
    assert 0 < partial["bytes_trained"] < partial["bytes"]
    assert refused["outcome"] == "skipped"


def test_the_file_under_way_comes_first(tmp_path: Path) -> None:
    """After a kill in its middle, a file is finished before others that are older."""
    put(tmp_path / "inbox" / "large.txt", large())
    command = ("watch", "inbox", "--once", *QUICK)
    with started(*command, "--checkpoint-every", "0", folder=tmp_path) as process:
        process.event("checkpoint.saved")
        process.killed()
    put(tmp_path / "inbox" / "older.txt", "some words\n", age=7200)
    order = [line["path"] for line in done(*command, folder=tmp_path).events("file.trained")]
    assert order == ["large.txt", "older.txt"]


RUSSIAN = TEXTS["ru"] + "\n\n"


def test_a_file_is_read_to_its_end_in_the_encoding_that_it_was_begun_with(tmp_path: Path) -> None:
    """It is found out and shown; what is added is read alike, whatever the setting is by then."""
    (tmp_path / "inbox").mkdir()
    path = tmp_path / "inbox" / "text.txt"
    path.write_bytes(RUSSIAN.encode("koi8-r"))
    ended = done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    assert ended.events("file.trained")[0]["encoding"] == "koi8-r"
    (row,) = done("files", "--json", folder=tmp_path).json
    assert (row["encoding"], row["outcome"]) == ("koi8-r", "trained")
    assert "in koi8-r" in done("files", folder=tmp_path).stdout
    path.write_bytes((RUSSIAN * 2).encode("koi8-r"))
    done("watch", "inbox", "--once", *QUICK, "--encoding", "cp1251", folder=tmp_path)
    (grown,) = done("files", "--json", folder=tmp_path).json
    assert (grown["encoding"], grown["words"]) == ("koi8-r", 2 * row["words"])
    path.write_bytes(RUSSIAN.encode("cp1251") * 3)
    ended = done("watch", "inbox", "--once", *QUICK, "--on-change", "retrain", folder=tmp_path)
    assert ended.events("file.trained")[0]["encoding"] == "cp1251", "another text may have another encoding"


def test_an_encoding_for_some_files(tmp_path: Path) -> None:
    """A glob decides for its files, a guess for all others; what can't be guessed names the likeliest."""
    (tmp_path / "inbox").mkdir()
    for name, encoding in (("a.log", "cp866"), ("b.txt", "cp1251")):
        (tmp_path / "inbox" / name).write_bytes(RUSSIAN.encode(encoding))
    (tmp_path / "inbox" / "c.txt").write_bytes("Привет мир ПРИВЕТ МИР".encode("cp1251"))
    how = ("--encoding", "*.log=cp866", "--encoding", "auto")
    ended = done("watch", "inbox", "--once", *QUICK, *how, folder=tmp_path)
    assert {event["path"]: event["encoding"] for event in ended.events("file.trained")} == {
        "a.log": "cp866",
        "b.txt": "cp1251",
    }
    (refused,) = ended.events("file.skipped")
    assert "cp1251" in refused["reason"] and refused["reason"].endswith(": see --encoding")
    ended = done("watch", "inbox", "--once", *QUICK, "--encoding", "c.*=cp1251", folder=tmp_path)
    assert [event["path"] for event in ended.events("file.trained")] == ["c.txt"]
