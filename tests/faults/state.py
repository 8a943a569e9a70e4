"""What a run came to, to be compared bit by bit, and the processes that help it."""

from __future__ import annotations

import hashlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from streamer.checkpoints import Store
from streamer.training.trainer import Trainer

OF_THE_CLOCK = {"sequence", "history/seconds", "ledger/gone", "given_up/after", "given_up/before"}
"""What of a checkpoint depends on how often, how fast and when it was saved, and influences nothing."""
OF_DATES = {"sources/first_date", "sources/last_date"} | {
    f"snapshots/{name}"
    for name in ("files", "number", "words_seen", "words_trained", "vocabulary", "date", "last", "clock", "by_texts")
}
"""What depends on when texts are from: on the clock, unless ``--date-from`` says otherwise."""
OF_THE_FOLDER = {"ledger/root", "ledger/ctime_ns", "ledger/mtime_ns"}
"""What depends on where the files lie and when they were put there."""


@dataclass(frozen=True)
class State:
    """The digest of each array and scalar of the newest checkpoint, but for those of the clock.

    Attributes:
        leaves: All but those that depend on when texts are from.
        dated: Those; the names of snapshots are among them, and with them the digests of what is in them.
    """

    leaves: dict[str, str]
    dated: dict[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, checkpoints: Path) -> State:
        """Read the newest checkpoint, which has to be whole and the newest there is."""
        store = Store(checkpoints)
        found = store.load_newest()
        assert found is not None and found[0] == store.list()[0]
        leaves = {}
        for key, value in found[1].items():
            content = value.tobytes() + str(value.dtype).encode() if isinstance(value, np.ndarray) else repr(value)
            data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
            leaves[key] = hashlib.sha256(data).hexdigest()
        dated = {key: leaves.pop(key) for key in OF_DATES}
        return cls({key: digest for key, digest in leaves.items() if key not in OF_THE_CLOCK}, dated)

    @staticmethod
    def rows(checkpoints: Path) -> tuple[object, ...]:
        """Return what does not depend on the order of the files: the rows of the ledger, and every count of a word."""
        trainer = Trainer.resume(checkpoints, threads=1)
        vocabulary = trainer.state.model.vocabulary
        counts = {**vocabulary.candidates, **dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))}
        rows = sorted(
            (row.path, row.outcome, row.reason, row.words, row.bytes_trained, row.bytes_skipped)
            for row in trainer.state.ledger.entries
        )
        return rows, counts

    @property
    def learned(self) -> dict[str, str]:
        """All but what depends on where the files lie."""
        return {key: digest for key, digest in self.leaves.items() if key not in OF_THE_FOLDER}


@dataclass(frozen=True)
class Process:
    """A process that was found, and when it began, by which it is known from a later one of that number."""

    pid: int
    name: str
    began: str

    def alive(self) -> bool:
        """Return whether it is still there."""
        return _began(self.pid) == self.began

    def kill(self) -> None:
        """Kill it, unless it has gone."""
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)


def children(pid: int) -> list[Process]:
    """Return the children of a process."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    processes = []
    for child in map(int, found):
        began = _began(child)
        try:
            command = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if began:
            processes.append(Process(child, "worker" if b"worker" in command else "tokenizer", began))
    return processes


def _began(pid: int) -> str:
    """Return when a process began, in ticks; nothing if it is gone, or only waits for its parent to notice."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
