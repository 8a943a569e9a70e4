"""A model that begins with vectors trained elsewhere: counts after Zipf, squares to match, outputs new."""

from __future__ import annotations

import numpy as np

from streamer import Trainer
from streamer.model import initial, sampling
from streamer.model.embeddings import INITIAL_SQUARES, Floats
from streamer.model.learner import Learner, ModelState
from streamer.model.sampling import Purpose
from streamer.model.sources import NO_FILE
from streamer.settings import ModelSettings

from ..support.corpus import text

WORDS = [f"w{number}" for number in range(200)]
VECTORS = np.random.default_rng(1).normal(size=(200, 12)).astype(np.float32)


def begun(**settings: float) -> ModelState:
    """Return a model that began with the vectors."""
    state = ModelState.new(ModelSettings(vector_size=12, **settings))  # type: ignore[arg-type]
    initial.set_initial_vectors(state, WORDS, VECTORS)
    return state


def test_counts_fall_with_the_rank_to_the_least() -> None:
    """A word of rank r begins as often as V / r times the least; the last as the least, which admits a word."""
    counts = initial.zipf_counts(1000, 5)
    assert counts.dtype == np.int64
    assert counts[[0, 1, 3, 999]].tolist() == [5000, 2500, 1250, 5]
    assert (np.diff(counts) <= 0).all() and counts.min() == 5
    assert initial.zipf_counts(3_000_000, 5)[0] == 15_000_000
    assert initial.zipf_counts(1, 1).tolist() == [1]


def test_the_state_is_that_of_words_met_so_often() -> None:
    """Words, ids, vectors and totals fit each other; the input rows take steps as if trained, the outputs as if new."""
    state = begun(min_count=3)
    assert state.vocabulary.words == WORDS
    assert state.vocabulary.index["w7"] == 7
    assert state.vocabulary.total == state.vocabulary.counts.sum()
    assert state.embeddings.input.tobytes() == VECTORS.tobytes()
    assert not state.embeddings.output.any()
    assert state.embeddings.input_squares[0] == np.float32(600 * initial.SQUARES_PER_COUNT)
    assert (state.embeddings.output_squares == np.float32(INITIAL_SQUARES)).all()
    assert state.sources.column("first").tolist() == [NO_FILE] * len(WORDS)


def learned(state: ModelState) -> Floats:
    """Let a model learn from a text of 50 of its words and a new one; return how near each stayed to where it was."""
    words = [*WORDS[:50], "new"]
    codes = np.random.default_rng(2).integers(0, len(words), 4000).astype(np.int32)
    Learner(state).train_block(words, codes, np.zeros(4000, np.int32))
    now, before = state.embeddings.input[:50], VECTORS[:50]
    cosines: Floats = np.vecdot(now, before) / np.linalg.norm(now, axis=1) / np.linalg.norm(before, axis=1)
    return cosines


def test_text_trains_all_and_tears_up_nothing() -> None:
    """Known and new words learn from a text; what was brought turns less than rows without squares would."""
    state, torn = begun(min_count=1, sample=0.0), begun(min_count=1, sample=0.0)
    torn.embeddings.input_squares[:] = INITIAL_SQUARES
    cosines = learned(state)
    assert state.vocabulary.words[-1] == "new" and len(state.vocabulary) == 201
    assert state.embeddings.output[:50].any(axis=1).all()
    assert (state.embeddings.input[:50] != VECTORS[:50]).any(axis=1).all()
    assert state.embeddings.input[50:200].tobytes() == VECTORS[50:].tobytes()
    assert np.median(cosines) > 0.95
    assert 1 - np.median(learned(torn)) > 1.5 * (1 - np.median(cosines))


def test_noise_is_drawn_from_all_words_by_their_rank() -> None:
    """The first block already has a noise distribution over the words that were brought."""
    state = begun()
    state.noise.refresh(state.vocabulary.counts, state.vocabulary.total)
    drawn = np.bincount(state.noise.draw(sampling.generator(1, 0, Purpose.NOISE), 20_000), minlength=200)
    assert drawn[0] > 3 * drawn[20] > 0
    assert np.count_nonzero(drawn) > 190


def test_squares_are_those_of_training() -> None:
    """Rows that were trained on a text have sums of squares, by count, near what rows begin with that were not."""
    model = Trainer(threads=1).partial_fit([text(1, 1 << 20)]).state.model
    shares = model.embeddings.input_squares / model.vocabulary.counts
    assert 1 / 3 < np.median(shares) / initial.SQUARES_PER_COUNT < 3
