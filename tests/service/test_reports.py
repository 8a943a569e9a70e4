"""What commands print: JSON of the shape that scripts rely on, plain text in a pipe, help with an example."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.settings import ModelSettings, RunSettings, names

from .corpus import WORDS, put
from .process import done

COMMON = {"checkpoints", "config", "log-format", "log-level"}
OPTIONS = {
    "watch": set(names(ModelSettings, RunSettings)) | {"once"},
    "train": set(names(ModelSettings, RunSettings)) | {"epochs"},
    "status": {"json"},
    "files": {"json"},
    "similar": {"topn", "json"},
    "analogy": {"json"},
    "evaluate": {"pairs", "analogies", "json"},
    "export": {"format", "topn"},
    "plot": {"map", "topn", "skip", "word", "neighbours"},
    "checkpoints": {"json"},
    "verify": set(),
    "inspect": set(),
}
ESCAPE = "\x1b"


def _json(folder: Path, *arguments: object) -> Any:
    ended = done(*arguments, "--json", folder=folder)
    assert ended.stderr == ""
    return ended.json


def test_status(undisturbed: Path) -> None:
    """`status --json` has the contract's keys, and figures that agree with the other commands."""
    status = _json(undisturbed, "status")
    rows, newest = _json(undisturbed, "files"), _json(undisturbed, "checkpoints")[0]
    wanted = {
        "checkpoint": newest["name"],
        "sequence": newest["sequence"],
        "vector_size": 16,
        "words_seen": sum(row["words"] for row in rows),
        "size_bytes": newest["size_bytes"],
        "running": False,
        "pid": None,
    }
    assert {**status, **wanted} == status
    assert status["files"]["trained"] == 22 and status["files"]["skipped"] == 2
    for key in ("vocabulary", "candidates", "words_trained", "loss", "age_seconds"):
        assert status[key] >= 0


def test_files(undisturbed: Path) -> None:
    """`files --json` is a list of exactly the contract's keys."""
    keys = {"path", "outcome", "reason", "words", "bytes", "bytes_trained", "bytes_skipped", "sha256"}
    rows = _json(undisturbed, "files")
    assert len(rows) == 24
    assert all(set(row) == keys and re.fullmatch("[0-9a-f]{64}", row["sha256"]) for row in rows)
    assert {row["outcome"] for row in rows} == {"trained", "skipped"}


def test_checkpoints(undisturbed: Path) -> None:
    """`checkpoints --json` is a list of exactly the contract's keys, newest first, with a time in UTC."""
    rows = _json(undisturbed, "checkpoints")
    assert all(set(row) == {"name", "sequence", "size_bytes", "created", "verified"} for row in rows)
    assert [row["sequence"] for row in rows] == sorted((row["sequence"] for row in rows), reverse=True)
    assert all(row["verified"] is True for row in rows)
    created = datetime.fromisoformat(rows[0]["created"])
    assert created.utcoffset() == timedelta(0)
    assert datetime.now(UTC) - created < timedelta(hours=1)


def test_similar_and_analogy(undisturbed: Path) -> None:
    """`similar --json` lists neighbours word by word, `analogy --json` the answers, the nearest first."""
    lists = _json(undisturbed, "similar", WORDS[0], WORDS[3], "--topn", "4")
    assert [entry["word"] for entry in lists] == [WORDS[0], WORDS[3]]
    answers = _json(undisturbed, "analogy", *WORDS[:3], "--topn", "4")
    assert all(set(entry) == {"word", "neighbours"} for entry in lists)
    for neighbours in (lists[0]["neighbours"], answers):
        assert [set(neighbour) for neighbour in neighbours] == [{"word", "cosine"}] * 4
        cosines = [neighbour["cosine"] for neighbour in neighbours]
        assert cosines == sorted(cosines, reverse=True) and cosines[0] <= 1


