"""Commands that look at what there is: status, files, checkpoints, verify."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.shared import json_option, log_to_stderr, print_json
from streamer.options import common_options


@click.command()
@json_option
@common_options
def status(checkpoints: Path, as_json: bool) -> None:
    """Show the newest checkpoint, and whether a trainer runs.

    \b
        streamer status
    """
    from streamer import reports

    log_to_stderr()
    figures = reports.status(checkpoints)
    if as_json:
        return print_json(figures)
    return reports.print_status(figures)


@click.command()
@json_option
@common_options
def files(checkpoints: Path, as_json: bool) -> None:
    """List every file that was trained or refused, and why.

    \b
        streamer files
        streamer files --json | jq '.[] | select(.outcome != "trained")'
    """
    from streamer import reports

    log_to_stderr()
    rows = reports.files(checkpoints)
    if as_json:
        return print_json(rows)
    return reports.print_files(rows)


@click.command("checkpoints")
@json_option
@common_options
def list_checkpoints(checkpoints: Path, as_json: bool) -> None:
    """List the checkpoints, and which verify.

    \b
        streamer checkpoints
    """
    from streamer import reports

    rows = reports.checkpoints(checkpoints)
    if as_json:
        return print_json(rows)
    return reports.print_checkpoints(rows)


@click.command()
@click.argument("checkpoint", required=False)
@common_options
def verify(checkpoint: str | None, checkpoints: Path) -> None:
    """Check a checkpoint wholly.

    The newest by default; exit 65 if it is damaged.

    \b
        streamer verify
        streamer verify checkpoint-0000000007.h5
    """
    from streamer import reports

    found = reports.verified(checkpoints, checkpoint)
    click.echo(f"{found.name} is whole: {found.size_bytes:,} bytes")
