"""What the parts of a chunk cost, and a simulator of workers that is fed with them.

    python -m tests.benchmarks.turns BOOKS

Workers of their own process record when each of their turns began and ended, and how long they computed, in seconds of
processor time. The simulator plays these records on any number of workers and cores: a turn at a shard waits for the
turn before it at this shard, and for the chunk that it applies; workers and the trainer share the cores evenly. It is
compared with the wall time of real runs for as many cores as there are; for more it is an estimate, in which memory has
no limit.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np

from streamer.model.learner import ModelState
from streamer.model.pipeline import Tokens, turns_of
from streamer.model.sgns import Batching
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.system.processes import spawn
from streamer.training.schedule import Schedule
from streamer.workers import processes, worker
from streamer.workers.processes import WorkerProcesses
from streamer.workers.ring import Ring

from .groups import encoded

RECORDS = "STREAMER_TURN_RECORDS"
REPEAT = 2
ONE = Batching(chunk=1)
_now = time.process_time


_record: list[float] = []


class Recording(Ring):
    """A ring that notes when each turn begins, and comes and goes at each shard, in processor time."""

    def begin(self, turn: int) -> None:
        """Note the number of the turn and the time."""
        _record.extend((turn, _now()))
        super().begin(turn)

    def come(self, shard: int) -> None:
        """Wait for the turn, and note the time."""
        super().come(shard)
        _record.append(_now())

    def go(self, shard: int) -> None:
        """Note the time, and end the turn."""
        _record.append(_now())
        super().go(shard)


def serve(descriptor: int) -> None:
    """Do what a worker does, and write the records when the trainer is gone."""
    with patch.object(worker, "Ring", Recording):
        try:
            worker.serve(descriptor)
        finally:
            _record.extend((-1, _now()))
            Path(os.environ[RECORDS], str(os.getpid())).write_text(json.dumps(_record))


class Turn(NamedTuple):
    """A turn: seconds before it, at each shard, and after it until the next turn of the same worker begins."""

    before: float
    held: tuple[float, ...]
    after: float


class Run(NamedTuple):
    """A run of real workers.

    Attributes:
        wall: Seconds from the first block to the end.
        prepared: Seconds for each block in the trainer.
        counts: For each block, its chunks and how many are under way.
        turns: For each block, its turns.
    """

    wall: float
    prepared: list[float]
    counts: list[tuple[int, int]]
    turns: list[list[Turn]]

    @property
    def computed(self) -> float:
        """Return the processor time of all workers."""
        return sum(turn.before + sum(turn.held) + turn.after for block in self.turns for turn in block)


def run(folder: Path, settings: ModelSettings, size: int, shards: int) -> Run:
    """Train on a folder with so many workers, which record their turns."""
    with (
        tempfile.TemporaryDirectory() as records,
        patch.dict(os.environ, {RECORDS: records}),
        patch.object(processes, "SHARDS", shards),
        patch.object(processes, "FEW", 0),
        patch.object(processes, "spawn", _spawn),
    ):
        workers = _Kept(ModelState.new(settings), size)
        state = State(workers._state)
        schedule = Schedule(state, lambda model: workers)
        schedule.start_workers()
        while not workers.ready():
            time.sleep(0.01)
        prepared, counts = [], []
        prepare = schedule._learner.prepare

        def timed(*arguments: Any, **named: Any) -> Any:
            start = _now()
            report, tokens = prepare(*arguments, **named)
            prepared.append(_now() - start)
            counts.append((-(-len(tokens.ids) // state.model.batching.chunk), tokens.group))
            return report, tokens

        schedule._learner.prepare = timed  # type: ignore[method-assign]
        start = time.perf_counter()
        for epoch in range(REPEAT):
            for block in encoded(folder):
                schedule.train(block, epoch=epoch)
        schedule.drain()
        wall = time.perf_counter() - start
        pids = [process.pid for process in workers._processes]
        schedule.end_workers()
        found = [json.loads(Path(records, str(pid)).read_text()) for pid in pids]
    return Run(wall, prepared, counts, _turns(found, counts, shards))


class _Kept(WorkerProcesses):
    """Workers that end by themselves, so that they can write their records."""

    def close(self) -> None:
        """Say that there are no more turns, and wait."""
        os.close(self._claims)
        self._claims = -1
        for process in self._processes:
            process.wait()
        super().close()


def _spawn(module: str, function: str, descriptors: Sequence[int], shared: Sequence[int]) -> subprocess.Popen[bytes]:
    return spawn("tests.benchmarks.turns" if module.endswith("worker") else module, function, descriptors, shared)


def _turns(found: list[list[float]], counts: list[tuple[int, int]], shards: int) -> list[list[Turn]]:
    """Return the turns of each block from the times of each worker."""
    length, by_number = 2 + 2 * shards, {}
    for times in found:
        for at in range(0, len(times) - 2, length):
            begin, *held = times[at + 1 : at + length]
            spent = tuple(gone - come for come, gone in zip(held[::2], held[1::2], strict=True))
            between = sum(come - gone for gone, come in zip(held[1::2], held[2::2], strict=False))
            by_number[int(times[at])] = Turn(held[0] - begin, spent, between + times[at + length + 1] - held[-1])
    ordered = iter([by_number[number] for number in range(len(by_number))])
    return [list(itertools.islice(ordered, len(_numbers(*each)))) for each in counts]


def _numbers(count: int, group: int) -> list[int]:
    """Return the numbers of the turns of a block of some chunks."""
    return turns_of(Tokens(np.zeros(count, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64), group), ONE)


class Cores:
    """Processes that share some cores evenly: each is a generator of seconds to compute, or of what it waits for.

    Args:
        cores: Their number.
        wake: Seconds until a process that waits goes on.
    """

    def __init__(self, cores: int, wake: float) -> None:
        self._cores, self._wake = cores, wake
        self._told: dict[Any, int] = {}
        self._waiting: dict[Any, Any] = {}
        self._running: dict[Any, float] = {}
        self._waking: list[tuple[float, int, Any, Any]] = []
        self._number = 0
        self.now = 0.0

    def tell(self, what: Any) -> None:
        """Let one who waits for something go on, now or later."""
        self._told[what] = self._told.get(what, 0) + 1
        if process := self._waiting.pop(what, None):
            self._number += 1
            heapq.heappush(self._waking, (self.now + self._wake, self._number, process, what))

    def play(self, programs: Sequence[Any]) -> float:
        """Run the processes to their end; return the seconds that it took."""
        for program in programs:
            self._step(program)
        while self._running or self._waking:
            rate = min(1.0, self._cores / len(self._running)) if self._running else 1.0
            first = min(self._running, key=self._running.__getitem__) if self._running else None
            ends = self.now + self._running[first] / rate if first else float("inf")
            if self._waking and self._waking[0][0] <= ends:
                when, _, process, what = heapq.heappop(self._waking)
                self._pass(when, rate)
                self._told[what] -= 1
                self._step(process)
            else:
                self._pass(ends, rate)
                del self._running[first]
                self._step(first)
        return self.now

    def _pass(self, when: float, rate: float) -> None:
        done = (when - self.now) * rate
        for process in self._running:
            self._running[process] -= done
        self.now = when

    def _step(self, process: Any) -> None:
        """Let a process go on until it computes, waits or ends."""
        for wanted in process:
            if isinstance(wanted, float):
                if wanted > 0:
                    self._running[process] = wanted
                    return
            elif self._told.get(wanted, 0):
                self._told[wanted] -= 1
            else:
                self._waiting[wanted] = process
                return


def simulate(given: Run, size: int, cores: int, wake: float, group: int = 0) -> float:
    """Return the seconds that so many workers take on some cores, by the pieces of a run.

    Args:
        given: The run.
        size: The number of workers.
        cores: The number of cores.
        wake: Seconds until a process that waits goes on.
        group: Chunks under way in all blocks, if they are not as many as in the run.
    """
    board, shards = Cores(cores, wake), len(given.turns[0][0].held)
    claims: deque[tuple[int, int, bool, Turn]] = deque()
    idle: list[int] = []

    def trainer() -> Any:
        for block, seconds in enumerate(given.prepared):
            yield float(seconds)
            if block >= 2:
                yield "done", block - 2
            count, before = given.counts[block]
            group_now = group or before
            turns = dict(zip(_numbers(count, before), given.turns[block], strict=True))
            numbers = _numbers(count, group_now)
            for number in numbers:
                claims.append((block, number, number == numbers[-1], turns.get(number, turns[max(turns)])))
            while idle and len(numbers):
                board.tell(("claim", idle.pop()))

    taken = itertools.count()

    def work(part: int) -> Any:
        while True:
            while not claims:
                if over[0]:
                    return
                idle.append(part)
                yield "claim", part
            block, number, last, turn = claims.popleft()
            at, (count, before) = next(taken), given.counts[block]
            group_now = group or before
            yield float(turn.before)
            for shard in range(shards):
                yield "turn", at, shard
                if shard == 0 and group_now <= number:
                    yield "computed", block, number - group_now
                yield float(turn.held[shard])
                board.tell(("turn", at + 1, shard))
            yield float(turn.after)
            if number < count:
                board.tell(("computed", block, number))
            if last:
                board.tell(("done", block))

    over = [False]

    def end() -> Any:
        yield from trainer()
        over[0] = True
        while idle:
            board.tell(("claim", idle.pop()))

    for shard in range(shards):
        board.tell(("turn", 0, shard))
    return board.play([end(), *map(work, range(size))])


def latency() -> float:
    """Return the seconds from a byte in a pipe until another process that waits for it goes on."""
    there, back = os.pipe(), os.pipe()
    if not (pid := os.fork()):
        for _ in range(1000):
            os.read(there[0], 1)
            os.write(back[1], b".")
        os._exit(0)
    start = time.perf_counter()
    for _ in range(1000):
        os.write(there[1], b".")
        os.read(back[0], 1)
    wait = (time.perf_counter() - start) / 2000
    os.waitpid(pid, 0)
    return wait


def main() -> None:
    """Measure, simulate, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--architecture", default="skipgram")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    wake = latency()
    print(f"{cores} cores; a waiting process goes on after {1e6 * wake:.0f} µs")
    settings = ModelSettings(architecture=given.architecture, max_group=16)
    encoded(given.folder)
    found: dict[tuple[int, int], list[Run]] = {}
    for _ in range(given.runs):
        for size, shards in ((1, 1), (1, 8), (2, 1), (2, 8), (4, 8)):
            found.setdefault((size, shards), []).append(run(given.folder, settings, size, shards))
    for (size, shards), runs in found.items():
        chunks = sum(count for count, _ in runs[0].counts)
        per = [1e6 / chunks * statistics.median(values) for values in zip(*map(_pieces, runs), strict=True)]
        whole = per[0] + per[1] + per[2]
        print(
            f"{size} workers, {shards} shards: a chunk {per[0]:.0f} µs computed, {per[1]:.0f} in turns "
            f"({100 * per[1] / whole:.1f} %), longest shard {per[3]:.0f} ({100 * per[3] / whole:.1f} %), "
            f"prepared {per[2]:.0f} ({100 * per[2] / whole:.1f} %); "
            f"wall {statistics.median(one.wall for one in runs):.2f} s"
        )
    for size, shards in ((1, 1), (2, 1), (4, 8)):
        runs = found[size, shards]
        told = statistics.median(simulate(one, size, cores, wake) for one in runs)
        real = statistics.median(one.wall for one in runs)
        print(f"{size} workers on {cores} cores: {real:.2f} s, simulated {told:.2f} ({100 * told / real - 100:+.1f} %)")
    alone = statistics.median(sum(one.prepared) + one.computed for one in found[1, 1])
    for most in (0, 8, 16):
        for size in (2, 4, 8, 16):
            told = statistics.median(simulate(one, size, size + 1, wake, most) for one in found[2, 8])
            under_way = f"always {most}" if most else "as they grow from 2"
            print(f"estimate: {size} workers on cores of their own, chunks under way {under_way}: {alone / told:.1f}")


def _pieces(one: Run) -> tuple[float, float, float, float]:
    """Return seconds computed, in turns, prepared, and of the longest shard."""
    turns = [turn for block in one.turns for turn in block]
    by_shard = [sum(turn.held[shard] for turn in turns) for shard in range(len(turns[0].held))]
    return sum(turn.before + turn.after for turn in turns), sum(by_shard), sum(one.prepared), max(by_shard)


if __name__ == "__main__":
    main()
