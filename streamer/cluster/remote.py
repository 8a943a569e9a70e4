"""What runs on a node. Ray knows these functions by their import path, so a node needs this package."""

from __future__ import annotations

import functools
import importlib
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.cluster.machine import describe, differences
from streamer.cluster.messages import Packed, pack, unpack
from streamer.system.blas import Blas

DONE, RAISED, DIFFERS = "done", "raised", "differs"
"""What came of a call."""

Answer = tuple[str, bytes, list[npt.NDArray[np.uint8]]]
"""What came of a call, and the packed value: what it returned, what it raised, or what differs in words."""

_described = functools.cache(describe)


def ask() -> dict[str, str]:
    """Return what the bits of results depend on here."""
    return _described()


def run(expected: Mapping[str, str] | None, name: str, data: bytes, *buffers: npt.NDArray[np.uint8]) -> Answer:
    """Call a function, with one thread of BLAS.

    Args:
        expected: What :func:`ask` has to return here; anything is right if it is None.
        name: The function, as ``module:function``.
        data: The arguments, packed.
        buffers: Their arrays, which are read-only.
    """
    if expected is not None and (told := differences(expected, ask())):
        return _answer(DIFFERS, told)
    try:
        function = find(name)
        arguments = unpack(Packed(data, buffers))
        with Blas().one_thread():  # looks anew each time: the function's module may have loaded a library
            value = function(*arguments)
    except Exception as error:  # it belongs to the caller
        return _answer(RAISED, _portable(error))
    return _answer(DONE, value)


def find(name: str) -> Callable[..., Any]:
    """Return a function by its ``module:function``."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def name_of(function: Callable[..., Any]) -> str:
    """Return ``module:function``.

    Raises:
        TypeError: If the function can't be found under that name, such as a lambda.
    """
    name = f"{function.__module__}:{getattr(function, '__qualname__', '')}"
    try:
        if find(name) is function:
            return name
    except (ImportError, AttributeError):
        pass
    raise TypeError(f"{function!r} has no import path, and cannot be sent to a node")


def _answer(kind: str, value: object) -> Answer:
    packed = pack(value)
    return kind, bytes(packed.data), [np.asarray(buffer) for buffer in packed.buffers]


def _portable(error: Exception) -> Exception:
    """Return the error, or if it cannot be pickled, one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # pickle calls code of the error's class
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
