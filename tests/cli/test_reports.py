"""What commands print: JSON of the shape that scripts rely on, plain text in a pipe, help with an example."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamer
from streamer import Trainer
from streamer.checkpoints import Store
from streamer.settings import ModelSettings, RunSettings, names
from streamer.state import Score

from ..support.corpus import WORDS, aged, put
from ..support.process import COMMAND, QUICK, done, run, started

COMMON = {"checkpoints", "config", "log-format", "log-level"}
OPTIONS = {
    "watch": set(names(ModelSettings, RunSettings)) | {"once", "initial_vectors"},
    "train": set(names(ModelSettings, RunSettings)) | {"epochs", "initial_vectors"},
    "status": {"json"},
    "files": {"outcome", "json"},
    "similar": {"topn", "restrict_vocab", "json"},
    "analogy": {"topn", "restrict_vocab", "json"},
    "evaluate": {"pairs", "analogies", "restrict_vocab", "json"},
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
    assert 1_000 < status["words_per_second"] < 100_000_000
    assert status["created"] == newest["created"]


def test_status_is_that_of_a_trainer(undisturbed: Path, tmp_path: Path) -> None:
    """What `status` reads without loading the model is what a trainer that loads it has, to the last bit."""
    trainer = Trainer.resume(undisturbed / "checkpoints", threads=1)
    trainer.scores.add([Score(10, "pairs a.tsv", 0.1, 3, 4), Score(10, "analogies b.txt", 0.2, 5, 6)])
    trainer.scores.add([Score(20, "pairs a.tsv", 0.3, 3, 4)])
    Store(tmp_path / "checkpoints").save({**trainer.state.to_tree(), "sequence": 1}, 1)
    model, ledger = trainer.state.model, trainer.state.ledger
    wanted = {
        "vocabulary": len(model.vocabulary),
        "candidates": len(model.vocabulary.candidates),
        "vector_size": model.settings.vector_size,
        "architecture": model.settings.architecture,
        "words_seen": model.vocabulary.total,
        "words_trained": model.words_trained,
        "loss": trainer.history.loss(),
        "files": ledger.outcomes(),
        "bytes": {
            "seen": sum(entry.bytes for entry in ledger.entries),
            "trained": sum(entry.bytes_trained for entry in ledger.entries),
            "skipped": {entry.reason: entry.bytes_skipped for entry in ledger.entries if entry.bytes_skipped},
        },
        "scores": [
            {"words_trained": 20, "test": "pairs a.tsv", "score": 0.3, "scored": 3, "rows": 4},
            {"words_trained": 10, "test": "analogies b.txt", "score": 0.2, "scored": 5, "rows": 6},
        ],
    }
    status = _json(tmp_path, "status")
    assert {**status, **wanted} == status
    shown = done("status", folder=tmp_path).stdout
    assert re.search(r"(?m)^scores +0\.3000  pairs a\.tsv, scored 3 of 4\n +20\.0%  analogies b\.txt, scored", shown)
    assert re.search(r"(?m)^files +22 trained, 2 skipped; see: streamer files$", shown)


def test_status_names_who_trains(tmp_path: Path) -> None:
    """While a trainer runs, `status` says so, and names its process; afterwards there is none."""
    put(tmp_path / "inbox" / "a.txt", "one two three\n" * 10)
    with started("watch", "inbox", *QUICK, folder=tmp_path) as trainer:
        trainer.event("checkpoint.saved")
        assert re.search(rf"(?m)^trainer +running, process {trainer.pid}$", done("status", folder=tmp_path).stdout)
        trainer.stopped()
    assert re.search(r"(?m)^trainer +none$", done("status", folder=tmp_path).stdout)


@pytest.mark.parametrize(("zone", "hours"), [("Asia/Tokyo", 9), ("UTC", 0), ("XYZ+3:30", -3.5)])
def test_times_in_the_zone_of_whoever_looks(zone: str, hours: float, undisturbed: Path, tmp_path: Path) -> None:
    """`status` and `checkpoints` show local time and how long ago that was; JSON stays in UTC."""
    folder = tmp_path / "checkpoints"
    shutil.copytree(undisturbed / "checkpoints", folder)
    (newest,) = sorted(folder.glob("checkpoint-*.h5"))[-1:]
    aged(newest, 3 * 3600 + 100)
    moment = datetime.fromtimestamp(newest.stat().st_mtime, UTC)
    local = f"{moment + timedelta(hours=hours):%Y-%m-%d %H:%M:%S}, 3 hours ago"
    zoned = {"TZ": zone}
    assert f"saved       {local}\n" in done("status", folder=tmp_path, environment=zoned).stdout
    assert f"yes       {local}\n" in done("checkpoints", folder=tmp_path, environment=zoned).stdout
    rows = done("checkpoints", "--json", folder=tmp_path, environment=zoned).json
    assert rows[0]["created"] == f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


def test_files(undisturbed: Path) -> None:
    """`files --json` is a list of exactly the contract's keys."""
    keys = {"path", "outcome", "reason", "words", "bytes", "bytes_trained", "bytes_skipped", "sha256"}
    rows = _json(undisturbed, "files")
    assert len(rows) == 24
    assert all(set(row) == keys and re.fullmatch("[0-9a-f]{64}", row["sha256"]) for row in rows)
    assert {row["outcome"] for row in rows} == {"trained", "skipped"}
    assert _json(undisturbed, "files", "--outcome", "skipped") == [row for row in rows if row["outcome"] == "skipped"]
    assert _json(undisturbed, "files", "--outcome", "partial") == []
    shown = done("files", "--outcome", "skipped", folder=undisturbed).stdout
    assert "noise.bin" in shown and "large.txt" not in shown and "bytes seen = 0 trained + " in shown
    assert done("files", "--outcome", "partial", folder=undisturbed).stdout == "no files\n"


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


