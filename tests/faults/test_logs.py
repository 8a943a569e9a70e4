"""Whatever becomes of its log, the trainer trains."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ..checkpoints.test_publish import can_mount
from ..support.corpus import put, text
from ..support.process import COMMAND, QUICK, done, files

SHELL = 'exec "$@" {redirection}'


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", "0<&- 1>&- 2>&-", "2>&1 | true"])
def test_nowhere_to_log_to(redirection: str, tmp_path: Path) -> None:
    """With a full disk behind stderr, nobody who reads it, or none at all, all is trained and saved, and exit 0."""
    put(tmp_path / "inbox" / "a.txt", text(1, 20_000))
    shell = ("bash", "-o", "pipefail", "-c", f'"$@" {redirection}', "sh")
    arguments = ("watch", "inbox", "--once", *QUICK)
    assert subprocess.run([*shell, *COMMAND, *arguments], cwd=tmp_path, timeout=60).returncode == 0
    assert files(tmp_path)["a.txt"]["outcome"] == "trained"
    done("verify", folder=tmp_path)


def test_names_that_a_terminal_would_act_on(tmp_path: Path) -> None:
    """In the log for people, what is not printable in the name of a file is an escape; in JSON it is one anyway."""
    name = "x\x1b[31mred\nnew\u202etxt"
    put(tmp_path / "inbox" / name, text(1, 2_000))
    ended = done("watch", "inbox", "--once", *QUICK, "--log-format", "console", folder=tmp_path)
    assert "x\\x1b[31mred\\nnew\\u202etxt" in ended.stderr
    assert "\x1b" not in ended.stderr and "\u202e" not in ended.stderr
    assert files(tmp_path)[name]["outcome"] == "trained"


IN_A_MOUNT = """
import json, os, subprocess, sys, time
log = os.open("disk/log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
command = [sys.executable, "-m", "streamer", "watch", "inbox", "--vector-size", "8", "--settle", "0", "--rescan", "0.2"]
trainer = subprocess.Popen(command, stderr=log)
def said(word, seconds=20):
    end = time.monotonic() + seconds
    while word not in open("disk/log").read():
        assert time.monotonic() < end and trainer.poll() is None, open("disk/log").read()
        time.sleep(0.02)
said("inbox.watched")
filler = os.open("disk/filler", os.O_CREAT | os.O_WRONLY)
try:
    while True:
        os.write(filler, b"x" * 64)
except OSError:
    pass
for number in range(60):
    open(f"inbox/.{number}", "w").write(f"word{number}\\n")
    os.rename(f"inbox/.{number}", f"inbox/{number}.txt")
time.sleep(3)
os.unlink("disk/filler")
os.close(filler)
open("inbox/.late", "w").write("late\\n")
os.rename("inbox/.late", "inbox/late.txt")
said("lines_lost")
trainer.terminate()
assert trainer.wait(5) == 0
"""


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_a_log_whose_disk_fills_up(tmp_path: Path) -> None:
    """Lines that could not be written are counted and told; at most one is torn, and none runs into the next."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=32k none disk && "$@" && cp disk/log log'
    command = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", IN_A_MOUNT]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    lines, torn = [], 0
    for line in (tmp_path / "log").read_text().splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            torn += 1
    assert torn <= 1
    lost = [line["lines_lost"] for line in lines if "lines_lost" in line]
    trained = [line for line in lines if line["event"] == "file.trained"]
    assert len(lost) == 1 and len(trained) < 61
    assert lost[0] >= 61 - len(trained)
    assert len(files(tmp_path)) == 61
