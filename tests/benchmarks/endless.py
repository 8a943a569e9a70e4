"""A made-up stream without an end: does memory stay bounded, and does a word cost the same at the end?

    python -m tests.benchmarks.endless --words 300000000

A fifth of all tokens are ids that never come again. A third of the others are 20,000 common words. The rest are words
of a subject, of which there are several; one follows the other gradually, and after the last comes the first again. All
are drawn after Zipf. So most words leave the vocabulary, and come back with their subject. The model is saved now and
then.

With ``--check``, each row that comes back is compared with what it was when it left, and all counts with the truth:
what was seen often enough is admitted, and no count is further off than the bound on the error.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from streamer import Trainer
from streamer.model.cold import Cold, Rows
from streamer.model.learner import ModelState
from streamer.text.encoded import EncodedText

BLOCK = 180_000
"""Words in a block: about those of a MiB of text."""
COMMON, OF_SUBJECT, SUBJECTS, PERIOD = 20_000, 300_000, 5, 12_000_000
"""Common words, words of a subject, subjects, and words of the stream until the next one."""
SENTENCE = 20


def stream(words: int, seed: int = 1) -> Iterator[EncodedText]:
    """Yield blocks of about so many words in all."""
    rng = np.random.default_rng(seed)
    common, subject = (np.cumsum(1 / (np.arange(size) + 2.7)) for size in (COMMON, OF_SUBJECT))
    segments = (np.arange(BLOCK) // SENTENCE).astype(np.int32)
    ids = 0
    for start in range(0, words, BLOCK):
        at = start / PERIOD
        of = (int(at) + (rng.random(BLOCK) < at % 1)) % SUBJECTS  # the next one comes little by little
        topical = COMMON + of * OF_SUBJECT + subject.searchsorted(rng.random(BLOCK) * subject[-1])
        drawn = np.where(rng.random(BLOCK) < 1 / 3, common.searchsorted(rng.random(BLOCK) * common[-1]), topical)
        unique = rng.random(BLOCK) < 0.2
        drawn[unique] = -1 - np.arange(np.count_nonzero(unique))
        found, first, codes = np.unique(drawn, return_index=True, return_inverse=True)
        order = first.argsort()
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        names = [f"w{number}" if number >= 0 else f"id{ids - number}" for number in found[order].tolist()]
        ids += int(np.count_nonzero(unique))
        yield EncodedText(names, rank[codes], segments)


class Checked:
    """What rows were when they left, to be compared when they come back."""

    def __init__(self) -> None:
        self.left: dict[str, bytes] = {}
        self.right = self.wrong = 0
        self._put, self._take = Cold.put, Cold.take

    def put(self, cold: Cold, words: list[str], rows: Rows, vocabulary: Any) -> None:
        """Note what leaves."""
        self.left.update((word, _digest(rows, number)) for number, word in enumerate(words))
        self._put(cold, words, rows, vocabulary)

    def take(self, cold: Cold, words: list[str]) -> tuple[npt.NDArray[np.int64], Rows | None]:
        """Compare what comes back, and see that nothing else stays away."""
        positions, rows = self._take(cold, words)
        back = [words[position] for position in positions.tolist()]
        self.wrong += sum(word in self.left for word in words) - len(back)
        for number, word in enumerate(back):
            assert rows is not None
            same = self.left.pop(word, b"") == _digest(rows, number)
            self.right, self.wrong = self.right + same, self.wrong + (not same)
        return positions, rows


class Truth:
    """How often each word that comes again was seen, and what a model makes of it."""

    def __init__(self) -> None:
        self._seen = np.zeros(COMMON + SUBJECTS * OF_SUBJECT, np.int64)

    def count(self, block: EncodedText) -> None:
        """Count the words of a block."""
        times = np.bincount(block.codes, minlength=len(block.words))
        for word, number in zip(block.words, times.tolist(), strict=True):
            if word[0] == "w":
                self._seen[int(word[1:])] += number

    def report(self, model: ModelState) -> str:
        """Return how many words that must be admitted are, and how far counts are off at most."""
        vocabulary, candidates = model.vocabulary, model.vocabulary.candidates
        counts = dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
        if model.cold.words:
            cold = model.cold.all(vocabulary.words)
            counts |= dict(zip(cold.words(), cold.rows.counts.tolist(), strict=True))
        sure = (self._seen >= candidates.floor + vocabulary.min_count).nonzero()[0].tolist()
        admitted = sum(f"w{number}" in counts for number in sure)
        known = [(int(self._seen[int(word[1:])]) - count) for word, count in counts.items() if word[0] == "w"]
        of_candidates = zip(candidates.items(), candidates.errors().tolist(), strict=True)
        right = all(
            0 <= self._seen[int(word[1:])] - count <= error
            for (word, count), error in of_candidates
            if word[0] == "w" and word not in counts  # of those that left, more is known
        )
        return (
            f"seen {candidates.floor + vocabulary.min_count} times or more: {len(sure):,} words, {admitted:,} of them "
            f"admitted; counts of {len(known):,} words are too low by {max(known)} at most, and too high by "
            f"{-min(0, *known)}; the bound is {candidates.floor} each time that a word becomes a candidate; those of "
            f"candidates are within it: {right}"
        )


def _digest(rows: Rows, number: int) -> bytes:
    columns = rows.counts, rows.array, rows.squares
    return hashlib.blake2b(b"".join(column[number].tobytes() for column in columns), digest_size=16).digest()


def memory() -> dict[str, float]:
    """Return the MiB of this process that are in memory: all, and without pages of files, which can be dropped."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {name: int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon")}


