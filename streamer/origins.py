"""Models that begin with vectors which were trained elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streamer.errors import ExitCode, StreamerError
from streamer.history import Origin
from streamer.intake import tokenizer
from streamer.model import pretrained
from streamer.model.training import ModelState
from streamer.vectors import WordVectors, queries

LONGEST = 1000.0
"""Longest vector to begin with: longer ones are no vectors of words, and products with them overflow."""
MOST = 1 << 60
"""Most occurrences to begin with: counts have 64 bits."""


def begin(
    model: ModelState, vectors: WordVectors, name: str, sha256: str, check: Callable[[], None] = lambda: None
) -> Origin:
    """Give a new model the words of some vectors, as the tokeniser has them, and return the record of it.

    What is no word in a text could never be met again, and is left out; of several that are the same to the tokeniser,
    which folds case, the most frequent counts.

    Args:
        model: The model.
        vectors: The vectors, with the most frequent word first.
        name: The file they come from, for the record.
        sha256: The digest of that file.
        check: Called now and then; raises to break it off.

    Raises:
        StreamerError: 78 if the model has begun already, the vectors are of another size, too long or too many for its
            ``min_count``, or nothing is a word.
    """
    if vectors.vector_size != model.settings.vector_size:
        raise _refused(f"these vectors have {vectors.vector_size} numbers, the model's {model.settings.vector_size}")
    if model.vocabulary.total:
        raise _refused("a model that has begun cannot begin with other vectors")
    rows: dict[str, int] = {}
    for start in range(0, len(vectors), tokenizer.STRINGS):
        check()
        strings = vectors.index_to_key[start : start + tokenizer.STRINGS]
        for row, word in enumerate(tokenizer.as_words(strings), start):
            rows.setdefault(word, row)
    rows.pop(tokenizer.NO_WORD, None)
    if not rows:
        raise _refused("none of these vectors is of a word")
    if len(rows) ** 2 * model.settings.min_count > MOST:
        raise _refused(f"--min-count {model.settings.min_count} is too much for {len(rows):,} words to begin with")
    chosen = vectors.vectors if len(rows) == len(vectors) else vectors.vectors[list(rows.values())]
    lengths = queries.lengths(chosen)
    if not lengths.max() <= LONGEST:
        word = list(rows)[int(np.argmax(~(lengths <= LONGEST)))]
        raise _refused(f"the vector of {word!r} is longer than {LONGEST:g}: these are no vectors of words")
    check()
    pretrained.begin(model, list(rows), chosen)
    return Origin(name, sha256, len(rows), model.vocabulary.total)


def _refused(problem: str) -> StreamerError:
    return StreamerError(problem, code=ExitCode.CONFIGURATION)
