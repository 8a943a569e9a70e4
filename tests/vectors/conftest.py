"""Vectors for the tests: random, with some structure, over the words of gensim's evaluation files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gensim
import numpy as np
import pytest

from streamer import Trainer
from streamer.vectors import WordVectors


@pytest.fixture(scope="session")
def datapath() -> Callable[[str], str]:
    """Return the function that finds gensim's evaluation files."""
    from gensim.test.utils import datapath

    found: Callable[[str], str] = datapath
    return found


@pytest.fixture(scope="session")
def peer() -> Callable[[WordVectors], gensim.models.KeyedVectors]:
    """Return a function that gives gensim the same words and vectors in the same order."""

    def build(vectors: WordVectors) -> gensim.models.KeyedVectors:
        keyed = gensim.models.KeyedVectors(vectors.vector_size)
        keyed.add_vectors(vectors.index_to_key, vectors.vectors.copy())
        return keyed

    return build


@pytest.fixture(scope="session")
def vectors(datapath: Callable[[str], str]) -> WordVectors:
    """Return vectors of two thirds of the words in the evaluation files, some of them again in another case.

    The second and fourth word of an analogy lie off the first and third by the same step, roughly: many of the
    questions come out right, so that right and wrong answers are both compared.
    """
    random = np.random.default_rng(1)
    found: dict[str, np.ndarray] = {}
    for name in ("questions-words.txt", "simlex999.txt", "wordsim353.tsv"):
        step = np.zeros(20)
        for line in Path(datapath(name)).read_text(encoding="utf-8").splitlines():
            if line.startswith(":"):
                step = random.normal(size=20) * 1.5
            elif not line.startswith("#"):
                first, second = line.split()[:2]
                found.setdefault(first, random.normal(size=20))
                found.setdefault(second, found[first] + step + random.normal(size=20) * 0.7)
    words = [word for word in found if random.random() < 0.67]
    matrix = np.array([found[word] for word in words])
    again = [(word.swapcase(), found[word]) for word in words[::4] if word.swapcase() not in found]
    matrix = np.concatenate([matrix, [vector + random.normal(size=20) * 0.2 for _, vector in again]])
    words += [word for word, _ in again]
    return WordVectors(words, matrix.astype(np.float32), random.integers(1, 40, size=len(words)))


@pytest.fixture(scope="session")
def tied() -> WordVectors:
    """Return vectors of small integers, so that products are exact: many words are equally near, and some are zero."""
    random = np.random.default_rng(2)
    matrix = random.integers(-2, 3, size=(300, 4)).astype(np.float32)
    matrix[::50] = 0
    return WordVectors([f"w{number}" for number in range(300)], matrix, random.integers(1, 9, size=300))


@pytest.fixture(scope="session")
def trained() -> WordVectors:
    """Return the vectors of a small model."""
    text = (Path(__file__).parents[2] / "data" / "sample.txt").read_text(encoding="utf-8")
    trainer = Trainer(vector_size=16, min_count=2, threads=1)
    for _ in range(5):
        trainer.partial_fit([text])
    return trainer.vectors


@pytest.fixture
def small() -> WordVectors:
    """Return five words in the plane; b and d are seen equally often, and so are c and e."""
    matrix = [[1, 0], [0, 2], [3, 3], [0, 1], [-1, 0]]
    return WordVectors(list("abcde"), np.array(matrix, dtype=np.float32), np.array([9, 5, 7, 5, 7]))


@pytest.fixture
def awkward() -> WordVectors:
    """Return vectors of words in several scripts and of floats that are hard to write."""
    random = np.random.default_rng(1)
    words = ["naïve", "東京", "don't", "#", "3", "😀", "-1e5", *(f"w{n}" for n in range(2500))]
    bits = random.integers(0, 2**32, size=(len(words), 7), dtype=np.uint32)
    matrix = bits.view(np.float32)
    matrix[~np.isfinite(matrix)] = 1
    limits = np.finfo(np.float32)
    matrix[0] = [0.0, -0.0, 1e-45, float(limits.max), float(limits.tiny), 0.1, 16777217]
    return WordVectors(words, matrix, random.integers(1, 100, size=len(words)))
