"""Which moment is meant: the newest that is known and not later than what is asked for."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from streamer.checkpoints import Checkpoint
from streamer.errors import ExitCode, StreamerError
from streamer.state.past import Past, described, utc, when
from streamer.state.snapshots import Moment, Snapshot


def date(*parts: int) -> float:
    """Return a local time in seconds since 1970."""
    return datetime(*parts).timestamp()  # type: ignore[arg-type]


def never(moment: Moment) -> Snapshot:
    """Stand for what reads the newest checkpoint."""
    raise AssertionError(moment)


DATES = [date(2026, 11, 1, 10, 30), date(2026, 11, 3), date(2026, 11, 3, 14), date(2026, 11, 20)]


@pytest.fixture
def past() -> Past:
    """Return three snapshots, of which one was removed in between, and a checkpoint."""
    numbers = [1, 3, 4]
    known = [
        Moment(f"snapshot-{number}", number, 1_000_000 * number, 900_000 * number, 10 * number, at, "0" * 64)
        for number, at in zip(numbers, DATES[:3], strict=True)
    ]
    now = Moment("checkpoint-0000000009", 0, 5_000_000, 4_500_000, 60, DATES[3])
    path = Path("checkpoints/checkpoint-0000000009.h5")
    return Past(Checkpoint(path.name, 9, path, 1, 0.0), [*known, now], None, never)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2026-11-01", "snapshot-1"),
        ("2026-11-02", "snapshot-1"),
        ("2026-11-03", "snapshot-4"),
        ("2026-11-03 14:00", "snapshot-4"),
        ("2026-11-03 13:59", "snapshot-3"),
        ("2026-11", "checkpoint-0000000009"),
        ("2027", "checkpoint-0000000009"),
        ("snapshot-3", "snapshot-3"),
        ("1M", "snapshot-1"),
        ("2.9M", "snapshot-1"),
        ("3000000", "snapshot-3"),
        ("9G", "checkpoint-0000000009"),
    ],
)
def test_as_of(past: Past, text: str, name: str) -> None:
    """A day counts to its end."""
    assert past.find(text).name == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("2026-11-02", "snapshot-1"),
        ("2026-11-03", "snapshot-1"),
        ("2026-11-04", "snapshot-4"),
        ("2026-12", "checkpoint-0000000009"),
        ("snapshot-4", "snapshot-4"),
    ],
)
def test_since(past: Past, text: str, name: str) -> None:
    """A day counts from its beginning: what was known before its first text."""
    assert past.find(text, since=True).name == name


@pytest.mark.parametrize("text", ["2026-10", "2025", "999k", "snapshot-2", "snapshot-0", "snapshot-9"])
def test_what_is_not_known(past: Past, text: str) -> None:
    """The error says what there is, and the command that lists it."""
    with pytest.raises(StreamerError, match=f"nothing is known of {text}") as caught:
        past.find(text)
    assert caught.value.code == ExitCode.NO_INPUT
    assert "3 snapshots, from snapshot-1 (2026-11-01 10:30, 1,000,000 words) on" in caught.value.problem
    assert "streamer snapshots" in caught.value.hint


def test_without_snapshots(past: Past) -> None:
    """There is the newest checkpoint, always."""
    alone = Past(past.checkpoint, past.moments[-1:], None, never)
    assert alone.find("2026-11-20") == past.moments[-1]
    with pytest.raises(StreamerError, match="there is no snapshot, only checkpoint-0000000009"):
        alone.find("2026-11-19")


@pytest.mark.parametrize("text", ["soon", "", "2026-13-01", "9999999999999999999G words or so"])
def test_what_is_no_moment(past: Past, text: str) -> None:
    """It is wrong usage, and what a moment looks like is said."""
    with pytest.raises(StreamerError, match=r"is not a moment, such as 2026-11-03") as caught:
        past.find(text)
    assert caught.value.code == ExitCode.USAGE


def test_dates_long_ago() -> None:
    """Years before 1970 are dates like others."""
    old = (datetime(1843, 6, 1) - datetime(1970, 1, 1)).total_seconds()
    assert utc(old) == "1843-06-01T00:00:00+00:00"
    assert when(old).startswith(("1843-05-31", "1843-06-01"))
    assert described(Moment("snapshot-7", 7, 1_234, 0, 0, old)).endswith(", 1,234 words)")
