"""The columns in which a ledger is stored: how its rows become arrays, and which arrays can't be those of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import IN_TRAINING, OUTCOMES
from streamer.ledger.rows import GONE, MORE, SKIPPED, TRAINED, Rows, Texts
from streamer.ledger.spans import SPAN, Spans

Columns = dict[str, npt.NDArray[Any]]

ROWS = {
    "outcome": "u1", "size": "i8", "mtime_ns": "i8", "ctime_ns": "i8", "words": "i8", "sha256": "u1", "head": "u4",
    "passes": "u4", "moved": "u1",
}  # fmt: skip
"""Columns with a value a row, as in :data:`streamer.ledger.rows.ROW`."""
TEXTS = {"reasons": "reason", "formats": "format", "encodings": "encoding"}
"""Blobs of distinct texts, and for each the column with the position of its text for each row."""


def to_arrays(rows: Rows, spans: Spans) -> Columns:
    """Return the rows that were not removed, and the spans; see ``docs/checkpoint-format.md``."""
    table, paths = rows.table, np.frombuffer(rows.names(), np.uint8)
    there = table.column("outcome") != GONE
    number = np.cumsum(there) - 1  # of each row, when the removed ones are gone
    whole = not rows.removed
    columns = {name: table.column(name) if whole else table.column(name)[there] for name in ROWS}
    if not whole:
        lengths = np.diff(np.flatnonzero(paths == 0), prepend=-1)
        paths = paths[np.repeat(there, lengths)]
    columns["paths"] = paths
    for names, (codes, texts) in zip(
        TEXTS, (("reason", rows.reasons), ("format", rows.formats), ("encoding", rows.encodings)), strict=True
    ):
        columns[names], columns[codes] = _coded(texts, table.column(codes)[there])
    links = table.column("more")[there]
    used = links[links >= 0]
    for name in MORE:
        columns[f"more/{name}"] = rows.more.column(name)[used]
    columns["more/row"] = number[columns["more/row"]].astype(np.int32) if len(used) else columns["more/row"]
    sources = columns["more/source"]
    of_one = np.flatnonzero(sources >= 0)
    sources[of_one] = np.where(there[sources[of_one]], number[sources[of_one]], -1)
    for name, column in spans.to_arrays().items():
        columns[f"spans/{name}"] = column
    if len(spans) and not whole:
        columns["spans/row"] = number[columns["spans/row"]].astype(np.uint32)
    return columns


def restore(columns: Mapping[str, npt.NDArray[Any]], rows: Rows, spans: Spans) -> list[int]:
    """Fill an empty ledger from the columns; return the rows under way.

    Raises:
        StreamerError: With exit code 65 if a column is missing, has another type or length, or contains impossible
            values.
    """
    try:
        if problem := _wrong(columns):
            raise ValueError(problem)
        texts = {names: _texts(columns[names]) for names in TEXTS}
        for kind, found in zip((rows.reasons, rows.formats, rows.encodings), texts.values(), strict=True):
            for text in found:
                kind.code(text)
        table = {name: columns[name] for name in (*ROWS, *TEXTS.values())}
        rows.restore(table, {name: columns[f"more/{name}"] for name in MORE}, columns["paths"].tobytes())
        spans.restore({name: columns[f"spans/{name}"] for name in SPAN})
        if problem := _twice(rows):
            raise ValueError(problem)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise StreamerError(f"the ledger is damaged: {error}", code=ExitCode.DAMAGED) from error
    training = texts["reasons"].index(IN_TRAINING) if IN_TRAINING in texts["reasons"] else -1
    return np.flatnonzero(columns["reason"] == training).tolist() if training >= 0 else []


def _coded(texts: Texts, codes: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Return the texts that are in use, in the order of their first use, as a blob, and the position of each: (n,)."""
    used, first = np.unique(codes, return_index=True)
    used = used[np.argsort(first)]
    places = np.zeros(len(texts.texts) + 1, np.uint32)
    places[used] = np.arange(len(used))
    names = [texts.texts[code].replace("\0", "").encode("utf-8", "surrogatepass") + b"\0" for code in used.tolist()]
    return np.frombuffer(b"".join(names), np.uint8), places[codes]


