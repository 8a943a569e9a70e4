"""How often something is done on a stream: every so many words, or every so much time."""

from __future__ import annotations

import re
from typing import NamedTuple

from streamer.settings.durations import seconds

RULE = "a time, such as 1h or 1d, a number of words, such as 1M, or 0"
_WORDS = {"k": 10**3, "M": 10**6, "G": 10**9}


class Every(NamedTuple):
    """Every so many words or seconds; both are 0 for never.

    Attributes:
        words: The words.
        seconds: The seconds.
    """

    words: int = 0
    seconds: float = 0.0

    def between(self, before: tuple[int, float], after: tuple[int, float]) -> bool:
        """Return whether it is time between two points of the stream, each in words and in seconds.

        A stream has the same points whenever it began: an hour begins with each full hour, in UTC.
        """
        number, unit = (0, self.words) if self.words else (1, self.seconds)
        return unit > 0 and after[number] // unit > before[number] // unit


def every(text: str) -> Every:
    """Return what a text says.

    Raises:
        ValueError: If it is neither a time nor a number of words.
    """
    if parts := re.fullmatch(r"(\d[\d_]*\.?\d*)([kMG])", text.strip(), re.ASCII):
        return Every(words=round(float(parts[1].replace("_", "")) * _WORDS[parts[2]]))
    return Every(seconds=seconds(text))
