"""Tables of what changed over a stream: one line per row, in a pipe as on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from streamer.answers.changes import Diff, Drift, Moved
from streamer.answers.emerging import Emerging
from streamer.answers.neighbours import Neighbour
from streamer.answers.timeline import Timeline
from streamer.cli.tables import bold
from streamer.state.past import when
from streamer.system.printable import printable

NONE = "–"
_NAMES = 5
"""Neighbours that are named in a cell."""


def print_diff(found: Diff) -> None:
    """Print a word at two moments, its neighbours side by side."""
    then, now = found.counts
    seen = f"seen {_count(then)} times then, {_count(now)} now"
    if found.cosine is None:
        unknown = f"{found.word!r} {_absence(found)}"
        print(printable(unknown))
    else:
        print(printable(f"{found.word!r} has cosine {found.cosine:.4f} with itself; {seen}"))
    left, entered = set(found.left), set(found.entered)
    rows = []
    for number in range(max(len(found.then or []), len(found.now or []))):
        cells = []
        for near, changed, name in ((found.then, left, "left"), (found.now, entered, "entered")):
            each = near[number] if near and number < len(near) else None
            cells += [each.word, f"{each.cosine:.4f}", name if each.word in changed else ""] if each else ["", "", ""]
        rows.append(cells)
    if rows:
        print()
        _print_columns([("then", "<"), ("cosine", ">"), ("", "<"), ("now", "<"), ("cosine", ">"), ("", "<")], rows)


def print_drift(found: Drift) -> None:
    """Print the words that changed, the highest score first."""
    heads = [("word", "<"), ("z", ">"), ("verdict", "<"), ("cosine", ">"), ("seen before", ">"), ("since", ">")]
    rows = [
        [
            word.word,
            f"{word.z:.1f}",
            _verdict(word),
            f"{word.cosine:.3f}",
            f"{word.count:,}",
            f"{word.sightings:,}",
            ", ".join(word.lost[:_NAMES]),
            ", ".join(word.gained[:_NAMES]),
        ]
        for word in found.words
    ]
    if rows:
        _print_columns([*heads, ("lost neighbours", "<"), ("gained", "<")], rows)


def print_timeline(found: Timeline) -> None:
    """Print a word at each moment, the oldest first."""
    heads = [("newest text", "<"), ("moment", "<"), ("seen", ">"), ("per million", ">"), ("moved", ">")]
    rows = [
        [
            when(point.moment.date),
            point.moment.name,
            _count(point.count),
            _number(point.per_million, 1),
            _number(point.moved, 3),
            _number(point.usual, 3),
            _number(point.z, 1),
            _words(point.neighbours) or NONE,
        ]
        for point in found.points
    ]
    _print_columns([*heads, ("usual", ">"), ("z", ">"), ("neighbours", "<")], rows)


def print_emerging(found: Emerging) -> None:
    """Print new words, and below them those that come in many more files, if that is known."""
    rows = [
        [
            word.word,
            f"{word.count:,}",
            f"came back, {word.stage}" if word.returned else word.stage,
            ", ".join(word.neighbours),
        ]
        for word in found.words
    ]
    if rows:
        _print_columns([("new word", "<"), ("seen", ">"), ("vector", "<"), ("neighbours", "<")], rows)
    bursts = [
        [
            word.word,
            f"{word.files:,}",
            f"{word.expected:,.1f}",
            f"{word.sightings:,}",
            word.stage,
            ", ".join(word.neighbours),
        ]
        for word in found.bursts or []
    ]
    if bursts:
        print()
        heads = [("in more files", "<"), ("files", ">"), ("expected", ">"), ("seen", ">")]
        heads += [("vector", "<"), ("neighbours", "<")]
        _print_columns(heads, bursts)


def summary(found: Drift, min_z: float) -> str:
    """Return in a sentence how many words changed, and how many could not be judged."""
    changed = f"{found.changed:,} word{'' if found.changed == 1 else 's'} changed, {found.perhaps:,} perhaps"
    more = " (--min-z 5 lists them)" if found.perhaps and min_z > 5 else ""
    return f"{changed}{more}; {found.judged:,} were judged, {found.not_enough_text:,} have not enough text"


def _absence(found: Diff) -> str:
    """Return why a word has no cosine with itself."""
    if found.then is None and found.now is None:
        return "was in the vocabulary at neither moment"
    if found.then is None:
        return f"was not in the vocabulary then: it came later, and was seen {_count(found.counts[1])} times"
    return f"has left the vocabulary; it was seen {_count(found.counts[0])} times until then"


def _verdict(word: Moved) -> str:
    moving = {True: ", still moving", False: ", at rest", None: ""}[word.still_moving]
    return f"{word.verdict}{moving}"


def _words(near: Iterable[Neighbour]) -> str:
    return ", ".join(each.word for each in near)


def _count(value: int | None) -> str:
    return NONE if value is None else f"{value:,}"


def _number(value: float | None, digits: int) -> str:
    return NONE if value is None else f"{value:z,.{digits}f}"


def _print_columns(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> None:
    """Print rows below their heads, each with ``<`` or ``>`` for its side."""
    cells = [[name for name, _ in heads], *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        parts = []
        for cell, width, (_, side) in zip(row, widths, heads, strict=True):
            room = " " * (width - cell_len(cell))
            parts.append(room + cell if side == ">" else cell + room)
        line = "  ".join(parts).rstrip()
        print(line if number else bold(line))
