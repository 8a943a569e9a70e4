"""What commands print besides tables: log lines, JSON, unknown words, errors."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.options import Common
from streamer.errors import StreamerError
from streamer.settings import DEFAULT_CHECKPOINTS
from streamer.system.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from streamer.vectors import WordVectors

as_of_option = click.option(
    "--as-of", metavar="MOMENT", help="Answer as of a moment: 2026-11-03, yesterday, -7d, snapshot-42, 12.5M (words)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
topn_option = click.option(
    "--topn", type=click.IntRange(1), metavar="N", default=10, show_default=True, help="How many words to show."
)


def log_to_stderr() -> Console:
    """Configure the log as the command's options say, and return its console."""
    from rich.console import Console

    from streamer.cli import logs

    console, common = Console(stderr=True, highlight=False), click.get_current_context().find_object(Common)
    assert common is not None
    logs.configure(common.log_format, common.log_level, console)
    return console


def files_command(checkpoints: Path) -> str:
    """Return the command that lists the files of a folder of checkpoints."""
    folder = os.fspath(checkpoints)
    return "streamer files" + ("" if folder == DEFAULT_CHECKPOINTS else f" --checkpoints {quote(printable(folder))}")


def load(checkpoints: Path, *, cold: bool = False, as_of: str | None = None) -> WordVectors:
    """Return the vectors of the newest checkpoint, or of a moment of the stream, which is told.

    Args:
        checkpoints: The folder of checkpoints.
        cold: Whether to return words too that left the vocabulary.
        as_of: The moment, as somebody wrote it.
    """
    from streamer.state.reading import load

    log_to_stderr()
    if as_of is None:
        return load(checkpoints, cold=cold)
    from streamer.state.past import described

    found = load(checkpoints, as_of=as_of)
    click.echo(f"as of {described(found.moment)}", err=True)
    return found


def tell_of_unknown(vectors: WordVectors, words: Iterable[str], *, suggest: bool = True) -> None:
    """Report each word without a vector once, with the nearest spellings if ``suggest``; raise if there are any."""
    from streamer.answers.words import unknown

    errors = []
    for word, suggestions in unknown(vectors, words, suggest=suggest):
        hint = f"did you mean {', '.join(suggestions)}?" if suggestions else ""
        errors.append(StreamerError(f"{word!r} is not in the vocabulary", hint=hint))
    click.echo(nl=False)  # flushes stdout: on a terminal, results come before errors
    for error in errors[:-1]:
        tell(error)
    if errors:
        raise errors[-1]


@contextlib.contextmanager
def known_words() -> Iterator[None]:
    """Turn an unknown word into an error for people, with the nearest spellings."""
    from streamer.vectors import UnknownWord

    try:
        yield
    except UnknownWord as error:
        hint = f"did you mean {', '.join(error.nearest)}?" if error.nearest else ""
        raise StreamerError(f"{error.word!r} is not in the vocabulary", hint=hint) from None


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that half-written files are removed."""

    def end(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
    """Print a line. A closed terminal is not an error: everything is saved by now."""
    try:
        click.echo(line)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
