"""Scores, loss and gradients of a chunk: skip-gram and CBOW with negative sampling, as batched matrix products.

Mikolov et al. 2013 train one (centre, context) pair at a time. Here a chunk of tokens is scored at once. Every token is
scored against its window by the band products of :mod:`streamer.model.band`, and against noise words that the centres
of a span share, so that the noise words are matrix products too (Ji, Satish, Li, Dubey 2016). The expected update is
the same: each pair has its window weight A, and each of a centre's K noise words has the weight
``negative · Σ_j A_ij / K``. As a shortcut like those of word2vec.c, a noise word that is a true context is not removed.

Two things differ from the plain algorithm, because they give better vectors from the same text (figures in
``docs/performance.md``):

*The score has an offset*: σ(c·o + b) with b = −½ ln(negative). At the optimum of skip-gram with negative sampling, the
score is PMI − ln(negative) (Levy & Goldberg 2014). Without an offset, all vectors need a common direction for the
second term, which then changes every cosine.

*The noise of a span is corrected to that of the chunk.* A centre is scored against K noise words of its own span, and
their mean vector differs from the mean over the chunk, which is the better estimate. So the gradient of a centre uses
each noise vector minus the mean of its span plus the mean of the chunk (a control variate). The gradient of a noise
word uses the centres in the same way.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model.band import Band, Padded, padded, tile_size
from streamer.model.embeddings import Weights
from streamer.model.optimizer import RowSums

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

SHORT = 128
"""Tokens up to which the window weights of a chunk are kept for others of its length: less than 2 MB in all."""

_LESS, _ZERO, _HALF, _ONE = (np.array(value, np.float32) for value in (-1, 0, 0.5, 1))  # faster than np.float32


@attrs.frozen
class Batching:
    """How a stream is cut into updates. Part of the model's state: other numbers give another, equally good, model.

    Attributes:
        chunk: Tokens whose gradients are computed together; at most 8,192, and at most 8,192 noise words for them.
        group: Chunks under way at a time, at first: each misses the updates of the ``group − 1`` chunks before it.
        noise: Noise words (K) that the centres of a span share.
        span: Centres that share noise words.
        growth: Words to be trained until one more chunk is under way, up to the setting ``max_group``.
    """

    chunk: int = 960
    group: int = 2
    noise: int = 16
    span: int = 16
    growth: int = 500_000


BATCHING = {"skipgram": Batching(), "cbow": Batching(noise=32, span=64)}
"""How new models cut a stream. CBOW has one hidden vector for a window, so more noise words for each are better."""


class Loss(NamedTuple):
    """A sum of losses, and the total weight of its positive pairs. Whoever says "loss" means :attr:`mean`."""

    total: float
    weight: float

    @property
    def mean(self) -> float | None:
        """The loss of a pair of a word and its context, with its noise words, in nats; None if none was measured."""
        return self.total / self.weight if self.weight else None


class Gradients(NamedTuple):
    """The gradients of a chunk of m tokens and k noise words, in the direction of ascent; buffers of the workspace.

    Rows after those of the chunk are undefined, except the last row of each buffer, which is zero.

    Attributes:
        tokens: (≥ m + 1, 2, D) float32, for the input and the output vector of each token.
        noise: (≥ k + 1, 1, D) float32, for the output vector of each noise word.
        loss: The chunk's loss, if ``with_loss`` was set.
    """

    tokens: Floats
    noise: Floats
    loss: Loss | None


def _length(batching: Batching, tile: int) -> int:
    """Return the number of rows that complete spans and complete tiles of a chunk need."""
    return max(-(-batching.chunk // size) * size for size in (batching.span, tile))


class Rows:
    """The rows of a chunk, copied from the weights: its gradients depend on nothing else.

    Attributes:
        tokens: The number of tokens in the chunk, m.
        input: The input vector of each token, followed by zeros.
        output: The output vector of each token, followed by zeros.
        noise: (k, D) float32, the output vector of each noise word.
    """

    def __init__(self, batching: Batching, dimensions: int, window: int) -> None:
        tile = tile_size(window)
        both = padded(_length(batching, tile), (2, dimensions), tile, window)
        noise = noise_words(batching, batching.chunk)
        self.tokens = 0
        self.input, self.output = (Padded(both[:, which], tile, window) for which in (0, 1))
        self._both: Floats = both[window : len(both) - window]
        self._noise: Floats = np.empty((noise, 1, dimensions), np.float32)
        self.noise: Floats = self._noise[:, 0]
        self._of_words: Floats = np.empty((batching.chunk, 2, dimensions), np.float32)
        self._of_drawn: Floats = np.empty((noise, 1, dimensions), np.float32)

    def load(self, weights: Weights, ids: Ints, noise: Ints) -> None:
        """Copy a chunk's rows.

        Args:
            weights: The weights of all words.
            ids: (m,) int64, the tokens of the chunk.
            noise: (k,) int64, K noise words for each span of centres, as indices in :attr:`Weights.outputs`.
        """
        self._spread(weights.vectors, ids, weights.outputs.vectors, noise)

    def load_shard(self, weights: Weights, words: RowSums, drawn: RowSums, shard: int) -> None:
        """Copy the rows of a shard, one for each distinct word; :meth:`spread` follows when all are there.

        Args:
            weights: The weights of all words.
            words: The plan for the tokens of the chunk.
            drawn: That for its noise words.
            shard: The number of the shard.
        """
        for table, plan, into in (
            (weights.vectors, words, self._of_words),
            (weights.outputs.vectors, drawn, self._of_drawn),
        ):
            begin, end = plan.ends[shard : shard + 2].tolist()
            table.take(plan.ids[begin:end], 0, out=into[begin:end], mode="clip")

    def spread(self, words: RowSums, drawn: RowSums) -> None:
        """Copy the rows of distinct words to the place of each token and noise word."""
        self._spread(self._of_words, words.words, self._of_drawn, drawn.words)

    def _spread(self, vectors: Floats, ids: Ints, noise_vectors: Floats, noise: Ints) -> None:
        m, before = len(ids), self.tokens
        vectors.take(ids, 0, out=self._both[:m], mode="clip")  # "clip" writes to out without a buffer
        if m < before:
            self._both[m:before] = 0  # all after that is zero already
        self.tokens = m
        self.noise = noise_vectors.take(noise, 0, out=self._noise[: len(noise)], mode="clip")[:, 0]


class Workspace:
    """Buffers for one chunk at a time, made once: new memory pages for them would cost more than the arithmetic."""

    def __init__(self, batching: Batching, dimensions: int, window: int) -> None:
        self.batching = batching
        tile = self.tile = tile_size(window)
        length = _length(batching, tile)
        spans, tiles = length // batching.span, length // tile
        self.band = Band(batching.chunk, tile, window)
        self.hidden = Padded(padded(length, (dimensions,), tile, window), tile, window)
        self.scores: Floats = np.empty((tiles, tile, tile + 2 * window), np.float32)
        self.noise_scores: Floats = np.empty((spans, batching.span, batching.noise), np.float32)
        self.noise_weights: Floats = np.empty(length, np.float32)
        self.from_noise: Floats = np.empty((length, dimensions), np.float32)
        self.token_gradients: Floats = np.zeros((length + 1, 2, dimensions), np.float32)
        self.input_gradients, self.output_gradients = self.token_gradients[:, 0], self.token_gradients[:, 1]
        noise = noise_words(batching, batching.chunk)
        self.noise_gradients: Floats = np.zeros((noise + 1, 1, dimensions), np.float32)
        self.shifted: Floats = np.empty(max(length, noise) * dimensions, np.float32)
        self.zero_row, self.zero_noise = length, noise
        self._ones: Floats = np.ones(tile + 2 * window, np.float32)
        self._alone: dict[int, tuple[Floats, Floats]] = {}

    def windows(self, segments: npt.NDArray[np.int32]) -> tuple[Floats, Floats]:
        """Return the window weights of a chunk, (n, b, b + 2w), and their sum for each centre, (n · b,); not to change.

        If it is short and all of it is one segment, as many small files are, both follow from its length.
        """
        m = len(segments)
        if m > SHORT or segments[0] != segments[-1]:
            weights = self.band.weights(segments)
            return weights, self.row_sums(weights)
        found = self._alone.get(m)
        if found is None:
            weights = self.band.weights(segments).copy()
            found = self._alone[m] = weights, self.row_sums(weights)
        return found

    def row_sums(self, weights: Floats) -> Floats:
        """Return the sum of each centre's weights: (n, b, b + 2w) → (n · b,)."""
        return weights.reshape(-1, weights.shape[2]) @ self._ones

    def gradients(self, loss: Loss | None) -> Gradients:
        """Return the gradients that are in the buffers."""
        return Gradients(self.token_gradients, self.noise_gradients, loss)


