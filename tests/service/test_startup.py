"""The state that a run begins with: new, resumed, or with initial vectors; and what contradicts it."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from streamer import Trainer
from streamer.checkpoints import Store
from streamer.errors import ExitCode, StreamerError
from streamer.service.signals import Stopped
from streamer.service.startup import cluster, start_state
from streamer.settings import ModelSettings, RunSettings
from streamer.state import State

from ..support.corpus import put

VECTORS = "Cat 1 2 3\nand 4 5 6\n, 7 8 9\ncat 9 9 9\n"
"""Two words for the tokenizer: a comma is none, and ``cat`` is there already."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return a folder of checkpoints, held by this process."""
    store = Store(tmp_path / "checkpoints")
    with store.lock():
        yield store


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Return a file of vectors of three numbers."""
    return put(tmp_path / "published.txt", VECTORS)


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """Return the log lines so far."""
    with capture_logs() as lines:
        yield lines


def start(store: Store, initial: Path | None = None, **given: Any) -> State:
    """Return the state that a run begins with that nobody stops."""
    return start_state(store, given, initial, lambda: None)


def save(store: Store, count: int = 1, **settings: Any) -> State:
    """Save checkpoints of a model that has learned a little, and return its state."""
    trainer = Trainer(**{"vector_size": 3, "min_count": 1, "threads": 1, **settings})
    for number in range(count):
        trainer.partial_fit([f"cat and dog and mouse{number}"])
        store.save(trainer.state.to_tree(), trainer.state.number_next())
    return trainer.state


def refused(store: Store, initial: Path | None = None, **given: Any) -> StreamerError:
    """Return the error of a run that cannot begin."""
    with pytest.raises(StreamerError) as caught:
        start(store, initial, **given)
    return caught.value


def test_a_new_model(store: Store, log: list[Any]) -> None:
    """Where there is no checkpoint it has seen nothing, has the settings that were named, and is not saved yet."""
    state = start(store, window=3, vector_size=7)
    assert state.settings == ModelSettings(window=3, vector_size=7)
    assert (state.sequence, state.words_seen, len(state.model.vocabulary)) == (0, 0, 0)
    assert store.list() == [] and log == []


def test_the_newest_is_resumed(store: Store, log: list[Any]) -> None:
    """All that was learned is there; the number goes on from the checkpoint's; a line says how far it is."""
    saved = save(store, 2)
    state = start(store, vector_size=3)
    assert state.sequence == 2
    assert state.settings == saved.settings
    assert state.vectors().vectors.tobytes() == saved.vectors().vectors.tobytes()
    (line,) = log
    wanted = {
        "event": "checkpoint.resumed",
        "name": "checkpoint-0000000002.h5",
        "vocabulary": 5,
        "words_seen": 10,
        "files": {"trained": 0, "partial": 0, "skipped": 0, "held": 0, "forgotten": 0},
    }
    assert {**line, **wanted} == line


def test_a_restored_file_with_a_later_number(store: Store) -> None:
    """The next checkpoint comes after it, whatever number it had before."""
    save(store)
    store.list()[0].path.rename(store.folder / "checkpoint-0000000041.h5")
    assert start(store).number_next() == 42


def test_a_damaged_one_is_set_aside(store: Store, log: list[Any]) -> None:
    """It is out of the way but not lost, a line says so, and the one before it is gone on from."""
    save(store, 2)
    newest = store.list()[0].path
    content = newest.read_bytes()[:-100]
    newest.write_bytes(content)
    assert start(store).sequence == 1
    aside = newest.with_name(f"{newest.name}.damaged")
    assert aside.read_bytes() == content and not newest.exists()
    assert [line["event"] for line in log] == ["checkpoint.damaged", "checkpoint.resumed"]
    damaged = log[0]
    assert (damaged["name"], damaged["set_aside"], damaged["log_level"]) == (newest.name, aside.name, "error")
    assert damaged["reason"]


def test_all_are_damaged(store: Store, log: list[Any]) -> None:
    """65: no new model is begun in their place, now or the next time."""
    save(store, 2)
    for checkpoint in store.list():
        checkpoint.path.write_bytes(b"no checkpoint")
    for _ in range(2):
        error = refused(store)
        assert error.code == ExitCode.DAMAGED and error.hint
    assert [line["event"] for line in log] == ["checkpoint.damaged"] * 2
    assert len(list(store.folder.glob("*.damaged"))) == 2


def test_parts_that_do_not_belong_together(store: Store) -> None:
    """65: what is whole by its digest, but cannot have been made by a trainer, is not gone on from, nor set aside."""
    store.save({**save(store).to_tree(), "vocabulary/words_seen": 6}, 2)
    assert refused(store).code == ExitCode.DAMAGED
    assert len(store.list()) == 2


@pytest.mark.parametrize("given", [{"window": 9}, {"vector_size": 100}, {"architecture": "cbow"}, {"seed": 2}])
def test_a_setting_that_contradicts_the_checkpoint(store: Store, given: dict[str, Any]) -> None:
    """78, with both values; what it was trained with may be named."""
    save(store)
    ((name, value),) = given.items()
    error = refused(store, **given)
    assert error.code == ExitCode.CONFIGURATION and error.hint
    stored = getattr(start(store).settings, name)
    assert str(value) in error.problem and str(stored) in error.problem
    assert getattr(start(store, **{name: stored}).settings, name) == stored
    assert len(store.list()) == 1


