"""The Python API: learning from texts, and a state that survives being stored, at any moment, to the bit."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamer
from streamer.checkpoints import Store
from streamer.errors import ExitCode, StreamerError
from streamer.model.learner import BlockReport
from streamer.model.sgns import Loss
from streamer.settings import ModelSettings
from streamer.state import Score, State
from streamer.system import disk
from streamer.text.encoded import EncodedText
from streamer.training import trainer as module
from streamer.training.trainer import Trainer

from ..support.states import SMALL, at_work, bits, block, copied, texts
from ..support.texts import encode
from ..support.training import train_text


def words_of(trainer: Trainer) -> set[str]:
    """Return the words that have vectors."""
    return set(trainer.vectors.index_to_key)


def test_any_iterable_of_texts_will_do() -> None:
    """A list, a tuple, a generator and another iterator teach the same, and the trainer returns itself."""
    given = texts(20)

    def generator() -> Iterator[str]:
        yield from given

    found = []
    for iterable in (given, tuple(given), generator(), iter(given)):
        trainer = Trainer(**SMALL)
        assert trainer.partial_fit(iterable) is trainer
        found.append(bits(trainer))
    assert found[0] == found[1] == found[2] == found[3]
    assert "king" in words_of(trainer)


def test_a_string_is_no_iterable_of_texts() -> None:
    """One string is refused with a hint instead of being learnt letter by letter, and changes nothing."""
    trainer = Trainer(**SMALL)
    before = bits(trainer)
    with pytest.raises(TypeError, match=r"\[text\]"):
        trainer.partial_fit("the king sat in a castle")
    assert bits(trainer) == before


def test_no_texts_change_nothing() -> None:
    """Nothing in, nothing done; empty texts are fine too."""
    trainer = Trainer(**SMALL)
    before = bits(trainer)
    trainer.partial_fit([])
    assert bits(trainer) == before
    trainer.partial_fit(["", "", " \n"])
    assert len(trainer.vectors) == 0


def contexts(monkeypatch: pytest.MonkeyPatch, given: list[str], **settings: Any) -> list[list[tuple[str, ...]]]:
    """Return the contexts that partial_fit makes of some texts, block by block, as the learner is handed them."""
    seen = []
    trainer = Trainer(**{**SMALL, **settings})
    cut = trainer._tokenizer.encode

    def spy(text: str) -> EncodedText:
        encoded = cut(text)
        seen.append([tuple(words) for words in encoded.contexts()])
        return encoded

    monkeypatch.setattr(trainer._tokenizer, "encode", spy)
    trainer.partial_fit(given)
    return seen


@pytest.mark.parametrize(
    ("boundary", "expected"),
    [
        ("paragraph", [("a", "b", "c"), ("d",), ("e", "f")]),
        ("line", [("a", "b"), ("c",), ("d",), ("e", "f")]),
        ("file", [("a", "b", "c", "d"), ("e", "f")]),
    ],
)
def test_each_text_is_a_context_of_its_own(
    monkeypatch: pytest.MonkeyPatch, boundary: str, expected: list[tuple[str, ...]]
) -> None:
    """Short texts share a block but never a context; within one, the boundary says where contexts end."""
    assert contexts(monkeypatch, ["a b\nc\n\nd", "", "e f"], boundary=boundary) == [expected]


def test_the_boundary_reaches_the_gradients() -> None:
    """Words on both sides of a line end learn from one another only where contexts are longer than lines."""
    found = {}
    for boundary in ("file", "line"):
        trainer = Trainer(**{**SMALL, "min_count": 1, "sample": 0.0}, boundary=boundary)
        trainer.partial_fit(["alone\nalone\n" * 40])
        found[boundary] = trainer.state.model.embeddings.output[0].any()
    assert found == {"file": True, "line": False}


def test_long_texts_are_cut_at_white_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks are of bounded size, and no word is lost, doubled or torn, whatever the texts' lengths."""
    monkeypatch.setattr(module, "BLOCK_CHARACTERS", 1000)
    rng = random.Random(3)
    sizes = [rng.choice([1, 50, 130, 1000]) for _ in range(40)]
    given = [" ".join(f"t{text}w{rng.randrange(10**6)}" for _ in range(size)) for text, size in enumerate(sizes)]
    seen = contexts(monkeypatch, given)
    assert all(len({word.partition("w")[0] for word in context}) == 1 for found in seen for context in found)
    words = [word for found in seen for context in found for word in context]
    assert words == " ".join(given).split()
    sizes = [sum(len(word) + 1 for context in found for word in context) for found in seen]
    assert max(sizes) <= 2002
    assert len(seen) < sum(sizes) / 500


