"""`train --initial-vectors FILE`: a new model begins with published vectors, and goes on as any other."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import gensim
import numpy as np
import pytest

import streamer

from ..support.corpus import WORDS, large, put, text
from ..support.process import QUICK, done, run, started, until
from ..support.undisturbed import Result

SMALL = QUICK[2:]  # the file says how long vectors are


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of 16 numbers a word that gensim wrote: words of the corpus, one that never comes, a comma."""
    words = [*WORDS[:400], "Unheard", ","]
    keyed = gensim.models.KeyedVectors(16)
    keyed.add_vectors(words, np.random.default_rng(1).normal(size=(len(words), 16)).astype(np.float32))
    path = tmp_path_factory.mktemp("published") / "vectors.txt"
    keyed.save_word2vec_format(str(path))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a working folder with a text of several blocks."""
    put(tmp_path / "a.txt", large())
    return tmp_path


def test_it_begins_with_the_vectors(published: Path, tmp_path: Path) -> None:
    """A model that has seen no text yet has the words in the order of the file, with the very same vectors."""
    (tmp_path / "inbox").mkdir()
    ended = done("watch", "inbox", "--once", "--initial-vectors", published, *SMALL, folder=tmp_path)
    (line,) = ended.events("vectors.read")
    assert (line["words"], line["left_out"], line["vector_size"]) == (401, 1, 16)
    ours = streamer.load(tmp_path / "checkpoints")
    theirs = gensim.models.KeyedVectors.load_word2vec_format(str(published))
    assert ours.index_to_key == [word.lower() for word in theirs.index_to_key[:-1]]
    assert ours.vectors.tobytes() == theirs.vectors[:-1].tobytes()
    status = done("status", "--json", folder=tmp_path).json
    assert (status["vocabulary"], status["words_seen"], status["words_trained"]) == (401, 0, 0)


def test_it_learns_on(published: Path, folder: Path) -> None:
    """Text turns the vectors of its words, brings new ones, and leaves alone what it does not speak of."""
    done("train", "a.txt", "--initial-vectors", published, *SMALL, folder=folder)
    before = gensim.models.KeyedVectors.load_word2vec_format(str(published))
    after = streamer.load(folder / "checkpoints")
    assert after["unheard"].tobytes() == before["Unheard"].tobytes()
    assert not np.array_equal(after[WORDS[0]], before[WORDS[0]])
    assert WORDS[1000] in after and WORDS[1000] not in before
    assert done("status", "--json", folder=folder).json["words_seen"] == len(large().split())


def test_killed_and_started_again(published: Path, folder: Path) -> None:
    """The same command goes on from its checkpoint, and ends bit for bit as if it had never been killed."""
    command = ("train", "a.txt", "--initial-vectors", published, *SMALL, "--checkpoint-every", "0")
    done(*command, "--checkpoints", "whole", folder=folder)
    with started(*command, folder=folder) as trainer:
        trainer.event("checkpoint.saved")
        trainer.killed()
    assert not done(*command, folder=folder).events("vectors.read")
    assert Result.of(folder) == Result.of(folder, "whole")


def test_other_vectors_contradict_the_checkpoint(published: Path, folder: Path, tmp_path: Path) -> None:
    """A model that began with others, or with none, goes on without the option, and is refused with it."""
    other = put(tmp_path / "other.txt", "word " + "0.5 " * 16 + "\n")
    done("train", "a.txt", "--initial-vectors", published, *SMALL, folder=folder)
    refused = run("train", "a.txt", "--initial-vectors", other, *SMALL, folder=folder)
    assert refused.code == 78
    assert "which began with vectors from vectors.txt" in refused.stderr and "another --checkpoints" in refused.stderr
    (folder / "again").mkdir()
    same_name = put(folder / "again" / published.name, other.read_text())
    assert run("train", "a.txt", "--initial-vectors", same_name, *SMALL, folder=folder).code == 78
    put(folder / "b.txt", text(7, 9_000))
    done("train", "b.txt", *SMALL, folder=folder)
    done("train", "b.txt", *QUICK, "--checkpoints", "plain", folder=folder)
    refused = run("train", "b.txt", "--initial-vectors", other, *QUICK, "--checkpoints", "plain", folder=folder)
    assert refused.code == 78 and "which began without initial vectors" in refused.stderr


@pytest.mark.slow
def test_stopped_while_it_begins(published: Path, folder: Path) -> None:
    """A stop before the first block is as clean as any, with tests to score on too: exit 0, the vectors saved."""
    put(folder / "pairs.tsv", f"{WORDS[0]}\t{WORDS[1]}\t1\n")
    more = ("--initial-vectors", published, "--pairs", "pairs.tsv")
    armed = {"STREAMER_FAILPOINT": "service.started:stall"}
    with started("train", "a.txt", *more, *SMALL, folder=folder, environment=armed) as trainer:
        trainer.event("service.started")
        ended = trainer.stopped()
    assert ended.code == 0 and "Traceback" not in ended.stderr
    assert len(streamer.load(folder / "checkpoints")) == 401
    assert done("status", "--json", folder=folder).json["words_seen"] == 0


def test_stopped_while_it_reads(folder: Path) -> None:
    """A stop is heard in the middle of a large file of vectors: exit 0 at once, and nothing was begun."""
    row = " 0.25" * 100
    vectors = put(folder / "large.txt", "".join(f"w{number}{row}\n" for number in range(200_000)))
    with started("train", "a.txt", "--initial-vectors", vectors, "--threads", "1", folder=folder) as trainer:
        until(lambda: str(vectors) in _open_files(trainer.pid), "the file to be open")
        ended = trainer.stopped()
    assert ended.code == 0
    assert ended.stderr == "streamer: stopped before training began; nothing has changed\n"
    assert not list(folder.glob("checkpoints/*.h5"))


def _open_files(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return found


def test_a_pipe_is_no_file_of_vectors(folder: Path) -> None:
    """What can't be read twice is refused, and not waited for."""
    os.mkfifo(folder / "pipe")
    refused = run("train", "a.txt", "--initial-vectors", "pipe", *SMALL, folder=folder)
    assert refused.code == 66
    assert refused.stderr.startswith("streamer: cannot read pipe: not a regular file\n  hint: ")


