"""The threads of BLAS, which would compete with the trainer's own processes for the cores."""

from __future__ import annotations

import contextlib
from typing import Any

import threadpoolctl


class Blas:
    """The BLAS libraries that this process has loaded by now."""

    def __init__(self) -> None:
        self._libraries = threadpoolctl.ThreadpoolController().select(user_api="blas")

    def one_thread(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context in which BLAS has one thread; around many blocks, the limit is set only once.

        Reading the number of threads takes 1 µs. Setting it takes 20 µs, which is a lot for a file of 100 words.
        """
        if all(library.num_threads == 1 for library in self._libraries.lib_controllers):
            return contextlib.nullcontext()
        return self._libraries.limit(limits=1)  # type: ignore[no-any-return]

    def kernels(self) -> list[str]:
        """Return the kernels that the libraries have chosen for this machine."""
        return [library.get("architecture") for library in self._libraries.info()]
