"""Whatever lies in the inbox: one row, one outcome, one reason and one log line for each, and nothing waits or dies."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.corpus import aged, put, text
from tests.support.process import COMMAND, POWERLESS, QUICK, Ended, done, files, run, started

from .accounting import check_accounts
from .conftest import Amount, Tell
from .kinds import CANARY, GOOD, KINDS, NAMES, THINGS, UNREADABLE, WORDS, Kind

HANG = 10.0
"""Seconds that no file may take."""
GOODS = ("first good", "middle good", "last good")
SETTLING = QUICK[QUICK.index("--settle") :]
"""Settings that only ``watch`` has."""
Expected = dict[str, tuple[str, int]]
"""For each path of a row the beginning of its reason, and its words."""


def fill(inbox: Path, kinds: dict[str, Kind]) -> Expected:
    """Put a thing of each kind into an inbox, good files before, between and after; return what has to come of it."""
    put(inbox.parent / CANARY, GOOD)
    expected: Expected = {}
    ages = iter(range(90_000, 0, -60))
    for number, (kind, what) in enumerate(kinds.items()):
        if number % (len(kinds) // 2) == 0:
            name = GOODS[number // (len(kinds) // 2)]
            put(inbox / name, GOOD, age=next(ages))
            expected[name] = ("", WORDS)
        name = what.name or f"{kind}.txt"
        try:
            what.make(inbox / name)
        except PermissionError:
            continue  # not everyone may make devices
        if (inbox / name).is_file() and not (inbox / name).is_symlink() and "in-" not in kind:
            os.utime(inbox / name, (time.time() - next(ages),) * 2)
        expected[what.entry or name] = (what.reason, what.words)
        if name == "folder.txt":
            expected["folder.txt/within.txt"] = ("", WORDS)
    put(inbox / GOODS[2], GOOD, age=next(ages))
    return expected | {GOODS[2]: ("", WORDS)}


@pytest.fixture
def powerless(tmp_path: Path) -> tuple[str, ...]:
    """Return the command as a user whom file modes bind."""
    if run("--version", folder=tmp_path, command=POWERLESS).code == 77:
        pytest.skip("root, and not allowed to give up its powers")
    return POWERLESS


def check(rows: dict[str, dict[str, Any]], ended: Ended, expected: Expected) -> None:
    """Check the row and the log line of each file."""
    unreadable = {path for path, (reason, _) in expected.items() if reason == UNREADABLE}
    assert rows.keys() == expected.keys() - unreadable
    lines = Counter(line["path"] for name in ("file.trained", "file.skipped") for line in ended.events(name))
    assert lines == dict.fromkeys(rows, 1), "a line each"
    reasons = {line["path"]: line["reason"] for line in ended.events("file.skipped")}
    wrong = []
    for path, row in rows.items():
        reason, words = expected[path]
        known = row["reason"].startswith(reason) if reason else not row["reason"]
        if not known or (row["outcome"], row["words"]) != ("skipped" if reason else "trained", words):
            wrong.append((row, expected[path]))
        assert reasons.get(path, "") == row["reason"]
    assert not wrong, "\n".join(f"{row['path']}: {row['outcome']}, {row['words']}, {row['reason']}" for row, _ in wrong)
    warned = [line["path"] for line in ended.events(UNREADABLE)]
    assert all(sum(f"/{path}/" in line for line in warned) == 1 for path in unreadable), warned


def check_books(folder: Path) -> None:
    """Check that each byte is counted once, apart from what only root can see."""
    (folder / "inbox" / "closed").rename(folder / "inbox" / ".closed")
    check_accounts(folder / "checkpoints", folder / "inbox")


def slowest(ended: Ended) -> tuple[float, str]:
    """Return the longest time between two lines of the log, and the file that the second is about."""
    lines = map(_moment, ended.stderr.splitlines())
    return max((after[0] - before[0], after[1]) for before, after in itertools.pairwise(lines))


def _moment(line: str) -> tuple[float, str]:
    event = json.loads(line)
    return datetime.fromisoformat(event["timestamp"]).timestamp(), str(event.get("path", event["event"]))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_kind_of_file_has_one_end(tmp_path: Path, powerless: tuple[str, ...], amount: Amount, tell: Tell) -> None:
    """All kinds in one inbox: the good are trained, the bad refused for the right reason, quickly, and said once."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    size = amount(20_000_000, 1_000_000_000)
    lines = {"one-line": Kind(lambda path: _one_line(path, size), "", size // 100)}
    expected = fill(inbox, KINDS | lines)
    began = time.monotonic()
    with started(
        "watch", inbox, "--once", "--duplicates", "train", *QUICK, folder=tmp_path, command=powerless
    ) as process:
        ended = process.ended(within=amount(60, 240))
    seconds = time.monotonic() - began
    assert ended.code == 0, ended.stderr
    rows = files(tmp_path)
    check(rows, ended, expected)
    longest, path = slowest(ended)
    assert longest < HANG or "one-line" in path, (longest, path)

    again = done("watch", inbox, "--once", "--duplicates", "train", *QUICK, folder=tmp_path, command=powerless)
    assert again.stdout == "nothing new to train\n"
    assert not again.events("file.skipped") + again.events("file.trained"), "said once"
    assert files(tmp_path) == rows
    check_books(tmp_path)
    tell(f"{len(KINDS) + 1} kinds of bad and odd files in {seconds:.1f} s, the slowest {longest:.1f} s: {path[:40]!r}")


def test_the_commands_show_no_name_as_it_is(tmp_path: Path) -> None:
    """A name may hold what clears a screen or forges a line: the table of files and the log show it escaped."""
    (tmp_path / "inbox").mkdir()
    expected = fill(tmp_path / "inbox", NAMES)
    ended = done("watch", "inbox", "--once", "--duplicates", "train", *QUICK, folder=tmp_path)
    shown = done("files", folder=tmp_path).stdout
    assert not {"\x1b", "\r", "\x07", "\u202e"} & set(ended.stderr + shown)
    assert len(shown.splitlines()) == len(expected) + 3, "the heads, a line for each, a blank one and the sum"
    assert not ended.events("forged")
    assert {row["path"] for row in done("files", "--json", folder=tmp_path).json} == expected.keys()


@pytest.mark.slow
@pytest.mark.parametrize("command", [("watch", "inbox", "--once", "--poll"), ("train", "inbox")], ids=" ".join)
def test_all_ways_in_come_to_the_same(command: tuple[str, ...], tmp_path: Path, powerless: tuple[str, ...]) -> None:
    """Without events, and as files given to train, each kind has the same end."""
    (tmp_path / "inbox").mkdir()
    expected = fill(tmp_path / "inbox", KINDS)
    ended = done(
        *command,
        *("--duplicates", "train"),
        *(option for option in QUICK if "train" not in command or option not in SETTLING),
        folder=tmp_path,
        command=powerless,
    )
    check(files(tmp_path), ended, expected)
    check_books(tmp_path)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_nothing_outside_the_inbox_is_opened(tmp_path: Path) -> None:
    """Of links, FIFOs, sockets and devices none is opened, nor what a link leads to, as the kernel sees it."""
    (tmp_path / "inbox").mkdir()
    expected = fill(tmp_path / "inbox", THINGS)
    trace = ("strace", "-f", "-y", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=open,openat,openat2,execve")
    done("watch", "inbox", "--once", "--duplicates", "train", *QUICK, folder=tmp_path, command=(*trace, *COMMAND))
    calls = (tmp_path / "trace").read_text(errors="replace").splitlines()
    opened = {call.rpartition("= ")[2].partition("<")[2].removesuffix(">") for call in calls if "open" in call}
    assert f"{tmp_path}/inbox/hard.txt" in opened, "the trace shows what is opened"
    assert not [call for call in calls if CANARY in call.rpartition("= ")[2]]
    special = [name for name, (reason, _) in expected.items() if "not a regular file" in reason]
    assert not [name for name in special if f"{tmp_path}/inbox/{name}" in opened]
    asked = [name for name in special if any(f'"{tmp_path}/inbox/{name}"' in call for call in calls)]
    assert not asked, "they are known by a look from outside"


def _one_line(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // 1_000_000):
            file.write((b"w" * 99 + b" ") * 10_000)


def test_a_file_with_holes_that_is_touched_is_the_same_file(tmp_path: Path) -> None:
    """What was trained under a loose limit is recognised under a strict one, and its bytes are counted once."""
    path = put(tmp_path / "inbox" / "holes.txt", text(1, 100_000) + " " * 8192)
    size = path.stat().st_size
    with path.open("ab") as file:
        file.truncate(size + size // 50)
    aged(path, 3600)
    done("watch", "inbox", "--once", *QUICK, "--max-bad-ratio", "0.8", folder=tmp_path)
    aged(path, 1800)
    done("watch", "inbox", "--once", "--duplicates", "train", *QUICK, folder=tmp_path)
    assert [row["outcome"] for row in files(tmp_path).values()] == ["trained"]
