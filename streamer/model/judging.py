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
from streamer.model.sgns import score_offset

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

SHORT, LONG = 512, 4096
"""Words of the shortest text that is judged, since fewer are too few to tell, and of the shortest one whose loss is
computed: of a shorter one it says less, and costs more than a few percent of training on it."""
SAMPLE = 512
"""Words that are looked at: the first ones of a shorter text, pieces that are spread evenly over a longer one."""
PIECES = 8
ENOUGH = 20
"""Texts with which one is compared; with fewer, nothing is unusual."""
Z = 5.0
"""How far the loss may be from that of other texts, in robust standard deviations."""
ORDER = 0.25
"""How much of other texts' order a text must have: in shuffled words, there is none."""
Z_OF_ORDER = 3.0
"""And how far theirs must be above that of shuffled words, 0, in robust standard deviations: else it tells nothing."""
UNKNOWN = 0.3
"""How much more of a text may be unknown words than of other texts."""
NOVEL = 0.5
"""The part of other texts' share of new words that a text must have: one line again and again has nearly none."""
VARIED = 0.25
"""The part of other texts' repetition that a text must have: a list of words has none."""

_TILE = 32
_NOISE = 8
_ROBUST = 1.4826  # the standard deviation of a normal distribution, in median absolute deviations
_LEAST_SPREAD = 0.01
_NO_LOSS = -1.0
_PIECE_OF = np.repeat(np.arange(PIECES), SAMPLE // PIECES)

_EVEN = np.arange(1, SAMPLE + 1) * 0.6180339887498949 % 1
_RARITY = ((np.sqrt(1 + 4 * _EVEN) - 1) / 2) ** 2
"""A token is kept if its probability √r + r, as of :func:`.sampling.keep_probability`, is more than a number that
depends on its position; that is if r is more than this: (SAMPLE,) float64."""


class Figures(NamedTuple):
    """How a text looks.

    Attributes:
        loss: The mean loss of a word and its context, in nats; −1 if it was not computed.
        order: How much better words fit those near them than those far from them: mean scores, their difference.
        unknown: The share of words without a vector.
        repeated: The share of words that are not the first of their kind among those that were looked at.
    """

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
        words: The distinct words of the text, in order of first appearance.
        codes: (n,) int32, for each token the position of its word in ``words``.
        segments: (n,) int32, ascending; only words of one segment are context of each other.
    """
    if len(codes) < SHORT:
        return None
    if not needs_weights(len(codes)):
        some = codes[:SAMPLE]
        distinct = int(some.max()) + 1
        ids = state.vocabulary.lookup(words[:distinct])[some]
        loss, order = _NO_LOSS, 0.0
    else:
        length = SAMPLE // PIECES
        step = (len(codes) - length) // (PIECES - 1)
        some = np.concatenate([codes[at * step : at * step + length] for at in range(PIECES)])
        ids, distinct = _lookup(state, words, some)
        own = np.concatenate([segments[at * step : at * step + length] for at in range(PIECES)])
        own = own + _PIECE_OF * (segments[-1] + np.int64(1))  # no context reaches from one piece into another
        loss, order = _weigh(state, ids, own) or (_NO_LOSS, 0.0)
    return Figures(loss, order, np.count_nonzero(ids < 0) / SAMPLE, 1 - distinct / SAMPLE)


def _lookup(state: ModelState, words: Sequence[str], codes: Codes) -> tuple[Ints, int]:
    """Return the id of each token, −1 for words without vectors, and the number of distinct words among them."""
    ids = np.full(len(words), -1)
    ids[codes] = 0
    used = (ids == 0).nonzero()[0]
    ids[used] = state.vocabulary.lookup([words[position] for position in used.tolist()])
    return ids[codes], len(used)


def _weigh(state: ModelState, ids: Ints, segments: Ints) -> tuple[float, float] | None:
    """Return the loss of some tokens, and how much better words fit near words than far ones; None without pairs.

    The loss is that of skip-gram with negative sampling: of a word and a word near it, and of its noise words. As in
    training, frequent words are subsampled, and near contexts count more. But which tokens are kept depends on their
    positions, by a sequence that covers the unit interval evenly, and the noise words are those at evenly spaced places
    of the noise distribution. The tokens that are left are cut into tiles, and pairs are within a tile.

    Args:
        state: The model.
        ids: (SAMPLE,) int64, −1 for words without vectors.
        segments: (SAMPLE,) int64.
    """
    settings, vocabulary = state.settings, state.vocabulary
    if not len(state.noise.counts):
        return None
    keeps = ids >= 0
    if settings.sample:
        keeps &= vocabulary.counts[ids] * _RARITY < settings.sample * vocabulary.total
    kept = keeps.nonzero()[0]
    tile = max(_TILE, 4 * settings.window)
    tiles = len(kept) // tile
    if not tiles:
        return None
    kept = kept[: tiles * tile]
    rows = state.embeddings.weights.vectors.take(ids[kept], 0)
    centres, around = rows[:, 0], rows[:, 1].reshape(tiles, tile, -1)
    scores = (centres.reshape(tiles, tile, -1) @ around.transpose(0, 2, 1)).reshape(tiles, -1)
    near, first, second, weights, beyond = _places(tile, settings.window)
    of_near = scores.take(near, 1)
    own = segments[kept].reshape(tiles, tile)
    weights = weights * (own.take(first, 1) == own.take(second, 1))
    if not (weight := float(weights.sum())):
        return None
    order = float(np.vdot(of_near, weights)) / weight - float((scores @ beyond).sum()) / tiles
    offset = score_offset(settings.negative)
    of_near += offset
    noise = centres[::4] @ state.embeddings.weights.vectors[state.noise.spread(_NOISE), 1].T
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
def _places(tile: int, window: int) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """Return the places of the pairs of a tile that are near each other, their rows, columns and weights.

    The last array has the weights of all pairs that are far from each other: (tile²,) float32, of sum 1.
    """
    distance = np.abs(np.arange(tile)[:, None] - np.arange(tile)).ravel()
    near = ((distance > 0) & (distance <= window)).nonzero()[0]
    far = (distance > window).astype(np.float32)
    weights = ((window + 1 - distance[near]) / window).astype(np.float32)
    return near, near // tile, near % tile, weights, far / far.sum()


def compare(figures: Figures, others: Sequence[Figures]) -> str:
    """Return what is unusual about a text beside others of like size; empty if nothing is, or if they are too few.

    Medians and median absolute deviations are used, so that a few odd texts among the others make no difference. What
    can't be unusual, whatever the others are like, is not compared.

    Args:
        figures: Of the text.
        others: Of the others.
    """
    if len(others) < ENOUGH:
        return ""
    found = []
    if figures.loss >= 0:
        told = [(other.loss, other.order) for other in others if other.loss >= 0]
        if len(told) >= ENOUGH:
            losses, orders = zip(*told, strict=True)
            usual = _median(losses)
            if _distance(figures.loss, losses, usual, _LEAST_SPREAD * usual, Z) >= Z:
                found.append(f"loss {figures.loss:.2f}, usually {usual:.2f}")
            usual = _median(orders)
            if figures.order <= ORDER * usual and _distance(0.0, orders, usual, 0.0, 0.0) >= Z_OF_ORDER:
                found.append(f"{max(0.0, figures.order / usual):.0%} of the usual order of words")
    if figures.unknown >= UNKNOWN:
        usual = _median([other.unknown for other in others])
        if figures.unknown - usual >= UNKNOWN:
            found.append(f"{figures.unknown:.0%} unknown words, usually {usual:.0%}")
    if 1 - figures.repeated <= NOVEL or figures.repeated <= VARIED:
        usual = _median([other.repeated for other in others])
        if 1 - figures.repeated <= NOVEL * (1 - usual) or figures.repeated <= VARIED * usual:
            found.append(f"{figures.repeated:.0%} repetition, usually {usual:.0%}")
    return "unusual: " + "; ".join(found) if found else ""


def _distance(value: float, others: Sequence[float], usual: float, least: float, enough: float) -> float:
    """Return how far a number is from others, in robust standard deviations.

    Args:
        value: The number.
        others: The others.
        usual: Their median.
        least: The least that is taken for a standard deviation.
        enough: A distance below which it need not be exact: then it may be more than it is.
    """
    away = abs(value - usual)
    if away < enough * least:
        return away / least
    spread = _ROBUST * _median([abs(other - usual) for other in others])
    return away / max(spread, least, 1e-9)


def _median(values: Sequence[float]) -> float:
    """Return the median, for so few numbers in a fifth of the time of numpy.median."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2
