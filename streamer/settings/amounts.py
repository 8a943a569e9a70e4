"""Amounts of memory as people write them, and in bytes."""

from __future__ import annotations

import re

_UNITS = "kmgt"
_MOST = 10**18
AMOUNTS = "an amount of memory, such as 512M or 4G"


def in_bytes(text: str) -> int:
    """Return the bytes of an amount: a number and one of the units k, M, G, T, in capitals or not, perhaps with B.

    ``4G``, ``4g`` and ``4GB`` are 4·10⁹ bytes; ``4Gi`` and ``4GiB`` are 4·2³⁰.

    Raises:
        ValueError: If it is no amount, or one that no machine has.
    """
    parts = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*(?:([kmgt])(i?))?b?", text.strip(), re.ASCII | re.IGNORECASE)
    if not parts:
        raise ValueError(text)
    power = _UNITS.index(parts[2].lower()) + 1 if parts[2] else 0
    unit: int = (1024 if parts[3] else 1000) ** power
    count = float(parts[1]) * unit
    if count > _MOST or 0 < count < 1:
        raise ValueError(text)
    return round(count)


def as_amount(count: float) -> str:
    """Return a number of bytes in a suitable unit."""
    if count < 1000:
        return f"{count:.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 999.95:  # rounds to less than the next unit
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} TB"
