"""The columns in which a ledger is stored: how its rows become arrays, and which arrays can't be those of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import COPY, IN_TRAINING, NOTHING, OUTCOMES
from streamer.ledger.folded import FOLDED, Folded, FrozenFolded
from streamer.ledger.rows import GONE, MORE, REFUSED, SKIPPED, TRAINED, FrozenRows, Rows, name_ends
from streamer.ledger.spans import NAMELESS, SPAN, UNKNOWN, Spans
from streamer.ledger.table import PIECE, Column, Frozen

Columns = dict[str, npt.NDArray[Any]]

ROWS = {
    "outcome": "u1", "size": "i8", "mtime_ns": "i8", "ctime_ns": "i8", "words": "i8", "sha256": "u1", "head": "u4",
    "passes": "u4", "moved": "u1", "gone": "u4",
}  # fmt: skip
"""Columns with a value a row, as in :data:`streamer.ledger.rows.ROW`."""
TEXTS = {"reasons": "reason", "formats": "format", "encodings": "encoding"}
"""Blobs of distinct texts, and for each the column with the position of its text for each row."""

FOLDED_TEXTS = {"formats": "format", "encodings": "encoding", "reasons": "reason"}
"""The same for folded files."""


def to_columns(rows: FrozenRows, spans: Frozen, folded: FrozenFolded) -> dict[str, npt.NDArray[Any] | Column]:
    """Return the rows that were not removed, the spans, and what was folded; see ``docs/checkpoint-format.md``.

    Columns that would take much memory are made piece by piece when they are written.
    """
    table = rows.table
    there = table.array("outcome") != GONE
    number = numbers(there)
    keep = None if number is None else there
    columns: dict[str, npt.NDArray[Any] | Column] = {name: table.column(name, keep) for name in ROWS}
    columns["paths"] = rows.names(keep)
    for names, (code, texts) in zip(
        TEXTS, (("reason", rows.reasons), ("format", rows.formats), ("encoding", rows.encodings)), strict=True
    ):
        columns[names], places = _blob(table, code, texts, keep)
        columns[code] = table.column(code, keep, places)
    links = np.asarray(table.column("more", keep))
    links = links[links >= 0]
    more = {name: rows.more.array(name)[links] for name in MORE}
    if number is not None:
        more["row"] = number[more["row"]].astype(np.int32)
        kept = (more["source"] >= 0) & there[more["source"]]
        more["source"] = np.where(kept, number[more["source"]].astype(np.int32), np.int32(-1))
    columns |= {f"more/{name}": column for name, column in more.items()}
    columns |= {f"spans/{name}": spans.column(name) for name in SPAN}
    if number is not None:
        rows_of = spans.array("row")
        named = rows_of != NAMELESS
        rows_of[named] = number[rows_of[named]]
        columns["spans/row"] = rows_of
    return columns | _folded_columns(folded)


def numbers(there: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32] | None:
    """Return the number that each row has when it is stored: (n,); None if all of them stay as they are.

    Args:
        there: Which rows were not removed: (n,). Of the others, the number means nothing.
    """
    return None if there.all() else np.cumsum(there, dtype=np.uint32) - np.uint32(1)


def _folded_columns(folded: FrozenFolded) -> dict[str, npt.NDArray[Any] | Column]:
    table = folded.table
    listed = table.array("name") != 0
    columns: dict[str, npt.NDArray[Any] | Column] = {}
    for (names, code), texts in zip(
        FOLDED_TEXTS.items(), (folded.formats, folded.encodings, folded.reasons), strict=True
    ):
        columns[f"folded/{names}"], places = _blob(table, code, texts, listed)
        columns[f"folded/{code}"] = table.column(code, listed, places)
    return {f"folded/{name}": table.column(name, listed) for name in FOLDED} | columns


def _blob(
    table: Frozen, code: str, texts: list[str], keep: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Return the texts that are in use, in the order of their first use, and the place of each among them: (n,)."""
    used = _first_uses(table, code, len(texts), keep)
    places = np.zeros(len(texts), np.uint32)
    places[used] = np.arange(len(used))
    chosen = (texts[number].replace("\0", "").encode("utf-8", "surrogatepass") + b"\0" for number in used.tolist())
    return np.frombuffer(b"".join(chosen), np.uint8), places


