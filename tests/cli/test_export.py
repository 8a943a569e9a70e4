"""`export` as people run it: the name says the format, pipes, a bar on a terminal, what it says at the end."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

import streamer
from streamer.vectors import WordVectors, read_word2vec_format

from ..support.corpus import WORDS
from ..support.process import COMMAND, done, run, started, until
from ..support.terminal import CODES, terminal


@pytest.fixture(scope="module")
def vectors(undisturbed: Path) -> WordVectors:
    """Return what is to be exported."""
    return streamer.load(undisturbed / "checkpoints")


@pytest.mark.parametrize(
    ("name", "kind", "files"),
    [
        ("vectors.txt", "word2vec", []),
        ("vectors", "word2vec", []),
        ("vectors.bin", "word2vec-binary", []),
        ("vectors.glove", "glove", []),
        ("vectors.npz", "npz", []),
        ("vectors.tsv", "projector", ["vectors.metadata.tsv"]),
        ("vectors.safetensors", "safetensors", ["vectors.vocab.json", "vectors.config.json"]),
    ],
)
def test_the_name_says_the_format(
    undisturbed: Path, vectors: WordVectors, tmp_path: Path, name: str, kind: str, files: list[str]
) -> None:
    """Each suffix gives its format; a line says how many vectors were written, and all files with their sizes."""
    ended = done("export", tmp_path / name, folder=undisturbed)
    assert ended.stdout == ""
    assert {path.name for path in tmp_path.iterdir()} == {name, *files}
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"wrote {len(vectors):,} vectors as {kind}: {tmp_path / name} (")
    for other in files:
        assert re.search(rf"{re.escape(str(tmp_path / other))} \([\d,.]+ (bytes|MB)\)", line)
    done("export", tmp_path / "again", "--format", kind, folder=undisturbed)
    assert (tmp_path / "again").read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("kind", ["word2vec", "word2vec-binary", "glove"])
def test_standard_output(undisturbed: Path, tmp_path: Path, kind: str) -> None:
    """With - the same bytes go to standard output, and nothing but them."""
    path = tmp_path / "vectors"
    done("export", path, "--format", kind, "--topn", "50", folder=undisturbed)
    command = [*COMMAND, "export", "-", "--format", kind, "--topn", "50"]
    ended = subprocess.run(command, cwd=undisturbed, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, path.read_bytes(), b"")
    assert len(read_word2vec_format(path).words) == 50


def test_a_reader_that_has_had_enough(undisturbed: Path) -> None:
    """A pipe that is closed early, as `head` does, ends the command with 0 and no word."""
    command = [*COMMAND, "export", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=undisturbed, stdout=pipe, stderr=pipe, bufsize=0) as process:
        assert process.stdout and process.stderr
        process.stdout.read(1)
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (0, b"")


def test_standard_output_that_cannot_be_written(undisturbed: Path) -> None:
    """A full disk behind standard output is one line and 74; closed from the start, it is as good as /dev/null."""
    with Path("/dev/full").open("wb") as full:
        command = [*COMMAND, "export", "-"]
        ended = subprocess.run(command, cwd=undisturbed, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ended.returncode == 74
    assert "No space left" in ended.stderr and "Traceback" not in ended.stderr
    closed = " ".join([*COMMAND, "export", "-", ">&-"])
    ended = subprocess.run(["sh", "-c", closed], cwd=undisturbed, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["-", "--format", "npz"], "npz cannot be written to standard output"),
        (["-", "--format", "projector"], "projector cannot be written to standard output"),
        (["-", "--format", "safetensors"], "safetensors cannot be written to standard output"),
        (["vectors.txt", "--format", "onnx"], "'onnx' is not one of 'word2vec', 'word2vec-binary', 'glove'"),
        (["vectors.txt.gz"], "streamer export - --format word2vec |"),
        (["vectors.zst", "--format", "glove"], "streamer export - --format glove |"),
        (["vectors.txt", "--topn", "0"], "--topn"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage(tmp_path: Path, arguments: list[str], problem: str) -> None:
    """What cannot be done is said before any checkpoint is looked for, with 2."""
    ended = run("export", *arguments, folder=tmp_path)
    assert (ended.code, ended.stdout) == (2, "")
    assert problem in ended.stderr


def test_a_bar_on_a_terminal(undisturbed: Path, vectors: WordVectors, tmp_path: Path) -> None:
    """A terminal shows how many rows are written, and is clean afterwards; numbers on a terminal have no bar."""
    with terminal("export", str(tmp_path / "vectors.txt"), folder=undisturbed) as screen:
        assert screen.ended() == 0
    shown = CODES.sub("", screen.shown)
    assert f"{len(vectors)}/{len(vectors)} vectors" in shown
    assert shown.splitlines()[-1].strip().startswith("wrote ")
    with terminal("export", "-", "--topn", "3", folder=undisturbed) as screen:
        assert screen.ended() == 0
    assert [len(line.split()) for line in screen.shown.splitlines()] == [2, 17, 17, 17]


def test_more_than_the_projector_loads(tmp_path: Path) -> None:
    """Above 100,000 rows, which are all that the projector loads, a hint names --topn."""
    count = 100_001
    trainer = streamer.Trainer(vector_size=2, min_count=1, threads=1)
    trainer.state.model.vocabulary.observe([f"w{number}" for number in range(count)], np.ones(count, dtype=np.int64))
    trainer.state.model.embeddings.grow(count, np.random.default_rng(1))
    trainer.save(tmp_path / "checkpoints")
    assert "--topn 100000" in done("export", "vectors.tsv", folder=tmp_path).stderr
    assert "--topn" not in done("export", "vectors.tsv", "--topn", "100000", folder=tmp_path).stderr


def test_ended_in_the_middle(tmp_path: Path) -> None:
    """A signal that asks for the end takes away what is half-written, and leaves what was there."""
    words = [f"w{number}" for number in range(60_000)]
    known = WordVectors(words, np.random.default_rng(1).normal(size=(60_000, 100)), np.arange(60_000, 0, -1))
    streamer.Trainer().set_initial_vectors(known).save(tmp_path / "checkpoints")
    (tmp_path / "vectors.txt").write_text("kept")
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        with started("export", "vectors.txt", folder=tmp_path) as process:
            until(lambda: list(tmp_path.glob(".streamer-*.tmp")), "a file that is being written")
            process.send(number)
            assert process.ended().code == 128 + number
        assert not list(tmp_path.glob(".streamer-*"))
        assert (tmp_path / "vectors.txt").read_text() == "kept"


def test_npz(undisturbed: Path, tmp_path: Path) -> None:
    """The npz export has the three arrays, most frequent word first, or only so many of them."""
    done("export", tmp_path / "all.npz", folder=undisturbed)
    done("export", tmp_path / "few.npz", "--topn", "7", folder=undisturbed)
    with np.load(tmp_path / "all.npz") as arrays, np.load(tmp_path / "few.npz") as few:
        assert set(arrays) == {"words", "vectors", "counts"}
        assert [arrays[name].dtype.kind for name in ("words", "vectors", "counts")] == ["U", "f", "i"]
        assert [arrays[name].dtype.itemsize for name in ("vectors", "counts")] == [4, 8]
        assert arrays["vectors"].shape == (len(arrays["words"]), 16)
        assert (np.diff(arrays["counts"]) <= 0).all()
        assert arrays["words"][0] == WORDS[0]
        assert all((few[name] == arrays[name][:7]).all() for name in arrays)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.npz", "few.npz"]
