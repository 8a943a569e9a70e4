"""The threads of BLAS, which would compete with the trainer's own processes for the cores."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import threadpoolctl


@functools.cache
def _libraries() -> Any:
    return threadpoolctl.ThreadpoolController().select(user_api="blas")


def one_thread() -> contextlib.AbstractContextManager[Any]:
    """Return a context in which BLAS has no threads of its own; around many blocks it spares each of them a limit.

    Asking how many there are takes a microsecond, setting it 20, which is a lot for a file of 100 words.
    """
    if all(library.num_threads == 1 for library in _libraries().lib_controllers):
        return contextlib.nullcontext()
    return _libraries().limit(limits=1)  # type: ignore[no-any-return]


def architectures() -> list[str]:
    """Return the kernels that the BLAS libraries of this process have chosen for this machine."""
    return [library.get("architecture") for library in _libraries().info()]
