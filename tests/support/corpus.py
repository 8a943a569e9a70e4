"""Texts to train on: seeded, with words as frequent as in books, and old enough to be taken at first sight."""

from __future__ import annotations

import functools
import gzip
import os
import time
from pathlib import Path

import numpy as np

SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
WORDS = [
    SYLLABLES[rank % 70] + SYLLABLES[rank // 70] + (SYLLABLES[rank % 7] if rank % 3 else "") for rank in range(3000)
]
LARGE = 4 << 20
"""About the bytes of a large text; a block has 1 << 20."""


@functools.cache
def text(seed: int, size: int) -> str:
    """Return about so many characters: lines of 12 words, paragraphs of 6 lines, frequencies after Zipf."""
    share = 1 / (np.arange(len(WORDS)) + 2.7)
    drawn = np.random.default_rng(seed).choice(len(WORDS), size // 6, p=share / share.sum()).tolist()
    words = [WORDS[rank] for rank in drawn]
    lines = [" ".join(words[start : start + 12]) for start in range(0, len(words), 12)]
    return "\n\n".join("\n".join(lines[start : start + 6]) for start in range(0, len(lines), 6)) + "\n"


def large(size: int = LARGE) -> str:
    """Return a text of several blocks."""
    return text(100, LARGE)[:size]


def put(path: Path, content: str | bytes, *, age: float = 3600) -> Path:
    """Write a file that was last changed so many seconds ago, and the folders that lead to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return aged(path, age)


def aged(path: Path, age: float) -> Path:
    """Let a file have been changed so many seconds ago."""
    os.utime(path, (time.time() - age,) * 2)
    return path


def fill(inbox: Path) -> Path:
    """Put 24 files into a folder, seconds apart: a large one, some in a folder, one in gzip, two bad ones."""
    for number in range(20):
        folder = inbox / "more" if number % 5 == 4 else inbox
        put(folder / f"{number:02}.txt", text(number, 2_000 + 3_000 * (number % 7)), age=9000 - 10 * number)
    put(inbox / "large.txt", large(), age=8985)
    put(inbox / "packed.txt.gz", gzip.compress(large(3 << 19).encode(), mtime=0), age=8855)
    put(inbox / "empty.txt", "", age=8945)
    put(inbox / "noise.bin", np.random.default_rng(1).bytes(5_000), age=8865)
    return inbox
