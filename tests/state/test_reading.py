"""What `streamer.load` returns, and when it has something newer."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import streamer
from streamer.errors import ExitCode, StreamerError

TEXTS = ["the cat sat on the mat and the dog sat on the rug"] * 5


@pytest.fixture
def trainer() -> streamer.Trainer:
    """Return a trainer that has learned a little."""
    return streamer.Trainer(vector_size=8, min_count=1, threads=1).partial_fit(TEXTS)


def test_what_is_loaded_says_where_it_is_from(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """It is what `save` returned; vectors that come straight from a trainer are from no checkpoint."""
    saved = trainer.save(tmp_path)
    vectors = streamer.load(tmp_path)
    assert vectors.checkpoint == saved
    assert (vectors.checkpoint.name, vectors.checkpoint.sequence) == ("checkpoint-0000000001.h5", 1)
    assert repr(vectors) == "<WordVectors: 8 words, 8 dimensions, from checkpoint-0000000001.h5>"
    assert trainer.vectors.checkpoint is None
    assert pickle.loads(pickle.dumps(vectors)).checkpoint == saved
    assert not (vectors.vectors.flags.writeable or vectors.counts.flags.writeable)


def test_nothing_newer(trainer: streamer.Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same object comes back, and no file is opened; after another save, the new one."""
    trainer.save(tmp_path)
    vectors = streamer.load(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("streamer.system.disk.open_descriptor", None)
        assert streamer.load(tmp_path, newer_than=vectors) is vectors
    trainer.partial_fit(["a bird"]).save(tmp_path)
    newer = streamer.load(tmp_path, newer_than=vectors)
    assert newer is not vectors
    assert newer.checkpoint.sequence == 2
    assert "bird" in newer
    assert "bird" not in vectors
    assert streamer.load(tmp_path, newer_than=newer) is newer


def test_another_model_of_the_same_name(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """A model that was begun anew in the same folder is loaded, though its first checkpoint is called the same."""
    trainer.save(tmp_path / "checkpoints")
    vectors = streamer.load(tmp_path / "checkpoints")
    shutil.rmtree(tmp_path / "checkpoints")
    with pytest.raises(StreamerError) as caught:
        streamer.load(tmp_path / "checkpoints", newer_than=vectors)
    assert caught.value.code == ExitCode.NO_INPUT
    streamer.Trainer(vector_size=4, min_count=1, threads=1).partial_fit(TEXTS).save(tmp_path / "checkpoints")
    assert streamer.load(tmp_path / "checkpoints", newer_than=vectors).vector_size == 4


def test_vectors_from_elsewhere(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """Vectors that were not loaded are never the newest, not even where there is nothing to load."""
    with pytest.raises(StreamerError):
        streamer.load(tmp_path, newer_than=trainer.vectors)
    trainer.save(tmp_path)
    assert streamer.load(tmp_path, newer_than=trainer.vectors).checkpoint is not None


def test_loading_holds_the_vectors_once(tmp_path: Path) -> None:
    """The most that loading takes at once is the vectors and some, not the vectors twice."""
    import tracemalloc

    trainer = streamer.Trainer(vector_size=100, min_count=1, threads=1)
    trainer.state.model.vocabulary.observe([f"w{number}" for number in range(20_000)], np.arange(1, 20_001))
    trainer.state.model.embeddings.grow(20_000, np.random.default_rng(1))
    trainer.save(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamer.vectors.table._PIECE", 20_000 * 8)
        patch.setattr("streamer.checkpoints.format.PIECE", 1 << 16)
        tracemalloc.start()
        try:
            vectors = streamer.load(tmp_path)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert vectors.index_to_key[0] == "w19999"
    assert vectors.vectors.nbytes == 8_000_000
    assert peak < 13_000_000  # of which 3.5 million are words and their places
