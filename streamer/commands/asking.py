"""Commands that ask the vectors: similar, analogy, evaluate; and inspect, which shows how they come about."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.commands.completion import complete_word
from streamer.commands.shared import folded, json_option, load, print_json, tell_of_unknown, topn_option
from streamer.options import command, common_options

if TYPE_CHECKING:
    from streamer.vectors import WordVectors
    from streamer.vectors.word_vectors import Neighbours

BATCH = 256
"""Words asked for at once: answers come while others are still computed."""

restrict_option = click.option(
    "--restrict-vocab", type=click.IntRange(1), metavar="N", help="Look only at the N most frequent words."
)


@command()
@click.argument("words", nargs=-1, required=True, metavar="WORD...", shell_complete=complete_word)
@topn_option
@restrict_option
@json_option
@common_options
def similar(words: tuple[str, ...], topn: int, restrict_vocab: int | None, checkpoints: Path, as_json: bool) -> None:
    """Show the nearest neighbours of each WORD.

    The WORD - stands for those on standard input, one a line. Words that are not known are told at the end.

    \b
        streamer similar king queen --topn 5
        streamer similar - --json < words.txt
    """
    vectors = load(checkpoints)
    asked = folded(vectors, _with_stdin(words))
    known = [word for word in asked if word in vectors]
    neighbours = _neighbours(vectors, known, topn, restrict_vocab)
    if as_json:
        print_json([{"word": word, "neighbours": _as_dicts(near)} for word, near in neighbours])
    else:
        from streamer import tables

        tables.print_neighbours((word, _with_counts(vectors, near)) for word, near in neighbours)
    tell_of_unknown(vectors, asked, hints="-" not in words)


@command()
@click.argument("a", shell_complete=complete_word)
@click.argument("b", shell_complete=complete_word)
@click.argument("c", shell_complete=complete_word)
@topn_option
@restrict_option
@json_option
@common_options
def analogy(a: str, b: str, c: str, topn: int, restrict_vocab: int | None, checkpoints: Path, as_json: bool) -> None:
    """Find what is to C as B is to A.

    None of the three is an answer.

    \b
        streamer analogy man king woman
    """
    vectors = load(checkpoints)
    asked = a, b, c = folded(vectors, (a, b, c))
    tell_of_unknown(vectors, asked, hints=True)
    near = vectors.most_similar(positive=[b, c], negative=[a], topn=topn, restrict_vocab=restrict_vocab)
    if as_json:
        return print_json(_as_dicts(near))
    from streamer import tables

    click.echo(f"{a} is to {b} as {c} is to")
    return tables.print_neighbours([("word", _with_counts(vectors, near))])


@command()
@click.option("--pairs", type=click.Path(path_type=Path), help="Word pairs with scores, tab or comma separated.")
@click.option("--analogies", type=click.Path(path_type=Path), help="Four words a line, headings as ': section'.")
@click.option(
    "--restrict-vocab",
    type=click.IntRange(1),
    metavar="N",
    default=300_000,
    show_default=True,
    help="Look only at the N most frequent words.",
)
@json_option
@common_options
def evaluate(pairs: Path | None, analogies: Path | None, restrict_vocab: int, checkpoints: Path, as_json: bool) -> None:
    """Score the vectors on pairs and analogies.

    Says for each how many of its rows could be scored: those whose words all have vectors.

    \b
        streamer evaluate --pairs wordsim353.tsv --analogies questions-words.txt
    """
    if not pairs and not analogies:
        raise click.UsageError("name a file with --pairs, --analogies, or both")
    vectors = load(checkpoints)
    scores: dict[str, Any] = {}
    if pairs:
        scores["pairs"] = vectors.evaluate_word_pairs(pairs, restrict_vocab=restrict_vocab).as_dict()
    if analogies:
        scores["analogies"] = vectors.evaluate_word_analogies(analogies, restrict_vocab=restrict_vocab).as_dict()
    if as_json:
        return print_json(scores)
    from streamer import tables
    from streamer.display import printable

    return tables.print_scores(scores, {"pairs": printable(str(pairs)), "analogies": printable(str(analogies))})


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


def _with_stdin(words: Sequence[str]) -> Iterator[str]:
    """Yield words, and in the place of - those on standard input."""
    for word in words:
        if word != "-":
            yield word
        elif sys.stdin:
            lines = (line.decode("utf-8", "replace").strip("\ufeff \t\r\n") for line in sys.stdin.buffer)
            yield from filter(None, lines)


def _neighbours(
    vectors: WordVectors, words: Sequence[str], topn: int, restrict_vocab: int | None
) -> Iterator[tuple[str, Neighbours]]:
    """Yield each word with its neighbours."""
    for start in range(0, len(words), BATCH):
        batch = words[start : start + BATCH]
        found = vectors.most_similar_batch(batch, topn=topn, restrict_vocab=restrict_vocab)
        yield from zip(batch, found, strict=True)


def _as_dicts(near: Neighbours) -> list[dict[str, Any]]:
    return [{"word": word, "cosine": cosine} for word, cosine in near]


def _with_counts(vectors: WordVectors, near: Neighbours) -> list[tuple[str, float, int]]:
    return [(word, cosine, int(vectors.counts[vectors.key_to_index[word]])) for word, cosine in near]