def noise_words(batching: Batching, tokens: int) -> int:
    """Return the number of noise words for a chunk of ``tokens`` tokens."""
    return -(-tokens // batching.span) * batching.noise


@functools.cache
def score_offset(negative: float) -> Floats:
    """Return b, which is added to every score: half of the term −ln(negative) in the optimum PMI − ln(negative)."""
    return np.array(-0.5 * math.log(negative), np.float32)


@functools.cache
def _weight_of_noise(negative: float, words: int) -> Floats:
    """Return the weight of each of the noise words of a pair, and its sign."""
    return np.array(-negative / words, np.float32)


def skipgram(
    work: Workspace, rows: Rows, segments: npt.NDArray[np.int32], negative: float, *, with_loss: bool
) -> Gradients:
    """Return the gradients of skip-gram: each token predicts the tokens in its window.

    Args:
        work: Buffers; the result is in them until the next call.
        rows: The loaded chunk.
        segments: (m,) int32, the segment of each token.
        negative: The weight of all noise words of a pair together, relative to the weight of the pair.
        with_loss: Whether to compute the loss too.
    """
    m, b = rows.tokens, work.tile
    n = -(-m // b)
    weights, totals = work.windows(segments)
    centres, around = rows.input.tiles[:n], rows.output.around[:n]

    scores = np.matmul(centres, around.transpose(0, 2, 1), out=work.scores[:n])
    scores += score_offset(negative)
    loss = weighted_softplus(weights, scores, -1) if with_loss else 0.0
    gradient = times_sigmoid(weights, scores, -1)  # A ⊙ σ(−S)
    into_input = work.input_gradients[: n * b].reshape(centres.shape)
    np.matmul(gradient, around, out=into_input)
    into_output = work.output_gradients[: n * b].reshape(centres.shape)
    np.matmul(work.band.transpose(gradient), rows.input.around[:n], out=into_output)

    loss += _noise(work, rows.input, rows.noise, totals[:m], negative, with_loss=with_loss)
    work.input_gradients[:m] += work.from_noise[:m]
    return work.gradients(Loss(loss, float(np.add.reduce(totals))) if with_loss else None)


def cbow(
    work: Workspace, rows: Rows, segments: npt.NDArray[np.int32], negative: float, *, with_loss: bool
) -> Gradients:
    """Return the gradients of CBOW: the weighted mean of a token's window predicts the token.

    Arguments as for :func:`skipgram`. A token without neighbours has no mean, and is not trained.
    """
    m, b = rows.tokens, work.tile
    n = -(-m // b)
    weights = work.band.weights(segments)
    totals = work.row_sums(weights)
    has_window = (totals > 0).astype(np.float32)
    weights /= np.maximum(totals, np.float32(1e-30)).reshape(n, b, 1)

    work.hidden.rows[n * b :] = 0
    means, targets = work.hidden.tiles[:n], rows.output.tiles[:n]
    np.matmul(weights, rows.input.around[:n], out=means)
    scores = np.einsum("nbd,nbd->nb", means, targets)
    scores += score_offset(negative)
    loss = weighted_softplus(has_window.reshape(n, b), scores, -1) if with_loss else 0.0
    gradient = times_sigmoid(has_window.reshape(n, b), scores, -1)[:, :, None]
    np.multiply(gradient, means, out=work.output_gradients[: n * b].reshape(means.shape))

    loss += _noise(work, work.hidden, rows.noise, has_window[:m], negative, with_loss=with_loss)
    # The means are not needed any more; their buffer takes the gradient that flows back through them.
    np.multiply(gradient, targets, out=means)
    work.hidden.rows[:m] += work.from_noise[:m]
    into_input = work.input_gradients[: n * b].reshape(means.shape)
    np.matmul(work.band.transpose(weights), work.hidden.around[:n], out=into_input)
    return work.gradients(Loss(loss, float(has_window.sum())) if with_loss else None)


def _noise(
    work: Workspace, hidden: Padded, noise: Floats, pair_weights: Floats, negative: float, *, with_loss: bool
) -> float:
    """Score the hidden vectors against the noise vectors of their span, (k, D); return the loss.

    The gradient for the hidden vectors is put into ``work.from_noise``, the one for the noise words into
    ``work.noise_gradients``.
    """
    m, k = len(pair_weights), len(noise)
    per_span, span = work.batching.noise, work.batching.span
    spans = k // per_span
    np.multiply(pair_weights, _weight_of_noise(negative, per_span), out=work.noise_weights[:m])
    work.noise_weights[m : spans * span] = 0
    weights = work.noise_weights[: spans * span].reshape(spans, span, 1)

    rows = noise.reshape(spans, per_span, -1)
    centres = hidden.rows[: spans * span].reshape(spans, span, -1)
    scores = np.matmul(centres, rows.transpose(0, 2, 1), out=work.noise_scores[:spans])
    scores += score_offset(negative)
    loss = -weighted_softplus(weights, scores, 1) if with_loss else 0.0
    gradient = times_sigmoid(weights, scores, 1)  # −(neg · Σ_j A_ij / K) σ(H)
    rows = _shared_mean(rows, work.shifted)
    np.matmul(gradient, rows, out=work.from_noise[: spans * span].reshape(centres.shape))
    centres = _shared_mean(centres, work.shifted)
    np.matmul(gradient.transpose(0, 2, 1), centres, out=work.noise_gradients[:k, 0].reshape(rows.shape))
    return loss


def _shared_mean(vectors: Floats, scratch: Floats) -> Floats:
    """Return the vectors of each span, (spans, n, D), moved so that their mean is that of all spans.

    They are in ``scratch``; if there is only one span, they stay as and where they are.
    """
    count, n, _ = vectors.shape
    if count == 1:
        return vectors
    means = np.matmul(_mean_of(n), vectors)  # a fifth of the time of vectors.mean(1)
    means -= np.add.reduce(means) / np.float32(count)
    return np.subtract(vectors, means, out=scratch[: vectors.size].reshape(vectors.shape))


@functools.cache
def _mean_of(n: int) -> Floats:
    return np.full((1, n), 1 / n, np.float32)


def times_sigmoid(weights: Floats, scores: Floats, sign: int) -> Floats:
    """Return ``weights · σ(sign · scores)`` in the array of the scores: w · ½ (1 ± tanh(½ s))."""
    scores *= _HALF
    np.tanh(scores, out=scores)  # half the time of an exponential and a division
    if sign < 0:
        np.subtract(_ONE, scores, out=scores)
    else:
        scores += _ONE
    scores *= weights
    scores *= _HALF
    return scores


def weighted_softplus(weights: Floats, scores: Floats, sign: int) -> float:
    """Return Σ weights · log(1 + e^x) = −Σ weights · log σ(−x) for x = sign · scores, without overflow."""
    result: Floats = np.copysign(scores, _LESS)
    np.exp(result, out=result)
    np.log1p(result, out=result)  # of e^−|x|
    if sign < 0:
        result -= np.minimum(scores, _ZERO)
    else:
        result += np.maximum(scores, _ZERO)
    result *= weights
    return float(np.add.reduce(result, axis=None))
