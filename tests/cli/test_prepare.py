"""Commands that look at a text before anything is trained."""

from __future__ import annotations

from pathlib import Path

from ..support.corpus import put
from ..support.process import done, json_of, run


def test_words(tmp_path: Path) -> None:
    """A line for each context on stdout; what there is in the text on stderr. Nothing is written."""
    put(tmp_path / "a.log", "2026-11-25 10:00:00 sshd[1234]: ok\n" * 3)
    ended = done("words", "a.log", "--tokenizer", "logs", folder=tmp_path)
    assert ended.stdout == "<time> <time> sshd <num> ok\n" * 3
    assert "15 words, 4 of them distinct, in 3 contexts" in ended.stderr
    assert "most frequent: <time> 6" in ended.stderr
    plain = done("words", "a.log", folder=tmp_path)
    assert "in 1 context, of 105 bytes" in plain.stderr
    assert "it looks like log lines: try --tokenizer logs" in plain.stderr
    assert not (tmp_path / "checkpoints").exists()


def test_words_in_json(tmp_path: Path) -> None:
    """Everything that people see."""
    put(tmp_path / "a.txt", "New York is new\n\nyork")
    found = json_of(tmp_path, "words", "a.txt", "--keep-case", "--topn", "1")
    assert found["contexts"] == [["New", "York", "is", "new"], ["york"]]
    assert (found["words"], found["distinct"], found["advice"]) == (5, 5, None)
    assert len(found["frequent"]) == 1


def test_phrases_are_a_file_for_phrases(tmp_path: Path) -> None:
    """What one command prints, the other takes; a second run finds longer ones."""
    put(tmp_path / "a.txt", "we went to new york city by train " * 40 + "and the sea and the sky and the sun " * 200)
    options = ("a.txt", "--times", "5", "--threshold", "10")
    first = done("phrases", *options, folder=tmp_path).stdout
    assert {"new york", "york city"} <= set(first.splitlines())
    put(tmp_path / "phrases.txt", "new york\n")
    second = done("phrases", *options, "--phrases", "phrases.txt", folder=tmp_path).stdout
    assert "new_york city" in second.splitlines()
    rows = json_of(tmp_path, "phrases", *options)
    assert " ".join(rows[0]) == "phrase times score"
    words = done("words", "a.txt", "--phrases", "phrases.txt", folder=tmp_path).stdout
    assert "to new_york city by" in words


def test_what_cannot_be_read(tmp_path: Path) -> None:
    """One line, and the exit code of the trainer."""
    for command in (("words", "nosuch"), ("phrases", "nosuch"), ("words", "a", "--stop-words", "nosuch")):
        ended = run(*command, folder=tmp_path)
        assert ended.code == 66
        assert "nosuch" in ended.stderr
        assert "Traceback" not in ended.stderr
    put(tmp_path / "a", "text")
    assert run("words", "a", "--tokenizer", "nosuch", folder=tmp_path).code == 78
    assert run("words", "a", "--tokenizer", "spaces", "--keep-case", folder=tmp_path).code == 78
