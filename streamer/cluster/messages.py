"""Messages between the trainer and its helper, over a socket: a small head, and a value that the helper only passes on.

Arrays are not copied into the pickle of a value, but follow it. So they reach the object store of Ray, and from there
the trainer, without being pickled again. NumPy makes read-only arrays of them.
"""

from __future__ import annotations

import pickle
import socket
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Part: TypeAlias = Any
"""Bytes, an array, or a memoryview: what has a buffer, for which there is a type from Python 3.12 on."""

_COUNT, _SIZE = struct.Struct("!I"), struct.Struct("!Q")

UNSAVED = "the last checkpoint is safe: start again to resume from it"
"""The hint of errors that end a run."""


class Packed(NamedTuple):
    """A pickled value.

    Attributes:
        data: The pickle, without the large arrays.
        buffers: The bytes of the arrays.
    """

    data: Part
    buffers: Sequence[Part]


NOTHING = Packed(b"", ())
"""What a message carries that is only a head."""


class Setup(NamedTuple):
    """What the helper has to know first.

    Attributes:
        address: As for :func:`streamer.cluster.connect`.
        allow_mixed: The same.
        here: What bits depend on at the trainer.
        cpus: How many CPUs Ray has if it is started on this machine.
        memory: How many bytes its object store has then.
        folder: Where its files are then.
    """

    address: str
    allow_mixed: bool
    here: dict[str, str]
    cpus: int
    memory: int
    folder: str


class Round(NamedTuple):
    """The trainer asks for a round; so many messages with arguments follow, each a :data:`Packed` tuple."""

    function: str
    calls: int


class Result(NamedTuple):
    """What a call returned, or raised, follows in the same message."""

    call: int
    raised: bool


class Alive(NamedTuple):
    """The cluster answers, and has CPUs that may be used."""

    cpus: int


class Event(NamedTuple):
    """A log line for the trainer to write: its event, its level, and its fields."""

    name: str
    level: str
    fields: dict[str, object]


class Failure(NamedTuple):
    """The helper gives up: as in :class:`streamer.errors.StreamerError`."""

    problem: str
    hint: str
    code: int


def pack(value: object) -> Packed:
    """Pickle a value. Its functions and classes are pickled by their import path."""
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    return Packed(data, [np.frombuffer(buffer.raw(), np.uint8) for buffer in buffers])


def unpack(packed: Packed) -> Any:
    """Return the value. Its arrays share memory with the buffers, and are read-only where these are."""
    return pickle.loads(packed.data, buffers=packed.buffers)


def send(connection: socket.socket, head: object, packed: Packed = NOTHING) -> None:
    """Send a message.

    Raises:
        OSError: If nobody is there, or nobody reads for the time-out of the socket.
    """
    parts: list[Part] = [pickle.dumps(head), packed.data, *packed.buffers]
    sizes = b"".join(_SIZE.pack(memoryview(part).nbytes) for part in parts)
    connection.sendall(_COUNT.pack(len(parts)) + sizes)
    for part in parts:
        connection.sendall(part)


def receive(connection: socket.socket) -> tuple[Any, Packed]:
    """Wait for a message; return its head and what it carries.

    Raises:
        EOFError: If the other side is gone.
        OSError: If there is nothing for the time-out of the socket.
    """
    (count,) = _COUNT.unpack(_read(connection, _COUNT.size))
    sizes = _read(connection, _SIZE.size * count)
    head, data, *buffers = [_read(connection, size) for (size,) in _SIZE.iter_unpack(sizes)]
    return pickle.loads(head), Packed(data, buffers)


def _read(connection: socket.socket, size: int) -> memoryview:
    array: Part = np.empty(size, np.uint8)  # unlike bytearray, it is not filled with zeros first
    rest = memoryview(array)
    while rest:
        if not (count := connection.recv_into(rest)):
            raise EOFError
        rest = rest[count:]
    return memoryview(array).toreadonly()
