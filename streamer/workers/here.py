"""Training in this process: the simplest worker, with the same methods as all others."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from streamer.model.pipeline import Tokens
from streamer.model.sgns import Loss
from streamer.system.blas import Blas


class Here:
    """Trains a block when it is handed over: it is done when :meth:`submit` returns.

    Args:
        update: Trains a block and returns its loss.
    """

    size = 0

    def __init__(self, update: Callable[[Tokens], Loss]) -> None:
        self._update = update
        self._blas = Blas()
        self._done: deque[tuple[Loss, float]] = deque()

    def ready(self) -> bool:
        """Return True."""
        return True

    def full(self) -> bool:
        """Return whether there is a block to collect."""
        return bool(self._done)

    def submit(self, tokens: Tokens) -> None:
        """Train a block."""
        with self._blas.one_thread():
            loss = self._update(tokens)
        self._done.append((loss, time.perf_counter()))

    def collect(self) -> tuple[Loss, float]:
        """Return the loss of the oldest block not collected yet, and when it was done, by ``perf_counter``."""
        return self._done.popleft()

    def close(self) -> None:
        """Do nothing: there is nothing to end."""
