"""Commands that look at a text before anything is trained: words, phrases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from streamer.cli.console import json_option, log_to_stderr, print_json
from streamer.cli.options import Common, command, common_options, resolve, text_options


@command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--topn", type=click.IntRange(1), default=20, show_default=True, help="Frequent words to show.")
@json_option
@common_options
@text_options
@click.pass_obj
def words(common: Common, /, file: Path, topn: int, as_json: bool, checkpoints: Path, **flags: Any) -> None:
    """Show how a text is cut into words.

    FILE is the text. It looks at the first MiB with the settings given, and trains nothing. Each line is a context.

    \b
        streamer words app.log --tokenizer logs
        streamer words posts.txt --tokenizer social --stop-words stop.txt
    """
    given, run = resolve(common.config, flags)
    from streamer.answers import cutting
    from streamer.settings import ModelSettings

    log_to_stderr()
    found = cutting.cut(file, ModelSettings(**given), run, topn=topn)
    if as_json:
        print_json(attrs.asdict(found))
        return
    from streamer.cli import tables

    tables.print_cut(found)


@command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--times",
    type=click.IntRange(2),
    default=20,
    show_default=True,
    help="Times that the words must follow each other.",
)
@click.option(
    "--threshold", type=click.FloatRange(0), default=100.0, show_default=True, help="Lowest score of a phrase."
)
@json_option
@common_options
@text_options
@click.pass_obj
def phrases(
    common: Common,
    /,
    files: tuple[Path, ...],
    times: int,
    threshold: float,
    as_json: bool,
    checkpoints: Path,
    **flags: Any,
) -> None:
    """Propose phrases that deserve one vector.

    It finds words in FILES that follow each other often, and prints one phrase a line, best first: a file for
    --phrases. FILES are files and folders. For phrases of three words,
    run it again with --phrases and the phrases of two.

    \b
        streamer phrases reports/ > phrases.txt
        streamer watch data/inbox --phrases phrases.txt
    """
    given, run = resolve(common.config, flags)
    from streamer.answers import cutting
    from streamer.settings import ModelSettings

    log_to_stderr()
    found = cutting.collocations_in(files, ModelSettings(**given), run, min_count=times, threshold=threshold)
    if as_json:
        rows = [{"phrase": " ".join(each.words), "times": each.times, "score": each.score} for each in found]
        return print_json(rows)
    for each in found:
        click.echo(" ".join(each.words))
    return None
