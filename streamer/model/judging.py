"""How a text looks to a model before it learns from it, and whether it is unusual: loss, unknown words, repetition.

Nothing is drawn at random, and nothing of the model is changed. So the same model and the same text give the same
figures, and a model that judges texts learns the same as one that does not.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.model.learner import ModelState
from streamer.model.sampling import keep_probability
from streamer.model.sgns import score_offset

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

SHORT, LONG = 256, 2048
"""Words that are looked at of a shorter text and of a longer one, so that texts of like size can be compared. A text of
fewer words is too small to tell. Of one that is shorter than LONG, the loss says little and costs much."""
PIECE = 128
"""Words that are looked at together: of a long text, such pieces are spread evenly over it."""
ENOUGH = 20
"""Texts with which one is compared; with fewer, nothing is unusual."""
Z = 5.0
"""How far the loss may be from that of other texts, in robust standard deviations."""
ORDER = 0.25
"""How much of other texts' order a text must have: in shuffled words, there is none."""
Z_OF_ORDER = 3.0
"""And how far below theirs it must be, in robust standard deviations, to be unusual."""
UNKNOWN = 0.3
"""How much more of a text may be unknown words than of other texts."""
NOVEL = 0.5
"""The part of other texts' share of new sequences of words that a text must have."""

_TILE = 32
_NOISE = 8
_ROBUST = 1.4826  # the standard deviation of a normal distribution, in median absolute deviations
_LEAST_SPREAD = 0.01
_GOLDEN = 0.6180339887498949
_NO_LOSS = -1.0


class Figures(NamedTuple):
    """How a text looks.

    Attributes:
        words: The words that were looked at: :data:`SHORT` or :data:`LONG`.
        loss: The mean loss of a word and its context, in nats; −1 if it was not computed.
        order: How much better words fit those near them than those far from them: mean scores, their difference.
        unknown: The share of words without a vector.
        repeated: The share of sequences of three words that were met before among those that were looked at.
    """

    words: int
    loss: float
    order: float
    unknown: float
    repeated: float


def needs_weights(count: int) -> bool:
    """Return whether the loss of a text of so many words is computed."""
    return count >= LONG


def look(state: ModelState, words: Sequence[str], codes: Codes, segments: Codes) -> Figures | None:
    """Return how a text looks to a model, or None if it is too small to tell.

    Args:
        state: The model, which is not changed.
        words: The distinct words of the text.
        codes: (n,) int32, for each token the position of its word in ``words``.
        segments: (n,) int32, ascending; only words of one segment are context of each other.
    """
    if len(codes) < SHORT:
        return None
    looked = LONG if needs_weights(len(codes)) else SHORT
    pieces = looked // PIECE
    starts = np.arange(pieces) * (len(codes) - PIECE) // (pieces - 1)
    chosen = starts[:, None] + np.arange(PIECE)
    some = codes[chosen].astype(np.int64)
    ids = state.vocabulary.lookup(words)[some]
    unknown = np.count_nonzero(ids < 0) / looked
    triples = ((some[:, :-2] * len(words) + some[:, 1:-1]) * len(words) + some[:, 2:]).ravel()
    triples.sort()
    repeated = np.count_nonzero(triples[1:] == triples[:-1]) / len(triples)
    weighed = None
    if looked == LONG:
        # Contexts do not reach from one piece into another.
        own = segments[chosen[::2]] + np.arange(0, pieces, 2)[:, None] * (segments[-1] + np.int64(1))
        weighed = _weigh(state, ids[::2].ravel(), own.ravel())
    loss, order = weighed or (_NO_LOSS, 0.0)
    return Figures(looked, loss, order, unknown, repeated)


