"""Every version of the format is read, each shape of it; what is of no known version is refused before all else."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import streamer
from streamer import WordVectors
from streamer.answers import reports
from streamer.checkpoints import FORMAT_VERSION, Image, Store, Tree, seal
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import OUTCOMES, Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.ledger.spans import Spans
from streamer.state import InitialVectors, Score, Scores, State
from streamer.state.migrations import FORMAT, STEPS, migrate
from streamer.state.reading import read_figures, read_history, read_ledger, read_state, read_words, verify
from streamer.state.tokenizing import TokenizerRecord
from streamer.state.tree_reader import ANOTHER
from streamer.training import Trainer

from ..support.states import SMALL, bits, copied, exact, texts


def learned(*, scored: bool, begun: bool) -> State:
    """Return a state, with scores or without, of a model that began with vectors or did not."""
    trainer = Trainer(**SMALL, max_group=2, max_candidates=0)  # as all had
    if begun:
        rows = np.ones((2, SMALL["vector_size"]), np.float32)
        trainer.set_initial_vectors(WordVectors(["king", "emperor"], rows, np.array([2, 1])), name="a.vec", sha256="ab")
    state = trainer.partial_fit([*texts(10), "unseen"]).state
    if scored:
        state.scores.add([Score(state.model.words_trained, "pairs a", 0.5, 3, 4)])
    state.ledger.adopt("/data/inbox")
    entry = state.ledger.plan(
        "a.txt", Verdict(Signature(9, 1, 1), b"x" * 32, 9, text_sha256=b"x" * 32, heads=(0x78787878,))
    )
    assert entry is not None
    state.ledger.advance(entry, 5, 2)
    state.ledger._spans = Spans()  # older versions had none
    state.number(3)
    state.record_tokenizer(TokenizerRecord())
    return state


def as_version_1(tree: Tree, *without: str) -> Tree:
    """Return a tree as version 1 had it, without the leaves of some groups that came later."""
    old = {key.replace("initial/", "origin/"): leaf for key, leaf in copied(tree).items()}
    assert old.keys() != tree.keys()
    without = (*without, "tokenizer", "bounds", "cold", "snapshots", "sources", "judgements", "given_up")
    settings = ["tokenizer", "keep_case", "min_length", "stop_words", "phrases", "max_group", "lanes", "lane_size"]
    later = {"batching/growth", *(f"settings/{name}" for name in [*settings, "max_candidates", "max_vocabulary"])}
    later |= {"candidates/errors", "candidates/floor", "candidates/forgotten"}
    later |= {"vocabulary/use", "vocabulary/halve_at"}
    assert later < old.keys()
    arrays = {key.removeprefix("ledger/"): leaf for key, leaf in old.items() if key.startswith("ledger/")}
    root = arrays.pop("root")
    old = {key: leaf for key, leaf in old.items() if not key.startswith("ledger/")} | {"ledger/root": root}
    old |= ledger_of_version_1(Ledger.from_arrays(dict(arrays)))  # type: ignore[arg-type]
    kept = {key: leaf for key, leaf in old.items() if key not in later and key.split("/", maxsplit=1)[0] not in without}
    return kept | {
        "format_version": 1,
        "streamer_version": "0.9.0",
    }


def ledger_of_version_1(ledger: Ledger) -> Tree:
    """Return a ledger as version 1 had it: all numbers in columns, and no content."""
    rows = ledger.entries
    numbers = {name: [getattr(row, name) for row in rows] for name in ("text_bytes", "words", "passes", "offset")}
    numbers |= {name: [getattr(row, name) for row in rows] for name in ("bytes_trained", "bytes_skipped")}
    numbers |= {name: [getattr(row.signature, name) for row in rows] for name in ("size", "mtime_ns", "ctime_ns")}
    reasons = list(dict.fromkeys(row.reason for row in rows))
    tree: Tree = {f"ledger/{name}": np.array(column, np.int64) for name, column in numbers.items()}
    tree["ledger/paths"] = np.frombuffer(b"".join(os.fsencode(row.path) + b"\0" for row in rows), np.uint8)
    tree["ledger/reasons"] = np.frombuffer("".join(f"{reason}\0" for reason in reasons).encode(), np.uint8)
    tree["ledger/reason"] = np.array([reasons.index(row.reason) for row in rows], np.int32)
    tree["ledger/outcome"] = np.array([OUTCOMES.index(row.outcome) for row in rows], np.uint8)
    tree["ledger/sha256"] = np.frombuffer(b"".join(row.sha256 for row in rows), np.uint8).reshape(-1, 32)
    return tree


SHAPES: dict[str, tuple[State, tuple[str, ...]]] = {
    "whole": (learned(scored=True, begun=True), ()),
    "whole, and empty": (learned(scored=False, begun=False), ()),
    "no origin": (learned(scored=True, begun=False), ("origin",)),
    "neither scores nor origin": (learned(scored=False, begun=False), ("scores", "origin")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_version_1_gives_the_same_state(shape: str) -> None:
    """What a version 1 had no place for is as empty as it was; all else comes back to the bit, and stays as given."""
    state, without = SHAPES[shape]
    old = as_version_1(state.to_tree(), *without)
    before, keys = exact(copied(old)), list(old)
    again = State.from_tree(dict(old))
    assert bits(again) == bits(state)
    assert (again.initial, again.scores, again.sequence) == (state.initial, state.scores, 3)
    assert exact(old) == before
    assert list(old) == keys


@pytest.mark.parametrize("shape", SHAPES)
def test_a_migrated_tree_has_the_keys_of_the_newest(shape: str) -> None:
    """After the steps nobody can tell from the keys how old a tree was; it says the newest version."""
    state, without = SHAPES[shape]
    newest = state.to_tree()
    migrated = migrate(as_version_1(newest, *without))
    assert migrated.keys() == newest.keys()
    assert migrated["format_version"] == FORMAT_VERSION
    assert migrated["streamer_version"] == "0.9.0", "who wrote it stays known"


def test_version_1_before_the_ledger_had_a_root() -> None:
    """The first checkpoints of version 1 did not say what relative names are relative to: to nothing."""
    state = learned(scored=False, begun=False)
    old = as_version_1(state.to_tree(), "scores", "origin")
    del old["ledger/root"]
    assert State.from_tree(old).ledger.root == ""


@pytest.mark.parametrize(("name", "value"), [("sample", 0), ("learning_rate", 1)])
def test_version_1_with_whole_numbers(name: str, value: int) -> None:
    """Settings that were given as whole numbers were stored as such by the first checkpoints of version 1."""
    state = learned(scored=False, begun=False)
    old = as_version_1(state.to_tree(), "scores", "origin")
    old[f"settings/{name}"] = value
    found = getattr(State.from_tree(old).settings, name)
    assert (found, type(found)) == (value, float)


def test_the_newest_stays_as_it_is() -> None:
    """A tree of the newest version has nothing done to it: the leaves are the same objects, in another dictionary."""
    tree = SHAPES["whole"][0].to_tree()
    migrated = migrate(tree)
    assert migrated is not tree
    assert migrated.keys() == tree.keys()
    assert all(migrated[key] is leaf for key, leaf in tree.items())


def test_arrays_are_not_copied_on_the_way() -> None:
    """A migration renames and adds; it does not hold the model twice."""
    old = as_version_1(SHAPES["whole"][0].to_tree())
    migrated = migrate(old)
    assert all(
        migrated[key] is leaf for key, leaf in old.items() if isinstance(leaf, np.ndarray) and key[:6] != "ledger"
    )


def test_there_is_a_step_from_every_version() -> None:
    """From 1 to the one before the newest, and from no other."""
    assert list(STEPS) == list(range(1, FORMAT_VERSION))


def test_steps_are_taken_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old tree goes through every step from its own version on, in order; a newer one through the later alone."""
    taken: list[int] = []

    def step(number: int) -> Callable[[Tree], Tree]:
        def take(tree: Tree) -> Tree:
            taken.append(number)
            return {**tree, f"step/{number}": number}

        return take

    monkeypatch.setattr("streamer.state.migrations.FORMAT_VERSION", 4)
    monkeypatch.setattr("streamer.state.migrations.STEPS", {number: step(number) for number in (1, 2, 3)})
    for begin in (1, 2, 3, 4):
        taken.clear()
        migrated = migrate({"format": FORMAT, "format_version": begin})
        assert taken == list(range(begin, 4))
        assert migrated["format_version"] == 4
        assert [key for key in migrated if key.startswith("step/")] == [f"step/{number}" for number in taken]


