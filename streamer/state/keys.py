"""Each part of the state as leaves of a tree, and back again: the only place that knows the keys of a checkpoint.

Nothing that is read is trusted: a digest proves that a file is intact, not that its parts belong together. So each part
is checked by itself and against the others. ``docs/checkpoint-format.md`` lists the keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.checkpoints import Tree
from streamer.formats.recipes import Recipe
from streamer.intake.decoding import Codec
from streamer.ledger.ledger import Ledger
from streamer.model.candidates import HIGHEST
from streamer.model.cold import Cold
from streamer.model.embeddings import Embeddings
from streamer.model.learner import ModelState
from streamer.model.optimizer import LONGEST
from streamer.model.sampling import NoiseDistribution
from streamer.model.sgns import Batching, noise_words
from streamer.model.vocabulary import Vocabulary
from streamer.settings import BOUNDS, ModelSettings, model_settings
from streamer.state.copies import Copied, Later, Room
from streamer.state.records import read_tokenizer
from streamer.state.segments import Segment, cold_leaves, restore_cold
from streamer.state.snapshots import Moment, Snapshot, quantised
from streamer.state.tokenizing import rules
from streamer.state.tree_reader import TreeReader, damaged, grouped, record, to_blob
from streamer.state.word_list import WordList
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import fold
from streamer.vectors import WordVectors

SMALLEST = 1e-12
"""No sum of squares may be smaller: AdaGrad divides by their roots."""

VECTORS = ("vocabulary", "embeddings/input", "settings", "tokenizer")
"""The keys and groups that :func:`read_vectors` needs."""
WORDS = ("vocabulary/words", "vocabulary/counts")
PAST = (
    *("snapshots", "vocabulary/words_seen", "vocabulary/counts", "progress/words_trained", "candidates/counts"),
    *("candidates/floor", "cold/word_count", "initial", "settings", "tokenizer"),
)
"""What :class:`streamer.state.past.Past` needs."""
SNAPSHOT = ("vocabulary", "embeddings/input", "embeddings/input_squares", "sources/files")
COLD = ("cold", "settings/vector_size")
ORIGINS = ("vocabulary/words", "sources", "ledger")
"""What :func:`streamer.state.reading.read_origins` needs beside :data:`PAST`."""
LEDGER = ("ledger",)
HISTORY = ("vocabulary/words_seen", "progress/words_trained", "history", "scores", "initial")
FIGURES = (
    *HISTORY,
    "settings",
    "vocabulary/counts",
    "candidates/counts",
    "candidates/floor",
    "cold/word_count",
    "ledger",
)
"""Far less than a model: reading them takes no longer than checking the digest."""


CANDIDATES = ("candidates/words", "candidates/counts", "candidates/errors")
"""What is made for a checkpoint, and so is no view of what training changes."""


def model_leaves(model: ModelState) -> Tree:
    """Return a complete model as leaves of a tree; arrays are views, not copies."""
    vocabulary, embeddings, cold = model.vocabulary, model.embeddings, model.cold
    return {
        **grouped("vocabulary", _vocabulary_leaves(vocabulary.words, vocabulary.counts, vocabulary.total)),
        **grouped("cold", cold_leaves([], [*cold.segments, *cold.recent], embeddings.vector_size)),
        "embeddings/input": embeddings.input,
        "embeddings/output": embeddings.output,
        "embeddings/input_squares": embeddings.input_squares,
        "embeddings/output_squares": embeddings.output_squares,
        **_leaves_beside(model),
    }


def copied_model(model: ModelState, room: Room | None) -> tuple[dict[str, Any], list[Segment]]:
    """Return a complete model as it is now: leaves of a tree, of which large ones are made when they are written.

    The segments that it needs are returned too.

    Args:
        model: The model.
        room: Memory for a copy of the embeddings; by default it is made here.

    Raises:
        MemoryError: If there is no room for the copy.
    """
    vocabulary, embeddings = model.vocabulary, model.embeddings
    words = partial(_vocabulary_leaves, vocabulary.words[:], vocabulary.counts.copy(), vocabulary.total)
    columns = (room or Room(embeddings)).copy(embeddings)
    segments, recent = model.cold.batches()
    tree: dict[str, Any] = {
        "vocabulary": Later(words),
        "cold": Later(partial(cold_leaves, segments, recent, embeddings.vector_size)),
        **grouped("embeddings", columns),
        **_leaves_beside(model),
    }
    tree |= {key: Copied(tree[key]) for key in CANDIDATES}
    return tree, [Segment(batch) for batch in segments]


def _vocabulary_leaves(words: list[str], counts: npt.NDArray[np.int64], total: int) -> Tree:
    return {"words": to_blob(words), "counts": counts, "words_seen": total}


def _leaves_beside(model: ModelState) -> Tree:
    """Return all of a model but the vocabulary and the embeddings."""
    candidates = model.vocabulary.candidates
    leaves: Tree = {
        "candidates/words": candidates.text(),
        "candidates/counts": candidates.counts(),
        "candidates/errors": candidates.errors(),
        "candidates/floor": candidates.floor,
        "candidates/forgotten": candidates.forgotten,
        "bounds/blocks": np.array([blocks for blocks, *_ in model.bounds], np.int64),
        "vocabulary/use": model.vocabulary.use if model.settings.max_vocabulary else np.zeros(0, np.int64),
        "vocabulary/halve_at": model.vocabulary.halve_at,
        "cold/word_count": model.cold.words,
        "cold/words_seen": model.cold.seen,
        "cold/left": model.cold.left,
        "cold/returned": model.cold.returned,
        "noise/counts": model.noise.counts,
        "noise/due": model.noise.due,
        "progress/blocks": model.blocks,
        "progress/words_trained": model.words_trained,
    }
    for number, name in enumerate(BOUNDS, start=1):
        leaves[f"bounds/{name}"] = np.array([values[number] for values in model.bounds], np.int64)
    for group, part in (("settings", model.settings), ("batching", model.batching)):
        leaves |= record(group, part)
    return leaves


def read_model(read: TreeReader, given: Mapping[str, Any], folder: Path | None) -> ModelState:
    """Return the model whose :func:`model_leaves` are in a tree, after checking that they can belong to one model.

    Args:
        read: The tree.
        given: Settings that must not contradict it.
        folder: Where the segments are that it needs.
    """
    stored = read.record("settings", ModelSettings)
    model = ModelState.new(model_settings(stored, given), _read_batching(read))
    _restore_vocabulary(read, model.vocabulary, read.count("cold/words_seen"))
    _restore_embeddings(read, len(model.vocabulary), model.embeddings)
    restore_cold(read, model.cold, stored.vector_size, folder)
    _restore_noise(read, model.vocabulary, model.noise)
    blocks = read.count("progress/blocks")
    model.restore_progress(blocks, read.count("progress/words_trained"), _read_bounds(read, stored, blocks))
    return model


def read_settings(read: TreeReader) -> ModelSettings:
    """Return the settings of the model."""
    return read.record("settings", ModelSettings)


def read_words(read: TreeReader) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return the V words in the order of admission, and how often each was seen, (V,) int64."""
    words = read.words("vocabulary/words")
    return words, read.counts("vocabulary/counts", len(words))


