"""Snapshots: what the words were at a moment, in a file that is never taken for another."""

from __future__ import annotations

import copy
import io
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import streamer
from streamer.checkpoints import Image, Store, decode, seal
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import Signature, Verdict
from streamer.settings import levels
from streamer.state import snapshots
from streamer.state.reading import read_past, read_state, verify
from streamer.state.snapshots import Moment, SnapshotFile, Snapshots, quantised, read_snapshot, read_snapshots
from streamer.state.tree_reader import TreeReader, grouped
from streamer.text.encoded import EncodedText
from streamer.training import Trainer

from ..support.states import SMALL, bits, texts

HOUR = 3600.0


def files(folder: Path) -> list[str]:
    """Return the names of the snapshots in a folder, without their digests."""
    return sorted(path.name.rpartition("-")[0] for path in (folder / "snapshots").glob("snapshot-*.h5"))


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of three checkpoints, and a snapshot before each, of the hours 1, 2 and 3 of 1970."""
    folder = tmp_path_factory.mktemp("learned")
    trainer = Trainer(**SMALL)
    for number in range(1, 4):
        trainer.partial_fit(texts(20, number)).snapshot(number * HOUR)
        trainer.partial_fit(texts(5, 10 + number)).save(folder)
    return folder


@pytest.fixture
def folder(learned: Path, tmp_path: Path) -> Path:
    """Return a copy of it that a test may damage."""
    return Path(shutil.copytree(learned, tmp_path / "copy"))


def test_a_step_is_a_127th_of_the_largest_number() -> None:
    """Each number is off by half a step at most; zeros stay zeros, and tiny rows are not lost."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(0, 1, (40_000, 7)).astype(np.float32) * np.float32(10.0) ** rng.integers(-30, 9, (40_000, 1))
    vectors = vectors.astype(np.float32)
    vectors[3] = 0
    vectors[4] = np.float32(1e-44)  # has few digits
    steps, scales = quantised(vectors)
    again = steps.astype(np.float32) * scales[:, None]
    assert steps.dtype == np.int8
    assert not again[3].any()
    assert (np.abs(steps).max(axis=1)[scales > 1e-40] == 127).all()
    normal = scales > 1e-30
    assert (np.abs(again - vectors) <= 0.501 * scales[:, None])[normal].all()


def test_what_was_known_is_answered(learned: Path) -> None:
    """Words, counts and sums are exact, vectors up to half a step; words that came later are not there."""
    past = read_past(learned)
    assert [moment.name for moment in past.moments] == [*(f"snapshot-{n}" for n in (1, 2, 3)), "checkpoint-0000000003"]
    assert [moment.date for moment in past.moments] == [HOUR, 2 * HOUR, 3 * HOUR, 3 * HOUR]
    trainer = Trainer(**SMALL).partial_fit(texts(20, 1))
    first, model = past.read(past.moments[0]), trainer.state.model
    assert first.words == model.vocabulary.words
    assert first.counts.tolist() == model.vocabulary.counts.tolist()
    assert first.squares.tobytes() == model.embeddings.input_squares.tobytes()
    assert np.abs(first.vectors() - model.embeddings.input).max() <= 0.51 * first.scales.max()
    assert first.vectors(np.array([2, 0])).tobytes() == first.vectors()[[2, 0]].tobytes()
    assert past.moments[0].words_seen == trainer.words_seen
    last = past.read(past.moments[-1])
    assert len(last.words) > len(first.words)
    assert np.abs(last.vectors() - read_state(learned).model.embeddings.input).max() <= 0.51 * last.scales.max()


