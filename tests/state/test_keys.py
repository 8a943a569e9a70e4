"""Each part of the state becomes leaves and comes back, and leaves that make no part are refused by their names."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from streamer.checkpoints import Tree
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.model.learner import ModelState
from streamer.model.sgns import Batching, Loss
from streamer.settings import ModelSettings
from streamer.state import EpochLosses, InitialVectors, Score, Scores, State, keys, records
from streamer.state.tree_reader import TreeReader
from streamer.training import Trainer

from ..support.states import SMALL, bits, copied, exact, texts


@pytest.fixture(scope="module")
def tree() -> Tree:
    """Return the state of a model with words, candidates and a history."""
    return Trainer(**SMALL).partial_fit([*texts(10), "unseen"]).state.to_tree()


EMPTY = State.new(ModelSettings()).to_tree()
LEAVES = sorted(set(EMPTY) - {"format", "streamer_version"})
GROUPS = ("vocabulary", "candidates", "embeddings", "noise", "history")
NONE = {"vocabulary/use"}  # empty without a bound
ARRAYS = [
    leaf for leaf in LEAVES if leaf.startswith(GROUPS) and isinstance(EMPTY[leaf], np.ndarray) and leaf not in NONE
]


def refused(tree: Tree) -> str:
    """Return what is said about a tree that must be refused with 65."""
    with pytest.raises(StreamerError) as caught:
        State.from_tree(copied(tree))
    assert caught.value.code == ExitCode.DAMAGED
    return str(caught.value)


@pytest.mark.parametrize("leaf", LEAVES)
def test_each_leaf_is_needed_and_of_one_type(tree: Tree, leaf: str) -> None:
    """Without it, or with a value of another kind in its place, the tree is refused, and the leaf named."""
    name = leaf.rpartition("/")[2] if leaf.startswith("ledger/") else leaf
    assert name in refused({key: value for key, value in tree.items() if key != leaf})
    if isinstance(tree[leaf], np.ndarray):
        assert name in refused({**tree, leaf: 1.5})
    else:
        assert leaf in refused({**tree, leaf: np.zeros(2)})
        assert leaf in refused({**tree, leaf: 1 if isinstance(tree[leaf], str) else "x"})


@pytest.mark.parametrize("leaf", ARRAYS)
def test_each_array_has_one_dtype_and_shape(tree: Tree, leaf: str) -> None:
    """Another dtype, one row too many or too few, or one dimension more: refused, with the leaf's name."""
    array = tree[leaf]
    assert isinstance(array, np.ndarray)
    assert len(array), "nothing to damage"
    assert leaf in refused({**tree, leaf: array.astype(np.float16)})
    assert leaf in refused({**tree, leaf: array[None]})
    group = leaf.split("/", maxsplit=1)[0]
    if not leaf.endswith("/words"):
        # A column of the history is measured against the first, a list of counts against its words.
        assert group in refused({**tree, leaf: np.concatenate([array, array[:1]])})
    if leaf != "noise/counts":  # whose vocabulary may have grown since
        assert group in refused({**tree, leaf: array[:-1]})
    if array.ndim == 2:
        assert leaf in refused({**tree, leaf: np.ascontiguousarray(array[:, 1:])})


@pytest.mark.parametrize("leaf", ["vocabulary/words", "candidates/words"])
def test_words_are_distinct_lines_of_utf_8(tree: Tree, leaf: str) -> None:
    """Bytes that are no text, a last line without its end, and a word that comes twice are refused by name."""
    array = tree[leaf]
    assert isinstance(array, np.ndarray)
    words = array.tobytes().split(b"\n")
    for blob in (b"\xff" + array.tobytes()[1:], array.tobytes()[:-1], b"\n".join([words[0], words[0], *words[2:]])):
        counts = leaf.replace("/words", "/counts")
        given = {**tree, leaf: np.frombuffer(blob, np.uint8), counts: tree[counts]}
        assert leaf in refused(given)


@pytest.mark.parametrize(
    ("leaf", "value"),
    [
        ("settings/window", 0),
        ("settings/architecture", "glove"),
        ("batching/chunk", 0),
        ("batching/chunk", 8193),
        ("batching/group", -1),
    ],
)
def test_numbers_that_make_no_model(tree: Tree, leaf: str, value: str | int) -> None:
    """Settings out of bounds in a checkpoint mean that it is damaged, not that the user's settings are wrong."""
    assert leaf.split("/", maxsplit=1)[0] in refused({**tree, leaf: value})


