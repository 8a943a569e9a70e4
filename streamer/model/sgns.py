"""Scores, loss and gradients of a chunk: skip-gram and CBOW with negative sampling, as batched matrix products.

Mikolov et al. 2013 train one (centre, context) pair at a time. Here a chunk of tokens is scored at once: every token
against its window by the band products of :mod:`streamer.model.band`, and against noise words that the centres of a
span share, which turns the negatives into matrix products as well (Ji, Satish, Li, Dubey 2016). The update is the same
in expectation: each pair has its window weight A, and a centre's K noise words weigh ``negative · Σ_j A_ij / K`` each.
As in word2vec.c's own shortcuts, a noise word that happens to be a true context is not taken out.
"""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model.band import Band, Padded, tile_size

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@attrs.frozen
class Batching:
    """How a stream is cut into updates. Part of the model's state: other numbers give another, equally good, model.

    Attributes:
        chunk: Tokens whose gradients are computed together. A multiple of 128 and at most 4,096.
        group: Chunks whose gradients come from the same weights, on as many threads, before any is applied.
        noise: Noise words (K) that the centres of a span share.
        span: Centres that share noise words.
    """

    chunk: int = 512
    group: int = 2
    noise: int = 64
    span: int = 64


class Loss(NamedTuple):
    """A sum of losses and the weight of the positive pairs it was summed over; their ratio is the mean loss."""

    total: float
    weight: float


class Gradients(NamedTuple):
    """The gradients of a chunk of m tokens and k noise words, as the ascent direction; buffers of the workspace.

    What lies behind the rows of the chunk is undefined, but for the last row of each buffer, which is zero.

    Attributes:
        input: (≥ m + 1, D) float32, for the input vector of each token.
        output: (≥ m + 1, D) float32, for the output vector of each token.
        noise: (≥ k + 1, D) float32, for the output vector of each noise word.
        loss: The chunk's loss, if it was asked for.
    """

    input: Floats
    output: Floats
    noise: Floats
    loss: Loss | None


