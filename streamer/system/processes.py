"""Helper processes: new interpreters that run one function of this package and own nothing that must be saved."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from streamer.system import failpoints

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # as in malloc.h
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def spawn(
    module: str,
    function: str,
    descriptors: Sequence[int],
    shared: Sequence[int] = (),
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``module.function(*descriptors)`` in another process.

    A fork would copy locks that threads of this process may hold. The new interpreter imports what this one would,
    whatever is in the current folder. Ctrl-C does not reach it.

    Args:
        module: Where the function is.
        function: Its name.
        descriptors: Open files, which are its arguments.
        shared: More files that stay open for it, under the same numbers.
        environment: Variables that it gets besides those of this process.

    Raises:
        OSError: If the system allows no more processes.
    """
    failpoints.reached("helper.start")
    arguments = ", ".join(map(str, descriptors))
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import {function}; {function}({arguments})"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdin=subprocess.DEVNULL,
        pass_fds=(*descriptors, *shared),
        start_new_session=True,
        env={**os.environ, **_ONE_THREAD, **(environment or {})},  # so that BLAS starts no threads of its own
    )


def keep_freed_memory() -> None:
    """Keep up to 128 MiB of freed memory for the next block, whose arrays have the same sizes.

    By default, glibc returns freed arrays of a MiB to the system, and the kernel fills those of the next block with
    zeros, page by page: 3 % of the time of a run. Without glibc, nothing is done.
    """
    with contextlib.suppress(OSError, AttributeError):
        glibc = ctypes.CDLL("libc.so.6")
        glibc.mallopt(_M_TRIM_THRESHOLD, 128 << 20)
        glibc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