def main() -> None:
    """Train, and print a line for each tenth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=300_000_000)
    parser.add_argument("--max-vocabulary", type=int, default=200_000)
    parser.add_argument("--max-candidates", type=int, default=1_000_000)
    parser.add_argument("--save-every", type=int, default=5_000_000, help="words")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    trainer = Trainer(threads=1, max_vocabulary=given.max_vocabulary, max_candidates=given.max_candidates)
    checked, truth = Checked(), Truth()

    def put(cold: Cold, words: list[str], rows: Rows, vocabulary: Any) -> None:
        checked.put(cold, words, rows, vocabulary)

    def take(cold: Cold, words: list[str]) -> Any:
        return checked.take(cold, words)

    if given.check:
        patch.object(Cold, "put", put).start()
        patch.object(Cold, "take", take).start()
    model, tenth, seen, saved = trainer._state.model, given.words // 10, 0, 0
    began, spent, peaks, ids_admitted = time.process_time(), 0.0, {"VmRSS": 0.0, "RssAnon": 0.0}, 0
    with tempfile.TemporaryDirectory() as folder:
        for block in stream(given.words):
            before = time.process_time()
            trainer._schedule.train(block)
            if (seen + len(block)) // given.save_every > saved:
                saved += 1
                trainer.save(folder, keep=2)
            spent += time.process_time() - before  # the text itself costs nothing in truth
            now = memory()
            peaks = {name: max(peak, now[name]) for name, peak in peaks.items()}
            if (seen + len(block)) // tenth > seen // tenth:
                cold, files = model.cold, [path.stat().st_size for path in Path(folder).glob("cold-*")]
                ids_admitted += sum(word.startswith("id") for word in model.vocabulary.words)
                print(
                    f"{(seen + len(block)) / 1e6:6.0f} M words: {1e9 * spent / tenth:.0f} ns CPU a word, peaks "
                    f"{peaks['VmRSS']:.0f} MiB, without files {peaks['RssAnon']:.0f}; {len(model.vocabulary):,} words, "
                    f"{len(model.vocabulary.candidates):,} candidates, {cold.left:,} left, {cold.returned:,} came "
                    f"back, {len(files)} segments of {sum(files) / 2**20:.0f} MiB",
                    flush=True,
                )
                spent, peaks = 0.0, dict.fromkeys(peaks, 0.0)
            seen += len(block)
            if given.check:
                truth.count(block)
    print(f"unique ids in the vocabulary: {ids_admitted}; {time.process_time() - began:.0f} s of CPU in all")
    print(f"most memory of all: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    if given.check:
        print(truth.report(model))
        print(f"rows that came back as they were: {checked.right:,}; others: {checked.wrong:,}")


if __name__ == "__main__":
    main()
