"""How workers hand their turns round: bytes in pipes, one for each shard of each turn."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

MOST_SHARDS = 64


class Ring:
    """The turns of one worker, as :class:`streamer.model.pipeline.Turns` says.

    A worker has a pipe in which all others write. A byte is the number of the shard at which its next turn has come, or
    ``shards`` if another worker has computed a chunk that it will apply. The turns at a shard come in their order. So
    it is enough to count bytes of each kind.

    Args:
        part: The number of the worker.
        shards: The number of shards.
        comes: The end of its own pipe to read from; it does not block.
        ends: The ends to write to, of the pipes of all workers.
        trainer: A socket whose other side closes when the trainer ends.
    """

    def __init__(self, part: int, shards: int, comes: int, ends: Sequence[int], trainer: int) -> None:
        self.part, self.parts, self.shards = part, len(ends), shards
        self._comes, self._ends = comes, ends
        self._there = [0] * (shards + 1)
        self._trainer = trainer
        self._poll = select.poll()
        self._poll.register(comes, select.POLLIN)
        self._poll.register(trainer, 0)  # its end is always reported
        self._next = (part + 1) % self.parts

    def come(self, shard: int) -> None:
        """Wait until the next turn of this worker at a shard has come.

        Raises:
            EOFError: If the trainer is gone.
        """
        self._take(shard)

    def go(self, shard: int) -> None:
        """Give the turn at a shard to the next worker.

        Raises:
            BrokenPipeError: If that worker is gone.
        """
        os.write(self._ends[self._next], bytes((shard,)))

    def computed(self, part: int) -> None:
        """Tell another worker that a chunk is computed that it will apply.

        Raises:
            BrokenPipeError: If that worker is gone.
        """
        os.write(self._ends[part], bytes((self.shards,)))

    def wait(self) -> None:
        """Wait until another worker has said so, once for each time.

        Raises:
            EOFError: If the trainer is gone.
        """
        self._take(self.shards)

    def _take(self, kind: int) -> None:
        while not self._there[kind]:
            try:
                for byte in os.read(self._comes, 1024):
                    self._there[byte] += 1
            except BlockingIOError:
                if any(descriptor == self._trainer for descriptor, _ in self._poll.poll()):
                    raise EOFError from None
        self._there[kind] -= 1


def first_turns(shards: int) -> bytes:
    """Return what the first worker finds in its pipe at the beginning."""
    return bytes(range(shards))