def read_vectors(read: TreeReader, checkpoint: Any, cold: Cold | None = None) -> WordVectors:
    """Return the vectors, and those of cold words if they are given; they take over the tree's arrays."""
    words, counts = read_words(read)
    matrix = read.floats("embeddings/input", np.float32, (len(words), None))
    folded = read_fold(read)
    if cold and cold.words:
        left = cold.all(without=set(words))
        words, counts = [*words, *left.words()], np.concatenate([counts, left.rows.counts])
        matrix = np.concatenate([matrix, left.rows.array[:, 0]])
    found = WordVectors(words, matrix, counts, copy=False, checkpoint=checkpoint, fold=folded)
    found.with_cold = cold is not None
    return found


def read_fold(read: TreeReader) -> Callable[[str], str] | None:
    """Return what returns a word, as somebody types it, as it may be in the vocabulary."""
    return fold(read_rules(read))


def read_rules(read: TreeReader) -> Rules:
    """Return everything that decides how the texts of the model are cut."""
    return rules(read_settings(read), read_tokenizer(read))


def read_now(read: TreeReader, moment: Moment) -> Snapshot:
    """Return what is known at the moment of a checkpoint, as a snapshot."""
    words, counts = read_words(read)
    steps, scales = quantised(read.floats("embeddings/input", np.float32, (len(words), None)))
    squares = read.floats("embeddings/input_squares", np.float32, (len(words),), low=SMALLEST)
    files = read.array("sources/files", np.uint32, (len(words),))
    return Snapshot(moment, WordList(to_blob(words)), steps, scales, counts, squares, files)


def read_progress(read: TreeReader) -> tuple[int, int]:
    """Return the number of words seen, including those of initial vectors, and of words trained."""
    return read.count("vocabulary/words_seen"), read.count("progress/words_trained")


def read_sizes(read: TreeReader) -> tuple[int, int, int, int]:
    """Return how many words have vectors, how many are candidates, the candidates' floor, and how many are cold."""
    words, candidates = (len(read.counts(f"{group}/counts", None)) for group in ("vocabulary", "candidates"))
    return words, candidates, read.count("candidates/floor"), read.count("cold/word_count")


def _read_bounds(read: TreeReader, stored: ModelSettings, blocks: int) -> list[tuple[int, ...]]:
    """Return the bounds of a model over time, after checking that the last ones are those of its settings."""
    when = read.counts("bounds/blocks", None, low=0)
    columns = [read.counts(f"bounds/{name}", len(when), low=0) for name in BOUNDS]
    last = tuple(int(column[-1]) for column in columns) if len(when) else None
    if last != tuple(getattr(stored, name) for name in BOUNDS) or when[0] != 0 or (np.diff(when) < 0).any():
        raise damaged("bounds/ do not lead to the settings")
    if when[-1] > blocks:
        raise damaged(f"bounds/blocks has {when[-1]}, and {blocks} were trained")
    return list(zip(when.tolist(), *(column.tolist() for column in columns), strict=True))


