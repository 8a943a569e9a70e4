"""What a model forgets when other text follows: scores over the words that it knew in the middle.

    python -m tests.benchmarks.forgetting BOOKS FOREIGN --pairs men.tsv --seeds 3

The books are in the order of their names, which begin with the year; the older half comes first. FOREIGN is a folder of
text of another kind, searched with its subfolders. Then comes the newer half of the books, or as much foreign text as
older books, or twice as much. Against each stands the same text mixed, and foreign text among which a tenth of the
older books is replayed. Scores are those of ``evaluate`` for the words that the model of the older half knows.
"""

from __future__ import annotations

import argparse
from collections.abc import Container, Sequence
from pathlib import Path

import numpy as np
from gensim.test.utils import datapath

from streamer import Trainer
from streamer.vectors import WordVectors


def read(folder: Path) -> list[str]:
    """Return the texts of a folder and its subfolders, in the order of their names."""
    return [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob("*")) if path.is_file()]


def cut(texts: Sequence[str], characters: int) -> list[str]:
    """Return texts of so many characters in all, from the beginning, again and again if there are too few."""
    found: list[str] = []
    while characters > 0:
        for text in texts:
            found.append(text[:characters])
            characters -= len(found[-1])
            if characters <= 0:
                break
    return found


def mixed(*parts: Sequence[str]) -> list[str]:
    """Return all texts, each part spread evenly over the whole."""
    order = [(number / len(part), at, text) for at, part in enumerate(parts) for number, text in enumerate(part)]
    return [text for *_, text in sorted(order, key=lambda each: each[:2])]


def scores(vectors: WordVectors, words: Container[str], pairs: Sequence[Path]) -> list[float]:
    """Return the scores of the words that are among these."""
    kept = [word for word in vectors.index_to_key if word in words]
    at = [vectors.get_index(word) for word in kept]
    known = WordVectors(kept, vectors.vectors[at], vectors.counts[at])
    found = [known.evaluate_word_pairs(path).spearman for path in pairs]
    return [*found, known.evaluate_word_analogies(datapath("questions-words.txt"), restrict_vocab=30_000).accuracy]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("foreign", type=Path)
    parser.add_argument("--pairs", type=Path, nargs="*", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    pairs = [Path(datapath("wordsim353.tsv")), Path(datapath("simlex999.txt")), *given.pairs]
    books, others = read(given.folder), read(given.foreign)
    half = len(books) // 2
    older, newer = books[:half], books[half:]
    size = sum(map(len, older))
    foreign, twice = cut(others, size), cut(others, 2 * size)
    replayed = cut(older, size // 10)
    streams = {
        "the older half": (older, []),
        "then the newer half": (older, newer),
        "both halves mixed": ([], mixed(older, newer)),
        "then as much foreign text": (older, foreign),
        "then twice as much": (older, twice),
        "older half and as much foreign text mixed": ([], mixed(older, foreign)),
        "then foreign text, a tenth of the older half replayed": (older, mixed(foreign, replayed)),
    }
    print(
        f"{len(foreign)} foreign texts of {len(others)}; {sum(map(len, others)) / size:.2f} times the older half in all"
    )
    print("| | " + " | ".join([*(path.stem for path in pairs), "analogies"]) + " |")
    words = set(Trainer().partial_fit(older).vectors.index_to_key)
    for name, (before, after) in streams.items():
        found = [
            scores(Trainer(seed=seed).partial_fit(before).partial_fit(after).vectors, words, pairs)
            for seed in range(1, given.seeds + 1)
        ]
        print(f"| {name} | {' | '.join(f'{score:.3f}' for score in np.mean(found, 0))} |", flush=True)


if __name__ == "__main__":
    main()
