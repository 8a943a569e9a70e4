"""Drift on a stream in which nothing changes, and on one in which changes were planted.

    python -m tests.benchmarks.drift BOOKS --seeds 1 2 3 4 5 --chance 1.0

Paragraphs of all texts are shuffled. From the middle of the stream on, 20 pairs of words of like counts swap places
with a probability, and 40 others are four times as frequent as before, with the same use: three of four of their
occurrences are left out before the middle. Prints how many unchanged words get high scores, and how many changed ones.
"""

from __future__ import annotations

import argparse
import itertools
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from streamer import Trainer
from streamer.vectors.drift import Stretch, enough, scores, stretch

PARTS = 20
BANDS = ((60, 150), (150, 400), (400, 1_000), (1_000, 3_000), (3_000, 12_000))
EARLIER = ((8, 10), (6, 10), (9, 10), (6, 8), (7, 8), (4, 8), (4, 6), (5, 6))
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class Snapshot(NamedTuple):
    """What is known of each word at one moment, in the order of admission."""

    vectors: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]
    squares: npt.NDArray[np.float32]


def shot(trainer: Trainer) -> Snapshot:
    """Return a snapshot; int8 vectors would do too."""
    model = trainer.state.model
    embeddings = model.embeddings
    return Snapshot(embeddings.input.copy(), model.vocabulary.counts.copy(), embeddings.input_squares.copy())


def between(first: Snapshot, last: Snapshot) -> tuple[npt.NDArray[np.int64], Stretch]:
    """Return the indices of the words that can be judged, and how far they moved."""
    size = len(first.counts)
    chosen = np.flatnonzero(enough((first.counts, last.counts[:size]), (first.squares, last.squares[:size])))
    both: Any = zip(first, last, strict=True)
    columns: list[Any] = [(one[chosen], other[chosen]) for one, other in both]
    return chosen, stretch(*columns)


def paragraphs(folder: Path, seed: int) -> list[str]:
    """Return the paragraphs of all texts in a random order, in lower case."""
    found: list[str] = []
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text(encoding="utf-8", errors="replace").lower()
        found += [piece for piece in re.split(r"\n\s*\n", text) if piece.strip()]
    np.random.default_rng(seed).shuffle(found)
    return found


def planted(texts: list[str], seed: int, chance: float) -> tuple[list[str], set[str], set[str]]:
    """Return the texts with changes from the middle on, the words that changed, and those only more frequent."""
    rng = np.random.default_rng(1000 + seed)
    count: dict[str, int] = {}
    for text in texts:
        for word in WORD.findall(text):
            count[word] = count.get(word, 0) + 1
    other: dict[str, str] = {}
    rarer: set[str] = set()
    for low, high in BANDS:
        words = sorted((word for word, number in count.items() if low <= number < high), key=lambda one: count[one])
        for at in rng.choice(len(words) // 2 - 1, 4 + 8, replace=False).tolist():
            if len([word for word in other if low <= count[word] < high]) < 8:
                other[words[2 * at]], other[words[2 * at + 1]] = words[2 * at + 1], words[2 * at]
            else:
                rarer.add(words[2 * at])
    middle = len(texts) // 2
    draws = rng.random(10**7)
    at = 0

    def before(match: re.Match[str]) -> str:
        nonlocal at
        at += 1
        return "" if match[0] in rarer and draws[at % len(draws)] < 0.75 else match[0]

    def after(match: re.Match[str]) -> str:
        nonlocal at
        at += 1
        return other[match[0]] if match[0] in other and draws[at % len(draws)] < chance else match[0]

    changed = [WORD.sub(before if number < middle else after, text) for number, text in enumerate(texts)]
    return changed, set(other), rarer


def auc(positive: npt.NDArray[np.float64], negative: npt.NDArray[np.float64]) -> float:
    """Return how often a changed word has a higher score than an unchanged one."""
    return float(np.searchsorted(np.sort(negative), positive, side="left").mean() / max(len(negative), 1))


def main() -> None:
    """Measure, and print a line for each stretch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    parser.add_argument("--chance", type=float, default=0.0)
    parser.add_argument("--architecture", default="skipgram")
    given = parser.parse_args()
    for seed in given.seeds:
        texts, other, rarer = paragraphs(given.folder, seed), set[str](), set[str]()
        if given.chance:
            texts, other, rarer = planted(texts, seed, given.chance)
        trainer = Trainer(seed=seed, architecture=given.architecture, threads=1)
        bounds = np.linspace(0, len(texts), PARTS + 1).astype(int).tolist()
        shots = [shot(trainer)]
        for begin, end in itertools.pairwise(bounds):
            trainer.partial_fit(texts[begin:end])
            shots.append(shot(trainer))
        words = trainer.state.model.vocabulary.words
        for last in (11, 12, 15, 20) if given.chance else range(10, PARTS + 1):
            first = 10 if given.chance else last - 1 - last % 2
            chosen, asked = between(shots[first], shots[last])
            shift = first - 10
            earlier = [between(shots[a + shift], shots[b + shift])[1] for a, b in EARLIER if a + shift > 1]
            z = scores(asked, earlier)
            is_other = np.array([words[index] in other for index in chosen.tolist()], bool)
            is_rarer = np.array([words[index] in rarer for index in chosen.tolist()], bool)
            plain = z[~is_other & ~is_rarer]
            line = (
                f"seed {seed}, {5 * first} to {5 * last} %: {len(plain):,} unchanged, {(plain >= 6).sum()} at z ≥ 6, "
            )
            line += f"{(plain >= 5).sum()} at z ≥ 5, highest {plain.max():.2f}"
            if given.chance:
                found, sightings = z[is_other], np.exp(asked.within[is_other])
                often = found[sightings >= 200]
                line += f"; {len(found)} changed: AUC {auc(found, plain):.4f}, recall {(found >= 6).mean():.2f} at 6, "
                line += f"{(found >= 5).mean():.2f} at 5, {(often >= 5).sum()} of {len(often)} with Δn ≥ 200; "
                line += f"{(z[is_rarer] >= 5).sum()} of {is_rarer.sum()} only more frequent at 5"
            print(line, flush=True)


if __name__ == "__main__":
    main()