@pytest.mark.parametrize(
    ("content", "options", "code", "said"),
    [
        (None, (), 66, "cannot read"),
        ("", (), 66, "vectors.txt"),
        ("word 1 2\nother 1 nan\n", (), 66, "vectors.txt"),
        ("word 1 2\nother 1 3\n", ("--vector-size", "100"), 78, "2 dimensions, the model has 100"),
        (", 1 2\n. 1 3\n", (), 78, "none of the initial vectors is of a word"),
        ("a 1 2\nb 1e20 3\n", (), 78, "the vector of 'b' is longer than 1000"),
        ("a 1 2\nb 3e38 3e38\n", (), 78, "the vector of 'b' is longer than 1000"),
        ("a 1 2\nb 1 3\n", ("--min-count", "9000000000000000000"), 78, "is too high for 2 initial vectors"),
    ],
)
def test_what_cannot_be_begun_with(
    folder: Path, content: str | None, options: tuple[str, ...], code: int, said: str
) -> None:
    """A file that is missing, no vectors, or of another size is told in a line; nothing is trained or saved."""
    if content is not None:
        put(folder / "vectors.txt", content)
    ended = run("train", "a.txt", "--initial-vectors", "vectors.txt", *options, *SMALL, folder=folder)
    assert ended.code == code
    assert said in ended.stderr
    assert not list(folder.glob("checkpoints/*.h5"))


def test_files_of_gensims_own(folder: Path) -> None:
    """They are pickles: a line says so, another how to convert it; that is done, and training begins."""
    keyed = gensim.models.KeyedVectors(16)
    keyed.add_vectors(WORDS[:100], np.random.default_rng(1).normal(size=(100, 16)).astype(np.float32))
    keyed.save(str(folder / "x.kv"))
    refused = run("train", "a.txt", "--initial-vectors", "x.kv", *SMALL, folder=folder)
    assert refused.code == 66
    way = 'KeyedVectors.load("x.kv").save_word2vec_format("x.txt")'
    assert refused.stderr == (
        "streamer: cannot read vectors from x.kv: it is a pickle of gensim's KeyedVectors\n"
        f"  hint: convert it with gensim: {way}\n"
    )
    asked = run("similar", WORDS[0], "--checkpoints", "x.kv", folder=folder)
    assert (asked.code, way in asked.stderr) == (66, True)
    with contextlib.chdir(folder):
        eval(way, vars(gensim.models))
    done("train", "a.txt", "--initial-vectors", "x.txt", *SMALL, folder=folder)
