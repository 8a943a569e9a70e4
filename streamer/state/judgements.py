"""How the last files looked to the model before it learned from them, by size, and which of them were unusual.

With ``--hold-unusual``, this decides what is trained. So it is part of the state, and depends on the texts alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from streamer.model.judging import ENOUGH, Figures

LIMIT = 100
"""Files that are remembered, of those with a loss and of those without one each."""
FLAGGED = 1000
"""Unusual files that are remembered by name."""


def key_of(path: str, text_bytes: int) -> str:
    """Return what stands for a file of a length: as many hexadecimal digits for any name."""
    return hashlib.sha256(f"{text_bytes}\0{path}".encode("utf-8", "surrogatepass")).hexdigest()


@attrs.define(eq=False)
class Judgements:
    """The figures of the last files that were trained, and the names of the last ones that were unusual.

    Attributes:
        longer: The figures of the last files that were long enough for a loss, the newest last.
        shorter: Those of the last files that were not.
        flagged: The last unusual files, and why, the newest last.
        unusual: How many files were unusual, in all.
        begun: The key of the file whose training has begun last: it is not judged again after a stop.
        waived: The key of the file that was released last: it is trained however it looks.
    """

    longer: list[Figures] = attrs.field(factory=list)
    shorter: list[Figures] = attrs.field(factory=list)
    flagged: dict[str, str] = attrs.field(factory=dict)
    unusual: int = 0
    begun: str = ""
    waived: str = ""

    def others(self, *, long: bool) -> list[Figures]:
        """Return the figures of the last files of like size, or of all if these are too few."""
        found = self.longer if long else self.shorter
        return found if len(found) >= ENOUGH else [*self.shorter, *self.longer]

    def begin(self, key: str, figures: Figures | None, path: str, reason: str, *, long: bool, new: bool) -> None:
        """Note that the training of a file begins.

        Args:
            key: Its key.
            figures: How it looks, if it was judged.
            path: Its name.
            reason: Why it is unusual; empty if it is not.
            long: Whether it is long enough for a loss.
            new: Whether all of it is trained for the first time: then what was said of it before no longer holds.
        """
        self.begun = key
        if figures is not None:
            listed = self.longer if long else self.shorter
            listed.append(figures)
            del listed[:-LIMIT]
        if reason:
            self._flag(path, reason)
        elif new:
            self.flagged.pop(path, None)

    def hold(self, path: str, reason: str) -> None:
        """Note that a file is held. It is judged again if it changes, and tells nothing about what is usual."""
        self.begun = ""
        self._flag(path, reason)

    def _flag(self, path: str, reason: str) -> None:
        self.flagged.pop(path, None)
        self.flagged[path] = reason
        self.unusual += 1
        if len(self.flagged) > FLAGGED:
            del self.flagged[next(iter(self.flagged))]

    def forget(self, names: Collection[str]) -> None:
        """Note nothing any more of the files of some names."""
        self.flagged = {name: reason for name, reason in self.flagged.items() if name not in names}

    def go_on(self, later: Judgements, under_way: bool) -> None:
        """Go on with the file that later judgements are about, if one is under way: it is not judged in its middle."""
        self.begun, self.waived = (later.begun if under_way else ""), later.waived

    def waive(self, key: str) -> None:
        """Note that a file was released: it is trained however it looks."""
        self.waived = key

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the figures as columns of length n, those of shorter files first."""
        rows = [*self.shorter, *self.longer]
        return {name: np.array([getattr(one, name) for one in rows], np.float64) for name in Figures._fields}

    @classmethod
    def from_arrays(cls, columns: dict[str, npt.NDArray[Any]], shorter: int, **others: Any) -> Judgements:
        """Return the judgements whose :meth:`to_arrays` returned these columns.

        Args:
            columns: The columns.
            shorter: How many of the rows are of shorter files.
            others: The other fields.
        """
        listed = (columns[name].tolist() for name in Figures._fields)
        rows = [Figures(*row) for row in zip(*listed, strict=True)]
        return cls(rows[shorter:], rows[:shorter], **others)
