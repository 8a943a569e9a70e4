"""Commands that write files: export and plot."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.console import as_of_option, ended_by_signals, known_words, load, log_to_stderr, tell_of_unknown
from streamer.cli.options import command, common_options
from streamer.errors import ExitCode, StreamerError

if TYPE_CHECKING:
    from types import ModuleType

    from streamer.vectors import WordVectors

# Copied from streamer.vectors, so that --help need not import it; a test compares them.
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
@click.option("--format", "kind", type=click.Choice(FORMATS), help="The format; by default FILE's suffix sets it.")
@click.option("--topn", type=click.IntRange(1), metavar="N", help="Write only the N most frequent words.")
@click.option(
    "--spelled",
    type=click.Path(path_type=Path),
    metavar="WORDS-FILE",
    help="Write the words of a file, one per line; words never met or met rarely are estimated from their spelling.",
)
@click.option("--cold", is_flag=True, help="Write words too that left the vocabulary, as they were then.")
@as_of_option
@common_options
def export(
    file: Path,
    kind: str | None,
    topn: int | None,
    spelled: Path | None,
    cold: bool,
    as_of: str | None,
    checkpoints: Path,
) -> None:
    """Write the vectors to FILE, most frequent word first.

    The suffix sets the format: .bin, .glove, .npz, .safetensors, or .tsv for the Embedding Projector. Any other
    suffix means word2vec's text format. With - as FILE, word2vec's and GloVe's formats go to standard output.

    \b
        streamer export vectors.txt
        streamer export vectors.tsv --topn 10000
        streamer export - --format glove | gzip > vectors.txt.gz
    """
    if cold and as_of:
        raise click.UsageError("--cold cannot be used with --as-of: snapshots have no words that left the vocabulary")
    kind = kind or SUFFIXES.get(file.suffix, FORMATS[0])
    piped = str(file) == "-"
    if piped and kind not in STREAMS:
        raise click.UsageError(f"{kind} cannot be written to standard output; name a file")
    if file.suffix in COMPRESSED:
        streamed = kind if kind in STREAMS else FORMATS[0]
        raise click.UsageError(
            f"export cannot write {file.suffix} files; use a pipe instead: streamer export - --format {streamed} | …"
        )
    from streamer.vectors import write, write_to

    vectors = load(checkpoints, cold=cold, as_of=as_of)
    if spelled is not None:
        vectors = _of_words(vectors, spelled)
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
        click.echo(f"the projector loads only the first {PROJECTOR_ROWS:,}; use --topn {PROJECTOR_ROWS}", err=True)


def _of_words(vectors: WordVectors, path: Path) -> WordVectors:
    """Return the vectors of the words of a file, met or not, and tell how many are estimates."""
    from streamer.answers.words import folded

    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise StreamerError(f"cannot read {path}: it is not UTF-8", code=ExitCode.NO_INPUT) from None
    except OSError as error:
        raise StreamerError(f"cannot read {path}: {error.strerror}", code=ExitCode.NO_INPUT) from None
    words = list(dict.fromkeys(folded(vectors, filter(None, map(str.strip, lines)))))
    if not words:
        raise StreamerError(f"{path} has no words", hint="write one word per line", code=ExitCode.NO_INPUT)
    found = vectors.spelled().vectors_for_all(words)
    estimates = sum(word not in vectors for word in found)
    click.echo(
        f"{estimates:,} of {len(words):,} words were never met and are estimates; "
        f"{len(words) - len(found):,} are spelled like no known word and left out",
        err=True,
    )
    return found


@command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "as_map", is_flag=True, help="Draw a map of words; similar ones are close together.")
@click.option(
    "--topn", type=click.IntRange(1, 2000), metavar="N", help="Map the N most frequent words; 200 by default."
)
@click.option("--skip", type=click.IntRange(0), metavar="N", help="Leave out the N most frequent words, such as 'the'.")
@click.option(
    "--word",
    "words",
    multiple=True,
    metavar="WORD",
    help="Draw this word over time; with --map, map it and its neighbours, and you can repeat it.",
)
@click.option(
    "--neighbours", type=click.IntRange(0, 200), metavar="N", help="Map N neighbours of each WORD; 8 by default."
)
@click.option("--font", metavar="FONT", help="Font of the words in a map: the name of an installed one, or a file.")
@as_of_option
@common_options
def plot(
    file: Path,
    as_map: bool,
    topn: int | None,
    skip: int | None,
    words: tuple[str, ...],
    neighbours: int | None,
    font: str | None,
    as_of: str | None,
    checkpoints: Path,
) -> None:
    """Draw the history of training, a word over time, or a map.

    The history shows loss, words per second, vocabulary and scores against words trained. A word over time shows what
    the command timeline does. A map shows words in two dimensions. FILE's suffix sets the format: .png, .svg or .pdf.

    \b
        streamer plot history.png
        streamer plot king.png --word king
        streamer plot words.svg --map --skip 100
        streamer plot words.png --map --word king --word paris
    """
    plots = _plots()
    if file.suffix.lower() not in plots.FORMATS:
        raise click.UsageError(f"plot cannot write {file.name}; use one of the suffixes {', '.join(plots.FORMATS)}")
    given = {"topn": topn, "skip": skip, "neighbours": neighbours, "font": font}
    given = {name: value for name, value in given.items() if value is not None}
    over_time = bool(words) and not as_map
    if (as_of and not as_map) or (given.keys() - ({"font"} if over_time else set()) and not as_map):
        raise click.UsageError("--topn, --skip, --neighbours and --as-of need --map; --font needs --map or --word")
    if over_time and len(words) > 1:
        raise click.UsageError("a picture over time has one --word; with --map there can be several")
    if words and not given.keys() <= {"neighbours", "font"}:
        raise click.UsageError("--topn and --skip cannot be used with --word")
    if "neighbours" in given and not words:
        raise click.UsageError("--neighbours needs --word")

    if over_time:
        return _over_time(plots, file, words[0], checkpoints, **given)
    if not as_map:
        from streamer.state.reading import read_history

        log_to_stderr()
        plots.save(plots.draw_history(*read_history(checkpoints)), file)
        return click.echo(f"wrote the history to {file}", err=True)
    vectors = load(checkpoints, as_of=as_of)
    from streamer.answers.words import folded

    chosen = folded(vectors, words)
    tell_of_unknown(vectors, chosen)
    drawn = plots.draw_map(vectors, chosen, **given)
    plots.save(drawn.figure, file)
    return click.echo(f"wrote {drawn} to {file}", err=True)


def _over_time(plots: ModuleType, file: Path, word: str, checkpoints: Path, **given: Any) -> None:
    """Draw a word over time."""
    from streamer.answers.past import past

    log_to_stderr()
    with known_words():
        found = past(checkpoints).timeline(word)
    by_texts = found.points[-1].moment.by_texts
    plots.save(plots.draw_timeline(found.word, found.as_dict()["moments"], **given, by_texts=by_texts), file)
    click.echo(f"wrote {found.word} at {len(found.points):,} moments to {file}", err=True)


def _plots() -> ModuleType:
    """Import and return :mod:`streamer.plots`, which needs matplotlib."""
    import logging

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # its warnings about its cache are not log lines
    try:
        from streamer import plots
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise StreamerError("plot needs matplotlib", hint="pip install matplotlib") from None
    return plots


@contextlib.contextmanager
def _progress(total: int, shown: bool) -> Iterator[Callable[[int], None] | None]:
    """Show a progress bar on stderr if that is a terminal; yield the function that updates it."""
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
