"""Commands that make files of a model: export."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.shared import load
from streamer.options import common_options


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "kind", help="word2vec, word2vec-binary, glove or npz; by default as FILE's name says.")
@click.option("--topn", type=click.IntRange(1), help="Only the most frequent words.")
@common_options
def export(file: Path, kind: str | None, topn: int | None, checkpoints: Path) -> None:
    """Write the vectors to FILE, most frequent word first.

    \b
        streamer export vectors.txt
        streamer export vectors.npz --topn 10000
    """
    from streamer.vectors import write

    if not kind and file.suffix in {".gz", ".bz2", ".xz", ".zip", ".zst"}:
        raise click.UsageError(f"export writes no {file.suffix} files; write another and compress it")
    vectors = load(checkpoints)
    kind = kind or {".npz": "npz", ".bin": "word2vec-binary", ".glove": "glove"}.get(file.suffix, "word2vec")
    write(vectors, file, kind, topn)
    click.echo(f"wrote {min(topn or len(vectors), len(vectors)):,} vectors to {file} ({kind})", err=True)
