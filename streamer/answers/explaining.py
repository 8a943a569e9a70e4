"""Why a word is where it is: the files that it comes from, lines of them, its counts and neighbours over time."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from streamer.errors import StreamerError
from streamer.intake import reader
from streamer.intake.opened import Refused, open_regular
from streamer.ledger.entries import Entry
from streamer.model.sources import NAMELESS, NO_DATE, NO_FILE
from streamer.settings import DEFAULT_CHECKPOINTS, TOKENIZERS
from streamer.state.reading import Origins, PathLike, read_cold, read_origins
from streamer.state.snapshots import Moment
from streamer.text.tokenizer import SEPARATOR, Tokenizer
from streamer.text.tokenizers import tokenizer
from streamer.vectors import UnknownWord, WordVectors

MOMENTS = 6
"""Moments at which a word is shown, the newest among them."""
LINES = 3
"""Example lines that are shown."""
LONGEST = 160
"""Characters of an example."""
SEARCHED = 64
"""Blocks of a file, of a MiB each, in which examples are looked for."""
FOLDED = "a file that was gone for long, and is no longer listed"
UNRECORDED = "not recorded: initial vectors, texts without a file, or files of an older version of streamer"

Row = dict[str, Any]

_ENDS = re.compile(f"[\n{SEPARATOR}]")
"""What ends a line, or the text of a record."""


def explain(word: str, folder: PathLike = DEFAULT_CHECKPOINTS, *, topn: int = 5) -> Row:
    """Return what is known of a word: where it comes from, and what became of it.

    A file moved a word by the factor by which the word's count grew with it: AdaGrad's steps become smaller as a word
    is seen more often, so its vector moves by about the logarithm of that. Only files that came when the word had been
    seen 20 times count for this.

    Args:
        word: A word, as somebody types it.
        folder: The folder of checkpoints.
        topn: How many neighbours at each moment.

    Returns:
        What ``explain --json`` prints.

    Raises:
        UnknownWord: A :class:`KeyError`, if the word is neither in the vocabulary nor was in it.
        StreamerError: 66 if there is no checkpoint, 65 if none is intact.
    """
    origins = read_origins(folder)
    if word not in origins.index and origins.past.fold is not None:
        word = origins.past.fold(word)
    at = origins.index.get(word)
    found = _cold(origins, word) if at is None else _known(origins, at, word)
    moments = _moments(origins, at)
    return {
        "word": word,
        "moment": origins.past.moments[-1].name,
        **found,
        "over_time": [_at_moment(origins, moment, word, topn) for moment in moments],
    }


def _known(origins: Origins, at: int, word: str) -> Row:
    sources = origins.sources
    record = {name: sources.column(name)[at].tolist() for name in ("first", "last", "files", "movers", "moves")}
    pairs = zip(record["moves"], record["movers"], strict=True)
    moved = sorted((pair for pair in pairs if pair[1] != NO_FILE), key=lambda pair: -pair[0])
    rows = [row for _, row in moved] + [record["last"], record["first"]]
    examples, missing = _examples(origins, [row for row in dict.fromkeys(rows) if row >= 0], word)
    return {
        "count": int(origins.counts[at]),
        "cold": False,
        "came_back": bool(sources.column("anew")[at]),
        "files": record["files"],
        "first": {**_file(origins, record["first"]), "date": _minutes(sources.column("first_date")[at])},
        "last": {**_file(origins, record["last"]), "date": _minutes(sources.column("last_date")[at])},
        "moved_most": [{**_file(origins, row), "factor": round(math.exp(far), 6)} for far, row in moved],
        "examples": examples,
        "without_examples": missing,
    }


def _cold(origins: Origins, word: str) -> Row:
    """Return what is known of a word that left the vocabulary."""
    _, rows = read_cold(origins.past.checkpoint.path).find([word])
    if rows is None:
        order = np.argsort(-origins.counts, kind="stable").tolist()
        words = list(origins.index)
        raise UnknownWord(word, [words[number] for number in order])
    nothing = {**_file(origins, NO_FILE), "date": None}
    return {
        "count": int(rows.counts[0]),
        "cold": True,
        "came_back": False,
        "files": None,
        "first": nothing,
        "last": nothing,
        "moved_most": [],
        "examples": [],
        "without_examples": [],
    }


def _file(origins: Origins, row: int) -> Row:
    """Return the name of a file, or None and why it is not known."""
    if row < 0:
        return {"path": None, "reason": FOLDED if row == NAMELESS else UNRECORDED}
    return {"path": origins.ledger.entry(row).path, "reason": ""}


def _moments(origins: Origins, at: int | None) -> list[Moment]:
    """Return some moments at which a word may have been known, evenly spread, and the newest."""
    known = list(origins.past.moments)
    if at is not None and (first := int(origins.sources.column("first_date")[at])) != NO_DATE:
        known = [*(moment for moment in known[:-1] if moment.date // 60 >= first), known[-1]]
    places = np.linspace(0, len(known) - 1, min(MOMENTS, len(known))).round().astype(int)
    return [known[place] for place in places.tolist()]


def _at_moment(origins: Origins, moment: Moment, word: str, topn: int) -> Row:
    """Return count and neighbours of a word at a moment; None if it had no vector, or the snapshot can't be read."""
    row: Row = {"moment": moment.name, "date": _iso(moment.date), "words_seen": moment.words_seen}
    row |= dict.fromkeys(("count", "files", "neighbours"))
    try:
        snapshot = origins.past.read(moment)
    except StreamerError as error:
        return {**row, "reason": error.problem}
    at = snapshot.listed.find(word)
    if at is None:
        return {**row, "reason": "no vector then"}
    vectors = WordVectors(snapshot.words, snapshot.vectors(), snapshot.counts, copy=False)
    near = [{"word": other, "cosine": cosine} for other, cosine in vectors.most_similar(word, topn=topn)]
    files = None if snapshot.files is None else int(snapshot.files[at])
    return {**row, "count": int(snapshot.counts[at]), "files": files, "neighbours": near, "reason": ""}


