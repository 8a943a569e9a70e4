"""Commands that compare moments of the stream: diff, drift, timeline, emerging."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.cli.completion import complete_word
from streamer.cli.console import json_option, known_words, log_to_stderr, print_json, topn_option
from streamer.cli.options import command, common_options

if TYPE_CHECKING:
    from streamer.answers.past import StreamPast
    from streamer.state.snapshots import Moment

from_option = click.option(
    "--from",
    "since",
    required=True,
    metavar="MOMENT",
    help="The earlier moment: 2026-11-03, -7d, snapshot-42, 12.5M (words).",
)
since_option = click.option(
    "--since", required=True, metavar="MOMENT", help="The moment: 2026-11-03, -7d, snapshot-42, 12.5M (words)."
)
to_option = click.option("--to", metavar="MOMENT", help="The later moment; by default, the newest checkpoint.")
rows_option = click.option(
    "--topn", type=click.IntRange(1), metavar="N", default=20, show_default=True, help="How many words to show."
)


@command()
@click.argument("word", shell_complete=complete_word)
@from_option
@to_option
@topn_option
@json_option
@common_options
def diff(word: str, since: str, to: str | None, topn: int, checkpoints: Path, as_json: bool) -> None:
    """Compare WORD and its neighbours at two moments.

    Shows the neighbours then and now, which of them left or entered, and the cosine of the word with itself. That alone
    tells little: vectors move on unchanged text too. See the command drift.

    \b
        streamer diff cloud --from 2026-11-03
        streamer diff cloud --from -30d --to yesterday
    """
    past = _past(checkpoints)
    with known_words():
        found = past.diff(word, since, to, topn=topn)
    _tell(found.first, found.last)
    if as_json:
        return print_json(found.as_dict())
    from streamer.cli import history_tables

    return history_tables.print_diff(found)


@command()
@from_option
@to_option
@click.option("--min-z", type=float, default=6.0, show_default=True, metavar="Z", help="The lowest score to show.")
@rows_option
@json_option
@common_options
def drift(since: str, to: str | None, min_z: float, topn: int, checkpoints: Path, as_json: bool) -> None:
    """Find the words whose use changed between two moments.

    The score z says how much farther a word moved than words as frequent do in this and in earlier stretches of the
    stream. From 6 on a word changed, from 5 on perhaps. A word needs 20 sightings before and 20 within.

    \b
        streamer drift --from 2026-11-03
        streamer drift --from -30d --to -7d --min-z 5
    """
    found = _past(checkpoints).drift(since, to, min_z=min_z, topn=topn)
    _tell(found.first, found.last)
    if as_json:
        return print_json(found.as_dict())
    from streamer.cli import history_tables

    history_tables.print_drift(found)
    return click.echo(history_tables.summary(found, min_z), err=True)


@command()
@click.argument("word", shell_complete=complete_word)
@click.option(
    "--topn", type=click.IntRange(1), metavar="N", default=5, show_default=True, help="How many neighbours to show."
)
@json_option
@common_options
def timeline(word: str, topn: int, checkpoints: Path, as_json: bool) -> None:
    """Show WORD at each moment that is known.

    Shows how often it was seen, how often in a million words since the moment before, how far its vector moved
    since then, how far words as frequent usually do, the score z as in the command drift, and its neighbours.

    \b
        streamer timeline cloud
        streamer plot cloud.png --word cloud
    """
    past = _past(checkpoints)
    with known_words():
        found = past.timeline(word, topn=topn)
    if as_json:
        return print_json(found.as_dict())
    from streamer.cli import history_tables

    return history_tables.print_timeline(found)


@command()
@since_option
@to_option
@rows_option
@json_option
@common_options
def emerging(since: str, to: str | None, topn: int, checkpoints: Path, as_json: bool) -> None:
    """List the words that are new since a moment.

    The most frequent comes first. The vector of a word that was seen fewer than 20 times is not settled yet, and from
    100 times on it is.

    \b
        streamer emerging --since 2026-11-03
    """
    found = _past(checkpoints).emerging(since, to, topn=topn)
    _tell(found.first, found.last)
    if as_json:
        return print_json(found.as_dict())
    from streamer.cli import history_tables

    history_tables.print_emerging(found)
    return click.echo(f"{found.new:,} new word{'' if found.new == 1 else 's'}", err=True)


def _past(checkpoints: Path) -> StreamPast:
    from streamer.answers.past import past

    log_to_stderr()
    return past(checkpoints)


def _tell(first: Moment, last: Moment) -> None:
    """Say which moments are compared."""
    from streamer.state.past import described

    click.echo(f"from {described(first)} to {described(last)}", err=True)
