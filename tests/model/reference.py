"""The same mathematics, slow and dumb, in plain Python loops and float64; and the calls into the product, in one place.

Whatever is named ``product_…`` calls the product. All else shares nothing with it but the random draws.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model import sampling, sgns
from streamer.model.band import Band, tile_size
from streamer.model.embeddings import INITIAL_SQUARES
from streamer.model.optimizer import RowSummer, plan_row_sums
from streamer.model.sampling import NoiseDistribution, Purpose
from streamer.model.sgns import Batching, Workspace
from streamer.model.training import ARCHITECTURES, LOSS_EVERY, Learner, ModelState
from streamer.settings import ModelSettings

Doubles = npt.NDArray[np.float64]
Matrices = tuple[Doubles, Doubles]

SMALL = Batching(chunk=128, group=2, noise=32, span=64)
"""Chunks small enough for loops in Python, long enough for several tiles and spans."""


@attrs.frozen
class Chunk:
    """One chunk of tokens and how it is trained."""

    ids: list[int]
    segments: list[int]
    noise: list[int]
    window: int
    negative: float = 5.0
    batching: Batching = SMALL


class Result(NamedTuple):
    """Gradients summed by word, as the ascent direction, and the loss with the weight of its positive pairs."""

    input: Doubles
    output: Doubles
    total: float
    weight: float


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the dot product of two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^−x)."""
    return 1 / (1 + math.exp(-x))


def surprise(x: float) -> float:
    """Return −log σ(x)."""
    return math.log1p(math.exp(-x))


def neighbours(chunk: Chunk, i: int) -> list[tuple[int, float]]:
    """Return the positions in the window of position i, each with its weight (w + 1 − d)/w."""
    w = chunk.window
    return [
        (j, (w + 1 - abs(i - j)) / w)
        for j in range(max(0, i - w), min(len(chunk.ids), i + w + 1))
        if j != i and chunk.segments[j] == chunk.segments[i]
    ]


def noise_of(chunk: Chunk, i: int) -> list[int]:
    """Return the noise words that position i shares with its span."""
    k = chunk.batching.noise
    span = i // chunk.batching.span
    return chunk.noise[span * k : (span + 1) * k]


def skipgram_loss(matrices: Matrices, chunk: Chunk) -> tuple[float, float]:
    """Return the loss of skip-gram, and the weight of its positive pairs."""
    centres, contexts = (matrix.tolist() for matrix in matrices)
    total = weight = 0.0
    for i, word in enumerate(chunk.ids):
        pairs = neighbours(chunk, i)
        here = sum(a for _, a in pairs)
        for j, a in pairs:
            total += a * surprise(dot(centres[word], contexts[chunk.ids[j]]))
        for other in noise_of(chunk, i):
            total += chunk.negative * here / chunk.batching.noise * surprise(-dot(centres[word], contexts[other]))
        weight += here
    return total, weight


def cbow_loss(matrices: Matrices, chunk: Chunk) -> tuple[float, float]:
    """Return the loss of CBOW, and the number of tokens that have a context."""
    contexts, targets = (matrix.tolist() for matrix in matrices)
    total = weight = 0.0
    for i, word in enumerate(chunk.ids):
        pairs = neighbours(chunk, i)
        if not pairs:
            continue
        here = sum(a for _, a in pairs)
        mean = [sum(a / here * contexts[chunk.ids[j]][d] for j, a in pairs) for d in range(len(contexts[0]))]
        total += surprise(dot(mean, targets[word]))
        for other in noise_of(chunk, i):
            total += chunk.negative / chunk.batching.noise * surprise(-dot(mean, targets[other]))
        weight += 1
    return total, weight


LOSSES: dict[str, Callable[[Matrices, Chunk], tuple[float, float]]] = {"skipgram": skipgram_loss, "cbow": cbow_loss}


def numeric_gradients(architecture: str, matrices: Matrices, chunk: Chunk, step: float = 1e-5) -> Result:
    """Return what central differences make of the loss."""
    loss = LOSSES[architecture]
    found = []
    for matrix in matrices:
        gradient = np.zeros_like(matrix)
        for place in itertools.product(*map(range, matrix.shape)):
            value = matrix[place]
            matrix[place] = value + step
            above = loss(matrices, chunk)[0]
            matrix[place] = value - step
            below = loss(matrices, chunk)[0]
            matrix[place] = value
            gradient[place] = (below - above) / (2 * step)  # upwards is where the loss falls
        found.append(gradient)
    return Result(*found, *loss(matrices, chunk))


