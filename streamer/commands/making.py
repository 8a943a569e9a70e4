"""Commands that make files of a model: export."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from streamer.commands.shared import load
from streamer.options import common_options

# Those of streamer.vectors, which --help must not wait for; a test compares them.
FORMATS = ("word2vec", "word2vec-binary", "glove", "projector", "npz", "safetensors")
STREAMS = FORMATS[:3]
SUFFIXES = {
    ".bin": "word2vec-binary",
    ".glove": "glove",
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".tsv": "projector",
}
COMPRESSED = {".gz", ".bz2", ".xz", ".zip", ".zst"}
PROJECTOR_ROWS = 100_000
"""Rows that the Embedding Projector loads (tensorboard's LIMIT_NUM_POINTS)."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(FORMATS), help="What to write; by default as FILE's name says.")
@click.option("--topn", type=click.IntRange(1), help="Only the most frequent words.")
@common_options
def export(file: Path, kind: str | None, topn: int | None, checkpoints: Path) -> None:
    """Write the vectors to FILE, most frequent word first.

    The name says the format: .bin, .glove, .npz, .safetensors, .tsv for the Embedding Projector, else word2vec's
    text. With - for FILE, word2vec and GloVe go to standard output.

    \b
        streamer export vectors.txt
        streamer export vectors.tsv --topn 10000
        streamer export - --format glove | gzip > vectors.txt.gz
    """
    kind = kind or SUFFIXES.get(file.suffix, FORMATS[0])
    piped = str(file) == "-"
    if piped and kind not in STREAMS:
        raise click.UsageError(f"{kind} cannot be written to standard output; name a file")
    if file.suffix in COMPRESSED:
        streamed = kind if kind in STREAMS else FORMATS[0]
        raise click.UsageError(
            f"export writes no {file.suffix} files; compress it on the way: streamer export - --format {streamed} | …"
        )
    from streamer.vectors import write, write_to

    vectors = load(checkpoints)
    count = min(topn or len(vectors), len(vectors))
    with _progress(count, shown=not (piped and sys.stdout and sys.stdout.isatty())) as progress:
        if piped:
            with open(1, "wb", closefd=False) as output:
                write_to(vectors, output, kind, topn, progress)
            return
        files = write(vectors, file, kind, topn, progress)
    written = ", ".join(f"{path} ({_size(path)})" for path in files)
    click.echo(f"wrote {count:,} vectors as {kind}: {written}", err=True)
    if kind == "projector" and count > PROJECTOR_ROWS:
        click.echo(f"the projector loads the first {PROJECTOR_ROWS:,} only: --topn {PROJECTOR_ROWS}", err=True)


@contextlib.contextmanager
def _progress(total: int, shown: bool) -> Iterator[Callable[[int], None] | None]:
    """Show a bar on stderr, rows and the time left, if that is a terminal; give what moves it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    if not shown or not console.is_terminal:
        yield None
        return
    bar = Progress(BarColumn(), MofNCompleteColumn(), "vectors", TimeRemainingColumn(), console=console, transient=True)
    with bar:
        task = bar.add_task("", total=total)
        yield lambda rows: bar.update(task, completed=rows)


def _size(path: Path) -> str:
    size = path.stat().st_size
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"
