"""Texts as a new model cuts them."""

from __future__ import annotations

from streamer.text.encoded import EncodedText
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import tokenizer


def encode(text: str, boundary: str = "paragraph") -> EncodedText:
    """Return a block of a text."""
    return tokenizer(Rules(boundary=boundary)).encode(text)
