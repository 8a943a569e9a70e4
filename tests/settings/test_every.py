"""How often something is done: by words or by time, at the same points of every stream."""

from __future__ import annotations

import pytest

from streamer.settings import Every, every


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1h", Every(seconds=3600)),
        (" 30m ", Every(seconds=1800)),
        ("90", Every(seconds=90)),
        ("0", Every()),
        ("1M", Every(words=10**6)),
        ("1.5M", Every(words=1_500_000)),
        ("100_000k", Every(words=10**8)),
        ("2G", Every(words=2 * 10**9)),
    ],
)
def test_what_is_written(text: str, found: Every) -> None:
    """Words have k, M or G; all else is a time."""
    assert every(text) == found


@pytest.mark.parametrize("text", ["", "often", "1 year", "-1h", "M", "1T"])
def test_what_is_neither(text: str) -> None:
    """It is refused."""
    with pytest.raises(ValueError):
        every(text)


def test_an_hour_begins_with_the_full_hour() -> None:
    """And a million words with the millionth, whatever lies between two points; before 1970 too."""
    hourly, words, never = Every(seconds=3600), Every(words=100), Every()
    assert not hourly.between((0, 7_200.0), (500, 10_799.0))
    assert hourly.between((0, 7_199.0), (0, 7_200.0))
    assert hourly.between((0, -1.0), (0, 0.0))
    assert not hourly.between((0, -3_600.0), (0, -1.0))
    assert not words.between((100, 0.0), (199, 10**6))
    assert words.between((199, 0.0), (350, 0.0))
    assert not never.between((0, 0.0), (10**9, 10**9))
