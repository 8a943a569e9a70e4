"""Drift on a stream in which nothing changes, and on one in which changes were planted.

    python -m tests.benchmarks.drift BOOKS --seeds 1 2 3 4 5 --chance 1.0

Paragraphs of all texts are shuffled. From the middle of the stream on, 20 pairs of words of like counts swap places
with a probability, and 150 others are four times as frequent as before, with the same use: three of four of their
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
from streamer.state.snapshots import quantised
from streamer.training.texts import blocks
from streamer.training.trainer import BLOCK_CHARACTERS
from streamer.vectors.drift import Stretch, earlier_stretches, enough, scores, stretch

PARTS = 20
BANDS = ((200, 400), (400, 1_000), (1_000, 2_500), (2_500, 6_000), (6_000, 20_000))
"""Words of all texts: a stretch of 10 % has 20 sightings of the rarest of them."""
PAIRS, RARER = 4, 30
"""Pairs that swap places, and words that become more frequent, in each band."""
UNCHANGED = [*zip(range(10, 20), range(11, 21), strict=True), *((at, at + 2) for at in range(10, 20, 2)), (10, 15)]
PLANTED = [(10, last) for last in (11, 12, 15, 20)]
SAMPLE = 1_000
DOUBTFUL = 3
"""The least score that can matter."""
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class Shot(NamedTuple):
    """What is known of each word at one moment, in the order of admission."""

    vectors: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]
    squares: npt.NDArray[np.float32]

    def in_8_bits(self) -> Shot:
        """Return what a file of a snapshot keeps of it."""
        steps, scales = quantised(self.vectors)
        return self._replace(vectors=steps * scales[:, None])


def shot(trainer: Trainer) -> Shot:
    """Return what is known now."""
    model = trainer.state.model
    embeddings = model.embeddings
    return Shot(embeddings.input.copy(), model.vocabulary.counts.copy(), embeddings.input_squares.copy())


def between(first: Shot, last: Shot) -> tuple[npt.NDArray[np.int64], Stretch]:
    """Return the indices of the words that can be judged, and how far they moved."""
    size = len(first.counts)
    chosen = np.flatnonzero(enough((first.counts, last.counts[:size]), (first.squares, last.squares[:size])))
    both: Any = zip(first, last, strict=True)
    columns: list[Any] = [(one[chosen], other[chosen]) for one, other in both]
    return chosen, stretch(*columns)


def judged(shots: list[Shot], seen: list[int], first: int, last: int) -> tuple[npt.NDArray[np.int64], Stretch, Any]:
    """Return the indices of the words that can be judged, how far they moved, and their scores."""
    chosen, asked = between(shots[first], shots[last])
    earlier = [between(shots[a], shots[b])[1] for a, b in earlier_stretches(seen, first, last)]
    return chosen, asked, scores(asked, earlier)


def same_neighbours(one: Shot) -> float:
    """Return which part of the 10 neighbours in 32 bits are those in 8 bits, over a sample of words."""
    tops = []
    rows = np.linspace(0, len(one.counts) - 1, SAMPLE).astype(int)
    for vectors in (one.vectors, one.in_8_bits().vectors):
        units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        cosines = units[rows] @ units.T
        cosines[np.arange(len(rows)), rows] = -2
        tops.append(np.argpartition(-cosines, 10, axis=1)[:, :10])
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*(top.tolist() for top in tops), strict=True)]))


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
        for number, at in enumerate(rng.choice(len(words) // 2 - 1, PAIRS + RARER, replace=False).tolist()):
            if number < PAIRS:
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


def line(z: npt.NDArray[np.float64], asked: Stretch, is_other: Any, is_rarer: Any) -> str:
    """Return the figures of one stretch."""
    plain = z[~is_other & ~is_rarer]
    found = f"{len(plain):,} unchanged, {(plain >= 6).sum()} at z ≥ 6, {(plain >= 5).sum()} at z ≥ 5"
    found += f", highest {plain.max():.2f}"
    if is_other.any():
        changed, sightings = z[is_other], np.exp(asked.within[is_other])
        often = changed[sightings >= 199.5]
        found += f"; {len(changed)} changed: AUC {auc(changed, plain):.4f}, recall {(changed >= 6).mean():.2f} at 6, "
        found += f"{(changed >= 5).mean():.2f} at 5, {(often >= 5).sum()} of {len(often)} with Δn ≥ 200; "
        found += f"{(z[is_rarer] >= 6).sum()} at 6 and {(z[is_rarer] >= 5).sum()} at 5 of {is_rarer.sum()} "
        found += "only more frequent"
    return found


def again(trainer: Trainer, texts: list[str], epoch: int) -> None:
    """Train texts that were counted already, as ``train --epochs`` does."""
    for block in blocks(texts, trainer._tokenizer, BLOCK_CHARACTERS):
        trainer._schedule.train(block, epoch=epoch)
    trainer._schedule.drain()


def main() -> None:
    """Measure, and print a line for each stretch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    parser.add_argument("--chance", type=float, default=0.0)
    parser.add_argument("--architecture", default="skipgram")
    parser.add_argument("--epochs", type=int, default=1, help="times that each twentieth is trained in a row")
    given = parser.parse_args()
    for seed in given.seeds:
        texts, other, rarer = paragraphs(given.folder, seed), set[str](), set[str]()
        if given.chance:
            texts, other, rarer = planted(texts, seed, given.chance)
        trainer = Trainer(seed=seed, architecture=given.architecture, threads=1)
        bounds = np.linspace(0, len(texts), PARTS + 1).astype(int).tolist()
        shots, seen = [shot(trainer)], [0]
        for begin, end in itertools.pairwise(bounds):
            trainer.partial_fit(texts[begin:end])
            for epoch in range(1, given.epochs):
                again(trainer, texts[begin:end], epoch)
            shots.append(shot(trainer))
            seen.append(trainer.words_seen)
        words = trainer.state.model.vocabulary.words
        light = [one.in_8_bits() for one in shots]
        for first, last in PLANTED if given.chance else UNCHANGED:
            chosen, asked, z = judged(light, seen, first, last)
            is_other = np.array([words[index] in other for index in chosen.tolist()], bool)
            is_rarer = np.array([words[index] in rarer for index in chosen.tolist()], bool)
            full = judged(shots, seen, first, last)[2]
            off = np.abs(full - z)[np.maximum(full, z) >= DOUBTFUL].max(initial=0)
            figures = f"seed {seed}, {5 * first} to {5 * last} %: {line(z, asked, is_other, is_rarer)}"
            print(f"{figures}; in 32 bits z ≥ {DOUBTFUL} differs by {off:.2f} at most", flush=True)
        print(f"seed {seed}: {same_neighbours(shots[-1]):.4f} of 10 neighbours are the same in 8 bits", flush=True)


if __name__ == "__main__":
    main()
