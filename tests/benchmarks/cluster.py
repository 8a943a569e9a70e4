"""A cluster of network namespaces: words/s of two nodes with one core each against one, and bytes on the wire.

    python -m tests.benchmarks.cluster BOOKS --sizes 45000 180000

Each node is held to one core, and the trainer may use all of them. So on two cores, the trainer takes from two nodes
what it does not take from one. The bytes are those that the interface of the trainer has counted, in both directions,
compared with what ``docs/cluster.md`` says: 2 × lanes × vectors that a lane touches × (dimensions + 1) × 4.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from streamer.cluster import Nodes, connect
from streamer.model import lanes
from streamer.model.learner import Learner, ModelState
from streamer.model.pipeline import Tokens
from streamer.settings import ModelSettings
from streamer.system.blas import Blas
from streamer.system.processes import keep_freed_memory

from ..cluster.network import ENVIRONMENT, HEAD, ROOT, Cluster, missing
from .lanes import LANES, joined, part


def counted() -> int:
    """Return the bytes that the interface of this machine has sent and received."""
    (line,) = (line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("eth0:"))
    fields = line.split(":")[1].split()
    return int(fields[0]) + int(fields[8])


def inside(given: argparse.Namespace) -> None:
    """Train rounds at a cluster; print what each size has come to, in JSON."""
    keep_freed_memory()  # as every trainer does
    state = ModelState.new(ModelSettings())
    learner, blocks = Learner(state), joined(given.folder, 8 << 20)
    with Blas().one_thread():
        for block in blocks[: given.warm]:
            learner.train_block(block.words, block.codes, block.segments)
        left = blocks[given.warm :]
        prepared = [learner.prepare(block.words, block.codes, block.segments)[1] for block in left]
        share = sum(len(tokens.ids) for tokens in prepared) / sum(len(block.codes) for block in left)
        nodes = connect(given.inside)
        while nodes.size < given.nodes:
            nodes.map(abs, [(1,)])
        for size in given.sizes:
            print(json.dumps(_rounds(state, nodes, prepared, int(size * share), size, given.rounds)), flush=True)
        nodes.close()


def _rounds(
    state: ModelState, nodes: Nodes, prepared: list[Tokens], count: int, size: int, limit: int
) -> dict[str, float]:
    """Train rounds of pieces of ``count`` kept tokens, which are ``size`` words of the text."""
    weights, batching = state.embeddings.weights, state.batching
    count = max(batching.chunk, count // batching.chunk * batching.chunk)  # whole chunks: noise is easy to divide
    parts = [part(block, slice(at, at + count)) for block in prepared for at in range(0, len(block.ids) - count, count)]
    starts = range(0, len(parts) - LANES + 1, LANES)[: limit + 1]
    touched, bytes_before, began = 0, 0, 0.0
    for start in starts:
        if start == LANES:  # connections and buffers are made in the first one
            touched, bytes_before, began = 0, counted(), time.perf_counter()
        loads = [lanes.pull(weights, piece) for piece in parts[start : start + LANES]]
        changes = nodes.map(lanes.train, [(load, state.settings, batching) for load in loads])
        lanes.merge(weights, loads, changes, state.settings.learning_rate)
        touched += sum(len(load.squares) for load in loads)
    seconds, rounds = time.perf_counter() - began, len(starts) - 1
    return {
        "size": size,
        "rounds": rounds,
        "words_per_second": rounds * LANES * size / seconds,
        "wire": (counted() - bytes_before) / rounds,
        "formula": 2 * touched * (state.settings.vector_size + 1) * 4 / rounds,
    }


def measured(cluster: Cluster, given: argparse.Namespace, nodes: int) -> list[dict[str, float]]:
    """Return the results of a process at the head, with so many nodes, each held to a core of its own."""
    for number in range(nodes):
        name = f"node{number}"
        cluster.add(name)
        for process in cluster.processes(name):
            for thread in Path(f"/proc/{process}/task").iterdir():
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setaffinity(int(thread.name), {sorted(os.sched_getaffinity(0))[-1 - number]})
    command = [*cluster.at(HEAD), sys.executable, "-m", "tests.benchmarks.cluster", str(given.folder.resolve())]
    command += ["--warm", str(given.warm), "--nodes", str(nodes), "--inside", cluster.address]
    command += ["--rounds", str(given.rounds), "--sizes", *map(str, given.sizes)]
    ended = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in ended.stdout.decode().splitlines() if line.startswith("{")]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[45_000, 180_000], help="words of a piece")
    parser.add_argument("--warm", type=int, default=2, help="blocks of 8 MiB to train before")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of a size, if the text is long enough")
    parser.add_argument("--runs", type=int, default=3, help="how often one node and two take turns")
    parser.add_argument("--nodes", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given)
        return
    if reason := missing():
        parser.error(reason)
    found: dict[tuple[int, int], list[dict[str, float]]] = {}
    for run, nodes in itertools.product(range(given.runs), (1, 2)):
        with contextlib.closing(Cluster()) as cluster:
            for row in measured(cluster, given, nodes):
                print(f"run {run + 1}, {nodes} nodes: {row}", flush=True)
                found.setdefault((int(row["size"]), nodes), []).append(row)
    print("| words a piece | words/s, 1 node | 2 nodes | ratio | a round on the wire | by the formula | ratio |")
    for size in given.sizes:
        one, two = ([row["words_per_second"] for row in found[size, nodes]] for nodes in (1, 2))
        ratios = [second / first for first, second in zip(one, two, strict=True)]
        wire, formula = ([row[name] for row in found[size, 2]] for name in ("wire", "formula"))
        cells = f"{statistics.median(one):,.0f} | {statistics.median(two):,.0f} | {statistics.median(ratios):.2f}"
        sent, said = statistics.median(wire), statistics.median(formula)
        print(f"| {size:,} | {cells} | {sent / 1e6:.1f} MB | {said / 1e6:.1f} MB | {sent / said:.3f} |")


if __name__ == "__main__":
    main()
