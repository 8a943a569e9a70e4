"""The record of the initial vectors: those that a new model began with."""

from __future__ import annotations

import attrs


@attrs.frozen
class InitialVectors:
    """With what a model began: with nothing, or with vectors that were trained elsewhere.

    Attributes:
        name: The file they came from; empty if from none.
        sha256: The digest of that file in hexadecimal.
        words: How many words it brought.
        words_seen: How often these are counted as seen before there was any text.
    """

    name: str = ""
    sha256: str = ""
    words: int = 0
    words_seen: int = 0
