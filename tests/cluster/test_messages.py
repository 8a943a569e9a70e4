"""Messages between the trainer and its helper, through a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from streamer.cluster.messages import Packed, Result, pack, receive, send, unpack

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Return both ends of a socket."""
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_large_arrays_come_through_whole(pair: Pair) -> None:
    """Beside small values; they are read-only, and not in the pickle."""
    arrays = [np.arange(3 * 10**6, dtype=np.float32).reshape(-1, 3), np.arange(10)]
    packed = pack((arrays, "text", 7))
    assert len(memoryview(packed.data)) < 1000
    thread = threading.Thread(target=send, args=(pair[0], Result(3, False), packed))
    thread.start()
    head, there = receive(pair[1])
    thread.join()
    assert head == Result(3, False)
    (large, small), text, number = unpack(there)
    np.testing.assert_array_equal(large, arrays[0])
    np.testing.assert_array_equal(small, arrays[1])
    assert (text, number) == ("text", 7) and not large.flags.writeable


def test_a_message_without_a_value(pair: Pair) -> None:
    """Many have only a head; they come in their order."""
    for number in range(3):
        send(pair[0], number)
    assert [receive(pair[1])[0] for _ in range(3)] == [0, 1, 2]


def test_an_end_in_the_middle(pair: Pair) -> None:
    """It is told apart from silence."""
    pair[0].sendall(b"\0\0")
    pair[0].close()
    with pytest.raises(EOFError):
        receive(pair[1])


def test_nobody_reads_or_writes(pair: Pair) -> None:
    """The time-out of the socket ends both."""
    pair[0].settimeout(0.05)
    with pytest.raises(TimeoutError):
        send(pair[0], None, Packed(bytes(10**7), ()))
    with pytest.raises(TimeoutError):
        receive(pair[0])
