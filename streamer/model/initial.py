"""A new model that begins with vectors that were trained elsewhere.

Published vectors have no counts and no accumulators of AdaGrad, and both shape the next updates. So the words begin as
if they had been seen in text: as often as words of their rank usually are, and with the accumulators that rows have
after so many. With 9.85 million words of books in two halves, a model that begins with vectors of the first half and
trains on the second is as good as one that trains on both. With new accumulators, the first steps destroy the vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from streamer.model.embeddings import Floats
from streamer.model.learner import ModelState

SQUARES_PER_COUNT = 0.18
"""AdaGrad's accumulator of an input vector, divided by the count of its word: 0.16 to 0.21 at counts 5 to 60,000."""


def zipf_counts(size: int, least: int) -> npt.NDArray[np.int64]:
    """Return counts for words of known order: proportional to 1/rank (Zipf 1949), ``least`` for the last word.

    Args:
        size: The number of words, V.
        least: The count of the rarest word.

    Returns:
        (V,) int64, descending.
    """
    return np.asarray(least * size // np.arange(1, size + 1), np.int64)


def set_initial_vectors(state: ModelState, words: Sequence[str], vectors: Floats) -> None:
    """Give a new model a vocabulary and input vectors; training will find the output vectors.

    Args:
        state: The model.
        words: V distinct words, the most frequent first.
        vectors: (V, D) float32.
    """
    counts = zipf_counts(len(words), state.settings.min_count)
    state.vocabulary.restore(list(words), counts, int(counts.sum()))
    squares = np.asarray(counts * SQUARES_PER_COUNT, np.float32)
    state.embeddings.begin(vectors, squares)
    state.sources.grow(len(words))
