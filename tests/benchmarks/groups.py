"""Quality against the number of chunks under way: scores of one pass over a folder of text, with many seeds.

    python -m tests.benchmarks.groups BOOKS --limits 2 8 16 --seeds 10

Each limit is compared with the first one, seed by seed: the mean difference of each score and its 95 % interval, by
Student's t. The texts are tokenized once. Scores are those of ``evaluate``: gensim's copies of WordSim-353, SimLex-999
and Google's analogies within the 30,000 most frequent words.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path

import attrs
import numpy as np
from gensim.test.utils import datapath

from streamer.model.learner import Learner, ModelState
from streamer.model.sgns import Batching
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.system.blas import Blas
from streamer.text.encoded import EncodedText
from streamer.training.texts import blocks
from streamer.training.tokenizing import new_tokenizer

Scores = tuple[float, float, float]

BLOCK = 1 << 20
T_95 = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
"""Student's t for 95 %, by degrees of freedom."""


@cache
def encoded(folder: Path) -> list[EncodedText]:
    """Return the blocks of the texts of a folder, in the order of their names."""
    tokenizer = new_tokenizer(ModelSettings())
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.glob("*.txt")))
    return [block for text in texts for block in blocks([text], tokenizer, BLOCK)]


def scores(folder: Path, settings: ModelSettings, batching: Batching) -> Scores:
    """Return the three scores of a model after one pass over the texts of a folder."""
    return scores_of(encoded(folder), settings, batching)


def scores_of(given: Iterable[EncodedText], settings: ModelSettings, batching: Batching) -> Scores:
    """Return the three scores of a model after one pass over some blocks."""
    state = State(ModelState.new(settings, batching))
    learner = Learner(state.model)
    with Blas().one_thread():
        for block in given:
            learner.train_block(block.words, block.codes, block.segments)
    vectors = state.vectors()
    pairs = (vectors.evaluate_word_pairs(datapath(name)).spearman for name in ("wordsim353.tsv", "simlex999.txt"))
    analogies = vectors.evaluate_word_analogies(datapath("questions-words.txt"), restrict_vocab=30_000).accuracy
    wordsim, simlex = pairs
    return wordsim, simlex, analogies


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limits", type=int, nargs="+", default=[2, 8, 16])
    parser.add_argument("--growth", type=int, nargs="+", default=[Batching().growth])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--architecture", default="skipgram")
    given = parser.parse_args()
    kinds = [(limit, growth) for growth in given.growth for limit in given.limits]
    settings = ModelSettings(architecture=given.architecture)
    with ProcessPoolExecutor(2) as pool:
        jobs = {
            (kind, seed): pool.submit(
                scores,
                given.folder,
                attrs.evolve(settings, seed=seed, max_group=kind[0]),
                attrs.evolve(Batching(), growth=kind[1]),
            )
            for seed in range(1, given.seeds + 1)
            for kind in kinds
        }
        found = {key: job.result() for key, job in jobs.items()}
    print("| limit | growth | WordSim-353 | SimLex-999 | analogies |")
    first = np.array([found[kinds[0], seed] for seed in range(1, given.seeds + 1)])
    for kind in kinds:
        rows = np.array([found[kind, seed] for seed in range(1, given.seeds + 1)])
        change = rows - first
        width = T_95.get(given.seeds - 1, 2.0) * change.std(0, ddof=1) / np.sqrt(given.seeds)
        cells = [
            f"{mean:.4f} ({difference:+.4f} ± {half:.4f})"
            for mean, difference, half in zip(rows.mean(0), change.mean(0), width, strict=True)
        ]
        print(f"| {kind[0]} | {kind[1]:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
