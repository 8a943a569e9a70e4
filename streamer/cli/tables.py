"""Tables for people: in colours and as wide as the terminal, or one line per row in a pipe."""

from __future__ import annotations

import functools
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamer.answers.neighbours import Neighbour
from streamer.answers.reports import Listing, Row, Rows
from streamer.settings import as_amount, flag
from streamer.system.printable import printable

if TYPE_CHECKING:
    from streamer.answers.cutting import Cut  # imports the intake, which no other table needs

COLOURS = {"trained": "green", "partial": "yellow", "skipped": "red", "held": "magenta", "forgotten": "red"}
PARTS = {
    "copy": "copy for a checkpoint",
    "cold": "words that left",
    "kept": "kept for later",
    "states": "days and weeks",
}
"""Parts of a size that are called otherwise in tables."""
GAP = "    "
"""Between tables side by side."""


def print_status(figures: Row, files_command: str) -> None:
    """Print the figures of a checkpoint, with the command that lists its files."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _status_lines(figures, files_command):
        table.add_row(name, Text(value))
    _print(table)


def _status_lines(figures: Row, files_command: str) -> Iterator[tuple[str, str]]:
    yield "trainer", f"running, process {figures['pid'] or 'unknown'}" if figures["running"] else "none"
    yield "checkpoint", f"{figures['checkpoint']}, {as_amount(figures['size_bytes'])}"
    yield "saved", _moment(figures["created"])
    if (written := figures["bytes_written_per_hour"]) is not None:
        yield "written", f"{as_amount(written)} of checkpoints an hour"
    yield "words seen", f"{figures['words_seen']:,}"
    yield "vocabulary", f"{figures['vocabulary']:,} words, {figures['candidates']:,} candidates"
    if cold := figures["cold"]:
        yield "cold", f"{cold:,} words that left the vocabulary"
    if error := figures["candidates_error"]:
        times = "once" if error == 1 else f"{error:,} times at most"
        yield "forgotten", f"candidates that were seen {times}; {figures['max_candidates']:,} are remembered"
    yield "vectors", f"{figures['vector_size']} dimensions, {figures['architecture']}"
    if initial := figures["initial"]:
        yield "initial", f"{initial['words']:,} words of {printable(initial['name'])}"
    yield "loss", "not measured yet" if figures["loss"] is None else f"{figures['loss']:.4f}"
    speed = figures["words_per_second"]
    yield "speed", "not measured yet" if speed is None else f"{speed:,} words/s while it trained"
    count = {outcome: number for outcome, number in figures["files"].items() if number}
    hint = f"; see: {files_command}"
    more = hint if count.keys() - {"trained"} else ""
    yield "files", (", ".join(f"{number:,} {outcome}" for outcome, number in count.items()) or "none") + more
    if unusual := figures["unusual"]:
        yield "unusual", f"{unusual:,} file{'' if unusual == 1 else 's'} looked unlike the others{hint}"
    for number, score in enumerate(figures["scores"]):
        value = f"{score['score']:.1%}" if score["test"].startswith("analogies") else f"{score['score']:.4f}"
        value = value if score["scored"] else "–"
        yield "" if number else "scores", f"{value:>6}  {printable(score['test'])}, scored {_coverage(score)}"


def print_sizes(found: Row) -> None:
    """Print how much memory and disk a model takes, and for what."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, what in (("memory", "memory_bytes"), ("disk", "disk_bytes")):
        table.add_row(Text(name, "bold"), Text(as_amount(found[what]), "bold", justify="right"))
        for part, count in found[name].items():
            if count:
                table.add_row(f"  {PARTS.get(part, part)}", Text(as_amount(count), justify="right"))
    for name in ("max_vocabulary", "max_candidates"):
        table.add_row(flag(name), Text(f"{found[name]:,}" if found[name] else "none", justify="right"))
    sizes = {"vocabulary": "words", "vector_size": "dimensions", "candidates": "candidates", "cold": "cold words"}
    sizes |= {"files": "files", "threads": "cores", "keep": "checkpoints"}
    counts = [(found[key], name) for key, name in sizes.items() if found[key]]
    print("for", ", ".join(f"{n:,} {name[:-1] if n == 1 else name}" for n, name in counts) + "\n")
    _print(table)


def print_files(found: Listing) -> None:
    """Print the ledger. A reason, or an encoding that is not UTF-8, is below its file if there is no room beside it."""
    console = _console()
    if found.files:
        _print_rows(console, found.files)
    else:
        print("no files")
    if found.files or found.folded:
        _print_accounts(console, found)


