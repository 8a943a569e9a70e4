"""Taking the tree of a checkpoint apart, and naming what in it is missing or wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from streamer.checkpoints import FORMAT_VERSION, Tree
from streamer.errors import ExitCode, StreamerError
from streamer.history import COLUMNS, LIMIT, SCORES_LIMIT, History, Origin, Scores
from streamer.model.embeddings import Embeddings
from streamer.model.optimizer import LONGEST
from streamer.model.sampling import NoiseDistribution
from streamer.model.sgns import Batching, noise_words
from streamer.model.training import ModelState
from streamer.model.vocabulary import Vocabulary
from streamer.settings import ModelSettings, model_settings

FORMAT = "streamer checkpoint"
ANOTHER = "restore one from a backup, or name another --checkpoints folder to start anew"
LARGEST = 2**61
"""No count is as large: what is added to one below it still fits into 64 bits."""
SMALLEST = 1e-12
"""No sum of squares is as small: AdaGrad divides by their roots."""

Record = TypeVar("Record", bound=attrs.AttrsInstance)


_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float,), "str": (str,)}


class TreeReader:
    """Takes leaves out of a tree, and names the one that is missing or wrong."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def check_format(self) -> None:
        """Raise unless this is a checkpoint in a format that this version reads."""
        name = self._tree.get("format")
        if not isinstance(name, str) or name != FORMAT:
            raise damaged("it is not a streamer checkpoint")
        version = self.integer("format_version")
        if version != FORMAT_VERSION:
            hint = "upgrade streamer: a newer version wrote it" if version > FORMAT_VERSION else ANOTHER
            reason = f"its format is {version}, and this version of streamer reads format {FORMAT_VERSION}"
            raise damaged(reason, hint)

    def record(self, group: str, cls: type[Record]) -> Record:
        """Return a group of scalars as an object of a class whose fields they are."""
        values = {}
        for field in attrs.fields(cls):
            kind = str(field.type)
            value = values[field.name] = self._leaf(f"{group}/{field.name}")
            if not isinstance(value, _KINDS[kind]) or isinstance(value, bool):
                raise damaged(f"{group}/{field.name} is no {kind}")
        try:
            return cls(**values)
        except StreamerError as error:
            raise damaged(f"{group} are out of bounds: {error.problem}") from None

    def batching(self, group: str) -> Batching:
        """Return how the stream is cut into updates, if a machine can do it."""
        batching = self.record(group, Batching)
        if min(attrs.astuple(batching)) < 1 or max(*attrs.astuple(batching), _noise_words(batching)) > LONGEST:
            raise damaged(f"{group}/ is {batching}")
        return batching

    def integer(self, key: str) -> int:
        """Return an integer."""
        value = self._leaf(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise damaged(f"{key} is no integer")
        return value

    def count(self, key: str, low: int = 0, high: int = LARGEST) -> int:
        """Return an integer within bounds."""
        value = self.integer(key)
        if not low <= value <= high:
            raise damaged(f"{key} is {value}")
        return value

    def string(self, key: str) -> str:
        """Return a string."""
        value = self._leaf(key)
        if not isinstance(value, str):
            raise damaged(f"{key} is no string")
        return value

    def has(self, group: str) -> bool:
        """Return whether there is anything in a group."""
        return any(key.startswith(f"{group}/") for key in self._tree)

    def array(self, key: str, dtype: npt.DTypeLike, shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """Return an array of a type and a shape, in which None is any length."""
        value = self._leaf(key)
        if not isinstance(value, np.ndarray) or value.dtype != dtype or len(value.shape) != len(shape):
            raise damaged(f"{key} is no array of {np.dtype(dtype)} with {len(shape)} dimensions")
        if any(wanted not in (None, have) for wanted, have in zip(shape, value.shape, strict=True)):
            raise damaged(f"{key} has shape {value.shape} where {shape} belongs")
        return value

    def counts(self, key: str, length: int | None, low: int = 1) -> npt.NDArray[np.int64]:
        """Return an array of integers within bounds: (length,) int64."""
        values = self.array(key, np.int64, (length,))
        if values.size and not low <= values.min() <= values.max() <= LARGEST:
            raise damaged(f"{key} has counts from {values.min()} to {values.max()}")
        return values

    def floats(
        self, key: str, dtype: npt.DTypeLike, shape: tuple[int | None, ...], low: float = -np.inf
    ) -> npt.NDArray[Any]:
        """Return an array of finite numbers that are not below a bound."""
        values = self.array(key, dtype, shape)
        if values.size:
            smallest, largest = values.min(), values.max()  # NaN if there is one
            if not (np.isfinite(smallest) and np.isfinite(largest) and smallest >= low):
                raise damaged(f"{key} has numbers from {smallest} to {largest}")
        return values

    def arrays(self, group: str) -> dict[str, npt.NDArray[Any]]:
        """Return all arrays of a group, by the rest of their keys."""
        prefix = f"{group}/"
        leaves = {key.removeprefix(prefix): leaf for key, leaf in self._tree.items() if key.startswith(prefix)}
        return {name: leaf for name, leaf in leaves.items() if isinstance(leaf, np.ndarray)}

    def words(self, key: str) -> list[str]:
        """Return a list of distinct words, which :func:`to_blob` made an array of."""
        try:
            *words, rest = self.array(key, np.uint8, (None,)).tobytes().decode().split("\n")
        except UnicodeDecodeError:
            raise damaged(f"{key} is not UTF-8") from None
        distinct = set(words)
        if rest or len(distinct) != len(words) or "" in distinct:
            raise damaged(f"{key} is no list of distinct words")
        return words

    def _leaf(self, key: str) -> Any:
        if key not in self._tree:
            raise damaged(f"{key} is missing")
        return self._tree[key]


def damaged(reason: str, hint: str = ANOTHER) -> StreamerError:
    """Return the error that says so: 65."""
    return StreamerError(f"the checkpoint cannot be used: {reason}", hint=hint, code=ExitCode.DAMAGED)


def model_leaves(model: ModelState) -> Tree:
    """Return all of a model as leaves of a tree; arrays are views, not copies."""
    vocabulary, embeddings = model.vocabulary, model.embeddings
    leaves: Tree = {
        "vocabulary/words": to_blob(vocabulary.words),
        "vocabulary/counts": vocabulary.counts,
        "vocabulary/words_seen": vocabulary.total,
        "candidates/words": to_blob(vocabulary.candidates),
        "candidates/counts": np.fromiter(vocabulary.candidates.values(), np.int64, len(vocabulary.candidates)),
        "embeddings/input": embeddings.input,
        "embeddings/output": embeddings.output,
        "embeddings/input_squares": embeddings.input_squares,
        "embeddings/output_squares": embeddings.output_squares,
        "noise/counts": model.noise.counts,
        "noise/due": model.noise.due,
        "progress/blocks": model.blocks,
        "progress/words_trained": model.words_trained,
    }
    for group, record in (("settings", model.settings), ("batching", model.batching)):
        leaves |= {f"{group}/{name}": value for name, value in attrs.asdict(record).items()}
    return leaves


def read_model(read: TreeReader, given: Mapping[str, Any]) -> ModelState:
    """Return the model that :func:`model_leaves` came from, after checking that one like it can have made them.

    Args:
        read: The tree.
        given: Settings that must not contradict it.
    """
    stored = read.record("settings", ModelSettings)
    model = ModelState.new(model_settings(stored, given), read.batching("batching"))
    _restore_vocabulary(read, model.vocabulary)
    _restore_embeddings(read, len(model.vocabulary), model.embeddings)
    _restore_noise(read, model.vocabulary, model.noise)
    model.blocks = read.count("progress/blocks")
    model.words_trained = read.count("progress/words_trained")
    return model


def _restore_vocabulary(read: TreeReader, vocabulary: Vocabulary) -> None:
    """Let a new vocabulary take over that of a tree, after checking that one like it can have made it."""
    words, others = read.words("vocabulary/words"), read.words("candidates/words")
    counts = read.counts("vocabulary/counts", len(words), low=vocabulary.min_count)
    waiting = read.counts("candidates/counts", len(others))
    total = read.count("vocabulary/words_seen")
    if len(others) and waiting.max() >= vocabulary.min_count:
        raise damaged(f"candidates/counts has one of {waiting.max()}, and {vocabulary.min_count} admit a word")
    candidates = dict(zip(others, waiting.tolist(), strict=True))
    if not candidates.keys().isdisjoint(words):
        raise damaged("candidates/words has words that vocabulary/words has")
    if (counted := _sum(counts) + _sum(waiting)) != total:
        raise damaged(f"vocabulary/words_seen is {total}, and the counts of all words are {counted}")
    vocabulary.restore(words, counts, candidates, total)


def _restore_embeddings(read: TreeReader, size: int, embeddings: Embeddings) -> None:
    """Let new embeddings take over those of a tree, which has so many words."""
    rows, row = (size, embeddings.vector_size), (size,)
    embeddings.restore(
        read.floats("embeddings/input", np.float32, rows),
        read.floats("embeddings/output", np.float32, rows),
        read.floats("embeddings/input_squares", np.float32, row, low=SMALLEST),
        read.floats("embeddings/output_squares", np.float32, row, low=SMALLEST),
    )


def _restore_noise(read: TreeReader, vocabulary: Vocabulary, noise: NoiseDistribution) -> None:
    """Let a new noise distribution take over that of a tree, if it can be of an earlier state of a vocabulary."""
    counts, size = read.counts("noise/counts", None), len(vocabulary)
    due = read.count("noise/due", high=vocabulary.total + 2 * size)
    if len(counts) > size or (counts > vocabulary.counts[: len(counts)]).any():
        raise damaged(f"noise/counts has more of {len(counts)} words than the vocabulary of {size}")
    if due and not len(counts):
        raise damaged(f"noise/counts is empty, and not due before {due} words")
    noise.restore(counts, due)


def read_history(read: TreeReader, words_seen: int, words_trained: int) -> History:
    """Return the history of a tree, if it can have led to so many words."""
    rows = len(read.array(f"history/{COLUMNS[0]}", np.float64, (None,)))
    columns = {
        name: read.floats(f"history/{name}", np.float64, (rows,), low=-np.inf if name == "loss_total" else 0.0)
        for name in COLUMNS
    }
    now = {"words_seen": words_seen, "words_trained": words_trained}
    if rows >= LIMIT or any((np.diff(columns[name], append=end) < 0).any() for name, end in now.items()):
        raise damaged(f"the {rows} rows of history/ do not lead to what the model has seen")
    return History.from_arrays(columns, read.count("history/resolution", low=1))


def read_scores(read: TreeReader, words_trained: int) -> Scores:
    """Return the scores over the stream of a tree, none if it is of a time before there were any."""
    if not read.has("scores"):
        return Scores()
    tests = read.words("scores/tests")
    at = read.counts("scores/words_trained", None, low=0)
    columns = {
        "words_trained": at,
        "test": read.counts("scores/test", len(at), low=0),
        "score": read.floats("scores/score", np.float64, (len(at),)),
        "scored": read.counts("scores/scored", len(at), low=0),
        "rows": read.counts("scores/rows", len(at), low=0),
    }
    if len(at) >= SCORES_LIMIT or (columns["test"] >= len(tests)).any():
        raise damaged(f"scores/ has {len(at)} rows of {len(tests)} tests")
    if (np.abs(columns["score"]) > 1.000001).any() or (columns["scored"] > columns["rows"]).any():
        raise damaged("scores/ has scores above 1, or of more rows than there are")
    if (np.diff(at, append=words_trained) < 0).any():
        raise damaged(f"the {len(at)} rows of scores/ do not lead to what the model has seen")
    return Scores.from_arrays(tests, columns)


def read_origin(read: TreeReader, words_seen: int) -> Origin:
    """Return with what the model of a tree began: with nothing, if it is of a time when there was no other way."""
    if not read.has("origin"):
        return Origin()
    origin = read.record("origin", Origin)
    if not 0 <= origin.words <= origin.words_seen <= words_seen:
        raise damaged(f"origin/ has {origin.words} words, seen {origin.words_seen} times of {words_seen}")
    return origin


def _noise_words(batching: Batching) -> int:
    return noise_words(batching, batching.chunk)


def _sum(counts: npt.NDArray[np.int64]) -> int:
    """Return the sum of counts, however large."""
    return (int((counts >> 32).sum()) << 32) + int((counts & 0xFFFFFFFF).sum())


def to_blob(words: Iterable[str]) -> npt.NDArray[np.uint8]:
    """Return words as newline-terminated UTF-8: (bytes,) uint8."""
    text = "\n".join(words)
    return np.frombuffer(f"{text}\n".encode() if text else b"", np.uint8)
