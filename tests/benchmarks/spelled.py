"""Vectors estimated from spelling: scores against known words only and gensim's FastText, and what a query costs.

    python -m tests.benchmarks.spelled BOOKS --pairs rareword.tsv

Prints seconds to build the index and milliseconds of a query, and then Spearman correlations for gensim's copies of
WordSim-353 and SimLex-999 and for each file of pairs given: of all rows, of those whose words are both known, and of
the others. A row without an answer counts as 0.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gensim.models import FastText
from gensim.models.fasttext import FastTextKeyedVectors
from gensim.test.utils import datapath

from streamer import Trainer
from streamer.vectors import WordVectors
from streamer.vectors.correlation import spearman
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
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", type=int, choices=(0, 1), help="only every second file, from the first or the second")
    parser.add_argument("--no-peer", action="store_true", help="without FastText")
    given = parser.parse_args()
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files_of(given.folder, given.half)]
    vectors = Trainer(seed=given.seed).partial_fit(texts).vectors
    for size in (len(vectors), 100_000):
        print(
            "| words | index, s | query, ms, median | 95 % | load | {:,} | {:.2f} | {:.2f} | {:.2f} | {:.1f} |".format(
                size, *cost(vectors, size), os.getloadavg()[0]
            ),
            flush=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(datapath("wordsim353.tsv")), Path(datapath("simlex999.txt")), *given.pairs]
        parts = {part: at for file in files for part, at in split(file, vectors, Path(folder)).items()}
        print("| | " + " | ".join(parts) + " |")
        show(
            "known words only",
            [vectors.evaluate_word_pairs(part, dummy4unknown=True).spearman for part in parts.values()],
        )
        for name, view in (("spelled, not blended", vectors.spelled(0)), ("spelled, blended", vectors.spelled())):
            show(name, [view.evaluate_word_pairs(part, dummy4unknown=True).spearman for part in parts.values()])
        if not given.no_peer:
            words = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # near to the tokenizer's
            lines = [words.findall(piece) for text in texts for piece in re.split(r"\n\s*\n", text.lower())]
            peer = FastText(lines, sg=1, epochs=1, vector_size=100, window=5, negative=5, workers=2, seed=given.seed).wv
            show("FastText, one epoch", [of_peer(peer, part) for part in parts.values()])


def files_of(folder: Path, half: int | None) -> list[Path]:
    """Return the texts in a folder by name, or one of two halves of them."""
    return sorted(folder.glob("*.txt"))[half :: 1 if half is None else 2]


def split(file: Path, vectors: WordVectors, folder: Path) -> dict[str, Path]:
    """Return files of all rows of a file of pairs, of those with two known words, and of the others, by their names."""
    rows = [row for line in file.read_text(encoding="utf-8").splitlines() if len(row := re.split(r"[\t,]", line)) >= 3]
    rows = [row for row in rows if re.fullmatch(r"[\d.]+", row[2])]
    known = [all(word.lower() in vectors for word in row[:2]) for row in rows]
    parts = {}
    for name, wanted in (("all", (False, True)), ("known", (True,)), ("unknown", (False,))):
        chosen = [row for row, is_known in zip(rows, known, strict=True) if is_known in wanted]
        path = folder / f"{file.stem}-{name}.tsv"
        path.write_text("".join("\t".join(row[:3]) + "\n" for row in chosen), encoding="utf-8")
        parts[f"{file.stem}, {name}: {len(chosen)}"] = path
    return parts


def of_peer(peer: FastTextKeyedVectors, part: Path) -> float:
    """Return the score of FastText, which has a vector for any word; its own evaluation leaves out those never met."""
    rows = [line.lower().split("\t") for line in part.read_text(encoding="utf-8").splitlines()]
    return spearman([float(row[2]) for row in rows], [float(peer.similarity(*row[:2])) for row in rows])


def show(name: str, scores: Sequence[float]) -> None:
    """Print a row of a table."""
    print(f"| {name} | {' | '.join(f'{score:.3f}' for score in scores)} |", flush=True)


if __name__ == "__main__":
    main()
