"""Files that change at any moment of their way: each ends as docs/files.md says, and no word is counted twice or lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from .moments import CHANGES, OLD, PACKED, PACKED_CHANGES, PIECE, World, expected, live, moments

BLOCKS = -(-len(OLD) // PIECE)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return an empty inbox, and a trainer that reads it in small pieces."""
    world = World(tmp_path, monkeypatch)
    world.small_pieces()
    return world


def agree(rows: dict[str, list[dict[str, object]]], wanted: list[tuple[str, str, tuple[str, ...], bytes]]) -> None:
    """Check the rows of all files but the bystander against those that there have to be."""
    assert [row["outcome"] for row in rows.pop("other.txt")] == ["trained"]
    found = [row for versions in rows.values() for row in versions]
    assert [(row["path"], row["outcome"]) for row in found] == [row[:2] for row in wanted], found
    for row, (_, outcome, reasons, text) in zip(found, wanted, strict=True):
        assert row["reason"] in reasons
        if outcome != "skipped":
            assert row["bytes"] == len(text)
        if outcome == "partial":
            assert row["bytes_trained"], "it had begun"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("moment", moments(BLOCKS))
def test_a_file_that_changes(change: str, moment: str, world: World) -> None:
    """Whatever is done to a file, and whenever: its rows are those of the docs, its words counted once."""
    when = moments(BLOCKS)[moment]
    agree(live(world, CHANGES[change], when, OLD), expected(CHANGES[change], when[0]))


@pytest.mark.parametrize("change", PACKED_CHANGES)
@pytest.mark.parametrize("moment", moments(BLOCKS))
def test_a_packed_file_that_changes(change: str, moment: str, world: World) -> None:
    """The same for gzip, of which positions are those in the text."""
    when = moments(BLOCKS)[moment]
    if moment in ("amid the inspection", "between two blocks"):
        pytest.skip("it is small enough to be read at once")
    agree(live(world, PACKED_CHANGES[change], when, PACKED), expected(PACKED_CHANGES[change], when[0]))
