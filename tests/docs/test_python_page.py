"""docs/python.md names all that is public in Python, with its arguments, and its examples run from top to bottom."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamer
from streamer.errors import ExitCode, StreamerError

from .pages import DOCS, ROOT, code_blocks, section, table_rows

PAGE = (DOCS / "python.md").read_text(encoding="utf-8")
OF_VECTORS = [row[0] for row in table_rows(section(PAGE, "### WordVectors"))]
OF_TRAINER = [row[0] for row in table_rows(section(PAGE, "## Training"))]
CODES = {row[0]: re.findall(r"(\d+)` ", row[1]) for row in table_rows(section(PAGE, "## Errors"))}
NAME = re.compile(r"(\w+)(\(.*\))?")


def names(rows: list[str]) -> dict[str, str]:
    """Return the names in the first cells of a table, and the arguments of those that have some."""
    found = (NAME.fullmatch(row) for row in rows)
    return {match[1]: match[2] or "" for match in found if match}


def public(instance: Any) -> set[str]:
    """Return the public names of an object and its class."""
    return {name for name in {*dir(type(instance)), *vars(instance)} if not name.startswith("_")}


def arguments(cls: object, name: str) -> str:
    """Return the arguments of a method as the page writes them: with defaults, without types; none of a property."""
    method = getattr(cls, name, None)
    if not callable(method):
        return ""
    signature = inspect.signature(method)
    plain = [
        each.replace(annotation=inspect.Parameter.empty)
        for each in signature.parameters.values()
        if each.name != "self"
    ]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)).replace("'", '"')


def test_all_of_word_vectors_is_on_the_page() -> None:
    """Every method and attribute has a row, with its arguments, and every row is one; so have brackets and `in`."""
    vectors = streamer.WordVectors(["a"], np.ones((1, 2)), [1])
    told = names(OF_VECTORS)
    assert told.keys() == public(vectors)
    assert told == {name: arguments(streamer.WordVectors, name) for name in told}
    assert "vectors[key]" in "".join(OF_VECTORS)
    assert "key in vectors" in "".join(OF_VECTORS)


def test_all_of_trainer_is_on_the_page() -> None:
    """The same for the trainer."""
    told = names(OF_TRAINER)
    assert told.keys() == public(streamer.Trainer(threads=1))
    assert told == {name: arguments(streamer.Trainer, name) for name in told}


def test_all_of_the_past_is_on_the_page(tmp_path: Path) -> None:
    """The same for what `streamer.past` returns."""
    told = names([row[0] for row in table_rows(section(PAGE, "## The past of a stream"))])
    streamer.Trainer(threads=1).save(tmp_path)
    known = streamer.past(tmp_path)
    assert told.keys() == public(known)
    assert told == {name: arguments(type(known), name) for name in told}


def test_signatures_in_the_text() -> None:
    """`load`, `past`, `Trainer` are written with their arguments, and the first sentence names all that is exported."""
    arguments_of_load = arguments(streamer, "load").replace("\n", " ")
    assert f"`streamer.load{arguments_of_load}`" in PAGE
    assert f"`streamer.past{arguments(streamer, 'past')}`" in PAGE
    assert f"`Trainer{arguments(streamer, 'Trainer')}`" in PAGE
    opening = PAGE.partition("```")[0]
    assert set(streamer.__all__) | {"streamer"} == set(re.findall(r"`(?:import )?(\w+)`", opening))


def test_codes_exist() -> None:
    """Each exit code in the table is one, and each call in it is on the page."""
    for calls, codes in CODES.items():
        for call in re.findall(r"\w+", calls):
            assert call in {"load", "Trainer", *names(OF_VECTORS), *names(OF_TRAINER)}
        assert codes
        assert set(map(int, codes)) <= set(map(int, ExitCode))


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, in a folder with the sample, they do what the comments in them say."""
    (tmp_path / "data").mkdir()
    shutil.copy2(ROOT / "data" / "sample.txt", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    for example in code_blocks(PAGE, "python"):
        exec(compile(example, "docs/python.md", "exec"), found)
    printed = capsys.readouterr().out
    assert "<WordVectors: 91 words, 50 dimensions, from checkpoint-0000000001.h5>" in printed
    assert "checkpoint-0000000001.h5 1\n" in printed
    assert "'rivver' is not in the vocabulary; nearest: river" in printed
    assert "66 there is no checkpoint in nowhere train one first" in printed
    assert "checkpoint-0000000002.h5\n" in printed
    assert len(found["several"]) == 3


def test_what_is_said_of_errors(tmp_path: Path) -> None:
    """The calls in the table raise the codes in it, so far as a test can bring them about at once."""
    trainer = streamer.Trainer(vector_size=2, min_count=1, threads=1).partial_fit(["a b"])
    (tmp_path / "file").write_text("")
    trainer.save(tmp_path / "saved")
    calls: dict[tuple[str, int], Callable[[], object]] = {
        ("Trainer", 78): lambda: streamer.Trainer(vector_size=0),
        ("load", 66): lambda: streamer.load(tmp_path / "none"),
        ("resume", 66): lambda: streamer.Trainer.resume(tmp_path / "none"),
        ("resume", 78): lambda: streamer.Trainer.resume(tmp_path / "saved", vector_size=3),
        ("save", 78): lambda: streamer.Trainer(threads=1).save(tmp_path / "saved"),
        ("save", 74): lambda: trainer.save(tmp_path / "file" / "below"),
        ("evaluate_word_pairs`, `evaluate_word_analogies", 66): lambda: trainer.vectors.evaluate_word_pairs("none"),
        ("save_word2vec_format", 74): lambda: trainer.vectors.save_word2vec_format(tmp_path / "none" / "v.txt"),
    }
    for (call, code), fail in calls.items():
        with pytest.raises(StreamerError) as caught:
            fail()
        assert caught.value.code == code, call
        assert str(code) in CODES[call], call
