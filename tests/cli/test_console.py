"""What commands print and how they end: JSON, unknown words, errors, a terminal that is gone, signals."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from streamer.cli import console
from streamer.cli.options import Common
from streamer.errors import ExitCode, StreamerError
from streamer.vectors import WordVectors


@pytest.fixture
def vectors() -> WordVectors:
    """Return two words."""
    return WordVectors(["king", "queen"], [[1.0, 0.0], [0.0, 1.0]], [2, 1])


def test_an_error_is_a_line_and_perhaps_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    """Both go to stderr; where there is no hint there is no second line."""
    console.tell(StreamerError("it is wrong", hint="mend it", code=ExitCode.DAMAGED))
    assert capsys.readouterr() == ("", "streamer: it is wrong\n  hint: mend it\n")
    console.tell(StreamerError("it is wrong"))
    assert capsys.readouterr() == ("", "streamer: it is wrong\n")


def test_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    """All of stdout is one document, that ends with its line."""
    value = {"a": [1, None, "é"], "b": 0.1}
    console.print_json(value)
    out, err = capsys.readouterr()
    assert json.loads(out) == value and out.endswith("}\n") and err == ""
    assert out.isascii(), "so that every encoding can have it"


def test_unknown_words(vectors: WordVectors, capsys: pytest.CaptureFixture[str]) -> None:
    """All but the last are told; that one is the error (2), with the nearest spellings as its hint."""
    with pytest.raises(StreamerError) as caught:
        console.tell_of_unknown(vectors, ["xyzzy", "king", "kinq", "xyzzy"])
    assert caught.value.code == ExitCode.USAGE
    assert "'kinq'" in caught.value.problem and "king" in caught.value.hint
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1 and "'xyzzy'" in err


def test_no_suggestions_where_none_are_wished(vectors: WordVectors) -> None:
    """For words from a file nobody reads them."""
    with pytest.raises(StreamerError) as caught:
        console.tell_of_unknown(vectors, ["kinq"], suggest=False)
    assert caught.value.hint == ""


def test_all_words_are_known(vectors: WordVectors, capsys: pytest.CaptureFixture[str]) -> None:
    """Then there is nothing to tell."""
    console.tell_of_unknown(vectors, ["king", "queen"])
    console.tell_of_unknown(vectors, [])
    assert capsys.readouterr() == ("", "")


def test_the_log_is_as_the_options_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Lines go to stderr in the form and from the level on that the command was given; stdout is for results."""
    command = (
        "import click, structlog\nfrom streamer.cli import console\nfrom streamer.cli.options import Common\n"
        "with click.Context(click.Command('x'), obj=Common({}, 'json', 'warning')):\n"
        "    console.log_to_stderr()\n"
        "log = structlog.get_logger()\nlog.info('some.event')\nlog.warning('other.event')\n"
    )
    ended = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert [json.loads(line)["event"] for line in ended.stderr.splitlines()] == ["other.event"]


def test_the_newest_vectors_are_loaded(tmp_path: Path) -> None:
    """66 where there are none; the error names the folder."""
    with click.Context(click.Command("x"), obj=Common({}, "json", "error")), pytest.raises(StreamerError) as caught:
        console.load(tmp_path)
    assert caught.value.code == ExitCode.NO_INPUT and str(tmp_path) in caught.value.problem


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_as_an_exception_does(number: signal.Signals) -> None:
    """What cleans up behind itself does; afterwards the signals are heard by whoever heard them before."""
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    cleaned = []
    with pytest.raises(SystemExit) as caught, console.ended_by_signals():
        try:
            os.kill(os.getpid(), number)
        finally:
            cleaned.append(True)
    assert caught.value.code == 128 + number
    assert cleaned
    assert {each: signal.getsignal(each) for each in before} == before


SAY = """
import os, sys
from streamer.cli.console import say
sys.stdin.read(1)
say("first")
say("second")
sys.stdout.flush()
sys.exit(7)
"""


def test_a_terminal_that_is_gone_is_no_error() -> None:
    """Where all is saved, the last line may go nowhere."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-c", SAY], stdin=subprocess.PIPE, stdout=theirs) as process:
        os.close(theirs)
        os.close(ours)
        process.communicate(b"x", timeout=20)
    assert process.returncode == 7


def test_another_error_of_stdout_is_one() -> None:
    """A full disk is told: somebody wanted that line in a file."""
    full = Path("/dev/full").open("w")  # noqa: SIM115 - to close it fails, too
    with contextlib.redirect_stdout(full), pytest.raises(OSError) as caught:
        console.say("a line")
    with contextlib.suppress(OSError):
        full.close()
    assert caught.value.errno == errno.ENOSPC
