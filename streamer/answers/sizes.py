"""What a model takes on a machine, now or at the size that it may have one day."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from streamer.errors import ExitCode, StreamerError
from streamer.settings import (
    BOUNDS,
    Extent,
    ModelSettings,
    RunSettings,
    as_amount,
    expected_disk,
    expected_memory,
    levels,
    model_settings,
    most_kept,
    rounded_up,
    within,
)
from streamer.state.reading import read_figures


def sizes(
    folder: Path,
    given: Mapping[str, Any],
    run: RunSettings,
    *,
    vocabulary: int | None = None,
    candidates: int | None = None,
    files: int | None = None,
    cold: int | None = None,
) -> dict[str, Any]:
    """Return the memory and the disk that a model takes, in the shape of ``sizing --json``.

    What is not given is that of the newest checkpoint, if there is one. Words and candidates are as many as their
    bounds allow, and with a bounded vocabulary, as many words have left it, unless it is known better.

    Args:
        folder: The folder of checkpoints; there need not be one.
        given: Model settings that the user named.
        run: The settings of the process: its cores, its checkpoints, its memory.
        vocabulary: Words with vectors.
        candidates: Words that were seen too seldom for that.
        files: Files in the ledger.
        cold: Words that left the vocabulary.

    Raises:
        StreamerError: 2 if nothing says how many words there are, 65 if no checkpoint is intact, 78 if the model does
            not fit into the memory that is given.
    """
    found = None
    try:
        found = read_figures(folder)
    except StreamerError as error:
        if error.code != ExitCode.NO_INPUT:
            raise
    settings = attrs.evolve(found.settings, **given) if found else model_settings(None, given)
    if run.memory:
        settings = within(run.memory, settings, given)
    words = settings.max_vocabulary or (found.vocabulary if found else None) if vocabulary is None else vocabulary
    if words is None:
        raise StreamerError(
            f"there is no model in {folder}, so its size must be given",
            hint="give --vocabulary, --max-vocabulary or --memory",
        )
    extent = Extent(
        words,
        candidates if candidates is not None else settings.max_candidates or (found.candidates if found else 0),
        files if files is not None else len(found.ledger) if found else 0,
        cold if cold is not None else found.cold if found and found.cold else settings.max_vocabulary,
    )
    row = _row(settings, run, extent)
    if run.memory and row["memory_bytes"] > run.memory:
        raise StreamerError(
            f"a model of this size takes {rounded_up(row['memory_bytes'])} of memory, and --memory is "
            f"{as_amount(run.memory)}",
            hint="leave out the sizes, and --memory chooses them, or leave out --memory",
            code=ExitCode.CONFIGURATION,
        )
    return row


def _row(settings: ModelSettings, run: RunSettings, extent: Extent) -> dict[str, Any]:
    snapshots = most_kept(levels(run.snapshots_kept)) if run.snapshot_every != "0" else 0
    memory = expected_memory(settings, extent, run.threads)
    disk = expected_disk(settings, extent, run.keep, snapshots, most_kept(levels(run.keep_states)))
    return {
        **attrs.asdict(extent),
        "vector_size": settings.vector_size,
        "threads": run.threads,
        "keep": run.keep,
        **{name: getattr(settings, name) for name in BOUNDS},
        "memory_bytes": sum(memory.values()),
        "memory": memory,
        "disk_bytes": sum(disk.values()),
        "disk": disk,
    }
