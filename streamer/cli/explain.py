"""The command that explains a word: explain."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.cli.completion import complete_word
from streamer.cli.console import json_option, known_words, log_to_stderr, print_json
from streamer.cli.options import command, common_options


@command()
@click.argument("word", shell_complete=complete_word)
@click.option(
    "--topn", type=click.IntRange(1), metavar="N", default=5, show_default=True, help="How many neighbours to show."
)
@json_option
@common_options
def explain(word: str, topn: int, checkpoints: Path, as_json: bool) -> None:
    """Show where WORD comes from, and what became of it.

    Shows the first and the last file that had it, the files that moved it most, lines of these files if they are
    still there, and its counts and neighbours over time.

    \b
        streamer explain whale
        streamer explain whale --json | jq -r '.moved_most[].path'
    """
    from streamer.answers.explaining import explain as explained

    log_to_stderr()
    with known_words():
        found = explained(word, checkpoints, topn=topn)
    if as_json:
        return print_json(found)
    from streamer.cli.explanation import print_explanation

    return print_explanation(found)
