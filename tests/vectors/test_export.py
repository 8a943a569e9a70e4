"""Exports as files: whole or not at all, the same bytes each time, and where they may go."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from streamer.cli import export
from streamer.errors import ExitCode, StreamerError
from streamer.vectors import FORMATS, WordVectors, write, write_to

from ..checkpoints.test_publish import can_mount

ROOT = Path(__file__).parents[2]

# gensim reads a file without header twice and forgets to close it the second time.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*vectors:ResourceWarning")

STREAMS = ("word2vec", "word2vec-binary", "glove")


def test_safetensors_as_a_folder(awkward: WordVectors, tmp_path: Path) -> None:
    """What is called model.safetensors has the names beside it that such a folder has them by."""
    files = write(awkward, tmp_path / "model.safetensors", "safetensors")
    assert [path.name for path in files] == ["model.safetensors", "vocab.json", "config.json"]


def test_save_word2vec_format(awkward: WordVectors, tmp_path: Path) -> None:
    """The method of gensim's name writes the two formats of word2vec."""
    for binary, format in ((False, "word2vec"), (True, "word2vec-binary")):
        awkward.save_word2vec_format(tmp_path / "method", binary=binary)
        write(awkward, tmp_path / "function", format)
        assert (tmp_path / "method").read_bytes() == (tmp_path / "function").read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_same_bytes(awkward: WordVectors, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same vectors give the same files, whenever they are written; older ones are replaced, nothing is left."""
    ones = write(awkward, tmp_path / "one", format)
    monkeypatch.setattr("time.time", lambda: 2e9)
    for path in ones:
        (tmp_path / path.name.replace("one", "two")).write_text("something that was here before")
    twos = write(awkward, str(tmp_path / "two"), format)
    assert [path.name.replace("one", "two") for path in ones] == [path.name for path in twos]
    assert [path.read_bytes() for path in ones] == [path.read_bytes() for path in twos]
    assert sorted(tmp_path.iterdir()) == sorted(ones + twos)


def test_pipes(awkward: WordVectors, tmp_path: Path) -> None:
    """The formats of one file that is written from front to back can be written to any; the others say so."""
    for format in FORMATS:
        file = io.BytesIO()
        if format in STREAMS:
            write_to(awkward, file, format)
            write(awkward, tmp_path / format, format)
            assert file.getvalue() == (tmp_path / format).read_bytes()
        else:
            with pytest.raises(StreamerError, match=f"{format} cannot be written to a pipe"):
                write_to(awkward, file, format)
    assert export.STREAMS == STREAMS


def test_the_command_knows_the_formats() -> None:
    """The command's choices, which it lists without loading anything, are the formats there are."""
    assert export.FORMATS == FORMATS
    assert set(export.SUFFIXES.values()) < set(FORMATS)


def test_symbolic_link(awkward: WordVectors, tmp_path: Path) -> None:
    """A link stays a link."""
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write(awkward, tmp_path / "link", "npz")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").is_file()


def test_unknown_format(awkward: WordVectors, tmp_path: Path) -> None:
    """An unknown format is an error that names the known ones, and touches nothing."""
    with pytest.raises(StreamerError, match="'onnx' is not an export format") as caught:
        write(awkward, tmp_path / "vectors", "onnx")
    assert caught.value.code == ExitCode.USAGE
    assert all(format in str(caught.value) for format in FORMATS)
    with pytest.raises(StreamerError, match="topn must be at least 1"):
        write(awkward, tmp_path / "vectors", "npz", topn=0)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written(awkward: WordVectors, tmp_path: Path) -> None:
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
def test_full_disk(awkward: WordVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str) -> None:
    """A disk that fills up at the last moment leaves the files that were there, and no half of a new one."""

    def full(descriptor: int) -> NoReturn:
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


@pytest.mark.alone
@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    """On a real disk with too little room every format keeps what was there, all files of it."""
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=512k none disk && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", FILL]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n") == [*(f"{format} 74 True" for format in FORMATS), ""]
