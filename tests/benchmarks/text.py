"""Text to measure on: Zipf-like words, or the folder that ``STREAMER_BENCH_TEXT`` names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

TOKENS = 180_000
"""Tokens of a block: about as many as a MiB of English has."""


def block(seed: int = 1) -> str:
    """Return about a MiB of words that are as frequent and rare as those of English, in paragraphs of a hundred."""
    rng = np.random.default_rng(seed)
    ranks = np.minimum(rng.zipf(1.15, TOKENS), 50_000)
    return "\n\n".join(" ".join(f"w{rank}" for rank in ranks[begin : begin + 100]) for begin in range(0, TOKENS, 100))


def fill(folder: Path) -> None:
    """Put text files into a folder, last written long ago: those of ``STREAMER_BENCH_TEXT``, or forty made-up ones."""
    folder.mkdir(parents=True)
    given = os.environ.get("STREAMER_BENCH_TEXT")
    if given:
        for path in sorted(Path(given).glob("*.txt")):
            shutil.copy(path, folder)
    else:
        for number in range(40):
            (folder / f"{number:02}.txt").write_text(block(number))
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
