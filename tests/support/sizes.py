"""What a trainer takes on a machine: the memory of its processes and the bytes in its folder, while it runs.

Memory is the proportional set size: what processes share is counted once.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

LETTERS = "abcdefghijklmnop"
LINE = 20
"""Words on a line."""


@dataclass
class Taken:
    """The most that was taken at a time.

    Attributes:
        memory: Bytes of memory of all processes.
        disk: Bytes in the folder of checkpoints.
    """

    memory: int = 0
    disk: int = 0


def word(number: int, letters: int = 8) -> str:
    """Return a word of its own for each number."""
    return "".join(LETTERS[int(digit, 16)] for digit in f"{number * 2654435761 % 2**32:0{letters}x}")


def write_words(path: Path, times: Sequence[tuple[int, int, int]]) -> None:
    """Write a text that has each of the words with numbers from a first to a last so many times."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        for first, last, count in times:
            for begin in range(first, last, LINE):
                line = " ".join(map(word, range(begin, min(begin + LINE, last)))) + "\n"
                file.write(line * count)
    os.utime(path, (1e9, 1e9))


def measured(*arguments: str, folder: Path, checkpoints: str = "checkpoints", every: float = 0.05) -> Taken:
    """Run a command of streamer to its end, and look again and again what it takes."""
    taken, command = Taken(), [sys.executable, "-m", "streamer", *arguments]
    with (folder / "log").open("w") as log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        while process.poll() is None:
            taken.memory = max(taken.memory, sum(map(memory_of, tree_of(process.pid))))
            taken.disk = max(taken.disk, disk_of(folder / checkpoints))
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(every)
    assert process.returncode == 0, (folder / "log").read_text()[-2000:]
    return taken


def tree_of(pid: int) -> Iterator[int]:
    """Yield a process and those that it has started."""
    yield pid
    with contextlib.suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from tree_of(int(child))


def memory_of(pid: int) -> int:
    """Return the proportional set size of a process without mapped segments, in bytes; 0 if it has ended."""
    total, counts = 0, True
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024 if counts else 0
            elif "-" in line.partition(" ")[0]:
                counts = "/cold-" not in line
    return total


def disk_of(folder: Path) -> int:
    """Return the bytes that the files in a folder take, those under way too."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):
                total += entry.stat().st_size
    return total
