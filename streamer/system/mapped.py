"""Arrays that are views of mapped files."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np


def forget(view: np.ndarray[Any, np.dtype[Any]]) -> None:
    """Let the system take back the memory of a file of which this array is a view; it is read again when it is used.

    Nothing happens if it is not a view of a file, or one that may be written to: what was written would be lost.
    """
    if view.flags.writeable:
        return
    base: Any = view
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
