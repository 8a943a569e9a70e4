"""Commands that show how training works: inspect."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.cli.options import command, common_options


@command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--epochs", type=click.IntRange(1), default=10, show_default=True, help="Epochs to train.")
@click.option(
    "--architecture",
    type=click.Choice(["skipgram", "cbow"]),
    default="skipgram",
    show_default=True,
    help="Predict the context from the word, or the word from its context.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of all random numbers.")
@common_options
def inspect(file: Path | None, checkpoints: Path, epochs: int, architecture: str, seed: int) -> None:
    """Show how training works, on a small text.

    It shows tokens, vocabulary, skip-gram pairs, scores, the loss before and after one update, and over epochs.

    \b
        streamer inspect
        streamer inspect data/sample.txt --epochs 20
    """
    from streamer.answers import mechanics
    from streamer.cli import walkthrough

    walkthrough.show(mechanics.read(file), epochs=epochs, architecture=architecture, seed=seed)
