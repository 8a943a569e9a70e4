"""What a person at a terminal sees while it works: the file, its progress, words per second, loss, vocabulary."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console


class Display:
    """Shows nothing: for pipes and logs. :class:`LiveDisplay` shows the same events on a terminal."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def file(self, path: str, size: int, backlog: int) -> None:
        """Begin a file of ``size`` bytes, with so many files after it."""

    def block(self, offset: int, words: int, seconds: float, loss: float | None, vocabulary: int) -> None:
        """Take note of a block: where the file stands now, its words and the seconds it took."""

    def idle(self, waiting: int) -> None:
        """Say that there is nothing to train, and how many files are not still yet."""


class LiveDisplay(Display):
    """One line that lives at the foot of the terminal."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn  # noqa: PLC0415

        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            TaskProgressColumn(),
            TextColumn("{task.fields[figures]}", style="cyan"),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("starting", total=None, figures="")
        self._speed = 0.0
        self._backlog = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def file(self, path: str, size: int, backlog: int) -> None:
        """Begin a file of ``size`` bytes, with so many files after it."""
        name = path if len(path) <= 40 else f"…{path[-39:]}"
        self._backlog = backlog
        self._progress.update(self._task, description=name, total=size, completed=0)

    def block(self, offset: int, words: int, seconds: float, loss: float | None, vocabulary: int) -> None:
        """Take note of a block: where the file stands now, its words and the seconds it took."""
        now = words / seconds if seconds else 0.0
        self._speed = 0.8 * self._speed + 0.2 * now if self._speed else now
        figures = [f"{self._speed:,.0f} words/s", f"vocabulary {vocabulary:,}"]
        if loss is not None:
            figures.insert(1, f"loss {loss:.3f}")
        if self._backlog:
            figures.append(f"{self._backlog:,} to go")
        self._progress.update(self._task, completed=offset, figures=" · ".join(figures))

    def idle(self, waiting: int) -> None:
        """Say that there is nothing to train, and how many files are not still yet."""
        text = f"{waiting:,} file{'' if waiting == 1 else 's'} not still yet" if waiting else "waiting for files"
        self._progress.update(self._task, description=text, total=None, completed=0)
