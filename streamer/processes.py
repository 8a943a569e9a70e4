"""Helper processes: fresh interpreters that run one function of this package and own nothing worth saving."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

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
    arguments = ", ".join(map(str, descriptors))
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import {function}; {function}({arguments})"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdin=subprocess.DEVNULL,
        pass_fds=(*descriptors, *shared),
        start_new_session=True,
        env={**os.environ, **_ONE_THREAD},  # so that BLAS starts no threads of its own
    )
