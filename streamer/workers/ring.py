"""How the workers of a trainer wait for each other: bytes in pipes."""

from __future__ import annotations

import os
import select
from collections.abc import Sequence

Pipe = tuple[int, int]
"""The end to read from, which does not block, and the end to write to."""


class Ring:
    """The turns of a worker, as :class:`streamer.model.pipeline.Turns` says.

    The turns of all blocks are numbered on. There is a pipe more than workers, and turn t has pipe t modulo their
    number. Whoever ends turn t at a shard writes the number of the shard into the pipe of turn t + 1. Each worker has
    one turn at a time, so no two turns that are being taken have the same pipe.

    There is a pipe for each slot too. It has a byte when the gradients in the slot are computed.

    Args:
        shards: The number of shards.
        turns: The pipes of turns.
        slots: The pipes of slots.
        trainer: A socket whose other side closes when the trainer ends.
    """

    alone = False

    def __init__(self, shards: int, turns: Sequence[Pipe], slots: Sequence[Pipe], trainer: int) -> None:
        self.shards = shards
        self._turns, self._slots = turns, slots
        self._trainer = trainer
        self._comes = self._goes = -1
        self._there: list[bool] = []

    def begin(self, turn: int) -> None:
        """Begin a turn; the one before it has ended."""
        self._comes = self._turns[turn % len(self._turns)][0]
        self._goes = self._turns[(turn + 1) % len(self._turns)][1]
        self._there = [False] * self.shards

    def come(self, shard: int) -> None:
        """Wait until the turn has come at a shard.

        Raises:
            EOFError: If the trainer is gone.
        """
        while not self._there[shard]:
            for passed in self._read(self._comes):
                self._there[passed] = True

    def go(self, shard: int) -> None:
        """End the turn at a shard."""
        os.write(self._goes, bytes((shard,)))

    def computed(self, slot: int) -> None:
        """Tell whoever will apply the gradients in a slot that they are there."""
        os.write(self._slots[slot][1], b".")

    def wait(self, slot: int) -> None:
        """Wait for the gradients in a slot.

        Raises:
            EOFError: If the trainer is gone.
        """
        self._read(self._slots[slot][0])

    def _read(self, pipe: int) -> bytes:
        try:
            return os.read(pipe, 256)
        except BlockingIOError:
            pass
        # All workers hold the pipe open, so it does not end when one of them is gone, and the trainer with it.
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        poll.register(self._trainer, 0)  # its end is always reported
        if any(descriptor == self._trainer for descriptor, _ in poll.poll()):
            raise EOFError
        return os.read(pipe, 256)


def first_turn(shards: int) -> bytes:
    """Return what the pipe of the first turn has at the beginning."""
    return bytes(range(shards))
