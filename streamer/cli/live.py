"""The live line on a terminal: how much of the backlog is done, how fast, for how long, loss, vocabulary."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from streamer.service.progress import Display
from streamer.service.time_left import TimeLeft
from streamer.system.printable import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

WINDOW = 5.0
"""Seconds over which the speed is measured."""
LOSS_SECONDS = 0.25
"""Seconds between looks at the loss: it is a mean over many rows."""
BAR = 12
NARROW = 60
"""Columns below which the bar is half as long."""
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SEPARATOR = " · "


class _Part(NamedTuple):
    """A part of the line; where there is no room for all, those of the highest rank are left out."""

    rank: int
    text: str


class LiveDisplay(Display):
    """One line at the bottom of the terminal. If the terminal is narrow, the least important parts are left out."""

    live = True

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._live = Live(
            self, console=console, transient=True, refresh_per_second=8, redirect_stdout=False, redirect_stderr=False
        )
        self._lock = threading.Lock()  # a thread draws the line while this one tells of files
        self._left = TimeLeft(time.monotonic)
        self._state, self._name, self._epoch = "starting", "", ""
        self._scores = False
        self._waiting = self._vocabulary = 0
        self._loss: float | None = None
        self._loss_of = float("-inf")
        self._loss_now: Callable[[], float | None] = lambda: None
        self._recent: deque[tuple[float, int]] = deque()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            self._live.stop()

    def epoch(self, number: int, epochs: int) -> None:
        """Begin an epoch of several: the bar is that of the epoch."""
        with self._lock:
            self._left.rest()
            self._epoch = f"epoch {number}/{epochs}" if epochs > 1 else ""

    def backlog(self, files: int, size: int) -> None:
        """Add files of so many bytes in all to those that are left."""
        with self._lock:
            self._left.add(files, size)

    def waiting(self, files: int) -> None:
        """Show how many files are not still yet."""
        with self._lock:
            self._waiting = files

    def file(self, path: str, size: int) -> None:
        """Begin a file of ``size`` bytes on disk."""
        with self._lock:
            self._state, self._name, self._scores = "", path, False
            self._left.begin(size)

    def reached(self, share: float) -> None:
        """Note that so much of the file has been handed over to training."""
        with self._lock:
            self._scores = False
            self._left.reach(share)

    def block(self, words: int, loss: Callable[[], float | None], vocabulary: int) -> None:
        """Add a block that was trained: its words, what returns the loss now, the size of the vocabulary."""
        now = time.monotonic()
        with self._lock:
            self._vocabulary = vocabulary
            self._recent.append((now, words))
            self._loss_now = loss
            if now - self._loss_of >= LOSS_SECONDS:
                self._loss, self._loss_of = loss(), now

    def done(self) -> None:
        """End the file, trained or not."""
        with self._lock:
            self._left.end()

    def scoring(self) -> None:
        """Show that the vectors are being scored, until the next event."""
        with self._lock:
            self._scores = True

    def saving(self) -> None:
        """Show that only the last checkpoint is still to be written."""
        with self._lock:
            self._state, self._scores, self._waiting = "saving the model", False, 0

    def idle(self) -> None:
        """Show that there is nothing to train, and what is waited for."""
        with self._lock:
            files = f"{self._waiting:,} file{'' if self._waiting == 1 else 's'}"
            self._state = f"waiting for {files} to be still" if self._waiting else "waiting for files"
            self._scores = False
            self._loss = self._loss_now()
            self._left.rest()
            self._recent.clear()

    def echo(self, line: str) -> None:
        """Print a line of output above the live line."""
        self._live.stop()
        super().echo(line)
        self._live.start()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        line = Text(SPINNER[int(8 * console.get_time()) % len(SPINNER)] + " ", no_wrap=True, overflow="crop")
        room = options.max_width - line.cell_len - 1
        with self._lock:
            parts = self._parts(BAR if options.max_width >= NARROW else BAR // 2)
        used, shown = -len(SEPARATOR), list[str]()
        kept = set[int]()
        for part in sorted(parts):
            if not kept or used + len(SEPARATOR) + len(part.text) <= room:
                kept.add(part.rank)
                used += len(SEPARATOR) + len(part.text)
        shown = [part.text for part in parts if part.rank in kept]
        name = printable(self._name) if not self._state else ""
        if name and room - used - len(SEPARATOR) >= BAR and len(kept) == len(parts):
            space = room - used - len(SEPARATOR)
            shown.append(name if len(name) <= space else f"…{name[-(space - 1) :]}")
        line.append(SEPARATOR.join(shown)[:room], style="cyan")
        yield line

    def _parts(self, bar: int) -> list[_Part]:
        """Return all parts but the name, in the order of the line."""
        parts = []
        state = "scoring the vectors" if self._scores else self._state
        if not self._state:
            left = self._left
            share = min(1.0, left.bytes_done / left.bytes) if left.bytes else 0.0
            full = int(bar * share)
            parts.append(_Part(0, f"{'━' * full}{'─' * (bar - full)} {int(100 * share):3}%"))
            parts += [_Part(2, self._epoch)] if self._epoch else []
            total = f"{left.files:,}"
            parts.append(_Part(4, f"{left.files_done:>{len(total)},}/{total} file{'' if left.files == 1 else 's'}"))
            parts.append(_Part(8, _of_bytes(left.bytes_done, left.bytes)))
            seconds, speed = left.seconds(), self._speed()
            if not state and left.files_done < left.files:
                parts += [_Part(5, f"{rounded(speed):>5} words/s")] if speed else []
                parts += [_Part(3, time_left(seconds))] if seconds is not None else []
        if state:
            parts.insert(len(parts) and 1, _Part(1, state))
        if self._waiting and not self._state:
            parts.append(_Part(6, f"{self._waiting:,} not still yet"))
        parts += [_Part(7, f"loss {self._loss:.3f}")] if self._loss is not None else []
        parts += [_Part(9, f"vocabulary {self._vocabulary:,}")] if self._vocabulary else []
        return parts

    def _speed(self) -> float:
        now = time.monotonic()
        while len(self._recent) > 1 and self._recent[0][0] < now - WINDOW:
            self._recent.popleft()
        if len(self._recent) < 2:
            return 0.0
        # The clock starts at the end of the first block: its words were trained before.
        return sum(words for _, words in list(self._recent)[1:]) / max(now - self._recent[0][0], 1e-3)


def rounded(number: float) -> str:
    """Return a number with three figures, such as 987, 12.3k or 1.55M."""
    if number < 999.5:
        return f"{number:.0f}"
    number, unit = next(
        (number / size, unit) for size, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G")) if number < 999.5 * size
    )
    return f"{number:.{2 - (number >= 9.995) - (number >= 99.95)}f}{unit}"


def time_left(seconds: float) -> str:
    """Return how much time is left, in steps that grow with it."""
    if seconds < 10:
        return "<10 s left"
    if seconds < 97.5:
        return f"{5 * round(seconds / 5)} s left"
    minutes = max(2, round(seconds / 60))
    if minutes < 100:
        return f"{minutes} min left"
    hours, minutes = divmod(10 * round(seconds / 600), 60)
    return f"{hours} h {minutes:02} min left" if hours < 48 else f"{round(seconds / 86_400)} days left"


def _of_bytes(done: float, size: int) -> str:
    """Return two numbers of bytes in the unit of the second, equally wide."""
    unit, name = (1e9, "GB") if size >= 1e9 else (1e6, "MB") if size >= 1e6 else (1e3, "kB")
    total = f"{size / unit:.1f}"
    return f"{min(done, size) / unit:>{len(total)}.1f}/{total} {name}"
