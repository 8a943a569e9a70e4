"""Turns through real pipes: each comes once, in order, and nobody waits for who is gone."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from streamer.workers.ring import Pipe, Ring, first_turn

Sockets = tuple[socket.socket, socket.socket]


@pytest.fixture
def pipes() -> Iterator[list[Pipe]]:
    """Give the pipes of two workers, and those of four slots after them."""
    made = [os.pipe() for _ in range(3 + 4)]
    for comes, _ in made:
        os.set_blocking(comes, False)
    yield made
    for pipe in made:
        for end in pipe:
            os.close(end)


@pytest.fixture
def trainer() -> Iterator[Sockets]:
    """Give both sides of the connection to the trainer."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def ring(pipes: list[Pipe], trainer: Sockets, shards: int = 2) -> Ring:
    """Return the ring of a worker."""
    return Ring(shards, pipes[:3], pipes[3:], trainer[1].fileno())


def test_turns_go_on_shard_by_shard(pipes: list[Pipe], trainer: Sockets) -> None:
    """The first turn has come at each shard; each later one when the turn before has ended there, in any worker."""
    one, other = ring(pipes, trainer), ring(pipes, trainer)
    os.write(pipes[0][1], first_turn(2))
    for turn in range(0, 12, 2):
        one.begin(turn)
        other.begin(turn + 1)
        for shard in (0, 1):
            one.come(shard)
            one.go(shard)
            other.come(shard)
            other.go(shard)
    assert one.shards == 2
    assert os.read(pipes[0][0], 9) == b"\x00\x01", "the thirteenth turn has come at both"


def test_shards_that_come_ahead_are_kept(pipes: list[Pipe], trainer: Sockets) -> None:
    """A worker that is late finds its turn at all shards at once, and takes them one after the other."""
    first, second = ring(pipes, trainer, 3), ring(pipes, trainer, 3)
    first.begin(0)
    second.begin(1)
    for shard in range(3):
        first.go(shard)
    for shard in range(3):
        second.come(shard)
    with pytest.raises(BlockingIOError):
        os.read(pipes[1][0], 1)


def test_a_turn_is_waited_for(pipes: list[Pipe], trainer: Sockets) -> None:
    """A worker goes on when its turn comes at the shard, and not before."""
    before, waiting, came = ring(pipes, trainer), ring(pipes, trainer), threading.Event()
    before.begin(3)
    waiting.begin(4)

    def wait() -> None:
        waiting.come(1)
        came.set()

    thread = threading.Thread(target=wait)
    thread.start()
    before.go(0)
    assert not came.wait(0.1)
    before.go(1)
    assert came.wait(10)
    thread.join()


def test_gradients_are_waited_for(pipes: list[Pipe], trainer: Sockets) -> None:
    """Once for each time that they were computed, slot by slot."""
    one, other = ring(pipes, trainer), ring(pipes, trainer)
    one.computed(2)
    threading.Timer(0.1, lambda: one.computed(3)).start()
    other.wait(3)
    other.wait(2)
    with pytest.raises(BlockingIOError):
        os.read(pipes[3 + 2][0], 1)


@pytest.mark.parametrize("what", ["turn", "slot"])
def test_the_end_of_the_trainer_ends_the_wait(what: str, pipes: list[Pipe], trainer: Sockets) -> None:
    """Other workers may still hold the pipes open, so their end would never come."""
    waiting = ring(pipes, trainer)
    waiting.begin(0)
    threading.Timer(0.1, trainer[0].close).start()
    with pytest.raises(EOFError):
        waiting.come(1) if what == "turn" else waiting.wait(1)
