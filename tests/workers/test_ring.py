"""Turns through real pipes: each comes once, in order, and nobody waits for who is gone."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from streamer.workers.ring import Ring, first_turns

Pipes = list[tuple[int, int]]


@pytest.fixture
def pipes() -> Iterator[Pipes]:
    """Give a pipe for each of three workers, whose end to read from does not block."""
    made = [os.pipe() for _ in range(3)]
    for comes, _ in made:
        os.set_blocking(comes, False)
    yield made
    for pipe in made:
        for end in pipe:
            os.close(end)


@pytest.fixture
def trainer() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Give both sides of the connection to the trainer."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def ring(pipes: Pipes, part: int, trainer: tuple[socket.socket, socket.socket], shards: int = 2) -> Ring:
    """Return the ring of one of the workers."""
    return Ring(part, shards, pipes[part][0], [end for _, end in pipes], trainer[1].fileno())


def test_turns_go_round_shard_by_shard(pipes: Pipes, trainer: tuple[socket.socket, socket.socket]) -> None:
    """The first worker has the first turn at each shard; then each comes to the next one, as often as it was given."""
    rings = [ring(pipes, part, trainer) for part in range(3)]
    os.write(pipes[0][1], first_turns(2))
    for _ in range(4):
        for one in rings:
            for shard in (0, 1):
                one.come(shard)
                one.go(shard)
    assert (rings[1].part, rings[1].parts, rings[1].shards) == (1, 3, 2)


def test_what_comes_out_of_order_is_kept(pipes: Pipes, trainer: tuple[socket.socket, socket.socket]) -> None:
    """The turn after next at one shard, or a chunk that is computed, may come before the turn that is waited for."""
    first, second = ring(pipes, 0, trainer), ring(pipes, 1, trainer)
    for shard in (0, 0, 1):
        first.go(shard)
    first.computed(1)
    first.go(1)
    second.wait()
    for shard in (1, 0, 1, 0):
        second.come(shard)
    with pytest.raises(BlockingIOError):
        os.read(pipes[1][0], 1)


def test_a_turn_is_waited_for(pipes: Pipes, trainer: tuple[socket.socket, socket.socket]) -> None:
    """A worker goes on when its turn comes, and not before; a block that waits in its connection is no turn."""
    trainer[0].send(b"another block")
    waiting, came = ring(pipes, 1, trainer), threading.Event()

    def wait() -> None:
        waiting.come(1)
        came.set()

    thread = threading.Thread(target=wait)
    thread.start()
    ring(pipes, 0, trainer).go(0)
    assert not came.wait(0.1)
    ring(pipes, 0, trainer).go(1)
    assert came.wait(10)
    thread.join()


def test_the_end_of_the_trainer_ends_the_wait(pipes: Pipes, trainer: tuple[socket.socket, socket.socket]) -> None:
    """Other workers may still hold the pipe open, so its end alone would never come."""
    waiting = ring(pipes, 2, trainer)
    threading.Timer(0.1, trainer[0].close).start()
    with pytest.raises(EOFError):
        waiting.wait()


def test_a_turn_cannot_be_given_to_who_is_gone(trainer: tuple[socket.socket, socket.socket]) -> None:
    """Python ignores SIGPIPE, so it is an error, and ends the worker."""
    comes, end = os.pipe()
    os.close(comes)
    with pytest.raises(BrokenPipeError):
        Ring(0, 1, trainer[1].fileno(), [end], trainer[1].fileno()).go(0)
    os.close(end)