def _read_batching(read: TreeReader) -> Batching:
    """Return how the stream is cut into updates, after checking that the numbers are possible."""
    batching = read.record("batching", Batching)
    sizes = batching.chunk, batching.group, batching.noise, batching.span  # each has buffers of its length
    if min(*sizes, batching.growth) < 1 or max(*sizes, noise_words(batching, batching.chunk)) > LONGEST:
        raise damaged(f"batching/ is out of bounds: {batching}")
    return batching


def _restore_vocabulary(read: TreeReader, vocabulary: Vocabulary, cold: int) -> None:
    """Restore the vocabulary of a tree into a new one, after checking that its parts can belong together.

    Args:
        read: The tree.
        vocabulary: Changed.
        cold: How often cold words were seen.
    """
    words, others = read.words("vocabulary/words"), read.words("candidates/words")
    counts = read.counts("vocabulary/counts", len(words), low=vocabulary.min_count)
    waiting = read.counts("candidates/counts", len(others))
    total = read.count("vocabulary/words_seen")
    if len(others) and waiting.max() >= min(vocabulary.min_count, HIGHEST):
        raise damaged(f"candidates/counts has {waiting.max()}, and min_count is {vocabulary.min_count}")
    floor, forgotten = read.count("candidates/floor", high=HIGHEST), read.count("candidates/forgotten")
    errors = read.counts("candidates/errors", len(others), low=0)
    if len(others) and errors.max() > floor:
        raise damaged(f"candidates/errors has {errors.max()}, and candidates/floor is {floor}")
    if bool(floor) != bool(forgotten):
        raise damaged(f"candidates/floor is {floor}, and candidates/forgotten is {forgotten}")
    if not set(words).isdisjoint(others):
        raise damaged("candidates/words has words that are also in vocabulary/words")
    if (counted := _sum(counts) + _sum(waiting) + forgotten + cold) != total:
        raise damaged(f"vocabulary/words_seen is {total}, and the sum of all counts is {counted}")
    use, halve_at = read.counts("vocabulary/use", None, low=0), read.count("vocabulary/halve_at")
    if len(use) not in (0, len(words)):
        raise damaged(f"vocabulary/use has {len(use)} words, and vocabulary/words {len(words)}")
    vocabulary.restore(words, counts, total, use, halve_at)
    vocabulary.candidates.restore(others, waiting, errors, floor, forgotten)


def _restore_embeddings(read: TreeReader, size: int, embeddings: Embeddings) -> None:
    """Restore the embeddings of a tree, which has ``size`` words, into new ones."""
    rows, row = (size, embeddings.vector_size), (size,)
    embeddings.restore(
        read.floats("embeddings/input", np.float32, rows),
        read.floats("embeddings/output", np.float32, rows),
        read.floats("embeddings/input_squares", np.float32, row, low=SMALLEST),
        read.floats("embeddings/output_squares", np.float32, row, low=SMALLEST),
    )


def _restore_noise(read: TreeReader, vocabulary: Vocabulary, noise: NoiseDistribution) -> None:
    """Restore the noise distribution of a tree, if it can come from an earlier state of the vocabulary."""
    counts, size = read.counts("noise/counts", None), len(vocabulary)
    due = read.count("noise/due", high=vocabulary.total + 2 * size)
    if len(counts) > size or (counts > vocabulary.counts[: len(counts)]).any():
        raise damaged(f"noise/counts ({len(counts)}) has more words or larger counts than vocabulary/counts ({size})")
    if due and not len(counts):
        raise damaged(f"noise/counts is empty, and noise/due is {due}")
    noise.restore(counts, due)


def ledger_leaves(ledger: Ledger) -> Tree:
    """Return the ledger as leaves of a tree."""
    return {"ledger/root": ledger.root, **grouped("ledger", ledger.to_arrays())}


def read_ledger(read: TreeReader) -> Ledger:
    """Return the ledger whose :func:`ledger_leaves` are in a tree."""
    ledger = Ledger.from_arrays(read.take("ledger"), read.string("ledger/root"))
    for recipe in ledger.formats:
        try:
            Recipe.parse(recipe)
        except ValueError as error:
            raise damaged(f"ledger/formats has {recipe!r}: {error}") from None
    for encoding in filter(None, ledger.encodings):
        try:
            Codec.of(b"", encoding)
        except LookupError:
            raise damaged(f"ledger/encodings has {encoding!r}, which Python does not know") from None
    return ledger


def _sum(counts: npt.NDArray[np.int64]) -> int:
    """Return the sum of counts, without overflow."""
    return (int((counts >> 32).sum()) << 32) + int((counts & 0xFFFFFFFF).sum())
