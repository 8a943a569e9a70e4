"""Exports: gensim and NumPy read back what was written, to the last bit."""

from __future__ import annotations

import errno
import os

import gensim
import numpy as np
import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.vectors import FORMATS, WordVectors, write

# gensim reads a file without header twice and forgets to close it the second time.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*vectors:ResourceWarning")

READ = {
    "word2vec": {"binary": False},
    "word2vec-binary": {"binary": True},
    "glove": {"binary": False, "no_header": True},
}


@pytest.fixture
def awkward():
    """Return vectors of words in several scripts and of floats that are hard to write."""
    random = np.random.default_rng(1)
    words = ["naïve", "東京", "don't", "#", "3", "😀", "-1e5", *(f"w{n}" for n in range(2500))]
    bits = random.integers(0, 2**32, size=(len(words), 7), dtype=np.uint32)
    matrix = bits.view(np.float32)
    matrix[~np.isfinite(matrix)] = 1
    matrix[0] = [0.0, -0.0, 1e-45, np.finfo(np.float32).max, np.finfo(np.float32).tiny, 0.1, 16777217]
    return WordVectors(words, matrix, random.integers(1, 100, size=len(words)))


@pytest.mark.parametrize("topn", [None, 1, 1001, 10**6])
@pytest.mark.parametrize("format", READ)
def test_gensim_reads_it(awkward, tmp_path, format, topn):
    """Gensim finds the same words in the same order, and the same bits in their vectors."""
    path = tmp_path / "vectors.out"
    write(awkward, path, format, topn)
    theirs = gensim.models.KeyedVectors.load_word2vec_format(str(path), **READ[format])
    assert theirs.index_to_key == awkward.index_to_key[:topn]
    assert theirs.vectors.tobytes() == awkward.vectors[:topn].tobytes()


@pytest.mark.parametrize("topn", [None, 2])
def test_npz(awkward, tmp_path, topn):
    """NumPy reads words, vectors and counts, without pickle."""
    write(awkward, tmp_path / "vectors.npz", "npz", topn)
    with np.load(tmp_path / "vectors.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["counts", "vectors", "words"]
        assert arrays["words"].tolist() == awkward.index_to_key[:topn]
        assert arrays["vectors"].tobytes() == awkward.vectors[:topn].tobytes()
        assert arrays["counts"].tolist() == awkward.counts[:topn].tolist()
        assert (arrays["vectors"].dtype, arrays["counts"].dtype) == (np.float32, np.int64)


def test_save_word2vec_format(awkward, tmp_path):
    """The method of gensim's name writes the two formats of word2vec."""
    for binary, format in ((False, "word2vec"), (True, "word2vec-binary")):
        awkward.save_word2vec_format(tmp_path / "method", binary=binary)
        write(awkward, tmp_path / "function", format)
        assert (tmp_path / "method").read_bytes() == (tmp_path / "function").read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_same_bytes(awkward, tmp_path, format, monkeypatch):
    """The same vectors give the same file, whenever it is written; an older file is replaced, nothing is left over."""
    write(awkward, tmp_path / "one", format)
    monkeypatch.setattr("time.time", lambda: 2e9)
    (tmp_path / "two").write_text("something that was here before")
    write(awkward, str(tmp_path / "two"), format)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@pytest.mark.parametrize("format", READ)
def test_whitespace(tmp_path, format):
    """Where spaces separate, those in a word become underscores."""
    vectors = WordVectors(["new york", "a\tb\nc"], np.eye(2, dtype=np.float32), np.array([2, 1]))
    write(vectors, tmp_path / "vectors", format)
    theirs = gensim.models.KeyedVectors.load_word2vec_format(str(tmp_path / "vectors"), **READ[format])
    assert theirs.index_to_key == ["new_york", "a_b_c"]


def test_text_is_readable(tmp_path):
    """Text is plain: a line of sizes, then a word and its numbers."""
    vectors = WordVectors(["a", "b"], np.array([[0.5, -2], [1, 0.25]], dtype=np.float32), np.array([2, 1]))
    write(vectors, tmp_path / "vectors", "word2vec")
    assert (tmp_path / "vectors").read_text() == "2 2\na 0.5 -2\nb 1 0.25\n"
    write(vectors, tmp_path / "vectors", "glove", topn=1)
    assert (tmp_path / "vectors").read_text() == "a 0.5 -2\n"


def test_symbolic_link(awkward, tmp_path):
    """A link stays a link."""
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write(awkward, tmp_path / "link", "npz")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").is_file()


def test_unknown_format(awkward, tmp_path):
    """An unknown format is an error that names the known ones, and touches nothing."""
    with pytest.raises(StreamerError, match="'onnx' is no export format") as caught:
        write(awkward, tmp_path / "vectors", "onnx")
    assert caught.value.code == ExitCode.USAGE
    assert all(format in str(caught.value) for format in FORMATS)
    with pytest.raises(StreamerError, match="topn must be at least 1"):
        write(awkward, tmp_path / "vectors", "npz", topn=0)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(awkward, tmp_path):
    """A missing folder, a file for a folder and a folder for a file are errors with exit code 74."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    for place in ("missing/vectors", "file/vectors", "folder"):
        with pytest.raises(StreamerError, match=f"cannot write .*{place}") as caught:
            write(awkward, tmp_path / place, "npz")
        assert caught.value.code == ExitCode.CANNOT_WRITE
    assert "make the folder" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_full_disk(awkward, tmp_path, monkeypatch):
    """A disk that fills up leaves the file that was there, and no half of a new one."""

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "vectors").write_text("kept")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StreamerError, match="No space left") as caught:
        write(awkward, tmp_path / "vectors", "word2vec")
    assert caught.value.code == ExitCode.CANNOT_WRITE
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"]
