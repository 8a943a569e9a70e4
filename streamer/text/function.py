"""A tokenizer that a user wrote: a function from the text of a block to its contexts, each a list of words."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from streamer.text.encoded import EncodedText
from streamer.text.tokenizer import BREAK, SEPARATOR, WORD_BYTES, Rules, Tokenizer, TokenizerError


class Function(Tokenizer):
    """Calls ``module:function`` for each piece of text between separators.

    Raises:
        TokenizerError: If there is no such function.
    """

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules)
        self._function = _import(rules.name)

    def _cut(self, text: str, boundary: str) -> EncodedText:
        try:
            pieces = text.replace(BREAK, " ").split(SEPARATOR)
            with _current_folder():  # it may import more when it is called
                return EncodedText.of(
                    context for piece in pieces if piece for context in _checked(self._function(piece))
                )
        except (Exception, SystemExit) as error:  # any bug of somebody else's code is one of this file, not of ours
            raise TokenizerError(f"--tokenizer {self.rules.name}: {type(error).__name__}: {error}") from error

    def _lower(self, word: str) -> str:
        return word


@contextlib.contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules of the current folder be imported: the streamer script does not look there; python -m does."""
    here = os.fspath(Path.cwd())
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        yield
    finally:
        if added:
            sys.path.remove(here)


def _import(name: str) -> Callable[[str], Any]:
    module, _, function = name.partition(":")
    try:
        with _current_folder():
            found = functools.reduce(getattr, function.split("."), importlib.import_module(module))
    except (Exception, SystemExit) as error:
        raise TokenizerError(f"{type(error).__name__}: {error}") from error
    if not callable(found):
        raise TokenizerError(f"{function} is not a function")
    return found


def _checked(contexts: Any) -> list[list[str]]:
    """Return contexts as lists, after checking that each is a list of words."""
    if isinstance(contexts, str | bytes):
        raise TypeError(f"it returns {type(contexts).__name__}, not lists of words")
    checked = []
    for context in contexts:
        if isinstance(context, str | bytes):
            raise TypeError("it returns words, not lists of words: return one list for each context")
        checked.append([check_word(word) for word in context])
    return checked


def check_word(word: Any) -> str:
    """Return a word that somebody else's code cut; raise TypeError or ValueError if it can't be one."""
    if not isinstance(word, str):
        raise TypeError(f"{word!r} is not a string")
    if not word or any(sign in word for sign in "\n\r\0") or len(word.encode("utf-8", "surrogatepass")) > WORD_BYTES:
        raise ValueError(f"{word[:50]!r} is not a word: it is empty, has line ends, or more than {WORD_BYTES} bytes")
    word.encode()  # raises for half of a surrogate pair
    return word


def source_digest(name: str) -> str:
    """Return the SHA-256 of the module's source in hex; empty if it has none.

    Raises:
        TokenizerError: If there is no such function.
    """
    module = inspect.getmodule(_import(name))
    try:
        path = inspect.getsourcefile(module) if module else None
    except TypeError:  # it is built into Python
        path = None
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() if path else ""
