"""Vectors estimated from spelling: scores against known words only and gensim's FastText, and what a query costs.

    python -m tests.benchmarks.spelled BOOKS --pairs rareword.tsv

Prints the Spearman correlation for gensim's copies of WordSim-353 and SimLex-999 and for each file of pairs given, of
all rows (a pair without an answer counts as 0); then seconds to build the index, and milliseconds of a query.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path

import numpy as np
from gensim.models import FastText
from gensim.test.utils import datapath

from streamer import Trainer
from streamer.vectors import WordVectors
from streamer.vectors.spelled import SpellingIndex

QUERIES = 500


def cost(vectors: WordVectors, size: int) -> tuple[float, float, float]:
    """Return seconds for the index of ``size`` words, and the median and 95th percentile of a query, in ms."""
    words = vectors.index_to_key[:size]
    random = np.random.default_rng(1)
    known = set(words)
    while len(words) < size:  # made-up words from two halves of true ones
        one, other = (words[at] for at in random.integers(0, len(vectors), 2))
        made = one[: (len(one) + 1) // 2] + other[len(other) // 2 :]
        if made not in known:
            known.add(made)
            words.append(made)
    start = time.perf_counter()
    SpellingIndex(words)
    built = time.perf_counter() - start
    table = WordVectors(words, random.normal(size=(size, vectors.vector_size)), np.arange(size, 0, -1))
    view = table.spelled()
    view.get_vector(words[0])
    took = []
    for word in random.choice(words, QUERIES).tolist():
        asked = word[:-1] + "qu"
        start = time.perf_counter()
        if asked not in table:
            view._estimate(asked, -1)
        took.append(time.perf_counter() - start)
    return built, float(np.median(took)) * 1e3, float(np.percentile(took, 95)) * 1e3


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=Path, nargs="*", default=[])
    parser.add_argument("--no-peer", action="store_true", help="without FastText")
    given = parser.parse_args()
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(given.folder.glob("*.txt"))]
    vectors = Trainer().partial_fit(texts).vectors
    for size in (len(vectors), 100_000):
        print(
            "| words | index, s | query, ms, median | 95 % | load | {:,} | {:.2f} | {:.2f} | {:.2f} | {:.1f} |".format(
                size, *cost(vectors, size), os.getloadavg()[0]
            ),
            flush=True,
        )
    files = [Path(datapath("wordsim353.tsv")), Path(datapath("simlex999.txt")), *given.pairs]

    def show(name: str, answers: WordVectors, **options: bool) -> None:
        view = answers.spelled() if options else answers
        found = [view.evaluate_word_pairs(file, dummy4unknown=True) for file in files]
        print(f"| {name} | {' | '.join(f'{each.spearman:.3f} of {each.scored}' for each in found)} |", flush=True)

    show("known words only", vectors)
    both = [vectors.evaluate_word_pairs(file) for file in files]
    print(f"| known words, rows with both | {' | '.join(f'{each.spearman:.3f} of {each.scored}' for each in both)} |")
    show("spelled, blended", vectors, spelled=True)
    if not given.no_peer:
        # Words as runs of letters: near to the tokenizer's, and the same for all files.
        lines = [re.findall(r"[^\W_]+(?:'[^\W_]+)*", line.lower()) for text in texts for line in text.splitlines()]
        peer = FastText(lines, sg=1, epochs=1, vector_size=100, window=5, negative=5, workers=2, seed=1).wv
        found = [peer.evaluate_word_pairs(str(file), dummy4unknown=True)[1][0] for file in files]
        print(f"| FastText, one epoch | {' | '.join(f'{each:.3f}' for each in found)} |")


if __name__ == "__main__":
    main()
