"""Commands that make files of a model: export and plot."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.commands.shared import folded, known, load, log_to_stderr
from streamer.errors import StreamerError
from streamer.options import common_options

if TYPE_CHECKING:
    from types import ModuleType


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


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--map", "as_map", is_flag=True, help="A map of words instead: those with like vectors lie together.")
@click.option("--topn", type=click.IntRange(1, 2000), show_default="200", help="Map the most frequent words.")
@click.option("--skip", type=click.IntRange(0), help="Leave out so many of the most frequent words, such as 'the'.")
@click.option(
    "--word", "words", multiple=True, metavar="WORD", help="Map this word and its neighbours; repeat for more."
)
@click.option("--neighbours", type=click.IntRange(0, 200), show_default="8", help="Nearest neighbours of each WORD.")
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
        from streamer.reading import read_history

        log_to_stderr()
        plots.save(plots.draw_history(*read_history(checkpoints)), file)
        return click.echo(f"wrote the history to {file}", err=True)
    vectors = load(checkpoints)
    drawn = known(partial(plots.draw_map, vectors, folded(vectors, words), **given))
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
        raise StreamerError("plot needs matplotlib", hint="pip install 'streamer-embeddings[plot]'") from None
    return plots
