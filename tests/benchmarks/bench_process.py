"""The whole process, from raw text to a durable checkpoint: real files, real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .text import block, fill


def watch(inbox: Path, checkpoints: Path, *more: str) -> int:
    """Train all of a folder; return the number of words."""
    command = [
        sys.executable,
        "-m",
        "streamer",
        "watch",
        str(inbox),
        "--once",
        "--checkpoints",
        str(checkpoints),
        *more,
    ]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(ended.stdout.split()[-2].replace(",", ""))


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of text."""
    folder = tmp_path_factory.mktemp("text") / "inbox"
    fill(folder)
    return folder


@pytest.mark.parametrize("more", [(), ("--threads", "1"), ("--checkpoint-every", "10"), ("--checkpoint-every", "1")])
def test_train_a_folder(benchmark: Any, inbox: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    """At the defaults, on one core, and with a checkpoint every so many seconds."""
    runs = iter(range(100))
    words = benchmark.pedantic(lambda: watch(inbox, tmp_path / str(next(runs)), *more), rounds=3)
    benchmark.extra_info["words_per_second"] = words / benchmark.stats["median"]


def test_train_many_small_files(benchmark: Any, tmp_path: Path) -> None:
    """Ten thousand files of a hundred words."""
    words = block().split()
    for number in range(10_000):
        path = tmp_path / "inbox" / f"{number % 20}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        begin = number * 17 % (len(words) - 100)
        path.write_text(" ".join(words[begin : begin + 100]))
        os.utime(path, (1e9, 1e9))
    runs = iter(range(100))
    benchmark.pedantic(lambda: watch(tmp_path / "inbox", tmp_path / str(next(runs))), rounds=3)
    benchmark.extra_info["ms_per_file"] = benchmark.stats["median"] / 10
