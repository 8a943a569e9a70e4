"""Reading checkpoints, or parts of them, without the lock, while a trainer may publish the next."""

from __future__ import annotations

import operator
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import structlog

from streamer.checkpoints import Checkpoint, Store, Tree
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.ledger import Ledger
from streamer.model.cold import Cold
from streamer.model.sources import Sources
from streamer.settings import DEFAULT_CHECKPOINTS, ModelSettings
from streamer.state import keys, records
from streamer.state.history import History
from streamer.state.initial import InitialVectors
from streamer.state.migrations import migrate
from streamer.state.past import Past
from streamer.state.scores import Scores
from streamer.state.segments import read_cold as read_cold_words
from streamer.state.snapshots import Moment, Snapshot, read_snapshots
from streamer.state.state import State
from streamer.state.tree_reader import TreeReader
from streamer.text.tokenizer import Rules
from streamer.vectors import WordVectors, pickles

PathLike = str | os.PathLike[str]
Found = TypeVar("Found")

_ALWAYS = ("format", "format_version")

_log = structlog.get_logger(__name__)


@attrs.frozen
class Figures:
    """How far a training is: all parts of a state except the model itself.

    Attributes:
        checkpoint: What they were read from.
        settings: The settings of the model.
        vocabulary: Number of words that have vectors.
        candidates: Number of words that were seen too seldom so far.
        cold: Number of words that left the vocabulary and have not come back.
        candidates_error: How often a word was seen at most that is neither; 0 if no candidate was forgotten.
        words_seen: Words of all texts, without those of initial vectors.
        words_trained: Those of them that had vectors, over all passes.
        history: Loss, speed and vocabulary over the stream.
        scores: Scores in tests over the stream.
        initial: The initial vectors.
        ledger: The files.
        unusual: How many files looked unlike the others before they were trained, in all.
    """

    checkpoint: Checkpoint
    settings: ModelSettings
    vocabulary: int
    candidates: int
    candidates_error: int
    cold: int
    words_seen: int
    words_trained: int
    history: History
    scores: Scores
    initial: InitialVectors
    ledger: Ledger
    unusual: int


def load(
    folder: PathLike = DEFAULT_CHECKPOINTS,
    *,
    sequence: int | None = None,
    newer_than: WordVectors | None = None,
    cold: bool = False,
    as_of: str | None = None,
) -> WordVectors:
    """Return the vectors of a checkpoint, read-only: of the newest intact one, unless you name one or a moment.

    You can call it while a trainer publishes new checkpoints.

    Args:
        folder: A folder of checkpoints, or the file of one checkpoint.
        sequence: The number of a checkpoint in the folder.
        newer_than: Vectors that were loaded before. They are returned again if their checkpoint is still the newest of
            the folder. Then nothing is read, so you can call this before every query.
        cold: Whether to return words too that left the vocabulary, as they were then.
        as_of: A moment of the stream, such as ``"2026-11-03"``, ``"-7d"``, ``"snapshot-42"`` or ``"12.5M"`` words: the
            vectors of the last snapshot until then. Their ``moment`` says which one it is.

    Raises:
        StreamerError: 66 if there is no such checkpoint or moment, 65 if it is damaged, or if none is intact.
        ValueError: If ``newer_than`` is given together with a number or a file, or a number together with a file; or a
            moment with any other argument.
    """
    if as_of is not None:
        if sequence is not None or newer_than is not None or cold:
            raise ValueError("as_of goes with no other argument but the folder")
        return _as_of(folder, as_of)
    if newer_than is not None:
        if sequence is not None or _is_file(Path(folder)):
            raise ValueError("newer_than needs a folder of checkpoints, not a number or a file")
        if newer_than.with_cold == cold and [newer_than.checkpoint] == Store(Path(folder)).list()[:1]:
            return newer_than
    if not cold:
        checkpoint, read = _open(folder, keys.VECTORS, sequence)
        return keys.read_vectors(read, checkpoint)

    def vectors(checkpoint: Checkpoint, tree: Tree) -> WordVectors:
        read = TreeReader(migrate(tree))
        return keys.read_vectors(read, checkpoint, read_cold_words(read, checkpoint.path.parent))

    return _whole(folder, vectors, (*_ALWAYS, *keys.VECTORS, *keys.COLD), sequence)


@attrs.frozen(eq=False)
class Origins:
    """From which files words come, which files those are, and what was known earlier.

    Attributes:
        past: The moments of the stream, with the checkpoint from which all of this was read.
        index: The id of each word with a vector.
        counts: (V,) int64, how often each was seen.
        sources: The record of each.
        ledger: The files.
        rules: How texts are cut into words.
    """

    past: Past
    index: dict[str, int]
    counts: npt.NDArray[np.int64]
    sources: Sources
    ledger: Ledger
    rules: Rules


