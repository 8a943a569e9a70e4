"""Which tokenizers there are."""

from __future__ import annotations

import pytest

from streamer.settings import TOKENIZERS
from streamer.text.function import Function
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import fold, newest_version, tokenizer, uses_dictionaries


@pytest.mark.parametrize("name", TOKENIZERS)
def test_each_name_has_one(name: str) -> None:
    """It says so itself."""
    assert type(tokenizer(Rules(name, newest_version(name)))).__name__.lower() == name


def test_any_other_name_is_a_function() -> None:
    """Of a module."""
    assert isinstance(tokenizer(Rules("textwrap:wrap", 1)), Function)


def test_versions() -> None:
    """Only ``words`` has a past."""
    assert {name: newest_version(name) for name in TOKENIZERS} == dict.fromkeys(TOKENIZERS, 1) | {"words": 2}


def test_who_uses_dictionaries() -> None:
    """A version of ICU matters to these only."""
    used = {name for name in TOKENIZERS if uses_dictionaries(name, newest_version(name))}
    assert used == {"words", "social", "code"}
    assert not uses_dictionaries("words", 1)
    assert not uses_dictionaries("module:function", 1)


def test_how_words_are_asked_for() -> None:
    """As they are typed, where the tokenizer changes nothing or is not to be run."""
    assert fold(Rules("spaces", 1)) is None
    assert fold(Rules("nosuchmodule:function", 1)) is None
    folded = fold(Rules("words", 2))
    assert folded
    assert folded("Whale") == "whale"
