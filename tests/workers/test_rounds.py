"""Blocks with lanes at real processes, beside workers for the others: the same bits as in one process."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.model import lanes
from streamer.model.learner import BlockReport, Learner, ModelState
from streamer.model.pipeline import Tokens
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.training import Schedule
from streamer.workers import Nodes, Workers, starter
from streamer.workers.here import Here
from streamer.workers.pool import Pool
from streamer.workers.processes import WorkerProcesses, share
from streamer.workers.rounds import BLOCKS, Rounds

from .test_processes import blocks

SETTINGS = ModelSettings(vector_size=16, min_count=2, seed=3, lanes=3, lane_size=1_000, stop_words=("the",))
WORDS = [9_000] * 4 + [80_000, 500, 20_000, 60_000, 700, 30_000, 9_000, 1]
"""Blocks of one lane and of several in turns, once the model has seen 100,000 words."""


class Noted:
    """Nodes in this process that note what they are asked for, and may fail.

    Args:
        fails: Called before each round; may raise.
    """

    def __init__(self, fails: Callable[[], object] = lambda: None) -> None:
        self.rounds: list[int] = []
        self.closed = False
        self._fails = fails

    def map(self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Compute the calls, the last one first."""
        self._fails()
        assert function is lanes.train
        assert all(settings.stop_words == () for _, settings, _ in calls)
        self.rounds.append(len(calls))
        return [function(*call) for call in reversed(calls)][::-1]

    def close(self) -> None:
        """Note it."""
        self.closed = True


def exact(state: State) -> dict[str, bytes]:
    """Return the numbers of a model in a form that compares bit for bit."""
    names = ("embeddings", "vocabulary", "candidates", "noise", "progress")
    return {name: np.asarray(leaf).tobytes() for name, leaf in state.to_tree().items() if name.startswith(names)}


def trained(start: Callable[[ModelState], Workers | None]) -> tuple[dict[str, bytes], list[BlockReport], set[int]]:
    """Train all blocks; return the model, the reports, and the numbers of lanes that blocks had."""
    state, reports = State(ModelState.new(SETTINGS)), []
    schedule = Schedule(state, start)
    schedule.start_workers()
    while schedule._workers and not schedule._workers.ready():
        time.sleep(0.01)
    seen: set[int] = set()
    for number, words in enumerate(WORDS):
        schedule.train(blocks(number + 1, words)[-1], then=lambda report, _: reports.append(report))
        seen.add(state.model.lanes)
    schedule.drain()
    schedule.end_workers()
    return exact(state), reports, seen


@pytest.mark.slow
def test_the_same_bits_wherever_lanes_are_computed() -> None:
    """In this process, at a pool, and at a cluster with other workers or without, while the vocabulary grows."""
    expected = trained(lambda model: None)
    assert {1, 2, 3} <= expected[2]
    assert len(expected[1]) == len(WORDS)
    for threads in (2, 3):
        assert trained(starter(threads)) == expected
    for threads in (1, 2):
        nodes = Noted()
        assert trained(starter(threads, lambda nodes=nodes: nodes)) == expected  # type: ignore[misc]
        assert nodes.closed
        assert {2, 3} <= set(nodes.rounds)


def rounds_of(nodes: Nodes, seen: int = 200_000) -> tuple[Learner, Rounds]:
    """Return a learner of a model that has seen some words, and its rounds."""
    state = ModelState.new(attrs.evolve(SETTINGS, stop_words=()))
    learner = Learner(state)
    block = blocks(1, 20_000)[0]
    learner.train_block(block.words, block.codes, block.segments)
    state.restore_progress(state.blocks, seen)
    share(state.embeddings)
    return learner, Rounds(state, Here(Learner(state).update), nodes)


def prepared(learner: Learner, words: int) -> Tokens:
    """Return a block of so many words."""
    block = blocks(2, words)[1]
    return learner.prepare(block.words, block.codes, block.segments)[1]


def test_it_follows_the_protocol() -> None:
    """There is room for two blocks; results come in the order of the blocks, with the moment of each."""
    learner, rounds = rounds_of(Noted())
    workers: Workers = rounds
    assert workers.size == 0
    assert workers.ready() and not workers.full()
    before = time.perf_counter()
    found = []
    for words in (6_000, 9_000, 800, 7_000, 700):
        while workers.full():
            found.append(workers.collect())
        workers.submit(prepared(learner, words))
    while len(found) < 5:
        found.append(workers.collect())
    assert [loss.weight > 0 for loss, _ in found] == [True] * 5
    ends = [before, *(ended for _, ended in found), time.perf_counter()]
    assert ends == sorted(ends)
    workers.close()


def test_the_trainer_goes_on_meanwhile() -> None:
    """A block is handed over at once; with two under way, the next must wait."""
    gate = threading.Event()
    learner, rounds = rounds_of(Noted(lambda: gate.wait(60)))
    for _ in range(BLOCKS):
        assert not rounds.full()
        rounds.submit(prepared(learner, 6_000))
    assert rounds.full()
    gate.set()
    for _ in range(BLOCKS):
        rounds.collect()
    assert not rounds.full()
    rounds.close()


@pytest.mark.parametrize("error", [StreamerError("the cluster is gone", code=ExitCode.SYSTEM), MemoryError("no room")])
def test_an_error_of_nodes_reaches_whoever_waits(error: BaseException) -> None:
    """It is raised for the block, and for those after it: nothing is trained any more."""
    failing = False

    def fails() -> None:
        if failing:
            raise error

    nodes = Noted(fails)
    learner, rounds = rounds_of(nodes)
    rounds.submit(prepared(learner, 6_000))
    rounds.collect()
    count, failing = len(nodes.rounds), True
    for words in (6_000, 7_000):
        rounds.submit(prepared(learner, words))
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            rounds.collect()
        assert caught.value is error
    assert len(nodes.rounds) == count
    rounds.submit(prepared(learner, 6_000))
    with pytest.raises(type(error)):
        rounds.submit(prepared(learner, 700))  # it waits for the one before
    rounds.close()


@pytest.mark.slow
def test_a_failed_round_breaks_the_schedule() -> None:
    """Then nothing is saved: whoever wants the state gets the error."""

    def fail() -> None:
        raise StreamerError("the cluster is gone", code=ExitCode.SYSTEM)

    state = State(ModelState.new(SETTINGS))
    schedule = Schedule(state, starter(1, lambda: Noted(fail)))
    schedule.start_workers()
    with pytest.raises(StreamerError, match="the cluster is gone"):
        for number, words in enumerate(WORDS):
            schedule.train(blocks(number + 1, words)[-1])
        schedule.drain()
    assert schedule.broken
    with pytest.raises(StreamerError, match="the cluster is gone"):
        schedule.drain()
    schedule.end_workers()


def test_a_killed_process_of_the_pool_ends_training() -> None:
    """71, as when another worker dies."""
    state = ModelState.new(SETTINGS)
    found = starter(2)(state)
    assert isinstance(found, Rounds)
    assert isinstance(found._others, WorkerProcesses)
    pool = found._nodes
    assert isinstance(pool, Pool)
    os.kill(pool._processes[0].pid, signal.SIGKILL)
    pool._processes[0].wait()
    learner = Learner(state)
    block = blocks(1, 20_000)[0]
    learner.train_block(block.words, block.codes, block.segments)
    state.restore_progress(state.blocks, 200_000)
    found.submit(prepared(learner, 6_000))
    with pytest.raises(StreamerError, match="ended unexpectedly") as caught:
        found.collect()
    assert caught.value.code == ExitCode.SYSTEM
    found.close()
