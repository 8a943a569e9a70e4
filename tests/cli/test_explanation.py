"""The explanation of a word for people: what is known, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.answers.explaining import FOLDED, Row
from streamer.cli.explanation import print_explanation
from streamer.state.past import when


def row(count: int | None, near: tuple[str, ...] = (), reason: str = "", words_seen: int = 1_000) -> Row:
    """Return a row of ``over_time``."""
    found: Row = {"moment": "snapshot-1", "date": "2026-03-01T12:00:00+00:00", "words_seen": words_seen}
    found |= {"count": count, "files": None if count is None else 2, "reason": reason}
    return {**found, "neighbours": [{"word": word, "cosine": 0.5} for word in near]}


def explanation(**changed: Any) -> Row:
    """Return an explanation in the shape of the JSON."""
    end = {"path": "a.txt", "reason": "", "date": "2026-03-01T12:00:00+00:00"}
    return {
        "word": "whale", "moment": "checkpoint-0000000001", "count": 1_234, "cold": False, "came_back": False,
        "files": 12, "first": end, "last": {"path": None, "reason": FOLDED, "date": None},
        "moved_most": [
            {"path": "a.txt", "reason": "", "factor": 12.3456}, {"path": "b.txt", "reason": "", "factor": 1.000123}
        ],
        "examples": [{"path": "a.txt", "text": "a whale"}], "without_examples": [],
        "over_time": [row(None, reason="no vector then", words_seen=10), row(19, ("sea",)), row(20, ("sea", "ship"))],
        **changed,
    }  # fmt: skip


def shown(capsys: pytest.CaptureFixture[str], **changed: Any) -> list[str]:
    """Return the lines that are printed."""
    print_explanation(explanation(**changed))
    return capsys.readouterr().out.splitlines()


def test_all_that_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    """In columns; young words have no neighbours worth a name, and files without a name say why."""
    date = when(1_772_366_400)
    assert shown(capsys) == [
        "whale: seen 1,234 times; in 12 files since it has a vector",
        "",
        f"first  {date}  a.txt",
        f"last   no date           ({FOLDED})",
        "",
        "moved most by",
        "  ×12.35     a.txt",
        "  ×1.000123  b.txt",
        "",
        "when              words seen  count  files  neighbours",
        f"{date}          10      –      –  no vector then",
        f"{date}       1,000     19      2  sea (not settled yet)",
        f"{date}       1,000     20      2  sea, ship",
        "",
        "examples",
        "  a.txt: a whale",
    ]


def test_a_word_that_left(capsys: pytest.CaptureFixture[str]) -> None:
    """Its files are not known any more; its time is."""
    lines = shown(capsys, cold=True, files=None, count=1, examples=[], moved_most=[])
    assert lines[:3] == ["whale: seen once", "it left the vocabulary; its files are no longer known", ""]
    assert "first" not in "".join(lines)
    assert len(lines) == 7


def test_a_word_that_came_back(capsys: pytest.CaptureFixture[str]) -> None:
    """What is known of its files begins anew."""
    assert shown(capsys, came_back=True)[1] == "it left the vocabulary and came back; what follows is since then"


def test_a_young_word(capsys: pytest.CaptureFixture[str]) -> None:
    """No file moved it, and it says from when on one can."""
    lines = shown(capsys, moved_most=[], files=1)
    assert lines[0].endswith("in 1 file since it has a vector")
    assert "no file moved it much yet: it needs 20 sightings before" in lines


def test_names_and_texts_are_printed_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    """What a terminal would act on has escapes."""
    evil = "\x1b[31m\udce9"
    lines = shown(
        capsys,
        word=evil,
        first={"path": evil, "reason": "", "date": None},
        moved_most=[{"path": evil, "reason": "", "factor": 2.0}],
        examples=[{"path": evil, "text": "\x1b]0;title\x07"}],
        without_examples=[{"path": evil, "reason": "it is gone"}],
        over_time=[row(30, (evil,))],
    )
    text = "\n".join(lines)
    assert "\x1b" not in text and "\x07" not in text
    assert text.count(r"\x1b[31m\xe9") == 6
    assert lines[-1] == r"no lines of \x1b[31m\xe9: it is gone"
