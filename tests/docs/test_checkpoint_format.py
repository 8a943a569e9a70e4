"""docs/checkpoint-format.md says what is in a checkpoint, no more and no less, and its example runs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import streamer
from streamer.ledger.entries import Signature, Verdict
from streamer.model.sgns import Loss

from .pages import DOCS, code_blocks, section, table_rows

PAGE = (DOCS / "checkpoint-format.md").read_text(encoding="utf-8")
ATTRIBUTES = {row[0]: row[1] for row in table_rows(section(PAGE, "### Attributes"))}
DATASETS = {row[0]: (row[1], row[2]) for row in table_rows(section(PAGE, "### Datasets"))}
EXAMPLES = code_blocks(PAGE, "python")

TEXT = "the cat sat on the mat and the dog sat on the rug\n"
NAME = "caf\udce9.txt"  # Latin-1 on the disk, as file names may be
REASON = "empty"


@pytest.fixture
def trainer(tmp_path: Path) -> streamer.Trainer:
    """Return a trainer with something in every table, saved to ``checkpoints`` in the test's folder."""
    trainer = streamer.Trainer(vector_size=8, min_count=2, threads=1).partial_fit([TEXT])
    size = len(TEXT)
    look = Verdict(Signature(size, 1, 2), hashlib.sha256(TEXT.encode()).digest(), size)
    entry = trainer.state.ledger.plan(NAME, look)
    assert entry is not None
    trainer.state.ledger.advance(entry, size, 12)
    trainer.state.ledger.finish(entry)
    trainer.state.ledger.refuse("nothing.txt", Signature(0, 3, 4), REASON)
    trainer.state.epochs.begin('[1, "a.txt"]')
    trainer.state.epochs.add(0, Loss(2.0, 1.0))
    trainer.save(tmp_path / "checkpoints")
    return trainer


def test_every_key_is_on_the_page(trainer: streamer.Trainer) -> None:
    """Each array and each scalar of the tree has a row in the right table."""
    tree = trainer.state.to_tree()
    arrays = {key for key, value in tree.items() if isinstance(value, np.ndarray)}
    assert arrays == DATASETS.keys()
    assert tree.keys() - arrays == ATTRIBUTES.keys()


@pytest.mark.usefixtures("trainer")
def test_what_is_on_the_page_is_in_the_file(tmp_path: Path) -> None:
    """Each row has its place in the file, with the type and the shape that it states."""
    lengths: dict[str, int] = {"D": 8}
    with h5py.File(tmp_path / "checkpoints" / "checkpoint-0000000001.h5") as file:
        for key, kind in ATTRIBUTES.items():
            group, _, name = key.rpartition("/")
            value = file[group or "/"].attrs[name]
            assert ("string" if isinstance(value, str) else value.dtype.name) == kind, key
        for key, (shape, kind) in DATASETS.items():
            dataset = file[key]
            assert dataset.dtype == kind, key
            symbols = shape.strip("()").replace(" ", "").rstrip(",").split(",")
            assert len(symbols) == dataset.ndim, key
            for symbol, length in zip(symbols, dataset.shape, strict=True):
                if symbol != "bytes":
                    wanted = int(symbol) if symbol.isdigit() else lengths.setdefault(symbol, length)
                    assert wanted == length, f"{symbol} of {key}"


def test_the_example_reads_words_vectors_and_ledger(
    trainer: streamer.Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code on the page, which knows nothing of streamer, finds what the trainer has."""
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    for example in EXAMPLES:
        assert "import streamer" not in example
        exec(compile(example, "docs/checkpoint-format.md", "exec"), found)
    vectors = trainer.vectors
    assert sorted(found["words"]) == sorted(vectors.index_to_key)
    for word, count, vector in zip(found["words"], found["counts"], found["vectors"], strict=True):
        assert count == vectors.counts[vectors.key_to_index[word]]
        assert np.array_equal(vector, vectors[word])
    assert found["rows"] == [(NAME, "trained", "", len(TEXT)), ("nothing.txt", "skipped", REASON, 0)]
    assert found["intact"] is True
    assert capsys.readouterr().out.startswith(f"{len(vectors)} words of 8 dimensions, 2 rows in the ledger\nthe 4 [")


@pytest.mark.usefixtures("trainer")
def test_the_example_sees_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second example says so when a single bit has changed."""
    monkeypatch.chdir(tmp_path)
    (path,) = Path("checkpoints").glob("checkpoint-*.h5")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found: dict[str, Any] = {"newest": path}
    exec(compile(EXAMPLES[1], "docs/checkpoint-format.md", "exec"), found)
    assert found["intact"] is False
