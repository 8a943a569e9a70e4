"""Memory that other processes map too, and that nothing outlives: it has no name, so a kill leaves nothing behind."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt


class SharedArray:
    """An array that grows at its first axis without being copied, and that whoever has its descriptor can map.

    Args:
        dtype: Of its elements.
        tail: The shape of what lies along the first axis.
        descriptor: Of the memory, as another process was given it; new memory without one.

    Raises:
        OSError: If there is no more memory, or no more file descriptors.
    """

    def __init__(self, dtype: npt.DTypeLike, tail: tuple[int, ...] = (), descriptor: int | None = None) -> None:
        self._dtype, self._tail = np.dtype(dtype), tail
        self._mapped: npt.NDArray[Any] = np.empty((0, *tail), dtype)
        self.descriptor = _memory() if descriptor is None else descriptor
        self.close = weakref.finalize(self, os.close, self.descriptor)
        """Give the descriptor back; what is mapped stays. Done anyway when the last reference goes."""

    def map(self, length: int) -> npt.NDArray[Any]:
        """Return the first ``length`` elements; what was stored before is there, and new ones are zero."""
        if length > len(self._mapped):
            shape = (max(length, 2 * len(self._mapped)), *self._tail)
            size = int(np.prod(shape)) * self._dtype.itemsize
            if os.fstat(self.descriptor).st_size < size:
                os.ftruncate(self.descriptor, size)
            self._mapped = np.frombuffer(mmap.mmap(self.descriptor, size), self._dtype).reshape(shape)
        return self._mapped[:length]


def _memory() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("streamer")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
