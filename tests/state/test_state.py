"""The state is one object and one tree: it comes back bit for bit, and knows the number of its checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamer import WordVectors
from streamer.checkpoints import FORMAT_VERSION, Checkpoint, Store
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.model.learner import ModelState
from streamer.model.sgns import Batching, Loss
from streamer.model.sources import NO_FILE
from streamer.settings import ModelSettings
from streamer.state import Score, State
from streamer.text.encoded import EncodedText
from streamer.training import Schedule, Trainer
from streamer.version import __version__

from ..support.states import SMALL, bits, copied, exact, texts


def begun_with(words: list[str]) -> Trainer:
    """Return a new trainer that begins with vectors of some words."""
    rows = np.ones((len(words), SMALL["vector_size"]), np.float32)
    vectors = WordVectors(words, rows, np.arange(len(words), 0, -1))
    return Trainer(**SMALL).set_initial_vectors(vectors, name="some.vec", sha256="ab")


def full() -> State:
    """Return a state with something in all of its parts."""
    state = begun_with(["king", "emperor"]).partial_fit([*texts(10), "unseen"]).state
    state.scores.add([Score(state.model.words_trained, "pairs a", 0.5, 3, 4)])
    state.epochs.begin("job")
    state.epochs.add(1, Loss(3.0, 2.0))
    state.ledger.adopt("/data/inbox")
    entry = state.ledger.plan("a.txt", Verdict(Signature(9, 1, 1), b"x" * 32, 9))
    assert entry is not None
    state.ledger.advance(entry, 5, 2)
    state.number(7)
    return state


def test_a_new_state_has_seen_nothing() -> None:
    """Its settings are the model's, its ledger has no rows, and it was never saved."""
    settings = ModelSettings(vector_size=7)
    state = State.new(settings)
    assert state.settings is state.model.settings is settings
    assert (state.words_seen, state.sequence, len(state.vectors()), state.ledger.entries) == (0, 0, 0, [])
    assert state.model.batching == Batching()
    assert State.new(settings).history is not state.history


def test_a_new_model_has_the_batch_sizes_of_its_architecture() -> None:
    """CBOW has more noise words for more centre words; batch sizes that are given are taken."""
    given, settings = Batching(group=4), ModelSettings(architecture="cbow")
    assert State.new(settings).model.batching == Batching(noise=32, span=64)
    assert ModelState.new(settings, given).batching is given


def test_all_of_it_comes_back_bit_for_bit() -> None:
    """The tree of what was read is the tree that was read, through memory and through a file alike."""
    tree = full().to_tree()
    again = State.from_tree(copied(tree))
    assert exact(again.to_tree()) == exact(tree)
    assert again.sequence == 7


def test_through_a_file_too(tmp_path: Path) -> None:
    """What a checkpoint gives back is the tree that it was given."""
    state = full()
    tree = exact(state.to_tree())
    checkpoint = Store(tmp_path).save(state.to_tree(), 7)
    assert exact(State.from_checkpoint(*Store(tmp_path).load(checkpoint)).to_tree()) == tree


def test_lanes_go_on_after_a_stop(tmp_path: Path) -> None:
    """The number of lanes follows from what comes back: the same bits as without the stop, and not those of one."""
    given = [" ".join(texts(400, seed)) for seed in range(6)]
    ends = []
    for stops, lanes in (((), 3), ((2, 4), 3), ((), 1)):
        trainer = Trainer(**SMALL, lanes=lanes, lane_size=1_000)
        for number, text in enumerate(given):
            if number in stops:
                trainer.save(tmp_path)
                trainer = Trainer.resume(tmp_path, threads=1)
            trainer.partial_fit([text])
        assert trainer.state.model.lanes == lanes
        ends.append({name: leaf for name, leaf in bits(trainer).items() if not name.startswith("settings")})
    assert ends[0] == ends[1] != ends[2]


def test_parts_of_what_came_back_are_equal() -> None:
    """Parts that people look at are the same as objects, not only as leaves."""
    state = full()
    again = State.from_tree(copied(state.to_tree()))
    assert again.history == state.history
    assert again.history.loss() is not None
    assert (again.scores, again.epochs, again.initial) == (state.scores, state.epochs, state.initial)
    assert (again.settings, again.model.batching) == (state.settings, state.model.batching)
    assert (again.ledger.root, again.ledger.outcomes()) == (state.ledger.root, state.ledger.outcomes())
    assert again.words_seen == state.words_seen


def test_what_came_back_shares_nothing_that_changes() -> None:
    """Training one of two states that were read from the same tree leaves the other and the tree as they are."""
    tree = full().to_tree()
    before = exact(copied(tree))
    one, other = State.from_tree(dict(tree)), State.from_tree(dict(tree))
    unlike = bits(other)
    Trainer.of(one, threads=1).partial_fit(texts(5, seed=4))
    one.scores.add([Score(one.model.words_trained, "pairs a", 0.5, 3, 4)])
    assert bits(one) != unlike
    assert bits(other) == unlike
    assert exact(tree) == before


