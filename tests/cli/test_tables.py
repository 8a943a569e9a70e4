"""Tables for people: sizes, times, names that a terminal would act on, and very many rows."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from rich.cells import cell_len

from streamer.answers.reports import Listing
from streamer.cli import tables

DAY = 86400
CODES = re.compile(r"\x1b\[[0-9;]*m")
REASON = "not text in utf-8: 40 % of its characters can't be decoded (limit 1 %); see --encoding"


def row(path: str, outcome: str = "trained", reason: str = "", words: int = 12_345) -> dict[str, Any]:
    """Return a row of the ledger."""
    trained = 60_000 if outcome == "trained" else 0
    figures = {"words": words, "bytes": 60_000, "bytes_trained": trained, "bytes_skipped": 60_000 - trained}
    return {"path": path, "outcome": outcome, "reason": reason, "encoding": "utf-8", "unusual": "", **figures}


def listing(rows: list[dict[str, Any]], folded: int = 0) -> Listing:
    """Return what the ledger says of these files."""
    skipped: dict[str, int] = {}
    for found in rows:
        if found["bytes_skipped"]:
            skipped[found["reason"]] = skipped.get(found["reason"], 0) + found["bytes_skipped"]
    trained = sum(found["bytes_trained"] for found in rows)
    return Listing(rows, {"seen": trained + sum(skipped.values()), "trained": trained, "skipped": skipped}, folded)


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what prints in a pipe, or on a terminal of a width, and returns the lines without colours."""

    def run(function: Any, *arguments: Any, columns: int | None = None) -> list[str]:
        if columns:
            monkeypatch.setenv("FORCE_COLOR", "1")
            monkeypatch.setenv("TERM", "xterm-256color")
            monkeypatch.setenv("COLUMNS", str(columns))
        function(*arguments)
        return CODES.sub("", capsys.readouterr().out).splitlines()

    return run


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        *((-5, "0 s ago"), (0.9, "0 s ago"), (59.9, "59 s ago"), (60, "1 min ago"), (90, "1 min ago")),
        *((119.9, "1 min ago"), (3599, "59 min ago"), (3600, "1 hour ago"), (2 * 3600, "2 hours ago")),
        *((DAY - 1, "23 hours ago"), (DAY, "1 day ago"), (2 * DAY, "2 days ago"), (60 * DAY, "60 days ago")),
        *((61 * DAY, "2 months ago"), (700 * DAY, "22 months ago"), (731 * DAY, "2 years ago")),
    ],
)
def test_how_long_ago(seconds: float, text: str) -> None:
    """Whole units that have gone by, in the largest one that says enough."""
    assert tables.ago(seconds) == text


def test_names_are_shown_as_they_are(shown: Any) -> None:
    """Markup and emoji codes in names are letters like any other; what a terminal would act on is an escape."""
    names = ["[red]a[/red].txt", ":apple:.txt", "[/].txt", "two\nlines.txt", "\x1b[31mred.txt", "caf\udce9.txt"]
    lines = shown(tables.print_files, listing([row(name) for name in names]))
    paths = [line.split(maxsplit=3)[3] for line in lines[1:7]]
    assert paths == [*names[:3], "two\\nlines.txt", "\\x1b[31mred.txt", "caf\\xe9.txt"]
    lines = shown(tables.print_neighbours, [("[red]", [("[bold]", 0.5, 1), (":apple:", 0.25, 1)])])
    assert lines == ["[red]    cosine  seen", "[bold]   0.5000     1", ":apple:  0.2500     1"]
    damaged = {"name": "checkpoint-0000000001.h5", "size_bytes": 5, "created": "2026-01-01T00:00:00+00:00"}
    damaged |= {"verified": False, "reason": "a [red] \x07 reason", "hint": "do this"}
    lines = shown(tables.print_checkpoints, [{**damaged, "newer": False}])
    assert lines[2] == "  a [red] \\x07 reason"


def test_a_newer_checkpoint_is_not_called_damaged(shown: Any) -> None:
    """What to do about it stands beside the reason."""
    row = {"name": "checkpoint-0000000001.h5", "size_bytes": 5, "created": "2026-01-01T00:00:00+00:00"}
    row |= {"verified": False, "reason": "its format is newer", "hint": "upgrade streamer", "newer": True}
    lines = shown(tables.print_checkpoints, [row])
    assert "newer" in lines[1] and "damaged" not in lines[1]
    assert lines[2] == "  its format is newer; upgrade streamer"


