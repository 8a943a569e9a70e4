"""Memory that several processes map: it grows without being copied, and goes with the last who holds it."""

from __future__ import annotations

import os

import numpy as np
import numpy.typing as npt
import pytest

from streamer.system.processes import spawn
from streamer.workers import shared_memory
from streamer.workers.shared_memory import SharedArray

from ..support.descriptors import open_files


def test_shared_arrays_keep_what_they_hold() -> None:
    """Mapped longer, by whoever has the descriptor, the old part is there and the new one is zero."""
    array = SharedArray(np.float32, (3,))
    first = array.map(2)
    first[:] = 7
    longer = array.map(5_000)
    assert (longer[:2] == 7).all()
    assert not longer[2:].any()
    other = SharedArray(np.float32, (3,), os.dup(array.descriptor)).map(4)
    other[3] = 1
    assert (longer[3] == 1).all()
    assert SharedArray(np.int64).map(0).shape == (0,)
    array.close()
    assert (first == 7).all()


def test_growing_moves_nothing() -> None:
    """What was mapped before and what is mapped now are the same memory, also after the array has grown."""
    array = SharedArray(np.int64)
    first = array.map(3)
    later = array.map(100_000)
    later[:3] = [1, 2, 3]
    assert first.tolist() == [1, 2, 3]
    first[0] = 9
    assert later[0] == 9


def test_asked_for_less_it_is_the_beginning() -> None:
    """A shorter map is a view of the same memory; nothing is cut off."""
    array = SharedArray(np.float32, (2,))
    long = array.map(10)
    long[:] = np.arange(20).reshape(10, 2)
    short = array.map(4)
    assert np.shares_memory(short, long)
    assert short.tolist() == long[:4].tolist()
    assert array.map(10).tolist() == long.tolist()


def test_room_at_least_doubles() -> None:
    """So that growing row by row costs no more than growing once."""
    array, sizes = SharedArray(np.float32, (4,)), set()
    for length in range(1, 1000):
        assert array.map(length).shape == (length, 4)
        sizes.add(os.fstat(array.descriptor).st_size)
    assert len(sizes) <= 11


@pytest.mark.parametrize(("dtype", "tail"), [(np.float32, (2, 7)), (np.int64, ()), (np.uint8, (1,))])
def test_shapes_and_types(dtype: npt.DTypeLike, tail: tuple[int, ...]) -> None:
    """The array has its type and the shape of its elements, and is zero and writable where it is new."""
    found = SharedArray(dtype, tail).map(3)
    assert found.dtype == dtype
    assert (found.shape, found.flags.writeable) == ((3, *tail), True)
    assert not found.any()


def test_who_maps_less_does_not_cut_it_short() -> None:
    """Another holder's smaller map leaves the size of the memory as it is."""
    array = SharedArray(np.int64)
    array.map(5_000)[4_999] = 7
    other = SharedArray(np.int64, (), os.dup(array.descriptor))
    other.map(1)
    assert other.map(5_000)[4_999] == 7


def test_descriptors_go_with_the_array() -> None:
    """Closed, or forgotten, it holds no descriptor; closing twice is closing once; what is mapped stays."""
    before = open_files()
    array = SharedArray(np.int64)
    mapped = array.map(10)
    assert open_files() >= before + 1
    array.close()
    array.close()
    mapped[3] = 5
    assert mapped.tolist()[3] == 5
    del array, mapped
    SharedArray(np.int64).map(10)
    assert open_files() == before


def write(descriptor: int, shared: int) -> None:
    """Write what a test looks for, in another process."""
    SharedArray(np.int64, (), shared).map(3)[:] = [4, 5, 6]
    os.write(descriptor, b".")


def test_another_process_writes_what_we_read() -> None:
    """Whoever is given the descriptor has the same memory."""
    array = SharedArray(np.int64)
    mapped = array.map(3)
    come, go = os.pipe()
    with spawn(__name__, "write", [go, array.descriptor]) as process:
        assert os.read(come, 1) == b"."
        assert process.wait(20) == 0
    os.close(come)
    os.close(go)
    assert mapped.tolist() == [4, 5, 6]


def test_without_memory_files_a_temporary_file_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no memory files, a file without a name does the same and leaves nothing behind."""
    monkeypatch.delattr(os, "memfd_create", raising=False)
    before = open_files()
    array = SharedArray(np.float32, (2,))
    array.map(2)[:] = 3
    other = SharedArray(np.float32, (2,), os.dup(array.descriptor))
    assert other.map(50)[:2].tolist() == [[3, 3], [3, 3]]
    assert os.fstat(array.descriptor).st_nlink == 0
    array.close()
    other.close()
    del array, other
    assert open_files() == before


def test_want_of_memory_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more descriptors is an OSError at once, before anything is mapped."""

    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(shared_memory, "_memory", refuse)
    with pytest.raises(OSError, match="Too many"):
        SharedArray(np.int64)