def test_the_tree_holds_no_surprise(tree: Tree) -> None:
    """Leaves are arrays and scalars that HDF5 holds natively; no pickles, no objects."""
    for key, leaf in tree.items():
        assert isinstance(leaf, (int, float, str, np.ndarray)), key
        if isinstance(leaf, np.ndarray):
            assert leaf.dtype.kind in "iuf", key


def test_a_model_comes_back_bit_for_bit(tree: Tree) -> None:
    """The model that is read has the leaves of the one that was written, and shares no weights with the tree."""
    given = copied(tree)
    model = keys.read_model(TreeReader(given), {}, None)
    leaves = keys.model_leaves(model)
    assert exact(leaves) == {key: value for key, value in exact(tree).items() if key in leaves}
    groups = {"vocabulary", "candidates", "cold", "embeddings", "noise", "settings", "batching", "progress", "bounds"}
    assert leaves.keys() == {key for key in tree if key.split("/", maxsplit=1)[0] in groups}
    for name in ("input", "output", "input_squares", "output_squares"):
        assert not np.shares_memory(getattr(model.embeddings, name), np.asarray(given[f"embeddings/{name}"]))


def test_leaves_of_a_model_are_views() -> None:
    """Nothing of the size of the model is copied to make a tree of it: a save takes one copy, and that is the file."""
    model = Trainer(**SMALL).partial_fit(texts(5)).state.model
    leaves = keys.model_leaves(model)
    for name in ("input", "output", "input_squares", "output_squares"):
        assert np.shares_memory(np.asarray(leaves[f"embeddings/{name}"]), getattr(model.embeddings, name))
    assert np.shares_memory(np.asarray(leaves["vocabulary/counts"]), model.vocabulary.counts)


def test_settings_that_are_given_may_agree_only(tree: Tree) -> None:
    """The same value is fine; another is an error 78, for the checkpoint is sound and the command is not."""
    read = TreeReader(copied(tree))
    assert keys.read_model(read, {"window": 3}, None).settings.window == 3
    with pytest.raises(StreamerError) as caught:
        keys.read_model(read, {"window": 4}, None)
    assert caught.value.code == ExitCode.CONFIGURATION


def test_a_bound_that_changes_is_recorded(tree: Tree) -> None:
    """With the blocks trained by then; the same one again is no change, and what was recorded comes back."""
    first = State.from_tree(copied(tree)).model
    assert first.bounds == [(0, first.settings.max_candidates, 0)]
    second = State.from_tree(copied(tree), {"max_candidates": 5_000})
    expected = [*first.bounds, (first.blocks, 5_000, 0)]
    assert second.model.bounds == expected and second.model.vocabulary.candidates.limit == 5_000
    third = State.from_tree(second.to_tree(), {"max_candidates": 5_000})
    assert third.model.bounds == expected and third.settings.max_candidates == 5_000


def test_another_batching_comes_back() -> None:
    """How the stream was cut is part of the model: a model of other numbers keeps them."""
    batching = Batching(chunk=64, group=4, noise=8, span=32)
    model = ModelState.new(ModelSettings(vector_size=4), batching)
    assert keys.read_model(TreeReader(keys.model_leaves(model)), {}, None).batching == batching


def test_vectors_are_taken_over(tree: Tree) -> None:
    """The vectors are the input rows of the tree, most frequent first, in the tree's own memory, read-only."""
    given = copied(tree)
    before = np.array(given["embeddings/input"])
    words, counts = keys.read_words(TreeReader(given))
    vectors = keys.read_vectors(TreeReader(given), "from here")
    assert np.shares_memory(vectors.vectors, np.asarray(given["embeddings/input"]))
    assert vectors.checkpoint == "from here"
    assert dict(zip(words, counts.tolist(), strict=True)) == dict(zip(vectors, vectors.counts.tolist(), strict=True))
    for row, word in enumerate(words):
        assert vectors[word].tobytes() == before[row].tobytes()


def test_progress_and_sizes(tree: Tree) -> None:
    """How far a model is can be read without the model."""
    model = State.from_tree(copied(tree)).model
    read = TreeReader(tree)
    assert keys.read_progress(read) == (model.vocabulary.total, model.words_trained)
    assert keys.read_sizes(read) == (len(model.vocabulary), len(model.vocabulary.candidates), 0, 0)
    assert keys.read_sizes(read)[1] >= 1
    assert keys.read_settings(read) == model.settings


