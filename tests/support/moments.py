"""Moments of streams: snapshots made of arrays, and a small stream in which a word changes, on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamer import Trainer
from streamer.state.snapshots import Moment, Snapshot, quantised
from streamer.state.tree_reader import to_blob
from streamer.state.word_list import WordList

TOPICS, EACH, SENTENCE = 20, 30, 10
CHANGED, NEW = "t0w0", "newcomer"
"""The word that changes its topic, and the one that comes late."""
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
DAYS, CHANGE = 12, 8
"""Moments of the stream, one a day, and the one after which the word changes."""


def known(
    words: Sequence[str],
    vectors: npt.ArrayLike,
    counts: Sequence[int],
    squares: Sequence[float] | None = None,
    *,
    number: int = 1,
    seen: int = 0,
    files: Sequence[int] | None = None,
) -> Snapshot:
    """Return a snapshot of some words; by default a word's squares are a hundredth of its counts."""
    steps, scales = quantised(np.asarray(vectors, np.float32))
    moment = Moment(f"snapshot-{number}", number, seen, seen, len(words), FIRST.timestamp() + 86_400 * (number - 1))
    some = np.asarray(counts) / 100 if squares is None else np.asarray(squares)
    listed = WordList(to_blob(words))
    in_files = None if files is None else np.asarray(files, np.uint32)
    return Snapshot(moment, listed, steps, scales, np.asarray(counts, np.int64), some.astype(np.float32), in_files)


def walk(moments: int, size: int = 400, seed: int = 1) -> list[Snapshot]:
    """Return snapshots of a stream in which all words do AdaGrad's random walk, and nothing changes.

    Word r of ``size`` is seen ten times as often as one at the end of the list, and r decides how often.
    """
    random = np.random.default_rng(seed)
    words = [f"w{row:04d}" for row in range(size)]
    rates = np.linspace(400, 40, size)
    vectors, squares = random.normal(size=(size, 50)), rates / 100
    counts = rates.astype(np.int64)
    found = []
    for number in range(1, moments + 1):
        found.append(known(words, vectors, counts.tolist(), squares.tolist(), number=number, seen=int(counts.sum())))
        more = random.poisson(rates)
        grown = squares + more / 100
        vectors = vectors + random.normal(size=vectors.shape) * np.sqrt(np.log(grown / squares))[:, None] / 10
        squares, counts = grown, counts + more
    return found


def texts(day: int, sentences: int = 2_000) -> list[str]:
    """Return the texts of a day: each is about one topic.

    What is said of the first topic with three words is said with ``CHANGED`` until it changes, and then of the tenth.
    """
    random = np.random.default_rng(day)
    found = []
    for _ in range(sentences):
        topic = int(random.integers(TOPICS))
        words = [f"t{topic}w{int(word)}" for word in random.integers(EACH, size=SENTENCE)]
        if day >= CHANGE:
            words = ["t0w1" if word == CHANGED else word for word in words]
        if topic == (0 if day < CHANGE else TOPICS // 2):
            words = [CHANGED if word in {f"t{topic}w{number}" for number in range(3)} else word for word in words]
        if day == DAYS - 1 and topic == 1:
            words[0] = NEW
        found.append(" ".join(words))
    return found


def train(folder: Path) -> None:
    """Train the stream and save it, with a snapshot after each day."""
    trainer = Trainer(vector_size=16, seed=1, threads=1, sample=0.0)
    for day in range(DAYS):
        trainer.partial_fit(texts(day))
        trainer.snapshot(FIRST + timedelta(days=day))
    trainer.partial_fit(texts(DAYS)).save(folder / "checkpoints")
