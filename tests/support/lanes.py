"""A pure function for a cluster: some arithmetic whose bits tell who has done it."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import threadpoolctl

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


def here(calls: list[tuple[Floats, int, int, float]]) -> list[tuple[Floats, float]]:
    """Return the results of calls of :func:`lane` in this process, with one thread of BLAS as on a node."""
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return [lane(*call) for call in calls]


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


def same(array: npt.NDArray[Any]) -> tuple[npt.NDArray[Any]]:
    """Return the argument."""
    return (array,)


def blas_threads() -> int:
    """Return the most threads that a BLAS library has."""
    libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return max(int(library.num_threads) for library in libraries)


class StubbornError(Exception):
    """An error that cannot be pickled."""

    def __reduce__(self) -> str:
        raise TypeError


def stubborn() -> None:
    """Raise it."""
    raise StubbornError("it cannot be pickled")