def read_origins(folder: PathLike = DEFAULT_CHECKPOINTS) -> Origins:
    """Return from which files the words of the newest intact checkpoint come; raises as :func:`load` does."""
    checkpoint, read = _open(folder, (*keys.PAST, *keys.ORIGINS))
    past, (words, counts), ledger = _past(checkpoint, read), keys.read_words(read), keys.read_ledger(read)
    sources = Sources()
    sources.restore(records.read_sources(read, len(words), len(ledger)))
    index = {word: number for number, word in enumerate(words)}
    return Origins(past, index, counts, sources, ledger, keys.read_rules(read))


def read_past(folder: PathLike = DEFAULT_CHECKPOINTS) -> Past:
    """Return the moments of a stream that are known; raises as :func:`load` does."""
    return _past(*_open(folder, keys.PAST))


def _past(checkpoint: Checkpoint, read: TreeReader) -> Past:
    words_seen, words_trained = keys.read_progress(read)
    seen = words_seen - records.read_initial(read, words_seen).words_seen
    known = read_snapshots(read, checkpoint.path.parent)
    date = known.clock if known.clock > -np.inf else checkpoint.created
    size = keys.read_sizes(read)[0]
    now = Moment(checkpoint.name.removesuffix(".h5"), 0, seen, words_trained, size, date, by_texts=known.by_texts)

    def newest(moment: Moment) -> Snapshot:
        try:
            tree = Store(checkpoint.path.parent).load(checkpoint, (*_ALWAYS, *keys.SNAPSHOT))[1]
        except StreamerError as error:
            if checkpoint.path.exists():
                raise
            raise StreamerError(
                f"{checkpoint.name} was removed before it was read: there is a newer one",
                hint="ask again",
                code=ExitCode.NO_INPUT,
            ) from error
        return keys.read_now(TreeReader(migrate(tree)), moment)

    fold = keys.read_fold(read)
    return Past(checkpoint, [*(file.moment for file in known.files), now], fold, newest)


def _as_of(folder: PathLike, text: str) -> WordVectors:
    past = read_past(folder)
    moment = past.find(text)
    if not moment.number:  # not in 8 bits
        found = load(past.checkpoint.path)
    else:
        snapshot = past.read(moment)
        found = WordVectors(snapshot.words, snapshot.vectors(), snapshot.counts, copy=False, fold=past.fold)
    found.moment = moment
    return found


def read_cold(folder: PathLike = DEFAULT_CHECKPOINTS) -> Cold:
    """Return the words that left the vocabulary; argument and errors as of :func:`load`."""

    def cold(checkpoint: Checkpoint, tree: Tree) -> Cold:
        return read_cold_words(TreeReader(migrate(tree)), checkpoint.path.parent)

    return _whole(folder, cold, (*_ALWAYS, *keys.COLD))


def read_state(folder: PathLike = DEFAULT_CHECKPOINTS, *, given: dict[str, object] | None = None) -> State:
    """Return the whole state of a checkpoint.

    Args:
        folder: As for :func:`load`.
        given: Settings of the model that must not contradict it.

    Raises:
        StreamerError: As :func:`load` does; 78 if a setting contradicts the checkpoint.
    """
    return _whole(folder, lambda checkpoint, tree: State.from_checkpoint(checkpoint, tree, given))


