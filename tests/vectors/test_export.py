"""Exports: gensim, NumPy, safetensors and csv read back what was written, to the last bit."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import gensim
import numpy as np
import pytest
import safetensors.numpy

from streamer.cli import export
from streamer.errors import ExitCode, StreamerError
from streamer.vectors import FORMATS, WordVectors, write, write_to

from ..checkpoints.test_publish import can_mount

ROOT = Path(__file__).parents[2]

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


def projected(folder, name="vectors"):
    """Read what the Embedding Projector would."""
    with (folder / f"{name.removesuffix('.tsv')}.metadata.tsv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n")
    assert header == ["word", "count"]
    matrix = np.loadtxt(folder / name, dtype=np.float32, delimiter="\t", ndmin=2)
    return [word for word, _ in rows], [int(count) for _, count in rows], matrix


@pytest.mark.parametrize("topn", [None, 2])
def test_projector(awkward, tmp_path, topn):
    """Numbers without header, and beside them words and counts with one, row for row."""
    files = write(awkward, tmp_path / "vectors.tsv", "projector", topn)
    assert files == [tmp_path / "vectors.tsv", tmp_path / "vectors.metadata.tsv"]
    words, counts, matrix = projected(tmp_path, "vectors.tsv")
    assert (words, counts) == (awkward.index_to_key[:topn], awkward.counts[:topn].tolist())
    assert matrix.tobytes() == awkward.vectors[:topn].tobytes()
    assert write(awkward, tmp_path / "v1.5", "projector", topn)[1].name == "v1.5.metadata.tsv"


@pytest.mark.parametrize("topn", [None, 2])
def test_safetensors(awkward, tmp_path, topn):
    """The library of that name reads the tensors, and writes the same bytes; JSON beside them names rows and sizes."""
    path, vocabulary, config = write(awkward, tmp_path / "vectors.safetensors", "safetensors", topn)
    assert (vocabulary.name, config.name) == ("vectors.vocab.json", "vectors.config.json")
    tensors = safetensors.numpy.load_file(path)
    assert tensors.keys() == {"vectors", "counts"}
    assert (tensors["vectors"].dtype, tensors["counts"].dtype) == (np.float32, np.int64)
    assert tensors["vectors"].tobytes() == awkward.vectors[:topn].tobytes()
    assert tensors["counts"].tolist() == awkward.counts[:topn].tolist()
    theirs = {"vectors": awkward.vectors[:topn], "counts": awkward.counts[:topn]}
    assert path.read_bytes() == safetensors.numpy.save(theirs)
    words = {word: row for row, word in enumerate(awkward.index_to_key[:topn])}
    assert json.loads(vocabulary.read_text(encoding="utf-8")) == {"tokens": words}
    sizes = {"model_type": "staticvectors", "storage": "safetensors", "total": len(words), "dim": 7}
    assert json.loads(config.read_text()) == sizes


def test_safetensors_as_a_folder(awkward, tmp_path):
    """What is called model.safetensors has the names beside it that such a folder has them by."""
    files = write(awkward, tmp_path / "model.safetensors", "safetensors")
    assert [path.name for path in files] == ["model.safetensors", "vocab.json", "config.json"]


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
    """The same vectors give the same files, whenever they are written; older ones are replaced, nothing is left."""
    ones = write(awkward, tmp_path / "one", format)
    monkeypatch.setattr("time.time", lambda: 2e9)
    for path in ones:
        (tmp_path / path.name.replace("one", "two")).write_text("something that was here before")
    twos = write(awkward, str(tmp_path / "two"), format)
    assert [path.name.replace("one", "two") for path in ones] == [path.name for path in twos]
    assert [path.read_bytes() for path in ones] == [path.read_bytes() for path in twos]
    assert sorted(tmp_path.iterdir()) == sorted(ones + twos)


SPACES = [chr(code) for code in range(0x110000) if chr(code).isspace()]


@pytest.mark.parametrize("format", [*READ, "projector"])
def test_whitespace(tmp_path, format):
    """Where spaces separate, all that str.split and str.splitlines cut at becomes underscores."""
    words = ["new york", "", *(f"a{space}{number}" for number, space in enumerate(SPACES))]
    vectors = WordVectors(words, np.eye(len(words), dtype=np.float32), np.ones(len(words)))
    write(vectors, tmp_path / "vectors", format)
    if format in READ:
        theirs = gensim.models.KeyedVectors.load_word2vec_format(str(tmp_path / "vectors"), **READ[format])
        found = theirs.index_to_key
    else:
        found = projected(tmp_path)[0]
    assert found == ["new_york", "_", *(f"a_{number}" for number in range(len(SPACES)))]
    if format != "word2vec-binary":
        text = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode()
        assert set(SPACES) & set(text) <= {" ", "\t", "\n"}
        assert len(text.splitlines()) == text.count("\n")


@pytest.mark.parametrize("format", [*READ, "projector"])
def test_names_that_two_words_would_have(tmp_path, format):
    """A word keeps its own name, and words that need another get one that none has: no row is lost to a reader."""
    words = ["new york", "new_york", "new\tyork", "new_york__", "new\u00a0york"]
    vectors = WordVectors(words, np.arange(10).reshape(5, 2), np.arange(5, 0, -1))
    write(vectors, tmp_path / "vectors", format)
    names = ["new_york_", "new_york", "new_york___", "new_york__", "new_york____"]
    if format in READ:
        theirs = gensim.models.KeyedVectors.load_word2vec_format(str(tmp_path / "vectors"), **READ[format])
        assert (theirs.index_to_key, theirs.vectors.tolist()) == (names, vectors.vectors.tolist())
    else:
        assert projected(tmp_path)[0] == names
    write(vectors, tmp_path / "few", "glove", topn=1)
    assert (tmp_path / "few").read_text() == "new_york_ 0 1\n"


def test_words_as_they_are(tmp_path):
    """Formats that separate by more than spaces keep all words."""
    words = ["new york", 'say "x"\\', "a\nb", "\u2028", ""]
    vectors = WordVectors(words, np.eye(5), np.ones(5))
    write(vectors, tmp_path / "vectors.npz", "npz")
    with np.load(tmp_path / "vectors.npz") as arrays:
        assert arrays["words"].tolist() == words
    _, vocabulary, _ = write(vectors, tmp_path / "vectors", "safetensors")
    assert list(json.loads(vocabulary.read_text(encoding="utf-8"))["tokens"]) == words


def test_one_long_word(tmp_path):
    """One word of a thousand letters does not make an npz file of four kilobytes a word."""
    words = ["x" * 1000, *(f"w{number}" for number in range(20_000))]
    write(WordVectors(words, np.zeros((len(words), 1)), np.ones(len(words))), tmp_path / "vectors.npz", "npz")
    assert (tmp_path / "vectors.npz").stat().st_size < 2e6


@pytest.mark.parametrize("format", FORMATS)
def test_progress(awkward, tmp_path, format):
    """Progress is told in rows that grow, the last time with all of them, those of --topn alone."""
    for topn in (None, 1001):
        told = []
        write(awkward, tmp_path / "vectors", format, topn, progress=told.append)
        assert told == sorted(set(told)) and told[-1] == (topn or len(awkward)) and len(told) > 1


def test_pipes(awkward, tmp_path):
    """The formats of one file that is written from front to back can be written to any; the others say so."""
    for format in FORMATS:
        file = io.BytesIO()
        if format in READ:
            write_to(awkward, file, format)
            write(awkward, tmp_path / format, format)
            assert file.getvalue() == (tmp_path / format).read_bytes()
        else:
            with pytest.raises(StreamerError, match=f"{format} cannot be written to a pipe"):
                write_to(awkward, file, format)
    assert tuple(READ) == export.STREAMS


def test_the_command_knows_the_formats():
    """The command's choices, which it lists without loading anything, are the formats there are."""
    assert export.FORMATS == FORMATS
    assert set(export.SUFFIXES.values()) < set(FORMATS)


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
    with pytest.raises(StreamerError, match="'onnx' is not an export format") as caught:
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
    assert "mkdir" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("format", FORMATS)
