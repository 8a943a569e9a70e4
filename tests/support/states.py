"""Small trainers, and their states in a form that compares bit for bit."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from streamer.checkpoints import Tree
from streamer.state import State
from streamer.training import Trainer

SMALL: dict[str, Any] = {"vector_size": 12, "min_count": 2, "window": 3, "threads": 1}
"""A trainer that learns little, and at once."""

_UNLIKE = {"history/seconds", "sequence"}


def texts(count: int, seed: int = 0) -> list[str]:
    """Return texts of a dozen sentences in which kings and queens do what they do."""
    rng = random.Random(seed)
    who, where = ["the king", "the queen", "a dog", "don't you"], ["castle", "garden", "house"]
    return [
        " ".join(f"{rng.choice(who)} sat in a {rng.choice(where)} with w{rng.randrange(40)}." for _ in range(12))
        for _ in range(count)
    ]


def block(seed: int) -> str:
    """Return a block of several thousand tokens, some of its words new."""
    return "\n\n".join([*texts(30, seed), " ".join(f"new{seed}x{number % 7}" for number in range(30))])


def copied(tree: Tree) -> Tree:
    """Return a tree that shares no memory with its trainer."""
    return {key: leaf.copy() if isinstance(leaf, np.ndarray) else leaf for key, leaf in tree.items()}


def exact(tree: Tree) -> dict[str, Any]:
    """Return a tree in a form that compares bit for bit."""
    return {
        key: (leaf.dtype.str, leaf.shape, leaf.tobytes()) if isinstance(leaf, np.ndarray) else (type(leaf), leaf)
        for key, leaf in tree.items()
    }


def bits(learned: Trainer | State) -> dict[str, Any]:
    """Return a whole state but for what a clock measured and how often it was saved, to be compared bit for bit."""
    state = learned if isinstance(learned, State) else learned.state
    return {key: value for key, value in exact(state.to_tree()).items() if key not in _UNLIKE}


@contextmanager
def at_work(trainer: Trainer) -> Iterator[Trainer]:
    """Have workers within the context, and train in them from its beginning."""
    trainer._schedule.start_workers()
    try:
        wait_for_workers(trainer)
        yield trainer
    finally:
        trainer._schedule.end_workers()


def wait_for_workers(trainer: Trainer) -> None:
    """Wait for the workers that are starting."""
    for _ in range(1000):
        if trainer._schedule._workers and trainer._schedule._workers.ready():
            return
        time.sleep(0.02)
    pytest.fail("the workers do not start")