def restore(columns: Columns, rows: Rows, spans: Spans, folded: Folded) -> list[int]:
    """Fill an empty ledger from the columns, and empty these; return the rows under way.

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
        training = texts["reasons"].index(IN_TRAINING) if IN_TRAINING in texts["reasons"] else -1
        under_way: list[int] = np.flatnonzero(columns["reason"] == training).tolist() if training >= 0 else []
        _restore_folded(columns, folded)
        spans.restore({name: columns.pop(f"spans/{name}") for name in SPAN})
        table = {name: columns.pop(name) for name in (*ROWS, *TEXTS.values())}
        rows.restore(table, {name: columns.pop(f"more/{name}") for name in MORE}, columns.pop("paths"))
        if problem := _twice(rows):
            raise ValueError(problem)
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise StreamerError(f"the ledger is damaged: {error}", code=ExitCode.DAMAGED) from error
    return under_way


def _restore_folded(columns: Columns, folded: Folded) -> None:
    """Fill the folded files of an empty ledger; raise ValueError if they can't be."""
    found = {name: columns.pop(f"folded/{name}") for name in FOLDED}
    for (names, code), kind in zip(
        FOLDED_TEXTS.items(), (folded.formats, folded.encodings, folded.reasons), strict=True
    ):
        texts = _texts(columns.pop(f"folded/{names}"))
        if np.unique(found[code]).tolist() != list(range(len(texts))) or len(set(texts)) < len(texts):
            raise ValueError(f"folded/{code} has a number without a text in folded/{names}, or the other way around")
        found[code] = np.array([kind.code(text) for text in texts], np.uint16)[found[code]]
    length = len(found["name"])
    for name, expected in FOLDED.items():
        column = found[name]
        wide = expected == "V16"
        if column.dtype != ("u1" if wide else expected) or column.shape != ((length, 16) if wide else (length,)):
            raise ValueError(f"folded/{name} is {column.dtype} of shape {column.shape}")
    if length and (not found["name"].all() or (found["start"] > found["text_bytes"]).any() or found["moved"].max() > 1):
        raise ValueError("folded/ has a file without a name, or one that accounts for bytes that are not there")
    refused = found["reason"] > 0
    if any(found[name][refused].any() for name in ("start", "words", "passes", "moved")):
        raise ValueError("folded/ has a refused file that was trained")
    copied = found["reason"] == (folded.reasons.texts.index(COPY) if COPY in folded.reasons.texts else -1)
    digests = found["sha256"].any(axis=1)
    if ((found["head"] > 0) & ~digests & refused).any() or (digests & refused & ~copied).any():
        raise ValueError("folded/ has a refused file with a digest that is no copy, or a beginning without a digest")
    folded.add(found)


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
    if (columns["spans/ended"] > UNKNOWN).any():
        return "spans/ended has something else than 0, 1 and 2"
    rows = len(columns["outcome"])
    for name in ("paths", *TEXTS):
        blob = columns[name]
        if blob.dtype != "u1" or blob.ndim != 1 or (blob.size and blob[-1]):
            return f"{name} is not a list of names"
    ends = name_ends(columns["paths"])
    if len(ends) != rows or (np.diff(ends, prepend=-1) == 1).any():
        return f"paths is not a list of {rows} names"
    del ends
    for names, codes in TEXTS.items():
        known = columns[names].tobytes().split(b"\0")[:-1]
        if len(set(known)) < len(known) or (rows and columns[codes].max() >= len(known)):
            return f"{codes} has a number without a text in {names}, or {names} has a text twice"
    return _impossible(columns) if rows else ("spans/ has rows of no file" if _beyond(columns["spans/row"], 0) else "")


