"""Reading the newest checkpoint, without the lock, while a trainer may publish the next."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np
import structlog

from streamer import trees
from streamer.checkpoints import Checkpoint, Store, Tree
from streamer.errors import ExitCode, StreamerError
from streamer.history import History, Origin, Scores
from streamer.intake.ledger import Ledger
from streamer.settings import DEFAULT_CHECKPOINTS
from streamer.trees import TreeReader
from streamer.vectors import WordVectors

PathLike = str | os.PathLike[str]

_log = structlog.get_logger(__name__)


def load(folder: PathLike = DEFAULT_CHECKPOINTS, *, newer_than: WordVectors | None = None) -> WordVectors:
    """Return the vectors of the newest checkpoint that verifies, read-only. Safe while a trainer publishes new ones.

    Args:
        folder: The folder of checkpoints.
        newer_than: Vectors loaded before, to be returned again if the folder still shows their checkpoint as the
            newest. Nothing is read then, so one may ask before every query.

    Raises:
        StreamerError: 66 if there is no checkpoint, 65 if none verifies.
    """
    if newer_than is not None and [newer_than.checkpoint] == Store(Path(folder)).list()[:1]:
        return newer_than
    checkpoint, tree = newest(folder, only=("format", "format_version", "vocabulary", "embeddings/input"))
    read = TreeReader(tree)
    read.check_format()
    words = read.words("vocabulary/words")
    matrix = read.floats("embeddings/input", np.float32, (len(words), None))
    counts = read.counts("vocabulary/counts", len(words))
    return WordVectors(words, matrix, counts, copy=False, checkpoint=checkpoint)


def read_ledger(folder: PathLike = DEFAULT_CHECKPOINTS) -> Ledger:
    """Return the ledger of the newest checkpoint that verifies; raises as :func:`load` does."""
    read = TreeReader(newest(folder, only=("format", "format_version", "ledger"))[1])
    read.check_format()
    return Ledger.from_arrays(read.arrays("ledger"))


def read_history(folder: PathLike = DEFAULT_CHECKPOINTS) -> tuple[History, Scores, Origin]:
    """Return what happened up to the newest checkpoint, and with what it began; raises as :func:`load` does."""
    only = (
        "format",
        "format_version",
        "vocabulary/words_seen",
        "progress/words_trained",
        "history",
        "scores",
        "origin",
    )
    read = TreeReader(newest(folder, only=only)[1])
    read.check_format()
    words_seen, words_trained = read.count("vocabulary/words_seen"), read.count("progress/words_trained")
    history, scores = trees.read_history(read, words_seen, words_trained), trees.read_scores(read, words_trained)
    return history, scores, trees.read_origin(read, words_seen)


def newest(folder: PathLike, only: Collection[str] | None = None) -> tuple[Checkpoint, Tree]:
    """Return the newest checkpoint that verifies and its tree, or parts of it; raises as ``load`` does.

    Each damaged one that is passed over is told in a line of the log.
    """
    found = Store(Path(folder)).load_newest(only, on_damage=_passed_over)
    if found is None:
        raise StreamerError(
            f"there is no checkpoint in {os.fspath(folder)}",
            hint="train one first: python -m streamer watch data/inbox --once",
            code=ExitCode.NO_INPUT,
        )
    return found


def _passed_over(checkpoint: Checkpoint, reason: str) -> None:
    # Who has set up no log reads results on stdout, where structlog would write.
    log = _log if structlog.is_configured() else structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    log.warning("checkpoint.damaged", name=checkpoint.name, reason=reason, hint="an older one is used")
