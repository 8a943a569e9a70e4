"""Whole states from which a stream can be trained again: the newest one, and those before it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import structlog

from streamer.checkpoints import Checkpoint, Store
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.ledger import Ledger
from streamer.model.learner import ModelState
from streamer.service.planning import Base
from streamer.settings import BOUNDS
from streamer.state import State
from streamer.state.reading import read_base

_log = structlog.get_logger(__name__)


@contextlib.contextmanager
def opened(folder: Path, *, locked: bool) -> Iterator[tuple[Store, Checkpoint, State]]:
    """Give a folder of checkpoints, the newest of them, and its state, until the context ends.

    Args:
        folder: The folder.
        locked: Whether to be the only trainer of it, and to set damaged checkpoints aside.

    Raises:
        StreamerError: 66 if there is no checkpoint, 65 if none is intact, 75 if a trainer runs.
    """
    store = Store(folder)
    found = newest(store)  # so that no folder is made for a lock
    if not locked:
        yield store, *found
        return
    with store.lock():
        yield store, *newest(store, set_aside=True)


def newest(store: Store, *, set_aside: bool = False) -> tuple[Checkpoint, State]:
    """Return the newest checkpoint and its state.

    Args:
        store: The checkpoints.
        set_aside: Whether damaged ones are set aside, as a trainer does; only for the holder of the lock.

    Raises:
        StreamerError: 66 if there is none, 65 if none is intact.
    """

    def aside(checkpoint: Checkpoint, reason: str) -> None:
        path = store.set_aside(checkpoint)
        _log.error("checkpoint.set_aside", name=checkpoint.name, renamed_to=path.name, reason=reason)

    found = store.load_newest(on_damage=aside if set_aside else None)
    if found is None:
        raise StreamerError(
            f"there is no checkpoint in {store.folder}",
            hint="name the folder of the model with --checkpoints",
            code=ExitCode.NO_INPUT,
        )
    checkpoint, tree = found
    return checkpoint, State.from_checkpoint(checkpoint, tree)


def bases(store: Store, checkpoint: Checkpoint, now: State) -> Iterator[Base]:
    """Yield the states that there are, the newest first; last the model that has seen nothing."""
    words = now.words_seen, now.model.words_trained
    yield Base(checkpoint.name, checkpoint.path, now.sequence, now.model.blocks, words, now.ledger)
    found = {state.sequence: state.path for state in store.states.list()}
    found |= {one.sequence: one.path for one in store.list()}
    for sequence, path in sorted(found.items(), reverse=True):
        if sequence >= checkpoint.sequence or now.given_up.has(sequence):
            continue
        try:
            blocks, words, ledger = read_base(path)
        except StreamerError as error:
            _log.warning("checkpoint.damaged", name=path.name, reason=error.problem, hint="an older one is used")
            continue
        yield Base(path.name, path, sequence, blocks, words, ledger)
    if not now.initial.words:
        yield Base("the beginning", None, 0, 0, (0, 0), Ledger(now.ledger.root))


def state_of(base: Base, now: State) -> State:
    """Return the whole state of a base.

    Args:
        base: One of :func:`bases`.
        now: The newest state.

    Raises:
        StreamerError: 78 if it has other settings or another tokenizer, 65 if it is damaged.
    """
    if base.path:
        return _checked(_read(base.path), now, base)
    first: dict[str, Any] = dict(zip(BOUNDS, now.model.bounds[0][1:], strict=True))
    settings = attrs.evolve(now.settings, **first)
    return State(ModelState.new(settings, now.model.batching), tokenizer=now.tokenizer)


def _read(path: Path) -> State:
    tree = Store(path.parent).load(str(path))[1]
    # What a state needs beside it is in the folder of checkpoints.
    folder = path.parent if path.name.startswith("checkpoint") else path.parent.parent
    return State.from_tree(tree, folder=folder)


def _checked(state: State, now: State, base: Base) -> State:
    fixed: dict[str, Any] = {name: getattr(now.settings, name) for name in BOUNDS}
    if attrs.evolve(state.settings, **fixed) != now.settings or state.tokenizer != now.tokenizer:
        raise StreamerError(
            f"{base.name} has other settings than the newest checkpoint, or another version of the tokenizer",
            hint="a new model, in another --checkpoints folder, can be trained without it",
            code=ExitCode.CONFIGURATION,
        )
    return state