def _beyond(rows: npt.NDArray[np.uint32], length: int) -> bool:
    """Return whether a span has a row that is not there."""
    return bool(((rows >= length) & (rows != NAMELESS)).any())


def _impossible(columns: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return what no row can be."""
    rows = len(columns["outcome"])
    at, source = columns["more/row"], columns["more/source"]
    twice = len(at) and (at.min() < 0 or at.max() >= rows or len(np.unique(at)) < len(at))
    if twice or (len(source) and not -1 <= source.min() <= source.max() < rows) or _beyond(columns["spans/row"], rows):
        return "more/row has a row twice, or more/ or spans/ has one that is not there"
    if columns["outcome"].max() >= len(OUTCOMES) or columns["moved"].max() > 1 or columns["passes"].max() >= 1 << 31:
        return "a row has an unknown outcome"
    reasons = columns["reasons"].tobytes().split(b"\0")[:-1]
    training, copy = (reasons.index(one) if one in reasons else -1 for one in (IN_TRAINING.encode(), COPY.encode()))
    more = {name: columns[f"more/{name}"] for name in MORE}
    for start in range(0, rows, PIECE):
        stop = min(rows, start + PIECE)
        some = {name: columns[name][start:stop] for name in ("outcome", "size", "words", "passes", "reason")}
        mine = (at >= start) & (at < stop)
        if problem := _unsound(some, {name: column[mine] for name, column in more.items()}, start, training):
            return problem
        if ((some["outcome"] == SKIPPED) & (columns["head"][start:stop] > 0) & (some["reason"] != copy)).any():
            return "a row that was refused, and is no copy, has a beginning"
    return ""


def _unsound(
    columns: Mapping[str, npt.NDArray[Any]], more: Mapping[str, npt.NDArray[Any]], first: int, training: int
) -> str:
    """Return which row accounts for bytes that are not there; "" if none.

    Args:
        columns: The columns of some rows: each (n,).
        more: What some of them need more; ``row`` counts from the first row of the ledger.
        first: The number of their first row.
        training: The number of the reason of a row under way, −1 if there is none.
    """
    outcome, size, rows = columns["outcome"], columns["size"], len(columns["size"])
    refused = np.isin(outcome, REFUSED)
    text, trained = size.copy(), np.where(outcome == TRAINED, size, 0)
    start, offset = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    for column, name in ((text, "text_bytes"), (trained, "bytes_trained"), (start, "start"), (offset, "offset")):
        column[more["row"] - first] = more[name]
    if min(map(np.min, (size, text, columns["words"], trained, start, offset))) < 0:
        return "a row has a negative number"
    if max(map(np.max, (np.where(refused, 0, size), text))) >= 1 << 62:  # a sparse file may be larger, and is refused
        return "a row has more bytes than there can be"
    in_training = columns["reason"] == training
    nothing = (columns["words"] == 0) & (trained == 0) & (columns["passes"] == 0) & (offset == 0) & (start == 0)
    known = start + trained
    whole = np.where(outcome == TRAINED, known == text, known <= text) & (offset <= text)
    sound = np.where(refused, nothing & ~in_training, whole & (~in_training | (outcome != TRAINED)))
    return "" if sound.all() else f"row {first + int(np.argmin(sound))} accounts for bytes that are not there"


def _twice(rows: Rows) -> str:
    """Return which file has two rows for one version or two refusals; "" if none."""
    older = rows.table.column("older")
    newest = older >= 0
    newest[older[older >= 0]] = False
    for row in np.flatnonzero(newest).tolist():
        versions = [rows.load(found) for found in rows.versions(rows.path(row))]
        trained = [entry.text_sha256 for entry in versions if entry.outcome not in NOTHING and any(entry.text_sha256)]
        if len(set(trained)) < len(trained):
            return f"paths has {versions[0].path!r} twice with the same content"
        if sum(entry.outcome == "skipped" for entry in versions) > 1:
            return "a file was refused twice"
    return ""
