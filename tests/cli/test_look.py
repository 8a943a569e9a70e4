"""`status`, `files`, `checkpoints`, `verify`: JSON of the shape that scripts rely on, and figures that agree."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streamer import Trainer
from streamer.checkpoints import Store
from streamer.cli.app import cli
from streamer.errors import StreamerError
from streamer.intake.reasons import reason_class
from streamer.state import Score

from ..support.corpus import aged, put
from ..support.process import QUICK, done, json_of, started


def test_status(undisturbed: Path) -> None:
    """`status --json` has the contract's keys, and figures that agree with the other commands."""
    status = json_of(undisturbed, "status")
    rows, newest = json_of(undisturbed, "files"), json_of(undisturbed, "checkpoints")[0]
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
            "skipped": {
                reason_class(entry.explanation): entry.bytes_skipped for entry in ledger.entries if entry.bytes_skipped
            },
        },
        "scores": [
            {"words_trained": 20, "test": "pairs a.tsv", "score": 0.3, "scored": 3, "rows": 4},
            {"words_trained": 10, "test": "analogies b.txt", "score": 0.2, "scored": 5, "rows": 6},
        ],
    }
    status = json_of(tmp_path, "status")
    assert {**status, **wanted} == status
    shown = done("status", folder=tmp_path).stdout
    assert re.search(r"(?m)^scores +0\.3000  pairs a\.tsv, scored 3 of 4\n +20\.0%  analogies b\.txt, scored", shown)
    assert re.search(r"(?m)^files +22 trained, 2 skipped; see: streamer files$", shown)


def test_status_says_what_is_written(undisturbed: Path, tmp_path: Path) -> None:
    """With checkpoints of an hour ago and of now, so many bytes an hour; nothing is said where there is only one."""
    assert "an hour" not in done("status", folder=undisturbed).stdout
    source = next((undisturbed / "checkpoints").glob("*.h5"))
    for number, age in ((3, 3600), (5, 0)):
        aged(put(tmp_path / "checkpoints" / f"checkpoint-{number:010}.h5", source.read_bytes()), age)
    written = json_of(tmp_path, "status")["bytes_written_per_hour"]
    assert written == pytest.approx(2 * source.stat().st_size, rel=0.01)
    assert re.search(r"(?m)^written +\d+\.\d [kM]B of checkpoints an hour$", done("status", folder=tmp_path).stdout)


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
    """`files --json` is a list of exactly these keys."""
    keys = {"path", "outcome", "reason", "format", "encoding", "words", "bytes", "bytes_trained", "bytes_skipped"}
    keys |= {"sha256", "unusual"}
    rows = json_of(undisturbed, "files")
    assert len(rows) == 24
    assert all(set(row) == keys and re.fullmatch("[0-9a-f]{64}", row["sha256"]) for row in rows)
    assert {row["outcome"] for row in rows} == {"trained", "skipped"}
    assert json_of(undisturbed, "files", "--outcome", "skipped") == [row for row in rows if row["outcome"] == "skipped"]
    assert json_of(undisturbed, "files", "--outcome", "partial") == []
    shown = done("files", "--outcome", "skipped", folder=undisturbed).stdout
    assert "noise.bin" in shown and "large.txt" not in shown and "bytes seen = 0 trained + " in shown
    assert done("files", "--outcome", "partial", folder=undisturbed).stdout == "no files\n"


def test_checkpoints(undisturbed: Path) -> None:
    """`checkpoints --json` is a list of exactly the contract's keys, newest first, with a time in UTC."""
    rows = json_of(undisturbed, "checkpoints")
    assert all(set(row) == {"name", "sequence", "size_bytes", "created", "verified"} for row in rows)
    assert [row["sequence"] for row in rows] == sorted((row["sequence"] for row in rows), reverse=True)
    assert all(row["verified"] is True for row in rows)
    created = datetime.fromisoformat(rows[0]["created"])
    assert created.utcoffset() == timedelta(0)
    assert datetime.now(UTC) - created < timedelta(hours=1)


