"""Real worker processes: the same bits as without them, memory that grows under them, and their death."""

from __future__ import annotations

import functools
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.model.learner import BlockReport, ModelState
from streamer.model.sgns import Batching
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.text.encoded import EncodedText
from streamer.training import Schedule
from streamer.training import trainer as module
from streamer.training.trainer import Trainer
from streamer.workers import processes
from streamer.workers.processes import WorkerProcesses

from ..support.descriptors import open_files
from ..support.states import at_work, wait_for_workers
from ..support.texts import encode

SETTINGS: dict[str, Any] = {"vector_size": 16, "min_count": 2, "seed": 3}


@functools.cache
def blocks(count: int, words: int = 9_000) -> list[EncodedText]:
    """Return blocks of random text whose vocabulary goes on growing, over many chunks and none whole."""
    found = []
    for seed in range(count):
        rng = random.Random(seed)
        ranks = (rng.choice((int(rng.paretovariate(0.7)), 900 * seed + rng.randrange(1_000))) for _ in range(words))
        tokens = (f"w{rank % 100_000}" for rank in ranks)
        found.append(encode(" ".join(token + "\n\n" * (rng.random() < 0.05) for token in tokens)))
    return found


def bits(trainer: Trainer) -> dict[str, bytes]:
    """Return all that the next update depends on."""
    tree = trainer.state.to_tree()
    return {
        name: np.asarray(leaf).tobytes()
        for name, leaf in tree.items()
        if name.startswith(("embeddings", "vocabulary", "candidates", "noise", "progress"))
    }


def of(architecture: str, batching: Batching, most: int, threads: int) -> Trainer:
    """Return a new trainer that cuts its blocks in some way."""
    settings = ModelSettings(architecture=architecture, max_group=most, **SETTINGS)
    return Trainer.of(State(ModelState.new(settings, batching)), threads=threads)


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
@pytest.mark.parametrize(("group", "most"), [(1, 1), (2, 2), (3, 3), (1, 8)])
def test_the_same_bits_with_any_number_of_workers(architecture: str, group: int, most: int) -> None:
    """One process, or one to five workers: weights and losses are the same to the bit, while the vocabulary grows.

    And while the number of chunks under way does: the blocks begin with fewer than there are workers.

    The blocks come faster than they are trained, so that preparing runs ahead of training. The last has no word.
    """
    batching = Batching(chunk=256, group=group, noise=16, span=64, growth=5_000)
    given = [*blocks(4), encode("..."), *blocks(1, words=1), encode("...")]
    ends = []
    for threads in (1, 2, 3, 5):
        reports: list[BlockReport] = []
        trainer = of(architecture, batching, most, threads)

        def train(into: Trainer, reports: list[BlockReport] = reports) -> None:
            for block in given:
                into._schedule.train(block, then=lambda report, _: reports.append(report))
            into._schedule.drain()

        if threads == 1:
            train(trainer)
        else:
            with at_work(trainer):
                assert isinstance(trainer._schedule._workers, WorkerProcesses)
                assert trainer._schedule._workers.size == min(threads, most)
                train(trainer)
        assert len(trainer.state.model.vocabulary) > 2_048, "the matrices are to grow twice"
        ends.append((bits(trainer), reports))
    assert trainer.state.model.group == most
    assert ends[0] == ends[1] == ends[2] == ends[3]


def test_workers_come_and_go() -> None:
    """Training goes on in one process before there are workers, between them and after them, with the same bits."""
    given = blocks(6)
    alone, changing = (Trainer(threads=threads, **SETTINGS) for threads in (1, 2))
    for block in given:
        alone._schedule.train(block)
    for number, block in enumerate(given):
        if number in (1, 4):
            changing._schedule.start_workers()
            wait_for_workers(changing)
        changing._schedule.train(block)
        if number in (2, 4):
            changing._schedule.drain()
            changing._schedule.end_workers()
    assert bits(changing) == bits(alone)


def test_vectors_are_those_of_all_that_was_trained() -> None:
    """Asked for while workers are at it, the vectors wait for them."""
    given = blocks(2, 40_000)
    alone, helped = (Trainer(threads=threads, **SETTINGS) for threads in (1, 2))
    for block in given:
        alone._schedule.train(block)
    with at_work(helped):
        for block in given:
            helped._schedule.train(block)
        assert helped.vectors.vectors.tobytes() == alone.vectors.vectors.tobytes()


