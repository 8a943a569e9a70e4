"""Words as people type them: which word of the vocabulary is meant, and which are nearest to an unknown one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from streamer.state.reading import read_words
from streamer.vectors import WordVectors
from streamer.vectors.spelling import nearest


class Unknown(NamedTuple):
    """A word that has no vector, and the nearest spellings that have one."""

    word: str
    suggestions: list[str]


def folded(vectors: WordVectors, words: Iterable[str]) -> list[str]:
    """Return each word as the model spells it.

    A word that is known as it was typed stays. Any other is converted as the texts of the model are.
    """
    return [vectors.folded(word) for word in words]


def unknown(vectors: WordVectors, words: Iterable[str], *, suggest: bool = True) -> list[Unknown]:
    """Return the words that have no vector, each once, in order; with suggestions if ``suggest``."""
    missing = dict.fromkeys(word for word in words if word not in vectors)
    return [Unknown(word, nearest(word, vectors.index_to_key) if suggest else []) for word in missing]


def beginning_with(folder: Path, prefix: str, count: int, *, without: str = "") -> list[str]:
    """Return the most frequent words of the newest checkpoint that begin with a prefix, most frequent first.

    This is for completion while somebody types, so nothing is logged.

    Args:
        folder: The folder of checkpoints.
        prefix: What was typed; case does not matter.
        count: How many words to return at most.
        without: Leave out words that contain this.

    Raises:
        StreamerError: 66 if there is no checkpoint, 65 if none is intact.
    """
    words, counts = read_words(folder, silent=True)
    folded_prefix = prefix.lower()
    order = (-counts).argsort(kind="stable").tolist()
    found = (words[index] for index in order if words[index].startswith(folded_prefix))
    return list(itertools.islice((word for word in found if not (without and without in word)), count))