def test_load_as_of(learned: Path) -> None:
    """Vectors of a moment, which they name; words are folded as the model folds them."""
    vectors = streamer.load(learned, as_of="snapshot-2")
    assert vectors.moment.name == "snapshot-2"
    assert vectors.folded("KING") == "king"
    now = streamer.load(learned, as_of="now")
    assert now.vectors.tobytes() == streamer.load(learned).vectors.tobytes(), "not in 8 bits"
    assert vectors.most_similar("king", topn=3) != now.most_similar("king", topn=3)
    with pytest.raises(ValueError, match="as_of"):
        streamer.load(learned, as_of="now", sequence=1)
    with pytest.raises(StreamerError, match="nothing is known of 1969"):
        streamer.load(learned, as_of="1969")


def test_how_many_files_had_a_word(tmp_path: Path) -> None:
    """They are in snapshots and in the newest moment; a snapshot of before does not know."""
    trainer = Trainer(**SMALL)
    for row, text in enumerate(texts(4)):
        trainer._schedule.train(EncodedText.of([text.split()]), row=row)
    for number in range(4):
        entry = trainer.state.ledger.plan(f"{number}", Verdict(Signature(9, 1, 1), bytes([number]) * 32, 9))
        assert entry is not None
        trainer.state.ledger.advance(entry, 9, 2)
        trainer.state.ledger.finish(entry)
    files = trainer.state.model.sources.files.tolist()
    assert max(files) == 4
    trainer.snapshot(HOUR)
    old = trainer.state.snapshots.files[0]
    assert old._content is not None
    content = dict(old._content)
    trainer.save(tmp_path)
    past = read_past(tmp_path)
    for moment in past.moments:
        found = past.read(moment).files
        assert found is not None
        assert found.tolist() == files
    del content["files"]
    old = SnapshotFile(past.moments[0], content)
    image = old.image()
    assert image is not None
    read = TreeReader(decode(io.BytesIO(b"".join(seal(image)))))
    assert snapshots._checked(read, past.moments[0], ValueError).files is None


def test_a_trainer_goes_on_as_if_there_were_none(learned: Path) -> None:
    """No snapshot changes what is learned."""
    trainer = Trainer(**SMALL)
    for number in range(1, 4):
        trainer.partial_fit(texts(20, number)).partial_fit(texts(5, 10 + number))
    with_some, without = bits(read_state(learned)), bits(trainer)
    assert {key for key, leaf in with_some.items() if leaf != without[key]} == {
        f"snapshots/{name}"
        for name in ("files", "number", "words_seen", "words_trained", "vocabulary", "date", "last", "clock")
    }


def test_a_word_takes_some_120_bytes(tmp_path: Path) -> None:
    """With the default dimensions, and words of nine letters."""
    vectors = np.random.default_rng(1).normal(0, 1, (20_000, 100)).astype(np.float32)
    words = [f"w{number:08}" for number in range(20_000)]
    counts, squares = np.full(20_000, 7), np.ones(20_000, np.float32)
    file = SnapshotFile.of(Moment("snapshot-1", 1, 9, 9, 20_000, 0.0), words, vectors, counts, squares)
    assert sum(len(piece) for piece in seal(file.image() or Image({}))) / 20_000 <= 130


def test_thinning_and_retiring(tmp_path: Path) -> None:
    """One that is not kept goes with the last checkpoint that lists it; what others put there stays."""
    trainer = Trainer(**SMALL).partial_fit(texts(20))
    (tmp_path / "snapshots").mkdir()
    (tmp_path / "snapshots" / "notes.h5").write_text("mine")
    for number in range(1, 5):
        moment = trainer.partial_fit(texts(2, number)).snapshot(number * 600.0, keep="24h")
        assert moment.name == f"snapshot-{number}"
        trainer.save(tmp_path, keep=2)
        assert files(tmp_path) == [f"snapshot-{n}" for n in (number - 1, number) if n], "two checkpoints list one each"
    assert (tmp_path / "snapshots" / "notes.h5").read_text() == "mine"
    assert [moment.number for moment in read_past(tmp_path).moments] == [4, 0]