def test_a_block_has_room_for_a_round_of_all_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of six characters a word; with one lane, the size of a lane makes no difference."""
    monkeypatch.setattr(module, "BLOCK_CHARACTERS", 1000)
    for lanes, words in ((1, 500), (2, 6000)):
        seen = contexts(monkeypatch, ["a " * 7000], lanes=lanes, lane_size=1000)
        assert sum(map(len, seen[0])) == words


def test_a_text_without_white_space_is_cut_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single word of any length does not become a block of any length."""
    monkeypatch.setattr(module, "BLOCK_CHARACTERS", 100)
    seen = contexts(monkeypatch, ["x" * 250])
    assert seen == [[("x" * 100,)], [("x" * 100,)], [("x" * 50,)]]


def test_loss_falls_over_passes() -> None:
    """Trained on the same text again, the model is less surprised by it."""
    trainer = Trainer(**SMALL)
    losses = []
    for epoch in range(4):
        report = train_text(trainer, block(1), epoch=epoch)
        losses.append(report.loss.total / report.loss.weight)
    assert losses[3] < losses[1] < losses[0]


def test_later_epochs_count_nothing() -> None:
    """From the second pass on a text teaches, but its words are not counted again."""
    trainer = Trainer(**SMALL)
    train_text(trainer, block(1))
    seen, trained = trainer.state.model.vocabulary.total, trainer.state.model.words_trained
    before = trainer.vectors.vectors
    train_text(trainer, block(1), epoch=1)
    assert trainer.state.model.vocabulary.total == seen
    assert trainer.state.model.words_trained == 2 * trained
    assert (trainer.vectors.vectors != before).any()


@pytest.mark.parametrize("architecture", ["skipgram", "cbow"])
def test_resumed_anywhere_equals_never_stopped(architecture: str) -> None:
    """Stored and restored after any block, at another number of threads, all that follows is the same to the bit."""
    settings = {**SMALL, "architecture": architecture, "sample": 0.01}
    # The short ones come before the noise distribution is due again: it lags behind the counts.
    short = [("castle " * 60, 0), ("the king sat in a castle with a dog and the queen", 0)]
    script = [(block(1), 0), (block(1), 1), (block(2), 0), *short, (block(3), 0)]
    whole, trees = Trainer(**settings), []
    for text, epoch in script:
        trees.append(copied(whole.state.to_tree()))
        train_text(whole, text, epoch=epoch)
    for cut, tree in enumerate(trees):
        resumed = Trainer.of(State.from_tree(tree), threads=1 + cut % 3)
        for text, epoch in script[cut:]:
            train_text(resumed, text, epoch=epoch)
        assert bits(resumed) == bits(whole), f"stopped before block {cut}"
    stopped_each_time = Trainer(**settings)
    for text, epoch in script:
        stopped_each_time = Trainer.of(State.from_tree(copied(stopped_each_time.state.to_tree())), threads=2)
        train_text(stopped_each_time, text, epoch=epoch)
    assert bits(stopped_each_time) == bits(whole)


def test_saved_and_resumed_from_disk_equals_never_stopped(tmp_path: Path) -> None:
    """The same through a checkpoint file; what is saved is what was there, and saving changes nothing."""
    whole, stopping = Trainer(**SMALL), Trainer(**SMALL)
    for number in range(3):
        whole.partial_fit([block(number)])
        stopping.partial_fit([block(number)])
        checkpoint = stopping.save(tmp_path)
        assert stopping.sequence == checkpoint.sequence == number + 1
        assert bits(stopping) == bits(whole)
        stopping = Trainer.resume(tmp_path, threads=2)
        assert stopping.sequence == number + 1
        assert bits(stopping) == bits(whole)


