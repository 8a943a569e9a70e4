"""Where a word comes from, over a folder that was watched: its files, lines of them, and its time."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import streamer
from streamer.answers import explaining
from streamer.answers.explaining import FOLDED, LONGEST, UNRECORDED, around, explain
from streamer.checkpoints import Store
from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.signals import StopSignals
from streamer.settings import RunSettings
from streamer.state.reading import read_origins, read_past, read_state
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import tokenizer
from streamer.vectors import UnknownWord

from ..support.corpus import put, text

FILL = [text(seed, 9_000) for seed in range(8)]
LINE = "Call me the whale that was never seen at sea, whatever they say"


def watched(folder: Path, **settings: Any) -> None:
    """Train what is in the inbox of a folder."""
    run = RunSettings(threads=1, settle=0.0, snapshot_every="1k", snapshots="all")
    model = {"vector_size": 8, "min_count": 2, "phrases": ("moby dick",), **settings}
    with loop.start(folder / "checkpoints", model, run, Display(), StopSignals()) as service:
        loop.watch(folder / "inbox", service, once=True)


@pytest.fixture(scope="module")
def whales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose texts have a whale, in several formats; one has none, and one has it a few times only."""
    folder = tmp_path_factory.mktemp("whales")
    inbox = folder / "inbox"
    put(inbox / "first.txt", f"{FILL[0]}\n{LINE}.\n" + "\na whale and moby dick\n" * 30, age=900)
    put(inbox / "none.txt", FILL[1], age=800)
    for number in (5, 6, 7):
        put(inbox / f"none{number}.txt", FILL[number], age=800 - number)
    put(inbox / "packed.gz", gzip.compress((FILL[2] + "\n\nThe Whale, packed.\n" * 90).encode()), age=700)
    put(inbox / "latin.txt", (FILL[3] + "\nle café des WHALE, ça va\n" * 40).encode("latin-1"), age=600)
    rows = [json.dumps({"text": f"line {number} of a whale in a row"}) for number in range(50)]
    put(inbox / "rows.jsonl", "\n".join(rows) + "\n", age=500)
    put(inbox / "some.txt", f"{FILL[4]}\nwhales are no {'-'.join('whale')}\n\nthe last whale\n", age=400)
    watched(folder)
    return folder


@pytest.fixture
def folder(whales: Path, tmp_path: Path) -> Iterator[Path]:
    """Return the folder, which a test may change; it is put back then: files are known by their place."""
    kept = shutil.copytree(whales, tmp_path / "kept")
    yield whales
    shutil.rmtree(whales)
    shutil.copytree(kept, whales)


def test_the_files_of_a_word(whales: Path) -> None:
    """In the order of training, with the factors by which its count grew; the first gave it its vector."""
    found = explain("Whale", whales / "checkpoints")
    assert (found["word"], found["cold"], found["came_back"]) == ("whale", False, False)
    assert found["count"] == 31 + 90 + 40 + 50 + 1
    assert found["files"] == 5
    assert found["moment"] == read_past(whales / "checkpoints").moments[-1].name
    assert (found["first"]["path"], found["last"]["path"]) == ("first.txt", "some.txt")
    moved = [(file["path"], file["factor"]) for file in found["moved_most"]]
    assert moved == [
        ("packed.gz", pytest.approx(121 / 31, abs=1e-4)),
        ("latin.txt", pytest.approx(161 / 121, abs=1e-4)),
        ("rows.jsonl", pytest.approx(211 / 161, abs=1e-4)),
    ]
    dates = [datetime.fromisoformat(found[end]["date"]) for end in ("first", "last")]
    assert dates[0] <= dates[1]
    assert dates[0].tzinfo is not None


def test_lines_of_files_in_any_format(whales: Path) -> None:
    """One of each of the files that moved it most, cut as they are: packed, in another encoding, in rows."""
    found = explain("whale", whales / "checkpoints")
    assert found["examples"] == [
        {"path": "packed.gz", "text": "The Whale, packed."},
        {"path": "latin.txt", "text": "le café des WHALE, ça va"},
        {"path": "rows.jsonl", "text": "line 0 of a whale in a row"},
    ]
    assert found["without_examples"] == []


