"""A pure function for a cluster: some arithmetic whose bits tell who has done it."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def lane(rows: Floats, seed: int, rounds: int, seconds: float = 0.0) -> tuple[Floats, float]:
    """Return rows after some products and exponentials, and a number; take at least so many seconds."""
    ends = time.monotonic() + seconds
    weights = np.random.default_rng(seed).standard_normal((rows.shape[1], rows.shape[1]), dtype=np.float32)
    rows = rows.copy()
    for _ in range(rounds):
        rows = np.tanh(rows @ weights / np.float32(10)) + np.exp(-np.abs(rows))
    while time.monotonic() < ends:
        time.sleep(0.01)
    return rows, float(rows.sum())


def boom(number: int) -> int:
    """Raise an error for odd numbers."""
    if number % 2:
        raise ValueError(f"odd: {number}")
    return number


def die() -> None:
    """Kill the process."""
    os.kill(os.getpid(), signal.SIGKILL)


def calls(count: int, seconds: float = 0.0, size: int = 2000) -> list[tuple[Floats, int, int, float]]:
    """Return arguments of :func:`lane`."""
    generator = np.random.default_rng(1)
    return [(generator.standard_normal((size, 100), dtype=np.float32), seed, 20, seconds) for seed in range(count)]


def echo(rows: Floats) -> Floats:
    """Return other rows of the same size."""
    return rows + np.float32(1)
