"""The trainer that a run begins with: that of the newest checkpoint, or a new one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import structlog

from streamer import origins
from streamer.checkpoints import Checkpoint, Store
from streamer.display import printable
from streamer.errors import ExitCode, StreamerError
from streamer.trainer import Trainer
from streamer.vectors import WordVectors, read_word2vec_format

PIECE = 16 << 20  # bytes hashed at a time

_log = structlog.get_logger(__name__)


def start_trainer(
    store: Store, given: Mapping[str, Any], threads: int, initial: Path | None, check: Callable[[], None]
) -> Trainer:
    """Return the trainer of the newest checkpoint, or a new one. For the holder of the lock: damaged ones go aside.

    Args:
        store: The checkpoints.
        given: Model settings that the user named.
        threads: Cores to train on.
        initial: Vectors for a new trainer to begin with. One that was resumed must have begun with them.
        check: Called now and then while they are read; raises to break it off.

    Raises:
        StreamerError: 65 if no checkpoint verifies, 66 if the vectors can't be read, 78 if a setting or the vectors
            contradict the checkpoint.
    """

    def damaged(checkpoint: Checkpoint, reason: str) -> None:
        aside = store.set_aside(checkpoint)
        _log.error("checkpoint.damaged", name=checkpoint.name, reason=reason, set_aside=aside.name)

    found = store.load_newest(on_damage=damaged)
    digest = _digest(initial, check) if initial else ""
    if found is None:
        return _begun_with(initial, digest, given, threads, check) if initial else Trainer(threads=threads, **given)
    checkpoint, tree = found
    trainer = Trainer.from_checkpoint(checkpoint, tree, threads=threads, **given)
    if initial and trainer.origin.sha256 != digest:
        began = f"with those of {trainer.origin.name}" if trainer.origin.name else "with none"
        raise StreamerError(
            f"--initial-vectors {initial} contradicts the checkpoint, which began {began}",
            hint="leave it out to go on, or use another --checkpoints folder to start anew",
            code=ExitCode.CONFIGURATION,
        )
    _log.info(
        "checkpoint.resumed",
        name=checkpoint.name,
        vocabulary=len(trainer.model.vocabulary),
        words_seen=trainer.words_seen,
        files=trainer.ledger.outcomes(),
    )
    return trainer


def _begun_with(path: Path, digest: str, given: Mapping[str, Any], threads: int, check: Callable[[], None]) -> Trainer:
    started = time.perf_counter()
    read = read_word2vec_format(path, check=check)
    size = len(read.words)
    counts = np.arange(size, 0, -1)  # published in order of frequency
    vectors = WordVectors(read.words, read.vectors, counts, copy=False)
    trainer = Trainer(threads=threads, **{"vector_size": vectors.vector_size, **given})
    trainer.origin = origins.begin(trainer.model, vectors, printable(path.name), digest, check)
    _log.info(
        "vectors.read",
        path=str(path),
        words=trainer.origin.words,
        left_out=size + read.duplicates + read.undecodable - trainer.origin.words,
        vector_size=vectors.vector_size,
        seconds=round(time.perf_counter() - started, 3),
    )
    return trainer


def _digest(path: Path, check: Callable[[], None]) -> str:
    digest = hashlib.sha256()
    if path.exists() and not path.is_file():  # a pipe would have to be read twice, and may keep us waiting for ever
        raise StreamerError(
            f"cannot read {path}: it is no regular file", hint="write it to a file first", code=ExitCode.NO_INPUT
        )
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                check()
                digest.update(piece)
        return digest.hexdigest()
    except OSError as error:
        raise StreamerError(f"cannot read {path}: {error.strerror or error}", code=ExitCode.NO_INPUT) from None
