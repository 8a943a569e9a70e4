"""HDF5 is shown no heap that would keep it for ever; all other bytes are read as they are."""

from __future__ import annotations

import io
import os
import struct

import numpy as np
import pytest

from streamer.checkpoints import Damaged, Image, Tree, decode, seal, verify
from streamer.checkpoints.heap_guard import SIGNATURE, Guarded

from . import crafted


def heap(*objects: tuple[int, int], size: int | None = None) -> bytes:
    """Return a heap of objects of a number and a length each, filled up with free space unless a size is given."""
    body = b""
    for number, length in objects:
        body += struct.pack("<H6xQ", number, length)
        body += b"s" * min(-(-length // 8) * 8 if number else max(0, length - 16), 200)
    return SIGNATURE + bytes(3) + struct.pack("<Q", 16 + len(body) if size is None else size) + body


def read_through(data: bytes, *, raw: bool = False, pieces: int = 1 << 20) -> bytes:
    """Return a file as HDF5 would read it."""
    guarded = Guarded(io.BytesIO(data))
    guarded.raw = raw
    assert guarded.seek(0) == 0
    found, buffer = b"", bytearray(pieces)
    while count := guarded.readinto(memoryview(buffer)):
        found += bytes(buffer[:count])
        assert guarded.seek(len(found)) == len(found)
    return found


SOUND = [
    heap((1, 5), (2, 8), (0, 32)),
    heap((0, 64)),
    heap((1, 100)),
    heap((1, 5)) + b"after it",
    b"before it" + heap((3, 1), (0, 16)) + heap((1, 9)),
]
UNSOUND = [
    heap((1, 5), (0, 0)),
    heap((0, 0)),
    heap((0, 8), (1, 3)),
    heap((1, 2**40), size=64) + bytes(64),
    heap((0, 2**63), size=64) + bytes(64),
    b"before it" + heap((1, 9)) + heap((0, 0)),
]


@pytest.mark.parametrize("data", SOUND, ids=range(len(SOUND)))
def test_sound_heaps_are_read(data: bytes) -> None:
    """Objects that fill a heap to its end come through, whatever is around it."""
    assert read_through(data) == data


@pytest.mark.parametrize("data", UNSOUND, ids=range(len(UNSOUND)))
def test_heaps_that_end_nowhere_are_refused(data: bytes) -> None:
    """Free space smaller than itself, and objects beyond the end, are a ValueError; as an array they may stand."""
    with pytest.raises(ValueError, match="heap"):
        read_through(data)
    assert read_through(data, raw=True) == data


@pytest.mark.parametrize("size", [0, 15, 16, 2**40, 2**64 - 1])
def test_what_cannot_be_a_heap_is_left_to_hdf5(size: int) -> None:
    """Of no room for an object, or longer than the file: HDF5 refuses that by itself, or it is something else."""
    data = heap((0, 0), size=size)
    assert read_through(data) == data
    assert read_through(SIGNATURE) == SIGNATURE, "nor is a signature at the end of the file"


def test_a_name_in_a_sound_heap_may_be_anything() -> None:
    """A string that looks like the beginning of a bad heap is a string, for what is sound is passed over whole."""
    body = struct.pack("<H6xQ", 1, 32) + SIGNATURE + bytes(3) + struct.pack("<Q", 48) + bytes(16)
    data = SIGNATURE + bytes(3) + struct.pack("<Q", 16 + len(body)) + body
    assert read_through(data) == data


def test_it_reads_as_the_file_does() -> None:
    """Places, lengths and the end are those of the file."""
    guarded = Guarded(io.BytesIO(b"0123456789"))
    assert (guarded.seek(4), guarded.tell(), guarded.read(3), guarded.tell()) == (4, 4, b"456", 7)
    assert guarded.seek(-2, os.SEEK_END) == 8
    assert guarded.read() == b"89"
    buffer = bytearray(4)
    assert guarded.readinto(buffer) == 0
    guarded.seek(8)
    assert (guarded.readinto(buffer), bytes(buffer[:2])) == (2, b"89")


def test_a_heap_that_would_hold_hdf5_for_ever_is_refused() -> None:
    """Free space of no size in the heap of the strings keeps libhdf5 in a loop, where not even Ctrl-C is heard."""
    image = bytearray(crafted.plain())
    heap = image.index(b"GCOL")
    free = heap + 16 + 16 + 16  # behind the heap's header, and the one string with its own
    assert int.from_bytes(image[free : free + 2], "little") == 0
    image[free + 8 : free + 16] = bytes(8)
    with pytest.raises(Damaged, match=f"the heap at {heap} has an object of 0 bytes"):
        decode(io.BytesIO(b"".join(seal([bytes(image)]))))


def test_arrays_may_hold_what_looks_like_a_heap() -> None:
    """What stands in an array is nobody's metadata: who puts files into an inbox chooses the names in the ledger."""
    array = np.frombuffer(b"GCOL\x01" * 100, np.uint8)
    assert np.array_equal(decode(io.BytesIO(b"".join(seal(Image({"a": array})))))["a"], array)


def test_a_string_that_looks_like_a_heap_is_a_string() -> None:
    """What HDF5 keeps strings in has a signature, which may stand in one of them: a folder may have any name."""
    for before in range(16):
        tree: Tree = {"name": "/srv" + "x" * before + "GCOL\x01abc ", "other": "y" * 50, "array": np.arange(5)}
        file = io.BytesIO(b"".join(seal(Image(tree))))
        verify(file)
        assert decode(file)["name"] == tree["name"]
