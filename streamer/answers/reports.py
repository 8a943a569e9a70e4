"""A folder of checkpoints as data: its state, its files, its checkpoints; what ``--json`` prints."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streamer.checkpoints import Checkpoint, Newer, Store
from streamer.errors import ExitCode, StreamerError
from streamer.intake.reasons import reason_class
from streamer.ledger.entries import Entry
from streamer.state.reading import read_figures, read_ledger, verify

LEAST_SPAN = 60.0
"""Seconds between the oldest and the newest checkpoint from which on they say how much is written."""

Row = dict[str, Any]
Rows = list[Row]


def status(folder: Path) -> Row:
    """Return the state of the newest checkpoint, in the shape of ``status --json``.

    Raises:
        StreamerError: 66 if there is no checkpoint, 65 if none is intact.
    """
    found = read_figures(folder)
    checkpoint, ledger, initial = found.checkpoint, found.ledger, found.initial
    speed, pid = found.history.words_per_second(), Store(folder).holder()
    return {
        "checkpoint": checkpoint.name,
        "sequence": checkpoint.sequence,
        "vocabulary": found.vocabulary,
        "candidates": found.candidates,
        "vector_size": found.settings.vector_size,
        "architecture": found.settings.architecture,
        "initial": {"name": initial.name, "words": initial.words} if initial.words else None,
        "words_seen": found.words_seen,
        "words_trained": found.words_trained,
        "words_per_second": None if speed is None else round(speed),
        "loss": found.history.loss(),
        "scores": [score._asdict() for score in found.scores.latest()],
        "files": ledger.outcomes(),
        "bytes": _accounts((e.explanation, e.bytes, e.bytes_trained, e.bytes_skipped) for e in ledger),
        "size_bytes": checkpoint.size_bytes,
        "bytes_written_per_hour": _written_per_hour(Store(folder).list()),
        "created": _utc(checkpoint),
        "age_seconds": round(max(0.0, time.time() - checkpoint.created), 3),
        "running": pid is not None,
        "pid": pid or None,
    }


def _written_per_hour(kept: Sequence[Checkpoint]) -> int | None:
    """Return how many bytes of checkpoints are written an hour, by names, times and sizes of those that are kept.

    None if there are too few, or they are too close to each other. Those in between that were removed count by their
    numbers, with the mean size.
    """
    seconds = kept[0].created - kept[-1].created if kept else 0.0
    if seconds < LEAST_SPAN:
        return None
    size = sum(checkpoint.size_bytes for checkpoint in kept) / len(kept)
    return round((kept[0].sequence - kept[-1].sequence) * size * 3600 / seconds)


def files(folder: Path, outcome: str | None = None) -> Rows:
    """Return the ledger of the newest checkpoint, or its files of one outcome, in the shape of ``files --json``."""
    return [_file(entry) for entry in read_ledger(folder) if outcome in (None, entry.outcome)]


def accounts(rows: Rows) -> dict[str, Any]:
    """Return the bytes of all files: seen, trained, and skipped by class of reason."""
    return _accounts((row["reason"], row["bytes"], row["bytes_trained"], row["bytes_skipped"]) for row in rows)


def _accounts(rows: Iterable[tuple[str, int, int, int]]) -> dict[str, Any]:
    seen = trained = 0
    skipped = Counter[str]()
    for reason, of_file, of_them_trained, of_them_skipped in rows:
        seen, trained = seen + of_file, trained + of_them_trained
        if of_them_skipped:
            skipped[reason_class(reason)] += of_them_skipped
    return {"seen": seen, "trained": trained, "skipped": dict(skipped.most_common())}


def _file(entry: Entry) -> Row:
    return {
        "path": entry.path,
        "outcome": entry.outcome,
        "reason": entry.explanation,
        "format": entry.format,
        "encoding": entry.encoding,
        "words": entry.words,
        "bytes": entry.bytes,
        "bytes_trained": entry.bytes_trained,
        "bytes_skipped": entry.bytes_skipped,
        "sha256": entry.sha256.hex(),
    }


def checkpoints(folder: Path) -> Iterator[Row]:
    """Yield all checkpoints, newest first, each after it was verified, in the shape of ``checkpoints --json``.

    Only one that does not verify has a ``reason``, a ``hint``, and ``newer``: whether its format is newer, and the file
    may be intact. Checkpoints that a trainer has set aside are not listed.
    """
    for checkpoint in Store(folder).list():
        try:
            wrong = _wrong(folder, checkpoint)
        except FileNotFoundError:
            continue
        row = {
            "name": checkpoint.name,
            "sequence": checkpoint.sequence,
            "size_bytes": checkpoint.size_bytes,
            "created": _utc(checkpoint),
            "verified": not wrong,
        }
        yield row | wrong


def _wrong(folder: Path, checkpoint: Checkpoint) -> Row:
    """Return what is wrong with a checkpoint; raise FileNotFoundError if it was retired in the meantime."""
    try:
        verify(folder, checkpoint)
    except StreamerError as error:
        if error.code == ExitCode.DAMAGED:
            reason = error.problem.removeprefix(f"{checkpoint.path} is damaged: ").removeprefix(f"{checkpoint.path}: ")
            return {"reason": reason, "hint": error.hint, "newer": isinstance(error.__cause__, Newer)}
        checkpoint.path.stat()
        raise
    return {}


def _utc(checkpoint: Checkpoint) -> str:
    return datetime.fromtimestamp(checkpoint.created, UTC).isoformat(timespec="seconds")
