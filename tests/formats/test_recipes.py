"""A recipe is a line, and only a line that is one is a recipe."""

from __future__ import annotations

import pytest

from streamer.formats.recipes import ANY, TEXT, Recipe


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        (Recipe("text"), TEXT),
        (Recipe("jsonl"), "jsonl"),
        (Recipe("jsonl", ("message", "user.name")), "jsonl message user.name"),
        (Recipe("csv", ("3",)), "csv 3"),
        (Recipe("csv", ("full text", "it's")), "csv 'full text' 'it'\"'\"'s'"),
    ],
)
def test_a_recipe_is_a_line(recipe: Recipe, line: str) -> None:
    """Whatever its fields are called."""
    assert str(recipe) == line
    assert Recipe.parse(line) == recipe


@pytest.mark.parametrize("line", ["", "auto", "pdf", "csv", "html a", "jsonl 'a", "jsonl  a", " text"])
def test_other_lines_are_none(line: str) -> None:
    """A format that no file has, a table without a column, fields of what has none, another spelling."""
    with pytest.raises(ValueError):
        Recipe.parse(line)


def test_what_is_wanted_by_default() -> None:
    """Whatever the file is."""
    assert Recipe() == ANY
    assert ANY.format == "auto"