def test_evaluate(undisturbed: Path, tmp_path: Path) -> None:
    """`evaluate --json` has what was asked for in exactly the contract's keys, and counts rows it could not score."""
    rows = [f"{WORDS[number]}\t{WORDS[number + 1]}\t{number}" for number in range(9)]
    pairs = put(tmp_path / "pairs.tsv", "\n".join([*rows, "unheard\tof\t1"]))
    analogies = put(tmp_path / "analogies.txt", ": one\n" + " ".join(WORDS[:4]) + "\n: two\nunheard of by us\n")
    scores = _json(undisturbed, "evaluate", "--pairs", pairs, "--analogies", analogies)
    assert set(scores) == {"pairs", "analogies"}
    assert set(scores["pairs"]) == {"spearman", "scored", "rows"}
    assert (scores["pairs"]["scored"], scores["pairs"]["rows"]) == (9, 10)
    assert set(scores["analogies"]) == {"accuracy", "correct", "scored", "rows", "sections"}
    assert (scores["analogies"]["scored"], scores["analogies"]["rows"]) == (1, 2)
    assert [section["section"] for section in scores["analogies"]["sections"]] == ["one", "two"]
    assert set(_json(undisturbed, "evaluate", "--pairs", pairs)) == {"pairs"}


def test_npz(undisturbed: Path, tmp_path: Path) -> None:
    """The npz export has the three arrays, most frequent word first, or only so many of them."""
    done("export", tmp_path / "all.npz", folder=undisturbed)
    done("export", tmp_path / "few.npz", "--topn", "7", folder=undisturbed)
    with np.load(tmp_path / "all.npz") as arrays, np.load(tmp_path / "few.npz") as few:
        assert set(arrays) == {"words", "vectors", "counts"}
        assert [arrays[name].dtype.kind for name in ("words", "vectors", "counts")] == ["U", "f", "i"]
        assert [arrays[name].dtype.itemsize for name in ("vectors", "counts")] == [4, 8]
        assert arrays["vectors"].shape == (len(arrays["words"]), 16)
        assert (np.diff(arrays["counts"]) <= 0).all()
        assert arrays["words"][0] == WORDS[0]
        assert all((few[name] == arrays[name][:7]).all() for name in arrays)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.npz", "few.npz"]


def test_plain_text_in_a_pipe(undisturbed: Path) -> None:
    """What people read has no escape codes in a pipe, and its rows are not broken at 80 columns."""
    for command in ("status", "files", "checkpoints", "inspect"):
        ended = done(command, folder=undisturbed)
        assert ended.stdout and ESCAPE not in ended.stdout + ended.stderr, command
    refused = [line for line in done("files", folder=undisturbed).stdout.splitlines() if "noise.bin" in line]
    assert "see --encoding" in refused[0]


def test_log_lines(tmp_path: Path) -> None:
    """Log lines in JSON carry time, level and a dotted event, the contract's among them; console lines are plain."""
    put(tmp_path / "inbox" / "a.txt", "one two three\n" * 10)
    put(tmp_path / "inbox" / "empty.txt", "")
    done("watch", "inbox", "--once", folder=tmp_path)
    put(tmp_path / "inbox" / "b.txt", "four five six\n" * 10)
    lines = [json.loads(line) for line in done("watch", "inbox", "--once", folder=tmp_path).stderr.splitlines()]
    for line in lines:
        assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
        assert line["level"] in ("info", "warning", "error")
        assert re.fullmatch(r"[a-z]+\.[a-z]+", line["event"])
    events = [
        "checkpoint.resumed",
        "service.started",
        "inbox.watched",
        "file.trained",
        "vocabulary.grown",
        "checkpoint.saved",
    ]
    assert [line["event"] for line in lines] == [*events, "service.stopped"]
    grown = next(line for line in lines if line["event"] == "vocabulary.grown")
    assert (grown["vocabulary"], grown["admitted"]) == (6, 3)

    put(tmp_path / "inbox" / "c.txt", "seven\n")
    plain = done("watch", "inbox", "--once", "--log-format", "console", folder=tmp_path).stderr
    assert "file.trained" in plain and ESCAPE not in plain


@pytest.mark.parametrize("command", OPTIONS)
def test_every_command_has_help_with_an_example(command: str, tmp_path: Path) -> None:
    """`--help` says in a sentence what a command does, shows how it is called, and explains each of its options."""
    description, options = done(command, "--help", folder=tmp_path).stdout.split("\nOptions:\n")
    assert re.search(r"(?m)^  [A-Z].*", description)
    assert re.search(rf"(?m)^ +streamer {command}\b", description)
    listed = dict(re.findall(r"(?m)^  (?:-\w, )?--([a-z-]+)(.*(?:\n {4,}.*)*)", options))
    assert OPTIONS[command] | COMMON <= {name.replace("-", "_") for name in listed} | COMMON
    assert set(listed) >= COMMON
    for name, rest in listed.items():
        assert len(re.findall(r"\w+", re.sub(r"\[.*?\]", "", rest))) > 2, name
