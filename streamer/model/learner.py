"""The state of a model, and how one block of text changes it: observe → admit → grow → subsample → update → report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model import lanes, sampling
from streamer.model.cold import LEAST, Cold, Rows
from streamer.model.embeddings import Embeddings, row_bytes
from streamer.model.pipeline import Pipeline, Tokens, noise_of
from streamer.model.sampling import NoiseDistribution, Purpose
from streamer.model.sgns import BATCHING, Batching, Loss
from streamer.model.sources import NOWHERE, Source, Sources
from streamer.model.vocabulary import Vocabulary
from streamer.settings import BOUNDS, ModelSettings

Ints = npt.NDArray[np.int64]

SHARE = 4
"""Recent cold words are stored in every checkpoint until they are this part, a quarter, of a full vocabulary."""
LONGEST_ROUND = 50
"""All pieces of a round are this part, 2 %, of the words that the model was trained on; cutting may add a quarter."""


@attrs.define
class ModelState:
    """Everything that influences the next update of the model, and from which files its words come.

    Attributes:
        settings: The settings of the model.
        batching: How the stream is cut into updates.
        vocabulary: Words, counts, candidates.
        embeddings: Both matrices with their AdaGrad accumulators.
        noise: The noise distribution as it was last built.
        blocks: Blocks trained so far; with the seed, the key of all random numbers of the next block.
        words_trained: Tokens of admitted words in those blocks, before subsampling, over all passes.
        bounds: The settings that may change, each time that they did: the blocks trained by then, and their values.
        cold: The words that left the vocabulary.
        sources: From which files each word comes. It influences nothing.
    """

    settings: ModelSettings
    batching: Batching
    vocabulary: Vocabulary
    embeddings: Embeddings
    noise: NoiseDistribution
    blocks: int = 0
    words_trained: int = 0
    bounds: list[tuple[int, ...]] = attrs.field(factory=list)
    cold: Cold = attrs.field(factory=Cold)
    sources: Sources = attrs.field(factory=Sources)

    def __attrs_post_init__(self) -> None:
        self.record_bounds()

    @classmethod
    def new(cls, settings: ModelSettings, batching: Batching | None = None) -> ModelState:
        """Return the state of a model that has seen nothing."""
        return cls(
            settings,
            batching or BATCHING[settings.architecture],
            Vocabulary(settings.min_count, settings.max_candidates, settings.max_vocabulary),
            Embeddings(settings.vector_size),
            NoiseDistribution(),
            cold=Cold(max(LEAST, settings.max_vocabulary * row_bytes(settings.vector_size) // SHARE)),
        )

    @property
    def group(self) -> int:
        """How many chunks of the next block are under way at a time.

        It hurts a young model most if chunks miss what those before them have learned. So the number grows.
        """
        return min(self.settings.max_group, self.batching.group + self.words_trained // self.batching.growth)

    @property
    def lanes(self) -> int:
        """How many pieces of the next block are trained at a time from the same weights.

        A lane misses what the others of its round learn. So a model has one lane until rounds are short for it.
        """
        return max(1, min(self.settings.lanes, self.words_trained // (LONGEST_ROUND * self.settings.lane_size)))

    def restore_progress(self, blocks: int, words_trained: int, bounds: list[tuple[int, ...]] | None = None) -> None:
        """Take over the progress of a checkpoint, and its bounds over time."""
        self.blocks, self.words_trained = blocks, words_trained
        self.bounds = self.bounds if bounds is None else bounds
        self.record_bounds()

    def record_bounds(self) -> None:
        """Record the bounds of the settings, if they are others than before."""
        bounds = tuple(getattr(self.settings, name) for name in BOUNDS)
        if not self.bounds or self.bounds[-1][1:] != bounds:
            self.bounds.append((self.blocks, *bounds))


class BlockReport(NamedTuple):
    """What one block did.

    Attributes:
        tokens: Tokens in the block.
        trained: Tokens of admitted words in it, before subsampling.
        admitted: Words that it added to the vocabulary.
        vocabulary: Words in the vocabulary after it.
        words_seen: All tokens seen, after it.
        words_trained: All tokens trained, after it.
        loss: The loss, measured on some chunks.
    """

    tokens: int
    trained: int
    admitted: int
    vocabulary: int
    words_seen: int
    words_trained: int
    loss: Loss


class Learner:
    """Trains blocks: :meth:`prepare` counts words and chooses tokens, :meth:`update` changes the weights.

    :meth:`prepare` changes no weights except those of new words, so it may run ahead of :meth:`update`. When words
    leave, it waits until it is not ahead any more: then the ids of others change.

    Args:
        state: The model.
    """

    def __init__(self, state: ModelState) -> None:
        self.state = state
        self._streams = sampling.Streams(state.settings.seed)
        self._pipeline: Pipeline | None = None

    def train_block(
        self,
        words: Sequence[str],
        codes: npt.NDArray[np.int32],
        segments: npt.NDArray[np.int32],
        *,
        first_pass: bool = True,
        source: Source = NOWHERE,
    ) -> BlockReport:
        """Train one block of text; arguments as for :meth:`prepare`."""
        report, tokens = self.prepare(words, codes, segments, first_pass=first_pass, source=source)
        return report._replace(loss=self.update(tokens))

    def prepare(
        self,
        words: Sequence[str],
        codes: npt.NDArray[np.int32],
        segments: npt.NDArray[np.int32],
        *,
        first_pass: bool = True,
        source: Source = NOWHERE,
        settle: Callable[[], None] = lambda: None,
    ) -> tuple[BlockReport, Tokens]:
        """Count and admit words, subsample, draw noise words; return the report, without the loss, and the tokens.

        Args:
            words: The block's distinct words in order of first appearance.
            codes: (n,) int32, for each token the position of its word in ``words``.
            segments: (n,) int32, ascending; the two words of a pair are always in the same segment.
            first_pass: Whether the block is seen for the first time. Later passes count nothing and admit nothing.
            source: Where the block comes from. Later passes are not recorded.
            settle: Waits until all blocks that were prepared before are trained. It is called before words leave.
        """
        state = self.state
        size = len(state.vocabulary)
        counts = np.bincount(codes, minlength=len(words))
        if first_pass:
            ids = state.vocabulary.observe(words, counts)
            admitted = len(state.vocabulary) - size
            if admitted:
                state.embeddings.grow(size + admitted, self._streams.begin(state.blocks, Purpose.INITIALISE))
            state.sources.observe(source, ids, counts, state.vocabulary.counts)
            if admitted:
                self._welcome(size)
            ids = self._make_room(ids, settle)
        else:
            ids, admitted = state.vocabulary.lookup(words), 0
        state.noise.refresh(state.vocabulary.counts, state.vocabulary.total)

        kept = self._subsample(ids, codes)
        trained = int(np.add.reduce(counts[ids >= 0]))
        cuts = self._cut(kept, len(codes))
        noise = self._draw(np.diff(cuts or (0, len(kept))).tolist())
        tokens = Tokens(ids[codes[kept]], segments[kept], noise, state.group, state.lanes if cuts else 1, cuts)
        state.blocks += 1
        state.words_trained += trained
        report = BlockReport(
            len(codes),
            trained,
            admitted,
            len(state.vocabulary),
            state.vocabulary.total,
            state.words_trained,
            Loss(0.0, 0.0),
        )
        return report, tokens

    def update(self, tokens: Tokens) -> Loss:
        """Train the tokens that :meth:`prepare` returned; return the loss of the chunks on which it was measured."""
        state = self.state
        if self._pipeline is None:
            self._pipeline = Pipeline(state.batching, state.settings)
        pipeline, weights = self._pipeline, state.embeddings.weights
        if tokens.lanes == 1:
            return total_loss(pipeline.train(weights, tokens))
        settings, batching = state.settings, state.batching

        def compute(loads: Sequence[lanes.Load]) -> list[lanes.Change]:
            return [lanes.train(load, settings, batching, pipeline) for load in loads]

        return total_loss(lanes.train_rounds(weights, tokens, settings, batching, compute))

    def _welcome(self, size: int) -> None:
        """Give words that were just admitted, those from an id on, what was learned of them before they left."""
        state = self.state
        if not state.cold.words:
            return
        positions, rows = state.cold.take(state.vocabulary.words[size:])
        if rows is not None:
            ids = size + positions
            state.vocabulary.came_back(ids, rows.counts)
            state.embeddings.put(ids, rows.array, rows.squares)
            state.sources.came_back(ids)

    def _make_room(self, ids: Ints, settle: Callable[[], None]) -> Ints:
        """Let words leave if there are too many; return the ids of the words of the block as they are then."""
        state = self.state
        leaving = state.vocabulary.leaving()
        if not len(leaving):
            return ids
        settle()
        embeddings = state.embeddings
        rows = Rows(state.vocabulary.counts[leaving], embeddings.vectors[leaving], embeddings.squares[leaving])
        before = np.searchsorted(leaving, ids)  # how many with smaller ids leave
        ids = np.where(np.isin(ids, leaving), -1, ids - before)
        state.cold.put(state.vocabulary.remove(leaving), rows, state.vocabulary.index)
        embeddings.remove(leaving)
        state.sources.remove(leaving)
        state.noise.remove(leaving, state.vocabulary.total, len(state.vocabulary))
        return ids

    def _cut(self, kept: Ints, count: int) -> tuple[int, ...]:
        """Return the cuts between the pieces of the next block; none if there is one lane, or one piece.

        Args:
            kept: (m,) int64, the positions of the tokens to train, ascending.
            count: The number of all tokens.
        """
        state = self.state
        pieces = lanes.cut(count, state.settings.lane_size, state.lanes) if state.lanes > 1 else 1
        ends = np.searchsorted(kept, [count * piece // pieces for piece in range(1, pieces)])
        cuts = sorted({0, *ends.tolist(), len(kept)})
        return tuple(cuts) if len(cuts) > 2 else ()

    def _subsample(self, ids: Ints, codes: npt.NDArray[np.int32]) -> Ints:
        """Return the positions of the tokens to train: (m,) int64."""
        vocabulary = self.state.vocabulary
        if not len(vocabulary):
            return np.zeros(0, np.int64)
        counts = vocabulary.counts[ids]  # of candidates, that of the last word; this is faster than to leave them out
        keep = sampling.keep_probability(counts, vocabulary.total, self.state.settings.sample)
        probability = keep.astype(np.float32)
        probability[ids < 0] = 0
        draw = self._streams.begin(self.state.blocks, Purpose.SUBSAMPLE).random(len(codes), np.float32)
        return (draw < probability[codes]).nonzero()[0]

    def _draw(self, pieces: Sequence[int]) -> Ints:
        """Return the noise words of all chunks of a block whose pieces have so many tokens: (k,) int64."""
        state = self.state
        left = sum(noise_of(state.batching, count) for count in pieces)
        stream = self._streams.begin(state.blocks, Purpose.NOISE)
        drawn = []
        while left:
            drawn.append(state.noise.draw(stream, min(left, sampling.MOST)))
            left -= len(drawn[-1])
        return np.concatenate(drawn) if len(drawn) > 1 else drawn[0] if drawn else np.zeros(0, np.int64)


def total_loss(losses: Iterable[tuple[int, Loss]]) -> Loss:
    """Return the sum of the losses of chunks, added in the order of the chunks."""
    total = weight = 0.0
    for _, loss in sorted(losses):
        total, weight = total + loss.total, weight + loss.weight
    return Loss(total, weight)
