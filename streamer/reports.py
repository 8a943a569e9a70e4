"""What the commands show of a checkpoint folder: as data for scripts, and as tables for people."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from streamer.checkpoints import Checkpoint, Store
from streamer.display import printable
from streamer.errors import ExitCode, StreamerError
from streamer.intake.ledger import Ledger
from streamer.reading import newest, read_ledger
from streamer.trainer import Trainer

Rows = list[dict[str, Any]]


def status(folder: Path) -> dict[str, Any]:
    """Return the figures of the newest checkpoint, in the shape of ``status --json``.

    Raises:
        StreamerError: 66 if there is no checkpoint, 65 if none verifies.
    """
    checkpoint, tree = newest(folder)
    trainer = Trainer.from_tree(tree, threads=1)
    model = trainer.model
    pid = Store(folder).holder()
    return {
        "checkpoint": checkpoint.name,
        "sequence": checkpoint.sequence,
        "vocabulary": len(model.vocabulary),
        "candidates": len(model.vocabulary.candidates),
        "vector_size": model.settings.vector_size,
        "architecture": model.settings.architecture,
        "words_seen": trainer.words_seen,
        "words_trained": model.words_trained,
        "loss": trainer.history.loss(),
        "files": trainer.ledger.outcomes(),
        "bytes": accounts(_rows(trainer.ledger)),
        "size_bytes": checkpoint.size_bytes,
        "age_seconds": round(max(0.0, time.time() - checkpoint.created), 3),
        "running": pid is not None,
        "pid": pid or None,
    }


def files(folder: Path) -> Rows:
    """Return the ledger of the newest checkpoint, in the shape of ``files --json``."""
    return _rows(read_ledger(folder))


def accounts(rows: Rows) -> dict[str, Any]:
    """Return the bytes of all files: those seen are those trained and those skipped, by reason."""
    skipped = Counter[str]()
    for row in rows:
        skipped[row["reason"]] += row["bytes_skipped"]
    trained = sum(row["bytes_trained"] for row in rows)
    by_reason = {reason: count for reason, count in skipped.most_common() if count}
    return {"seen": sum(row["bytes"] for row in rows), "trained": trained, "skipped": by_reason}


def _rows(ledger: Ledger) -> Rows:
    return [
        {
            "path": entry.path,
            "outcome": entry.outcome,
            "reason": entry.reason,
            "words": entry.words,
            "bytes": entry.bytes,
            "bytes_trained": entry.bytes_trained,
            "bytes_skipped": entry.bytes_skipped,
            "sha256": entry.sha256.hex(),
        }
        for entry in ledger.entries
    ]


def checkpoints(folder: Path) -> Rows:
    """Return all checkpoints, newest first, in the shape of ``checkpoints --json``; each is checked wholly.

    What is wrong with one that does not verify is its ``reason``, which the others lack. Those that a trainer has set
    aside are no checkpoints any more.
    """
    rows = []
    for checkpoint in Store(folder).list():
        try:
            wrong = _damage(folder, checkpoint)
        except FileNotFoundError:
            continue
        row = {
            "name": checkpoint.name,
            "sequence": checkpoint.sequence,
            "size_bytes": checkpoint.size_bytes,
            "created": datetime.fromtimestamp(checkpoint.created, UTC).isoformat(timespec="seconds"),
            "verified": not wrong,
        }
        rows.append({**row, "reason": wrong} if wrong else row)
    return rows


def verified(folder: Path, name: str | Checkpoint | None = None) -> Checkpoint:
    """Return a checkpoint, the newest by default, from which a trainer could go on: every byte and number is checked.

    Raises:
        StreamerError: 65 if it is damaged, 66 if there is no such checkpoint.
    """
    return Store(folder).verify(name, partial(Trainer.from_tree, threads=1))


def print_status(figures: dict[str, Any]) -> None:
    """Print the figures of a checkpoint."""
    loss = figures["loss"]
    running = f"process {figures['pid'] or 'unknown'}" if figures["running"] else "none"
    count = figures["files"]
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in (
        ("checkpoint", f"{figures['checkpoint']}, {_size(figures['size_bytes'])}, {_ago(figures['age_seconds'])}"),
        ("trainer", running),
        ("words seen", f"{figures['words_seen']:,}"),
        ("vocabulary", f"{figures['vocabulary']:,} words, {figures['candidates']:,} candidates"),
        ("vectors", f"{figures['vector_size']} numbers each, {figures['architecture']}"),
        ("loss", "not measured yet" if loss is None else f"{loss:.4f}"),
        ("files", ", ".join(f"{number:,} {outcome}" for outcome, number in count.items() if number) or "none"),
    ):
        table.add_row(name, value)
    _print(table)


def print_files(rows: Rows) -> None:
    """Print the ledger."""
    table = _table("file", "outcome", right=("words", "bytes"), last=("reason",))
    colours = {"trained": "green", "partial": "yellow", "skipped": "red"}
    for row in rows:
        outcome = Text(row["outcome"], colours[row["outcome"]])
        path, reason = Text(printable(row["path"])), Text(row["reason"])
        table.add_row(path, outcome, f"{row['words']:,}", f"{row['bytes']:,}", reason)
    _print(table)
    if rows:
        total = accounts(rows)
        print()
        print(
            f"{total['seen']:,} bytes seen = {total['trained']:,} trained + {sum(total['skipped'].values()):,} skipped"
        )
        for reason, count in total["skipped"].items():
            print(f"  {count:,} skipped: {printable(reason)}")


def print_checkpoints(rows: Rows) -> None:
    """Print the checkpoints."""
    table = _table("checkpoint", "created", right=("size",), last=("verified",))
    for row in rows:
        created = datetime.fromisoformat(row["created"])
        age = _ago(time.time() - created.timestamp())
        whole = Text("yes", "green") if row["verified"] else Text(f"damaged: {printable(row['reason'])}", "red")
        table.add_row(row["name"], f"{created.astimezone():%Y-%m-%d %H:%M:%S}, {age}", _size(row["size_bytes"]), whole)
    _print(table)


def print_neighbours(neighbours: Sequence[tuple[str, Sequence[tuple[str, float]]]]) -> None:
    """Print the neighbours of each word with their cosines."""
    for word, near in neighbours:
        table = _table(escape(word), right=("cosine",))
        for other, cosine in near:
            table.add_row(Text(other), f"{cosine:.4f}")
        _print(table)


def print_scores(scores: dict[str, Any]) -> None:
    """Print the scores of ``evaluate``."""
    table = _table("test", right=("score", "scored", "of"))
    if pairs := scores.get("pairs"):
        value = pairs["spearman"]
        score = "–" if value is None else f"{value:.4f}"
        table.add_row("word pairs (Spearman)", score, f"{pairs['scored']:,}", f"{pairs['rows']:,}")
    if analogies := scores.get("analogies"):
        total = {"section": "analogies (accuracy)", **analogies}
        for section in [*analogies["sections"], total]:
            score = f"{section['accuracy']:.4f}" if section["scored"] else "–"
            table.add_row(section["section"], score, f"{section['scored']:,}", f"{section['rows']:,}")
    _print(table)


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


def _table(*left: str, right: Sequence[str] = (), last: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    for name in last:
        table.add_column(name, overflow="fold")
    return table


def _print(table: Table) -> None:
    console = Console(highlight=False, emoji=False)  # a file may be called :apple:
    if not console.is_terminal:
        console.width = 10_000  # a pipe has no width at which to break a line
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(0.0, seconds):.0f} s ago"
