"""Quality and cost of lanes: scores of one pass over a folder of text against one lane at the same text.

    python -m tests.benchmarks.lanes quality BOOKS --lanes 8 --lane-size 11700 --seeds 1 2 3 4 5
    python -m tests.benchmarks.lanes cost BOOKS --sizes 11700 45000 180000

``quality`` compares seed by seed: the mean difference of each score and its 95 % interval, by Student's t. Scores are
those of ``evaluate``: gensim's copies of WordSim-353, SimLex-999 and Google's analogies within the 30,000 most frequent
words. ``cost`` trains the same pieces as lanes and in place: the bytes of a piece that are sent and returned, and CPU.
"""

from __future__ import annotations

import argparse
import pickle
import time
from functools import cache
from pathlib import Path

import attrs
import numpy as np

from streamer.model import lanes
from streamer.model.learner import Learner, ModelState
from streamer.model.pipeline import Pipeline, Tokens
from streamer.model.sgns import Batching
from streamer.settings import ModelSettings
from streamer.system.blas import Blas
from streamer.system.processes import keep_freed_memory
from streamer.text.encoded import EncodedText
from streamer.training.texts import blocks
from streamer.training.tokenizing import new_tokenizer

from .groups import BLOCK, T_95, scores_of

LANES = 8
"""Pieces in a round whose cost is measured."""


@cache
def joined(folder: Path, size: int) -> list[EncodedText]:
    """Return the texts of a folder as blocks of full size: a short text has fewer pieces than there are lanes."""
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.glob("*.txt")))
    return list(blocks(texts, new_tokenizer(ModelSettings()), max(BLOCK, size)))


def quality(given: argparse.Namespace) -> None:
    """Print the scores with one lane and with several."""
    settings = ModelSettings(architecture=given.architecture, lane_size=given.lane_size)
    found = []
    for seed in given.seeds:
        kinds = [attrs.evolve(settings, seed=seed, lanes=lanes) for lanes in (1, given.lanes)]
        pair = [scores_of(joined(given.folder, kind.round_bytes), kind, Batching()) for kind in kinds]
        found.append(pair)
        print(f"seed {seed}: " + "   ".join(" ".join(f"{score:.4f}" for score in row) for row in pair), flush=True)
    rows = np.array(found)
    change = rows[:, 1] - rows[:, 0]
    print("| lanes | WordSim-353 | SimLex-999 | analogies |")
    print(f"| 1 | {' | '.join(f'{mean:.4f}' for mean in rows[:, 0].mean(0))} |")
    width = np.zeros(3)
    if len(rows) > 1:
        width = T_95.get(len(rows) - 1, 2.0) * change.std(0, ddof=1) / np.sqrt(len(rows))
    cells = zip(rows[:, 1].mean(0), change.mean(0), width, strict=True)
    print(f"| {given.lanes} | {' | '.join(f'{m:.4f} ({d:+.4f} ± {h:.4f})' for m, d, h in cells)} |", flush=True)


def cost(given: argparse.Namespace) -> None:
    """Print the bytes of a piece and the CPU of pulling, training and merging it, for each size."""
    keep_freed_memory()  # as every trainer does
    state = ModelState.new(ModelSettings())
    learner = Learner(state)
    given_blocks = joined(given.folder, 8 << 20)
    with Blas().one_thread():
        for block in given_blocks[: given.warm]:
            learner.train_block(block.words, block.codes, block.segments)
        tokens = [learner.prepare(block.words, block.codes, block.segments)[1] for block in given_blocks[given.warm :]]
        share = sum(len(one.ids) for one in tokens) / sum(len(block.codes) for block in given_blocks[given.warm :])
        print("| words a piece | sent | returned | pull | lane | merge | in place | all / in place |")
        for size in given.sizes:
            print(_cost(state, tokens, int(size * share), size), flush=True)


def _cost(state: ModelState, prepared: list[Tokens], count: int, size: int) -> str:
    """Return the row of a size: bytes and milliseconds of a piece, in rounds of :data:`LANES`."""
    weights, batching = state.embeddings.weights, state.batching
    per, pipeline = batching.chunk, Pipeline(batching, state.settings)
    spent, sent, returned, number = np.zeros(4), 0, 0, 0
    count = max(per, count // per * per)  # whole chunks, so that noise words are easy to divide
    parts_of_all = [
        part(block, slice(at, at + count)) for block in prepared for at in range(0, len(block.ids) - count + 1, count)
    ]
    for begin in range(0, min(len(parts_of_all), 4 * LANES) - LANES + 1, LANES):
        parts = parts_of_all[begin : begin + LANES]
        times = [time.process_time()]
        loads = [lanes.pull(weights, part) for part in parts]
        times.append(time.process_time())
        changes = [lanes.train(load, state.settings, batching, pipeline) for load in loads]
        times.append(time.process_time())
        lanes.merge(weights, loads, changes, state.settings.learning_rate)
        times.append(time.process_time())
        for part in parts:
            pipeline.train(weights, part)
        times.append(time.process_time())
        spent += np.diff(times)
        number += len(parts)
        sent += sum(len(pickle.dumps(load, 5)) for load in loads)
        returned += sum(len(pickle.dumps(change, 5)) for change in changes)
    pull, lane, merge, place = 1000 * spent / number
    total = (pull + lane + merge) / place
    cells = f"{size:,} | {sent / number / 1e6:.2f} MB | {returned / number / 1e6:.2f} MB"
    return f"| {cells} | {pull:.1f} ms | {lane:.1f} ms | {merge:.1f} ms | {place:.1f} ms | {total:.2f} |"


def part(block: Tokens, at: slice) -> Tokens:
    """Return some whole chunks of a block, for which a span shares as many noise words as it has tokens."""
    return block._replace(ids=block.ids[at], segments=block.segments[at], noise=block.noise[at])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("quality")
    one.add_argument("folder", type=Path)
    one.add_argument("--lanes", type=int, default=8)
    one.add_argument("--lane-size", type=int, default=11_700)
    one.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    one.add_argument("--architecture", default="skipgram")
    one.set_defaults(run=quality)
    two = commands.add_parser("cost")
    two.add_argument("folder", type=Path)
    two.add_argument("--sizes", type=int, nargs="+", default=[11_700, 45_000, 180_000])
    two.add_argument("--warm", type=int, default=2, help="blocks of 8 MiB to train before")
    two.set_defaults(run=cost)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
