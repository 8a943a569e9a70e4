"""A new model that begins with vectors that were trained elsewhere.

Published vectors come without counts and without the state of an optimiser, and both shape what is learned next. So
the words begin as if they had been met in text: as often as words of their rank are, and with the sums of squares that
rows have after so many. On two halves of 9.85 million words of books, vectors of the first half and then the second as
text come out as good as both halves as text; with sums of squares at their start, the first steps tear the vectors up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamer.model.embeddings import Floats
from streamer.model.training import ModelState

SQUARES_PER_COUNT = 0.18
"""AdaGrad's sum for an input vector, by how often its word was seen: 0.16 to 0.21 at counts from 5 to 60,000."""


def zipf_counts(size: int, least: int) -> npt.NDArray[np.int64]:
    """Return counts for words of which only the order is known: inversely as the rank (Zipf 1949), the last ``least``.

    Args:
        size: How many, V.
        least: The count of the rarest.

    Returns:
        (V,) int64, descending.
    """
    return np.asarray(least * size // np.arange(1, size + 1), np.int64)


def set_initial_vectors(state: ModelState, words: Sequence[str], vectors: Floats) -> None:
    """Give a model that has seen nothing a vocabulary and input vectors; the output vectors are for training to find.

    Args:
        state: The model.
        words: V distinct words, the most frequent first.
        vectors: (V, D) float32.
    """
    counts = zipf_counts(len(words), state.settings.min_count)
    state.vocabulary.restore(list(words), counts, {}, int(counts.sum()))
    squares = np.asarray(counts * SQUARES_PER_COUNT, np.float32)
    state.embeddings.begin(vectors, squares)