def test_unknown_words_keep_nothing_back(undisturbed: Path) -> None:
    """Known words are answered; each unknown one is told in a line, with the nearest spellings below; exit 2."""
    ended = run("similar", WORDS[0], "xyzzy", f"{WORDS[1]}{WORDS[1][-1]}", WORDS[2], folder=undisturbed)
    assert ended.code == 2
    assert re.findall(r"(?m)^(\w+) +cosine", ended.stdout) == [WORDS[0], WORDS[2]]
    first, second, hint = ended.stderr.splitlines()
    assert first == "streamer: 'xyzzy' is not in the vocabulary"
    assert second == f"streamer: '{WORDS[1]}{WORDS[1][-1]}' is not in the vocabulary"
    assert re.fullmatch(rf"  hint: did you mean .*\b{WORDS[1]}\b.*\?", hint)

    ended = run("analogy", WORDS[0], "xyzzy", WORDS[1], folder=undisturbed)
    assert (ended.code, ended.stdout, ended.stderr) == (2, "", "streamer: 'xyzzy' is not in the vocabulary\n")


def test_words_on_standard_input(undisturbed: Path) -> None:
    """`similar -` answers a word a line as if it had been given each, in any case, and tells of the unknown ones."""
    lines = f"\ufeff{WORDS[3]}\r\n\n  {WORDS[0].upper()}\nxyzzy\n".encode() + b"caf\xe9\nxyzzy\n"

    def asked(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [*COMMAND, "similar", "-", *arguments]
        return subprocess.run(command, cwd=undisturbed, input=lines, capture_output=True)

    ended = asked("--json", "--topn", "3")
    wanted = _json(undisturbed, "similar", WORDS[3], WORDS[0], "--topn", "3")
    assert json.loads(ended.stdout) == wanted
    assert ended.returncode == 2
    assert [line.split("'")[1] for line in ended.stderr.decode().splitlines()] == ["xyzzy", "caf\ufffd"]
    assert re.findall(rb"(?m)^(\w+) +cosine", asked().stdout) == [WORDS[3].encode(), WORDS[0].encode()]


def test_restricted_to_frequent_words(undisturbed: Path) -> None:
    """`--restrict-vocab` keeps answers among the most frequent words, and evaluation to rows of those."""
    frequent = streamer.load(undisturbed / "checkpoints").index_to_key[:50]
    (answer,) = _json(undisturbed, "similar", frequent[30], "--restrict-vocab", "50")
    assert {neighbour["word"] for neighbour in answer["neighbours"]} <= set(frequent)
    near = _json(undisturbed, "analogy", *frequent[:3], "--restrict-vocab", "50")
    assert len(near) == 10 and {neighbour["word"] for neighbour in near} <= set(frequent) - set(frequent[:3])


def test_how_often_a_neighbour_was_seen(undisturbed: Path) -> None:
    """People see how often each neighbour was seen, and what an analogy asks."""
    vectors = streamer.load(undisturbed / "checkpoints")
    shown = done("analogy", *WORDS[:3], folder=undisturbed).stdout.splitlines()
    assert shown[0] == f"{WORDS[0]} is to {WORDS[1]} as {WORDS[2]} is to"
    for line in shown[2:]:
        word, _, seen = line.split()
        assert seen == f"{vectors.counts[vectors.key_to_index[word]]:,}"


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
    few = _json(undisturbed, "evaluate", "--pairs", pairs, "--analogies", analogies, "--restrict-vocab", "1")
    assert (few["pairs"]["scored"], few["analogies"]["scored"]) == (0, 0)

    shown = done("evaluate", "--pairs", pairs, "--analogies", analogies, folder=undisturbed).stdout
    assert f"pairs.tsv: Spearman {scores['pairs']['spearman']:.4f}, scored 9 of 10 rows\n" in shown
    assert re.search(r"(?m)^two +– +0 of 1\n\n.*analogies\.txt +[\d.]+% +1 of 2$", shown)
    nothing = put(tmp_path / "nothing.txt", "unheard of by us\n")
    shown = done("evaluate", "--analogies", nothing, folder=undisturbed).stdout
    assert shown == f"{nothing}: 0 of 1 rows could be scored: each has a word that is not in the vocabulary\n"


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
        assert not re.search(r"(?m) $", ended.stdout), command
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
    description, options = _help(command, tmp_path, 80).split("\nOptions:\n")
    assert re.search(r"(?m)^  [A-Z].*", description)
    assert re.search(rf"(?m)^ +streamer {command}\b", description)
    listed = dict(re.findall(r"(?m)^  (?:-\w, )?--([a-z-]+)(.*(?:\n {4,}.*)*)", options))
    assert OPTIONS[command] | COMMON <= {name.replace("-", "_") for name in listed} | COMMON
    assert set(listed) >= COMMON
    for name, rest in listed.items():
        assert len(re.findall(r"\w+", re.sub(r"\[.*?\]", "", rest))) > 2, name


@pytest.mark.parametrize("columns", [80, 110])
@pytest.mark.parametrize("command", ["", *OPTIONS])
def test_help_fits(command: str, columns: int, tmp_path: Path) -> None:
    """No line of any help is longer than the terminal is wide."""
    shown = _help(command, tmp_path, columns)
    assert max(map(len, shown.splitlines())) <= columns


@pytest.mark.parametrize("command", ["watch", "train"])
def test_the_help_of_many_options_has_sections(command: str, tmp_path: Path) -> None:
    """Settings of the model, of the run, and what all commands have stand under headings of their own."""
    shown = _help(command, tmp_path, 80)
    assert "[default: " in shown and not re.search(r"\[default:\s*\n", shown)
    sections = dict(re.findall(r"(?m)^(\w.*):\n((?:  .*\n)+)", shown))
    listed = {title: set(re.findall(r"(?m)^  (?:-\w, )?--([a-z-]+)", text)) for title, text in sections.items()}
    titles = list(listed)[-4:]
    assert [title.split(",")[0] for title in titles] == ["Options", "Model", "Run", "Common"]
    own, model, run, common = (listed[title] for title in titles)
    assert own == {name.replace("_", "-") for name in OPTIONS[command] - set(names(ModelSettings, RunSettings))} | {
        "help"
    }
    assert model == {name.replace("_", "-") for name in names(ModelSettings)}
    assert run == {name.replace("_", "-") for name in names(RunSettings)}
    assert common == COMMON


def test_a_reader_that_has_had_enough(undisturbed: Path, tmp_path: Path) -> None:
    """`streamer files | head -1` ends well, with no traceback."""
    words = put(tmp_path / "words.txt", "\n".join(WORDS[:200] * 4))
    for command in ("files", "files --json", "similar -", "similar - xyzzy", "--help"):
        line = f"{shlex.join(COMMAND)} {command} < {words} | head -1"
        ended = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], cwd=undisturbed, capture_output=True)
        assert ended.stdout.count(b"\n") == 1
        assert b"Traceback" not in ended.stderr and b"BrokenPipe" not in ended.stderr, command


