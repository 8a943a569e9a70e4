"""The tokenizer ``spaces``, for text that is tokenized already: what lies between white space is a word."""

from __future__ import annotations

from streamer.text.cleaning import clean, in_chunks
from streamer.text.encoded import EncodedText
from streamer.text.tokenizer import WORD_BYTES, Tokenizer, cut_at_spaces, table

NOT_SPACES = table(lambda character: not character.isspace(), keep_case=True)


class Spaces(Tokenizer):
    """Cuts text at white space and changes nothing, not even upper case."""

    def _cut(self, text: str, boundary: str) -> EncodedText:
        text, _ = clean(text, in_chunks, compose=False)
        return cut_at_spaces(text, boundary, NOT_SPACES, longest=WORD_BYTES)

    def _lower(self, word: str) -> str:
        return word
