"""The commands: parse, call, print. What they do is done elsewhere.

Each imports what it uses when it runs, so that ``--help`` waits for nothing.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.errors import ExitCode, StreamerError
from streamer.options import Common, common_options, resolve, settings_options
from streamer.signals import StopSignals

if TYPE_CHECKING:
    from rich.console import Console

    from streamer.display import Display
    from streamer.service import Service
    from streamer.vectors import WordVectors

_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")
_topn = click.option("--topn", type=click.IntRange(1), default=10, show_default=True, help="How many to show.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="streamer-embeddings", prog_name="streamer")
def cli() -> None:
    """Word vectors that stay alive.

    Drop text files into a folder; get better vectors; stop and start as you like.

    \b
        streamer watch data/inbox        learn from each file that comes
        streamer similar king queen      ask, while it goes on learning
    """


@cli.command()
@click.argument("inbox", type=click.Path(path_type=Path))
@click.option("--once", is_flag=True, help="Train on all that is there, save a checkpoint, and exit.")
@common_options
@settings_options
@click.pass_obj
def watch(common: Common, /, inbox: Path, once: bool, checkpoints: Path, **flags: Any) -> None:
    """Learn from each text file that comes.

    From all in INBOX and its subfolders, now and as they come.

    The first Ctrl-C saves and stops, the second stops at once. Started again, it goes on where it stopped.

    \b
        streamer watch data/inbox
        streamer watch data/inbox --once --min-count 2
    """
    signals = _stop_signals()
    from streamer import service

    given, run = resolve(common.config, flags)
    if not os.path.isdir(inbox):  # noqa: PTH112 - unlike pathlib, it takes any name
        there = os.path.exists(inbox)  # noqa: PTH110 - the same
        raise StreamerError(
            f"{inbox} is no folder" if there else f"there is no folder {inbox}",
            hint=f"to train on a file: streamer train {inbox}" if there else f"make it: mkdir -p {inbox}",
            code=ExitCode.NO_INPUT,
        )
    with service.start(checkpoints, given, run, _display(common), signals) as running:
        service.watch(inbox, running, once=once)
    _summarise(running)


@cli.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--epochs", type=click.IntRange(1), default=1, show_default=True, help="Passes over each file, in all.")
@common_options
@settings_options
@click.pass_obj
def train(common: Common, /, files: tuple[Path, ...], epochs: int, checkpoints: Path, **flags: Any) -> None:
    """Train on FILES for a number of epochs.

    Files, and all files in folders, until each has been gone over --epochs times.

    What was trained before counts, so the same command run twice trains once, and goes on if it was stopped.

    \b
        streamer train data/sample.txt --epochs 20 --min-count 1
    """
    signals = _stop_signals()
    from streamer import service

    given, run = resolve(common.config, flags)
    for path in files:
        if not os.path.exists(path):  # noqa: PTH110 - unlike pathlib, it takes any name
            raise StreamerError(f"there is no file {path}", code=ExitCode.NO_INPUT)

    with service.start(checkpoints, given, run, _display(common), signals) as running:

        def on_epoch(epoch: int, loss: float | None) -> None:
            average = "unknown" if loss is None else f"{loss:.4f}"
            running.display.echo(f"epoch {epoch}/{epochs}: average loss {average}")

        service.train(files, epochs, running, on_epoch)
    _summarise(running)


@cli.command()
@_json
@common_options
def status(checkpoints: Path, as_json: bool) -> None:
    """Show the newest checkpoint, and whether a trainer runs.

    \b
        streamer status
    """
    from streamer import reports

    _log_to_stderr()
    figures = reports.status(checkpoints)
    if as_json:
        return _print_json(figures)
    return reports.print_status(figures)


@cli.command()
@_json
@common_options
def files(checkpoints: Path, as_json: bool) -> None:
    """List every file that was trained or refused, and why.

    \b
        streamer files
        streamer files --json | jq '.[] | select(.outcome != "trained")'
    """
    from streamer import reports

    _log_to_stderr()
    rows = reports.files(checkpoints)
    if as_json:
        return _print_json(rows)
    return reports.print_files(rows)


@cli.command("checkpoints")
@_json
@common_options
def list_checkpoints(checkpoints: Path, as_json: bool) -> None:
    """List the checkpoints, and which verify.

    \b
        streamer checkpoints
    """
    from streamer import reports

    rows = reports.checkpoints(checkpoints)
    if as_json:
        return _print_json(rows)
    return reports.print_checkpoints(rows)


@cli.command()
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


@cli.command()
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@_topn
@_json
@common_options
def similar(words: tuple[str, ...], topn: int, checkpoints: Path, as_json: bool) -> None:
    """Show the nearest neighbours of each WORD.

    \b
        streamer similar king queen --topn 5
    """
    from streamer import reports

    vectors = _load(checkpoints)
    neighbours = [(word, _known(partial(vectors.most_similar, word, topn=topn))) for word in _folded(vectors, words)]
    if as_json:
        return _print_json(
            [{"word": word, "neighbours": [{"word": w, "cosine": c} for w, c in near]} for word, near in neighbours]
        )
    return reports.print_neighbours(neighbours)


@cli.command()
@click.argument("a")
@click.argument("b")
@click.argument("c")
@_topn
@_json
@common_options
def analogy(a: str, b: str, c: str, topn: int, checkpoints: Path, as_json: bool) -> None:
    """Find what is to C as B is to A.

    \b
        streamer analogy man king woman
    """
    from streamer import reports

    vectors = _load(checkpoints)
    a, b, c = _folded(vectors, (a, b, c))
    found = _known(partial(vectors.most_similar, positive=[b, c], negative=[a], topn=topn))
    if as_json:
        return _print_json([{"word": word, "cosine": cosine} for word, cosine in found])
    return reports.print_neighbours([(f"{a} is to {b} as {c} is to", found)])


@cli.command()
@click.option("--pairs", type=click.Path(path_type=Path), help="Word pairs with scores, tab or comma separated.")
@click.option("--analogies", type=click.Path(path_type=Path), help="Four words a line, headings as ': section'.")
@_json
@common_options
def evaluate(pairs: Path | None, analogies: Path | None, checkpoints: Path, as_json: bool) -> None:
    """Score the vectors on pairs and analogies.

    Says for each how many of its rows could be scored.

    \b
        streamer evaluate --pairs wordsim353.tsv --analogies questions-words.txt
    """
    from streamer import reports

    if not pairs and not analogies:
        raise click.UsageError("name a file with --pairs, --analogies, or both")
    vectors = _load(checkpoints)
    scores: dict[str, Any] = {}
    if pairs:
        scores["pairs"] = vectors.evaluate_word_pairs(pairs).as_dict()
    if analogies:
        scores["analogies"] = vectors.evaluate_word_analogies(analogies).as_dict()
    if as_json:
        return _print_json(scores)
    return reports.print_scores(scores)


@cli.command()
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
    vectors = _load(checkpoints)
    kind = kind or {".npz": "npz", ".bin": "word2vec-binary", ".glove": "glove"}.get(file.suffix, "word2vec")
    write(vectors, file, kind, topn)
    click.echo(f"wrote {min(topn or len(vectors), len(vectors)):,} vectors to {file} ({kind})", err=True)


@cli.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True, help="Epochs to train.")
@click.option(
    "--architecture",
    type=click.Choice(["skipgram", "cbow"]),
    default="skipgram",
    show_default=True,
    help="Predict the context from the word, or the word from its context.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of all that is random.")
@common_options
def inspect(file: Path | None, checkpoints: Path, epochs: int, architecture: str, seed: int) -> None:
    """Show the mechanics on a small text.

    Tokens, vocabulary, skip-gram pairs, scores, the loss before and after one update, the loss over epochs.

    \b
        streamer inspect
        streamer inspect data/sample.txt --epochs 20
    """
    from streamer import inspection

    inspection.show(inspection.read(file), epochs=epochs, architecture=architecture, seed=seed)


def _log_to_stderr() -> Console:
    """Have log lines written as the command's options say, and return where to."""
    from rich.console import Console

    from streamer import logs

    console, common = Console(stderr=True, highlight=False), click.get_current_context().find_object(Common)
    assert common is not None
    logs.configure(common.log_format, common.log_level, console)
    return console


