"""Files of gensim's own are pickles: they are known by what is in them, and nothing opens them."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import gensim
import numpy as np
import pytest

import streamer
from streamer.errors import ExitCode, StreamerError
from streamer.vectors import WordVectors, pickles, read_word2vec_format

TEXTS = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 5


def saved(kind: str, path: Path, **options: Any) -> None:
    """Save a small model of gensim's."""
    settings = {"vector_size": 4, "min_count": 1, "workers": 1}
    if kind == "Doc2Vec":
        texts = [gensim.models.doc2vec.TaggedDocument(words, [number]) for number, words in enumerate(TEXTS)]
        model = gensim.models.Doc2Vec(texts, **settings)
    else:
        model = getattr(gensim.models, kind.replace("KeyedVectors", "") or "Word2Vec")(TEXTS, **settings)
    (model.wv if kind.endswith("KeyedVectors") else model).save(str(path), **options)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    ("kind", "name", "way"),
    [
        ("KeyedVectors", "x.kv", 'KeyedVectors.load("x.kv").save_word2vec_format("x.txt")'),
        ("Word2Vec", "x.model", 'Word2Vec.load("x.model").wv.save_word2vec_format("x.txt")'),
        ("FastText", "a b", 'FastText.load("a b").wv.save_word2vec_format("a b.txt")'),
        ("FastTextKeyedVectors", "x.txt", 'KeyedVectors.load("x.txt").save_word2vec_format("x.vectors.txt")'),
        ("Doc2Vec", "x.bin", 'Doc2Vec.load("x.bin").wv.save_word2vec_format("x.txt")'),
    ],
)
def test_they_are_refused_with_the_way_to_convert(
    kind: str, name: str, way: str, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever reads vectors or a model says what the file is, and the line of Python that converts it."""
    saved(kind, tmp_path / name, pickle_protocol=protocol)
    monkeypatch.setattr(pickle, "load", None)
    monkeypatch.setattr(pickle, "loads", None)
    for read in (WordVectors.load_word2vec_format, read_word2vec_format, streamer.load, streamer.Trainer.resume):
        with pytest.raises(StreamerError) as caught:
            read(tmp_path / name)
        assert caught.value.code == ExitCode.NO_INPUT
        assert caught.value.problem.endswith(f"it is a pickle of gensim's {kind}")
        assert caught.value.hint == f"convert it with gensim: {way}"
    with pytest.raises(StreamerError, match="it is a pickle of gensim"):
        WordVectors.load_word2vec_format(tmp_path / name, binary=True)


def test_the_way_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the hint says, done in the folder of the file, makes a file that is read."""
    monkeypatch.chdir(tmp_path)
    for kind, name in (("KeyedVectors", "x.kv"), ("Word2Vec", "y.model")):
        saved(kind, tmp_path / name)
        with pytest.raises(StreamerError) as caught:
            WordVectors.load_word2vec_format(name)
        eval(caught.value.hint.partition(": ")[2], vars(gensim.models))
        assert set(WordVectors.load_word2vec_format(Path(name).with_suffix(".txt"))) == {"the", "cat", "dog", "sat"}


def test_a_packed_pickle(tmp_path: Path) -> None:
    """It is unpacked as other files are, and known then."""
    saved("KeyedVectors", tmp_path / "x.kv")
    (tmp_path / "x.kv.gz").write_bytes(gzip.compress((tmp_path / "x.kv").read_bytes()))
    with pytest.raises(StreamerError, match="it is a pickle of gensim's KeyedVectors"):
        read_word2vec_format(tmp_path / "x.kv.gz")


def test_other_pickles(tmp_path: Path) -> None:
    """They are named too, without a way that would not work."""
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({"a": np.ones(3)}))
    for read in (read_word2vec_format, streamer.load):
        with pytest.raises(StreamerError, match="it is a pickle, not a file of vectors") as caught:
            read(tmp_path / "x.pkl")
        assert "program that made it" in caught.value.hint


@pytest.mark.parametrize(
    "head", [b"", b"\x80", b"\x80\x06", b"\x80\x01", b"2 3\n", "\u20ac 1 2\n".encode(), b"\x04\x80"]
)
def test_all_else_is_no_pickle(head: bytes) -> None:
    """Two bytes tell; a euro sign in UTF-8 has a byte of them, but does not begin with it."""
    assert pickles.told(head, "x.kv") is None
