"""The columns in which a ledger is stored: how its values become arrays, and which arrays can't be those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

LISTS = {"reasons": "reason", "formats": "format", "encodings": "encoding"}
"""Blobs of distinct texts, and for each the column that has the position of its text for each row."""

_INT64 = np.iinfo(np.int64)


def coded(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return the distinct texts as a blob of NUL-terminated UTF-8, and the position of each: (n,)."""
    codes = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    names = [text.replace("\0", "").encode("utf-8", "surrogatepass") + b"\0" for text in codes]
    return blob(names), np.array([codes[text] for text in texts], np.int32)


def uncoded(names: npt.NDArray[np.uint8], codes: npt.NDArray[np.int32]) -> list[str]:
    """Return the texts that :func:`coded` was given."""
    texts = names.tobytes().decode("utf-8", "surrogatepass").split("\0")
    return [texts[code] for code in codes.tolist()]


def int64(values: list[int]) -> npt.NDArray[np.int64]:
    """Return numbers as an array; those that do not fit are clipped."""
    try:
        return np.array(values, np.int64)
    except OverflowError:  # nanoseconds of a time after the year 2262, which file systems can store
        return np.array([fit(value) for value in values], np.int64)


def fit(value: int) -> int:
    """Return a number clipped to 64 bits."""
    return min(max(value, _INT64.min), _INT64.max)


def wrong(
    columns: Mapping[str, npt.NDArray[Any]], *, numbers: Sequence[str], outcomes: Sequence[str], in_training: str
) -> str:
    """Return what is wrong with the columns of a ledger, each alone and compared with each other; "" if nothing.

    Args:
        columns: The columns.
        numbers: The names of the int64 columns.
        outcomes: What ``outcome`` is a position in.
        in_training: The reason of a row in the middle of a pass.
    """
    kinds = {"outcome": "u1", "sha256": "u1"}
    for names, codes in LISTS.items():
        kinds |= {names: "u1", codes: "i4"}
    blobs, rows = ("paths", *LISTS), len(columns["outcome"])
    kinds["paths"] = "u1"
    for name in (*kinds, *numbers):
        column, shape = columns[name], (rows, 32) if name == "sha256" else (rows,)
        if column.dtype != kinds.get(name, "i8") or (name not in blobs and column.shape != shape):
            return f"{name} is {column.dtype} of shape {column.shape}"
    for name in blobs:
        ends = columns[name] == 0
        length = rows if name == "paths" else int(ends.sum())
        if columns[name].ndim != 1 or (ends.size and not ends[-1]) or length != int(ends.sum()):
            return f"{name} is not a list of {rows} names"
    for names, codes in LISTS.items():
        known, code = columns[names].tobytes().split(b"\0")[:-1], columns[codes]
        if len(set(known)) < len(known) or (rows and not 0 <= code.min() <= code.max() < len(known)):
            return f"{codes} has a number without a text in {names}, or {names} has a text twice"
    outcome, reason = columns["outcome"], columns["reason"]
    reasons = columns["reasons"].tobytes().split(b"\0")[:-1]
    size, _, _, text, words, trained, skipped, passes, offset = (columns[name] for name in numbers)
    if rows and (
        outcome.max() >= len(outcomes) or min(map(np.min, (text, words, trained, skipped, passes, offset))) < 0
    ):
        return "a row has an unknown outcome or a negative number"
    refused = outcome == outcomes.index("skipped")
    training = reason == (reasons.index(in_training.encode()) if in_training.encode() in reasons else -1)
    whole = np.where(training, (skipped == 0) & (outcome == 1), trained + skipped == text)
    sound = np.where(refused, (words == 0) & (trained == 0) & (passes == 0) & (offset == 0) & ~training, whole)
    there = (skipped <= np.maximum(text, size)) | (refused & (size == -1))  # to be read again
    likely = (size >= -1) & (trained <= text) & there & (offset <= text)
    countable = refused | (np.maximum(text, size) < 2**62)  # a sparse file may be larger, and is refused
    if rows and not (sound & likely & countable).all():
        return f"row {int(np.argmin(sound & likely & countable))} accounts for bytes that are not there"
    return ""


def blob(pieces: list[bytes]) -> npt.NDArray[np.uint8]:
    """Return bytes one after the other: (n,)."""
    return np.frombuffer(b"".join(pieces), np.uint8)
