"""The record of the initial vectors: those that a new model began with."""

from __future__ import annotations

import attrs


@attrs.frozen
class InitialVectors:
    """The vectors, trained elsewhere, that a model began with; the defaults mean none.

    Attributes:
        name: The file they came from; empty if there is none.
        sha256: The SHA-256 of that file in hexadecimal.
        words: Words that the model took from that file.
        words_seen: How often these words count as seen before any text.
    """

    name: str = ""
    sha256: str = ""
    words: int = 0
    words_seen: int = 0
