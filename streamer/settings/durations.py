"""Durations as people write them, and in seconds."""

from __future__ import annotations

import re

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 30 * 86_400}
DURATIONS = "a duration, such as 10s, 1.5h or 30d"


def seconds(text: str) -> float:
    """Return the seconds of a duration: a number and one of the units s, m, h, d, w, mo, or a number of seconds.

    Raises:
        ValueError: If it is not a duration.
    """
    parts = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*(mo|[smhdw]?)", text.strip(), re.ASCII)
    if not parts:
        raise ValueError(text)
    return float(parts[1]) * _SECONDS[parts[2] or "s"]


def as_duration(length: float) -> str:
    """Return seconds as people write a duration, in the largest unit that they are a whole number of."""
    unit = next((unit for unit in ("w", "d", "h", "m") if length and length % _SECONDS[unit] == 0), "s")
    return f"{length / _SECONDS[unit]:g}{unit}" if length else "0"
