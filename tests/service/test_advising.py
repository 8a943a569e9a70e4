"""Hints about the text: few, once, and none about what suits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import structlog

from streamer.service.advising import FIRST_FILES, Adviser
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.state.tokenizing import TokenizerRecord
from streamer.training import Trainer

from ..support.corpus import put
from ..support.process import done

LOGS = "2026-11-25 10:00:00 sshd[1]: ok\n" * 20
CHINESE = "我们在北京大学学习" * 20


def said(adviser: Adviser, *texts: str) -> list[Any]:
    """Return the lines that are logged about some files."""
    with structlog.testing.capture_logs() as lines:
        for number, text in enumerate(texts):
            adviser.look(f"{number}.txt", lambda size, text=text: text[:size])  # type: ignore[misc]
    return lines


def test_a_new_model_is_told_once() -> None:
    """The first file that looks like something else is enough."""
    lines = said(Adviser(State.new(ModelSettings())), "prose", LOGS, LOGS)
    assert [line["event"] for line in lines] == ["text.looked_at"]
    assert lines[0]["path"] == "1.txt"
    assert lines[0]["hint"].endswith("--tokenizer logs")


def test_only_the_first_files_are_looked_at() -> None:
    """A stream has all kinds of files."""
    assert said(Adviser(State.new(ModelSettings())), *["prose"] * FIRST_FILES, LOGS) == []


@pytest.mark.parametrize("settings", [{"tokenizer": "logs"}, {"tokenizer": "social"}])
def test_nothing_is_said_about_what_was_chosen(settings: dict[str, Any]) -> None:
    """Whoever names a tokenizer knows why."""
    assert said(Adviser(State.new(ModelSettings(**settings))), LOGS) == []


def test_a_model_that_has_begun_is_told_of_scripts_only() -> None:
    """It cannot change; but sentences as words are of no use to anybody."""
    state = Trainer(min_count=1).partial_fit(["a few words"]).state
    assert said(Adviser(state), LOGS, CHINESE) == []
    state.record_tokenizer(TokenizerRecord())
    assert [line["looks_like"] for line in said(Adviser(state), LOGS, CHINESE)] == ["text in a script without spaces"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a plain text of many words again and again " * 1500, None),
        (" ".join(f"{n % 100} word" for n in range(30_000)), "50 % of the words hold digits"),
        (" ".join(f"{'abcdefghij'[n % 10] * (n // 10 + 1)}x and" for n in range(2000)) + " and" * 9000, None),
        (" ".join(f"w{chr(0x4E00 + 0)}" for _ in range(3)) + " 12 x" * 100, None),
    ],
)
def test_unusual_words(text: str, reason: str | None) -> None:
    """There must be enough words to judge, and it is said once."""
    state = State.new(ModelSettings())
    adviser = Adviser(state)
    trained = Trainer.of(state)
    with structlog.testing.capture_logs() as lines:
        adviser.judge()
        trained.partial_fit([text])
        adviser.judge()
        adviser.judge()
        Adviser(state).judge()  # as after a resume
    assert [line["reason"] for line in lines] == ([reason] if reason else [])


def test_the_service_says_it(tmp_path: Path) -> None:
    """In the log of a real run, and not again when it resumes."""
    put(tmp_path / "inbox" / "a.log", LOGS)
    first = done("watch", "inbox", "--once", folder=tmp_path)
    assert [event["looks_like"] for event in first.events("text.looked_at")] == ["log lines"]
    put(tmp_path / "inbox" / "b.log", LOGS)
    assert done("watch", "inbox", "--once", folder=tmp_path).events("text.looked_at") == []


def test_another_source_is_said_once_by_the_service(tmp_path: Path) -> None:
    """Even if no text comes, and so nothing else is worth a checkpoint."""
    put(tmp_path / "inbox" / "a.txt", "a b c")
    command = ("watch", "inbox", "--once", "--tokenizer", "mycut:cut")
    said_by = []
    for source in ("def cut(text): return [text.split()]\n", "def cut(text): return [[text]]\n"):
        put(tmp_path / "mycut.py", source)
        said_by += [len(done(*command, folder=tmp_path).events("tokenizer.changed")) for _ in range(2)]
    assert said_by == [0, 0, 1, 0]
