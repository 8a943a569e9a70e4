"""Scores of the vectors in tests that people wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamer.vectors import WordVectors


def evaluate(
    vectors: WordVectors,
    pairs: Path | None,
    analogies: Path | None,
    restrict_vocab: int | None = 300_000,
    *,
    spelled: bool = False,
) -> dict[str, Any]:
    """Return the scores of one test of each kind, in the shape of ``evaluate --json``.

    Args:
        vectors: The vectors.
        pairs: A file of word pairs with scores, or None.
        analogies: A file of analogies, or None.
        restrict_vocab: Use only this many of the most frequent words.
        spelled: Whether to score pairs with estimates, for words never met or met rarely. Analogies never use them.

    Raises:
        StreamerError: 66 if a file can't be read or has no row.
    """
    scores: dict[str, Any] = {}
    if pairs:
        scores["pairs"] = (
            (vectors.spelled() if spelled else vectors)
            .evaluate_word_pairs(pairs, restrict_vocab=restrict_vocab)
            .as_dict()
        )
        if spelled:
            scores["pairs"]["spelled"] = True
    if analogies:
        scores["analogies"] = vectors.evaluate_word_analogies(analogies, restrict_vocab=restrict_vocab).as_dict()
    return scores