def _print_rows(console: Console, rows: Rows) -> None:
    on_terminal = console.is_terminal
    # Not with Rich's tables: they took 30 s for 100,000 files, this takes 1 s.
    colour = {outcome: _styled(console, f"{outcome:<7}", style) for outcome, style in COLOURS.items()}
    words = max(5, *(len(f"{row['words']:,}") for row in rows))
    sizes = max(5, *(len(f"{row['bytes']:,}") for row in rows))
    before = 7 + 2 + words + 2 + sizes + 2
    with_reason = [row for row in rows if _reason(row)]
    names = max([4, *(cell_len(printable(row["path"])) for row in with_reason)])
    reasons = max([6, *map(cell_len, set(map(_reason, with_reason)))])
    beside = not on_terminal or before + names + 2 + reasons <= console.width
    room = max(12, console.width - before)

    @functools.cache
    def below(reason: str) -> str:
        return "".join(f"{'':{before}}{line}\n" for line in textwrap.wrap(printable(reason), room))

    head = f"outcome  {'words':>{words}}  {'bytes':>{sizes}}  "
    head += f"{'file':<{names}}  reason" if beside and with_reason else "file"
    sys.stdout.write(_styled(console, head, "bold") + "\n")
    for row in rows:
        name, reason = printable(row["path"]), _reason(row)
        line = f"{colour[row['outcome']]}  {row['words']:>{words},}  {row['bytes']:>{sizes},}  "
        if reason and beside:
            line += f"{_padded(name, names)}  {printable(reason)}\n"
        else:
            folded = chop_cells(name, room) if on_terminal else [name]
            line += f"\n{'':{before}}".join(folded) + "\n" + below(reason)
        sys.stdout.write(line)


def _reason(row: Row) -> str:
    """Return what is said beside a file: the reason, that it is unusual, or an encoding that is not UTF-8."""
    usual = row["encoding"] in ("", "utf-8")
    if row["unusual"] and not row["reason"]:
        return f"unusual: {row['unusual']}"
    return str(row["reason"]) if row["reason"] or usual else f"in {row['encoding']}"


def _print_accounts(console: Console, found: Listing) -> None:
    """Print how many bytes of all files were seen, trained and skipped, and how many files are not listed."""
    total = found.bytes
    if found.folded:
        print(
            f"\nand {found.folded:,} {'file that is' if found.folded == 1 else 'files that are'} gone (--ledger-keep)"
        )
    print(f"\n{total['seen']:,} bytes seen = {total['trained']:,} trained + {sum(total['skipped'].values()):,} skipped")
    for reason, count in total["skipped"].items():
        _print_wrapped(console, f"{count:,} skipped: {printable(reason)}")


def print_checkpoints(rows: Iterable[Row]) -> None:
    """Print checkpoints, each as soon as it is checked."""
    console = _console()
    narrow = console.is_terminal and console.width < 80
    print(_styled(console, f"{'checkpoint':<24}  {'size':>8}  verified  created", "bold"))
    for row in rows:
        named = ("yes", "green") if row["verified"] else ("newer", "yellow") if row["newer"] else ("damaged", "red")
        verdict = _styled(console, f"{named[0]:<8}", named[1])
        created = _moment(row["created"])
        if narrow:
            created = created.rpartition(", ")[2]
        print(f"{row['name']:<24}  {as_amount(row['size_bytes']):>8}  {verdict}  {created}")
        if not row["verified"]:
            _print_wrapped(console, printable(f"{row['reason']}; {row['hint']}" if row["newer"] else row["reason"]))


def print_snapshots(rows: Sequence[Row]) -> None:
    """Print the moments of a stream."""
    console = _console()
    print(_styled(console, f"{'moment':<21}  {'size':>8}  {'words seen':>15}  {'vocabulary':>10}  newest text", "bold"))
    for row in rows:
        size = "missing" if row["size_bytes"] is None else as_amount(row["size_bytes"])
        newest = row["date"][:16].replace("T", " ") if row["date_of_text"] else _moment(row["date"])
        counts = f"{row['words_seen']:>15,}  {row['vocabulary']:>10,}"
        print(f"{row['name']:<21}  {size:>8}  {counts}  {newest}")


def print_cut(cut: Cut) -> None:
    """Print the contexts of a text, a line each, and below what there is in it."""
    for context in cut.contexts:
        print(printable(" ".join(context)))
    frequent = ", ".join(f"{word} {count:,}" for word, count in cut.frequent)
    part = (
        f"the first {as_amount(cut.bytes)} of {as_amount(cut.of_bytes)}"
        if cut.bytes < cut.of_bytes
        else as_amount(cut.bytes)
    )
    digits, once = (share / max(cut.words, 1) for share in (cut.with_digits, cut.once))
    contexts = f"{len(cut.contexts):,} context{'' if len(cut.contexts) == 1 else 's'}"
    lines = [
        f"{cut.words:,} words, {cut.distinct:,} of them distinct, in {contexts}, of {part}",
        f"{digits:.0%} of the words hold digits, {once:.0%} came only once",
        f"most frequent: {printable(frequent)}",
    ]
    if cut.advice:
        lines.append(f"it looks like {cut.advice.looks_like}: try --tokenizer {cut.advice.tokenizer}")
    print("\n".join(lines), file=sys.stderr)


