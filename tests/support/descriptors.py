"""The files that this process has open."""

from __future__ import annotations

import gc
from pathlib import Path


def open_files() -> int:
    """Return how many descriptors this process holds, those not counted that nobody can reach any more."""
    gc.collect()
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
