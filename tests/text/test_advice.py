"""Which tokenizer suits a text."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

import streamer
from streamer.text import advice
from streamer.text.advice import Advice, advised, needs_dictionaries, suited, unusual
from streamer.text.tokenizer import Rules

ROOT = Path(streamer.__file__).parent.parent
LOGS = [
    "Nov 25 01:44:05 host sshd[1]: Accepted",
    "2026-11-25T01:44:05Z app started",
    "2026-11-25 01:44:05,123 INFO x",
    "[2026-11-25 01:44:05] error",
    '10.0.0.1 - - [25/Nov/2026:01:44:05 +0000] "GET / HTTP/1.1" 200 1',
    "[    0.123456] kernel: booting",
    "01:44:05.123 [main] DEBUG x - y",
    "I1125 01:44:05.123456 1 main.go:1] x",
    "Wed Nov 25 01:44:05 2026 x",
    "app INFO started",
    "12345:M 25 Nov 2026 01:44:05.123 * Ready to accept connections",
    '{"msg": "started", "level": "info", "ts": 1764035045.1}',
]


@pytest.mark.parametrize("line", LOGS)
def test_log_lines(line: str) -> None:
    """Of many programs."""
    found = suited(f"{line}\n" * 10)
    assert found
    assert found.tokenizer == "logs"


@pytest.mark.parametrize(
    "text", [inspect.getsource(advice), "int main(void)\n{\n    return f(x);\n}\n", "a {\n  b: c;\n}\n"]
)
def test_code(text: str) -> None:
    """Of several languages."""
    found = suited(text)
    assert found
    assert found.tokenizer == "code"


def test_records_are_no_code() -> None:
    """Lines of JSON have the signs of code."""
    assert suited('{"id": 1, "text": "Going home (now); it rains"}\n' * 20) is None


def test_posts() -> None:
    """A part of them has signs."""
    found = suited("going home now\n@bob are you there?\nlove it 😂\nnothing else to say\n")
    assert found
    assert found.tokenizer == "social"


def test_tokenized_already() -> None:
    """Signs stand by themselves."""
    found = suited("This is a sentence , and more .\n" * 15)
    assert found
    assert found.tokenizer == "spaces"


@pytest.mark.parametrize("path", ["README.md", "docs/architecture.md", "data/sample.txt", "LICENSE"])
def test_prose(path: str) -> None:
    """Nothing is said of text that people write for people."""
    assert suited((ROOT / path).read_text()) is None


@pytest.mark.parametrize(
    "text", ["", "\n\n", "word", "At 10:00 we met.\nThen we left.\n" * 20, "我们在北京大学学习。\n" * 20]
)
def test_nothing_to_say(text: str) -> None:
    """Little text, and text that suits."""
    assert suited(text) is None


def test_scripts_without_spaces() -> None:
    """Most letters must be of them."""
    assert needs_dictionaries("我们在北京 and")
    assert not needs_dictionaries("some english text with 北京 in it")
    assert not needs_dictionaries("")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((100, 100, 100), None),
        ((60_000, 1_000, 1_000), None),
        ((60_000, 24_000, 1_000), "40 % of the words hold digits"),
        ((60_000, 1_000, 24_000), "40 % of the words came only once"),
    ],
)
def test_unusual_words(numbers: tuple[int, int, int], expected: str | None) -> None:
    """Of enough words, more than a third."""
    assert unusual(*numbers) == expected


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("prose and more of it", "words", None),
        ("2026-11-25 10:00:00 a b\n" * 9, "words", Advice("log lines", "logs")),
        ("2026-11-25 10:00:00 a b\n" * 9, "logs", None),
        ("2026-11-25 10:00:00 a b\n" * 9, "spaces", None),
        ("我们在北京大学学习", "logs", Advice("text in a script without spaces", "words")),
        ("我们在北京大学学习", "words", None),
        ("anything", "my:function", None),
    ],
)
def test_advice_for_some_rules(text: str, name: str, expected: Advice | None) -> None:
    """There is none for what suits, and none about somebody's own function."""
    assert advised(text, Rules(name, 2)) == expected


def test_the_first_version_needs_another_for_scripts_without_spaces() -> None:
    """A model of before takes a sentence for a word."""
    text = "我们在北京大学学习"
    assert advised(text, Rules("words", 1)) == Advice("text in a script without spaces", "words")
    assert advised(text, Rules("words", 2)) is None
