"""On a terminal: colours, a live line at the foot, Ctrl-C."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from ..support.corpus import WORDS, large, put, text
from ..support.process import PATIENCE, QUICK, done
from ..support.terminal import CODES, terminal

ERASE = "\x1b[2K"
COLOUR = re.compile(r"\x1b\[[0-9;]+m")


def test_the_live_line_and_ctrl_c(tmp_path: Path) -> None:
    """A line shows file, speed, loss and vocabulary while it trains, log lines stay above it, Ctrl-C saves and ends."""
    put(tmp_path / "inbox" / "first.txt", large(2 << 20))
    with terminal("watch", "inbox", *QUICK, "--settle", "10", folder=tmp_path) as screen:
        screen.see(r"━.* \d+% · 0/1 file · .*MB · .*loss \d\.\d+ · vocabulary [\d,]+ · first\.txt")
        screen.see(r"file\.trained")
        screen.see("waiting for files")
        for name in ("b", "c"):
            put(tmp_path / "inbox" / f"{name}.txt", text(2, 2_000), age=0)
        screen.see("waiting for 2 files to be still")
        screen.type(b"\x03")
        assert screen.ended() == 0
    assert "\x1b[?25h" in screen.shown, "the cursor is shown again"
    lines = [CODES.sub("", line.split(ERASE)[-1]) for line in screen.shown.split("\n")]  # as they stay
    for event in ("service.started", "vocabulary.grown", "file.trained", "checkpoint.saved", "service.stopped"):
        assert any(re.match(rf"\r*\d\d:\d\d:\d\d \[info +\] {event}", line) for line in lines), lines
    assert re.search(r"trained 1 file, [\d,]+ words\s*$", CODES.sub("", screen.shown))
    assert done("status", "--json", folder=tmp_path).json["files"]["trained"] == 1


def test_a_large_backlog_leaves_a_line(tmp_path: Path) -> None:
    """Of many small files, one line is left: that of their sum; a refused one among them keeps its own."""
    for number in range(30):
        put(tmp_path / "inbox" / f"{number}.txt", text(number, 2_000))
    put(tmp_path / "inbox" / "empty.txt", "")
    with terminal("watch", "inbox", "--once", *QUICK, folder=tmp_path) as screen:
        assert screen.ended() == 0
    shown = CODES.sub("", screen.shown)
    assert "file.trained" not in shown and "vocabulary.grown" not in shown
    assert re.search(r"files\.trained +files=30 words=[\d,]+ bytes=", shown)
    assert re.search(r"file\.skipped +path=empty\.txt reason=empty", shown)


def test_the_second_signal_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    """A second signal ends the process at once, and the cursor that the live line hid is back."""
    put(tmp_path / "inbox" / "first.txt", large())
    with terminal("watch", "inbox", *QUICK, folder=tmp_path, fault="service.stopping:stall") as screen:
        screen.see(r"vocabulary [\d,]+ · first\.txt")
        screen.process.send_signal(signal.SIGTERM)
        screen.see("failpoint.reached")
        time.sleep(0.2)
        screen.process.send_signal(signal.SIGINT)
        assert screen.ended() == 128 + signal.SIGINT
    assert screen.shown.rfind("\x1b[?25h") > screen.shown.rfind("\x1b[?25l")


@pytest.mark.parametrize(
    "command", [("watch", "inbox"), ("watch", "inbox", "--once"), ("train", "inbox")], ids=" ".join
)
def test_a_terminal_that_is_closed(command: list[str], tmp_path: Path) -> None:
    """When its window is closed, a trainer saves and ends well, though the hang-up comes from kernel and shell."""
    put(tmp_path / "inbox" / "first.txt", large(), age=7200)
    put(tmp_path / "inbox" / "second.txt", text(1, 3_000))
    with terminal(*command, *QUICK, "--checkpoint-every", "600", folder=tmp_path) as screen:
        screen.see(r"vocabulary [\d,]+ · first\.txt")
        screen.hang_up()
        screen.process.send_signal(signal.SIGHUP)
        assert screen.process.wait(PATIENCE) == 0
    assert done("status", "--json", folder=tmp_path).json["words_seen"] > 0
    done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    assert done("status", "--json", folder=tmp_path).json["files"] == {
        "trained": 2,
        "partial": 0,
        "skipped": 0,
        "held": 0,
        "forgotten": 0,
    }


def test_tables_have_colours(undisturbed: Path) -> None:
    """On a terminal outcomes have colours; --json has none even there."""
    with terminal("files", folder=undisturbed) as screen:
        assert screen.ended() == 0
    assert COLOUR.search(screen.shown)
    with terminal("files", "--json", folder=undisturbed) as screen:
        assert screen.ended() == 0
    assert "\x1b" not in screen.shown
    with terminal("files", folder=undisturbed, NO_COLOR="1") as screen:
        assert screen.ended() == 0
    assert not re.search(r"\x1b\[[0-9;]*3\dm", screen.shown)


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize(
    "command", [["status"], ["files"], ["checkpoints"], ["similar", *WORDS[:3]], ["analogy", *WORDS[:3]]]
)
def test_nothing_is_broken_by_the_terminal(command: list[str], columns: int, undisturbed: Path) -> None:
    """No line is longer than the terminal is wide, so that it is not broken in the middle of a column."""
    with terminal(*command, folder=undisturbed, columns=columns) as screen:
        assert screen.ended() == 0
    lines = [CODES.sub("", line) for line in screen.shown.splitlines()]
    assert len(lines) > 1
    assert [line for line in lines if len(line) > columns] == []


def test_log_lines_for_people(tmp_path: Path) -> None:
    """Figures have commas, counts by kind are words, and a number that names a process stays one."""
    put(tmp_path / "inbox" / "first.txt", text(1, 30_000))
    put(tmp_path / "inbox" / "empty.txt", "")
    with terminal("watch", "inbox", "--once", *QUICK, folder=tmp_path) as screen:
        assert screen.ended() == 0
    shown = CODES.sub("", screen.shown)
    assert re.search(r"service\.started +.* pid=\d+ threads=2 ", shown)
    assert re.search(
        r"file\.trained +path=first\.txt words=5,000 bytes=[\d,]+ seconds=0\.\d+ .* loss=\d\.\d{1,3} ", shown
    )
    with terminal("watch", "inbox", "--once", *QUICK, folder=tmp_path) as screen:
        assert screen.ended() == 0
    assert re.search(r"checkpoint\.resumed +name=.* files='1 trained, 1 skipped'", CODES.sub("", screen.shown))