def _weigh(state: ModelState, ids: Ints, segments: Ints) -> tuple[float, float] | None:
    """Return the loss of some tokens, and how much better words fit near words than far ones; None without pairs.

    The loss is that of skip-gram with negative sampling: of a word and a word near it, and of its noise words. As in
    training, frequent words are subsampled, and near contexts count more. But which tokens are kept depends on their
    positions, by a sequence that covers the unit interval evenly, and the noise words are those at evenly spaced places
    of the noise distribution. The tokens that are left are cut into tiles, and pairs are within a tile.

    Args:
        state: The model.
        ids: (n,) int64, −1 for words without vectors.
        segments: (n,) int64.
    """
    settings, vocabulary = state.settings, state.vocabulary
    if not len(state.noise.counts):
        return None
    keep = keep_probability(vocabulary.counts[ids], vocabulary.total, settings.sample)
    kept = ((_even(len(ids)) < keep) & (ids >= 0)).nonzero()[0]
    tile = max(_TILE, 4 * settings.window)
    tiles = len(kept) // tile
    if not tiles:
        return None
    kept = kept[: tiles * tile]
    rows = state.embeddings.weights.vectors.take(ids[kept], 0)
    centres, around = rows[:, 0], rows[:, 1].reshape(tiles, tile, -1)
    scores = (centres.reshape(tiles, tile, -1) @ around.transpose(0, 2, 1)).reshape(tiles, -1)
    near, weights = _places(tile, settings.window)
    of_near = scores.take(near, 1)
    itself = scores[:, :: tile + 1]
    far = float(scores.sum() - of_near.sum() - itself.sum()) / (scores.size - of_near.size - itself.size)
    own = segments[kept].reshape(tiles, tile)
    weights = weights * (own[:, :, None] == own[:, None, :]).reshape(tiles, -1).take(near, 1)
    if not (weight := float(weights.sum())):
        return None
    order = float(np.vdot(of_near, weights)) / weight - far
    offset = score_offset(settings.negative)
    of_near += offset
    noise = centres @ state.embeddings.weights.vectors[state.noise.spread(_NOISE), 1].T
    noise += offset
    return _softplus(of_near, -1, weights) / weight + settings.negative * _softplus(noise, 1) / noise.size, order


def _softplus(scores: Floats, sign: int, weights: Floats | None = None) -> float:
    """Return the (weighted) sum of log(1 + e^x), x = ± scores, which it changes; in float32, which is fast."""
    np.clip(scores, -60, 60, out=scores)
    np.exp(scores if sign > 0 else np.negative(scores, out=scores), out=scores)
    scores += np.float32(1)
    np.log(scores, out=scores)
    return float(np.vdot(scores, weights) if weights is not None else scores.sum())


@functools.lru_cache(maxsize=8)
def _even(count: int) -> Doubles:
    return np.asarray(np.arange(1, count + 1) * _GOLDEN % 1, np.float64)


@functools.lru_cache(maxsize=8)
def _places(tile: int, window: int) -> tuple[Ints, Floats]:
    """Return the places of the pairs of a tile that are near each other, row by row, and their weights."""
    distance = np.abs(np.arange(tile)[:, None] - np.arange(tile)).ravel()
    near = ((distance > 0) & (distance <= window)).nonzero()[0]
    return near, ((window + 1 - distance[near]) / window).astype(np.float32)


def compare(figures: Figures, others: Doubles) -> str:
    """Return what is unusual about a text beside others of like size; empty if nothing is, or if they are too few.

    Medians and median absolute deviations are used, so that a few odd texts among the others make no difference.

    Args:
        figures: Of the text.
        others: Loss, order, unknown and repeated of the others: (n, 4) float64.
    """
    if len(others) < ENOUGH:
        return ""
    found = []
    told = others[others[:, 0] >= 0, :2]
    if figures.loss >= 0 and len(told) >= ENOUGH:
        usual = _medians(told)
        spread = np.maximum(_ROBUST * _medians(np.abs(told - usual)), (_LEAST_SPREAD * usual[0], 1e-9))
        z = (np.array([figures.loss, figures.order]) - usual) / spread
        if abs(z[0]) >= Z:
            found.append(f"loss {figures.loss:.2f}, usually {usual[0]:.2f}")
        if z[1] <= -Z_OF_ORDER and figures.order <= ORDER * usual[1]:
            found.append(f"{max(0.0, figures.order / usual[1]):.0%} of the usual order of words")
    unknown, repeated = _medians(others[:, 2:]).tolist()
    if figures.unknown - unknown >= UNKNOWN:
        found.append(f"{figures.unknown:.0%} unknown words, usually {unknown:.0%}")
    if 1 - figures.repeated <= NOVEL * (1 - repeated):
        found.append(f"{figures.repeated:.0%} repetition, usually {repeated:.0%}")
    return "unusual: " + "; ".join(found) if found else ""


def _medians(rows: Doubles) -> Doubles:
    """Return the median of each column; for so few rows, in a third of the time of numpy.median."""
    ordered = np.sort(rows, axis=0)
    middle: Doubles = (ordered[(len(rows) - 1) // 2] + ordered[len(rows) // 2]) / 2
    return middle