def _examples(origins: Origins, rows: Sequence[int], word: str) -> tuple[list[Row], list[Row]]:
    """Return some lines with a word, those of different files first, and the files in which none was found, and why.

    Nothing of a text is stored: the lines are read from the files now.
    """
    found: list[list[Row]] = []
    missing: list[Row] = []
    cuts = tokenizer(origins.rules) if origins.rules.name in TOKENIZERS else None
    for entry in map(origins.ledger.entry, rows):
        if len(found) == LINES:
            break
        try:
            if cuts is None:  # a checkpoint alone runs no code of the user
                raise Refused("the texts of this model are cut by your own code")
            lines = list(islice(_lines(origins.ledger.root, entry, cuts, word), LINES))
            if not lines:
                raise Refused(f"not in its first {SEARCHED} MiB")
        except FileNotFoundError:
            missing.append({"path": entry.path, "reason": "it is gone"})
        except Refused as reason:
            missing.append({"path": entry.path, "reason": str(reason)})
        else:
            found.append([{"path": entry.path, "text": around(line, word)} for line in lines])
    in_turn = [lines[number] for number in range(LINES) for lines in found if number < len(lines)]
    return in_turn[:LINES], missing


def _lines(root: str, entry: Entry, cuts: Tokenizer, word: str) -> Iterator[str]:
    """Yield lines of a file that have a word, of the first block that has it.

    Raises:
        Refused: If the file is not what it was when it was trained.
        FileNotFoundError: If it is gone.
    """
    with open_regular(Path(root) / entry.path) as file:
        if (file.status.st_size, file.status.st_mtime_ns) != entry.signature[:2]:
            raise Refused("it has changed since it was trained")
        blocks = reader.blocks(file, start=0, stop=entry.known, encoding=entry.encoding or "utf-8", recipe=entry.format)
        for block in islice(blocks, SEARCHED):
            some = False
            for line in _with(_ENDS.split(block.text), cuts, word):
                some = True
                yield line
            if some:
                return


def _with(lines: list[str], cuts: Tokenizer, word: str) -> Iterator[str]:
    """Yield the lines that have a word, as the tokenizer cuts them: halves without it are left out as a whole."""
    if word not in cuts.encode("\n".join(lines)).words:
        return
    if len(lines) == 1:
        yield lines[0]
        return
    yield from _with(lines[: len(lines) // 2], cuts, word)
    yield from _with(lines[len(lines) // 2 :], cuts, word)


def around(line: str, word: str) -> str:
    """Return a line in at most :data:`LONGEST` characters, with the word if it is there as it is spelled."""
    text = " ".join(line.split())
    if len(text) <= LONGEST:
        return text
    lower = text.lower()
    at = max(0, next((place for form in (word, word.replace("_", " ")) if (place := lower.find(form)) >= 0), 0))
    begin = max(0, min(at + len(word) // 2 - LONGEST // 2, len(text) - LONGEST))
    end = begin + LONGEST
    before, after = "…" if begin else "", "…" if end < len(text) else ""
    return before + text[begin + len(before) : end - len(after)] + after


def _minutes(minutes: np.int32) -> str | None:
    return None if minutes == NO_DATE else _iso(60.0 * int(minutes))


def _iso(date: float) -> str | None:
    """Return a date, in seconds since 1970, as ISO 8601 in UTC; None if no calendar has it."""
    try:
        return datetime.fromtimestamp(date, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None
