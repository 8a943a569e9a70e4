"""Checkpoints of a model with 100,000 words: the pause, and what is done beside the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.checkpoints import Store
from streamer.training.trainer import Trainer

WORDS = 100_000


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    """Return a trainer with 100,000 words in 100 dimensions, and as many candidates."""
    made = Trainer(threads=1)
    vocabulary = made.state.model.vocabulary
    vocabulary.observe([f"word{number}" for number in range(WORDS)], np.full(WORDS, 5))
    vocabulary.observe([f"candidate{number}" for number in range(WORDS)], np.ones(WORDS))
    made.state.model.embeddings.grow(WORDS, np.random.default_rng(1))
    return made


def test_pause_for_a_copy(benchmark: Any, trainer: Trainer) -> None:
    """What the training waits for."""
    benchmark(trainer.state.image)


def test_write_and_publish(benchmark: Any, trainer: Trainer, tmp_path: Path) -> None:
    """What a thread does meanwhile: digest, write, sync, rename."""
    store, image = Store(tmp_path), trainer.state.image()
    with store.lock():
        benchmark.pedantic(lambda: store.publish(image, 1), rounds=5)
    benchmark.extra_info["size_bytes"] = len(b"".join(image))


def test_resume(benchmark: Any, trainer: Trainer, tmp_path: Path) -> None:
    """From the file to a trainer that goes on."""
    trainer.state.number(0)
    trainer.save(tmp_path)
    benchmark.pedantic(lambda: Trainer.resume(tmp_path, threads=1), rounds=5)
