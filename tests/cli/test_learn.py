"""`watch` and `train` as commands: what they refuse before they begin, what they print at the end."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from streamer.cli import learn
from streamer.cli.app import cli
from streamer.cli.live import LiveDisplay
from streamer.cli.options import Common
from streamer.errors import ExitCode, StreamerError
from streamer.service.progress import Display
from streamer.service.signals import SIGNALS

from ..support.corpus import put, text
from ..support.process import QUICK, done, started

SMALL = ("--vector-size", "4", "--min-count", "1", "--threads", "1", "--settle", "0", "--log-level", "error")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be in a working folder, and give this process its signals back in the end."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("STREAMER_")]:
        monkeypatch.delenv(name)
    yield tmp_path
    for number, handler in before.items():
        signal.signal(number, handler)


def command(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(cli, [*arguments, *SMALL], standalone_mode=False)


def refused(*arguments: str) -> StreamerError:
    """Return the error of a command that cannot begin; it has to leave nothing behind."""
    error = command(*arguments).exception
    assert isinstance(error, StreamerError)
    assert not Path("checkpoints").exists()
    return error


@pytest.mark.parametrize(
    ("inbox", "there", "hint"),
    [("none", False, "mkdir"), ("a.txt", True, "streamer train"), ("x" * 5000, False, "mkdir")],
)
def test_no_folder_to_watch(inbox: str, there: bool, hint: str) -> None:
    """66, with what to do: make the folder, or train the file that has that name."""
    put(Path("a.txt"), "some words")
    error = refused("watch", inbox)
    assert error.code == ExitCode.NO_INPUT
    assert inbox in error.problem and hint in error.hint


def test_no_file_to_train() -> None:
    """66 for the first that is not there, whatever else there is."""
    put(Path("a.txt"), "some words")
    error = refused("train", "a.txt", "none.txt")
    assert error.code == ExitCode.NO_INPUT and "none.txt" in error.problem


@pytest.mark.parametrize("name", ["watch", "train"])
def test_how_often_but_not_on_what(name: str) -> None:
    """2: a distance between scores says nothing without a test; the error names the options that do."""
    put(Path("inbox") / "a.txt", "some words")
    error = refused(name, "inbox", "--evaluate-every", "1M")
    assert error.code == ExitCode.USAGE
    assert "--evaluate-every" in error.problem and "--pairs" in error.hint


@pytest.mark.parametrize("name", ["watch", "train"])
def test_settings_are_judged_first(name: str) -> None:
    """78 before it is asked whether the input is there."""
    assert refused(name, "none", "--window", "0").code == ExitCode.CONFIGURATION


def test_the_last_line_says_what_was_done() -> None:
    """Files and words that were trained, files that were refused, once and with how to see them."""
    for number in range(2):
        put(Path("inbox") / f"{number}.txt", f"one two {number}\n")
    put(Path("inbox") / "empty.txt", "")
    out = command("watch", "inbox", "--once").output
    assert out.count("\n") == 1
    assert re.findall(r"\d+", out) == ["2", "6", "1"]
    assert re.search(r"\b2 files\b", out) and not re.search(r"\b1 files\b", out)
    out = command("watch", "inbox", "--once").output
    assert out.count("\n") == 1 and not re.search(r"\d", out)


def test_copies_are_no_refusals_and_the_command_that_is_named_works() -> None:
    """Copies are counted apart; the hint names the folder of checkpoints, if it is not the usual one."""
    for name in ("a.txt", "b.txt"):
        put(Path("in") / name, text(1, 900))
    put(Path("in/c.txt"), bytes(range(256)) * 9)
    said = CliRunner().invoke(cli, ["watch", "in", "--once", "--checkpoints", "my own", *SMALL]).stdout
    assert re.fullmatch(
        r"trained 1 file, \d+ words; 1 copy; 1 file refused, see: streamer files --checkpoints 'my own'\n", said
    )
    shown = CliRunner().invoke(cli, ["status", "--checkpoints", "my own"]).stdout
    assert "1 trained, 2 skipped; see: streamer files --checkpoints 'my own'" in shown


def test_epochs_are_told() -> None:
    """A line for each with its number, their count and a loss of four digits, and one line at the end."""
    put(Path("a.txt"), text(1, 3_000))
    lines = command("train", "a.txt", "--epochs", "3").output.splitlines()
    assert [re.findall(r"\d+/\d+", line) for line in lines] == [["1/3"], ["2/3"], ["3/3"], []]
    assert all(re.search(r" \d+\.\d{4}$", line) for line in lines[:3])


def test_an_epoch_in_which_nothing_was_measured() -> None:
    """A single word has no context, so there is no loss; that is no error."""
    put(Path("a.txt"), "word")
    lines = command("train", "a.txt").output.splitlines()
    assert len(lines) == 2 and "1/1" in lines[0] and "." not in lines[0]


def test_what_was_stopped_says_so(tmp_path: Path) -> None:
    """After a signal it is one line with the same figures, and another one than that of a run that was done."""
    put(tmp_path / "inbox" / "a.txt", "one two three\n")
    whole = done("watch", "inbox", "--once", *QUICK, "--checkpoints", "whole", folder=tmp_path).stdout
    with started("watch", "inbox", *QUICK, folder=tmp_path) as process:
        process.event("file.trained")
        ended = process.stopped()
    assert ended.code == 0
    assert ended.stdout.count("\n") == 1 and ended.stdout != whole
    assert re.findall(r"\d+", ended.stdout) == re.findall(r"\d+", whole) == ["1", "3"]


@pytest.mark.parametrize(
    ("form", "terminal", "kind"),
    [("auto", True, LiveDisplay), ("console", True, LiveDisplay), ("json", True, Display), ("auto", False, Display)],
)
def test_the_live_line_is_for_people(
    form: str, terminal: bool, kind: type[Display], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there on a terminal, unless that is to have JSON, and nowhere else."""
    monkeypatch.setenv("FORCE_COLOR" if terminal else "NO_COLOR", "1")
    monkeypatch.delenv("NO_COLOR" if terminal else "FORCE_COLOR", raising=False)
    with click.Context(learn.watch, obj=Common({}, form, "info")):
        assert type(learn._display(Common({}, form, "info"))) is kind


@pytest.mark.parametrize("arguments", [["watch"], ["train"], ["watch", "a", "b"], ["train", "a", "--epochs", "0"]])
def test_wrong_usage(arguments: list[str]) -> None:
    """2 for arguments that are missing, too many, or out of bounds; nothing is made."""
    error = command(*arguments).exception
    assert isinstance(error, click.UsageError) and error.exit_code == ExitCode.USAGE
    assert not Path("checkpoints").exists()


def test_signals_are_heard_until_the_end_and_not_longer() -> None:
    """While the command runs they are heard; when it has ended, one that is late changes nothing."""
    (Path("inbox")).mkdir()
    assert command("watch", "inbox", "--once").exception is None
    assert [signal.getsignal(number) for number in SIGNALS] == [signal.SIG_IGN] * len(SIGNALS)
