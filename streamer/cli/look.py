"""Commands that show the state: status, files, checkpoints, snapshots, verify, sizing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from streamer.cli.completion import complete_checkpoint
from streamer.cli.console import files_command, json_option, log_to_stderr, print_json
from streamer.cli.options import WORDS, Common, command, common_options, resolve, sizes_options

OUTCOMES = ("trained", "partial", "skipped", "held", "forgotten")


@command()
@json_option
@common_options
def status(checkpoints: Path, as_json: bool) -> None:
    """Show the newest checkpoint, and whether a trainer runs.

    \b
        streamer status
        streamer status --json | jq .loss
    """
    from streamer.answers import reports

    log_to_stderr()
    figures = reports.status(checkpoints)
    if as_json:
        return print_json(figures)
    from streamer.cli import tables

    return tables.print_status(figures, files_command(checkpoints))


@command()
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only files with this outcome.")
@json_option
@common_options
def files(checkpoints: Path, outcome: str | None, as_json: bool) -> None:
    """List every file that was trained or refused, with the reason.

    \b
        streamer files
        streamer files --outcome skipped
        streamer files --json | jq '.[] | select(.words > 1000) | .path'
    """
    from streamer.answers import reports

    log_to_stderr()
    found = reports.listing(checkpoints, outcome)
    if as_json:
        return print_json(found.files)
    from streamer.cli import tables

    return tables.print_files(found)


@command("checkpoints")
@json_option
@common_options
def list_checkpoints(checkpoints: Path, as_json: bool) -> None:
    """List the checkpoints, newest first, and check each of them.

    \b
        streamer checkpoints
    """
    from streamer.answers import reports

    rows = reports.checkpoints(checkpoints)
    if as_json:
        return print_json(list(rows))
    from streamer.cli import tables

    return tables.print_checkpoints(rows)


@command()
@json_option
@common_options
def snapshots(checkpoints: Path, as_json: bool) -> None:
    """List the moments of the stream that are known, newest first.

    While it trains, streamer takes a snapshot of all words before the first text of each hour: see --snapshot-every.
    Other commands answer as of a moment with --as-of.

    \b
        streamer snapshots
        streamer similar king --as-of yesterday
    """
    from streamer.answers import reports

    log_to_stderr()
    rows = reports.snapshots(checkpoints)
    if as_json:
        return print_json(rows)
    from streamer.cli import tables

    return tables.print_snapshots(rows)


@command()
@click.argument("checkpoint", required=False, shell_complete=complete_checkpoint)
@common_options
def verify(checkpoint: str | None, checkpoints: Path) -> None:
    """Check that a checkpoint is intact.

    Checks the newest checkpoint unless you name one. The exit code is 65 if it is damaged.

    \b
        streamer verify
        streamer verify checkpoint-0000000007.h5
    """
    from streamer.state import reading

    found = reading.verify(checkpoints, checkpoint)
    click.echo(f"{found.name} is intact: {found.size_bytes:,} bytes")


@command()
@click.option("--vocabulary", type=WORDS, metavar="WORDS", help="Words with vectors.")
@click.option("--candidates", type=WORDS, metavar="WORDS", help="Words that were seen too seldom for vectors.")
@click.option("--files", type=click.IntRange(0), metavar="N", help="Files in the ledger.")
@click.option("--cold", type=WORDS, metavar="WORDS", help="Words that left the vocabulary.")
@json_option
@common_options
@sizes_options
@click.pass_obj
def sizing(
    common: Common,
    /,
    vocabulary: int | None,
    candidates: int | None,
    files: int | None,
    cold: int | None,
    as_json: bool,
    checkpoints: Path,
    **flags: Any,
) -> None:
    """Tell how much memory and disk a model takes.

    Trains nothing, and needs no model. What you do not give is that of the model in the folder of checkpoints, or the
    bound that it has.

    \b
        streamer sizing --vocabulary 1M --vector-size 100
        streamer sizing --memory 4G
    """
    from streamer.answers.sizes import sizes

    log_to_stderr()
    given, run = resolve(common.config, flags)
    extent = {"vocabulary": vocabulary, "candidates": candidates, "files": files, "cold": cold}
    found = sizes(checkpoints, given, run, **extent)
    if as_json:
        return print_json(found)
    from streamer.cli import tables

    return tables.print_sizes(found)
