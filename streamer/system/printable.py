"""Names from unknown sources, as text that is safe to show on a terminal and to store."""

from __future__ import annotations

import os


def printable(name: str) -> str:
    """Return a file's name with escapes for characters that a terminal would act on, or can't show."""
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