def test_the_tree_says_what_it_is() -> None:
    """Format, version, program and number are at its root."""
    state = full()
    tree = state.to_tree()
    assert {key: leaf for key, leaf in tree.items() if "/" not in key} == {
        "format": "streamer checkpoint",
        "format_version": FORMAT_VERSION,
        "streamer_version": __version__,
        "sequence": 7,
    }


def test_words_seen_are_those_of_texts() -> None:
    """Initial vectors bring words that are counted as seen; these are no words of texts, candidates are."""
    trainer = begun_with(["king", "emperor"])
    state = trainer.state
    assert state.initial.words == 2
    assert state.initial.words_seen == state.model.vocabulary.total > 0
    assert state.words_seen == 0
    trainer.partial_fit(["the king and the unseen"])
    assert state.words_seen == 5
    assert State.from_tree(copied(state.to_tree())).words_seen == 5


def test_vectors_are_a_copy() -> None:
    """They are the input vectors with their words and counts, and do not follow the state."""
    state = full()
    vectors = state.vectors()
    number = state.model.vocabulary.index["king"]
    assert vectors["king"].tobytes() == state.model.embeddings.input[number].tobytes()
    assert vectors.counts[vectors.key_to_index["king"]] == state.model.vocabulary.counts[number]
    assert not np.shares_memory(vectors.vectors, state.model.embeddings.vectors)
    assert vectors.checkpoint is None


def test_numbers_go_up_by_one() -> None:
    """The next checkpoint has the next number, from 1 on, or from the number that was set."""
    state = State.new(ModelSettings())
    assert [state.number_next(), state.number_next(), state.sequence] == [1, 2, 2]
    state.number(40)
    assert (state.sequence, state.number_next(), state.sequence) == (40, 41, 41)
    state.number(3)
    assert state.number_next() == 4


@pytest.mark.parametrize(("stored", "named", "expected"), [(7, 9, 9), (9, 7, 9), (7, 7, 7), (7, 0, 7), (0, 3, 3)])
def test_the_larger_number_counts(tmp_path: Path, stored: int, named: int, expected: int) -> None:
    """A file restored under another name goes on from the number in it or in its name, whichever is later."""
    state = full()
    state.number(stored)
    checkpoint = Checkpoint("any.h5", named, tmp_path / "any.h5", 0, 0.0)
    assert State.from_checkpoint(checkpoint, copied(state.to_tree())).sequence == expected


def test_a_setting_may_not_contradict(tmp_path: Path) -> None:
    """Settings that are given agree with those of the tree, or it is an error 78."""
    tree = full().to_tree()
    checkpoint = Checkpoint("any.h5", 1, tmp_path / "any.h5", 0, 0.0)
    readers: list[Callable[[dict[str, Any]], State]] = [
        lambda given: State.from_tree(copied(tree), given),
        lambda given: State.from_checkpoint(checkpoint, copied(tree), given),
    ]
    for read in readers:
        assert read({"window": SMALL["window"]}).settings.window == SMALL["window"]
        for given in ({"window": 4}, {"windows": 3}):
            with pytest.raises(StreamerError) as caught:
                read(given)
            assert caught.value.code == ExitCode.CONFIGURATION


def test_states_are_told_apart_by_identity() -> None:
    """Two states of the same numbers are two states: comparing arrays would be a truth of many values."""
    one, other = State.new(ModelSettings()), State.new(ModelSettings())
    assert one != other
    assert [one, other].index(other) == 1
    assert len({one, other}) == 2


def test_a_state_of_one_part_has_the_others_empty() -> None:
    """Whoever has a model of his own makes a state of it."""
    model = ModelState.new(ModelSettings(vector_size=3), Batching(group=4))
    state = State(model)
    assert state.model is model
    assert isinstance(state.ledger, Ledger)
    again = State.from_tree(copied(state.to_tree()))
    assert again.model.batching == Batching(group=4)


@pytest.mark.parametrize("part", ["model", "ledger", "history", "scores", "initial", "epochs"])
def test_no_part_is_left_out_of_the_tree(part: str) -> None:
    """Whatever part is replaced by an empty one, the tree is another."""
    state = full()
    before = exact(state.to_tree())
    new: Any = State.new(state.settings)
    setattr(state, part, getattr(new, part))
    assert exact(state.to_tree()) != before


def test_an_image_does_not_follow_the_state(tmp_path: Path) -> None:
    """All of it is as it was when the image was made, though it is written after training has gone on."""
    state = full()
    entry = state.ledger.under_way
    assert entry is not None
    before, image = copied(state.to_tree()), state.image()
    state.ledger.advance(entry, 9, 3)
    state.ledger.finish(entry)
    state.ledger.refuse("b.txt", Signature(1, 2, 3), "empty")
    Trainer.of(state, threads=1).partial_fit(texts(5))
    state.number_next()
    store = Store(tmp_path)
    tree = store.load(store.publish(image, 7))[1]
    assert exact(tree) == exact(before)
    assert exact(state.to_tree()) != exact(before)


