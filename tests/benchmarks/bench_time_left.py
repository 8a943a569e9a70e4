"""The time left that the live line shows: how wrong it is in the middle of a run, for large and for tiny files.

``STREAMER_BENCH_TEXT`` names the folder of the large ones, such as books; the tiny ones are cut from it.
``STREAMER_BENCH_CLOCK=cpu`` counts processor time instead of the time of the wall: on a machine that does other things
too, the rest of a run takes as long as these let it, which nobody can foresee.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.signals import StopSignals
from streamer.service.time_left import TimeLeft
from streamer.settings import RunSettings

from .text import fill

TINY = 20_000
WORDS = 100
SEEN_SECONDS = 0.125
"""Seconds between looks at the estimate: as often as a terminal is drawn."""


def cpu() -> float:
    """Return the processor time of this process and of those that it started."""
    ours = Path("/proc/self/task").glob("*/children")
    running = [Path(f"/proc/{child}/stat") for path in ours for child in path.read_text().split()]
    ticks = (sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) for stat in running if stat.exists())
    ended = os.times()
    return sum(ticks) / os.sysconf("SC_CLK_TCK") + time.process_time() + ended.children_user + ended.children_system


CLOCK = cpu if os.environ.get("STREAMER_BENCH_CLOCK") == "cpu" else time.monotonic


class Watched(Display):
    """Notes the estimate again and again, as the live line would show it."""

    live = True

    def __init__(self) -> None:
        self._left = TimeLeft(CLOCK)
        self.began: float | None = None
        self.ended = 0.0
        self.seen: list[tuple[float, float | None]] = []

    def backlog(self, files: int, size: int) -> None:
        """Begin with so many files."""
        self._left.add(files, size)
        self.began = self.began or CLOCK()

    def file(self, path: str, size: int) -> None:
        """Begin a file."""
        self._left.begin(size)

    def reached(self, share: float) -> None:
        """Note a block."""
        self._left.reach(share)
        self._look()

    def done(self) -> None:
        """End a file."""
        self._left.end()
        self._look()

    def _look(self) -> None:
        self.ended = CLOCK()
        if not self.seen or self.ended - self.seen[-1][0] >= SEEN_SECONDS:
            self.seen.append((self.ended, self._left.seconds()))

    def errors(self) -> list[float | None]:
        """Return the errors from 40 to 60 % of the time, as shares of the time that was left."""
        assert self.began is not None
        whole = self.ended - self.began
        middle = [(at, left) for at, left in self.seen if 0.4 <= (at - self.began) / whole <= 0.6]
        return [None if left is None else (left - (self.ended - at)) / (self.ended - at) for at, left in middle]

    def longest_jump(self) -> float:
        """Return by how much the estimate jumped at most between two looks, beyond the time that passed, in seconds."""
        known = [(at, left) for at, left in self.seen if left is not None]
        return max(abs(b - a + (then - now)) for (now, a), (then, b) in itertools.pairwise(known))


def tiny(folder: Path, books: Path) -> None:
    """Cut files of a hundred words from books, the older the book the older the file."""
    words: Iterator[str] = (word for path in sorted(books.glob("*.txt")) for word in path.read_text().split())
    for number in range(TINY):
        path = folder / f"{number // 1000:02}" / f"{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(itertools.islice(words, WORDS)))
        os.utime(path, (1e9 + number, 1e9 + number))


def both(folder: Path, books: Path) -> None:
    """Make tiny files, and large ones that come after half of them."""
    tiny(folder, books)
    for number, path in enumerate(sorted(books.glob("*.txt"))):
        (folder / path.name).write_bytes(path.read_bytes())
        os.utime(folder / path.name, (1e9 + TINY // 2 + number / 1000,) * 2)


@pytest.mark.parametrize("kind", ["large", "tiny", "both"])
def test_error_in_the_middle(benchmark: Any, kind: str, tmp_path: Path) -> None:
    """At 50 % of the time, the estimate is right to 20 %."""
    books = tmp_path / "books"
    fill(books)
    inbox = books if kind == "large" else tmp_path / "inbox"
    if kind != "large":
        (tiny if kind == "tiny" else both)(inbox, books)
    shown = Watched()

    def train() -> None:
        run = RunSettings()
        with loop.start(tmp_path / "checkpoints", {}, run, shown, StopSignals()) as service:
            loop.watch(inbox, service, once=True)

    benchmark.pedantic(train, rounds=1)
    errors = [error for error in shown.errors() if error is not None]
    middle = errors[len(errors) // 2]
    benchmark.extra_info |= {
        "error_at_50_percent": round(middle, 3),
        "largest_error_from_40_to_60_percent": round(max(map(abs, errors)), 3),
        "longest_jump_seconds": round(shown.longest_jump(), 3),
    }
    assert abs(middle) <= 0.2 and len(errors) == len(shown.errors())