def read_words(
    folder: PathLike = DEFAULT_CHECKPOINTS, *, silent: bool = False
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return V words in the order of admission and how often each was seen, (V,) int64; raises as :func:`load` does.

    Args:
        folder: The folder of checkpoints.
        silent: Whether to log nothing about damaged checkpoints that are skipped.
    """
    return keys.read_words(_open(folder, keys.WORDS, silent=silent)[1])


def read_ledger(folder: PathLike = DEFAULT_CHECKPOINTS) -> Ledger:
    """Return the ledger of the newest intact checkpoint; raises as :func:`load` does."""
    return read_files(folder)[0]


def read_files(folder: PathLike = DEFAULT_CHECKPOINTS) -> tuple[Ledger, dict[str, str]]:
    """Return the ledger, and the last files that were unusual, and why; raises as :func:`load` does."""
    read = _open(folder, keys.LEDGER)[1]
    return keys.read_ledger(read), records.read_flagged(read)


def read_base(path: Path) -> tuple[int, tuple[int, int], Ledger]:
    """Return blocks that a model was trained on, words it has seen and trained, its ledger; raises as :func:`load`."""
    read = _open(path, (*keys.LEDGER, *keys.HISTORY, "progress/blocks"), silent=True)[1]
    seen, trained = keys.read_progress(read)
    words = seen - records.read_initial(read, seen).words_seen, trained
    return read.count("progress/blocks"), words, keys.read_ledger(read)


def read_history(folder: PathLike = DEFAULT_CHECKPOINTS) -> tuple[History, Scores, InitialVectors]:
    """Return history, scores and initial vectors of the newest intact checkpoint; raises as :func:`load` does."""
    return _history(_open(folder, keys.HISTORY)[1])


def read_figures(folder: PathLike = DEFAULT_CHECKPOINTS) -> Figures:
    """Return the figures of the newest intact checkpoint; raises as :func:`load` does."""
    checkpoint, read = _open(folder, keys.FIGURES)
    words_seen, words_trained = keys.read_progress(read)
    history, scores, initial = _history(read)
    return Figures(
        checkpoint,
        keys.read_settings(read),
        *keys.read_sizes(read),
        words_seen - initial.words_seen,
        words_trained,
        history,
        scores,
        initial,
        keys.read_ledger(read),
        read.count("judgements/unusual"),
    )


def verify(folder: PathLike, checkpoint: Checkpoint | str | None = None) -> Checkpoint:
    """Return a checkpoint, the newest by default, after checking that a trainer could resume from it.

    Every byte is compared with the digest. Then every part is read and checked against the others.

    Args:
        folder: The folder of checkpoints.
        checkpoint: One that :meth:`Store.list` returned, a name in the folder, or a path.

    Raises:
        StreamerError: 65 if it is damaged, 66 if there is no such checkpoint.
    """
    return Store(Path(folder)).verify(checkpoint, State.from_checkpoint)


def _history(read: TreeReader) -> tuple[History, Scores, InitialVectors]:
    words_seen, words_trained = keys.read_progress(read)
    history, scores = records.read_history(read, words_seen, words_trained), records.read_scores(read, words_trained)
    return history, scores, records.read_initial(read, words_seen)


def _open(
    source: PathLike, only: Collection[str], sequence: int | None = None, *, silent: bool = False
) -> tuple[Checkpoint, TreeReader]:
    """Return a checkpoint and a reader of some of its parts."""
    checkpoint, tree = _read(source, (*_ALWAYS, *only), sequence, silent=silent)
    return checkpoint, TreeReader(migrate(tree))


def _whole(
    source: PathLike,
    use: Callable[[Checkpoint, Tree], Found],
    only: Collection[str] | None = None,
    sequence: int | None = None,
) -> Found:
    """Return what is made of a checkpoint and its segments; other arguments as of :func:`load`.

    A trainer may retire both while they are read. Then there is a newer checkpoint, which is read instead.
    """
    while True:
        checkpoint, tree = _read(source, only, sequence)
        try:
            return use(checkpoint, tree)
        except StreamerError:
            if sequence is not None or checkpoint.path.exists():
                raise


def _read(
    source: PathLike, only: Collection[str] | None = None, sequence: int | None = None, *, silent: bool = False
) -> tuple[Checkpoint, Tree]:
    """Return a checkpoint and its tree, as it is in the file; arguments as for :func:`load`.

    Each damaged checkpoint that is skipped gets a line in the log, unless ``silent``.
    """
    path = Path(source)
    if _is_file(path):
        if sequence is not None:
            raise ValueError("sequence needs a folder of checkpoints, not a file")
        _refuse_pickle(path)
        return Store(path.parent).load(str(path.absolute()), only)
    if sequence is not None:
        return Store(path).load(operator.index(sequence), only)
    found = Store(path).load_newest(only, on_damage=None if silent else _passed_over)
    if found is None:
        raise StreamerError(
            f"there is no checkpoint in {os.fspath(source)}",
            hint="train one first: python -m streamer watch data/inbox --once",
            code=ExitCode.NO_INPUT,
        )
    return found


def _is_file(path: Path) -> bool:
    """Return whether one checkpoint is meant: a file that is there, or a name that no folder of checkpoints has.

    What cannot be looked at is taken for a folder: listing it says why.
    """
    return os.path.isfile(path) or (path.suffix == ".h5" and not os.path.isdir(path))  # noqa: PTH112, PTH113


def _refuse_pickle(path: Path) -> None:
    """Raise the error of a file that is a pickle; of one that can't be read, whoever reads it says why."""
    try:
        with path.open("rb") as file:
            told = pickles.told(file.read(pickles.ENOUGH), path)
    except OSError:
        return
    if told:
        problem, hint = told
        raise StreamerError(f"{path} is not a checkpoint: {problem}", hint=hint, code=ExitCode.NO_INPUT)


def _passed_over(checkpoint: Checkpoint, reason: str) -> None:
    # If the log is not configured, structlog writes to stdout, where other programs read results.
    log = _log if structlog.is_configured() else structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    log.warning("checkpoint.damaged", name=checkpoint.name, reason=reason, hint="an older one is used")
