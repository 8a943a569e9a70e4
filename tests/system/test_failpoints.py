"""Places that can be made to fail: what is armed happens, when it is due, and nothing else does."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.system import failpoints
from streamer.system.failpoints import FAILPOINTS, arm, reached

ROOT = Path(__file__).parents[2]


def armed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Arm failpoints in this process until the test ends."""
    monkeypatch.setattr(failpoints, "_armed", arm(text))


def test_unarmed_nothing_happens(capfd: pytest.CaptureFixture[str]) -> None:
    """No place does anything, nor a name that is none: the empty name stands for a place without a failpoint."""
    assert [reached(name) for name in [*FAILPOINTS, "", "no such place"]] == [""] * (len(FAILPOINTS) + 2)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("times", "happens"),
    [("", [1]), (":1", [1]), (":3", [3]), (":1+", [1, 2, 3, 4, 5]), (":3+", [3, 4, 5]), (":9", []), (":0", [])],
)
def test_it_happens_when_it_is_due(monkeypatch: pytest.MonkeyPatch, times: str, happens: list[int]) -> None:
    """The first time, the Nth time only, or from the Nth time on."""
    armed(monkeypatch, f"checkpoint.write:short{times}")
    assert [number for number in range(1, 6) if reached("checkpoint.write") == "short"] == happens


@pytest.mark.parametrize("name", ["ENOSPC", "EIO", "EACCES", "EMFILE"])
def test_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """It is raised as the system would raise it, by its number and its text."""
    armed(monkeypatch, f"input.read:{name}:2")
    assert reached("input.read") == ""
    with pytest.raises(OSError) as caught:
        reached("input.read")
    number = getattr(errno, name)
    assert (caught.value.errno, caught.value.strerror) == (number, os.strerror(number))
    assert reached("input.read") == ""


def test_several_places_count_each_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is armed at one place is not due at another; commas, the last one too, separate."""
    armed(monkeypatch, "input.read:short:2,inbox.event:lose,")
    assert [reached("input.read"), reached("inbox.event"), reached("input.read"), reached("input.open")] == [
        "",
        "lose",
        "short",
        "",
    ]


def test_what_happens_is_said_in_a_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """On stderr, as the log's lines are, so that a drill can be told from a failure; nothing on stdout."""
    armed(monkeypatch, "input.read:short:2")
    reached("input.read")
    assert capfd.readouterr() == ("", "")
    reached("input.read")
    out, err = capfd.readouterr()
    assert out == ""
    assert err.endswith("\n")
    line = json.loads(err)
    assert line == {"event": "failpoint.reached", "name": "input.read", "action": "short", "level": "warning"}


def test_a_stall_is_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits, and then all goes on as if nothing had been."""
    monkeypatch.setattr(failpoints, "STALL_SECONDS", 0.05)
    armed(monkeypatch, "block.read:stall")
    started = time.monotonic()
    assert reached("block.read") == ""
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(
    "text",
    [
        "cake:kill",
        "input.read",
        "input.read:",
        "input.read:cake",
        "input.read:enospc",
        "input.read:ENOCAKE",
        "input.read:kill:",
        "input.read:kill:x",
        "input.read:kill:-1",
        "input.read:kill:1.5",
        "input.read:kill:+",
        "input.read:short,cake:kill",
        ":kill",
    ],
)
def test_what_is_no_failpoint_is_refused(text: str) -> None:
    """A place, an action or a number that there is not is an error that says so, not a drill that never happens."""
    with pytest.raises(StreamerError) as caught:
        arm(text)
    assert caught.value.code == ExitCode.USAGE
    assert caught.value.hint


def test_nothing_arms_nothing() -> None:
    """An empty variable is as good as none."""
    assert arm("") == arm(",") == {}


def run(code: str, armed: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process in which the environment arms failpoints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STREAMER_FAILPOINT": armed}
    command = [sys.executable, "-c", f"from streamer.system.failpoints import reached\n{code}"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_the_environment_arms_and_a_kill_kills() -> None:
    """The process ends in the very call, with nothing of what comes after it, and without a word but its line."""
    code = 'print("before", flush=True)\nreached("block.read")\nreached("block.read")\nprint("after")'
    ended = run(code, "block.read:kill:2")
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "before\n")
    assert json.loads(ended.stderr)["action"] == "kill"
    assert run(code, "").stdout == "before\nafter\n"


def test_every_place_is_explained() -> None:
    """Names say the part and the moment; each has a line that says when it is reached."""
    for name, when in FAILPOINTS.items():
        part, _, moment = name.partition(".")
        assert part.isidentifier() and moment.isidentifier()
        assert when.startswith(("before ", "after ", "when "))
