"""Cold words in files: never a wrong row, whatever is in the file, and always its name."""

from __future__ import annotations

import gc
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamer
from streamer.checkpoints import Image, seal
from streamer.errors import ExitCode, StreamerError
from streamer.model.cold import Batch, Cold, Gathered, Rows, merged
from streamer.settings import ModelSettings
from streamer.state import State
from streamer.state import segments as segments_module
from streamer.state.reading import read_cold, read_state, verify
from streamer.state.segments import Segment
from streamer.training import Trainer

from ..support.states import bits

BOUNDED: dict[str, Any] = {"vector_size": 8, "min_count": 2, "max_vocabulary": 1_000, "threads": 1}


def words_of(number: int) -> list[str]:
    """Return a text of 400 words, each three times; those of every sixth text are the same."""
    return [f"w{number % 6}x{word % 400}" for word in range(1_200)]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of checkpoints of a model whose words leave and come back."""
    folder = tmp_path_factory.mktemp("learned")
    trainer = Trainer(**BOUNDED)
    for number in range(13):
        trainer.partial_fit([words_of(number)]).save(folder)
    cold = trainer.state.model.cold
    assert len(cold.segments) > 1 and cold.recent and cold.returned > 1_000
    return folder


@pytest.fixture
def folder(learned: Path, tmp_path: Path) -> Path:
    """Return a copy of it that a test may damage."""
    return Path(shutil.copytree(learned, tmp_path / "copy"))


def segments(folder: Path) -> list[Path]:
    """Return the segments in a folder."""
    return sorted(folder.glob("cold-*.h5"))


def test_a_model_goes_on_as_if_it_had_never_stopped(folder: Path) -> None:
    """All of its state is the same, segments and all, and that of a copy that was pickled knows all words too."""
    straight = Trainer(**BOUNDED)
    for number in range(13):
        straight.partial_fit([words_of(number)])
    resumed = Trainer.resume(folder, threads=1)
    for number in range(13, 17):
        straight.partial_fit([words_of(number)])
        resumed.partial_fit([words_of(number)])
    assert bits(resumed) == bits(straight)
    kept = State.from_tree(resumed.state.to_tree()).model.cold
    assert (kept.words, kept.seen, kept.left) == (resumed.state.model.cold.words, *straight_sums(straight))


def straight_sums(trainer: Trainer) -> tuple[int, int]:
    """Return the sums of a trainer's cold words."""
    return trainer.state.model.cold.seen, trainer.state.model.cold.left


def test_memory_is_let_go(folder: Path) -> None:
    """After a save, the rows of segments are those of their files."""
    trainer = Trainer.resume(folder, threads=1)
    trainer.partial_fit([words_of(13)]).save(folder)
    found, _ = trainer.state.model.cold.batches()
    assert found and all(batch.mapped for batch in found)
    assert all(not batch.rows.array.flags.owndata and not batch.rows.array.flags.writeable for batch in found)


def test_all_words_are_answered(folder: Path) -> None:
    """Those of the vocabulary and those that left, each once, each with all that it was seen."""
    trainer = Trainer.resume(folder, threads=1)
    model = trainer.state.model
    everything, now = streamer.load(folder, cold=True), streamer.load(folder)
    assert set(everything) - set(now) == {f"w{n}x{word}" for n in range(6) for word in range(400)} - set(now)
    assert len(everything) == len(now) + model.cold.words
    assert everything.counts.sum() == model.vocabulary.counts.sum() + model.cold.seen
    assert all((everything[word] == now[word]).all() for word in now)
    left = [word for word in everything if word not in now]
    positions, rows = read_cold(folder).find(["never", *left])
    assert rows is not None and positions.tolist() == list(range(1, len(left) + 1))
    assert (rows.array[:, 0] == everything[left]).all()


def test_another_folder_gets_its_segments_too(folder: Path, tmp_path: Path) -> None:
    """A trainer that is saved elsewhere can be resumed from there, without the first folder."""
    trainer = Trainer.resume(folder, threads=1)
    before = bits(trainer)
    trainer.save(tmp_path / "elsewhere")
    needed = {batch.digest for batch in trainer.state.model.cold.segments}
    shutil.rmtree(folder)
    assert {path.name[5:-3] for path in segments(tmp_path / "elsewhere")} == needed
    assert bits(Trainer.resume(tmp_path / "elsewhere", threads=1)) == before


def gone(path: Path) -> None:
    """Remove a file."""
    path.unlink()


def cut(path: Path) -> None:
    """Cut a file short."""
    path.write_bytes(path.read_bytes()[:-1000])


