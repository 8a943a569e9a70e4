"""Views of mapped files, whose memory can be given back."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from streamer.system.mapped import forget

SIZE = 32 << 20


def resident() -> int:
    """Return the bytes of files that are in the memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssFile")).split()[1]) * 1024


def test_what_is_forgotten_takes_no_memory_and_is_read_again(tmp_path: Path) -> None:
    content = np.random.default_rng(1).bytes(SIZE)
    (tmp_path / "file").write_bytes(content)
    with (tmp_path / "file").open("rb") as file:
        view = np.frombuffer(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ), "<u4")[1_000:].reshape(-1, 8)
        before = resident()
        total = view.sum(dtype=np.uint64)
        assert resident() - before > SIZE // 2
        forget(view)
        assert resident() - before < SIZE // 8
        assert view.sum(dtype=np.uint64) == total


def test_other_arrays_stay_as_they_are() -> None:
    array = np.arange(6)
    forget(array)
    forget(np.frombuffer(b"abc", np.uint8))
    forget(array[1:])
    assert array.tolist() == [0, 1, 2, 3, 4, 5]


def test_what_was_written_is_not_lost() -> None:
    private = np.frombuffer(mmap.mmap(-1, 8_192, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)
    private[:] = 7
    forget(private)
    assert private.all()