def print_neighbours(neighbours: Iterable[tuple[str, Sequence[Neighbour]]]) -> None:
    """Print the neighbours of each word; on a wide terminal, those of several words side by side."""
    console = _console()
    room = console.width if console.is_terminal else 0
    row: list[list[str]] = []
    written = False
    for word, near in neighbours:
        block = _neighbour_lines(word, near)
        if row and sum(cell_len(each[0]) + len(GAP) for each in [*row, block]) - len(GAP) > room:
            _print_row(console, row, after_another=written)
            row, written = [], True
        row.append(block)
    if row:
        _print_row(console, row, after_another=written)


def _neighbour_lines(word: str, near: Sequence[Neighbour]) -> list[str]:
    """Return the lines of a table, all equally wide."""
    cells = [(other, f"{cosine:.4f}", f"{count:,}") for other, cosine, count in near]
    columns = zip((word, "cosine", "seen"), *cells, strict=True)
    words, cosines, seen = (max(map(cell_len, column)) for column in columns)
    lines = [f"{_padded(word, words)}  {'cosine':>{cosines}}  {'seen':>{seen}}"]
    return lines + [f"{_padded(other, words)}  {cosine:>{cosines}}  {count:>{seen}}" for other, cosine, count in cells]


def _print_row(console: Console, row: list[list[str]], *, after_another: bool) -> None:
    """Print tables side by side, below a blank line if there are others above."""
    if after_another:
        print()
    widths = [cell_len(block[0]) for block in row]
    for number, cells in enumerate(zip_longest(*row, fillvalue="")):
        line = GAP.join(_padded(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        print(line if number else _styled(console, line, "bold"))


def print_scores(scores: Row, names: Mapping[str, str]) -> None:
    """Print the scores of ``evaluate``.

    Args:
        scores: The scores, in the shape of ``evaluate --json``.
        names: The file name to show for each of the two kinds of test.
    """
    pairs, analogies = scores.get("pairs"), scores.get("analogies")
    if pairs:
        value = pairs["spearman"]
        found = "too few rows for a correlation" if value is None else f"Spearman {value:.4f}"
        print(_unscored(names["pairs"], pairs) or f"{names['pairs']}: {found}, scored {_coverage(pairs)} rows")
    if pairs and analogies:
        print()
    if analogies and not analogies["scored"]:
        print(_unscored(names["analogies"], analogies))
    elif analogies:
        table = _table("section", right=("accuracy", "scored"))
        for section in analogies["sections"]:
            table.add_row(*_section(section["section"] or "without a heading", section))
        table.add_row()
        table.add_row(*_section(names["analogies"], analogies), style="bold")
        _print(table)


def _section(name: str, scores: Row) -> tuple[Text, str, str]:
    return Text(printable(name)), f"{scores['accuracy']:.1%}" if scores["scored"] else "–", _coverage(scores)


def _coverage(scores: Row) -> str:
    return f"{scores['scored']:,} of {scores['rows']:,}"


def _unscored(name: str, scores: Row) -> str:
    """Return a line about a test if none of its rows could be scored, else an empty string."""
    unknown = "each has a word that is not in the vocabulary"
    return "" if scores["scored"] else f"{name}: {_coverage(scores)} rows could be scored: {unknown}"


def ago(seconds: float) -> str:
    """Return how long ago something was, rounded down to a whole unit: 119 seconds are 1 min."""
    for unit, length, least in (
        ("year", 365.25 * 86400, 2),
        ("month", 365.25 / 12 * 86400, 2),
        ("day", 86400, 1),
        ("hour", 3600, 1),
    ):
        if (count := int(seconds / length)) >= least:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return f"{int(seconds / 60)} min ago" if seconds >= 60 else f"{max(0, int(seconds))} s ago"


def _moment(created: str) -> str:
    """Return a moment in the local time zone, and how long ago it was."""
    moment = datetime.fromisoformat(created).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}, {ago(time.time() - moment.timestamp())}"


def _console() -> Console:
    return Console(highlight=False, emoji=False, markup=False)  # a file may be called :apple: or [red]


def _styled(console: Console, text: str, style: str) -> str:
    """Return a text with the terminal codes of a style; in a pipe, unchanged."""
    with console.capture() as captured:
        console.print(Text(text, style), soft_wrap=True, end="")
    return captured.get()


def bold(text: str) -> str:
    """Return a text in bold; in a pipe, unchanged."""
    return _styled(_console(), text, "bold")


def _print_wrapped(console: Console, text: str) -> None:
    """Print an indented text, wrapped to the width of the terminal; in a pipe, on one line."""
    width = console.width - 2 if console.is_terminal else sys.maxsize
    for line in textwrap.wrap(text, width, subsequent_indent="  "):
        print(f"  {line}")


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _table(*left: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in left:
        table.add_column(name, overflow="fold")
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _print(table: Table) -> None:
    console = _console()
    if not console.is_terminal:
        console.width = 10_000  # a pipe has no width
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())