def slow_gradients(architecture: str, matrices: Matrices, chunk: Chunk, into_noise: Doubles | None = None) -> Result:
    """Return the gradients of the losses above by the rules of differentiation, a pair at a time.

    Those for words as noise are added to ``into_noise``, where it is given, and else to the others.
    """
    w_in, w_out = matrices
    into_in, into_out = np.zeros_like(w_in), np.zeros_like(w_out)
    into_noise = into_out if into_noise is None else into_noise
    total, weight = LOSSES[architecture](matrices, chunk)
    for i, word in enumerate(chunk.ids):
        pairs = neighbours(chunk, i)
        here = sum(a for _, a in pairs)
        if not pairs:
            continue
        if architecture == "skipgram":
            hidden = w_in[word]
            positives = [(chunk.ids[j], a) for j, a in pairs]
            share = chunk.negative * here / chunk.batching.noise
        else:
            hidden = sum(a / here * w_in[chunk.ids[j]] for j, a in pairs)
            positives = [(word, 1.0)]
            share = chunk.negative / chunk.batching.noise
        into_hidden = np.zeros_like(hidden)
        for other, a in [*positives, *((noise, -share) for noise in noise_of(chunk, i))]:
            score = float(hidden @ w_out[other])
            g = a * sigmoid(-score if a > 0 else score)
            into_hidden += g * w_out[other]
            (into_out if a > 0 else into_noise)[other] += g * hidden
        if architecture == "skipgram":
            into_in[word] += into_hidden
        else:
            for j, a in pairs:
                into_in[chunk.ids[j]] += a / here * into_hidden
    return Result(into_in, into_out, total, weight)


def product_workspace(chunk: Chunk, dimensions: int) -> Workspace:
    """Return buffers for chunks like this one."""
    return Workspace(chunk.batching, dimensions, chunk.window)


def product_gradients(architecture: str, matrices: Matrices, chunk: Chunk, work: Workspace | None = None) -> Result:
    """Return the product's gradients, its rows summed by word."""
    w_in, w_out = (matrix.astype(np.float32) for matrix in matrices)
    before = w_in.copy(), w_out.copy()
    ids, noise = np.array(chunk.ids, np.int64), np.array(chunk.noise, np.int64)
    assert len(noise) == sgns.noise_words(chunk.batching, len(ids))
    found = ARCHITECTURES[architecture](
        work or product_workspace(chunk, w_in.shape[1]),
        (w_in, w_out),
        ids,
        np.array(chunk.segments, np.int32),
        noise,
        chunk.negative,
        with_loss=True,
    )
    assert np.array_equal(w_in, before[0]), "the matrices are only read"
    assert np.array_equal(w_out, before[1]), "the matrices are only read"
    assert found.loss is not None
    into_in, into_out = np.zeros(w_in.shape), np.zeros(w_out.shape)
    np.add.at(into_in, ids, found.input[: len(ids)].astype(np.float64))
    np.add.at(into_out, ids, found.output[: len(ids)].astype(np.float64))
    np.add.at(into_out, noise, found.noise[: len(noise)].astype(np.float64))
    return Result(into_in, into_out, found.loss.total, found.loss.weight)


def product_band(length: int, window: int) -> Band:
    """Return the product's band for chunks of up to so many tokens."""
    return Band(length, tile_size(window), window)