def flipped(path: Path) -> None:
    """Change one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))


def swapped(path: Path) -> None:
    """Put another segment in the place of one."""
    other = next(other for other in segments(path.parent) if other != path)
    path.write_bytes(other.read_bytes())


def is_a_checkpoint(path: Path) -> None:
    """Put a checkpoint in the place of a segment."""
    shutil.copyfile(next(path.parent.glob("checkpoint-*.h5")), path)


def a_folder(path: Path) -> None:
    """Put a folder in the place of a segment."""
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [gone, cut, flipped, swapped, is_a_checkpoint, a_folder])
def test_a_damaged_segment_is_named(folder: Path, damage: Callable[[Path], None]) -> None:
    """Whoever needs its rows ends with 65 and its name; vectors are loaded without it, and nothing is removed."""
    trainer = Trainer.resume(folder, threads=1)
    path = folder / f"cold-{trainer.state.model.cold.segments[0].digest}.h5"
    damage(path)
    for read in (read_state, verify, read_cold, lambda folder: streamer.load(folder, cold=True)):
        with pytest.raises(StreamerError) as caught:
            read(folder)
        assert caught.value.code == ExitCode.DAMAGED and path.name in str(caught.value)
    assert len(streamer.load(folder)) <= 1_000


def crafted(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Put a segment with a right digest and wrong content into a folder; return it."""
    rows = Rows(np.array([3, 4]), np.ones((2, 2, 8), np.float32), np.ones((2, 2), np.float32))
    image = Segment(Batch.of(["one", "two"], rows)).image()
    content = dict(image._tree)
    change(content)
    data = b"".join(seal(Image(content)))
    path = folder / f"cold-{data[-32:].hex()}.h5"
    path.write_bytes(data)
    return path


