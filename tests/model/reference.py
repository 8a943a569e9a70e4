"""The same mathematics, slow and dumb, in plain Python loops and float64; and the calls into the product, in one place.

Whatever is named ``product_…`` calls the product. All else shares nothing with it but the random draws.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model import sampling, sgns
from streamer.model.band import Band, tile_size
from streamer.model.embeddings import INITIAL_SQUARES, Weights
from streamer.model.learner import Learner, ModelState
from streamer.model.optimizer import RowSummer, Sums, plan_row_sums
from streamer.model.pipeline import ARCHITECTURES, LOSS_EVERY
from streamer.model.sampling import NoiseDistribution, Purpose
from streamer.model.sgns import Batching, Rows, Workspace
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


def dot(a: Iterable[float], b: Iterable[float]) -> float:
    """Return the dot product of two vectors."""
    return sum(x * y for x, y in zip(a, b, strict=True))


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^−x)."""
    return 1 / (1 + math.exp(-x))


def score(chunk: Chunk, a: Sequence[float], b: Sequence[float]) -> float:
    """Return the score of two vectors: a · b − ½ ln(negative)."""
    return dot(a, b) - 0.5 * math.log(chunk.negative)


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
            total += a * surprise(score(chunk, centres[word], contexts[chunk.ids[j]]))
        for other in noise_of(chunk, i):
            share = chunk.negative * here / chunk.batching.noise
            total += share * surprise(-score(chunk, centres[word], contexts[other]))
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
        total += surprise(score(chunk, mean, targets[word]))
        for other in noise_of(chunk, i):
            total += chunk.negative / chunk.batching.noise * surprise(-score(chunk, mean, targets[other]))
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
    input, output = found
    total, weight = loss(matrices, chunk)
    return Result(input, output, total, weight)


def hidden_vectors(architecture: str, matrix: Doubles, chunk: Chunk) -> list[Doubles]:
    """Return what each token is scored with: its own vector, or the weighted mean of its window, zeros without one."""
    if architecture == "skipgram":
        return [matrix[word] for word in chunk.ids]
    found = []
    for i in range(len(chunk.ids)):
        pairs = neighbours(chunk, i)
        here = sum(a for _, a in pairs)
        found.append(sum((a / here * matrix[chunk.ids[j]] for j, a in pairs), np.zeros(matrix.shape[1])))
    return found


def strays(vectors: list[Doubles], size: int, spans: int) -> list[Doubles]:
    """Return for each span of so many vectors how far its mean is from the mean of all; missing ones are zeros."""
    means = [sum(vectors[s * size : (s + 1) * size], np.zeros(len(vectors[0]))) / size for s in range(spans)]
    return [mean - sum(means) / spans for mean in means]


