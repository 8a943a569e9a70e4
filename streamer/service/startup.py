"""The state that a run begins with: that of the newest checkpoint, or a new one, with or without initial vectors."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from streamer.checkpoints import Checkpoint, Store
from streamer.cluster import check, connect
from streamer.errors import ExitCode, StreamerError
from streamer.settings import RunSettings, model_settings
from streamer.state import State
from streamer.system.printable import printable
from streamer.training.initial import set_initial_vectors
from streamer.training.tokenizing import new_state
from streamer.vectors import WordVectors, read_word2vec_format
from streamer.workers import Connect

PIECE = 16 << 20  # bytes hashed at a time

_log = structlog.get_logger(__name__)


def cluster(run: RunSettings, lanes: int) -> Connect | None:
    """Return what connects to the cluster of a run, or None if the cores of this machine compute all lanes.

    Raises:
        StreamerError: 78 if a cluster is wanted for a model that has one lane, 2 if there can be none at the address.
    """
    if not run.cluster:
        return None
    if lanes == 1:
        raise StreamerError(
            f"--cluster {run.cluster} computes lanes, and this model has only one",
            hint="leave out --cluster, or start a new model with --lanes 8",
            code=ExitCode.CONFIGURATION,
        )
    check(run.cluster)  # it is connected to when there is much to do, which may be much later
    return partial(connect, run.cluster, allow_mixed=run.allow_mixed)


def start_state(store: Store, given: Mapping[str, Any], initial: Path | None, check: Callable[[], None]) -> State:
    """Return the state of the newest checkpoint, or a new one. Damaged ones are set aside: hold the lock.

    Args:
        store: The checkpoints.
        given: Model settings that the user named.
        initial: The file of the initial vectors of a new model. A resumed model must have begun with the same ones.
        check: Called from time to time while they are read; raises to stop.

    Raises:
        StreamerError: 65 if no checkpoint is intact, 66 if the vectors can't be read, 78 if a setting or the vectors
            contradict the checkpoint.
    """

    def damaged(checkpoint: Checkpoint, reason: str) -> None:
        aside = store.set_aside(checkpoint)
        _log.error("checkpoint.damaged", name=checkpoint.name, reason=reason, set_aside=aside.name)

    found = store.load_newest(on_damage=damaged)
    digest = _digest(initial, check) if initial else ""
    if found is None:
        if initial:
            return _with_initial_vectors(initial, digest, given, check)
        return new_state(model_settings(None, given))
    checkpoint, tree = found
    state = State.from_checkpoint(checkpoint, tree, given)
    if initial and state.initial.sha256 != digest:
        began = f"with vectors from {state.initial.name}" if state.initial.name else "without initial vectors"
        raise StreamerError(
            f"--initial-vectors {initial} contradicts the checkpoint, which began {began}",
            hint="leave out --initial-vectors to resume, or start a new model with another --checkpoints folder",
            code=ExitCode.CONFIGURATION,
        )
    _log.info(
        "checkpoint.resumed",
        name=checkpoint.name,
        vocabulary=len(state.model.vocabulary),
        words_seen=state.words_seen,
        files=state.ledger.outcomes(),
    )
    return state


def _with_initial_vectors(path: Path, digest: str, given: Mapping[str, Any], check: Callable[[], None]) -> State:
    started = time.perf_counter()
    read = read_word2vec_format(path, check=check)
    size = len(read.words)
    counts = np.arange(size, 0, -1)  # files of vectors are in the order of frequency
    vectors = WordVectors(read.words, read.vectors, counts, copy=False)
    state = new_state(model_settings(None, {"vector_size": vectors.vector_size, **given}))
    set_initial_vectors(state, vectors, printable(path.name), digest, check)
    _log.info(
        "vectors.read",
        path=str(path),
        words=state.initial.words,
        left_out=size + read.duplicates + read.undecodable - state.initial.words,
        vector_size=vectors.vector_size,
        seconds=round(time.perf_counter() - started, 3),
    )
    return state


def _digest(path: Path, check: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    if path.exists() and not path.is_file():  # a pipe can be read only once, and may block
        raise StreamerError(
            f"cannot read {path}: not a regular file", hint="copy its content to a file", code=ExitCode.NO_INPUT
        )
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                check()
                digest.update(piece)
        return digest.hexdigest()
    except OSError as error:
        raise StreamerError(f"cannot read {path}: {error.strerror or error}", code=ExitCode.NO_INPUT) from None