def test_full_disk(awkward, tmp_path, monkeypatch, format):
    """A disk that fills up at the last moment leaves the files that were there, and no half of a new one."""

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for path in write(awkward, tmp_path / "vectors", format, topn=1):
        path.write_text("kept")
    count = len(list(tmp_path.iterdir()))
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StreamerError, match="No space left") as caught:
        write(awkward, tmp_path / "vectors", format)
    assert caught.value.code == ExitCode.CANNOT_WRITE
    assert [path.read_text() for path in tmp_path.iterdir()] == ["kept"] * count


FILL = """
import sys
import numpy as np
from pathlib import Path
from streamer.errors import StreamerError
from streamer.vectors import FORMATS, WordVectors, write

words = [f"w{number}" for number in range(5000)]
vectors = WordVectors(words, np.random.default_rng(1).normal(size=(5000, 50)), np.ones(5000))
for format in FORMATS:
    for path in Path("disk").iterdir():
        path.unlink()
    before = {path: path.read_bytes() for path in write(vectors, "disk/vectors", format, topn=100)}
    try:
        write(vectors, "disk/vectors", format)
    except StreamerError as error:
        print(format, int(error.code), "No space left" in error.problem)
    assert before == {path: path.read_bytes() for path in Path("disk").iterdir()}
"""


@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_a_disk_that_is_too_small(tmp_path):
    """On a real disk with too little room every format keeps what was there, all files of it."""
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=512k none disk && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", FILL]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n") == [*(f"{format} 74 True" for format in FORMATS), ""]
