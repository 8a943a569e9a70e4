"""Memory that several processes map. It has no name, so the system frees it when the last process ends or is killed."""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt


class SharedArray:
    """An array that grows along its first axis without a copy. Every process that has its descriptor can map it.

    Args:
        dtype: The type of its elements.
        tail: The shape without the first axis.
        descriptor: The descriptor of existing memory, from another process; without it, new memory is made.

    Raises:
        OSError: If there is no more memory, or no more file descriptors.
    """

    def __init__(self, dtype: npt.DTypeLike, tail: tuple[int, ...] = (), descriptor: int | None = None) -> None:
        self._dtype, self._tail = np.dtype(dtype), tail
        self._mapped: npt.NDArray[Any] = np.empty((0, *tail), dtype)
        self.descriptor = _memory() if descriptor is None else descriptor
        self.close = weakref.finalize(self, os.close, self.descriptor)
        """Close the descriptor; what is mapped stays. This happens by itself when the last reference is gone."""

    def map(self, length: int) -> npt.NDArray[Any]:
        """Return the first ``length`` elements: those stored before, then zeros."""
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