def _display(common: Common) -> Display:
    from streamer.display import Display, LiveDisplay

    console = _log_to_stderr()
    return LiveDisplay(console) if console.is_terminal and common.log_format != "json" else Display()


def _load(checkpoints: Path) -> WordVectors:
    from streamer.reading import load

    _log_to_stderr()
    return load(checkpoints)


def _folded(vectors: WordVectors, words: Sequence[str]) -> list[str]:
    """Return each word as the model has it: in lower case, as all text is, unless it knows it as it was typed."""
    return [word if word in vectors else word.lower() for word in words]


def _known(ask: Callable[[], Any]) -> Any:
    from streamer.vectors import UnknownWord

    try:
        return ask()
    except UnknownWord as error:
        raise StreamerError(str(error)) from None


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _stop_signals() -> StopSignals:
    """Return what hears SIGTERM and Ctrl-C from now to the end of the command."""
    return click.get_current_context().with_resource(StopSignals())


def _summarise(running: Service) -> None:
    """Print what a run did: one line, the last."""
    refused = f"; {_files(running.files_refused)} not, see: streamer files" if running.files_refused else ""
    if running.idle:
        _say(f"nothing new to train{refused}")
        return
    stopped = "stopped and saved, the same command goes on; " if running.signals.received else ""
    _say(f"{stopped}trained {_files(running.files_trained)}, {running.words_seen:,} words{refused}")


def _say(line: str) -> None:
    """Print a line; a terminal that is gone is no error where all is saved."""
    try:
        click.echo(line)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
