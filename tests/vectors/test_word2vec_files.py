"""Vectors of others: what gensim, word2vec, GloVe and our own export write is read back, and nothing else is."""

from __future__ import annotations

import gzip
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import gensim
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamer.errors import ExitCode, StreamerError
from streamer.vectors import FileVectors, WordVectors, read_word2vec_format, write

ROOT = Path(__file__).parents[2]
# gensim opens a file that it is to append to, and leaves it to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


def keyed(words: list[str], matrix: np.ndarray) -> Any:
    """Return gensim's vectors of some words."""
    made = gensim.models.KeyedVectors(matrix.shape[1])
    made.add_vectors(words, matrix)
    return made


@pytest.fixture(scope="module")
def words() -> list[str]:
    """Return words in several scripts, some of which look like numbers."""
    return ["the", "naïve", "東京", "#", "3", "-1e5", "nan", "😀", "a\u00a0b", *(f"w{n}" for n in range(3000))]


@pytest.fixture(scope="module")
def matrix(words: list[str]) -> np.ndarray:
    """Return vectors, (V, 9), of floats that are hard to write."""
    bits = np.random.default_rng(1).integers(0, 2**32, size=(len(words), 9), dtype=np.uint32)
    floats = bits.view(np.float32)
    floats[~np.isfinite(floats)] = 1
    return floats


def same(found: FileVectors, words: list[str], matrix: np.ndarray) -> None:
    """Compare words and bits."""
    assert found.words == words
    assert found.vectors.tobytes() == matrix.tobytes()
    assert (found.vectors.dtype, found.vectors.shape) == (np.dtype(np.float32), matrix.shape)
    assert found.vectors.flags.writeable and found.vectors.flags.c_contiguous
    assert (found.duplicates, found.undecodable) == (0, 0)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("options", [{"binary": False}, {"binary": True}, {"write_header": False}], ids=str)
def test_what_gensim_writes(
    words: list[str], matrix: np.ndarray, tmp_path: Path, options: dict[str, Any], packed: bool
) -> None:
    """Text with and without header and binary are told apart by what is in them, and read back to the bit."""
    path = tmp_path / "vectors.dat"
    keyed(words, matrix).save_word2vec_format(str(path), **options)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    same(read_word2vec_format(path), words, matrix)
    same(read_word2vec_format(str(path), limit=5), words[:5], matrix[:5])
    same(read_word2vec_format(path, limit=10**6), words, matrix)


@pytest.mark.parametrize("format", ["word2vec", "word2vec-binary", "glove"])
def test_what_export_writes(words: list[str], matrix: np.ndarray, tmp_path: Path, format: str) -> None:
    """Our own exports come back to the bit, words with whitespace under the names they were given."""
    write(WordVectors(words, matrix, np.ones(len(words))), tmp_path / "vectors", format)
    same(read_word2vec_format(tmp_path / "vectors"), [word.replace("\u00a0", "_") for word in words], matrix)


def test_what_the_c_program_writes(words: list[str], matrix: np.ndarray, tmp_path: Path) -> None:
    """Each vector of its binary files ends with a line feed, each line of its text with a space."""
    rows = list(zip(words, matrix, strict=True))
    binary = b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in rows)
    (tmp_path / "binary").write_bytes(b"%d 9\n" % len(words) + binary)
    same(read_word2vec_format(tmp_path / "binary"), words, matrix)
    text = "".join(f"{word} {''.join(f'{number:.9g} ' for number in row)}\n" for word, row in rows)
    (tmp_path / "text").write_text(f"{len(words)} 9\n{text}", encoding="utf-8")
    same(read_word2vec_format(tmp_path / "text"), words, matrix)


def read(tmp_path: Path, data: bytes, **options: Any) -> FileVectors:
    """Read bytes as a file."""
    path = tmp_path / "vectors"
    path.write_bytes(data)
    return read_word2vec_format(path, **options)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"2 3\r\na 1 2 3\r\nb 4 5 6\r\n", ["a", "b"]),
        (b"\xef\xbb\xbf2 3\na 1 2 3\nb 4 5 6\n", ["a", "b"]),
        (b"\xef\xbb\xbfa 1 2 3\nb 4 5 6", ["a", "b"]),
        (b"\n\n2 3\n\na 1 2 3\n\n \nb 4 5 6\n\n", ["a", "b"]),
        (b"a 1 2 3\n. . . 4 5 6\n", ["a", ". . ."]),
        (b"2 3\nat x@y.org 1 2 3\nb 4 5 6\n", ["at x@y.org", "b"]),
        (b"a\t1\t2\t3\nb  4 5   6\n", ["a", "b"]),
        (b"2 3\na 1 2 3 \n 4 5 6\n", ["a", ""]),
        (b"2 3\na\0b 1 2 3\nb 4 5 6\n", ["a\0b", "b"]),
        (b"2 3 1 2 3\n", None),
        (b"7 1 2 3\n8 4 5 6\n", ["7", "8"]),
    ],
    ids=repr,
)
def test_text_of_many_kinds(tmp_path: Path, data: bytes, words: list[str] | None) -> None:
    """Line ends, byte-order marks, blank lines, tabs, words with spaces and words that are numbers."""
    if words is None:
        assert read(tmp_path, data).vectors.tolist() == [[3, 1, 2, 3]]
    else:
        same(read(tmp_path, data), words, np.arange(1, 7, dtype=np.float32).reshape(2, 3))


