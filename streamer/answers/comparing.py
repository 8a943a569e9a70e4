"""What answers about two or more moments of a stream share: finding words, their neighbours, naming moments."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from streamer.answers.neighbours import Neighbour
from streamer.errors import ExitCode, StreamerError
from streamer.state.past import Past, utc
from streamer.state.snapshots import Moment, Snapshot
from streamer.vectors.similarity import nearest, normalised

Found = TypeVar("Found")

Floats = npt.NDArray[np.float32]
_PIECE = 1 << 11
"""Rows converted at a time: few enough to stay in the cache of a core."""


def side_by_side(look: Callable[[Moment], Found], moments: Sequence[Moment]) -> list[Found]:
    """Return what a function returns for each moment, in their order; threads share the work.

    Most of it is done without Python's lock: reading files and their digests, and products of matrices.
    """
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        return list(pool.map(look, moments))


def read_all(past: Past, moments: Sequence[Moment]) -> list[Snapshot]:
    """Return snapshots of some moments, read side by side; raises as :meth:`.Past.read` does."""
    return side_by_side(past.read, moments)


def named(moment: Moment) -> dict[str, Any]:
    """Return how JSON names a moment."""
    return {"name": moment.name, "date": utc(moment.date), "words_seen": moment.words_seen}


def cosine(one: Floats, other: Floats) -> float:
    """Return the cosine of two vectors, (D,) each; 0 if one of them is zero."""
    return float(normalised(one.astype(np.float64)) @ normalised(other.astype(np.float64)))


def neighbours(snapshot: Snapshot, rows: Iterable[int], topn: int) -> list[list[Neighbour]]:
    """Return the nearest neighbours of some words at a moment, nearest first; ties in the order of admission.

    Args:
        snapshot: What was known then.
        rows: The rows of the words.
        topn: How many neighbours of each.
    """
    asked = list(rows)
    directions = normalised(snapshot.vectors(np.array(asked, np.int64)))
    cosines = np.empty((len(asked), len(snapshot.listed)), np.float32)
    room = np.empty((_PIECE, snapshot.steps.shape[1]), np.float32)  # new memory for each piece takes longer
    for begin in range(0, cosines.shape[1] if asked else 0, _PIECE):
        piece = slice(begin, begin + _PIECE)
        steps = room[: len(snapshot.steps[piece])]
        steps[...] = snapshot.steps[piece]  # the scale of a row makes no difference to a cosine
        lengths = np.sqrt(np.einsum("ij,ij->i", steps, steps))
        np.divide(directions @ steps.T, np.where(lengths > 0, lengths, 1), out=cosines[:, piece])
    answers = []
    for row, near in zip(asked, cosines, strict=True):
        found = nearest(near, [row], topn).tolist()
        answers.append([Neighbour(snapshot.listed[at], float(near[at]), int(snapshot.counts[at])) for at in found])
    return answers


def to_frame(rows: Sequence[dict[str, Any]]) -> Any:
    """Return rows as a DataFrame.

    Raises:
        StreamerError: If pandas is not installed: streamer does without it.
    """
    try:
        pandas = importlib.import_module("pandas")
    except ModuleNotFoundError as error:
        if error.name != "pandas":
            raise
        raise StreamerError("to_frame needs pandas", hint="pip install pandas", code=ExitCode.USAGE) from None
    return pandas.DataFrame(rows)