def test_a_future_that_was_lost_is_not_known(folder: Path) -> None:
    """Without the newest checkpoint, its snapshot is not known any more, and another takes its number and place."""
    (folder / "checkpoint-0000000003.h5").unlink()
    assert [moment.number for moment in read_past(folder).moments] == [1, 2, 0]
    trainer = Trainer.resume(folder).partial_fit(texts(3, 99))
    assert trainer.snapshot(5 * HOUR).number == 3
    trainer.save(folder)
    known = read_past(folder).moments
    assert [moment.number for moment in known] == [1, 2, 3, 0]
    assert len(files(folder)) == 3, "the other third one is gone"
    assert read_past(folder).read(known[2]).moment.date == 5 * HOUR


def test_it_goes_along_to_another_folder(folder: Path, tmp_path: Path) -> None:
    """A trainer that saves elsewhere takes its snapshots with it; one that is lost is lost there too."""
    lost = next((folder / "snapshots").glob("snapshot-2-*"))
    lost.unlink()
    trainer = Trainer.resume(folder)
    trainer._state.number(0)
    trainer.save(tmp_path / "elsewhere")
    assert files(tmp_path / "elsewhere") == ["snapshot-1", "snapshot-3"]
    past = read_past(tmp_path / "elsewhere")
    assert past.read(past.moments[0]).words
    with pytest.raises(StreamerError, match=f"{lost.name} cannot be used: it is missing"):
        past.read(past.moments[1])


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda trainer: pickle.loads(pickle.dumps(trainer))])
def test_a_copy_has_those_that_wait(copied: Callable[[Trainer], Trainer], tmp_path: Path) -> None:
    """What was not written yet is in a copy of the trainer, and is written by each."""
    trainer = Trainer(**SMALL).partial_fit(texts(20))
    trainer.snapshot(HOUR)
    again = copied(trainer)
    assert bits(again) == bits(trainer)
    for number, one in enumerate((trainer, again)):
        one.save(tmp_path / str(number))
        assert files(tmp_path / str(number)) == ["snapshot-1"]


def test_one_that_is_there_is_not_written_again(folder: Path) -> None:
    """Nor read: a start does not read all snapshots."""
    there = list((folder / "snapshots").iterdir())
    for path in there:
        path.write_text("whoever reads this would write it again")
    Trainer.resume(folder).partial_fit(texts(2)).save(folder)
    assert {path.read_text() for path in there} == {"whoever reads this would write it again"}


