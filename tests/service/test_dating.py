"""When a text is from: in units, and in runs over archives, whole and killed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from streamer.formats.dates import DAY, seconds
from streamer.intake.dates import date_of
from streamer.intake.prefetch import TokenBlock
from streamer.ledger.entries import Signature
from streamer.service.dating import Dating, date_field
from streamer.settings import RunSettings
from streamer.state.reading import read_ledger, read_past
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import tokenizer

from ..support.corpus import WORDS, large, put, text
from ..support.process import QUICK, done, files, started, until
from ..support.undisturbed import Result

NOW = seconds(2026, 11, 3)
CUTS = tokenizer(Rules())


def block(date: float | None = None, words: str = "some words") -> TokenBlock:
    """Return a block of some date."""
    return TokenBlock(0, 10, CUTS.encode(words), 0, date)


def signed(mtime: float) -> Signature:
    """Return the signature of a file that was last changed at a time."""
    return Signature(1, int(mtime * 10**9), 0)


@pytest.mark.parametrize(
    ("source", "date"), [("trained", NOW), ("mtime", 5.5), ("name", seconds(1880, 5, 2)), ("field", 7.5)]
)
def test_where_a_date_comes_from(source: str, date: float) -> None:
    """The clock, the time of modification, the name or the records."""
    dating = Dating(source, date_of, lambda: NOW)
    assert dating.date("1880/1880-05-02.txt", signed(5.5), block(7.5)) == date


@pytest.mark.parametrize("source", ["mtime", "name", "field"])
def test_a_date_in_the_future_is_none(source: str) -> None:
    """Clocks may differ by a day."""
    dating = Dating(source, date_of, lambda: NOW)
    for days, expected in ((1, NOW + DAY), (2, None)):
        date = NOW + days * DAY
        name = datetime.fromtimestamp(date, UTC).strftime("%Y-%m-%d.txt")
        assert dating.date(name, signed(date), block(date)) == expected


@pytest.mark.parametrize("source", ["name", "field"])
def test_a_text_without_a_date_is_told_once(source: str) -> None:
    """With its path and what to do. A block without words is no text."""
    dating = Dating(source, date_of, lambda: NOW)
    with structlog.testing.capture_logs() as lines:
        assert dating.date("empty.txt", signed(0), block(None, "")) is None
        assert lines == []
        assert [dating.date(name, signed(0), block()) for name in ("a.txt", "b.txt")] == [None, None]
    [line] = lines
    assert (line["event"], line["path"], line["log_level"]) == ("text.undated", "a.txt", "warning")
    assert "the clock of the stream stands still" in line["hint"]
    assert ("--date-field" in line["hint"]) == (source == "field")


def test_fields_are_read_only_if_dates_are_there() -> None:
    """It costs time."""
    assert date_field(RunSettings()) is date_field(RunSettings(date_from="name")) is None
    assert date_field(RunSettings(date_from="field")) == ""
    assert date_field(RunSettings(date_from="field", date_field="meta.day")) == "meta.day"


YEARS = (1880, 1881, 1882, 1884, 1890)
ALL = ("--snapshots", "all", "--checkpoint-every", "0")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a working folder with an inbox of texts named by year; the newest of all by mtime is the first."""
    for number, year in enumerate(YEARS):
        content = large(3 << 20) if year == 1882 else text(year, 30_000)
        put(tmp_path / "inbox" / f"{year}.txt", content, age=1000 + 100 * number)
    put(tmp_path / "inbox" / "undated.txt", text(1, 20_000), age=9000)
    return tmp_path


def moments(folder: Path) -> list[tuple[int, int, float]]:
    """Return the snapshots of a run, and its newest checkpoint: number, words and date of each."""
    return [(moment.number, moment.words_seen, moment.date) for moment in read_past(folder / "checkpoints").moments]


def trained(ended: Any) -> list[str]:
    """Return the files that a run trained, in order."""
    return [line["path"] for line in ended.events("file.trained")]


@pytest.mark.slow
def test_an_archive_is_learned_in_the_order_of_time(archive: Path) -> None:
    """A snapshot before each later year, with the date of the year before; the text without a date comes last."""
    ended = done("watch", "inbox", "--once", *QUICK, *ALL, "--date-from", "name", folder=archive)
    assert trained(ended) == [*(f"{year}.txt" for year in YEARS), "undated.txt"]
    assert [line["path"] for line in ended.events("text.undated")] == ["undated.txt"]
    assert [date for _, _, date in moments(archive)] == [seconds(year) for year in YEARS]
    assert "as of snapshot-2 " in done("similar", WORDS[0], "--as-of", "1881-06-01", folder=archive).stderr
    assert read_past(archive / "checkpoints").find("1883-06").date == seconds(1882)


