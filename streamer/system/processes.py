"""Helper processes: fresh interpreters that run one function of this package and own nothing worth saving."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Sequence

from streamer.system import failpoints

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # as in malloc.h
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def spawn(
    module: str, function: str, descriptors: Sequence[int], shared: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start ``module.function(*descriptors)`` in another process.

    A fork would copy locks that this process's threads may hold. The new interpreter imports what this one would,
    whatever lies in the current folder, and is no one that Ctrl-C is for.

    Args:
        module: Where the function is.
        function: Its name.
        descriptors: Files that it is given open, as its arguments.
        shared: More files that stay open for it under the same numbers.

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
        env={**os.environ, **_ONE_THREAD},  # so that BLAS starts no threads of its own
    )


def keep_freed_memory() -> None:
    """Have this process keep up to 128 MiB that it frees, for the next block, whose arrays have the same sizes.

    As it comes, glibc gives arrays of a MiB back to the system when they are freed, and the next block's are filled
    with zeros by the kernel, page by page: 3 % of the time of a run. Where there is no glibc, nothing is done.
    """
    with contextlib.suppress(OSError, AttributeError):
        glibc = ctypes.CDLL("libc.so.6")
        glibc.mallopt(_M_TRIM_THRESHOLD, 128 << 20)
        glibc.mallopt(_M_MMAP_THRESHOLD, 32 << 20)