def _texts(blob: npt.NDArray[np.uint8]) -> list[str]:
    return blob.tobytes().decode("utf-8", "surrogatepass").split("\0")[:-1]


def _wrong(columns: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return what is wrong with the columns, each alone and compared with each other; "" if nothing."""
    for group, fields in (("", {**ROWS, **dict.fromkeys(TEXTS.values(), "u4")}), ("more/", MORE), ("spans/", SPAN)):
        length = len(columns[group + next(iter(fields))])
        for name, kind in fields.items():
            column, shape = columns[group + name], (length, 32) if name == "sha256" else (length,)
            if column.dtype != ("u1" if name == "sha256" else kind) or column.shape != shape:
                return f"{group}{name} is {column.dtype} of shape {column.shape}"
    rows = len(columns["outcome"])
    for name in ("paths", *TEXTS):
        ends = columns[name] == 0
        length = rows if name == "paths" else int(ends.sum())
        if columns[name].dtype != "u1" or columns[name].ndim != 1 or (ends.size and not ends[-1]):
            return f"{name} is not a list of names"
        if length != int(ends.sum()) or (name == "paths" and rows and (ends[0] or (ends[1:] & ends[:-1]).any())):
            return f"{name} is not a list of {rows} names"
    for names, codes in TEXTS.items():
        known = columns[names].tobytes().split(b"\0")[:-1]
        if len(set(known)) < len(known) or (rows and columns[codes].max() >= len(known)):
            return f"{codes} has a number without a text in {names}, or {names} has a text twice"
    return _impossible(columns) if rows else ("spans/ has rows of no file" if len(columns["spans/row"]) else "")


def _impossible(columns: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return what no row can be."""
    rows, outcome, size = len(columns["outcome"]), columns["outcome"], columns["size"]
    at, source = columns["more/row"], columns["more/source"]
    twice = len(at) and (at.min() < 0 or at.max() >= rows or len(np.unique(at)) < len(at))
    if (
        twice
        or (len(source) and not -1 <= source.min() <= source.max() < rows)
        or (len(columns["spans/row"]) and columns["spans/row"].max() >= rows)
    ):
        return "more/row has a row twice, or more/ or spans/ has one that is not there"
    if outcome.max() >= len(OUTCOMES) or columns["moved"].max() > 1 or columns["passes"].max() >= 1 << 31:
        return "a row has an unknown outcome"
    refused = outcome == SKIPPED
    text, trained = size.copy(), np.where(outcome == TRAINED, size, 0)
    start, offset = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    for column, name in ((text, "text_bytes"), (trained, "bytes_trained"), (start, "start"), (offset, "offset")):
        column[at] = columns[f"more/{name}"]
    if min(map(np.min, (size, text, columns["words"], trained, start, offset))) < 0:
        return "a row has a negative number"
    if max(map(np.max, (np.where(refused, 0, size), text))) >= 1 << 62:  # a sparse file may be larger, and is refused
        return "a row has more bytes than there can be"
    reasons = columns["reasons"].tobytes().split(b"\0")[:-1]
    training = columns["reason"] == (reasons.index(IN_TRAINING.encode()) if IN_TRAINING.encode() in reasons else -1)
    nothing = (columns["words"] == 0) & (trained == 0) & (columns["passes"] == 0) & (offset == 0) & (start == 0)
    known = start + trained
    whole = np.where(outcome == TRAINED, known == text, known <= text) & (offset <= text)
    sound = np.where(refused, nothing & ~training, whole & (~training | (outcome != TRAINED)))
    if not sound.all():
        return f"row {int(np.argmin(sound))} accounts for bytes that are not there"
    return ""


def _twice(rows: Rows) -> str:
    """Return which file has two rows for one version or two refusals; "" if none."""
    older = rows.table.column("older")
    newest = older >= 0
    newest[older[older >= 0]] = False
    for row in np.flatnonzero(newest).tolist():
        versions = [rows.load(found) for found in rows.versions(rows.path(row))]
        trained = [entry.text_sha256 for entry in versions if entry.outcome != "skipped" and any(entry.text_sha256)]
        if len(set(trained)) < len(trained):
            return f"paths has {versions[0].path!r} twice with the same content"
        if sum(entry.outcome == "skipped" for entry in versions) > 1:
            return "a file was refused twice"
    return ""