class Workspace:
    """Buffers for one chunk at a time, made once: fresh pages for arrays of this size cost more than the arithmetic."""

    def __init__(self, batching: Batching, dimensions: int, window: int) -> None:
        self.batching, self.dimensions = batching, dimensions
        tile = self.tile = tile_size(window)
        spans = -(-batching.chunk // batching.span)
        tiles = -(-batching.chunk // tile)
        length = max(spans * batching.span, tiles * tile)
        self.band = Band(batching.chunk, tile, window)
        self.input = Padded(length, dimensions, tile, window)
        self.output = Padded(length, dimensions, tile, window)
        self.hidden = Padded(length, dimensions, tile, window)
        self.scores: Floats = np.empty((tiles, tile, tile + 2 * window), np.float32)
        self.noise: Floats = np.empty((spans * batching.noise, dimensions), np.float32)
        self.noise_scores: Floats = np.empty((spans, batching.span, batching.noise), np.float32)
        self.noise_weights: Floats = np.empty(length, np.float32)
        self.from_noise: Floats = np.empty((length, dimensions), np.float32)
        self.input_gradients: Floats = np.zeros((length + 1, dimensions), np.float32)
        self.output_gradients: Floats = np.zeros((length + 1, dimensions), np.float32)
        self.noise_gradients: Floats = np.zeros((len(self.noise) + 1, dimensions), np.float32)
        self._ones: Floats = np.ones(tile + 2 * window, np.float32)

    def gather(self, into: Padded, matrix: Floats, ids: Ints) -> None:
        """Copy the rows of some ids, and zeros behind them."""
        matrix.take(ids, 0, out=into.rows[: len(ids)], mode="clip")  # "clip" writes to out without a buffer
        into.rows[len(ids) :] = 0

    def row_sums(self, weights: Floats) -> Floats:
        """Return the sum of each centre's weights: (n, b, b + 2w) → (n · b,)."""
        return weights.reshape(-1, weights.shape[2]) @ self._ones

    def gradients(self, loss: Loss | None) -> Gradients:
        """Return the gradients that lie in the buffers."""
        return Gradients(self.input_gradients, self.output_gradients, self.noise_gradients, loss)


def noise_words(batching: Batching, tokens: int) -> int:
    """Return how many noise words a chunk of that many tokens draws."""
    return -(-tokens // batching.span) * batching.noise


def skipgram(
    work: Workspace,
    matrices: tuple[Floats, Floats],
    ids: Ints,
    segments: npt.NDArray[np.int32],
    noise: Ints,
    negative: float,
    *,
    with_loss: bool,
) -> Gradients:
    """Return the gradients of skip-gram: each token predicts the tokens in its window.

    Args:
        work: Buffers; the result lives in them until the next call.
        matrices: Input and output embeddings, (V, D) float32 each, only read.
        ids: (m,) int64, the tokens of the chunk.
        segments: (m,) int32, the segment of each.
        noise: (k,) int64, K noise words for each span of centres.
        negative: The weight of all noise words of a pair together against the pair's own.
        with_loss: Whether to compute the loss too.
    """
    m, b = len(ids), work.tile
    n = -(-m // b)
    work.gather(work.input, matrices[0], ids)
    work.gather(work.output, matrices[1], ids)
    weights = work.band.weights(segments)
    centres, around = work.input.tiles[:n], work.output.around[:n]

    scores = np.matmul(centres, around.transpose(0, 2, 1), out=work.scores[:n])
    totals = work.row_sums(weights)
    loss = float((weights * softplus(-scores)).sum()) if with_loss else 0.0
    gradient = times_sigmoid(weights, scores)  # A ⊙ σ(−S)
    into_input = work.input_gradients[: n * b].reshape(centres.shape)
    np.matmul(gradient, around, out=into_input)
    into_output = work.output_gradients[: n * b].reshape(centres.shape)
    np.matmul(work.band.transpose(gradient), work.input.around[:n], out=into_output)

    loss += _noise(work, work.input, matrices[1], totals[:m], noise, negative, with_loss=with_loss)
    work.input_gradients[:m] += work.from_noise[:m]
    return work.gradients(Loss(loss, float(totals.sum())) if with_loss else None)


def cbow(
    work: Workspace,
    matrices: tuple[Floats, Floats],
    ids: Ints,
    segments: npt.NDArray[np.int32],
    noise: Ints,
    negative: float,
    *,
    with_loss: bool,
) -> Gradients:
    """Return the gradients of CBOW: the weighted mean of a token's window predicts the token.

    Arguments as for :func:`skipgram`. A token without a neighbour has no mean and trains nothing.
    """
    m, b = len(ids), work.tile
    n = -(-m // b)
    work.gather(work.input, matrices[0], ids)
    work.gather(work.output, matrices[1], ids)
    weights = work.band.weights(segments)
    totals = work.row_sums(weights)
    has_window = (totals > 0).astype(np.float32)
    weights /= np.maximum(totals, np.float32(1e-30)).reshape(n, b, 1)

    work.hidden.rows[n * b :] = 0
    means, targets = work.hidden.tiles[:n], work.output.tiles[:n]
    np.matmul(weights, work.input.around[:n], out=means)
    scores = np.einsum("nbd,nbd->nb", means, targets)
    loss = float((has_window.reshape(n, b) * softplus(-scores)).sum()) if with_loss else 0.0
    gradient = times_sigmoid(has_window.reshape(n, b), scores)[:, :, None]
    np.multiply(gradient, means, out=work.output_gradients[: n * b].reshape(means.shape))

    loss += _noise(work, work.hidden, matrices[1], has_window[:m], noise, negative, with_loss=with_loss)
    # The means are used up; their place takes the gradient that flows back through them.
    np.multiply(gradient, targets, out=means)
    work.hidden.rows[:m] += work.from_noise[:m]
    into_input = work.input_gradients[: n * b].reshape(means.shape)
    np.matmul(work.band.transpose(weights), work.hidden.around[:n], out=into_input)
    return work.gradients(Loss(loss, float(has_window.sum())) if with_loss else None)


def _noise(
    work: Workspace,
    hidden: Padded,
    output: Floats,
    pair_weights: Floats,
    noise: Ints,
    negative: float,
    *,
    with_loss: bool,
) -> float:
    """Score the hidden vectors against the noise words of their span; return the loss.

    Leaves the gradient for the hidden vectors in ``work.from_noise``, and the one for the noise words in
    ``work.noise_gradients``.
    """
    m, k = len(pair_weights), len(noise)
    per_span, span = work.batching.noise, work.batching.span
    spans = k // per_span
    work.noise_weights[:m] = pair_weights
    work.noise_weights[:m] *= np.float32(-negative / per_span)
    work.noise_weights[m:] = 0
    weights = work.noise_weights[: spans * span].reshape(spans, span, 1)

    rows = output.take(noise, 0, out=work.noise[:k], mode="clip").reshape(spans, per_span, -1)
    centres = hidden.rows[: spans * span].reshape(spans, span, -1)
    scores = np.matmul(centres, rows.transpose(0, 2, 1), out=work.noise_scores[:spans])
    loss = -float((weights * softplus(scores)).sum()) if with_loss else 0.0
    gradient = times_sigmoid(weights, np.negative(scores, out=scores))  # −(neg · Σ_j A_ij / K) σ(H)
    np.matmul(gradient, rows, out=work.from_noise[: spans * span].reshape(centres.shape))
    np.matmul(gradient.transpose(0, 2, 1), centres, out=work.noise_gradients[:k].reshape(rows.shape))
    return loss


def times_sigmoid(weights: Floats, scores: Floats) -> Floats:
    """Return ``weights · σ(−scores)``, in the place of the scores: w / (1 + e^s)."""
    with np.errstate(over="ignore"):  # e^s = inf for large s, and w / inf = 0 is right
        np.exp(scores, out=scores)
    scores += 1
    return np.divide(weights, scores, out=scores)


def softplus(x: Floats) -> Floats:
    """Return log(1 + e^x) = −log σ(−x), without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
