"""Which tokenizers there are."""

from __future__ import annotations

from collections.abc import Callable

from streamer.text.code import Code
from streamer.text.function import Function
from streamer.text.logs import Logs
from streamer.text.social import Social
from streamer.text.spaces import Spaces
from streamer.text.tokenizer import Rules, Tokenizer
from streamer.text.words import Words

_KINDS: dict[str, type[Tokenizer]] = {"words": Words, "logs": Logs, "social": Social, "code": Code, "spaces": Spaces}
_VERSIONS = {"words": 2}


def newest_version(name: str) -> int:
    """Return the version that a new model gets."""
    return _VERSIONS.get(name, 1)


def uses_dictionaries(name: str, version: int) -> bool:
    """Say whether a tokenizer cuts scripts without spaces by the dictionaries of ICU."""
    return issubclass(_KINDS.get(name, Function), Words) and not (name == "words" and version == 1)


def fold(rules: Rules) -> Callable[[str], str] | None:
    """Return how a word that somebody types is spelled in the vocabulary; None if it is as it is."""
    plain = rules.name == "spaces" or rules.name not in _KINDS
    return None if plain else tokenizer(rules).fold


def tokenizer(rules: Rules) -> Tokenizer:
    """Return the tokenizer of some rules.

    Raises:
        TokenizerError: If it is a function of the user that can't be imported.
    """
    return _KINDS.get(rules.name, Function)(rules)
