"""What `streamer.load` returns, of which checkpoint, and when it has something newer."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

import streamer
from streamer.checkpoints import Store, Tree
from streamer.errors import ExitCode, StreamerError
from streamer.state.reading import read_figures, read_history, read_ledger, read_state, read_words, verify
from streamer.training import Trainer

from ..support.states import SMALL, bits, texts

Read = Callable[[Any], object]
READERS: list[Read] = [streamer.load, Trainer.resume, read_ledger, read_state, read_words, read_history, read_figures]
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


@pytest.mark.parametrize("read", READERS)
def test_a_folder_without_checkpoints(tmp_path: Path, read: Read) -> None:
    """An empty folder, or none, is an error 66 that says how to begin."""
    for folder in (tmp_path, tmp_path / "none", str(tmp_path)):
        with pytest.raises(StreamerError) as caught:
            read(folder)
        assert caught.value.code == ExitCode.NO_INPUT


@pytest.mark.parametrize("read", READERS)
def test_a_folder_of_damaged_checkpoints(tmp_path: Path, read: Read) -> None:
    """Where checkpoints are but none is whole, it is an error 65; an older whole one is used instead."""
    trainer = Trainer(**SMALL).partial_fit(texts(5))
    trainer.save(tmp_path)
    newest = trainer.save(tmp_path).path
    newest.write_bytes(newest.read_bytes()[:-9])
    read(tmp_path)
    for checkpoint in Store(tmp_path).list():
        checkpoint.path.write_bytes(b"nothing")
    with pytest.raises(StreamerError) as caught:
        read(tmp_path)
    assert caught.value.code == ExitCode.DAMAGED


@pytest.mark.parametrize("read", READERS)
def test_a_whole_file_of_something_else(tmp_path: Path, read: Read) -> None:
    """A checkpoint of another program, or of another format of this one, is an error 65."""
    tree = Trainer(**SMALL).state.to_tree()
    changes: list[Tree] = [{"format": "cake"}, {"format_version": 99}]
    for number, change in enumerate(changes, 1):
        other: Tree = {**tree, **change}
        Store(tmp_path).save(other, number)
        with pytest.raises(StreamerError) as caught:
            read(tmp_path)
        assert caught.value.code == ExitCode.DAMAGED


def test_load_is_the_trainers_vectors(tmp_path: Path) -> None:
    """What others read from the folder is what the trainer has: words, counts, vectors, most frequent first."""
    trainer = Trainer(**SMALL).partial_fit(texts(10))
    trainer.save(tmp_path)
    loaded, vectors = streamer.load(tmp_path), trainer.vectors
    assert loaded.index_to_key == vectors.index_to_key
    np.testing.assert_array_equal(loaded.vectors, vectors.vectors)
    np.testing.assert_array_equal(loaded.counts, vectors.counts)
    assert loaded.counts.tolist() == sorted(loaded.counts.tolist(), reverse=True)
    assert "don't" in loaded
    number = trainer.state.model.vocabulary.index["king"]
    np.testing.assert_array_equal(loaded["king"], trainer.state.model.embeddings.input[number])
    with pytest.raises(ValueError, match="read-only"):
        loaded.vectors[0, 0] = 1


@pytest.fixture
def folder(trainer: streamer.Trainer, tmp_path: Path) -> Path:
    """Return a folder of the checkpoints 3, 4 and 5, each of which knows a word that those before it do not."""
    folder = tmp_path / "checkpoints"
    for number in range(1, 6):
        trainer.partial_fit([f"word{number}"]).save(folder, keep=3)
    return folder


def newest_word(vectors: streamer.WordVectors) -> str:
    """Return the last of the words that tell which checkpoint it is."""
    return max(word for word in vectors if word.startswith("word"))


def refusal(read: Callable[[], object]) -> StreamerError:
    """Return the error that must come."""
    with pytest.raises(StreamerError) as caught:
        read()
    return caught.value


@pytest.mark.parametrize("number", [3, 4, 5])
def test_one_of_a_number(folder: Path, number: int) -> None:
    """The checkpoint of that number, whatever came later, from a path or a string."""
    for given in (folder, str(folder)):
        vectors = streamer.load(given, sequence=number)
        assert newest_word(vectors) == f"word{number}"
        assert vectors.checkpoint.sequence == number
        assert vectors.checkpoint.path == folder / f"checkpoint-{number:010d}.h5"


@pytest.mark.parametrize("number", [0, 1, 2, 6, -1, 10**10])
def test_a_number_that_is_not_there(folder: Path, number: int) -> None:
    """It is an error 66 whose hint names the numbers that there are, and no other is taken for it."""
    error = refusal(lambda: streamer.load(folder, sequence=number))
    assert error.code == ExitCode.NO_INPUT
    assert [word.strip(",") for word in error.hint.split() if word.strip(",").isdecimal()] == ["3", "4", "5"]
    assert str(number) in error.problem


def test_a_number_where_there_is_nothing(tmp_path: Path) -> None:
    """In an empty folder, and in none, it is an error 66 with a hint of how to begin."""
    for place in (tmp_path, tmp_path / "none"):
        error = refusal(lambda place=place: streamer.load(place, sequence=3))  # type: ignore[misc]
        assert error.code == ExitCode.NO_INPUT
        assert "train" in error.hint


def test_a_damaged_one_of_a_number(folder: Path) -> None:
    """Who names a checkpoint wants that one: damaged, it is an error 65, and the others are as good as before."""
    path = folder / "checkpoint-0000000004.h5"
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(lambda: streamer.load(folder, sequence=4)).code == ExitCode.DAMAGED
    assert newest_word(streamer.load(folder, sequence=3)) == "word3"
    assert newest_word(streamer.load(folder)) == "word5"


def test_one_of_a_file(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read by its path, under whatever name, from wherever one is."""
    file = folder / "checkpoint-0000000004.h5"
    shutil.copy(file, tmp_path / "backup.h5")
    shutil.copy(file, tmp_path / "without a suffix")
    (tmp_path / "link.h5").symlink_to(file)
    monkeypatch.chdir(tmp_path)
    given: list[str | Path] = [file, str(file), "backup.h5", Path("backup.h5"), "./backup.h5", "without a suffix"]
    for path in [*given, "link.h5", "checkpoints/checkpoint-0000000004.h5", "checkpoints/../backup.h5"]:
        assert newest_word(streamer.load(path)) == "word4", path
    monkeypatch.chdir(folder)
    assert newest_word(streamer.load("checkpoint-0000000003.h5")) == "word3"
    assert newest_word(streamer.load("../backup.h5")) == "word4"


