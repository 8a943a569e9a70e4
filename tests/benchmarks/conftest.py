"""What all benchmarks have in common: one BLAS thread, as a trainer has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import threadpoolctl


@pytest.fixture(autouse=True)
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread."""
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield
