"""Reasons by class: what two refusals have in common, without the figures and names of one file."""

from __future__ import annotations

_CLASSES = (  # what a reason begins with, and the class of all that do
    ("sparse: ", "sparse"),
    ("csv: no column ", "csv: no such column"),
    ("PDF: ", "PDF"),
    ("RTF: ", "RTF"),
    ("office file of before 2007: ", "office file of before 2007"),
    ("office file: ", "office file"),
    ("not text: ", "not text: a binary file"),
    ("a copy of ", "a copy of another file"),
    ("its first ", "a copy of another file"),
    ("unusual: ", "unusual"),
    ("released: ", "unusual"),
)


def reason_class(reason: str) -> str:
    """Return the class of a reason that ``files`` shows; a reason without figures or names is its own class."""
    for beginning, name in _CLASSES:
        if reason.startswith(beginning):
            return name
    if reason.startswith("not text in "):
        return reason.partition(":")[0]
    # In brackets is what to do about it, or the message of a decompressor.
    return reason.partition(" (")[0]