def slow_gradients(architecture: str, matrices: Matrices, chunk: Chunk, into_noise: Doubles | None = None) -> Result:
    """Return the gradients of the losses above by the rules of differentiation, a pair at a time.

    Between noise words and centres, each takes the other less how far the mean of its span strays. The gradients for
    words as noise are added to ``into_noise``, where it is given, and else to the others.
    """
    w_in, w_out = matrices
    into_in, into_out = np.zeros_like(w_in), np.zeros_like(w_out)
    into_noise = into_out if into_noise is None else into_noise
    total, weight = LOSSES[architecture](matrices, chunk)
    span, k = chunk.batching.span, chunk.batching.noise
    spans = math.ceil(len(chunk.ids) / span)
    hidden_all = hidden_vectors(architecture, w_in, chunk)
    centres_stray = strays(hidden_all, span, spans)
    noise_strays = strays([w_out[word] for word in chunk.noise], k, spans)
    for i, word in enumerate(chunk.ids):
        pairs = neighbours(chunk, i)
        here = sum(a for _, a in pairs)
        if not pairs:
            continue
        hidden = hidden_all[i]
        if architecture == "skipgram":
            positives = [(chunk.ids[j], a) for j, a in pairs]
            share = chunk.negative * here / k
        else:
            positives = [(word, 1.0)]
            share = chunk.negative / k
        into_hidden = np.zeros_like(hidden)
        for other, a in positives:
            g = a * sigmoid(-score(chunk, hidden.tolist(), w_out[other].tolist()))
            into_hidden += g * w_out[other]
            into_out[other] += g * hidden
        for other in noise_of(chunk, i):
            g = share * sigmoid(score(chunk, hidden.tolist(), w_out[other].tolist()))
            into_hidden -= g * (w_out[other] - noise_strays[i // span])
            into_noise[other] -= g * (hidden - centres_stray[i // span])
        if architecture == "skipgram":
            into_in[word] += into_hidden
        else:
            for j, a in pairs:
                into_in[chunk.ids[j]] += a / here * into_hidden
    return Result(into_in, into_out, total, weight)


class ProductBuffers(NamedTuple):
    """What a gradient is computed in."""

    work: Workspace
    rows: Rows


def product_buffers(chunk: Chunk, dimensions: int) -> ProductBuffers:
    """Return buffers for chunks like this one."""
    given = chunk.batching, dimensions, chunk.window
    return ProductBuffers(Workspace(*given), Rows(*given))


def product_gradients(
    architecture: str, matrices: Matrices, chunk: Chunk, buffers: ProductBuffers | None = None
) -> Result:
    """Return the product's gradients, its rows summed by word."""
    words, dimensions = matrices[0].shape
    weights = Weights(np.stack(matrices, 1).astype(np.float32), np.zeros((words, 2), np.float32))
    before = weights.vectors.copy()
    ids, noise = np.array(chunk.ids, np.int64), np.array(chunk.noise, np.int64)
    assert len(noise) == sgns.noise_words(chunk.batching, len(ids))
    work, rows = buffers or product_buffers(chunk, dimensions)
    rows.load(weights, ids, 2 * noise + 1)
    found = ARCHITECTURES[architecture](work, rows, np.array(chunk.segments, np.int32), chunk.negative, with_loss=True)
    assert np.array_equal(weights.vectors, before), "the weights are only read"
    assert found.loss is not None
    into_in, into_out = np.zeros((2, words, dimensions))
    np.add.at(into_in, ids, found.tokens[: len(ids), 0].astype(np.float64))
    np.add.at(into_out, ids, found.tokens[: len(ids), 1].astype(np.float64))
    np.add.at(into_out, noise, found.noise[: len(noise), 0].astype(np.float64))
    return Result(into_in, into_out, found.loss.total, found.loss.weight)


def product_band(length: int, window: int) -> Band:
    """Return the product's band for chunks of up to so many tokens."""
    return Band(length, tile_size(window), window)


def product_row_sums(
    gradients: npt.NDArray[np.float32],
    ids: npt.NDArray[np.int64],
    summer: RowSummer | None = None,
    shards: int = 1,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the distinct ids of a chunk, ascending, and the sum of each one's rows."""
    rows, dimensions = gradients.shape
    summer = summer or product_summer(rows, dimensions)
    given = ids.copy()
    plan = plan_row_sums(ids, rows, shards)
    out = product_sums(rows, 1, dimensions, shards)
    summer.sum(np.concatenate([gradients, np.zeros((1, dimensions), np.float32)])[:, None], plan, out)
    ids = out.ids[: out.ends[-1]]
    assert plan.ids.tolist() == ids.tolist(), "each word comes once"
    assert len(set(ids.tolist())) == len(ids) == len(plan.ids)
    for shard in range(shards):
        assert (ids[out.ends[shard] : out.ends[shard + 1]] % shards == shard).all()
    if shards > 1:
        np.testing.assert_array_equal(ids[plan.words], given)
    np.testing.assert_allclose(out.means[: len(ids)], (out.gradients[: len(ids)] ** 2).mean(2), rtol=1e-5)
    ascending = np.argsort(ids)
    return ids[ascending], out.gradients[: len(ids), 0][ascending]


def product_sums(rows: int, vectors: int, dimensions: int, shards: int = 1) -> Sums:
    """Return room for the sums of a chunk."""
    gradients = np.full((2 * rows, vectors, dimensions), np.nan, np.float32)
    means = np.full((rows, vectors), np.nan, np.float32)
    return Sums(np.zeros(shards + 1, np.int64), np.full(rows, -1), means, gradients)


def product_summer(rows: int, dimensions: int) -> RowSummer:
    """Return what sums chunks of up to so many rows."""
    scratch = np.empty((2, 2 * rows * dimensions), np.float32)
    return RowSummer(rows, dimensions, (scratch[0], scratch[1]))


def product_learner(settings: ModelSettings, batching: Batching | None = None) -> Learner:
    """Return a learner with a new model."""
    return Learner(ModelState.new(settings, batching))


class Block(NamedTuple):
    """A tokenized block: distinct words, codes and segments."""

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
        self.words_trained = 0
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
        ready: list[tuple[Result, Doubles]] = []
        group = min(self.settings.max_group, self.batching.group + self.words_trained // self.batching.growth)
        self.words_trained += sum(block.words[code] in self.words for code in block.codes)
        for number in range(len(chunks) + group):
            if number >= group and number - group < len(chunks):
                chunk = chunks[number - group]
                result, for_noise = ready.pop(0)
                for word in set(chunk.ids):
                    self._step(self.input, self.input_squares, word, result.input[word])
                    self._step(self.output, self.output_squares, word, result.output[word])
                for word in set(chunk.noise):
                    self._step(self.output, self.output_squares, word, for_noise[word])
            if number < len(chunks):
                matrices = np.array(self.input), np.array(self.output)
                for_noise = np.zeros_like(matrices[1])
                result = slow_gradients(self.settings.architecture, matrices, chunks[number], for_noise)
                ready.append((result, for_noise))
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
    embeddings = state.embeddings
    return {
        "input": embeddings.input.copy(),
        "output": embeddings.output.copy(),
        "input_squares": embeddings.input_squares.copy(),
        "output_squares": embeddings.output_squares.copy(),
        "counts": state.vocabulary.counts.copy(),
        "noise": state.noise.counts.copy(),
    }