def refusal(tree: Tree) -> StreamerError:
    """Return the error that a tree must be refused with, whoever asks: 65."""
    for read in (State.from_tree, migrate):
        with pytest.raises(StreamerError) as caught:
            read(tree)
        assert caught.value.code == ExitCode.DAMAGED
    return caught.value


@pytest.mark.parametrize(
    "version", [0, -1, -(2**63), True, False, "1", "2", 1.0, 2.0, np.ones(1), np.array(2), None], ids=repr
)
def test_what_is_no_version_is_damaged(version: Any) -> None:
    """Versions begin at 1, and are integers: a truth, a text, a fraction and an array are none; nor is none at all."""
    tree: Tree = {**SHAPES["whole"][0].to_tree(), "sequence": "x"}
    del tree["format_version"]
    error = refusal(tree if version is None else {**tree, "format_version": version})
    assert error.hint == ANOTHER


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 99, 2**63 - 1])
def test_a_newer_version_wants_a_newer_program(version: int) -> None:
    """Nothing is wrong with the file: the hint is to upgrade, not to look for a backup."""
    error = refusal({**SHAPES["whole"][0].to_tree(), "format_version": version})
    assert "upgrade" in error.hint
    assert str(version) in error.problem
    assert str(FORMAT_VERSION) in error.problem