def test_a_trainer_that_has_seen_nothing_can_be_saved(tmp_path: Path) -> None:
    """An empty model resumes, and then learns what a new one would."""
    Trainer(**SMALL).save(tmp_path)
    assert len(streamer.load(tmp_path)) == 0
    resumed, new = Trainer.resume(tmp_path, threads=1), Trainer(**SMALL)
    assert bits(resumed.partial_fit(texts(5))) == bits(new.partial_fit(texts(5)))


def test_saving_retires_and_numbers(tmp_path: Path) -> None:
    """Only the newest stay, and a trainer that does not go on from what lies in the folder buries nothing: 78."""
    trainer = Trainer(**SMALL).partial_fit(texts(5))
    for _ in range(4):
        trainer.save(tmp_path, keep=2)
    assert [checkpoint.sequence for checkpoint in Store(tmp_path).list()] == [4, 3]
    resumed = Trainer.resume(tmp_path)
    other = Trainer(**SMALL).partial_fit(texts(3, seed=9))
    assert resumed.save(tmp_path, keep=2).sequence == 5
    for stranger in (other, trainer):
        with pytest.raises(StreamerError, match="holds checkpoint 5") as caught:
            stranger.save(tmp_path, keep=2)
        assert caught.value.code == ExitCode.CONFIGURATION
    np.testing.assert_array_equal(streamer.load(tmp_path).vectors, trainer.vectors.vectors)


@pytest.mark.parametrize("fails", ["write", "sync", "rename", "sync_folder", "forget_cached"])
def test_a_save_that_failed_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    """Wherever it failed, the trainer still goes on from what lies in the folder, and saves once the disk is well."""
    trainer = Trainer(**SMALL).partial_fit(texts(5))
    trainer.save(tmp_path)
    for _ in range(2):
        with monkeypatch.context() as patched:

            def full(*arguments: object) -> None:
                if arguments[-1] != "folder.sync":
                    raise OSError(28, "No space left on device")

            patched.setattr(disk, fails, full)
            with pytest.raises(StreamerError, match="No space left") as caught:
                trainer.partial_fit(texts(2)).save(tmp_path)
            assert caught.value.code == ExitCode.CANNOT_WRITE
    assert trainer.save(tmp_path).sequence == trainer.sequence
    assert bits(Trainer.resume(tmp_path)) == bits(trainer)


def test_a_held_folder_is_not_written(tmp_path: Path) -> None:
    """While another trainer holds the folder, saving is an error 75."""
    with Store(tmp_path).lock(), pytest.raises(StreamerError) as caught:
        Trainer(**SMALL).save(tmp_path)
    assert caught.value.code == ExitCode.LOCKED


def test_vectors_are_a_copy() -> None:
    """Later training leaves alone what was handed out."""
    trainer = Trainer(**SMALL).partial_fit(texts(10))
    handed = trainer.vectors
    before = handed.vectors.copy(), handed.counts.copy()
    trainer.partial_fit(texts(10))
    np.testing.assert_array_equal(handed.vectors, before[0])
    np.testing.assert_array_equal(handed.counts, before[1])
    assert (trainer.vectors["king"] != handed["king"]).any()


def test_wv_is_the_vectors() -> None:
    """Under gensim's name: the current ones, a copy each time."""
    trainer = Trainer(**SMALL).partial_fit(texts(10))
    handed = trainer.wv
    assert handed.index_to_key == trainer.vectors.index_to_key
    np.testing.assert_array_equal(handed.vectors, trainer.vectors.vectors)
    before = handed["king"].copy()
    trainer.partial_fit(texts(10))
    assert (handed["king"] == before).all()
    assert (trainer.wv["king"] != before).any()


