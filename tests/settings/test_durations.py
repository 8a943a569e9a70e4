"""Durations are read as people write them, and shown so."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.settings import RunSettings, as_duration, seconds


@pytest.mark.parametrize(
    ("text", "length"),
    [
        *(("10", 10), ("0", 0), ("2.5", 2.5), (".5s", 0.5), ("10s", 10), ("10 s", 10), (" 1.5h ", 5400), ("2m", 120)),
        *(("30d", 30 * 86_400), ("2w", 14 * 86_400), ("1mo", 30 * 86_400)),
    ],
)
def test_durations(text: str, length: float) -> None:
    """A number with a unit, or of seconds; a month has 30 days. Settings take them, and numbers."""
    assert seconds(text) == length
    given: Any = text
    assert RunSettings(fresh=given).fresh == RunSettings(fresh=length).fresh == length
    assert isinstance(RunSettings(fresh=given).fresh, float)


@pytest.mark.parametrize("text", ["", "s", "ten", "1x", "-1s", "1h30m", "1M", "1_0s", "1e3", "inf", "٣s", "1. 5s"])
def test_what_is_no_duration(text: str) -> None:
    """78, and one line that names the flag, the value and what would be one."""
    with pytest.raises(ValueError):
        seconds(text)
    given: Any = text
    with pytest.raises(StreamerError, match="--fresh must be a duration, such as 10s") as caught:
        RunSettings(fresh=given)
    assert caught.value.code == ExitCode.CONFIGURATION and repr(text) in caught.value.problem


@pytest.mark.parametrize(
    ("length", "text"), [(0, "0"), (2, "2s"), (0.5, "0.5s"), (60, "1m"), (90, "90s"), (5400, "90m"), (604_800, "1w")]
)
def test_durations_are_shown_as_they_are_written(length: float, text: str) -> None:
    """In the largest unit of which they are a whole number, and they are read back as they were."""
    assert as_duration(length) == text
    assert seconds(text) == length
