"""Commands that make files of a model: export and plot."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.cli.console import ended_by_signals, load, log_to_stderr, tell_of_unknown
from streamer.cli.options import command, common_options
from streamer.errors import StreamerError

if TYPE_CHECKING:
    from types import ModuleType

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


@command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(FORMATS), help="What to write; by default as FILE's name says.")
@click.option("--topn", type=click.IntRange(1), metavar="N", help="Only the N most frequent words.")
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
        with ended_by_signals():
            files = write(vectors, file, kind, topn, progress)
    written = ", ".join(f"{path} ({_size(path)})" for path in files)
    click.echo(f"wrote {count:,} vectors as {kind}: {written}", err=True)
    if kind == "projector" and count > PROJECTOR_ROWS:
        click.echo(f"the projector loads the first {PROJECTOR_ROWS:,} only: --topn {PROJECTOR_ROWS}", err=True)


@command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "as_map", is_flag=True, help="A map of words instead: those with like vectors lie together.")
@click.option(
    "--topn", type=click.IntRange(1, 2000), metavar="N", help="Map the N most frequent words, 200 by default."
)
@click.option("--skip", type=click.IntRange(0), metavar="N", help="Leave out the N most frequent, such as 'the'.")
@click.option(
    "--word", "words", multiple=True, metavar="WORD", help="Map this word and its neighbours; repeat for more."
)
@click.option(
    "--neighbours", type=click.IntRange(0, 200), metavar="N", help="The N nearest to each WORD, 8 by default."
)
@common_options
def plot(
    file: Path,
    as_map: bool,
    topn: int | None,
    skip: int | None,
    words: tuple[str, ...],
    neighbours: int | None,
    checkpoints: Path,
) -> None:
    """Draw the history, or a map of words, to FILE.

    Loss, words per second, vocabulary and scores against words trained; with --map, words in two dimensions.
    FILE's name says whether it is a PNG, an SVG or a PDF.

    \b
        streamer plot history.png
        streamer plot words.svg --map --skip 100
        streamer plot words.png --map --word king --word paris
    """
    plots = _plots()
    if file.suffix.lower() not in plots.FORMATS:
        raise click.UsageError(f"plot writes {', '.join(plots.FORMATS)}; the name {file.name} ends in none of them")
    given = {"topn": topn, "skip": skip, "neighbours": neighbours}
    given = {name: value for name, value in given.items() if value is not None}
    if (given or words) and not as_map:
        raise click.UsageError("--topn, --skip, --word and --neighbours go with --map")
    if words and not given.keys() <= {"neighbours"}:
        raise click.UsageError("--topn and --skip go with the most frequent words, not with --word")
    if "neighbours" in given and not words:
        raise click.UsageError("--neighbours goes with --word")

    if not as_map:
        from streamer.state.reading import read_history

        log_to_stderr()
        plots.save(plots.draw_history(*read_history(checkpoints)), file)
        return click.echo(f"wrote the history to {file}", err=True)
    vectors = load(checkpoints)
    from streamer.answers.words import folded

    chosen = folded(vectors, words)
    tell_of_unknown(vectors, chosen)
    drawn = plots.draw_map(vectors, chosen, **given)
    plots.save(drawn.figure, file)
    return click.echo(f"wrote {drawn} to {file}", err=True)


def _plots() -> ModuleType:
    """Return what draws, if there is matplotlib to do it with."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # what it says of its cache is no log line
    try:
        from streamer import plots
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise StreamerError("plot needs matplotlib", hint="pip install matplotlib") from None
    return plots


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