HOSTILE: dict[str, Callable[[dict[str, Any]], None]] = {
    "another format": lambda tree: tree.update(format="streamer checkpoint"),
    "a newer version": lambda tree: tree.update(segment_version=2),
    "no vectors": lambda tree: tree.pop("vectors"),
    "other dimensions": lambda tree: tree.update(vectors=np.ones((2, 2, 11), np.float32)),
    "no numbers": lambda tree: tree.update(vectors=np.full((2, 2, 8), np.nan, np.float32)),
    "squares of zero": lambda tree: tree.update(squares=np.zeros((2, 2), np.float32)),
    "counts below one": lambda tree: tree.update(counts=np.array([3, 0])),
    "hashes out of order": lambda tree: tree.update(hashes=tree["hashes"][::-1].copy()),
    "a word too few": lambda tree: tree.update(words=np.frombuffer(b"one\n", np.uint8)),
    "an empty word": lambda tree: tree.update(ends=np.array([0, 7, 8])),
    "a word with a line end": lambda tree: tree.update(words=np.frombuffer(b"o\ne\ntwo\n", np.uint8)),
    "no last line end": lambda tree: tree.update(words=np.frombuffer(b"one\ntwo\nx", np.uint8)),
    "ends elsewhere": lambda tree: tree.update(ends=np.array([0, 3, 8])),
    "ends that begin late": lambda tree: tree.update(ends=np.array([1, 4, 8])),
    "an end too few": lambda tree: tree.update(ends=np.array([0, 8])),
    "no words": lambda tree: tree.update(
        {name: leaf[: name == "ends"] for name, leaf in tree.items() if isinstance(leaf, np.ndarray)}
    ),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_digest_proves_nothing(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Content that can't be a segment of this model is refused by name, though its digest is right."""
    path = crafted(tmp_path, change)
    state = State.new(ModelSettings(**{name: value for name, value in BOUNDED.items() if name != "threads"}))
    tree = {**state.to_tree(), "cold/segments": np.frombuffer(f"{path.name[5:-3]}\n".encode(), np.uint8)}
    with pytest.raises(StreamerError) as caught:
        State.from_tree(tree, folder=tmp_path)
    assert caught.value.code == ExitCode.DAMAGED and path.name in str(caught.value)
    fine = crafted(tmp_path, lambda tree: None)
    tree = {**state.to_tree(), "cold/segments": np.frombuffer(f"{fine.name[5:-3]}\n".encode(), np.uint8)}
    with pytest.raises(StreamerError, match="its segments are not in it"):
        State.from_tree(dict(tree))
    assert len(State.from_tree(tree, folder=tmp_path).model.cold.segments) == 1


def test_a_name_that_is_no_digest(tmp_path: Path) -> None:
    """It leads to no file: a checkpoint that has one is damaged."""
    tree = State.new(ModelSettings(vector_size=8)).to_tree()
    tree["cold/segments"] = np.frombuffer(b"../../x\n", np.uint8)
    with pytest.raises(StreamerError, match="cold/segments has something else than digests"):
        State.from_tree(tree, folder=tmp_path)


def test_a_trainer_is_copied_at_any_time() -> None:
    """Pickled after each text, through merges, it knows the same words and goes on with the same bits."""
    trainer = Trainer(**BOUNDED)
    for number in range(24):
        trainer.partial_fit([words_of(number)])
        again = pickle.loads(pickle.dumps(trainer))
        one, other = trainer.state.model.cold, again.state.model.cold
        assert (one.words, one.seen, one.left) == (other.words, other.seen, other.left)
    assert len(trainer.state.model.cold.segments) > 1
    for number in range(24, 27):
        first, second = (each.partial_fit([words_of(number)]).vectors for each in (trainer, again))
        assert (first.vectors == second.vectors).all() and first.index_to_key == second.index_to_key


@pytest.mark.parametrize(("first", "then"), [(1_000, 3), (500, 999), (999, 1_000), (1_000, 1_001)])
def test_words_leave_before_the_noise_is_built_again(first: int, then: int, tmp_path: Path) -> None:
    """However few words came in between, also if all that were there leave: what is saved can be resumed from."""
    settings = {**BOUNDED, "min_count": 1}
    straight, trainer = Trainer(**settings), Trainer(**settings)
    texts = [[f"a{number}" for number in range(first)], [f"b{number}" for number in range(then)] * 2]
    for text in [*texts, texts[0], texts[1]]:
        straight.partial_fit([text])
        trainer.partial_fit([text]).save(tmp_path)
        trainer = Trainer.resume(tmp_path, threads=1)
        assert len(trainer.state.model.noise.counts)
    assert trainer.state.model.cold.left and bits(trainer) == bits(straight)


def test_a_lower_bound_on_resume(folder: Path, tmp_path: Path) -> None:
    """A model without a bound takes one, and a lower one still; words leave with the next text, however short."""
    trainer = Trainer(**{**BOUNDED, "max_vocabulary": 0})
    trainer.partial_fit([words_of(number) for number in range(6)]).save(tmp_path / "free")
    bound = Trainer.resume(tmp_path / "free", max_vocabulary=2_000, threads=1).partial_fit([["new", "new"]])
    assert len(bound.vectors) == 1_875
    bound.save(tmp_path / "free")
    lower = Trainer.resume(tmp_path / "free", max_vocabulary=1_000, threads=1).partial_fit([["newer", "newer"]])
    lower.save(tmp_path / "free")
    again = Trainer.resume(tmp_path / "free", threads=1)
    assert len(again.vectors) == 938 and bits(again) == bits(lower)


def test_loading_again_only_what_was_asked_for(folder: Path) -> None:
    """Vectors with cold words are not those without, though they are of one checkpoint."""
    plain, everything = streamer.load(folder), streamer.load(folder, cold=True)
    assert streamer.load(folder, newer_than=plain) is plain
    assert streamer.load(folder, newer_than=everything, cold=True) is everything
    assert len(streamer.load(folder, newer_than=plain, cold=True)) == len(everything) > len(plain)
    assert len(streamer.load(folder, newer_than=everything)) == len(plain)


def test_a_checkpoint_that_is_retired_while_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If its segments go with it, the newer one is read."""
    trainer = Trainer.resume(folder, threads=1)
    for number in range(13, 30):
        trainer.partial_fit([words_of(number)])
    whole, turns = segments_module.read_file, [None]

    def overtaken(*arguments: Any) -> Batch:
        if turns:
            turns.pop()
            trainer.save(folder, keep=1)
        return whole(*arguments)

    monkeypatch.setattr(segments_module, "read_file", overtaken)
    assert read_cold(folder).left == trainer.state.model.cold.left
    assert not turns


def test_files_are_let_go(folder: Path) -> None:
    """A segment that is not used any more holds no descriptor and no map, without waiting for a collection."""
    gc.disable()
    try:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(5):
            streamer.load(folder, cold=True)
            Trainer.resume(folder, threads=1)
        assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2
    finally:
        gc.enable()


def test_a_name_tells_what_is_in_it(tmp_path: Path) -> None:
    """The digits are the SHA-256 of the HDF5 part, so the same words have the same name in every process."""
    rows = Rows(np.array([3]), np.ones((1, 2, 4), np.float32), np.ones((1, 2), np.float32))
    one, other = (Segment(Batch.of(["word"], rows)) for _ in range(2))
    assert one.name() == other.name()
    data = b"".join(seal(one.image()))
    assert one.name() == f"cold-{data[-32:].hex()}.h5"


def of_files() -> int:
    """Return the bytes of files that are in the memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssFile")).split()[1]) * 1024


def test_what_was_read_of_a_segment_does_not_stay_in_memory(tmp_path: Path) -> None:
    """Not after it was checked, nor after a look, nor after a merge. Its arrays are used where they are."""
    words = [f"w{number}" for number in range(40_000)]
    vectors = np.random.default_rng(1).random((len(words), 2, 100), np.float32)
    rows = Rows(np.ones(len(words), np.int64), vectors, np.ones((len(words), 2), np.float32))
    segment = Segment(Batch.of(words, rows))
    (tmp_path / segment.name()).write_bytes(b"".join(seal(segment.image())))
    size, digest, before = vectors.nbytes, segment.name()[5:-3], of_files()
    batch = segments_module.read_file(tmp_path, digest, 100)
    assert batch.rows.array.flags.aligned and batch.hashes.flags.aligned
    assert of_files() - before < size // 8
    cold = Cold()
    cold.restore([batch], [], len(words), len(words), len(words), 0)
    positions, found = cold.find(words[::2])
    assert found is not None and len(positions) == 20_000
    assert np.array_equal(found.array, vectors[::2])
    assert of_files() - before < size // 8
    merging = merged([batch, Batch.of(["a"], found.take(np.zeros(1, np.int64)))]).rows.vectors
    assert isinstance(merging, Gathered)
    assert sum(len(piece) for piece in merging.pieces()) == len(words) + 1
    assert of_files() - before < size // 8