@pytest.mark.parametrize("name", ["cake", "", "streamer checkpoint ", 3, True, np.zeros(2), np.array(FORMAT), None])
@pytest.mark.parametrize("version", [1, FORMAT_VERSION, 99])
def test_the_tree_of_another_program_is_no_checkpoint(name: Any, version: int) -> None:
    """Whatever version it says: its numbers mean something else."""
    tree = {**SHAPES["whole"][0].to_tree(), "format_version": version, "sequence": "x"}
    del tree["format"]
    error = refusal(tree if name is None else {**tree, "format": name})
    assert "upgrade" not in error.hint


def test_nothing_at_all_is_no_checkpoint() -> None:
    """Nor is a tree of nothing."""
    refusal({})


@pytest.fixture(params=SHAPES)
def old_file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[State, Path]:
    """Return a state, and a folder whose one checkpoint is that state as version 1 had it."""
    state, without = SHAPES[request.param]
    Store(tmp_path).save(as_version_1(state.to_tree(), *without), state.sequence)
    return state, tmp_path


def test_an_old_file_is_read_in_part(old_file: tuple[State, Path]) -> None:
    """Whoever wants some parts only gets those of an old file too, though its keys had other names."""
    state, folder = old_file
    vectors = streamer.load(folder)
    assert vectors.vectors.tobytes() == state.vectors().vectors.tobytes()
    assert streamer.load(folder, sequence=3).index_to_key == vectors.index_to_key
    words, counts = read_words(folder)
    assert (words, counts.tolist()) == (state.model.vocabulary.words, state.model.vocabulary.counts.tolist())
    ledger = read_ledger(folder)
    assert (ledger.root, [entry.path for entry in ledger.entries]) == ("/data/inbox", ["a.txt"])
    assert read_history(folder) == (state.history, state.scores, state.initial)


def test_figures_of_an_old_file(old_file: tuple[State, Path]) -> None:
    """And so do those who look from outside how far it is, who check it, and who count its files."""
    state, folder = old_file
    figures = read_figures(folder)
    vocabulary = state.model.vocabulary
    assert (figures.vocabulary, figures.candidates) == (len(vocabulary), len(vocabulary.candidates))
    assert (figures.words_seen, figures.words_trained) == (state.words_seen, state.model.words_trained)
    assert (figures.scores, figures.initial, figures.settings) == (state.scores, state.initial, state.settings)
    assert reports.status(folder)["sequence"] == 3
    assert [row["path"] for row in reports.files(folder)] == ["a.txt"]
    assert verify(folder).sequence == 3


def test_an_old_file_is_gone_on_from_and_saved_as_the_newest(old_file: tuple[State, Path]) -> None:
    """The next checkpoint is of the newest version, has the next number, and the same bits as without the detour."""
    state, folder = old_file
    alike = Trainer.of(State.from_tree(copied(state.to_tree())), threads=1).partial_fit(texts(3, seed=7))
    again = Trainer.resume(folder, threads=1).partial_fit(texts(3, seed=7))
    assert bits(again) == bits(alike)
    assert again.save(folder).sequence == 4
    assert Store(folder).load(4)[1]["format_version"] == FORMAT_VERSION
    assert Store(folder).load(3)[1]["format_version"] == 1, "the old file is as it was"
    assert bits(read_state(folder)) == bits(alike)


def test_an_old_file_of_an_unsigned_version(tmp_path: Path) -> None:
    """Nobody wrote such a file, but what is read of it in part is what the whole of it says, or it is refused."""
    state, _ = SHAPES["whole"]
    image = io.BytesIO(b"".join(Image(as_version_1(state.to_tree()))))
    with h5py.File(image, "r+", libver=("v110", "v110")) as file:
        del file.attrs["format_version"]
        file.attrs.create("format_version", 1, dtype="u8")
    (tmp_path / "checkpoint-0000000003.h5").write_bytes(b"".join(seal([image.getvalue()])))
    assert read_state(tmp_path).initial == state.initial
    assert read_history(tmp_path)[2] == state.initial


def test_old_shapes_had_empty_parts() -> None:
    """What the test compares with is what it says: two shapes have scores or initial vectors, the others none."""
    for shape, (state, without) in SHAPES.items():
        assert ("origin" in without) <= (state.initial == InitialVectors()), shape
        assert ("scores" in without) <= (state.scores == Scores()), shape
    assert SHAPES["whole"][0].initial.words == 2
    assert SHAPES["no origin"][0].scores.rows