@pytest.mark.parametrize(
    ("keys", "read"),
    [
        (keys.VECTORS, lambda read: keys.read_vectors(read, None)),
        (keys.WORDS, keys.read_words),
        (keys.LEDGER, keys.read_ledger),
        (keys.HISTORY, lambda read: records.read_history(read, *keys.read_progress(read))),
        (keys.HISTORY, lambda read: records.read_scores(read, keys.read_progress(read)[1])),
        (keys.HISTORY, lambda read: records.read_initial(read, keys.read_progress(read)[0])),
        (keys.FIGURES, keys.read_sizes),
        (keys.FIGURES, keys.read_settings),
        (keys.FIGURES, keys.read_ledger),
    ],
)
def test_the_keys_that_are_named_are_enough(tree: Tree, keys: tuple[str, ...], read: object) -> None:
    """Whoever reads a part asks the file for these keys and groups, and needs no others."""
    chosen = {key: leaf for key, leaf in tree.items() if any(key == k or key.startswith(f"{k}/") for k in keys)}
    assert callable(read)
    read(TreeReader(copied(chosen)))
    assert "embeddings/output" not in chosen


def test_a_ledger_comes_back_with_its_root() -> None:
    """The folder that relative names are relative to is a leaf beside the rows."""
    ledger = Ledger("/data/inbox")
    entry = ledger.plan("a.txt", Verdict(Signature(9, 1, 1), b"x" * 32, 9))
    assert entry is not None
    ledger.advance(entry, 5, 2)
    again = keys.read_ledger(TreeReader(keys.ledger_leaves(ledger)))
    assert again.root == "/data/inbox"
    assert [row.path for row in again.entries] == ["a.txt"]
    assert exact(keys.ledger_leaves(again)) == exact(keys.ledger_leaves(ledger))


@pytest.mark.parametrize("recipe", ["auto", "pdf", "csv", "text a", "jsonl 'a", "jsonl  a", ""])
def test_a_format_that_there_is_not_is_damage(recipe: str) -> None:
    """What nobody can read by is told when the ledger is read."""
    ledger = Ledger()
    ledger.refuse("a.txt", Signature(1, 1, 1), "empty")
    leaves = keys.ledger_leaves(ledger) | {"ledger/formats": np.frombuffer(f"{recipe}\0".encode(), np.uint8)}
    with pytest.raises(StreamerError) as caught:
        keys.read_ledger(TreeReader(leaves))
    assert caught.value.code == ExitCode.DAMAGED


def test_scores_epochs_and_initial_vectors_come_back() -> None:
    """The small parts are equal to what they were."""
    scores = Scores([Score(5, "pairs a", 0.5, 3, 4), Score(9, "analogies b", -0.25, 1, 1)])
    assert records.read_scores(TreeReader(records.scores_leaves(scores)), 9) == scores
    epochs = EpochLosses("job", [Loss(1.5, 2.0), Loss(0.0, 0.0)])
    again = records.read_epochs(TreeReader(records.epochs_leaves(epochs)))
    assert again == epochs
    assert all(isinstance(loss, Loss) for loss in again.losses)
    initial = InitialVectors("some.vec", "ab", 3, 7)
    assert records.read_initial(TreeReader(records.initial_leaves(initial)), 7) == initial
    with pytest.raises(StreamerError) as caught:
        records.read_initial(TreeReader(records.initial_leaves(initial)), 6)
    assert caught.value.code == ExitCode.DAMAGED


def test_every_field_of_a_record_is_a_leaf() -> None:
    """A setting that is added to a class is stored by that alone."""
    for group, record in (("settings", ModelSettings), ("batching", Batching), ("initial", InitialVectors)):
        names = {field.name for field in attrs.fields(record)}
        assert {key.split("/")[1] for key in EMPTY if key.startswith(f"{group}/")} == names


def test_a_state_of_nothing_comes_back() -> None:
    """A model that has seen nothing has all the leaves that any other has."""
    empty = State.from_tree(copied(EMPTY))
    assert bits(empty) == bits(State.new(ModelSettings()))
    assert EMPTY.keys() == Trainer(**SMALL).partial_fit(texts(3)).state.to_tree().keys()
