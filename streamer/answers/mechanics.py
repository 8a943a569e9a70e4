"""Training on a small text, step by step, with the functions that the trainer itself uses."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError
from streamer.intake import reader
from streamer.intake.opened import Refused, open_regular
from streamer.model import sampling, sgns
from streamer.model.band import Band, tile_size
from streamer.model.learner import Learner, ModelState
from streamer.model.pipeline import ARCHITECTURES, Pipeline, Tokens
from streamer.model.sampling import Purpose
from streamer.model.sgns import Rows, Workspace
from streamer.settings import ModelSettings
from streamer.training.tokenizing import new_tokenizer

LIMIT = 1 << 20
SETTINGS = ModelSettings(vector_size=50, min_count=1, sample=0.0)
"""In a text this small, every word is needed: none is too rare, and none is subsampled."""


class Pair(NamedTuple):
    """A centre, a word in its window, and the weight of the pair: (w + 1 − distance)/w."""

    centre: int
    context: int
    weight: float


def read(path: Path | None) -> str:
    """Return the text of a file, at most its first MiB, or of the sample that comes with the package.

    Raises:
        StreamerError: With exit code 66, if there is no such file or it is not text.
    """
    if path is None:
        here = Path(__file__).parents[1]
        path = next(place for place in (here / "sample.txt", here.parent / "data" / "sample.txt") if place.exists())
    try:
        with open_regular(path) as file:
            found = reader.judge(file, encoding="utf-8", max_bad_ratio=0.01)
            if found.refusal:
                raise Refused(found.refusal)
            stop = min(found.text_bytes, LIMIT)
            blocks = reader.blocks(file, start=0, stop=stop, encoding="utf-8", recipe=found.format)
            return "".join(block.text for block in blocks)
    except (FileNotFoundError, Refused) as error:
        reason = (
            "there is no such file" if isinstance(error, FileNotFoundError) else str(error).partition("; see --")[0]
        )
        raise StreamerError(f"cannot inspect {path}: {reason}", code=ExitCode.NO_INPUT) from None


def skipgram_pairs(ids: npt.NDArray[np.int64], segments: npt.NDArray[np.int32], window: int) -> list[Pair]:
    """Return the pairs in the band of a chunk, in the order of their centres."""
    tile = tile_size(window)
    weights = Band(len(ids), tile, window).weights(segments)
    pairs = []
    for n, i, j in zip(*np.nonzero(weights), strict=True):
        centre = n * tile + i
        context = n * tile + j - window
        pairs.append(Pair(int(ids[centre]), int(ids[context]), float(weights[n, i, j])))
    return pairs


class Mechanics:
    """One small text, a new model, and its first update.

    Attributes:
        encoded: The tokens.
        state: The model, with counted vocabulary and initialised embeddings.
        ids: (n,) int64, the tokens of the first chunk.
        noise: (k,) int64, the noise words drawn for it.
    """

    def __init__(self, text: str, settings: ModelSettings) -> None:
        self.encoded = new_tokenizer(settings).encode(text)
        if not len(self.encoded):
            raise StreamerError("there are no words in this text", code=ExitCode.NO_INPUT)
        state = self.state = ModelState.new(settings)
        word_ids = state.vocabulary.observe(self.encoded.words, np.bincount(self.encoded.codes))
        state.embeddings.grow(
            len(state.vocabulary), sampling.generator(settings.seed, state.blocks, Purpose.INITIALISE)
        )
        state.noise.refresh(state.vocabulary.counts, state.vocabulary.total)
        size = state.batching.chunk
        self.ids = word_ids[self.encoded.codes[:size]]
        self.segments = self.encoded.segments[:size]
        drawn = sgns.noise_words(state.batching, len(self.ids))
        rng = sampling.generator(settings.seed, state.blocks, Purpose.NOISE)
        self.noise = state.noise.draw(rng, drawn)
        self._pipeline = Pipeline(state.batching, settings)

    def scores(self, centre: int, others: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the dot products of a word's input vector with the output vectors of others."""
        embeddings = self.state.embeddings
        scores: npt.NDArray[np.float32] = embeddings.output[np.asarray(others, np.int64)] @ embeddings.input[centre]
        return scores

    def loss(self) -> float:
        """Return the mean loss of the chunk at the current weights."""
        settings, batching = self.state.settings, self.state.batching
        rows = Rows(batching, settings.vector_size, settings.window)
        rows.load(self.state.embeddings.weights, self.ids, 2 * self.noise + 1)
        work = Workspace(batching, settings.vector_size, settings.window)
        gradients = ARCHITECTURES[settings.architecture](work, rows, self.segments, settings.negative, with_loss=True)
        assert gradients.loss is not None
        return gradients.loss.mean or 0.0

    def update(self) -> None:
        """Take one step: gradients, row sums, AdaGrad."""
        self._pipeline.train(self.state.embeddings.weights, Tokens(self.ids, self.segments, self.noise, 1))


def epoch_losses(text: str, settings: ModelSettings, epochs: int) -> list[float]:
    """Return the average loss of each epoch of a new model over a text."""
    cut = new_tokenizer(settings).encode(text)
    learner = Learner(ModelState.new(settings))
    losses = []
    for epoch in range(epochs):
        report = learner.train_block(cut.words, cut.codes, cut.segments, first_pass=epoch == 0)
        losses.append(report.loss.mean or 0.0)
    return losses
