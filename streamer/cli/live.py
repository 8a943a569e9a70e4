"""The live line on a terminal: the file, its progress, words per second, loss, vocabulary."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Self

from streamer.service.progress import Display
from streamer.system.printable import printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

WINDOW = 5.0
"""Seconds over which the speed is measured."""
BAR = 12
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class LiveDisplay(Display):
    """One line at the bottom of the terminal. If the terminal is narrow, the least important parts are left out."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._live = Live(
            self, console=console, transient=True, refresh_per_second=8, redirect_stdout=False, redirect_stderr=False
        )
        self._state = "starting"
        self._size = self._offset = self._backlog = self._vocabulary = 0
        self._loss: float | None = None
        self._recent: deque[tuple[float, int]] = deque()

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone
            self._live.stop()

    def file(self, path: str, size: int, backlog: int) -> None:
        """Begin a file of ``size`` bytes, with ``backlog`` files after it."""
        self._state, self._size, self._offset, self._backlog = printable(path), size, 0, backlog

    def block(self, offset: int, words: int, loss: float | None, vocabulary: int) -> None:
        """Add a block: the offset in the file after it, its words, the file's loss so far."""
        self._offset, self._vocabulary = offset, vocabulary
        self._loss = self._loss if loss is None else loss
        self._recent.append((time.monotonic(), words))

    def idle(self, waiting: int) -> None:
        """Show that there is nothing to train, and how many files are not still yet."""
        files = f"{waiting:,} file{'' if waiting == 1 else 's'}"
        self._state = f"waiting for {files} to be still" if waiting else "waiting for files"
        self._size = self._backlog = 0
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
        parts = [self._state]
        if self._size:
            share = self._offset / self._size
            full = round(BAR * share)
            parts = [f"{'━' * full}{'─' * (BAR - full)} {share:4.0%}"]
            parts += [f"{speed:,.0f} words/s"] if (speed := self._speed()) else []
            parts += [f"{self._backlog:,} left"] if self._backlog else []
            used = len(" · ".join(parts)) + 3
            name = self._state
            if room - used >= BAR:
                parts.append(name if len(name) <= room - used else f"…{name[-(room - used - 1) :]}")
        for figure in ([f"loss {self._loss:.3f}"] if self._loss is not None else []) + (
            [f"vocabulary {self._vocabulary:,}"] if self._vocabulary else []
        ):
            if len(" · ".join([*parts, figure])) <= room:
                parts.append(figure)
        line.append(" · ".join(parts)[:room], style="cyan")
        yield line

    def _speed(self) -> float:
        now = time.monotonic()
        while len(self._recent) > 1 and self._recent[0][0] < now - WINDOW:
            self._recent.popleft()
        if len(self._recent) < 2:
            return 0.0
        # The clock starts at the end of the first block: its words were trained before.
        return sum(words for _, words in list(self._recent)[1:]) / max(now - self._recent[0][0], 1e-3)
