"""A small stream in this process: files are put into an inbox and trained, and something is taken back."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np

from streamer.checkpoints import Store
from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.signals import StopSignals
from streamer.service.takeback import Request
from streamer.settings import RunSettings

MODEL = {"vector_size": 4, "window": 2, "negative": 2, "min_count": 2, "sample": 0.05}
LEARNED = (
    *("vocabulary/", "candidates/", "embeddings/", "noise/", "progress/", "cold/", "settings/", "bounds/"),
    *("batching/", "history/"),
)


def text(seed: int, words: int = 200) -> bytes:
    """Return a text of some words, which is no beginning of another one."""
    rng = random.Random(seed)
    found = [f"n{seed}x", *(f"w{int(rng.paretovariate(0.7)) % 60}" for _ in range(words))]
    return "\n\n".join(" ".join(found[at : at + 7]) for at in range(0, len(found), 7)).encode() + b"\n"


class Stream:
    """An inbox, and what is learned from it.

    Args:
        folder: Where both are made.
        run: Settings of the run.
    """

    def __init__(self, folder: Path, **run: Any) -> None:
        self.inbox, self.checkpoints = folder / "inbox", folder / "checkpoints"
        self.inbox.mkdir(parents=True)
        usual: dict[str, Any] = {"threads": 1, "settle": 0.0, "checkpoint_every": 0.0, "keep_states": "all"}
        self.run = RunSettings(**{**usual, **run})
        self._when = 1_600_000_000

    def write(self, name: str, content: bytes) -> Path:
        """Put a file into the inbox, or write it anew; each is a second newer than the one before."""
        path = self.inbox / name
        path.write_bytes(content)
        self._when += 1
        os.utime(path, (self._when, self._when))
        return path

    def put(self, name: str, seed: int, words: int = 200) -> Path:
        """Put a file of a new text into the inbox and train it."""
        path = self.write(name, text(seed, words))
        self.learn()
        return path

    def grow(self, name: str, seed: int, words: int = 40) -> None:
        """Let a file grow, and train what it grew by."""
        self.write(name, (self.inbox / name).read_bytes() + text(seed, words))
        self.learn()

    def learn(self, epochs: int = 0, **model: Any) -> None:
        """Train on what is there, as ``watch --once`` does, or ``train --epochs``."""
        with loop.start(self.checkpoints, {**MODEL, **model}, self.run, Display(), StopSignals()) as service:
            if epochs:
                loop.train([self.inbox], epochs, service, lambda *_: None)
            else:
                loop.watch(self.inbox, service, once=True)

    def request(self, **how: Any) -> Request:
        """Return how something is taken back."""
        return Request(self.run, **how)

    def learned(self) -> dict[str, bytes]:
        """Return all that the newest checkpoint knows, but for what a clock measured, as bytes."""
        found = Store(self.checkpoints).load_newest()
        assert found is not None
        return {
            key: leaf.tobytes() + str(leaf.dtype).encode() if isinstance(leaf, np.ndarray) else repr(leaf).encode()
            for key, leaf in found[1].items()
            if key.startswith(LEARNED) and key != "history/seconds"
        }

    def on_disk(self) -> dict[str, bytes]:
        """Return the bytes of all files in the folder of checkpoints, but for the lock."""
        paths = (path for path in self.checkpoints.rglob("*") if path.is_file() and path.name != ".lock")
        return {f"{path.relative_to(self.checkpoints)}": path.read_bytes() for path in sorted(paths)}