def test_long_texts_get_workers_and_leave_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """``partial_fit`` starts workers where they are worth it, and ends them; the vectors are the same."""
    texts = [" ".join(block.tokens()) for block in blocks(6, 20_000)]
    expected = bits(Trainer(threads=1, **SETTINGS).partial_fit(texts))
    monkeypatch.setattr(module, "WORTH_WORKERS", 0)
    monkeypatch.setattr(module, "BLOCK_CHARACTERS", 20_000)
    alone = Trainer(threads=1, **SETTINGS).partial_fit(texts)
    assert bits(alone) != expected, "other blocks, other bits"
    started: list[list[int]] = []

    def start(schedule: Schedule) -> None:
        if not started:
            really_start(schedule)
            assert isinstance(schedule._workers, WorkerProcesses)
            started.append([process.pid for process in schedule._workers._processes])

    really_start = Schedule.start_workers
    monkeypatch.setattr(Schedule, "start_workers", start)
    helped = Trainer(threads=2, **SETTINGS).partial_fit(texts)
    assert bits(helped) == bits(alone)
    assert len(started[0]) == 2
    for pid in started[0]:
        assert not Path(f"/proc/{pid}").exists()


def test_a_worker_that_dies_is_an_error_and_nothing_is_saved(tmp_path: Path) -> None:
    """Killed while it trains or while it waits: exit code 71, at every further attempt too, and no checkpoint."""
    for busy in (False, True):
        trainer = Trainer(threads=2, **SETTINGS)
        given = blocks(3, 40_000)
        with at_work(trainer):
            assert isinstance(trainer._schedule._workers, WorkerProcesses)
            if busy:
                trainer._schedule.train(given[0])
            os.kill(trainer._schedule._workers._processes[1].pid, signal.SIGKILL)
            with pytest.raises(StreamerError, match="training process ended") as caught:
                for block in given:
                    trainer._schedule.train(block)
                trainer._schedule.drain()
            assert caught.value.code == ExitCode.SYSTEM
            for _ in range(2):
                with pytest.raises(StreamerError, match="training process ended"):
                    trainer.save(tmp_path)
            assert not list(tmp_path.glob("*.h5"))


def test_a_worker_that_dies_while_a_long_block_is_handed_over() -> None:
    """The pipe has no room for its turns, and the others wait for the dead one. Nobody waits for ever."""
    trainer = of("skipgram", Batching(chunk=2), 4, threads=4)
    with at_work(trainer):
        assert isinstance(trainer._schedule._workers, WorkerProcesses)
        victim = trainer._schedule._workers._processes[1]
        timer = threading.Timer(0.5, victim.kill)
        timer.start()
        with pytest.raises(StreamerError, match=r"training process ended unexpectedly \(exit codes .*-9") as caught:
            trainer._schedule.train(blocks(1, 60_000)[0])
            trainer._schedule.drain()
        assert caught.value.code == ExitCode.SYSTEM
        timer.join()


def test_the_death_of_many_workers_is_told_soon() -> None:
    """Those that wait for the dead one do not end by themselves; each is not given a second of its own."""
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(5)]
    started[2].kill()
    began = time.monotonic()
    assert "exit codes -9, -9, -9, -9, -9" in processes.death(started).problem
    assert time.monotonic() - began < 3


def test_workers_that_die_before_they_begin_are_done_without(capsys: pytest.CaptureFixture[str]) -> None:
    """They have touched nothing yet, so training goes on in one process, with a warning and the same bits."""
    given = blocks(3)
    alone, left = (Trainer(threads=threads, **SETTINGS) for threads in (1, 2))
    left._schedule.start_workers()
    assert isinstance(left._schedule._workers, WorkerProcesses)
    for process in left._schedule._workers._processes:
        process.kill()
        process.wait()
    for trainer in (alone, left):
        for block in given:
            trainer._schedule.train(block)
    assert left._schedule._workers is None
    assert "workers.unavailable" in capsys.readouterr().out
    assert bits(left) == bits(alone)


