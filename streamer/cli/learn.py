"""Commands that train: watch and train."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.cli.console import files_command, log_to_stderr, say
from streamer.cli.options import Common, command, common_options, resolve, settings_options
from streamer.errors import ExitCode, StreamerError
from streamer.service.signals import StopSignals

if TYPE_CHECKING:
    from streamer.service.progress import Display
    from streamer.service.service import Service
    from streamer.settings import RunSettings

_initial_option = click.option(
    "--initial-vectors",
    "initial",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Initial vectors for a new model, in word2vec's text or binary format or in GloVe's.",
)


@command()
@click.argument("inbox", type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Train on all files that are there, save a checkpoint, and exit.")
@_initial_option
@common_options
@settings_options
@click.pass_obj
def watch(common: Common, /, inbox: Path, once: bool, initial: Path | None, checkpoints: Path, **flags: Any) -> None:
    """Train on the files in a folder, and on new ones as they come.

    INBOX is the folder. Its subfolders count too.

    The first Ctrl-C saves and stops, the second stops at once. Run the same command again to resume.

    \b
        streamer watch data/inbox
        streamer watch data/inbox --once --min-count 2
        streamer watch data/inbox --pairs wordsim353.tsv --evaluate-every 1M
    """
    signals = _stop_signals()
    from streamer.service import loop

    given, run = _resolved(common, flags)
    if not os.path.isdir(inbox):  # noqa: PTH112 - unlike pathlib, it accepts any name
        there = os.path.exists(inbox)  # noqa: PTH110 - the same
        raise StreamerError(
            f"{inbox} is not a folder" if there else f"there is no folder {inbox}",
            hint=f"to train on a file: streamer train {inbox}" if there else f"create it: mkdir -p {inbox}",
            code=ExitCode.NO_INPUT,
        )
    with loop.start(checkpoints, given, run, _display(common), signals, initial) as running:
        loop.watch(inbox, running, once=once)
    _summarise(running)


@command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--epochs", type=click.IntRange(1), metavar="N", default=1, show_default=True, help="Total passes over each file."
)
@_initial_option
@common_options
@settings_options
@click.pass_obj
def train(
    common: Common,
    /,
    files: tuple[Path, ...],
    epochs: int,
    initial: Path | None,
    checkpoints: Path,
    **flags: Any,
) -> None:
    """Train on FILES for a number of epochs.

    FILES are files and folders. Each file is trained until it has had --epochs passes.

    Earlier passes count. After a stop, the same command resumes. When all passes are done, it does nothing.

    \b
        streamer train data/sample.txt --epochs 20 --min-count 1
        streamer train reports/ --initial-vectors published.txt
    """
    signals = _stop_signals()
    from streamer.service import loop

    given, run = _resolved(common, flags)
    for path in files:
        if not os.path.exists(path):  # noqa: PTH110 - unlike pathlib, it accepts any name
            raise StreamerError(f"there is no file or folder {path}", code=ExitCode.NO_INPUT)

    with loop.start(checkpoints, given, run, _display(common), signals, initial) as running:

        def on_epoch(epoch: int, loss: float | None) -> None:
            average = "unknown" if loss is None else f"{loss:.4f}"
            running.display.echo(f"epoch {epoch}/{epochs}: average loss {average}")

        loop.train(files, epochs, running, on_epoch)
    _summarise(running)


def _resolved(common: Common, flags: dict[str, Any]) -> tuple[dict[str, Any], RunSettings]:
    given, run = resolve(common.config, flags)
    if flags["evaluate_every"] and not (run.pairs or run.analogies):
        raise StreamerError(
            "--evaluate-every needs a file on which to score the vectors",
            hint="name a file with --pairs or --analogies",
        )
    return given | ({"memory": run.memory} if run.memory else {}), run


def _display(common: Common) -> Display:
    from streamer.cli.live import LiveDisplay
    from streamer.service.progress import Display

    console = log_to_stderr()
    return LiveDisplay(console) if console.is_terminal and common.log_format != "json" else Display()


def _stop_signals() -> StopSignals:
    """Handle SIGTERM and Ctrl-C from now to the end of the command."""
    return click.get_current_context().with_resource(StopSignals())


def _summarise(running: Service) -> None:
    """Print in one line what the run did."""
    tally, more = running.tally, ""
    if tally.copies:
        more += f"; {tally.copies:,} cop{'y' if tally.copies == 1 else 'ies'}"
    if tally.refused:
        more += f"; {_files(tally.refused)} refused, see: {files_command(running.files.checkpoints)}"
    if running.idle:
        say(f"nothing new to train{more}")
        return
    stopped = "stopped and saved, the same command resumes; " if running.signals.received else ""
    say(f"{stopped}trained {_files(tally.trained)}, {running.words_seen:,} words{more}")


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"