class Stream:
    """A state, and files with the same words that come to it, of one text each."""

    def __init__(self) -> None:
        self.state = State.new(ModelSettings(vector_size=4, min_count=2, max_candidates=0, seed=1))

    def refuse(self, path: str) -> None:
        """Refuse a file."""
        self.state.ledger.refuse(path, Signature(7, 1, 1), "empty")

    def take(self, path: str, text: str) -> None:
        """Train a file."""
        data = text.encode()
        digest = hashlib.sha256(path.encode() + data).digest()
        verdict = Verdict(Signature(len(data), 1, 1), digest, len(data), text_sha256=digest, encoding="utf-8")
        entry = self.state.ledger.plan(path, verdict)
        assert entry is not None
        self.state.ledger.advance(entry, len(data), 9)
        Schedule(self.state, lambda model: None).train(EncodedText.of([text.split()]), row=entry.row)
        self.state.ledger.finish(entry)

    def fold(self, *paths: str) -> None:
        """Fold files, which are gone."""
        self.state.ledger.begin_scan()
        self.state.ledger.end_scan(1, lambda path: path in paths)
        assert self.state.ledger.fold(1, str, self.state.model.sources.renumber) == len(paths)

    def told(self, word: str) -> tuple[str, str, set[str], int]:
        """Return the first file of a word, the last, those that moved it most, and how many there were."""
        sources, at = self.state.model.sources, self.state.model.vocabulary.index[word]
        movers = [row for row in sources.column("movers")[at].tolist() if row != NO_FILE]
        return (
            self._name(sources.column("first")[at]),
            self._name(sources.column("last")[at]),
            set(map(self._name, movers)),
            int(sources.files[at]),
        )

    def _name(self, row: int) -> str:
        return "folded" if row < 0 else self.state.ledger.entry(row).path


class Restarted(Stream):
    """The same, read from its checkpoint again after each file."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._store = Store(folder)

    def take(self, path: str, text: str) -> None:
        """Train a file, save, and begin again."""
        super().take(path, text)
        self._store.publish(self.state.image(), self.state.number_next())
        found = self._store.load_newest()
        assert found is not None
        self.state = State.from_checkpoint(*found)


def test_words_know_their_files_whatever_becomes_of_rows(tmp_path: Path) -> None:
    """Rows get other numbers when a refused file is trained after all, and when files are folded; names stay."""
    for stream in (whole := Stream(), restarted := Restarted(tmp_path)):
        stream.refuse("bad")
        stream.take("a", "king queen " * 30)
        stream.refuse("worse")
        stream.take("b", "king " * 30 + "queen")
        stream.take("bad", "king " * 20)
        stream.take("c", "king queen new new")
        assert stream.told("king") == ("a", "c", {"b", "bad", "c"}, 4)
        assert stream.told("queen") == ("a", "c", {"b", "c"}, 3)
        stream.take("worse", "king king king")
        stream.take("d", "king " * 90)
        assert stream.told("king") == ("a", "d", {"b", "bad", "d"}, 6)
        assert stream.told("new") == ("c", "c", set(), 1)
        stream.fold("a", "b")
        assert stream.told("king") == ("folded", "d", {"folded", "bad", "d"}, 6)
        stream.take("d2", "king queen")
        stream.take("e", "king " * 300)
        assert stream.told("king") == ("folded", "e", {"folded", "d", "e"}, 8)
        assert stream.told("queen") == ("folded", "d2", {"folded", "c", "d2"}, 4)
    assert whole.state.ledger._rows.removed == [], "it folded after rows were removed"
    assert {**bits(whole.state), "ledger/gone": 0} == {**bits(restarted.state), "ledger/gone": 0}
    rows = State.from_tree(whole.state.to_tree()).model.sources.column("last")
    assert np.array_equal(rows, whole.state.model.sources.column("last"))


def test_a_gap_in_the_rows_is_closed_when_they_are_stored() -> None:
    """What is in memory keeps its numbers, and what is stored has those of the columns."""
    stream = Stream()
    stream.refuse("bad")
    stream.take("a", "king " * 30)
    stream.take("bad", "king " * 30)
    assert stream.state.model.sources.column("first").tolist() == [1]
    assert stream.state.to_tree()["sources/first"] == [0]
    stream.state.image()
    assert stream.state.model.sources.column("first").tolist() == [1]
    again = Stream()
    again.state = State.from_tree(stream.state.to_tree())
    assert again.told("king") == stream.told("king") == ("a", "bad", {"bad"}, 2)
