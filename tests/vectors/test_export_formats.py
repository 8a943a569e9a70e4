"""The bytes of each export format: gensim, NumPy, safetensors and csv read back what was written, to the last bit."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import gensim
import numpy as np
import pytest
import safetensors.numpy

from streamer.vectors import FORMATS, WordVectors, write
from streamer.vectors.export_formats import Rows, glove, npz, projector, word2vec, word2vec_binary
from streamer.vectors.export_formats import safetensors as as_safetensors

# gensim reads a file without header twice and forgets to close it the second time.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*vectors:ResourceWarning")

READ: dict[str, dict[str, bool]] = {
    "word2vec": {"binary": False},
    "word2vec-binary": {"binary": True},
    "glove": {"binary": False, "no_header": True},
}


@pytest.mark.parametrize("topn", [None, 1, 1001, 10**6])
@pytest.mark.parametrize("format", READ)
def test_gensim_reads_it(awkward: WordVectors, tmp_path: Path, format: str, topn: int | None) -> None:
    """Gensim finds the same words in the same order, and the same bits in their vectors."""
    path = tmp_path / "vectors.out"
    write(awkward, path, format, topn)
    theirs = gensim.models.KeyedVectors.load_word2vec_format(str(path), **READ[format])
    assert theirs.index_to_key == awkward.index_to_key[:topn]
    assert theirs.vectors.tobytes() == awkward.vectors[:topn].tobytes()


def projected(folder: Path, name: str = "vectors") -> tuple[list[str], list[int], Any]:
    """Read what the Embedding Projector would."""
    with (folder / f"{name.removesuffix('.tsv')}.metadata.tsv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n")
    assert header == ["word", "count"]
    matrix = np.loadtxt(folder / name, dtype=np.float32, delimiter="\t", ndmin=2)
    return [word for word, _ in rows], [int(count) for _, count in rows], matrix


@pytest.mark.parametrize("topn", [None, 2])
def test_projector(awkward: WordVectors, tmp_path: Path, topn: int | None) -> None:
    """Numbers without header, and beside them words and counts with one, row for row."""
    files = write(awkward, tmp_path / "vectors.tsv", "projector", topn)
    assert files == [tmp_path / "vectors.tsv", tmp_path / "vectors.metadata.tsv"]
    words, counts, matrix = projected(tmp_path, "vectors.tsv")
    assert (words, counts) == (awkward.index_to_key[:topn], awkward.counts[:topn].tolist())
    assert matrix.tobytes() == awkward.vectors[:topn].tobytes()
    assert write(awkward, tmp_path / "v1.5", "projector", topn)[1].name == "v1.5.metadata.tsv"


@pytest.mark.parametrize("topn", [None, 2])
def test_safetensors(awkward: WordVectors, tmp_path: Path, topn: int | None) -> None:
    """The library of that name reads the tensors, and writes the same bytes; JSON beside them names rows and sizes."""
    path, vocabulary, config = write(awkward, tmp_path / "vectors.safetensors", "safetensors", topn)
    assert (vocabulary.name, config.name) == ("vectors.vocab.json", "vectors.config.json")
    tensors = safetensors.numpy.load_file(path)
    assert tensors.keys() == {"vectors", "counts"}
    assert [tensors[name].dtype.str for name in ("vectors", "counts")] == ["<f4", "<i8"]
    assert tensors["vectors"].tobytes() == awkward.vectors[:topn].tobytes()
    assert tensors["counts"].tolist() == awkward.counts[:topn].tolist()
    theirs: dict[str, Any] = {"vectors": awkward.vectors[:topn], "counts": awkward.counts[:topn]}
    assert path.read_bytes() == safetensors.numpy.save(theirs)
    words = {word: row for row, word in enumerate(awkward.index_to_key[:topn])}
    assert json.loads(vocabulary.read_text(encoding="utf-8")) == {"tokens": words}
    sizes = {"model_type": "staticvectors", "storage": "safetensors", "total": len(words), "dim": 7}
    assert json.loads(config.read_text()) == sizes


@pytest.mark.parametrize("topn", [None, 2])
def test_npz(awkward: WordVectors, tmp_path: Path, topn: int | None) -> None:
    """NumPy reads words, vectors and counts, without pickle."""
    write(awkward, tmp_path / "vectors.npz", "npz", topn)
    with np.load(tmp_path / "vectors.npz", allow_pickle=False) as arrays:
        assert sorted(arrays) == ["counts", "vectors", "words"]
        assert arrays["words"].tolist() == awkward.index_to_key[:topn]
        assert arrays["vectors"].tobytes() == awkward.vectors[:topn].tobytes()
        assert arrays["counts"].tolist() == awkward.counts[:topn].tolist()
        assert (arrays["vectors"].dtype, arrays["counts"].dtype) == (np.float32, np.int64)


SPACES = [chr(code) for code in range(0x110000) if chr(code).isspace()]


@pytest.mark.parametrize("format", [*READ, "projector"])
def test_whitespace(tmp_path: Path, format: str) -> None:
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
def test_names_that_two_words_would_have(tmp_path: Path, format: str) -> None:
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


def test_words_as_they_are(tmp_path: Path) -> None:
    """Formats that separate by more than spaces keep all words."""
    words = ["new york", 'say "x"\\', "a\nb", "\u2028", ""]
    vectors = WordVectors(words, np.eye(5), np.ones(5))
    write(vectors, tmp_path / "vectors.npz", "npz")
    with np.load(tmp_path / "vectors.npz") as arrays:
        assert arrays["words"].tolist() == words
    _, vocabulary, _ = write(vectors, tmp_path / "vectors", "safetensors")
    assert list(json.loads(vocabulary.read_text(encoding="utf-8"))["tokens"]) == words


def test_one_long_word(tmp_path: Path) -> None:
    """One word of a thousand letters does not make an npz file of four kilobytes a word."""
    words = ["x" * 1000, *(f"w{number}" for number in range(20_000))]
    write(WordVectors(words, np.zeros((len(words), 1)), np.ones(len(words))), tmp_path / "vectors.npz", "npz")
    assert (tmp_path / "vectors.npz").stat().st_size < 2e6


@pytest.mark.parametrize("format", FORMATS)
def test_progress(awkward: WordVectors, tmp_path: Path, format: str) -> None:
    """Progress is told in rows that grow, the last time with all of them, those of --topn alone."""
    for topn in (None, 1001):
        told: list[int] = []
        write(awkward, tmp_path / "vectors", format, topn, progress=told.append)
        assert told == sorted(set(told)) and told[-1] == (topn or len(awkward)) and len(told) > 1


def test_text_is_readable(tmp_path: Path) -> None:
    """Text is plain: a line of sizes, then a word and its numbers."""
    vectors = WordVectors(["a", "b"], np.array([[0.5, -2], [1, 0.25]], dtype=np.float32), np.array([2, 1]))
    write(vectors, tmp_path / "vectors", "word2vec")
    assert (tmp_path / "vectors").read_text() == "2 2\na 0.5 -2\nb 1 0.25\n"
    write(vectors, tmp_path / "vectors", "glove", topn=1)
    assert (tmp_path / "vectors").read_text() == "a 0.5 -2\n"


def test_rows_come_in_pieces_that_are_all_of_them(awkward: WordVectors) -> None:
    """No more than a thousand at a time, as views, in order; as many as were asked for."""
    for count in (0, 1, 999, 1000, 1001, len(awkward)):
        told: list[int] = []
        rows = Rows(awkward, count, told.append)
        assert (rows.count, rows.size) == (count, awkward.vector_size)
        pieces = list(rows.pieces())
        assert [word for words, _, _ in pieces for word in words] == rows.words() == awkward.index_to_key[:count]
        assert all(0 < len(words) == len(vectors) == len(counts) <= 1000 for words, vectors, counts in pieces)
        assert all(np.shares_memory(vectors, awkward.vectors) for _, vectors, _ in pieces)
        assert [number for _, _, counts in pieces for number in counts.tolist()] == rows.counts().tolist()
        assert told == [*range(1000, count, 1000), *([count] if count else [])]


def test_named_rows_have_other_words_only() -> None:
    """Words with whitespace have other names; vectors and counts are the same."""
    vectors = WordVectors(["new york", "b", "new_york"], np.eye(3), [3, 2, 1])
    (words, matrix, counts), *rest = Rows(vectors, 2).named_pieces()
    assert (words, matrix.tolist(), counts.tolist(), rest) == (["new_york_", "b"], np.eye(3)[:2].tolist(), [3, 2], [])
    (words, _, _), *_ = Rows(WordVectors(["a", "b"], np.eye(2), [2, 1]), 2).named_pieces()
    assert words == ["a", "b"]


def test_the_bytes_of_each_format() -> None:
    """What is written of two words, byte by byte: it changes for nobody by accident."""
    vectors = WordVectors(["a", "é"], np.array([[0.1, -2], [1e-45, 16777216]], np.float32), np.array([7, 1]))
    rows = Rows(vectors, 2)

    def written(write_rows: Any, files: int = 1) -> list[bytes]:
        made = [io.BytesIO() for _ in range(files)]
        write_rows(rows, *made)
        return [file.getvalue() for file in made]

    lines = "a 0.100000001 -2\né 1.40129846e-45 16777216\n"
    assert written(word2vec) == [f"2 2\n{lines}".encode()]
    assert written(glove) == [lines.encode()]
    first, second = (row.astype("<f4").tobytes() for row in vectors.vectors)
    assert written(word2vec_binary) == [b"2 2\na " + first + "é ".encode() + second]
    numbers, metadata = written(projector, 2)
    assert numbers == b"0.100000001\t-2\n1.40129846e-45\t16777216\n"
    assert metadata == "word\tcount\na\t7\né\t1\n".encode()
    tensors, vocabulary, config = written(as_safetensors, 3)
    assert tensors.endswith(np.array([7, 1], "<i8").tobytes() + first + second)
    assert vocabulary == '{"tokens": {"a": 0, "é": 1}}\n'.encode()
    assert json.loads(config)["total"] == 2
    assert written(npz) == written(npz)


@pytest.mark.parametrize("format", FORMATS)
def test_no_words_are_a_file_too(tmp_path: Path, format: str) -> None:
    """A model that has learned nothing yet can be written in every format."""
    write(WordVectors([], np.zeros((0, 3)), []), tmp_path / "vectors", format)
    if format == "npz":
        with np.load(tmp_path / "vectors") as arrays:
            assert {name: array.shape for name, array in arrays.items()} == {
                "words": (0,), "vectors": (0, 3), "counts": (0,)
            }  # fmt: skip
    elif format == "safetensors":
        assert safetensors.numpy.load_file(tmp_path / "vectors")["vectors"].shape == (0, 3)
        assert json.loads((tmp_path / "vectors.vocab.json").read_text()) == {"tokens": {}}
    else:
        assert (tmp_path / "vectors").read_bytes() == (b"0 3\n" if format.startswith("word2vec") else b"")