def damaged(path: Path) -> None:
    """Flip a bit."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def foreign(path: Path) -> None:
    """Put another whole snapshot in its place."""
    shutil.copyfile(next(path.parent.glob("snapshot-1-*")), path)


def crafted(path: Path) -> None:
    """Write a file that is whole, and no snapshot."""
    path.write_bytes(b"".join(seal(Image({"format": "streamer snapshot", "snapshot_version": 1}))))


@pytest.mark.parametrize("harm", [damaged, foreign, crafted, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_wrong_file_is_named_and_never_answered_from(harm: Callable[[Path], object], folder: Path) -> None:
    """It ends with 65 and the name of the file; training, and all other moments, go on."""
    path = next((folder / "snapshots").glob("snapshot-2-*"))
    harm(path)
    with pytest.raises(StreamerError) as caught:
        streamer.load(folder, as_of="snapshot-2")
    assert caught.value.code == ExitCode.DAMAGED
    assert path.name in caught.value.problem
    assert "streamer snapshots" in caught.value.hint
    assert streamer.load(folder, as_of="snapshot-1").moment.number == 1
    verify(folder)
    Trainer.resume(folder).partial_fit(texts(2)).save(folder)


WRONG: dict[str, Any] = {
    "words": np.frombuffer(b"a\na\n", np.uint8),
    "counts": np.array([0, 1], np.uint32),
    "vectors": np.zeros((1, 3), np.int8),
    "scales": np.array([1.0, np.nan], np.float32),
    "squares": np.array([1.0, 0.0], np.float32),
    "words_seen": 8,
    "number": 2,
    "format": "streamer segment",
    "snapshot_version": 2,
}


@pytest.mark.parametrize("key", WRONG)
@pytest.mark.parametrize("how", ["wrong", "missing", "of another type"])
def test_what_is_in_it_is_checked(key: str, how: str, tmp_path: Path) -> None:
    """A digest says that a file is intact, not that it makes sense."""
    two = np.ones(2, np.float32)
    moment = Moment("snapshot-1", 1, 9, 8, 2, 0.0)
    whole = SnapshotFile.of(moment, ["a", "b"], np.ones((2, 3), np.float32), np.array([1, 2]), two)
    content = dict(whole._content or {})
    if how == "missing":
        del content[key]
    else:
        content[key] = WRONG[key] if how == "wrong" else np.zeros((2, 2, 2), np.float64)
    (tmp_path / "snapshots").mkdir()
    file = SnapshotFile(moment, content)
    (tmp_path / file.name()).write_bytes(b"".join(seal(Image(content))))
    with pytest.raises(StreamerError, match=r"snapshot-1-[0-9a-f]{64}\.h5 cannot be used") as caught:
        _ = read_snapshot(tmp_path, file.moment).words
    assert caught.value.code == ExitCode.DAMAGED


def of_one_word(moment: Moment) -> SnapshotFile:
    """Return a snapshot."""
    one = np.ones(1, np.float32)
    return SnapshotFile.of(moment, ["a"], np.ones((1, 2), np.float32), np.ones(1, np.int64), one)


LISTED: dict[str, Any] = {
    "files": np.frombuffer(b"snapshot-1-zz.h5\nsnapshot-2-zz.h5\n", np.uint8),
    "number": np.array([2, 1]),
    "words_seen": np.array([1]),
    "words_trained": np.array([-1, 1]),
    "vocabulary": np.array([1.0, 2.0]),
    "date": np.array([0.0, np.nan]),
    "last": 1,
    "clock": float("nan"),
}


@pytest.mark.parametrize("key", LISTED)
def test_the_list_is_checked(key: str) -> None:
    """A checkpoint whose list can't be one is damaged, and the key is named."""
    known = Snapshots()
    for number in (1, 2):
        known.add(of_one_word, Moment("", 0, number, number, 1, float(number)), [])
    leaves: dict[str, Any] = {**snapshots.leaves(known.files), "last": 2, "clock": 7.0}
    again = read_snapshots(TreeReader(grouped("snapshots", leaves)), None)
    assert [file.moment for file in again.files] == [file.moment for file in known.files]
    with pytest.raises(StreamerError, match="snapshots/") as caught:
        read_snapshots(TreeReader(grouped("snapshots", {**leaves, key: LISTED[key]})), None)
    assert caught.value.code == ExitCode.DAMAGED


def test_plain_h5py_reads_it(learned: Path) -> None:
    """As the page on the format says."""
    with h5py.File(next((learned / "snapshots").glob("snapshot-1-*"))) as file:
        words = file["words"][:].tobytes().decode().split()
        vectors = file["vectors"][:] * file["scales"][:][:, None]
        assert (len(words), file.attrs["number"]) == (len(vectors), 1)


def test_numbers_are_never_used_twice_on_one_line() -> None:
    """Thinning does not free the number of the newest."""
    known = Snapshots()
    for number in range(6):
        known.add(of_one_word, Moment("", 0, number, number, 1, number * 60.0), levels("24h"))
    assert [file.moment.name for file in known.files] == ["snapshot-6"]
    assert known.waiting == 1
    known.pass_time(50.0)
    known.pass_time(40.0)
    assert known.clock == 50.0


def test_a_file_gone_while_it_is_read_is_told(folder: Path) -> None:
    """The newest checkpoint may be replaced between two reads."""
    past = read_past(folder)
    for checkpoint in Store(folder).list():
        checkpoint.path.unlink()
    with pytest.raises(StreamerError, match="was removed before it was read") as caught:
        past.read(past.moments[-1])
    assert caught.value.code == ExitCode.NO_INPUT
