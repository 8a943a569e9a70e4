"""docs/text.md says what each tokenizer makes of a text, and it does."""

from __future__ import annotations

import re

import pytest

from streamer.settings import ModelSettings, names
from streamer.state.tokenizing import TokenizerRecord, rules
from streamer.text.tokenizers import tokenizer

from .pages import DOCS, section, table_rows

PAGE = (DOCS / "text.md").read_text(encoding="utf-8")
EXAMPLES = [
    (name, *row)
    for name in ("words", "logs", "social", "code", "spaces")
    for row in table_rows(section(PAGE, f"### {name}"))
]


@pytest.mark.parametrize(("name", "text", "words"), EXAMPLES)
def test_examples(name: str, text: str, words: str) -> None:
    """Each row of each table."""
    settings = ModelSettings(tokenizer=name)
    found = tokenizer(rules(settings, TokenizerRecord.of(name))).encode(text.strip("`"))
    assert " ".join(f"`{word}`" for word in found.tokens()) == f"`{words}`"


def test_there_are_examples() -> None:
    """Of every tokenizer."""
    assert len(EXAMPLES) > 20
    assert {name for name, *_ in EXAMPLES} == {"words", "logs", "social", "code", "spaces"}


def test_every_setting_of_text_is_on_the_page() -> None:
    """And no other."""
    named = {name.replace("-", "_") for name in re.findall(r"`--([a-z-]+)", PAGE)}
    assert named == {"tokenizer", "boundary", "keep_case", "min_length", "stop_words", "phrases"}
    assert named <= set(names(ModelSettings))