def test_texts_that_end_in_an_error_are_learned_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """With workers in the middle of a block, the trainer is the one that got the texts before; none are left behind."""
    monkeypatch.setattr(module, "WORTH_WORKERS", 0)
    monkeypatch.setattr(module, "BLOCK_CHARACTERS", 20_000)
    texts = [" ".join(block.tokens())[:20_000] for block in blocks(5, 20_000)]

    def failing(trainer: Trainer) -> Iterator[str]:
        for number, text in enumerate(texts):
            yield text
            if number == 0 and trainer._threads == 2:
                trainer._schedule.start_workers()
                wait_for_workers(trainer)
        raise LookupError

    trainers = []
    for threads in (1, 2):
        trainer = Trainer(threads=threads, **SETTINGS)
        with pytest.raises(LookupError):
            trainer.partial_fit(failing(trainer))
        assert trainer._schedule._workers is None
        trainers.append(bits(trainer))
    assert trainers[0] == trainers[1]


@pytest.mark.parametrize("place", ["store", "total_loss"])
def test_an_interrupt_in_the_middle_breaks_off(place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ctrl-C while a block is handed over or its answer taken: no wait for ever, no torn model saved, no process."""
    trainer = Trainer(threads=2, **SETTINGS)
    calls = []

    def interrupted(*_: Any) -> None:
        calls.append(place)
        raise KeyboardInterrupt

    def texts() -> Iterator[str]:
        yield "one two " * 10_000
        trainer._schedule.start_workers()
        wait_for_workers(trainer)
        monkeypatch.setattr(processes, place, interrupted)
        for _ in range(9):
            yield "three four " * 10_000

    monkeypatch.setattr(module, "BLOCK_CHARACTERS", 20_000)
    with pytest.raises(KeyboardInterrupt):
        trainer.partial_fit(texts())
    assert len(calls) == 1
    assert trainer._schedule._workers is None
    for attempt in (lambda: trainer.save(tmp_path), lambda: trainer.partial_fit(["more"]), lambda: trainer.vectors):
        with pytest.raises(StreamerError, match="interrupted in the middle"):
            attempt()


def test_an_interrupt_without_workers_breaks_off_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Counted but not trained, a block leaves nothing that may be saved."""
    trainer = Trainer(threads=1, **SETTINGS)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer._schedule._learner, "_draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.partial_fit(["a b a b a b"])
    with pytest.raises(StreamerError, match="interrupted in the middle"):
        trainer.save(tmp_path)


def test_workers_that_are_ended_in_the_middle_leave_nothing_to_save(tmp_path: Path) -> None:
    """A trainer whose blocks were never finished refuses to be saved."""
    trainer = Trainer(threads=2, **SETTINGS)
    with at_work(trainer):
        trainer._schedule.train(blocks(1, 40_000)[0])
    with pytest.raises(StreamerError, match="interrupted in the middle"):
        trainer.save(tmp_path)


def test_workers_end_with_their_trainer() -> None:
    """When the trainer's end of the pipes is gone, so are they, in the middle of a block or not."""
    trainer = Trainer(threads=2, **SETTINGS)
    with at_work(trainer):
        assert isinstance(trainer._schedule._workers, WorkerProcesses)
        trainer._schedule.train(blocks(1, 40_000)[0])
        ended = list(trainer._schedule._workers._processes)
        for connection in trainer._schedule._workers._connections:
            connection.close()
        for process in ended:
            assert process.wait(timeout=20) == 0


def test_without_processes_training_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that gives no more processes gets its text trained all the same, and nothing is left open."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    given = blocks(2)
    alone, refused = (Trainer(threads=threads, **SETTINGS) for threads in (1, 2))
    monkeypatch.setattr(processes, "spawn", refuse)
    before = open_files()
    refused._schedule.start_workers()
    refused._schedule.start_workers()
    assert open_files() == before + 2  # the weights stay in shared memory
    for trainer in (alone, refused):
        for block in given:
            trainer._schedule.train(block)
    assert bits(refused) == bits(alone)


def test_no_descriptor_is_left_open() -> None:
    """Workers that came and went, and a trainer that is gone, leave no descriptor behind."""
    before = open_files()
    trainer = Trainer(threads=2, **SETTINGS)
    for _ in range(3):
        with at_work(trainer):
            trainer._schedule.train(blocks(1)[0])
            trainer._schedule.drain()
    del trainer
    assert open_files() == before


def test_there_are_no_more_workers_than_chunks_under_way() -> None:
    """More would wait for ever."""
    for most, threads, size in ((2, 8, 2), (4, 3, 3), (8, 5, 5), (1, 2, 1)):
        made = WorkerProcesses(ModelState.new(ModelSettings(max_group=most)), threads)
        made.close()
        assert made.size == size
