"""Commands that ask the vectors: similar, analogy, evaluate; and inspect, which shows how they come about."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from streamer.commands.shared import folded, json_option, known, load, print_json, topn_option
from streamer.options import common_options


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@topn_option
@json_option
@common_options
def similar(words: tuple[str, ...], topn: int, checkpoints: Path, as_json: bool) -> None:
    """Show the nearest neighbours of each WORD.

    \b
        streamer similar king queen --topn 5
    """
    from streamer import reports

    vectors = load(checkpoints)
    neighbours = [(word, known(partial(vectors.most_similar, word, topn=topn))) for word in folded(vectors, words)]
    if as_json:
        return print_json(
            [{"word": word, "neighbours": [{"word": w, "cosine": c} for w, c in near]} for word, near in neighbours]
        )
    return reports.print_neighbours(neighbours)


@click.command()
@click.argument("a")
@click.argument("b")
@click.argument("c")
@topn_option
@json_option
@common_options
def analogy(a: str, b: str, c: str, topn: int, checkpoints: Path, as_json: bool) -> None:
    """Find what is to C as B is to A.

    \b
        streamer analogy man king woman
    """
    from streamer import reports

    vectors = load(checkpoints)
    a, b, c = folded(vectors, (a, b, c))
    found = known(partial(vectors.most_similar, positive=[b, c], negative=[a], topn=topn))
    if as_json:
        return print_json([{"word": word, "cosine": cosine} for word, cosine in found])
    return reports.print_neighbours([(f"{a} is to {b} as {c} is to", found)])


@click.command()
@click.option("--pairs", type=click.Path(path_type=Path), help="Word pairs with scores, tab or comma separated.")
@click.option("--analogies", type=click.Path(path_type=Path), help="Four words a line, headings as ': section'.")
@json_option
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
    vectors = load(checkpoints)
    scores: dict[str, Any] = {}
    if pairs:
        scores["pairs"] = vectors.evaluate_word_pairs(pairs).as_dict()
    if analogies:
        scores["analogies"] = vectors.evaluate_word_analogies(analogies).as_dict()
    if as_json:
        return print_json(scores)
    return reports.print_scores(scores)


@click.command()
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
