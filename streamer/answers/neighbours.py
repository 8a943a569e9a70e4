"""Nearest neighbours and analogies, with how often each word was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from streamer.errors import StreamerError
from streamer.state.reading import read_cold
from streamer.vectors import UnknownWord, WordVectors

BATCH = 256
"""Words in one query: the first answers come while others are still computed."""


class Neighbour(NamedTuple):
    """A word, its cosine with the query, and how often it was seen."""

    word: str
    cosine: float
    seen: int

    def as_dict(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return {"word": self.word, "cosine": self.cosine}


def similar(
    vectors: WordVectors, words: Sequence[str], *, topn: int = 10, restrict_vocab: int | None = None
) -> Iterator[tuple[str, list[Neighbour]]]:
    """Yield each word with its neighbours, nearest first, as soon as they are computed.

    Args:
        vectors: The vectors.
        words: Words of the vocabulary.
        topn: How many neighbours of each.
        restrict_vocab: Search only this many of the most frequent words.

    Raises:
        UnknownWord: If a word is not in the vocabulary.
    """
    for start in range(0, len(words), BATCH):
        batch = words[start : start + BATCH]
        found = vectors.most_similar_batch(batch, topn=topn, restrict_vocab=restrict_vocab)
        for word, near in zip(batch, found, strict=True):
            yield word, _with_counts(vectors, near)


def similar_spelled(
    vectors: WordVectors, words: Sequence[str], *, topn: int = 10, restrict_vocab: int | None = None
) -> tuple[list[tuple[str, list[Neighbour]]], list[str]]:
    """Return what :func:`similar` yields, with estimates for words never met; and the words that are alike to none."""
    view, found, without = vectors.spelled(), [], []
    for word in words:
        try:
            near = view.most_similar(word, topn=topn, restrict_vocab=restrict_vocab)
        except UnknownWord:
            without.append(word)
        else:
            found.append((word, _with_counts(vectors, near)))
    return found, without


def similar_cold(
    vectors: WordVectors, words: Sequence[str], *, topn: int = 10, restrict_vocab: int | None = None
) -> list[tuple[str, list[Neighbour]]]:
    """Return what :func:`similar` yields, for those of some words that have left the vocabulary.

    Args:
        vectors: The vectors, loaded from a checkpoint.
        words: Words that are not in the vocabulary.
        topn: How many neighbours of each.
        restrict_vocab: As for :func:`similar`.

    Raises:
        StreamerError: 65 if a segment is missing or damaged.
    """
    if not words or vectors.checkpoint is None:  # a snapshot has no cold words
        return []
    try:
        cold = read_cold(vectors.checkpoint.path)
    except StreamerError:
        if vectors.checkpoint.path.exists():
            raise
        return []  # a trainer has retired it in the meantime
    positions, rows = cold.find(words)
    if rows is None:
        return []
    found = []
    for number, position in enumerate(positions.tolist()):
        near = vectors.most_similar(positive=[rows.array[number, 0]], topn=topn, restrict_vocab=restrict_vocab)
        found.append((words[position], _with_counts(vectors, near)))
    return found


def similar_rows(found: Iterable[tuple[str, list[Neighbour]]]) -> list[dict[str, Any]]:
    """Return what :func:`similar` yields in the shape of ``similar --json``."""
    return [{"word": word, "neighbours": [each.as_dict() for each in near]} for word, near in found]


def analogy(
    vectors: WordVectors, a: str, b: str, c: str, *, topn: int = 10, restrict_vocab: int | None = None
) -> list[Neighbour]:
    """Return what is to c as b is to a, best answer first; the other arguments are those of :func:`similar`."""
    near = vectors.most_similar(positive=[b, c], negative=[a], topn=topn, restrict_vocab=restrict_vocab)
    return _with_counts(vectors, near)


def _with_counts(vectors: WordVectors, near: Sequence[tuple[str, float]]) -> list[Neighbour]:
    return [Neighbour(word, cosine, int(vectors.counts[vectors.key_to_index[word]])) for word, cosine in near]
