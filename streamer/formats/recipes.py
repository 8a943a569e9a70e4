"""How the text is taken out of a file: a format, and the fields that are wanted.

A file is read to its end by the recipe that it was begun with. So the ledger stores it, as one line.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from streamer.settings import FORMATS

TEXT = "text"
"""The recipe of a plain text, as one line."""


@dataclass(frozen=True)
class Recipe:
    """A format, and the fields to take from each record.

    Attributes:
        format: One of :data:`streamer.settings.FORMATS`. ``auto`` is what a user may want; no file has it.
        fields: Names of fields (dotted) for ``jsonl``, names or numbers of columns for ``csv``.
    """

    format: str = "auto"
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return shlex.join((self.format, *self.fields)) if self.fields else self.format

    @classmethod
    def parse(cls, line: str) -> Recipe:
        """Return the recipe that is written as a line.

        Raises:
            ValueError: If it is not the recipe of a file.
        """
        name, *fields = shlex.split(line) or [""]
        recipe = cls(name, tuple(fields))
        wants = (fields and name not in ("jsonl", "csv")) or (name == "csv" and not fields)
        if name not in FORMATS or name == "auto" or wants or str(recipe) != line:
            raise ValueError(f"no such format: {line!r}")
        return recipe


ANY = Recipe()
"""What is wanted if nobody says anything."""