def test_a_phrase_is_found_as_it_is_spelled(whales: Path) -> None:
    """Three lines of the only file that has it."""
    found = explain("moby_dick", whales / "checkpoints")
    assert found["files"] == 1
    assert found["examples"] == [{"path": "first.txt", "text": "a whale and moby dick"}] * 3
    assert found["moved_most"] == [], "one file gave it its vector, and no other moved it"


def test_lines_of_files_that_are_still_what_they_were(folder: Path) -> None:
    """Of others, it says why there are none; no line is in the checkpoint."""
    (folder / "inbox/packed.gz").unlink()
    latin = folder / "inbox/latin.txt"
    latin.write_bytes(latin.read_bytes().replace(b"WHALE", b"whale"))
    os.utime(folder / "inbox/rows.jsonl", (1, 1))
    (folder / "inbox/some.txt").unlink()
    (folder / "inbox/some.txt").mkdir()
    found = explain("whale", folder / "checkpoints")
    assert [(line["path"], line["text"]) for line in found["examples"]] == [
        ("first.txt", f"{LINE}."),
        *[("first.txt", "a whale and moby dick")] * 2,
    ]
    assert found["without_examples"] == [
        {"path": "packed.gz", "reason": "it is gone"},
        {"path": "latin.txt", "reason": "it has changed since it was trained"},
        {"path": "rows.jsonl", "reason": "it has changed since it was trained"},
        {"path": "some.txt", "reason": "a folder, not a regular file"},
    ]
    for path in (folder / "checkpoints").rglob("*.h5"):
        assert LINE.encode() not in path.read_bytes()


def test_a_word_over_time(whales: Path) -> None:
    """Count, files and neighbours at six moments at most, the last of which is now; none before it had a vector."""
    past = read_past(whales / "checkpoints")
    assert len(past.moments) > 6
    for word, files in (("whale", 5), ("moby_dick", 1)):
        found = explain(word, whales / "checkpoints", topn=3)
        rows = found["over_time"]
        assert len(rows) == 6
        assert (rows[-1]["moment"], rows[-1]["count"], rows[-1]["files"]) == (found["moment"], found["count"], files)
        assert rows[0]["words_seen"] < rows[-1]["words_seen"]
        there = [row for row in rows if row["count"] is not None]
        for row in there:
            moment = past.find(row["moment"]) if row is not rows[-1] else past.moments[-1]
            snapshot = past.read(moment)
            at = snapshot.words.index(word)
            assert snapshot.files is not None
            assert (row["count"], row["files"]) == (snapshot.counts[at], snapshot.files[at])
            vectors = streamer.WordVectors(snapshot.words, snapshot.vectors(), snapshot.counts)
            near = [(each["word"], each["cosine"]) for each in row["neighbours"]]
            assert near == [(other, pytest.approx(cosine)) for other, cosine in vectors.most_similar(word, topn=3)]
            assert row["reason"] == ""
        for row in rows[: len(rows) - len(there)]:
            assert (row["files"], row["neighbours"], row["reason"]) == (None, None, "no vector then")


def test_a_snapshot_that_is_lost_is_told_and_the_rest_goes_on(folder: Path) -> None:
    """Its row says so, with the name of the file."""
    shutil.rmtree(folder / "checkpoints/snapshots")
    rows = explain("whale", folder / "checkpoints")["over_time"]
    assert all(row["count"] is None and "it is missing" in row["reason"] for row in rows[:-1])
    assert rows[-1]["count"] > 0


def test_files_that_were_folded_have_no_name(folder: Path) -> None:
    """How far they moved a word stays known, and when."""
    before = explain("whale", folder / "checkpoints")
    state = read_state(folder / "checkpoints")
    state.ledger.begin_scan()
    state.ledger.end_scan(1, lambda path: path in ("first.txt", "packed.gz"))
    assert state.ledger.fold(1, str, state.model.sources.renumber) == 2
    Store(folder / "checkpoints").publish(state.image(), state.number_next())
    found = explain("whale", folder / "checkpoints")
    assert found["first"] == {"path": None, "reason": FOLDED, "date": before["first"]["date"]}
    assert found["last"] == before["last"]
    assert found["moved_most"][0] == {**before["moved_most"][0], "path": None, "reason": FOLDED}
    assert found["moved_most"][1:] == before["moved_most"][1:]
    assert [line["path"] for line in found["examples"]] == ["latin.txt", "rows.jsonl", "some.txt"]


