"""What the tests know of running side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""The variables that say how many threads BLAS may have."""

Once = Callable[[str, Callable[[Path], object]], Path]
"""Returns the folder of a name, filled by the first process of a run that asks for it."""
