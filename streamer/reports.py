"""What the commands show of a checkpoint folder, as data: what ``--json`` prints, and tables are made of."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from streamer.checkpoints import Checkpoint, Store
from streamer.errors import ExitCode, StreamerError
from streamer.intake.ledger import Entry, Ledger
from streamer.reading import newest, read_ledger
from streamer.settings import ModelSettings
from streamer.trees import TreeReader, read_history, read_origin, read_scores

Row = dict[str, Any]
Rows = list[Row]

_FOR_STATUS = (
    "format",
    "format_version",
    "settings",
    "vocabulary/counts",
    "vocabulary/words_seen",
    "candidates/counts",
    "progress/words_trained",
    "ledger",
    "history",
    "scores",
    "origin",
)
"""What ``status`` is made of: far less than a model, so that to look takes no longer than to check the digest."""


def status(folder: Path) -> dict[str, Any]:
    """Return the figures of the newest checkpoint, in the shape of ``status --json``.

    Raises:
        StreamerError: 66 if there is no checkpoint, 65 if none verifies.
    """
    checkpoint, tree = newest(folder, _FOR_STATUS)
    read = TreeReader(tree)
    read.check_format()
    settings = read.record("settings", ModelSettings)
    words_seen, words_trained = read.count("vocabulary/words_seen"), read.count("progress/words_trained")
    history = read_history(read, words_seen, words_trained)
    speed, origin = history.words_per_second(), read_origin(read, words_seen)
    ledger = Ledger.from_arrays(read.arrays("ledger"))
    pid = Store(folder).holder()
    return {
        "checkpoint": checkpoint.name,
        "sequence": checkpoint.sequence,
        "vocabulary": len(read.counts("vocabulary/counts", None)),
        "candidates": len(read.counts("candidates/counts", None)),
        "vector_size": settings.vector_size,
        "architecture": settings.architecture,
        "began_with": {"name": origin.name, "words": origin.words} if origin.words else None,
        "words_seen": words_seen - origin.words_seen,
        "words_trained": words_trained,
        "words_per_second": None if speed is None else round(speed),
        "loss": history.loss(),
        "scores": [score._asdict() for score in read_scores(read, words_trained).latest()],
        "files": ledger.outcomes(),
        "bytes": _accounts((e.reason, e.bytes, e.bytes_trained, e.bytes_skipped) for e in ledger.entries),
        "size_bytes": checkpoint.size_bytes,
        "created": _utc(checkpoint),
        "age_seconds": round(max(0.0, time.time() - checkpoint.created), 3),
        "running": pid is not None,
        "pid": pid or None,
    }


def files(folder: Path, outcome: str | None = None) -> Rows:
    """Return the ledger of the newest checkpoint, or its files of one outcome, in the shape of ``files --json``."""
    entries = read_ledger(folder).entries
    return [_file(entry) for entry in entries if outcome in (None, entry.outcome)]


def accounts(rows: Rows) -> dict[str, Any]:
    """Return the bytes of all files: those seen are those trained and those skipped, by reason."""
    return _accounts((row["reason"], row["bytes"], row["bytes_trained"], row["bytes_skipped"]) for row in rows)


def _accounts(rows: Iterable[tuple[str, int, int, int]]) -> dict[str, Any]:
    seen = trained = 0
    skipped = Counter[str]()
    for reason, of_file, of_them_trained, of_them_skipped in rows:
        seen, trained = seen + of_file, trained + of_them_trained
        skipped[reason] += of_them_skipped
    return {"seen": seen, "trained": trained, "skipped": {reason: n for reason, n in skipped.most_common() if n}}


def _file(entry: Entry) -> Row:
    return {
        "path": entry.path,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "words": entry.words,
        "bytes": entry.bytes,
        "bytes_trained": entry.bytes_trained,
        "bytes_skipped": entry.bytes_skipped,
        "sha256": entry.sha256.hex(),
    }


def checkpoints(folder: Path) -> Iterator[Row]:
    """Yield all checkpoints, newest first, in the shape of ``checkpoints --json``, each once it was checked wholly.

    What is wrong with one that does not verify is its ``reason``, which the others lack. Those that a trainer has set
    aside are no checkpoints any more.
    """
    for checkpoint in Store(folder).list():
        try:
            wrong = _damage(folder, checkpoint)
        except FileNotFoundError:
            continue
        row = {
            "name": checkpoint.name,
            "sequence": checkpoint.sequence,
            "size_bytes": checkpoint.size_bytes,
            "created": _utc(checkpoint),
            "verified": not wrong,
        }
        yield {**row, "reason": wrong} if wrong else row


def verified(folder: Path, name: str | Checkpoint | None = None) -> Checkpoint:
    """Return a checkpoint, the newest by default, from which a trainer could go on: every byte and number is checked.

    Raises:
        StreamerError: 65 if it is damaged, 66 if there is no such checkpoint.
    """
    from streamer.trainer import Trainer

    return Store(folder).verify(name, partial(Trainer.from_tree, threads=1))


def _damage(folder: Path, checkpoint: Checkpoint) -> str:
    """Return what is wrong with a checkpoint; raise FileNotFoundError if it was retired meanwhile."""
    try:
        verified(folder, checkpoint)
    except StreamerError as error:
        if error.code == ExitCode.DAMAGED:
            return error.problem.removeprefix(f"{checkpoint.path} is damaged: ").removeprefix(f"{checkpoint.path}: ")
        checkpoint.path.stat()
        raise
    return ""


def _utc(checkpoint: Checkpoint) -> str:
    return datetime.fromtimestamp(checkpoint.created, UTC).isoformat(timespec="seconds")
