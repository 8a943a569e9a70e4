"""The state of a model, and how one block of text changes it: observe → admit → grow → subsample → update → report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model import sampling, sgns
from streamer.model.embeddings import Embeddings
from streamer.model.optimizer import RowSummer, RowSums, apply_adagrad, plan_row_sums
from streamer.model.sampling import NoiseDistribution, Purpose
from streamer.model.sgns import Batching, Loss, Workspace
from streamer.model.vocabulary import Vocabulary
from streamer.settings import ModelSettings

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Item = TypeVar("Item")
Result = TypeVar("Result")

LOSS_EVERY = 8
"""Every so many chunks of a block, the first among them, the loss is measured: logarithms cost more than gradients."""

ARCHITECTURES = {"skipgram": sgns.skipgram, "cbow": sgns.cbow}


@attrs.define
class ModelState:
    """Everything that influences the next update of the model.

    Attributes:
        settings: What shapes the model.
        batching: How the stream is cut into updates.
        vocabulary: Words, counts, candidates.
        embeddings: Both matrices with their optimiser rows.
        noise: The noise distribution as it was last built.
        blocks: Blocks trained so far; with the seed, the key of all random numbers of the next one.
        words_trained: Tokens of admitted words in those blocks, before subsampling, over all passes.
    """

    settings: ModelSettings
    batching: Batching
    vocabulary: Vocabulary
    embeddings: Embeddings
    noise: NoiseDistribution
    blocks: int = 0
    words_trained: int = 0

    @classmethod
    def new(cls, settings: ModelSettings, batching: Batching | None = None) -> ModelState:
        """Return the state of a model that has seen nothing."""
        return cls(
            settings,
            batching or Batching(),
            Vocabulary(settings.min_count),
            Embeddings(settings.vector_size),
            NoiseDistribution(),
        )


class BlockReport(NamedTuple):
    """What one block did: tokens in it, of admitted words, words admitted, and a sample of its loss."""

    tokens: int
    trained: int
    admitted: int
    loss: Loss


class _Chunk(NamedTuple):
    """What one gradient computation reads."""

    ids: Ints
    segments: npt.NDArray[np.int32]
    noise: Ints
    token_plan: RowSums
    noise_plan: RowSums
    with_loss: bool


class _Update(NamedTuple):
    """Summed gradients of one chunk and the words they are for, ready to be applied in this order."""

    input: list[tuple[RowSums, Floats]]
    output: list[tuple[RowSums, Floats]]
    loss: Loss | None


class _Space(NamedTuple):
    """Buffers for one chunk of a group."""

    work: Workspace
    sum_input: RowSummer
    sum_output: RowSummer
    sum_noise: RowSummer


class Learner:
    """Trains blocks into a state, on some threads.

    A group of chunks gets its gradients from the same weights, each chunk in a thread and a workspace of its own; then
    one thread applies them to the input matrix, chunk after chunk, and another to the output matrix. What is computed
    from what does not depend on the number of threads, so neither do the bits.
    """

    def __init__(self, state: ModelState, threads: int = 1) -> None:
        self.state = state
        batching, settings = state.batching, state.settings
        self._gradients = ARCHITECTURES[settings.architecture]
        self._noise_per_chunk = sgns.noise_words(batching, batching.chunk)
        self._spaces = [
            _Space(
                Workspace(batching, settings.vector_size, settings.window),
                RowSummer(batching.chunk, settings.vector_size),
                RowSummer(batching.chunk, settings.vector_size),
                RowSummer(self._noise_per_chunk, settings.vector_size),
            )
            for _ in range(batching.group)
        ]
        self._pool = ThreadPoolExecutor(threads - 1, "train") if threads > 1 else None
        self._parallel = False

    def close(self) -> None:
        """End the threads."""
        if self._pool:
            self._pool.shutdown()

    def train_block(
        self,
        words: Sequence[str],
        codes: npt.NDArray[np.int32],
        segments: npt.NDArray[np.int32],
        *,
        first_pass: bool = True,
    ) -> BlockReport:
        """Let one block of text change the state.

        Args:
            words: Its distinct words in order of first appearance.
            codes: (n,) int32, for each token the position of its word in ``words``.
            segments: (n,) int32, ascending; pairs never cross from one to another.
            first_pass: Whether the block is seen for the first time. Later passes count nothing and admit nothing.
        """
        state, settings = self.state, self.state.settings
        size = len(state.vocabulary)
        if first_pass:
            ids = state.vocabulary.observe(words, np.bincount(codes, minlength=len(words)))
            admitted = len(state.vocabulary) - size
            if admitted:
                initialise = sampling.generator(settings.seed, state.blocks, Purpose.INITIALISE)
                state.embeddings.grow(size + admitted, initialise)
        else:
            ids, admitted = state.vocabulary.lookup(words), 0
        state.noise.refresh(state.vocabulary.counts, state.vocabulary.total)

        kept, trained = self._subsample(ids, codes)
        loss = self._update(ids[codes[kept]], segments[kept])
        state.blocks += 1
        state.words_trained += trained
        return BlockReport(len(codes), trained, admitted, loss)

    def _subsample(self, ids: Ints, codes: npt.NDArray[np.int32]) -> tuple[Ints, int]:
        """Return the positions of the tokens to train, and how many of the tokens have vectors."""
        state, settings = self.state, self.state.settings
        known = ids >= 0
        probability = np.zeros(len(ids), np.float32)
        counts = state.vocabulary.counts[ids[known]]
        probability[known] = sampling.keep_probability(counts, state.vocabulary.total, settings.sample)
        draw = sampling.generator(settings.seed, state.blocks, Purpose.SUBSAMPLE).random(len(codes), np.float32)
        return np.flatnonzero(draw < probability[codes]), int(np.count_nonzero(known[codes]))

    def _update(self, ids: Ints, segments: npt.NDArray[np.int32]) -> Loss:
        """Train the tokens that were kept, group after group of chunks; return the loss of those it was measured on."""
        total, weight = 0.0, 0.0
        embeddings = self.state.embeddings
        # A block of one chunk is done sooner than another thread is woken.
        self._parallel = self._pool is not None and len(ids) > self.state.batching.chunk
        chunks = self._cut(ids, segments)
        for begin in range(0, len(chunks), self.state.batching.group):
            group = chunks[begin : begin + self.state.batching.group]
            updates = self._map(self._compute, zip(self._spaces, group, strict=False))
            self._map(
                self._apply,
                (
                    (embeddings.output, embeddings.output_squares, [sums for made in updates for sums in made.output]),
                    (embeddings.input, embeddings.input_squares, [sums for made in updates for sums in made.input]),
                ),
            )
            for update in updates:
                if update.loss:
                    total, weight = total + update.loss.total, weight + update.loss.weight
        return Loss(total, weight)

    def _cut(self, ids: Ints, segments: npt.NDArray[np.int32]) -> list[_Chunk]:
        """Cut the tokens into chunks, with noise words and the plans of row sums; none of it needs the weights."""
        state, size = self.state, self.state.batching.chunk
        count = -(-len(ids) // size)
        if not count:
            return []
        last = len(ids) - (count - 1) * size
        drawn = (count - 1) * self._noise_per_chunk + sgns.noise_words(state.batching, last)
        rng = sampling.generator(state.settings.seed, state.blocks, Purpose.NOISE)
        noise, per_chunk = state.noise.draw(rng, drawn), self._noise_per_chunk
        work = self._spaces[0].work
        token_plans, noise_plans = self._map(
            lambda task: plan_row_sums(*task),
            (
                (ids, size, len(work.input_gradients) - 1),
                (noise, per_chunk, len(work.noise_gradients) - 1),
            ),
        )
        return [
            _Chunk(
                ids[i * size : (i + 1) * size],
                segments[i * size : (i + 1) * size],
                noise[i * per_chunk : (i + 1) * per_chunk],
                token_plans[i],
                noise_plans[i],
                i % LOSS_EVERY == 0,
            )
            for i in range(count)
        ]

    def _compute(self, task: tuple[_Space, _Chunk]) -> _Update:
        space, chunk = task
        embeddings = self.state.embeddings
        gradients = self._gradients(
            space.work,
            (embeddings.input, embeddings.output),
            chunk.ids,
            chunk.segments,
            chunk.noise,
            self.state.settings.negative,
            with_loss=chunk.with_loss,
        )
        return _Update(
            [(chunk.token_plan, space.sum_input.sum(gradients.input, chunk.token_plan))],
            [
                (chunk.token_plan, space.sum_output.sum(gradients.output, chunk.token_plan)),
                (chunk.noise_plan, space.sum_noise.sum(gradients.noise, chunk.noise_plan)),
            ],
            gradients.loss,
        )

    def _apply(self, task: tuple[Floats, Floats, list[tuple[RowSums, Floats]]]) -> None:
        weights, squares, sums = task
        for plan, gradients in sums:
            apply_adagrad(weights, squares, plan.ids, gradients, self.state.settings.learning_rate)

    def _map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """Return ``[function(item) for item in items]``, the first done by this thread, the others beside it."""
        if self._pool is None or not self._parallel:
            return [function(item) for item in items]
        first, *others = items
        futures = [self._pool.submit(function, item) for item in others]
        return [function(first), *(future.result() for future in futures)]
