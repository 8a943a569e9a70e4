"""Asking the vectors, against gensim, and loading them: 100,000 words in 100 dimensions.

Where gensim answers too, both are asked in turns, round by round, and the medians and their ratio are told. With
``STREAMER_BENCH_WORDS=1000000`` the model has a million words.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gensim
import numpy as np
import pytest
from gensim.test.utils import datapath

import streamer
from streamer.training.trainer import Trainer
from streamer.vectors.spelling import nearest

WORDS = int(os.environ.get("STREAMER_BENCH_WORDS", "100000"))
LOAD = r"""
import re, sys, time
from pathlib import Path
def most():  # which resource.getrusage would take from the parent
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
start = time.perf_counter()
import streamer, numpy, h5py
streamer.load, streamer.Trainer
before, imported = most(), time.perf_counter()
vectors = streamer.load(sys.argv[1])
loaded = time.perf_counter()
vectors.most_similar(vectors.index_to_key[0])
print(imported - start, loaded - imported, time.perf_counter() - loaded, most() - before)
"""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a checkpoint, in which words are not in the order of their counts."""
    trainer, random = Trainer(threads=1), np.random.default_rng(1)
    questions = Path(datapath("questions-words.txt")).read_text(encoding="utf-8").split()
    words = list(dict.fromkeys([*questions, *(f"word{number:x}" for number in range(WORDS))]))[:WORDS]
    trainer.state.model.vocabulary.observe(words, random.zipf(1.2, WORDS).clip(0, 10**6) + 5)
    trainer.state.model.embeddings.grow(WORDS, random)
    trainer.state.model.embeddings.input[:] = random.standard_normal((WORDS, 100), dtype=np.float32)
    folder = tmp_path_factory.mktemp("checkpoints")
    trainer.save(folder)
    return folder


@pytest.fixture(scope="module")
def vectors(checkpoints: Path) -> streamer.WordVectors:
    """Return its vectors."""
    return streamer.load(checkpoints)


@pytest.fixture(scope="module")
def peer(vectors: streamer.WordVectors) -> gensim.models.KeyedVectors:
    """Return the same vectors, held by gensim."""
    keyed = gensim.models.KeyedVectors(vectors.vector_size)
    keyed.add_vectors(vectors.index_to_key, vectors.vectors)
    return keyed


def test_load(benchmark: Any, checkpoints: Path) -> None:
    """In a process that has loaded before."""
    benchmark.pedantic(lambda: streamer.load(checkpoints), rounds=7, warmup_rounds=1)


def test_nothing_newer(benchmark: Any, checkpoints: Path, vectors: streamer.WordVectors) -> None:
    """What a reader pays to stay current."""
    benchmark(lambda: streamer.load(checkpoints, newer_than=vectors))


def test_first_load(benchmark: Any, checkpoints: Path) -> None:
    """In a process of its own: imports, load, first answer in seconds, and the memory that the load took at most."""
    told = []

    def load() -> None:
        command = [sys.executable, "-c", LOAD, str(checkpoints)]
        told.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())

    benchmark.pedantic(load, rounds=5)
    for name, values in zip(("imports", "load", "first_answer", "peak_mib"), zip(*told, strict=True), strict=True):
        benchmark.extra_info[name] = statistics.median(map(float, values))


CASES: dict[str, Callable[[Any, list[str]], Any]] = {
    "one word": lambda each, words: each.most_similar(words[0]),
    "topn=1000": lambda each, words: each.most_similar(words[0], topn=1000),
    "restrict_vocab=10000": lambda each, words: each.most_similar(words[0], restrict_vocab=10_000),
    "analogy": lambda each, words: each.most_similar(words[:2], [words[2]]),
    "5 and 5 words": lambda each, words: each.most_similar(words[:5], words[5:10]),
    "all cosines": lambda each, words: each.most_similar(words[0], topn=None),
    "similarity": lambda each, words: each.similarity(words[0], words[1]),
    "rank": lambda each, words: each.rank(words[0], words[1]),
    "doesnt_match": lambda each, words: each.doesnt_match(words[:5]),
    "n_similarity": lambda each, words: each.n_similarity(words[:5], words[5:10]),
}


@pytest.mark.parametrize("case", CASES)
def test_a_question(benchmark: Any, case: str, vectors: streamer.WordVectors, peer: gensim.models.KeyedVectors) -> None:
    """One question, 31 times to each in turns."""
    ask, words = CASES[case], vectors.index_to_key
    ask(peer, words)
    theirs: list[float] = []

    def gensims_turn() -> None:
        start = time.perf_counter()
        ask(peer, words)
        theirs.append(time.perf_counter() - start)

    benchmark.pedantic(lambda: ask(vectors, words), setup=gensims_turn, rounds=31, warmup_rounds=1)
    _tell(benchmark, theirs)


def test_a_thousand_words_at_once(benchmark: Any, vectors: streamer.WordVectors) -> None:
    """A batch, which gensim does not have."""
    benchmark.pedantic(lambda: vectors.most_similar_batch(vectors.index_to_key[:1000]), rounds=5, warmup_rounds=1)


def test_an_unknown_word(benchmark: Any, vectors: streamer.WordVectors) -> None:
    """The nearest spellings."""
    benchmark(lambda: nearest("wrod12345", vectors.index_to_key))


def test_analogies(
    benchmark: Any, vectors: streamer.WordVectors, peer: gensim.models.KeyedVectors, tmp_path: Path
) -> None:
    """All 19,544 questions for us, the 506 of the first section for gensim: compare the time a question."""
    path = Path(datapath("questions-words.txt"))
    scores = benchmark.pedantic(lambda: vectors.evaluate_word_analogies(path), rounds=3)
    benchmark.extra_info["us_per_question"] = benchmark.stats["median"] / scores.scored * 1e6
    section = tmp_path / "section.txt"
    section.write_text(": " + path.read_text(encoding="utf-8").split(": ")[1], encoding="utf-8")
    start = time.perf_counter()
    _, sections = peer.evaluate_word_analogies(str(section))
    seconds = time.perf_counter() - start
    asked = sum(len(sections[-1][kind]) for kind in ("correct", "incorrect"))
    benchmark.extra_info["gensim_us_per_question"] = seconds / asked * 1e6


def _tell(benchmark: Any, theirs: list[float]) -> None:
    benchmark.extra_info["gensim_ms"] = statistics.median(theirs) * 1e3
    benchmark.extra_info["ratio"] = statistics.median(theirs) / benchmark.stats["median"]
