"""What several commands need."""

from __future__ import annotations

import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.errors import StreamerError
from streamer.options import Common

if TYPE_CHECKING:
    from rich.console import Console

    from streamer.vectors import WordVectors

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")
topn_option = click.option(
    "--topn", type=click.IntRange(1), metavar="N", default=10, show_default=True, help="How many to show."
)


def log_to_stderr() -> Console:
    """Have log lines written as the command's options say, and return where to."""
    from rich.console import Console

    from streamer import logs

    console, common = Console(stderr=True, highlight=False), click.get_current_context().find_object(Common)
    assert common is not None
    logs.configure(common.log_format, common.log_level, console)
    return console


def load(checkpoints: Path) -> WordVectors:
    """Return the vectors of the newest checkpoint."""
    from streamer.reading import load

    log_to_stderr()
    return load(checkpoints)


def print_json(value: Any) -> None:
    """Print one JSON document."""
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


def tell(error: StreamerError) -> None:
    """Print what is wrong, and what to do about it, on stderr."""
    print(f"streamer: {error.problem}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)


def say(line: str) -> None:
    """Print a line; a terminal that is gone is no error where all is saved."""
    try:
        click.echo(line)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