def test_the_examples_of_the_contract(tmp_path: Path) -> None:
    """Each line that users were promised works as written."""
    folder = tmp_path / "checkpoints"
    pairs, analogies = tmp_path / "pairs.tsv", tmp_path / "analogies.txt"
    pairs.write_text("king\tqueen\t9\nking\tcastle\t5\ndog\tgarden\t2\ndog\tking\t6\n")
    analogies.write_text(": royal\nking castle queen garden\nqueen garden king castle\n")

    trainer = streamer.Trainer(vector_size=100, seed=1)
    assert trainer.partial_fit(texts(20)) is trainer
    trainer.save(folder)
    assert bits(streamer.Trainer.resume(folder)) == bits(trainer)

    vectors = streamer.load(folder)
    assert vectors["king"].shape == (100,)
    assert "king" in vectors
    assert "emperor" not in vectors
    assert len(vectors) == len(vectors.key_to_index) == len(vectors.index_to_key) == len(vectors.vectors)
    near = vectors.most_similar("king", topn=10)
    assert len(near) == 10
    assert all(isinstance(word, str) and isinstance(cosine, float) for word, cosine in near)
    assert vectors.most_similar(positive=["king", "dog"], negative=["queen"])
    assert -1 <= vectors.similarity("king", "queen") <= 1
    assert vectors.vector_size == 100
    assert np.linalg.norm(vectors.get_vector("king", norm=True)) == pytest.approx(1)
    assert vectors.evaluate_word_pairs(pairs).scored == 4
    assert vectors.evaluate_word_analogies(analogies).scored == 2
    vectors.save_word2vec_format(tmp_path / "vectors.txt", binary=False)
    assert (tmp_path / "vectors.txt").read_text().startswith(f"{len(vectors)} 100\n")
    with pytest.raises(KeyError, match="king"):
        vectors["kign"]


def test_a_resumed_model_keeps_its_settings(tmp_path: Path) -> None:
    """The same setting given again is fine; another value is an error 78 that names both; so is an unknown one."""
    Trainer(**SMALL).save(tmp_path)
    assert Trainer.resume(tmp_path).settings == ModelSettings(vector_size=12, min_count=2, window=3)
    assert Trainer.resume(tmp_path, window=3).settings.window == 3
    for given, said in (({"window": 4}, r"--window 4 .* 3"), ({"windows": 3}, "windows"), ({"window": 0}, "--window")):
        with pytest.raises(StreamerError, match=said) as caught:
            Trainer.resume(tmp_path, **given)
        assert caught.value.code == ExitCode.CONFIGURATION


@pytest.mark.parametrize(
    ("given", "said"), [({"windows": 3}, "windows"), ({"window": 0}, "--window"), ({"seed": "x"}, "--seed")]
)
def test_a_new_model_judges_its_settings(given: dict[str, Any], said: str) -> None:
    """Unknown names, bounds and types are errors 78."""
    with pytest.raises(StreamerError, match=said) as caught:
        Trainer(**given)
    assert caught.value.code == ExitCode.CONFIGURATION


def test_a_checkpoint_restored_under_a_later_number_is_gone_on_from(tmp_path: Path) -> None:
    """What is saved after it comes after it, whatever number it was saved under itself."""
    trainer = Trainer(**SMALL)
    trainer.partial_fit(["a b c"]).save(tmp_path)
    (tmp_path / "checkpoint-0000000001.h5").rename(tmp_path / "checkpoint-0000000007.h5")
    saved = Trainer.resume(tmp_path).partial_fit(["d e f"]).save(tmp_path)
    assert saved.sequence == 8
    assert Trainer.resume(tmp_path).state.model.vocabulary.total == 6