def test_a_file_says_where_it_is_from(folder: Path, tmp_path: Path) -> None:
    """Under a name of ours it has a number; under another it has none."""
    vectors = streamer.load(folder / "checkpoint-0000000004.h5")
    assert vectors.checkpoint == streamer.load(folder, sequence=4).checkpoint
    shutil.copy(vectors.checkpoint.path, tmp_path / "backup.h5")
    other = streamer.load(tmp_path / "backup.h5").checkpoint
    assert (other.name, other.sequence, other.path) == ("backup.h5", 0, tmp_path / "backup.h5")


def test_the_file_of_a_name_that_the_folder_has_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is relative to where one is, not to the folder that the file lies in."""
    (tmp_path / "checkpoints" / "checkpoints").mkdir()
    shutil.copy(folder / "checkpoint-0000000003.h5", folder / "checkpoints" / "checkpoint-0000000005.h5")
    monkeypatch.chdir(tmp_path)
    assert newest_word(streamer.load("checkpoints/checkpoint-0000000005.h5")) == "word5"


def test_a_file_goes_with_nothing_else(folder: Path) -> None:
    """A number, and vectors from before, choose among the checkpoints of a folder: with a file they are mistakes."""
    file, vectors = folder / "checkpoint-0000000004.h5", streamer.load(folder)
    mistakes: list[Callable[[], object]] = [
        lambda: streamer.load(file, sequence=4),
        lambda: streamer.load(str(file), newer_than=vectors),
        lambda: streamer.load(file, sequence=4, newer_than=vectors),
        lambda: streamer.load(folder, sequence=4, newer_than=vectors),
    ]
    for read in mistakes:
        with pytest.raises(ValueError, match="file"):
            read()


@pytest.mark.parametrize("name", ["none.h5", "checkpoints/checkpoint-0000000009.h5", "no/folder/x.h5"])
def test_a_file_that_is_not_there(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error 66 that names it, for the trainer too; a number with it is an error of the program's."""
    monkeypatch.chdir(folder.parent)
    readers: list[Read] = [streamer.load, Trainer.resume]
    for read in readers:
        error = refusal(lambda read=read: read(name))  # type: ignore[misc]
        assert error.code == ExitCode.NO_INPUT
        assert name in error.problem
    with pytest.raises(ValueError, match="sequence"):
        streamer.load(name, sequence=1)


def test_a_file_below_a_file_is_not_there(folder: Path) -> None:
    """What would lie in something that is no folder is an error 66."""
    error = refusal(lambda: streamer.load(folder / "checkpoint-0000000004.h5" / "x.h5"))
    assert error.code == ExitCode.NO_INPUT


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"x" * 10_000])
def test_a_file_that_is_no_checkpoint(tmp_path: Path, content: bytes) -> None:
    """It is an error 65 that names it; nothing is looked for beside it."""
    path = tmp_path / "notes.h5"
    path.write_bytes(content)
    for read in READERS:
        error = refusal(lambda read=read: read(path))  # type: ignore[misc]
        assert error.code == ExitCode.DAMAGED
        assert "notes.h5" in error.problem


@pytest.mark.parametrize("read", READERS)
def test_all_readers_take_a_file(folder: Path, tmp_path: Path, read: Read) -> None:
    """Whatever is read of a folder is read of a file too."""
    shutil.copy(folder / "checkpoint-0000000004.h5", tmp_path / "backup.h5")
    read(tmp_path / "backup.h5")


