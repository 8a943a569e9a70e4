"""Training in this process, behind the same methods as all other workers."""

from __future__ import annotations

import time

import numpy as np
import pytest
import threadpoolctl

from streamer.model.pipeline import Tokens
from streamer.model.sgns import Loss
from streamer.workers import Workers
from streamer.workers.here import Here


def tokens(number: int) -> Tokens:
    """Return a block that tells its number."""
    return Tokens(np.full(3, number), np.zeros(3, np.int32), np.zeros(16, np.int64), 2)


def told(given: Tokens) -> Loss:
    """Train nothing: the loss is the number of the block."""
    return Loss(float(given.ids[0]), 1.0)


def test_it_follows_the_protocol() -> None:
    """Whoever knows the protocol needs to know nothing else: no processes, and ready from the first moment."""
    here: Workers = Here(told)
    assert here.size == 0
    assert here.ready()
    assert not here.full()


def test_a_block_is_done_when_it_was_handed_over() -> None:
    """``submit`` returns when it is trained; then there is one to collect, and room again once it was."""
    trained: list[int] = []

    def update(given: Tokens) -> Loss:
        trained.append(int(given.ids[0]))
        return told(given)

    here = Here(update)
    before = time.perf_counter()
    here.submit(tokens(7))
    after = time.perf_counter()
    assert (trained, here.full()) == ([7], True)
    loss, ended = here.collect()
    assert loss == Loss(7.0, 1.0)
    assert before <= ended <= after
    assert not here.full()


def test_losses_are_collected_in_order() -> None:
    """The oldest comes first, should there be several."""
    here = Here(told)
    for number in range(3):
        here.submit(tokens(number))
    found = [here.collect() for _ in range(3)]
    assert [loss.total for loss, _ in found] == [0.0, 1.0, 2.0]
    assert [ended for _, ended in found] == sorted(ended for _, ended in found)


def test_a_block_that_fails_leaves_nothing_to_collect() -> None:
    """The error comes out of ``submit``, as it is."""

    def fail(given: Tokens) -> Loss:
        raise LookupError

    here = Here(fail)
    with pytest.raises(LookupError):
        here.submit(tokens(1))
    assert not here.full()


def test_blas_has_one_thread_meanwhile() -> None:
    """Its threads would compete with our own; afterwards they are as many as before."""
    libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    seen: list[int] = []

    def look(given: Tokens) -> Loss:
        seen.extend(library.num_threads for library in libraries)
        return told(given)

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        Here(look).submit(tokens(1))
        assert {library.num_threads for library in libraries} == {2}
    assert set(seen) == {1}


def test_there_is_nothing_to_end() -> None:
    """Closed, it goes on as before."""
    here = Here(told)
    here.close()
    here.submit(tokens(1))
    here.close()
    assert here.collect()[0] == Loss(1.0, 1.0)