COPIES: dict[str, Callable[[Trainer], Trainer]] = {
    "pickle": lambda trainer: pickle.loads(pickle.dumps(trainer)),
    "oldest pickle": lambda trainer: pickle.loads(pickle.dumps(trainer, protocol=2)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


def assert_no_shared_weights(one: Trainer, other: Trainer) -> None:
    """Check that no array that training changes in place is in the memory of both."""
    for name in ("vectors", "squares"):
        ours, theirs = (getattr(trainer._state.model.embeddings, name) for trainer in (one, other))
        assert not np.shares_memory(ours, theirs)
    assert not np.shares_memory(one._state.model.vocabulary._counts, other._state.model.vocabulary._counts)


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_the_same_trainer(how: str) -> None:
    """It has the same state to the bit, the same number and threads, and learns the same from the same texts."""
    trainer = Trainer(**SMALL).partial_fit(texts(10))
    trainer.state.number(7)
    again = COPIES[how](trainer)
    assert type(again) is Trainer
    assert bits(again) == bits(trainer)
    assert again.history == trainer.history
    assert (again.sequence, again.settings, again._threads) == (7, trainer.settings, 1)
    assert bits(again.partial_fit(texts(5, seed=3))) == bits(trainer.partial_fit(texts(5, seed=3)))


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("which", [0, 1])
def test_a_copy_is_another_trainer(how: str, which: int) -> None:
    """Whichever of the two goes on learning, the other stays as it is: words, vectors, scores, files."""
    trainer = Trainer(**SMALL).partial_fit(texts(10))
    pair = (trainer, COPIES[how](trainer))
    assert_no_shared_weights(*pair)
    learner, other = pair[which], pair[1 - which]
    before, vectors = bits(other), other.vectors.vectors.copy()
    learner.partial_fit([block(3), block(4)])
    learner.scores.add([Score(learner.state.model.words_trained, "pairs a", 0.5, 3, 4)])
    learner.state.epochs.add(0, Loss(1.0, 1.0))
    learner.state.ledger.adopt("/elsewhere")
    assert bits(learner) != before
    assert bits(other) == before
    assert other.vectors.vectors.tobytes() == vectors.tobytes()


@pytest.mark.parametrize("how", COPIES)
def test_a_new_trainer_can_be_copied(how: str) -> None:
    """One that has seen nothing too."""
    again = COPIES[how](Trainer(**SMALL))
    assert bits(again.partial_fit(texts(3))) == bits(Trainer(**SMALL).partial_fit(texts(3)))


@pytest.mark.parametrize("how", COPIES)
def test_a_trainer_can_be_copied_while_its_workers_live(how: str) -> None:
    """The copy has no workers, and none of their memory; both go on to the same bits, also with blocks under way."""
    given = [encode(block(number)) for number in range(6)]
    alone = Trainer(**SMALL)
    for encoded in given:
        alone._schedule.train(encoded)
    trainer = Trainer(**{**SMALL, "threads": 2})
    with at_work(trainer):
        for encoded in given[:3]:
            trainer._schedule.train(encoded)
        assert trainer._schedule._under_way, "there is something to wait for"
        again = COPIES[how](trainer)
        assert again._schedule._workers is None
        assert not again._schedule._under_way
        assert_no_shared_weights(trainer, again)
        for encoded in given[3:]:
            trainer._schedule.train(encoded)
            again._schedule.train(encoded)
        assert bits(trainer) == bits(again) == bits(alone)
        assert trainer._schedule._workers is not None, "they were left at work"
    assert bits(again) == bits(alone)


def test_a_copy_may_have_workers_of_its_own() -> None:
    """It was made for as many threads, and starts its own when there is work for them."""
    trainer = Trainer(**{**SMALL, "threads": 2})
    with at_work(trainer):
        trainer._schedule.train(encode(block(1)))
        again = copy.deepcopy(trainer)
        with at_work(again):
            for each in (trainer, again):
                each._schedule.train(encode(block(2)))
            assert bits(again) == bits(trainer)
            assert_no_shared_weights(trainer, again)


@pytest.mark.parametrize("how", COPIES)
def test_a_broken_trainer_cannot_be_copied(how: str) -> None:
    """What may not be saved may not be copied either: a block was left in its middle."""
    trainer = Trainer(**SMALL)

    def failing(report: BlockReport, seconds: float) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        trainer._schedule.train(encode(block(1)), then=failing)
    with pytest.raises(StreamerError) as caught:
        COPIES[how](trainer)
    assert caught.value.code == ExitCode.SYSTEM


class Named(Trainer):
    """Somebody's own trainer."""


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_of_the_same_class(how: str) -> None:
    """Whoever has a class of his own gets it back."""
    assert type(COPIES[how](Named(**SMALL))) is Named


@pytest.mark.parametrize("name", ["stop_words", "phrases"])
def test_lists_of_lines_come_back_from_a_checkpoint(tmp_path: Path, name: str) -> None:
    """Lines that come again, or hold line ends, or are empty, are stored as a checkpoint can hold them."""
    given: dict[str, Any] = {name: ["the", "the", " of \n and", "", "a\u2028b"]}
    trainer = Trainer(threads=1, **given).partial_fit(["the end of it"])
    trainer.save(tmp_path)
    assert getattr(Trainer.resume(tmp_path, threads=1, **given).settings, name) == ("the", "of", "and", "a", "b")
    with pytest.raises(StreamerError, match="surrogate") as caught:
        Trainer(threads=1, **{name: ["\ud800"]})
    assert caught.value.code == ExitCode.CONFIGURATION
