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
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from streamer.model.learner import ModelState
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
_now = time.process_time


class Recording(Ring):
    """A ring that notes the processor time at which each turn came and went."""

    record: list[float] = []

    def come(self, shard: int) -> None:
        """Wait for the turn, and note the time."""
        super().come(shard)
        self.record.append(_now())

    def go(self, shard: int) -> None:
        """Note the time, and end the turn."""
        self.record.append(_now())
        super().go(shard)


def serve(descriptor: int, comes: int) -> None:
    """Do what a worker does, and write the records when the trainer is gone."""
    with patch.object(worker, "Ring", Recording):
        try:
            worker.serve(descriptor, comes)
        finally:
            Path(os.environ[RECORDS], str(os.getpid())).write_text(json.dumps(Recording.record))


class Turn(NamedTuple):
    """A turn: seconds at each shard, and seconds until the next turn of the same worker."""

    held: tuple[float, ...]
    computed: float


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
        return sum(sum(turn.held) + turn.computed for block in self.turns for turn in block)


def run(folder: Path, settings: ModelSettings, size: int, shards: int) -> Run:
    """Train on a folder with so many workers, which record their turns."""
    with (
        tempfile.TemporaryDirectory() as records,
        patch.dict(os.environ, {RECORDS: records}),
        patch.object(processes, "SHARDS", shards),
        patch.object(processes, "ALWAYS", 0),
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
        """Close the connections, and wait."""
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.wait()
        super().close()


def _spawn(module: str, function: str, *descriptors: Sequence[int]) -> subprocess.Popen[bytes]:
    return spawn("tests.benchmarks.turns" if module.endswith("worker") else module, function, *descriptors)


def _turns(found: list[list[float]], counts: list[tuple[int, int]], shards: int) -> list[list[Turn]]:
    """Return the turns of each block from the times of each worker."""
    parts, blocks = len(found), []
    at = 0
    for count, group in counts:
        rounds = -(-(count + group) // parts) if count else 0
        turns = []
        for number in range(at, at + rounds):
            for times in found:
                mine = times[number * 2 * shards : (number + 1) * 2 * shards + 1]
                held = tuple(mine[2 * shard + 1] - mine[2 * shard] for shard in range(shards))
                between = sum(mine[2 * shard + 2] - mine[2 * shard + 1] for shard in range(shards - 1))
                turns.append(Turn(held, between + (mine[-1] - mine[-2] if len(mine) > 2 * shards else 0.0)))
        blocks.append(turns)
        at += rounds
    return blocks


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
        self._waking: list[tuple[float, int, Any]] = []
        self._number = 0
        self.now = 0.0

    def tell(self, what: Any) -> None:
        """Let one who waits for something go on, now or later."""
        self._told[what] = self._told.get(what, 0) + 1
        if process := self._waiting.pop(what, None):
            self._number += 1
            heapq.heappush(self._waking, (self.now + self._wake, self._number, process))

    def play(self, programs: Sequence[Any]) -> float:
        """Run the processes to their end; return the seconds that it took."""
        for program in programs:
            self._step(program)
        while self._running or self._waking:
            rate = min(1.0, self._cores / len(self._running)) if self._running else 1.0
            first = min(self._running, key=self._running.__getitem__) if self._running else None
            ends = self.now + self._running[first] / rate if first else float("inf")
            if self._waking and self._waking[0][0] <= ends:
                when, _, process = heapq.heappop(self._waking)
                self._pass(when, rate)
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
                self._waiting[wanted] = self._resumed(wanted, process)
                return

    def _resumed(self, wanted: Any, process: Any) -> Any:
        """Take what was told, and go on."""
        self._told[wanted] -= 1
        yield from process


def simulate(given: Run, size: int, cores: int, wake: float) -> float:
    """Return the seconds that so many workers take on some cores, by the pieces of a run."""
    board = Cores(cores, wake)
    shards = len(given.turns[0][0].held)
    blocks = [[*turns, *[Turn((0.0,) * shards, 0.0)] * size] for turns in given.turns]

    def trainer() -> Any:
        for number, seconds in enumerate(given.prepared):
            yield float(seconds)
            if number >= 2:
                for part in range(size):
                    yield "done", number - 2, part
            for part in range(size):
                board.tell(("block", part))

    def work(part: int) -> Any:
        for number, ((count, group), turns) in enumerate(zip(given.counts, blocks, strict=True)):
            yield "block", part
            for at in range(part, -(-(count + group) // size) * size if count else 0, size):
                if group <= at < count + group and group % size:
                    yield "computed", part
                for shard in range(shards):
                    yield "turn", part, shard
                    yield float(turns[at].held[shard])
                    board.tell(("turn", (part + 1) % size, shard))
                yield float(turns[at].computed)
                if at < count and group % size:
                    board.tell(("computed", (at + group) % size))
            board.tell(("done", number, part))

    for shard in range(shards):
        board.tell(("turn", 0, shard))
    return board.play([trainer(), *map(work, range(size))])


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
    chunks = 0
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
            told = statistics.median(simulate(_always(one, most), size, size + 1, wake) for one in found[2, 8])
            under_way = f"always {most}" if most else "as they grow from 2"
            print(f"estimate: {size} workers on cores of their own, chunks under way {under_way}: {alone / told:.1f}")


def _always(one: Run, group: int) -> Run:
    """Return a run that would have had so many chunks under way from the first block on, unless it is 0."""
    counts = [(count, group or before) for count, before in one.counts]
    nothing = Turn((0.0,) * len(one.turns[0][0].held), 0.0)
    return one._replace(counts=counts, turns=[[*turns, *[nothing] * group] for turns in one.turns])


def _pieces(one: Run) -> tuple[float, float, float, float]:
    """Return seconds computed, in turns, prepared, and of the longest shard."""
    turns = [turn for block in one.turns for turn in block]
    by_shard = [sum(turn.held[shard] for turn in turns) for shard in range(len(turns[0].held))]
    return sum(turn.computed for turn in turns), sum(by_shard), sum(one.prepared), max(by_shard)


if __name__ == "__main__":
    main()