def test_wide_letters_stay_in_their_columns(shown: Any) -> None:
    """Columns beside Chinese and Japanese words begin where they begin beside others."""
    near = [("東京都", 0.5, 10), ("tokyo", -0.25, 1_000_000), ("ǝ", 1.0, 7)]
    lines = shown(tables.print_neighbours, [("日本", near)])
    assert {cell_len(line) for line in lines} == {6 + 2 + 7 + 2 + 9}
    rows = [row("日本語.txt", "skipped", "empty"), row("plain.txt", "skipped", "empty")]
    lines = shown(tables.print_files, listing(rows))[:3]
    assert len({cell_len(line[: re.search("reason|empty", line).start()]) for line in lines}) == 1  # type: ignore[union-attr]


def test_words_side_by_side(shown: Any) -> None:
    """On a terminal tables stand side by side if there is room, with what is missing from a short one left blank."""
    near = [("one", 0.5, 1), ("two", 0.25, 1)]
    several = [("first", near), ("second", near[:1]), ("third", near)]
    assert shown(tables.print_neighbours, several, columns=80) == [
        "first  cosine  seen    second  cosine  seen    third  cosine  seen",
        "one    0.5000     1    one     0.5000     1    one    0.5000     1",
        "two    0.2500     1                            two    0.2500     1",
    ]
    lines = shown(tables.print_neighbours, several, columns=45)
    assert lines[3] == "" and lines[4].startswith("third") and len(lines) == 7
    lines = shown(tables.print_neighbours, several, columns=10)
    assert [line.split()[0] for line in lines if "cosine" in line] == ["first", "second", "third"]


@pytest.mark.parametrize("columns", [60, 80, 120, 160])
def test_files_at_any_width(columns: int, shown: Any) -> None:
    """No line is wider than the terminal; nothing of a name or a reason is lost."""
    name = "a/very-long/path/to-a-file-" + "x" * 90 + "-日本語.txt"
    lines = shown(tables.print_files, listing([row(name), row("noise.bin", "skipped", REASON)]), columns=columns)
    assert max(map(cell_len, lines)) <= columns
    joined = "".join(line.strip() for line in lines)
    assert name in joined
    assert REASON.replace(" ", "") in joined.replace(" ", "")
    lines = shown(tables.print_files, listing([row(name), row("noise.bin", "skipped", "empty")]), columns=columns)
    assert "reason" in lines[0] and max(map(cell_len, lines)) <= columns


def test_a_reason_beside_its_file(shown: Any) -> None:
    """Where there is room for the longest, reasons stand in a column of their own; in a pipe, always."""
    rows = [row("a.txt"), row("longer.txt", "skipped", "empty", words=0)]
    wanted = [
        "outcome   words   bytes  file        reason",
        "trained  12,345  60,000  a.txt",
        "skipped       0  60,000  longer.txt  empty",
    ]
    assert shown(tables.print_files, listing(rows))[:3] == wanted
    assert shown(tables.print_files, listing(rows), columns=43)[:3] == wanted
    assert shown(tables.print_files, listing(rows), columns=42)[1:4] == [
        "trained  12,345  60,000  a.txt",
        "skipped       0  60,000  longer.txt",
        "                         empty",
    ]


@pytest.mark.alone
def test_very_many_files(shown: Any) -> None:
    """A hundred thousand files are printed in seconds."""
    rows = [row(f"folder/{number:06}.txt", *(("skipped", REASON) if number % 9 else ())) for number in range(100_000)]
    started = time.perf_counter()
    lines = shown(tables.print_files, listing(rows))
    assert len(lines) == 100_004
    assert time.perf_counter() - started < 10


def test_files_that_are_not_listed_are_counted(shown: Any) -> None:
    """With others, and alone."""
    some = shown(tables.print_files, listing([row("a.txt")], 1234))
    assert "and 1,234 files that are gone (--ledger-keep)" in some
    alone = shown(tables.print_files, Listing([], {"seen": 5, "trained": 5, "skipped": {}}, 1))
    assert alone[0] == "no files"
    assert "and 1 file that is gone (--ledger-keep)" in alone
