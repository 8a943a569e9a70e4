"""The explanation of a word for people: its files, its time, lines of its texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.cells import cell_len

from streamer.answers.explaining import Row
from streamer.state.past import when
from streamer.system.printable import printable

NONE = "–"
SETTLED = 20
"""A word that was seen less often has no neighbours worth a name: two runs on the same texts find others."""


def print_explanation(found: Row) -> None:
    """Print what is known of a word, in the shape of ``explain --json``."""
    word = printable(found["word"])
    print(f"{word}: {_seen(found)}")
    if found["cold"]:
        print("it left the vocabulary; its files are no longer known")
    else:
        _print_files(found)
    _print_over_time(found["over_time"])
    if found["examples"]:
        print("\nexamples")
    for example in found["examples"]:
        print(f"  {printable(example['path'])}: {printable(example['text'])}")
    for missing in found["without_examples"]:
        print(f"no lines of {printable(missing['path'])}: {printable(missing['reason'])}")


def _seen(found: Row) -> str:
    times = "seen once" if found["count"] == 1 else f"seen {found['count']:,} times"
    return times if found["files"] is None else f"{times}; in {_files(found['files'])} since it has a vector"


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _print_files(found: Row) -> None:
    if found["came_back"]:
        print("it left the vocabulary and came back; what follows is since then")
    print()
    ends = [(name, _when(found[name]["date"]), _name(found[name])) for name in ("first", "last")]
    _print_columns(ends)
    if not found["moved_most"]:
        print("no file moved it much yet: it needs 20 sightings before")
        return
    print("\nmoved most by")
    _print_columns([(f"  ×{_factor(file['factor'])}", _name(file)) for file in found["moved_most"]])


def _factor(factor: float) -> str:
    """Return a factor with two digits, or with more if it would not show without."""
    return f"{factor:.2f}" if factor >= 1.005 else f"{factor:.6f}"


def _name(file: Row) -> str:
    return printable(file["path"]) if file["path"] is not None else f"({file['reason']})"


def _print_over_time(rows: Sequence[Row]) -> None:
    print()
    _print_columns([("when", "words seen", "count", "files", "neighbours"), *map(_moment, rows)], right=(1, 2, 3))


def _moment(row: Row) -> tuple[str, ...]:
    near = row["reason"] or ", ".join(each["word"] for each in row["neighbours"])
    if row["count"] is not None and row["count"] < SETTLED:
        near += " (not settled yet)"
    counts = (NONE if row[name] is None else f"{row[name]:,}" for name in ("count", "files"))
    return _when(row["date"]), f"{row['words_seen']:,}", *counts, printable(near)


def _when(date: str | None) -> str:
    return "no date" if date is None else when(datetime.fromisoformat(date).timestamp())


def _print_columns(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    for line in _columns(rows, right):
        print(line)


def _columns(rows: Sequence[Sequence[str]], right: Sequence[int]) -> Iterator[str]:
    """Yield rows as lines whose cells, but the last, are equally wide."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = []
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if number in right else cell + space)
        yield "  ".join(cells).rstrip()
