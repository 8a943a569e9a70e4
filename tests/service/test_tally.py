"""Each file counts once in the last line of a run."""

from __future__ import annotations

import pytest

from streamer.service import tally
from streamer.service.tally import Tally


def counts(found: Tally) -> tuple[int, int, int]:
    """Return files trained, refused, and copies."""
    return found.trained, found.refused, found.copies


def test_a_file_counts_once() -> None:
    """A log that grows is one file, and so is one that is refused for another reason each time."""
    found = Tally()
    for _ in range(3):
        found.train("app.log")
    for reason in ("not text in utf-8: 3 %", "not text in utf-8: 4 %", "empty"):
        found.refuse("x.bin", reason)
    found.refuse("app.log.1", "a copy of app.log")
    assert counts(found) == (1, 1, 1)


def test_what_came_of_it_last() -> None:
    """Refused and then trained is trained; a copy that was rewritten is no copy; trained and then refused is both."""
    found = Tally()
    found.refuse("a", "empty")
    found.train("a")
    assert counts(found) == (1, 0, 0)
    found.refuse("b", "a copy of a")
    found.refuse("b", "empty")
    assert counts(found) == (1, 1, 0)
    found.refuse("a", "rewritten after it was trained (--on-change retrain trains it again)")
    assert counts(found) == (1, 2, 0)


def test_names_are_forgotten_and_sums_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a service that runs for years has a limit."""
    monkeypatch.setattr(tally, "NAMES", 5)
    found = Tally()
    for number in range(20):
        found.train(f"t{number}")
        found.refuse(f"r{number}", "empty")
        found.refuse(f"c{number}", "a copy of another file")
        assert len(found._trained) + len(found._refused) <= 5
    assert counts(found) == (20, 20, 20)