def product_row_sums(
    gradients: npt.NDArray[np.float32], ids: npt.NDArray[np.int64], rows: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
    """Return for each chunk of so many rows its distinct ids, ascending, and the sum of each one's rows."""
    summer = RowSummer(rows, gradients.shape[1])
    buffer = np.empty((rows + 1, gradients.shape[1]), np.float32)
    found = []
    for number, plan in enumerate(plan_row_sums(ids, rows, zero_row=rows)):
        piece = gradients[number * rows : (number + 1) * rows]
        buffer[:] = np.nan  # what a chunk does not fill must not be read
        buffer[: len(piece)] = piece
        buffer[rows] = 0
        sums = summer.sum(buffer, plan)
        assert len(sums) == len(plan.ids) == len(set(plan.ids.tolist())), "each word comes once"
        ascending = np.argsort(plan.ids)
        found.append((plan.ids[ascending], sums[ascending]))
    return found


def product_learner(settings: ModelSettings, batching: Batching | None = None, threads: int = 1) -> Learner:
    """Return a learner with a new model."""
    return Learner(ModelState.new(settings, batching), threads)


class Block(NamedTuple):
    """A tokenised block: distinct words, codes and segments."""

    words: list[str]
    codes: npt.NDArray[np.int32]
    segments: npt.NDArray[np.int32]

    @classmethod
    def of(cls, *sentences: str) -> Block:
        """Return a block with one segment for each sentence."""
        tokens = [(word, number) for number, sentence in enumerate(sentences) for word in sentence.split()]
        words = list(dict.fromkeys(word for word, _ in tokens))
        codes = np.array([words.index(word) for word, _ in tokens], np.int32)
        return cls(words, codes, np.array([number for _, number in tokens], np.int32))


class SlowLearner:
    """What :class:`Learner` does to a model, word by word, with dictionaries and lists.

    Attributes:
        words: Admitted words, by id.
        counts: Of all words seen.
        input: The input vector of each word.
        output: The output vector of each word.
        drawn: The ids that were drawn as noise for the last block.
    """

    def __init__(self, settings: ModelSettings, batching: Batching) -> None:
        self.settings, self.batching = settings, batching
        self.words: list[str] = []
        self.counts: dict[str, int] = {}
        self.input: list[Doubles] = []
        self.output: list[Doubles] = []
        self.input_squares: list[float] = []
        self.output_squares: list[float] = []
        self.noise = NoiseDistribution()
        self.blocks = 0
        self.drawn: set[int] = set()

    def train_block(self, block: Block, *, first_pass: bool = True) -> tuple[float, float]:
        """Train one block; return the loss, and the weight of its pairs, of the chunks on which it is measured."""
        if first_pass:
            self._observe(block)
        total = sum(self.counts.values())
        self.noise.refresh(np.array([self.counts[word] for word in self.words], np.int64), total)
        draws = self._rng(Purpose.SUBSAMPLE).random(len(block.codes), np.float32)
        kept: list[tuple[int, int]] = []
        for code, segment, draw in zip(block.codes, block.segments, draws, strict=True):
            word = block.words[code]
            if word in self.words:
                t, f = self.settings.sample, self.counts[word] / total
                if not t or draw < np.float32(math.sqrt(t / f) + t / f):
                    kept.append((self.words.index(word), int(segment)))
        chunks = self._cut(kept)
        loss = weight = 0.0
        for begin in range(0, len(chunks), self.batching.group):
            group = chunks[begin : begin + self.batching.group]
            matrices = np.array(self.input), np.array(self.output)
            for_noise = [np.zeros_like(matrices[1]) for _ in group]
            results = [
                slow_gradients(self.settings.architecture, matrices, chunk, into_noise)
                for chunk, into_noise in zip(group, for_noise, strict=True)
            ]
            for number, (chunk, result) in enumerate(zip(group, results, strict=True), begin):
                for word in set(chunk.ids):
                    self._step(self.input, self.input_squares, word, result.input[word])
                    self._step(self.output, self.output_squares, word, result.output[word])
                for word in set(chunk.noise):
                    self._step(self.output, self.output_squares, word, for_noise[number - begin][word])
                if number % LOSS_EVERY == 0:
                    loss, weight = loss + result.total, weight + result.weight
        self.blocks += 1
        return loss, weight

    def _observe(self, block: Block) -> None:
        for code in block.codes:
            self.counts[block.words[code]] = self.counts.get(block.words[code], 0) + 1
        new = [w for w in block.words if w not in self.words and self.counts[w] >= self.settings.min_count]
        d = self.settings.vector_size
        self.input += list((self._rng(Purpose.INITIALISE).random((len(new), d), np.float32).astype(float) - 0.5) / d)
        self.output += [np.zeros(d) for _ in new]
        self.input_squares += [INITIAL_SQUARES] * len(new)
        self.output_squares += [INITIAL_SQUARES] * len(new)
        self.words += new

    def _cut(self, kept: list[tuple[int, int]]) -> list[Chunk]:
        size, k, span = self.batching.chunk, self.batching.noise, self.batching.span
        pieces = [kept[begin : begin + size] for begin in range(0, len(kept), size)]
        needed = [k * math.ceil(len(piece) / span) for piece in pieces]
        drawn = iter(self.noise.draw(self._rng(Purpose.NOISE), sum(needed)).tolist() if pieces else [])
        chunks = [
            Chunk(
                ids=[word for word, _ in piece],
                segments=[segment for _, segment in piece],
                noise=list(itertools.islice(drawn, count)),
                window=self.settings.window,
                negative=self.settings.negative,
                batching=self.batching,
            )
            for piece, count in zip(pieces, needed, strict=True)
        ]
        self.drawn = {word for chunk in chunks for word in chunk.noise}
        return chunks

    def _step(self, weights: list[Doubles], squares: list[float], word: int, gradient: Doubles) -> None:
        squares[word] += dot(gradient, gradient) / len(gradient)
        weights[word] = weights[word] + self.settings.learning_rate * gradient / math.sqrt(squares[word])

    def _rng(self, purpose: Purpose) -> np.random.Generator:
        return sampling.generator(self.settings.seed, self.blocks, purpose)


def leaves(state: ModelState) -> dict[str, Any]:
    """Return every number of a model's state that an update changes, by name, copied."""
    embeddings, size = state.embeddings, state.embeddings.size
    return {
        "input": embeddings.input[:size].copy(),
        "output": embeddings.output[:size].copy(),
        "input_squares": embeddings.input_squares[:size].copy(),
        "output_squares": embeddings.output_squares[:size].copy(),
        "counts": state.vocabulary.counts.copy(),
        "noise": state.noise.counts.copy(),
    }
