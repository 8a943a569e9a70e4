"""The columns in which a ledger is stored: how its rows become arrays, and which arrays can't be those of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import IN_TRAINING, OUTCOMES
from streamer.ledger.rows import GONE, MORE, SKIPPED, TRAINED, FrozenRows, Rows
from streamer.ledger.spans import SPAN, Spans
from streamer.ledger.table import Column, Frozen

Columns = dict[str, npt.NDArray[Any]]

ROWS = {
    "outcome": "u1", "size": "i8", "mtime_ns": "i8", "ctime_ns": "i8", "words": "i8", "sha256": "u1", "head": "u4",
    "passes": "u4", "moved": "u1",
}  # fmt: skip
"""Columns with a value a row, as in :data:`streamer.ledger.rows.ROW`."""
TEXTS = {"reasons": "reason", "formats": "format", "encodings": "encoding"}
"""Blobs of distinct texts, and for each the column with the position of its text for each row."""


def to_columns(rows: FrozenRows, spans: Frozen) -> dict[str, npt.NDArray[Any] | Column]:
    """Return the rows that were not removed, and the spans; see ``docs/checkpoint-format.md``.

    Columns that would take much memory are made piece by piece when they are written.
    """
    table = rows.table
    there = table.array("outcome") != GONE
    whole = bool(there.all())
    keep = None if whole else there
    columns: dict[str, npt.NDArray[Any] | Column] = {name: table.column(name, keep) for name in ROWS}
    columns["paths"] = rows.names(keep)
    for names, (code, texts) in zip(
        TEXTS, (("reason", rows.reasons), ("format", rows.formats), ("encoding", rows.encodings)), strict=True
    ):
        used = _first_uses(table, code, len(texts), keep)
        places = np.zeros(len(texts), np.uint32)
        places[used] = np.arange(len(used))
        in_use = (texts[number].replace("\0", "").encode("utf-8", "surrogatepass") + b"\0" for number in used.tolist())
        columns[names] = np.frombuffer(b"".join(in_use), np.uint8)
        columns[code] = table.column(code, keep, places)
    links = np.asarray(table.column("more", keep))
    links = links[links >= 0]
    more = {name: rows.more.array(name)[links] for name in MORE}
    number = None
    if not whole:  # the numbers of rows change
        number = np.cumsum(there, dtype=np.uint32) - np.uint32(1)
        more["row"] = number[more["row"]].astype(np.int32)
        kept = (more["source"] >= 0) & there[more["source"]]
        more["source"] = np.where(kept, number[more["source"]].astype(np.int32), np.int32(-1))
    columns |= {f"more/{name}": column for name, column in more.items()}
    columns |= {f"spans/{name}": spans.column(name, places=number if name == "row" else None) for name in SPAN}
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


def _first_uses(table: Frozen, field: str, texts: int, keep: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.int64]:
    """Return the numbers of the texts that are in use, in the order of their first use: the same for the same rows."""
    first = np.full(texts, table.length)
    for start, view in table.views():
        rows = start + (np.arange(len(view)) if keep is None else np.flatnonzero(keep[start : start + len(view)]))
        codes, at = np.unique(view[field][rows - start], return_index=True)
        first[codes] = np.minimum(first[codes], rows[at])
    order = np.argsort(first, kind="stable")
    return order[first[order] < table.length]


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