@pytest.mark.parametrize("binary", [False, True])
def test_rows_that_are_left_out(tmp_path: Path, binary: bool) -> None:
    """Of a word that comes twice the first row stays; words that are not UTF-8 are left out; both are counted."""
    words = [b"a", b"b", b"a", b"caf\xe9", b"c", b"b"]
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    if binary:
        data = b"".join(word + b" " + row.tobytes() for word, row in zip(words, rows, strict=True))
    else:
        data = b"".join(b"%s %d %d\n" % (word, *row) for word, row in zip(words, rows, strict=True))
    found = read(tmp_path, b"6 2\n" + data)
    assert (found.words, found.vectors.tolist()) == (["a", "b", "c"], rows[[0, 1, 4]].tolist())
    assert (found.duplicates, found.undecodable) == (2, 1)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "it is empty"),
        (b"\n \r\n", "it is empty"),
        (b"3 5\n", "ends within row 1 of 3"),
        (b"0 5\n", "it has no vectors"),
        (b"3 0\na\n", "vectors have 0 dimensions"),
        (b"1 999999999\na 1\n", "vectors have 999,999,999 dimensions"),
        (b"3 2\na 1 2\nb 3 4\n", "its header says 3 vectors, but it has 2"),
        (b"1 2\na 1 2\nb 3 4\n", "its header says 1 vectors, but it has more"),
        (b"2 2\na 1 2\nb 3\n", "line 3 has 1 numbers, not 2"),
        (b"a 1 2\nb 3\nc 4 5\n", "line 2 has 1 numbers, not 2"),
        (b"2 2\na 1 2 3\nb 3 4 5\n", "line 2 has more than 2 numbers"),
        (b"a 1 2\n\nb 3 nan\n", "line 3 has a number that is not finite"),
        (b"a 1 2\nb 3 1e39\n", "line 2 has a number that is not finite"),
        (b"a 1 2\nb 3 x\n", "line 2 is not a word and 2 numbers"),
        (b"a 1 2\nb 1_0 2\n", "line 2 is not a word and 2 numbers"),
        (b"once upon a time\n", "line 1 is not a word and 3 numbers"),
        (b"word\nword\n", "its lines are not words and numbers"),
        (b"caf\xe9 1 2\n", "it has no vectors"),
        (b"2 1\na \0\0\xc0\x7fb \0\0\x80\x3f", "row 1 has a number that is not finite"),
        (b"3 1\na \0\0\x80\x3fb \0\0\x80\x3f", "ends within row 3 of 3"),
        (b"1 1\na \0\0\x80\x3fb \0\0\x80\x3f", "says 1 vectors, but it has more"),
        (b"9 1\n" + bytes(100_000), "row 1 has no word"),
        (b"a 1" * 2_000_000, "vectors have 349,525 dimensions"),
        (b"2 1\na 1\n" + b"b" * 6_000_000, "it has a line of more than"),
        (b"\x1f\x8b\x08rubbish", "its gzip stream is damaged"),
        (gzip.compress(b"a 1 2\n" * 99, mtime=0)[:-9], "its gzip stream is damaged"),
        (b"\x89HDF\r\n\x1a\n" + bytes(range(256)), "is not a word and|are not words and"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)
def test_what_is_no_such_file(tmp_path: Path, data: bytes, problem: str) -> None:
    """Whatever is wrong is one line that names the file and the place, with exit code 66."""
    with pytest.raises(StreamerError, match=f"cannot read vectors from .*vectors: .*({problem})") as caught:
        read(tmp_path, data)
    assert caught.value.code == ExitCode.NO_INPUT


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """No file, a folder, and a limit of nothing."""
    for path in ("missing", ""):
        with pytest.raises(StreamerError, match=r"No such file|Is a directory") as caught:
            read_word2vec_format(tmp_path / path)
        assert caught.value.code == ExitCode.NO_INPUT
    with pytest.raises(StreamerError, match="limit must be at least 1"):
        read_word2vec_format(tmp_path / "missing", limit=0)


