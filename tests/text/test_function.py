"""A user's own tokenizer: imported, called, and not trusted."""

from __future__ import annotations

import hashlib
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamer.text.function import Function, check_word, source_digest
from streamer.text.tokenizer import Rules, TokenizerError

SOURCE = """
def lines(text):
    return [line.split("|") for line in text.splitlines() if line]

class Cutter:
    @staticmethod
    def cut(text):
        yield (word for word in text.split())

def fails(text): raise KeyError("oops")
def words(text): return text.split()
def string(text): return "text"
def number(text): return 3
def numbers(text): return [[1]]
def empty(text): return [["a", ""]]
def line_end(text): return [["a\\nb"]]
def long(text): return [["x" * 257]]
value = 3
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write a module into the current folder, which nothing else puts on the path."""
    path = tmp_path / "mycutters.py"
    path.write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [entry for entry in sys.path if entry])
    yield path
    sys.modules.pop("mycutters", None)


def own(name: str) -> Function:
    return Function(Rules(f"mycutters:{name}", 1))


def test_contexts_are_those_it_returns() -> None:
    """Words as they are; each piece between separators is a call of its own."""
    assert own("lines").encode("New York|is\n\nBIG|a\x1eb|c").contexts() == [
        ["New York", "is"],
        ["BIG", "a"],
        ["b", "c"],
    ]
    assert own("Cutter.cut").encode("a b").contexts() == [["a", "b"]]
    assert own("lines").fold("AsIs") == "AsIs"
    assert sys.path and str(Path.cwd()) not in sys.path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fails", "KeyError: 'oops'"),
        ("words", "it returns words, not lists of words"),
        ("string", "it returns str, not lists of words"),
        ("number", "TypeError"),
        ("numbers", "1 is not a string"),
        ("empty", "'' is not a word"),
        ("line_end", "is not a word"),
        ("long", "is not a word"),
    ],
)
def test_what_it_returns_is_checked(name: str, reason: str) -> None:
    """An error names the function and says what is wrong."""
    with pytest.raises(TokenizerError, match=rf"--tokenizer mycutters:{name}: .*{reason}"):
        own(name).encode("a b")


@pytest.mark.parametrize("name", ["nosuchmodule:f", "mycutters:nosuch", "mycutters:value"])
def test_what_cannot_be_imported(name: str) -> None:
    """It is an error when the tokenizer is made, not at the first text."""
    with pytest.raises(TokenizerError):
        Function(Rules(name, 1))


def test_a_module_that_fails(module: Path) -> None:
    """Whatever it raises: it must not end the program with a code of its own."""
    for raised in ("RuntimeError", "SystemExit"):
        module.write_text(f"raise {raised}('broken')")
        with pytest.raises(TokenizerError, match=f"{raised}: broken"):
            own("lines")


def test_the_digest_is_that_of_the_module(module: Path) -> None:
    """Another source gives another digest; a module in C has none."""
    assert source_digest("mycutters:lines") == hashlib.sha256(module.read_bytes()).hexdigest()
    assert source_digest("math:sqrt") == source_digest("os:getcwd") == ""  # the latter is built into Python


def test_another_process_gets_its_name() -> None:
    """It is pickled as its rules, not as code."""
    sent = pickle.dumps(own("lines"))
    assert b"mycutters:lines" in sent
    assert pickle.loads(sent).encode("a|b").contexts() == [["a", "b"]]


@pytest.mark.parametrize("word", ["a", "two words", "é" * 128])
def test_words(word: str) -> None:
    """Anything of one line may be a word."""
    assert check_word(word) == word


@pytest.mark.parametrize("word", ["", "a\n", "\r", "a\0", "é" * 129, "\ud800", None, 3, b"a", ["a"]])
def test_no_words(word: object) -> None:
    """A checkpoint could not hold them."""
    with pytest.raises((TypeError, ValueError)):
        check_word(word)


def test_what_it_imports_when_it_is_called(tmp_path: Path, module: Path) -> None:
    """Another module of the current folder is still found then."""
    (tmp_path / "myhelper.py").write_text("def cut(text): return [text.split()]")
    module.write_text("def late(text):\n    import myhelper\n    return myhelper.cut(text)")
    assert own("late").encode("a b").contexts() == [["a", "b"]]
    sys.modules.pop("myhelper", None)
