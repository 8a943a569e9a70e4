"""A folder of checkpoints as data: its state, its files, its checkpoints; what ``--json`` prints."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from streamer.checkpoints import Checkpoint, Newer, Store
from streamer.errors import ExitCode, StreamerError
from streamer.intake.reasons import reason_class
from streamer.ledger.entries import Entry
from streamer.ledger.folded import DIGEST, Sums
from streamer.state.past import utc
from streamer.state.reading import read_figures, read_files, read_past, verify

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
        "max_vocabulary": found.settings.max_vocabulary,
        "cold": found.cold,
        "candidates": found.candidates,
        "max_candidates": found.settings.max_candidates,
        "candidates_error": found.candidates_error,
        "vector_size": found.settings.vector_size,
        "architecture": found.settings.architecture,
        "initial": {"name": initial.name, "words": initial.words} if initial.words else None,
        "words_seen": found.words_seen,
        "words_trained": found.words_trained,
        "words_per_second": None if speed is None else round(speed),
        "loss": found.history.loss(),
        "scores": [score._asdict() for score in found.scores.latest()],
        "files": ledger.outcomes(),
        "bytes": _accounts(ledger.sums(reason_class)),
        "unusual": found.unusual,
        "files_folded": sum(one.files for one in ledger.folded.values()),
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


class Listing(NamedTuple):
    """The ledger of a checkpoint, or its files of one outcome.

    Attributes:
        files: A row for each file, in the shape of ``files --json``.
        bytes: The bytes of all files: seen, trained, and skipped by class of reason.
        folded: How many files are gone for so long that they are no longer listed; they are among the bytes.
    """

    files: Rows
    bytes: dict[str, Any]
    folded: int


def files(folder: Path, outcome: str | None = None) -> Rows:
    """Return the ledger of the newest checkpoint, or its files of one outcome, in the shape of ``files --json``."""
    return listing(folder, outcome).files


def listing(folder: Path, outcome: str | None = None) -> Listing:
    """Return the same, and what all files add up to."""
    ledger, unusual = read_files(folder)

    def chosen(sums: Mapping[tuple[str, str], Sums]) -> dict[tuple[str, str], Sums]:
        return {key: one for key, one in sums.items() if outcome in (None, key[0])}

    rows = [_file(entry, unusual.get(entry.path, "")) for entry in ledger if outcome in (None, entry.outcome)]
    folded = sum(one.files for one in chosen(ledger.folded).values())
    return Listing(rows, _accounts(chosen(ledger.sums(reason_class))), folded)


def _accounts(sums: Mapping[tuple[str, str], Sums]) -> dict[str, Any]:
    skipped = Counter[str]()
    for (_, reason), one in sums.items():
        skipped[reason] += one.bytes_skipped
    trained = sum(one.bytes_trained for one in sums.values())
    by_reason = {reason: count for reason, count in skipped.most_common() if count}
    return {"seen": trained + skipped.total(), "trained": trained, "skipped": by_reason}


def _known(digest: bytes) -> bytes:
    """Return what is known of a digest: of a file that was folded, and returned as another text, the first half."""
    return digest[:DIGEST] if any(digest) and not any(digest[DIGEST:]) else digest


def _file(entry: Entry, unusual: str) -> Row:
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
        "sha256": _known(entry.sha256).hex(),
        "unusual": unusual.partition(": ")[2],
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


def snapshots(folder: Path) -> Rows:
    """Return the moments that are known, newest first, in the shape of ``snapshots --json``.

    The first one is that of the newest checkpoint. A snapshot whose file is missing has no size.

    Raises:
        StreamerError: 66 if there is no checkpoint, 65 if none is intact.
    """
    past = read_past(folder)
    rows = []
    for moment in reversed(past.moments):
        path = past.folder / moment.file if moment.number else past.checkpoint.path
        row = {name: getattr(moment, name) for name in ("name", "words_seen", "words_trained", "vocabulary")}
        size = path.stat().st_size if path.is_file() else None
        rows.append(row | {"date": utc(moment.date), "date_of_text": moment.by_texts, "size_bytes": size})
    return rows


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
    return utc(checkpoint.created)