def test_verify(undisturbed: Path, tmp_path: Path) -> None:
    """The newest by default, or one by its name or path; 65 if it is damaged, 66 if there is none."""
    shutil.copytree(undisturbed / "checkpoints", tmp_path / "checkpoints")
    names = [path.name for path in sorted((tmp_path / "checkpoints").glob("*.h5"))]
    newest = tmp_path / "checkpoints" / names[-1]
    size = f"{newest.stat().st_size:,}"
    folder = ["--checkpoints", str(tmp_path / "checkpoints")]

    def verify(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["verify", *arguments, *folder], standalone_mode=False)

    for arguments in ([], [names[-1]], [str(newest)]):
        shown = verify(*arguments).output
        assert names[-1] in shown and size in shown
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    for arguments, code in (([], 65), ([names[-1]], 65), (["checkpoint-0000000099.h5"], 66)):
        ended = verify(*arguments)
        assert isinstance(ended.exception, StreamerError) and ended.output == ""
        assert ended.exception.code == code
    assert newest.read_bytes() == content, "who looks sets nothing aside"


def test_an_older_checkpoint_is_named(undisturbed: Path, tmp_path: Path) -> None:
    """`status` of a folder whose newest is damaged shows the one before, and tells of the damage in a log line."""
    shutil.copytree(undisturbed / "checkpoints", tmp_path / "checkpoints")
    (tmp_path / "checkpoints" / "checkpoint-0000000099.h5").write_bytes(b"no checkpoint")
    ended = done("status", "--json", folder=tmp_path)
    (line,) = ended.events("checkpoint.damaged")
    assert line["name"] == "checkpoint-0000000099.h5" and ended.json["sequence"] < 99
    ended = done("checkpoints", folder=tmp_path)
    assert ended.stderr == ""
    assert [line.split()[0] for line in ended.stdout.splitlines()][1] == "checkpoint-0000000099.h5"


def test_sizing(undisturbed: Path, tmp_path: Path) -> None:
    """Of a model, of one that there may be, and within some memory; it reads variables and files of settings."""

    def sizing(*arguments: str, checkpoints: Path = tmp_path / "none", **variables: str) -> Result:
        call = ["sizing", *arguments, "--checkpoints", str(checkpoints)]
        return CliRunner(env=variables).invoke(cli, call, standalone_mode=False)

    def json_of_sizing(*arguments: str, **more: Any) -> Any:
        return json.loads(sizing(*arguments, "--json", **more).output)

    have = json_of_sizing(checkpoints=undisturbed / "checkpoints")
    assert have["vocabulary"] == json_of(undisturbed, "status")["vocabulary"]
    assert have["files"] == len(json_of(undisturbed, "files"))
    shown = sizing("--vocabulary", "1M", "--vector-size", "50", "--threads", "1").output
    assert shown.startswith("for 1,000,000 words, 50 dimensions, 2,000,000 candidates, 1 core, 3 checkpoints\n")
    assert re.search(r"(?m)^  vectors +408\.0 MB$", shown) and re.search(r"(?m)^--max-vocabulary +none$", shown)
    assert "workers" not in shown
    chosen = json_of_sizing("--memory", "1G")
    assert chosen["vocabulary"] == chosen["max_vocabulary"] > 100_000
    (tmp_path / "settings.toml").write_text('memory = "1G"\n')
    assert json_of_sizing("--config", str(tmp_path / "settings.toml")) == chosen
    assert json_of_sizing(STREAMER_MEMORY="1000M") == chosen
    for arguments, code in (((), 2), (("--memory", "50M"), 78), (("--memory", "1G", "--max-vocabulary", "0"), 78)):
        error = sizing(*arguments).exception
        assert isinstance(error, StreamerError) and error.code == code