def test_letters_that_the_encoding_lacks(undisturbed: Path, tmp_path: Path) -> None:
    """Where stdout can't show a letter, its escape stands for it."""
    shutil.copytree(undisturbed / "checkpoints", tmp_path / "checkpoints")
    put(tmp_path / "inbox" / "日本.txt", "word " * 40)
    done("watch", "inbox", "--once", folder=tmp_path)
    ended = done("files", folder=tmp_path, environment={"PYTHONIOENCODING": "ascii"})
    assert "\\u65e5\\u672c.txt" in ended.stdout


def _help(command: str, folder: Path, columns: int) -> str:
    arguments = [command, "--help"] if command else ["--help"]
    return done(*arguments, folder=folder, environment={"COLUMNS": str(columns)}).stdout


def test_words_as_people_type_them(tmp_path: Path) -> None:
    """Capitals, curly apostrophes and letters in two parts find the word that the tokenizer makes of them."""
    text = "don't ask at the café why they don't open the café before ten " * 20
    streamer.Trainer(vector_size=8, min_count=1, threads=1).partial_fit([text]).save(tmp_path / "checkpoints")
    typed = ("DON’T", "Cafe\u0301", "café")
    found = done("similar", *typed, "--json", folder=tmp_path).json
    assert [entry["word"] for entry in found] == ["don't", "café", "café"]
