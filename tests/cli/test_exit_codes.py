"""The exit codes that scripts rely on, each with one line that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..support.corpus import put, text
from ..support.process import QUICK, Ended, done, run, started


def _complaint(ended: Ended, code: int) -> str:
    """Return the complaint of a command that had to end with this code: a line, perhaps a hint, no traceback."""
    assert ended.code == code, ended
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    return ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch"],
        ["watch", ".", "--no-such-option"],
        ["watch", ".", "--window", "wide"],
        ["train", ".", "--epochs", "0"],
        ["evaluate"],
        ["no-such-command"],
        ["status", "--log-format", "xml"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str], tmp_path: Path) -> None:
    """2: the command line itself is wrong; nothing is made."""
    assert "Error" in _complaint(run(*arguments, folder=tmp_path), 2)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch", "nowhere"],
        ["train", "nowhere.txt"],
        ["status", "--json"],
        ["similar", "a"],
        ["export", "vectors.npz"],
    ],
    ids=" ".join,
)
def test_no_such_input(arguments: list[str], tmp_path: Path) -> None:
    """66: no inbox, no file, no checkpoint; nothing is made."""
    _complaint(run(*arguments, folder=tmp_path), 66)
    assert not (tmp_path / "checkpoints").exists()
    assert not (tmp_path / "vectors.npz").exists()


def test_no_checkpoints_is_an_empty_list(tmp_path: Path) -> None:
    """`checkpoints` of a folder that is not there lists none."""
    assert done("checkpoints", "--json", folder=tmp_path).json == []


def test_cannot_write(undisturbed: Path, tmp_path: Path) -> None:
    """74: a folder for checkpoints cannot be made where a file is, nor an export in a folder that is not there."""
    put(tmp_path / "inbox" / "a.txt", text(1, 5_000))
    put(tmp_path / "file", "")
    complaint = _complaint(run("watch", "inbox", "--once", "--checkpoints", "file/within", folder=tmp_path), 74)
    assert "file/within" in complaint
    assert "no/such" in _complaint(run("export", "no/such/vectors.npz", folder=undisturbed), 74)


def test_contradictions_and_configuration(tmp_path: Path) -> None:
    """78: a flag that contradicts the checkpoint, naming both values; a configuration file that cannot be used."""
    put(tmp_path / "inbox" / "a.txt", text(1, 5_000))
    done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    before = list((tmp_path / "checkpoints").glob("*.h5"))
    wrong = (("--vector-size", "99", "16"), ("--architecture", "cbow", "skipgram"))
    for flag, value, stored in wrong:
        complaint = _complaint(run("watch", "inbox", "--once", flag, value, folder=tmp_path), 78)
        assert flag in complaint and value in complaint and stored in complaint
    contents = {
        "window = ": "TOML",
        "log-level = 'loud'": "log-level",
    }
    for content, word in contents.items():
        put(tmp_path / "bad.toml", content)
        complaint = _complaint(run("watch", "inbox", "--once", "--config", "bad.toml", folder=tmp_path), 78)
        assert word in complaint or "bad.toml" in complaint
    assert list((tmp_path / "checkpoints").glob("*.h5")) == before
    assert done("watch", "inbox", "--once", "--vector-size", "16", folder=tmp_path).stdout == "nothing new to train\n"


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    """A setting comes from the flag, else the environment, else the TOML file, else its default."""
    (tmp_path / "inbox").mkdir()
    lines = ["vector-size = 11", "min_count = 2", "window = 3", "checkpoints = 'elsewhere'", "log-level = 'error'"]
    put(tmp_path / "a.toml", "\n".join(lines))
    environment = {"STREAMER_CONFIG": "a.toml", "STREAMER_VECTOR_SIZE": "12", "STREAMER_MIN_COUNT": "3"}
    put(tmp_path / "inbox" / "a.txt", "one one one two two\n")
    ended = run("watch", "inbox", "--once", "--vector-size", "13", folder=tmp_path, environment=environment)
    assert (ended.code, ended.stderr) == (0, "")
    status = done("status", "--json", "--checkpoints", "elsewhere", folder=tmp_path).json
    assert (status["vector_size"], status["vocabulary"]) == (13, 1)
    ended = run("watch", "inbox", "--once", "--window", "5", folder=tmp_path, environment={"STREAMER_CONFIG": "a.toml"})
    complaint = _complaint(ended, 78)  # the TOML file contradicts the checkpoint, and so does the flag
    assert "--vector-size 11" in complaint and "trained with 13" in complaint
    ended = run("status", "--json", folder=tmp_path, environment={"STREAMER_CHECKPOINTS": "elsewhere"})
    assert ended.json == {**status, "age_seconds": ended.json["age_seconds"]}


def test_another_trainer_holds_the_folder(tmp_path: Path) -> None:
    """75, and who it is; free again as soon as that process is dead."""
    put(tmp_path / "inbox" / "a.txt", text(1, 5_000))
    with started("watch", "inbox", *QUICK, folder=tmp_path) as trainer:
        trainer.event("service.started")
        assert str(trainer.pid) in _complaint(run("train", "inbox", folder=tmp_path), 75)
        trainer.killed()
    done("train", "inbox", *QUICK, folder=tmp_path)
