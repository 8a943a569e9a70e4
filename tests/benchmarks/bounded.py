"""Does a bound on the vocabulary cost quality? Scores of a model with a bound and of one without, over the same text.

    python -m tests.benchmarks.bounded BOOKS --share 0.5 --seeds 5

The bound is a share of the words that the model has without one. Scores are those of the words that both know.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import attrs
import numpy as np
from gensim.test.utils import datapath

from streamer.model.learner import Learner, ModelState
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.system.blas import Blas
from streamer.vectors import WordVectors

from .forgetting import scores
from .groups import encoded


def trained(folder: Path, settings: ModelSettings) -> tuple[WordVectors, State]:
    """Return the vectors after one pass over the texts of a folder, and the state."""
    state = State(ModelState.new(settings))
    learner = Learner(state.model)
    with Blas().one_thread():
        for block in encoded(folder):
            learner.train_block(block.words, block.codes, block.segments)
    return state.vectors(), state


def main() -> None:
    """Measure, and print a line for each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    pairs = [Path(datapath("wordsim353.tsv")), Path(datapath("simlex999.txt"))]
    found = []
    for seed in range(1, given.seeds + 1):
        settings = ModelSettings(seed=seed)
        free, _ = trained(given.folder, settings)
        bound, state = trained(given.folder, attrs.evolve(settings, max_vocabulary=int(given.share * len(free))))
        cold = state.model.cold
        print(
            f"seed {seed}: {len(free):,} words, {len(bound):,} of them, {cold.left:,} left, {cold.returned:,} came back"
        )
        both = set(free.index_to_key) & set(bound.index_to_key)
        one, other = (scores(vectors, both, pairs) for vectors in (free, bound))
        print(
            "  WordSim, SimLex, analogies: " + ", ".join(f"{a:.3f} → {b:.3f}" for a, b in zip(one, other, strict=True))
        )
        found.append(np.array(other) - np.array(one))
    print("mean difference: " + ", ".join(f"{value:+.4f}" for value in np.mean(found, axis=0)))


if __name__ == "__main__":
    main()
