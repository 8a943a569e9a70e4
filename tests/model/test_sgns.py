"""Gradients and losses of skip-gram and CBOW against finite differences of a loss in plain Python."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from streamer.model import sgns
from streamer.model.band import tile_size
from streamer.model.sgns import Batching

from .reference import (
    LOSSES,
    SMALL,
    Chunk,
    Matrices,
    Result,
    numeric_gradients,
    product_buffers,
    product_gradients,
    slow_gradients,
)

ARCHITECTURES = ["skipgram", "cbow"]
TINY = Batching(chunk=128, group=1, noise=4, span=64)
"""With one span to a chunk: its noise has no mean to stray from, so the gradients are the slopes of the loss."""


def matrices(words: int = 5, dimensions: int = 3, seed: int = 0) -> Matrices:
    """Return input and output vectors of about length one, exact in float32."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0, 0.7, (2, words, dimensions)).astype(np.float32).astype(np.float64)
    return first, second


def chunk(tokens: int, *, window: int, words: int = 5, segment: int = 1000, batching: Batching = TINY) -> Chunk:
    """Return a chunk of random words, segments of up to so many tokens, and its noise words."""
    rng = np.random.default_rng([tokens, window])
    return Chunk(
        ids=rng.integers(0, words, tokens).tolist(),
        segments=np.sort(rng.integers(0, tokens // segment + 1, tokens)).tolist(),
        noise=rng.integers(0, words, sgns.noise_words(batching, tokens)).tolist(),
        window=window,
        batching=batching,
    )


def assert_same(found: Result, expected: Result) -> None:
    """Compare float32 sums with float64 ones."""
    for name in ("input", "output"):
        wanted = getattr(expected, name)
        scale = np.abs(wanted).max() or 1.0
        np.testing.assert_allclose(getattr(found, name) / scale, wanted / scale, atol=3e-5, err_msg=name)
    assert found.total == pytest.approx(expected.total, rel=1e-5, abs=1e-9)
    assert found.weight == pytest.approx(expected.weight, rel=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("tokens", "window"),
    [
        (1, 5),  # a token alone
        (2, 1),
        (7, 1),  # shorter than a tile
        (5, 20),  # shorter than the window
        (16, 5),  # a tile exactly
        (37, 5),  # no multiple of a tile
        (50, 20),  # a window that asks for a larger tile
        (64, 3),  # a span exactly
    ],
)
def test_gradients_and_loss_are_those_of_finite_differences(architecture: str, tokens: int, window: int) -> None:
    """Both matrices' gradients, of words repeated all over the chunk, are the slopes of the plain loss."""
    vectors, given = matrices(), chunk(tokens, window=window)
    assert_same(product_gradients(architecture, vectors, given), numeric_gradients(architecture, vectors, given))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("window", [1, 5, 20])
def test_pairs_do_not_cross_segments(architecture: str, window: int) -> None:
    """Segments of any length, within tiles and across them, keep their tokens apart."""
    vectors, given = matrices(), chunk(60, window=window, segment=7)
    assert len(set(given.segments)) > 5
    assert_same(product_gradients(architecture, vectors, given), numeric_gradients(architecture, vectors, given))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_token_alone_in_its_segment_trains_nothing(architecture: str) -> None:
    """With no neighbour there is no pair, so neither loss nor gradient, not even from noise."""
    alone = Chunk(ids=[0, 1, 2, 3], segments=[0, 1, 2, 3], noise=[0, 1, 2, 4], window=5, batching=TINY)
    found = product_gradients(architecture, matrices(), alone)
    assert not found.input.any()
    assert not found.output.any()
    assert (found.total, found.weight) == (0, 0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_noise_words_that_are_contexts_stay(architecture: str) -> None:
    """A noise word equal to the centre or to its context counts as noise as well as context."""
    given = Chunk(ids=[0, 1, 0, 2], segments=[0] * 4, noise=[1, 1, 0, 2], window=2, batching=TINY)
    vectors = matrices()
    assert_same(product_gradients(architecture, vectors, given), numeric_gradients(architecture, vectors, given))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("window", [1, 5, 20])
def test_long_chunks_agree_with_loops(architecture: str, window: int) -> None:
    """A whole chunk of several tiles and spans, each span with noise words of its own, agrees token by token."""
    vectors = matrices(40, 8)
    given = chunk(SMALL.chunk, window=window, words=40, segment=50, batching=SMALL)
    assert len(given.ids) > 2 * tile_size(window)
    assert len(given.noise) == 2 * SMALL.noise
    assert_same(product_gradients(architecture, vectors, given), slow_gradients(architecture, vectors, given))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_slow_gradients_are_right_themselves(architecture: str) -> None:
    """The rules of differentiation that the other tests lean on agree with finite differences."""
    vectors, given = matrices(), chunk(21, window=3, segment=8)
    slow, numeric = slow_gradients(architecture, vectors, given), numeric_gradients(architecture, vectors, given)
    np.testing.assert_allclose(slow.input, numeric.input, atol=1e-7)
    np.testing.assert_allclose(slow.output, numeric.output, atol=1e-7)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_workspace_forgets_the_chunk_before(architecture: str) -> None:
    """The same buffers give a short chunk after a long one the gradients that fresh ones do, bit for bit."""
    vectors = matrices()
    long, short = chunk(128, window=5), chunk(19, window=5, segment=6)
    work = product_buffers(long, 3)
    product_gradients(architecture, (vectors[0] * 30, vectors[1] * 30), long, work)
    used, fresh = product_gradients(architecture, vectors, short, work), product_gradients(architecture, vectors, short)
    np.testing.assert_array_equal(used.input, fresh.input)
    np.testing.assert_array_equal(used.output, fresh.output)
    assert used[2:] == fresh[2:]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("negative", [1, 12])
def test_noise_weighs_as_much_as_the_setting_says(architecture: str, negative: float) -> None:
    """With output vectors at zero every score is b = −½ ln(negative), and the loss what that makes it."""
    given = attrs.evolve(chunk(40, window=5), negative=negative)
    found = product_gradients(architecture, (matrices()[0], np.zeros((5, 3))), given)
    expected = np.log1p(negative**0.5) + negative * np.log1p(negative**-0.5)
    assert found.total / found.weight == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_large_scores_do_not_overflow(architecture: str) -> None:
    """Scores beyond what e^x holds in float32 give finite gradients: those of the limit."""
    given = Chunk(ids=[0, 1], segments=[0, 0], noise=[2] * 4, window=1, batching=TINY)
    vectors = np.array([[20.0], [-20.0], [20.0]]), np.array([[20.0], [20.0], [20.0]])
    found = product_gradients(architecture, vectors, given)
    assert np.isfinite(found.input).all()
    assert np.isfinite(found.output).all()
    total, weight = LOSSES[architecture](vectors, given)
    assert found.total == pytest.approx(total) and found.weight == weight
    assert_same(found, slow_gradients(architecture, vectors, given))


def test_softplus_and_sigmoid_are_what_they_say() -> None:
    """log(1 + e^x) and w·σ(−s) are right from −90 to 90, where the plain formulas overflow in float32."""
    x = np.linspace(-90, 90, 721)
    weights = np.full_like(x, 0.5, np.float32)
    for sign in (-1, 1):
        for number in range(0, len(x), 7):
            found = sgns.weighted_softplus(weights[:1], x[number : number + 1].astype(np.float32), sign)
            assert found == pytest.approx(0.5 * np.logaddexp(0, sign * x[number]), rel=1e-5, abs=1e-30)
        expected = 0.5 * np.exp(-np.logaddexp(0, -sign * x))
        np.testing.assert_allclose(
            sgns.times_sigmoid(weights, x.astype(np.float32), sign), expected, rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_spans_of_a_chunk_share_their_mean_noise(architecture: str) -> None:
    """Each centre is pushed from the mean of the whole chunk's noise, not of its own span's alone."""
    tokens, noise = 2 * TINY.span, 2 * TINY.noise
    given = Chunk(
        ids=list(range(tokens)),
        segments=[0] * tokens,
        noise=list(range(tokens, tokens + noise)),
        window=3,
        negative=1.0,
        batching=TINY,
    )
    output = np.zeros((tokens + noise, 2))
    output[tokens : tokens + TINY.noise, 0] = output[tokens + TINY.noise :, 1] = 1.0  # each span's in its own direction
    found = product_gradients(architecture, (np.zeros_like(output), output), given).input[:tokens]
    assert (found < 0).all()
    np.testing.assert_allclose(found[:, 0], found[:, 1], rtol=1e-5)


@pytest.mark.parametrize(("tokens", "words"), [(1, 4), (64, 4), (65, 8), (128, 8)])
def test_every_span_begun_draws_noise_words(tokens: int, words: int) -> None:
    """A chunk draws K noise words for each span of centres it begins."""
    assert sgns.noise_words(TINY, tokens) == words


@pytest.mark.parametrize("tokens", [1, 15, 16, 17, sgns.SHORT, sgns.SHORT + 1])
def test_window_weights_of_a_short_segment_are_those_of_the_band(tokens: int) -> None:
    """They are kept by length: neither a chunk in between nor the training with them changes them."""
    batching, one, two = Batching(), np.zeros(tokens, np.int32), np.zeros(tokens, np.int32)
    two[tokens // 2 :] = 1
    work, other = (sgns.Workspace(batching, 4, 5) for _ in range(2))
    rows = sgns.Rows(batching, 4, 5)
    rows.tokens, rows.noise = tokens, np.ones((sgns.noise_words(batching, tokens), 4), np.float32)
    for segments in (one, two, one + 3, two, one):
        sgns.skipgram(work, rows, segments, 5.0, with_loss=True)
        weights = other.band.weights(segments)
        for found, wanted in zip(work.windows(segments), (weights, other.row_sums(weights)), strict=True):
            np.testing.assert_array_equal(found, wanted)