def _amid(checkpoints: Path, name: str) -> bool:
    if not any(checkpoints.glob("*.h5")):
        return False
    entry = read_ledger(checkpoints).under_way
    return entry is not None and entry.path == name and entry.offset > 0


@pytest.mark.slow
def test_killed_and_started_again_the_order_is_the_same(archive: Path) -> None:
    """What was begun is finished first; then what is left, in the order of time: to the bit, and to the snapshot."""
    command = ("watch", "inbox", "--once", *QUICK, *ALL, "--date-from", "name")
    whole = done(*command, folder=archive)
    expected, dates = Result.of(archive), moments(archive)
    (archive / "checkpoints").rename(archive / "whole")
    with started(*command, folder=archive) as trainer:
        until(lambda: _amid(archive / "checkpoints", "1882.txt"), "the middle of 1882.txt")
        trainer.killed()
    rest = done(*command, folder=archive)
    assert trained(rest) == trained(whole)[2:]
    assert Result.of(archive) == expected
    assert moments(archive) == dates


def test_once_waits_until_all_is_still(tmp_path: Path) -> None:
    """What was written last may be the first in time."""
    put(tmp_path / "inbox" / "1881.txt", text(1, 20_000), age=100)
    put(tmp_path / "inbox" / "1880.txt", text(2, 20_000), age=-3600)  # of the future: never still at first sight
    command = ("watch", "inbox", "--once", *QUICK, "--settle", "1")
    ended = done(*command, "--date-from", "name", folder=tmp_path)
    assert trained(ended) == ["1880.txt", "1881.txt"]


@pytest.mark.slow
def test_mtimes(archive: Path) -> None:
    """The order is as it always is, and the clock goes by the mtimes: two hours, one snapshot."""
    ended = done("watch", "inbox", "--once", *QUICK, *ALL, "--date-from", "mtime", folder=archive)
    assert trained(ended) == ["undated.txt", *(f"{year}.txt" for year in reversed(YEARS))]
    *before, (_, _, last) = moments(archive)
    assert last == (archive / "inbox" / "1880.txt").stat().st_mtime
    assert before[0][2] == (archive / "inbox" / "undated.txt").stat().st_mtime


def records(kind: str, year: int) -> str:
    """Return a file of a kind whose records are all of one year."""
    body = [" ".join(text(year + number, 3000).split()) for number in range(5)]
    if kind == "jsonl":
        return "".join(json.dumps({"created_at": f"{year}-05-02T10:00:00Z", "text": part}) + "\n" for part in body)
    if kind == "csv":
        return "text,day\n" + "".join(f"{part},{year}-05-02T10:00:00Z\n" for part in body)
    date = format_datetime(datetime(year, 5, 2, 10, tzinfo=UTC))
    return "".join(f"From a Mon Jan  1 10:00:00 2024\nFrom: a\nDate: {date}\nSubject: b\n\n{part}\n\n" for part in body)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "more"), [("jsonl", ()), ("csv", ("--field", "text", "--date-field", "day")), ("mail", ())]
)
def test_dates_of_records(kind: str, more: tuple[str, ...], tmp_path: Path) -> None:
    """Each file is of another year; the ledger and the model are those of a run that asks for no dates."""
    years = (1990, 1991, 1995)
    for number, year in enumerate(years):
        put(tmp_path / "inbox" / f"{number}.{kind}", records(kind, year), age=900 - 100 * number)
    command = ("watch", "inbox", "--once", *QUICK, *ALL, *(more[:2]))
    ended = done(*command, "--date-from", "field", *more[2:], folder=tmp_path)
    assert not ended.events("text.undated")
    assert {row["format"].split()[0] for row in files(tmp_path).values()} == {kind}
    assert [date for _, _, date in moments(tmp_path)] == [seconds(year, 5, 2) + 36000 for year in years]
    done(*command, "--checkpoints", "other", folder=tmp_path)
    assert Result.of(tmp_path) == Result.of(tmp_path, "other")


@pytest.mark.slow
def test_train_takes_files_in_the_order_of_time(archive: Path) -> None:
    """In each epoch; the clock of the stream does not go back in the second."""
    names = [f"inbox/{year}.txt" for year in (1890, 1880, 1884)]
    ended = done("train", *names, "--epochs", "2", *QUICK, *ALL, "--date-from", "name", folder=archive)
    assert [Path(path).name for path in trained(ended)] == ["1880.txt", "1884.txt", "1890.txt"] * 2
    assert [date for _, _, date in moments(archive)] == [seconds(year) for year in (1880, 1884, 1890)]


@pytest.mark.parametrize("mtime", [-70_000_000_000.0, -31_000_000_000.0])
def test_a_date_of_no_text_is_none(mtime: float) -> None:
    """A file system may say that a file is from before there were texts: the clock must not follow."""
    assert Dating("mtime", lambda path: None, lambda: NOW).date("a.txt", signed(mtime), block()) is None
