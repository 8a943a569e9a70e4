"""What several commands need."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.errors import StreamerError
from streamer.options import Common

if TYPE_CHECKING:
    from rich.console import Console

    from streamer.vectors import WordVectors

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")
topn_option = click.option("--topn", type=click.IntRange(1), default=10, show_default=True, help="How many to show.")


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


def folded(vectors: WordVectors, words: Sequence[str]) -> list[str]:
    """Return each word as the model has it: in lower case, as all text is, unless it knows it as it was typed."""
    return [word if word in vectors else word.lower() for word in words]


def known(ask: Callable[[], Any]) -> Any:
    """Return what was asked of the vectors; a word that they do not know is an error of the command line."""
    from streamer.vectors import UnknownWord

    try:
        return ask()
    except UnknownWord as error:
        raise StreamerError(str(error)) from None


def print_json(value: Any) -> None:
    """Print one JSON document."""
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


def say(line: str) -> None:
    """Print a line; a terminal that is gone is no error where all is saved."""
    try:
        click.echo(line)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