def test_unknown_words(whales: Path) -> None:
    """An error that is a KeyError, with the nearest spellings."""
    with pytest.raises(UnknownWord) as caught:
        explain("Whalle", whales / "checkpoints")
    assert caught.value.word == "whalle"
    assert "whale" in caught.value.nearest


def test_words_of_no_file_leave_and_come_back(tmp_path: Path) -> None:
    """Texts that were given to a trainer in Python have no file; a cold word has no record, and begins anew."""
    trainer = streamer.Trainer(vector_size=8, min_count=1, max_vocabulary=1_000, threads=1)
    for start in (0, 700):
        trainer.partial_fit([[f"w{number}" for number in range(start, start + 700)] * (1 + start // 700)])
    trainer.save(tmp_path)
    nothing = {"path": None, "reason": UNRECORDED, "date": None}
    found = explain("w900", tmp_path)
    assert (found["first"], found["last"], found["files"]) == (nothing, nothing, 0)
    left = explain("w1", tmp_path)
    assert (left["cold"], left["count"], left["files"], left["first"]) == (True, 1, None, nothing)
    assert [row["reason"] for row in left["over_time"]] == ["no vector then"]
    trainer.partial_fit([["w1"]]).save(tmp_path)
    again = explain("w1", tmp_path)
    assert (again["cold"], again["came_back"], again["count"]) == (False, True, 2)


def test_code_of_the_user_is_not_run(whales: Path) -> None:
    """A checkpoint alone runs no code: then there are no lines, and it says why."""
    origins = read_origins(whales / "checkpoints")
    foreign = attrs.evolve(origins, rules=Rules(name="antigravity:fly"))
    lines, missing = explaining._examples(foreign, [0], "whale")
    assert lines == []
    assert missing == [{"path": "first.txt", "reason": "the texts of this model are cut by your own code"}]


def test_a_file_is_not_searched_for_ever(whales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some blocks it is given up."""
    monkeypatch.setattr(explaining, "SEARCHED", 0)
    found = explain("moby_dick", whales / "checkpoints")
    assert found["without_examples"] == [{"path": "first.txt", "reason": "not in its first 0 MiB"}]


def test_lines_are_found_as_the_tokenizer_cuts_them() -> None:
    """Not where the letters are part of another word; a line that has it twice is one line."""
    lines = ["no whales", "A WHALE!", "", "whale-boat", "whale and whale", "none", "narwhale"]
    cuts = tokenizer(Rules())
    assert list(explaining._with(lines, cuts, "whale")) == ["A WHALE!", "whale-boat", "whale and whale"]
    assert list(explaining._with(lines, cuts, "shark")) == []


@pytest.mark.parametrize("at", [0, 5, 100, 300, 590, 599])
@pytest.mark.parametrize("form", ["Whale", "moby dick"])
def test_long_lines_are_cut_around_the_word(at: int, form: str) -> None:
    """To so many characters, with an ellipsis where something is left out, on one line."""
    line = "\t".join(["ab"] * at + [form] + ["cd\x1e"] * (600 - at))
    shown = around(line, form.lower().replace(" ", "_"))
    assert form in shown
    assert len(shown) == LONGEST
    assert "\t" not in shown and "\x1e" not in shown
    assert shown.startswith("…") == (at > 30)
    assert shown.endswith("…") == (at < 570)


def test_short_lines_stay() -> None:
    """And a word that is spelled otherwise in the line does no harm."""
    assert around("  a  whale ", "whale") == "a whale"
    assert around("x" * 200, "whale") == "x" * (LONGEST - 1) + "…"


@pytest.mark.parametrize("date", [np.inf, -np.inf, 1e18, -1e18])
def test_dates_that_no_calendar_has(date: float) -> None:
    """Are none."""
    assert explaining._iso(date) is None