def test_a_trainer_resumes_from_a_file(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """It is the trainer that was saved there, with its number, under another name too, and learns on alike."""
    saved = [trainer.partial_fit([f"word{number}"]).save(tmp_path / "checkpoints").path for number in (1, 2)]
    copied = tmp_path / "backup.h5"
    shutil.copy(saved[1], copied)
    expected = bits(trainer.partial_fit(TEXTS))
    for path in (saved[1], copied, str(copied)):
        again = Trainer.resume(path, threads=1)
        assert again.sequence == 2
        assert bits(again.partial_fit(TEXTS)) == expected
    assert Trainer.resume(saved[0]).sequence == 1


def test_a_trainer_of_a_file_judges_its_settings(folder: Path) -> None:
    """Settings given with a file must agree with it, as with a folder: else it is an error 78."""
    file = folder / "checkpoint-0000000004.h5"
    assert Trainer.resume(file, vector_size=8).settings.vector_size == 8
    assert refusal(lambda: Trainer.resume(file, vector_size=9)).code == ExitCode.CONFIGURATION


def test_going_on_from_an_older_one_buries_nothing(folder: Path) -> None:
    """A trainer resumed from a file that is not the newest of the folder does not save over what came later: 78."""
    older = Trainer.resume(folder / "checkpoint-0000000004.h5", threads=1)
    assert refusal(lambda: older.save(folder)).code == ExitCode.CONFIGURATION
    assert Trainer.resume(folder / "checkpoint-0000000005.h5", threads=1).save(folder).sequence == 6


def test_a_checkpoint_restored_under_a_later_number(folder: Path) -> None:
    """Renamed to come last, an older one is the newest, and what is saved after it comes after it."""
    (folder / "checkpoint-0000000003.h5").rename(folder / "checkpoint-0000000009.h5")
    assert newest_word(streamer.load(folder)) == "word3"
    again = Trainer.resume(folder, threads=1)
    assert again.sequence == 9
    assert again.save(folder).sequence == 10


def test_what_is_read_while_the_newest_is_damaged(folder: Path) -> None:
    """An older one is used, and the log says so once for each that was passed over, unless it is to be silent."""
    newest = folder / "checkpoint-0000000005.h5"
    newest.write_bytes(newest.read_bytes()[:-1])
    for read, lines in (
        (lambda: streamer.load(folder), 1),
        (lambda: read_words(folder), 1),
        (lambda: read_words(folder, silent=True), 0),
    ):
        with capture_logs() as log:
            assert read() is not None
        assert [(line["event"], line["name"]) for line in log] == [("checkpoint.damaged", newest.name)] * lines


def test_figures_are_those_of_the_state(folder: Path) -> None:
    """What is said from outside about a checkpoint is what the whole of it says."""
    figures, state = read_figures(folder), read_state(folder)
    vocabulary = state.model.vocabulary
    assert figures.checkpoint == Store(folder).list()[0]
    assert (figures.settings, figures.words_seen) == (state.settings, state.words_seen)
    assert (figures.vocabulary, figures.candidates) == (len(vocabulary), len(vocabulary.candidates))
    assert (figures.words_trained, figures.history) == (state.model.words_trained, state.history)
    assert read_history(folder) == (state.history, state.scores, state.initial)


def test_verify_looks_at_every_part(folder: Path) -> None:
    """A file that is whole to the byte and makes no sense is found; one that makes sense is returned."""
    assert verify(folder).sequence == 5
    assert verify(folder, "checkpoint-0000000003.h5").sequence == 3
    checkpoint, tree = Store(folder).load(5)
    Store(folder).save({**tree, "noise/due": -1}, 6)
    assert streamer.load(folder).checkpoint.sequence == 6, "the vectors alone are well"
    assert refusal(lambda: verify(folder)).code == ExitCode.DAMAGED
    assert verify(folder, checkpoint) == checkpoint
    assert refusal(lambda: verify(folder, "none.h5")).code == ExitCode.NO_INPUT


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read(folder: Path) -> None:
    """It is an error 66: nothing is known of it, so it is not called damaged."""
    path = folder / "checkpoint-0000000004.h5"
    path.chmod(0)
    assert refusal(lambda: streamer.load(path)).code == ExitCode.NO_INPUT


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + ".h5"])
def test_a_name_that_cannot_be_looked_up(tmp_path: Path, read: Read, name: str) -> None:
    """Whatever the system says of a path, it is an error 66 with a hint, and never one of Python's."""
    error = refusal(lambda: read(tmp_path / name))
    assert (error.code, bool(error.hint)) == (ExitCode.NO_INPUT, True)


def test_numbers_of_other_types(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """NumPy's integers are numbers of checkpoints; strings and floats are not."""
    trainer.save(tmp_path)
    assert streamer.load(tmp_path, sequence=np.int64(1)).checkpoint.sequence == 1  # type: ignore[arg-type]
    for number in ("1", 1.0):
        with pytest.raises(TypeError):
            streamer.load(tmp_path, sequence=number)  # type: ignore[arg-type]
