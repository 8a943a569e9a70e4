"""Texts that come from Python instead of files → blocks; what is no text → an error that says what to pass."""

from __future__ import annotations

import math
import numbers
import os
from collections.abc import Iterable, Iterator, KeysView, Mapping, Set
from typing import Any

from streamer.text.encoded import EncodedText
from streamer.text.function import check_word
from streamer.text.tokenizer import SEPARATOR, Tokenizer

Text = str | list[str]

WORD_CHARACTERS = 6
"""Characters for which a word counts that is cut already: about as many as in a text, with the space."""


def blocks(texts: Iterable[Any], tokenizer: Tokenizer, limit: int) -> Iterator[EncodedText]:
    """Yield blocks of texts, each of which is a context of its own or, if it is a string, several.

    Strings are cut by the tokenizer. A list of words is taken as it is. A block holds either strings or lists.

    Args:
        texts: Strings and lists of words, in any order.
        tokenizer: What cuts the strings.
        limit: Most characters in a block.

    Raises:
        TypeError: If an element is neither.
        ValueError: If a string in a list can't be a word.
        TokenizerError: If it is a function of the user, which fails.
    """
    waiting: list[str] = []
    contexts: list[list[str]] = []
    words = _Checked()
    size = 0

    def flushed() -> Iterator[EncodedText]:
        nonlocal size
        if waiting:
            yield tokenizer.encode(SEPARATOR.join(waiting))
        if contexts:
            yield EncodedText.of(contexts)
        waiting.clear()
        contexts.clear()
        size = 0

    for number, element in enumerate(texts):
        try:
            text = _checked(element, number, words)
        except (TypeError, ValueError):
            yield from flushed()
            raise
        if waiting if isinstance(text, list) else contexts:
            yield from flushed()
        if isinstance(text, list):
            for start in range(0, len(text), limit // WORD_CHARACTERS):
                piece = text[start : start + limit // WORD_CHARACTERS]
                if contexts and size + WORD_CHARACTERS * len(piece) > limit:
                    yield from flushed()
                contexts.append(piece)
                size += WORD_CHARACTERS * len(piece)
            continue
        begin = 0
        while len(text) - begin > limit:
            end = begin + limit
            cut = max(text.rfind(mark, begin, end) for mark in ("\n", " ")) + 1 or end
            waiting.append(text[begin:cut])
            yield from flushed()
            begin = cut
        if waiting and size + len(text) - begin > limit:
            yield from flushed()
        waiting.append(text[begin:])
        size += len(waiting[-1])
    yield from flushed()


def check(texts: Any) -> Iterable[Any]:
    """Return an iterable of texts; raise TypeError if it is something else that people pass by mistake."""
    if isinstance(texts, str):
        raise TypeError("partial_fit takes an iterable of texts; for a single text, pass [text]")
    if isinstance(texts, bytes | bytearray):
        raise TypeError("partial_fit takes texts, not bytes: pass [data.decode()]")
    if isinstance(texts, os.PathLike):
        raise TypeError(f"partial_fit takes texts, not a path: pass [Path({os.fspath(texts)!r}).read_text()]")
    if isinstance(texts, Mapping):
        raise TypeError("partial_fit takes an iterable of texts, not a dictionary: pass its .values()")
    if hasattr(texts, "columns"):
        raise TypeError("partial_fit takes an iterable of texts, not a table: pass one of its columns")
    if isinstance(texts, Set) and not isinstance(texts, KeysView):
        raise TypeError("partial_fit takes texts in an order, and a set has none: pass sorted(texts)")
    if texts is None or not isinstance(texts, Iterable):
        raise TypeError(f"partial_fit takes an iterable of texts or of lists of words, not {_kind(texts)}")
    return texts


class _Checked(dict[str, str]):
    """Words that can be words, as plain strings. Looking one up checks it the first time."""

    MOST = 1 << 20

    def __missing__(self, word: Any) -> str:
        if len(self) >= self.MOST:
            self.clear()
        checked = self[str(word)] = str(check_word(word))
        return checked


def _checked(element: Any, number: int, words: _Checked) -> Text:
    """Return a string, or a list of words: each of these may be a subclass, or NumPy's."""
    if isinstance(element, str):
        return str(element)
    where = f"text {number} is"
    if isinstance(element, bytes | bytearray):
        raise TypeError(f"{where} bytes: pass data.decode()")
    if isinstance(element, os.PathLike):
        raise TypeError(f"{where} a path: pass Path({os.fspath(element)!r}).read_text()")
    if isinstance(element, Mapping):
        raise TypeError(f"{where} a dictionary: pass the strings that are to be learned")
    if isinstance(element, Set):
        raise TypeError(f"{where} a set, which has no order: pass a list of words")
    if element is None or isinstance(element, numbers.Real) or not isinstance(element, Iterable):
        missing = "; leave out what is missing" if element is None or _is_nan(element) else ""
        raise TypeError(f"{where} {_kind(element)}, not a string or a list of words{missing}")
    try:
        return [words[word] for word in element]
    except TypeError as error:
        raise TypeError(f"{where} not a list of words: {error}") from None
    except ValueError as error:
        raise ValueError(f"{where} not a list of words: {error}") from None


def _is_nan(value: object) -> bool:
    return isinstance(value, numbers.Real) and math.isnan(value)


def _kind(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"
