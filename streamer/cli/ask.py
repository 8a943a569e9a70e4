"""Commands that query the vectors: similar, analogy, evaluate."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamer.cli.completion import complete_word
from streamer.cli.console import as_of_option, json_option, load, print_json, tell_of_unknown, topn_option
from streamer.cli.options import command, common_options
from streamer.errors import StreamerError

if TYPE_CHECKING:
    from streamer.vectors import WordVectors

restrict_option = click.option(
    "--restrict-vocab", type=click.IntRange(1), metavar="N", help="Search only the N most frequent words."
)


@command()
@click.argument("words", nargs=-1, required=True, metavar="WORD...", shell_complete=complete_word)
@topn_option
@restrict_option
@click.option("--spelled", is_flag=True, help="Estimate words never met or met rarely from words spelled alike.")
@as_of_option
@json_option
@common_options
def similar(
    words: tuple[str, ...],
    topn: int,
    restrict_vocab: int | None,
    spelled: bool,
    as_of: str | None,
    checkpoints: Path,
    as_json: bool,
) -> None:
    """Show the nearest neighbours of each WORD.

    Use - to read words from standard input, one per line. Unknown words are reported at the end. Words that left the
    vocabulary are answered by what was learned until then.

    \b
        streamer similar king queen --topn 5
        streamer similar - --json < words.txt
        streamer similar king --as-of 2026-11-03
    """
    vectors = load(checkpoints, as_of=as_of)
    from streamer.answers import neighbours
    from streamer.answers.words import folded

    asked = folded(vectors, _with_stdin(words))
    if spelled:
        return _similar_spelled(vectors, asked, topn, restrict_vocab, as_json, suggest="-" not in words)
    known = [word for word in asked if word in vectors]
    others = list(dict.fromkeys(word for word in asked if word not in vectors))
    found = neighbours.similar(vectors, known, topn=topn, restrict_vocab=restrict_vocab)
    cold, failure = [], None
    try:
        cold = neighbours.similar_cold(vectors, others, topn=topn, restrict_vocab=restrict_vocab)
    except StreamerError as error:  # others are answered first
        failure = error
    if as_json:
        left = [{**row, "cold": True} for row in neighbours.similar_rows(cold)]
        print_json([*neighbours.similar_rows(found), *left])
    else:
        from streamer.cli import tables

        tables.print_neighbours(itertools.chain(found, cold))
    if failure:
        raise failure
    answered = {word for word, _ in cold}
    for word in answered:
        click.echo(f"{word!r} left the vocabulary: this is what was learned of it until then", err=True)
    return tell_of_unknown(vectors, (word for word in asked if word not in answered), suggest="-" not in words)


def _similar_spelled(
    vectors: WordVectors, asked: Sequence[str], topn: int, restrict_vocab: int | None, as_json: bool, *, suggest: bool
) -> None:
    """Print neighbours; those of words never met are said to be estimates."""
    from streamer.answers import neighbours
    from streamer.answers.words import unknown

    found, without = neighbours.similar_spelled(vectors, asked, topn=topn, restrict_vocab=restrict_vocab)
    if as_json:
        rows = neighbours.similar_rows(found)
        print_json([{**row, "estimate": row["word"] not in vectors} for row in rows])
    else:
        from streamer.cli import tables

        tables.print_neighbours(found)
    for word, suggestions in unknown(vectors, (word for word, _ in found), suggest=suggest):
        hint = f"; did you mean {', '.join(suggestions)}?" if suggestions else ""
        click.echo(f"{word!r} is not in the vocabulary: this is an estimate from its spelling{hint}", err=True)
    tell_of_unknown(vectors, without, suggest=False)


@command()
@click.argument("a", shell_complete=complete_word)
@click.argument("b", shell_complete=complete_word)
@click.argument("c", shell_complete=complete_word)
@topn_option
@restrict_option
@as_of_option
@json_option
@common_options
def analogy(
    a: str, b: str, c: str, topn: int, restrict_vocab: int | None, as_of: str | None, checkpoints: Path, as_json: bool
) -> None:
    """Find what is to C as B is to A.

    The answers never contain A, B or C.

    \b
        streamer analogy man king woman
    """
    vectors = load(checkpoints, as_of=as_of)
    from streamer.answers import neighbours
    from streamer.answers.words import folded

    asked = a, b, c = folded(vectors, (a, b, c))
    tell_of_unknown(vectors, asked)
    near = neighbours.analogy(vectors, a, b, c, topn=topn, restrict_vocab=restrict_vocab)
    if as_json:
        return print_json([each.as_dict() for each in near])
    from streamer.cli import tables

    click.echo(f"{a} is to {b} as {c} is to")
    return tables.print_neighbours([("word", near)])


@command()
@click.option("--pairs", type=click.Path(path_type=Path), help="Word pairs with scores, separated by tabs or commas.")
@click.option("--analogies", type=click.Path(path_type=Path), help="Four words per line, headings as ': section'.")
@click.option(
    "--restrict-vocab",
    type=click.IntRange(1),
    metavar="N",
    default=300_000,
    show_default=True,
    help="Use only the N most frequent words.",
)
@click.option("--spelled", is_flag=True, help="Estimate words never met or met rarely from words spelled alike.")
@as_of_option
@json_option
@common_options
def evaluate(
    pairs: Path | None,
    analogies: Path | None,
    restrict_vocab: int,
    spelled: bool,
    as_of: str | None,
    checkpoints: Path,
    as_json: bool,
) -> None:
    """Score the vectors on word pairs and analogies.

    Rows with a word that has no vector are not scored. The output shows how many rows were scored.

    \b
        streamer evaluate --pairs wordsim353.tsv --analogies questions-words.txt
    """
    if not pairs and not analogies:
        raise click.UsageError("name a file with --pairs, --analogies, or both")
    if spelled and not pairs:
        raise click.UsageError("--spelled is for --pairs; analogies have no estimates")
    vectors = load(checkpoints, as_of=as_of)
    from streamer.answers.scores import evaluate as measure

    scores = measure(vectors, pairs, analogies, restrict_vocab, spelled=spelled)
    if spelled:
        click.echo("words never met or met rarely are estimated from their spelling", err=True)
    if as_json:
        return print_json(scores)
    from streamer.cli import tables
    from streamer.system.printable import printable

    return tables.print_scores(scores, {"pairs": printable(str(pairs)), "analogies": printable(str(analogies))})


def _with_stdin(words: Sequence[str]) -> Iterator[str]:
    """Yield the words; for -, those on standard input."""
    for word in words:
        if word != "-":
            yield word
        elif sys.stdin:
            lines = (line.decode("utf-8", "replace").strip("\ufeff \t\r\n") for line in sys.stdin.buffer)
            yield from filter(None, lines)
