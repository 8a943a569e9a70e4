"""Amounts of memory are read as people write them, and shown so."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.settings import RunSettings, as_amount, in_bytes


@pytest.mark.parametrize(
    ("text", "count"),
    [
        *(
            ("4G", 4 * 10**9),
            ("512M", 512 * 10**6),
            ("1.5 GB", 1_500_000_000),
            ("4GiB", 4 << 30),
            (" 64MiB ", 64 << 20),
        ),
        *(("0", 0), ("100000000", 10**8), ("800kB", 800_000), ("800K", 800_000), (".5T", 5 * 10**11), ("1KiB", 1024)),
        *(("4g", 4 * 10**9), ("2Gi", 2 << 30), ("7m", 7 * 10**6), ("100B", 100)),
    ],
)
def test_amounts(text: str, count: int) -> None:
    """A number with a unit, or of bytes; units of 1,000 and, with an i, of 1,024. Settings take them, and numbers."""
    assert in_bytes(text) == count
    given: Any = text
    assert RunSettings(memory=given).memory == RunSettings(memory=count).memory == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        "G",
        "four",
        "4X",
        "-1G",
        "1G5M",
        "4i",
        "4iB",
        "4GG",
        "9" * 400,
        "1e400",
        "9999999T",
        "0.0004k",
        "1_0M",
        "1e9",
        "٣G",
    ],
)
def test_what_is_no_amount(text: str) -> None:
    """78, and one line that names the flag, the value and what would be one."""
    with pytest.raises(ValueError):
        in_bytes(text)
    given: Any = text
    with pytest.raises(StreamerError, match="--memory must be an amount of memory, such as 512M") as caught:
        RunSettings(memory=given)
    assert caught.value.code == ExitCode.CONFIGURATION and repr(text) in caught.value.problem


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_951, "1.0 MB"),
        (4 * 10**9, "4.0 GB"),
        (999_951 * 10**6, "1.0 TB"),
        (5e15, "5000.0 TB"),
    ],
)
def test_amounts_are_shown(count: int, text: str) -> None:
    """Three digits and a unit; no kilobyte is ever the thousandth."""
    assert as_amount(count) == text
