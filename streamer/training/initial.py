"""Initial vectors: vectors, trained elsewhere, that a new model begins with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streamer.errors import ExitCode, StreamerError
from streamer.model import initial
from streamer.state import InitialVectors, State
from streamer.text.tokenizer import NO_WORD, STRINGS
from streamer.text.tokenizers import tokenizer
from streamer.vectors import WordVectors, similarity

LONGEST = 1000.0
"""Greatest length (norm) of an initial vector: longer ones are not word vectors, and products with them overflow."""
MOST = 1 << 60
"""Greatest sum of initial counts: counts have 64 bits."""


def set_initial_vectors(
    state: State, vectors: WordVectors, name: str, sha256: str, check: Callable[[], None] = lambda: None
) -> None:
    """Give a new model the words of some vectors, as the tokenizer spells them, and record where they come from.

    Strings that are not one word in a text are left out: no text would ever contain them. If several become the same
    word, because the tokenizer converts to lower case, the most frequent counts.

    Args:
        state: The state of the model.
        vectors: The vectors, with the most frequent word first.
        name: The file they come from, for the record.
        sha256: The SHA-256 of that file.
        check: Called now and then; may raise to stop.

    Raises:
        StreamerError: 78 if the model has begun already; if the vectors have another number of dimensions, are too long
            or too many for its ``min_count``; or if none is of a word.
    """
    model = state.model
    if vectors.vector_size != model.settings.vector_size:
        raise _refused(f"the vectors have {vectors.vector_size} dimensions, the model has {model.settings.vector_size}")
    if model.vocabulary.total:
        raise _refused("only a new model can take initial vectors, and this one has begun")
    rows: dict[str, int] = {}
    cuts = tokenizer(state.rules)
    for start in range(0, len(vectors), STRINGS):
        check()
        strings = vectors.index_to_key[start : start + STRINGS]
        for row, word in enumerate(cuts.as_words(strings), start):
            rows.setdefault(word, row)
    rows.pop(NO_WORD, None)
    if not rows:
        raise _refused("none of the initial vectors is of a word")
    if len(rows) ** 2 * model.settings.min_count > MOST:
        raise _refused(f"--min-count {model.settings.min_count} is too high for {len(rows):,} initial vectors")
    chosen = vectors.vectors if len(rows) == len(vectors) else vectors.vectors[list(rows.values())]
    lengths = similarity.lengths(chosen)
    if not lengths.max() <= LONGEST:
        word = list(rows)[int(np.argmax(~(lengths <= LONGEST)))]
        raise _refused(f"the vector of {word!r} is longer than {LONGEST:g}: these are not word vectors")
    check()
    initial.set_initial_vectors(model, list(rows), chosen)
    state.record_initial(InitialVectors(name, sha256, len(rows), model.vocabulary.total))


def _refused(problem: str) -> StreamerError:
    return StreamerError(problem, code=ExitCode.CONFIGURATION)