def test_initial_vectors(store: Store, vectors: Path, log: list[Any]) -> None:
    """The file says how long vectors are; its words are those of texts; what was read is recorded and told."""
    state = start(store, vectors)
    assert state.settings.vector_size == 3
    assert state.model.vocabulary.words == ["cat", "and"]
    np.testing.assert_array_equal(state.vectors().vectors, [[1, 2, 3], [4, 5, 6]])
    initial = state.initial
    assert (initial.name, initial.words) == ("published.txt", 2)
    assert initial.sha256 == hashlib.sha256(vectors.read_bytes()).hexdigest()
    assert (state.words_seen, state.sequence, store.list()) == (0, 0, [])
    (line,) = log
    wanted = {"event": "vectors.read", "path": str(vectors), "words": 2, "left_out": 2, "vector_size": 3}
    assert {**line, **wanted} == line


def test_the_name_of_initial_vectors_is_printable(store: Store, tmp_path: Path) -> None:
    """What is recorded of a name can be shown on any terminal."""
    assert start(store, put(tmp_path / "a\x1b[31m.txt", VECTORS)).initial.name == "a\\x1b[31m.txt"


def test_the_same_initial_vectors_again(store: Store, vectors: Path, tmp_path: Path, log: list[Any]) -> None:
    """The same command goes on; it is the content that counts, not the name, and it is not read a second time."""
    state = start(store, vectors)
    store.save(state.to_tree(), state.number_next())
    copy = put(tmp_path / "copy.txt", vectors.read_bytes())
    for path in (vectors, copy, None):
        assert start(store, path).initial == state.initial
    assert [line["event"] for line in log] == ["vectors.read", *["checkpoint.resumed"] * 3]


@pytest.mark.parametrize("began", ["published.txt", ""])
def test_other_initial_vectors(store: Store, vectors: Path, began: str) -> None:
    """78 for a model that began with others, whatever the name of the file, or with none."""
    if began:
        state = start(store, vectors)
        store.save(state.to_tree(), state.number_next())
    else:
        save(store)
    error = refused(store, put(vectors.with_name("other.txt"), VECTORS + "dog 1 1 1\n"))
    assert error.code == ExitCode.CONFIGURATION and error.hint
    assert ("published.txt" in error.problem) == bool(began)
    vectors.write_text(VECTORS + "dog 1 1 1\n")
    assert refused(store, vectors).code == ExitCode.CONFIGURATION
    assert len(store.list()) == 1


@pytest.mark.parametrize(
    ("content", "given", "code"),
    [
        ("cat 1 2 3\n", {"vector_size": 100}, ExitCode.CONFIGURATION),
        (", 1 2 3\n", {}, ExitCode.CONFIGURATION),
        ("", {}, ExitCode.NO_INPUT),
        ("cat 1 2 nan\n", {}, ExitCode.NO_INPUT),
        (None, {}, ExitCode.NO_INPUT),
    ],
)
def test_initial_vectors_that_cannot_be_begun_with(
    store: Store, tmp_path: Path, content: str | None, given: dict[str, Any], code: ExitCode
) -> None:
    """78 if they do not fit the settings, 66 if there is no such file or it holds no vectors."""
    path = tmp_path / "vectors.txt"
    if content is not None:
        put(path, content)
    assert refused(store, path, **given).code == code
    assert store.list() == []


def test_a_pipe_is_not_waited_for(store: Store, tmp_path: Path) -> None:
    """66: the file is read twice, which a pipe cannot be; a folder is no file either."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        error = refused(store, path)
        assert error.code == ExitCode.NO_INPUT and error.hint


def test_initial_vectors_are_looked_at_before_the_checkpoint_is_gone_on_from(store: Store, tmp_path: Path) -> None:
    """66 for a file that is gone, also for a model that has begun: whoever names it is not left in doubt."""
    save(store)
    assert refused(store, tmp_path / "none.txt").code == ExitCode.NO_INPUT


def test_a_stop_is_heard_while_they_are_read(store: Store, vectors: Path) -> None:
    """From the first look on to the last, the check may break it off; nothing was begun then."""
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    start_state(store, {}, vectors, count)
    assert calls >= 3  # the digest, the reading, the words
    for last in range(calls):
        left = last

        def check() -> None:
            nonlocal left
            if not left:
                raise Stopped
            left -= 1

        with pytest.raises(Stopped):
            start_state(store, {}, vectors, check)
    assert store.list() == []


def test_a_cluster_for_a_model_with_one_lane_is_refused() -> None:
    """A flag that does nothing would be worse."""
    assert cluster(RunSettings(), 1) is None
    assert cluster(RunSettings(), 8) is None
    with pytest.raises(StreamerError, match="--cluster local computes lanes, and this model has only one") as caught:
        cluster(RunSettings(cluster="local"), 1)
    assert caught.value.code == ExitCode.CONFIGURATION
    assert cluster(RunSettings(cluster="local"), 8) is not None


def test_a_cluster_that_is_not_there_is_told_at_once() -> None:
    """Though it would be joined only when there is much to do, which may be never."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert cluster(RunSettings(cluster=f"127.0.0.1:{port}"), 8) is not None
    with pytest.raises(StreamerError, match=f"^nobody answers at 127.0.0.1:{port}: ") as caught:
        cluster(RunSettings(cluster=f"127.0.0.1:{port}"), 8)
    assert caught.value.code == ExitCode.SYSTEM


@pytest.mark.parametrize("address", ["nowhere", "host:0", "ray://host:10001"])
def test_a_slip_in_the_address_of_a_cluster_is_told_at_the_start(address: str) -> None:
    """And not when there is enough text for a cluster, days later."""
    with pytest.raises(StreamerError, match="is no address of a cluster") as caught:
        cluster(RunSettings(cluster=address), 8)
    assert caught.value.code == ExitCode.USAGE
