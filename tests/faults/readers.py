"""Readers of a folder in which a trainer publishes, and a trainer whose checkpoints show any mixture of two of them.

Run as a program: ``publish FOLDER`` until it is killed, or ``read FOLDER COUNT``, ``compare FOLDER COUNT``, which print
one JSON document of what they found.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

import streamer
from streamer.checkpoints import Store
from streamer.state.tree_reader import to_blob

FIXED = "word"
"""The one word that all checkpoints of :func:`publish` have."""
SOME = 10
"""Checkpoints that a reader has to see come by."""


def publish(folder: Path) -> None:
    """Save one checkpoint after another, in which each number, count and word says which it is; keep none but it."""
    store, tree = Store(folder), streamer.Trainer(vector_size=16, threads=1).state.to_tree()
    with store.lock():
        for number in itertools.count(1):
            size = 300 + number % 200
            tree["sequence"] = number
            tree["vocabulary/words"] = to_blob([FIXED, *(f"{number}x{word}" for word in range(size - 1))])
            tree["vocabulary/counts"] = np.full(size, number)
            tree["embeddings/input"] = np.full((size, 16), number, np.float32)
            store.save(tree, number)
            store.retire(1)


def check(vectors: streamer.WordVectors) -> bool:
    """Check that vectors are of one checkpoint of :func:`publish`, and of the one that they say."""
    number = vectors.checkpoint.sequence
    assert len(vectors) == len(vectors.vectors) == 300 + number % 200, number
    assert (vectors.vectors == number).all(), number
    assert (vectors.counts == number).all(), number
    check_words([word for word, _ in vectors.most_similar(FIXED, topn=500)], number)
    return True


def check_words(words: list[str], number: int) -> None:
    """Check that neighbours are those of one checkpoint, and all that were asked for."""
    assert [word.partition("x")[0] for word in words] == [str(number)] * min(len(words), 299 + number % 200), number


def compare(vectors: streamer.WordVectors) -> bool:
    """Check vectors and an answer against plain h5py; return False if the file is gone."""
    try:
        with h5py.File(vectors.checkpoint.path) as file:
            words = file["vocabulary/words"][:].tobytes().decode().split()
            counts, matrix = file["vocabulary/counts"][:], file["embeddings/input"][:]
    except OSError:  # HDF5 looks up the name once more after it has opened the file, and says so in words of its own
        if vectors.checkpoint.path.exists():
            raise
        return False
    order = sorted(range(len(words)), key=lambda word: (-counts[word], word))
    assert vectors.index_to_key == [words[word] for word in order]
    assert np.array_equal(vectors.counts, counts[order])
    assert np.array_equal(vectors.vectors, matrix[order])
    units = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    cosines = units @ units[order[0]]
    for word, cosine in vectors.most_similar(words[order[0]]):
        assert abs(cosines[words.index(word)] - cosine) < 1e-5, word
    assert len(vectors.most_similar(words[order[0]])) == 10
    return True


def read(folder: Path, count: int, look: Callable[[streamer.WordVectors], bool]) -> None:
    """Load so many times, every other time only what is new, look at each, and tell what came of it.

    Where the disk is slow and few checkpoints come by meanwhile, go on until there were some.
    """
    vectors, seen, looked, number = streamer.load(folder), list[int](), 0, 0
    while number < count or len(set(seen)) <= SOME:
        vectors = streamer.load(folder, newer_than=vectors if number % 2 else None)
        looked += look(vectors)
        seen.append(vectors.checkpoint.sequence)
        number += 1
    assert seen == sorted(seen)
    json.dump({"asked": number, "looked": looked, "checkpoints": len(set(seen))}, sys.stdout)


if __name__ == "__main__":
    where = Path(sys.argv[2])
    if sys.argv[1] == "publish":
        publish(where)
    read(where, int(sys.argv[3]), {"read": check, "compare": compare}[sys.argv[1]])
