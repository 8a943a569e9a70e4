"""The threads of BLAS: one within the context, as many as before after it, and for nobody else."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import threadpoolctl

from streamer.system.blas import Blas
from streamer.training import Trainer

from ..support.training import train_text


def threads() -> list[int]:
    """Return how many threads each BLAS library of this process has."""
    libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return [library.num_threads for library in libraries]


def test_blas_has_one_thread_within_the_context_and_its_own_after() -> None:
    """Training within the context and outside of it leaves the number as it was."""
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = threads()
        trainer = Trainer(min_count=1)
        with Blas().one_thread():
            train_text(trainer, "a text")
            assert threads() == [1] * len(before)
        assert threads() == before
        train_text(trainer, "another text")
        assert threads() == before
        assert set(before) == {2}, "or there would be nothing to see"


def test_an_exception_gives_the_threads_back() -> None:
    """However the context is left."""
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        with pytest.raises(LookupError), Blas().one_thread():
            raise LookupError
        assert set(threads()) == {2}


def test_contexts_within_contexts_cost_nothing() -> None:
    """Where there is one thread already nothing is set, so a block within a file's context pays a look only."""
    blas = Blas()
    with threadpoolctl.threadpool_limits(2, user_api="blas"), blas.one_thread() as outer:
        inner = blas.one_thread()
        assert isinstance(inner, contextlib.nullcontext)
        assert not isinstance(outer, contextlib.nullcontext)
        with inner:
            assert set(threads()) == {1}
        assert set(threads()) == {1}


def test_the_limit_reaches_the_library_that_multiplies() -> None:
    """The libraries are those that NumPy has loaded: there is one, and it names the kernel it has chosen."""
    assert np.ones((3, 3)) @ np.ones(3) == pytest.approx(3.0)
    kernels = Blas().kernels()
    assert len(kernels) == len(threads()) >= 1
    assert all(isinstance(kernel, str) and kernel for kernel in kernels)