def test_cut_anywhere(tmp_path: Path) -> None:
    """A file that lacks its end is an error, at whatever byte it was cut, but within the last number of a text."""
    made = keyed(["ab", "c", "déf"], np.arange(12, dtype=np.float32).reshape(3, 4))
    for options in ({"binary": True}, {"binary": False}):
        made.save_word2vec_format(str(tmp_path / "whole"), **options)
        data = (tmp_path / "whole").read_bytes()
        for length in range(len(data) if options["binary"] else data.rindex(b" ") + 1):
            with pytest.raises(StreamerError):
                read(tmp_path, data[:length])


def test_told_what_it_is(tmp_path: Path) -> None:
    """Who knows better says so: float32s can look like text."""
    data = b"1 1\na 0.50"
    assert read(tmp_path, data).vectors.tolist() == [[0.5]]
    assert read(tmp_path, data, binary=True).vectors.tobytes() == b"0.50"
    with pytest.raises(StreamerError, match="does not begin with"):
        read(tmp_path, b"a 1 2\n", binary=True)


PIECES = st.sampled_from(
    [
        b" ",
        b"\n",
        b"\r\n",
        b"\t",
        b"\0",
        b"1",
        b"2 2\n",
        b"-1e5",
        b".5",
        b"nan",
        b"a",
        "é".encode(),
        b"\xff",
        b"word 1 2\n",
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=80), st.lists(PIECES, max_size=30).map(b"".join)), packed=st.booleans())
def test_any_bytes(tmp_path: Path, data: bytes, packed: bool) -> None:
    """Any bytes are read as finite vectors of as many words, or are an error of ours."""
    for binary in (None, False, True):
        try:
            found = read(tmp_path, gzip.compress(data) if packed else data, binary=binary)
        except StreamerError as error:
            assert error.code == ExitCode.NO_INPUT
        else:
            assert len(set(found.words)) == len(found.words) == len(found.vectors) > 0
            assert np.isfinite(found.vectors).all()


@pytest.mark.parametrize("data", [b"99999999 100\na 1 2\n", b"3000000 300\na " + bytes(range(250)), b"9 99999\n"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_header_that_claims_gigabytes(tmp_path: Path, data: bytes, packed: bool) -> None:
    """What a header claims takes no memory."""
    tracemalloc.start()
    with pytest.raises(StreamerError):
        read(tmp_path, gzip.compress(data) if packed else data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.slow
def test_memory(tmp_path: Path) -> None:
    """Reading 160 MB of vectors takes little more than these, with or without a header."""
    matrix = np.random.default_rng(1).normal(size=(100_000, 400)).astype(np.float32)
    made = WordVectors([f"w{n}" for n in range(len(matrix))], matrix, np.ones(len(matrix)))
    write(made, tmp_path / "binary", "word2vec-binary")
    write(made, tmp_path / "glove", "glove", topn=40_000)
    code = (
        "import resource, sys; from streamer.vectors import read_word2vec_format as read\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = peak(); found = read(sys.argv[1]); print((peak() - before) / found.vectors.nbytes)"
    )
    for name in ("binary", "glove"):
        ended = subprocess.run(
            [sys.executable, "-c", code, tmp_path / name], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert float(ended.stdout) < 1.6, name


def test_a_pipe(tmp_path: Path, words: list[str], matrix: np.ndarray) -> None:
    """What comes through a pipe, whose length nobody knows, is read as well."""
    keyed(words, matrix).save_word2vec_format(str(tmp_path / "vectors"), binary=True)
    code = (
        "from streamer.vectors import read_word2vec_format as read; print(read('/dev/stdin').vectors.tobytes().hex())"
    )
    with (tmp_path / "vectors").open("rb") as file:
        cat = subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE)
        ended = subprocess.run([sys.executable, "-c", code], stdin=cat.stdout, capture_output=True, text=True, cwd=ROOT)
        cat.communicate()
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [matrix.tobytes().hex()]


@pytest.mark.parametrize("binary", [False, True])
def test_word_vectors_of_a_file(vectors: WordVectors, tmp_path: Path, binary: bool) -> None:
    """What one WordVectors wrote another reads: words in order, the same bits; counts fall by one, as in gensim."""
    vectors.save_word2vec_format(tmp_path / "file", binary=binary)
    again = WordVectors.load_word2vec_format(tmp_path / "file")
    theirs = gensim.models.KeyedVectors.load_word2vec_format(str(tmp_path / "file"), binary=binary)
    assert again.index_to_key == vectors.index_to_key == theirs.index_to_key
    assert again.vectors.tobytes() == vectors.vectors.tobytes()
    assert again.counts.tolist() == list(range(len(vectors), 0, -1))
    assert len(WordVectors.load_word2vec_format(tmp_path / "file", limit=3)) == 3
