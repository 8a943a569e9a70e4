"""Files that are held are released: at once if no trainer runs, else by a request that the trainer finds.

A request is a file in the folder of checkpoints. It stays there until a checkpoint holds what it asked for.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from streamer.checkpoints import Checkpoint, Store
from streamer.errors import ExitCode, StreamerError
from streamer.intake.opened import Refused, open_regular
from streamer.ledger.ledger import Ledger
from streamer.service.saving import Saver
from streamer.state import State
from streamer.state.reading import read_ledger, read_state
from streamer.system.atomic_files import atomic
from streamer.system.printable import printable

PATTERN = "release-*.json"

LARGEST = 1 << 20
"""Bytes of the largest request."""

_log = structlog.get_logger(__name__)


class Requests:
    """The requests in the folder of a trainer.

    Args:
        store: The folder; the caller holds the lock.
        state: What is changed.
        saver: Saves it.
    """

    def __init__(self, store: Store, state: State, saver: Saver) -> None:
        self._store, self._state, self._saver = store, state, saver
        self._granted: dict[Path, int] = {}  # the number of the first checkpoint that has what was asked for

    def grant(self) -> bool:
        """Release the files that were asked for since the last call; return whether there are any."""
        found = sorted(set(self._store.folder.glob(PATTERN)) - self._granted.keys())
        released = [name for path in found for name in self._read(path) if self._release(name)]
        if found:
            self._granted |= dict.fromkeys(found, self._state.sequence + 1)
            self._saver.changed()
            self._saver.save()
        if self._granted:
            self.forget()
        return bool(released)

    def forget(self) -> None:
        """Remove the requests that a checkpoint has."""
        newest = next((checkpoint.sequence for checkpoint in self._store.list()), 0)
        for path, number in list(self._granted.items()):
            if newest >= number:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
                    del self._granted[path]

    def _release(self, name: str) -> bool:
        done = self._state.ledger.release(name)
        if done:
            _log.info("file.released", path=name)
        else:
            _log.warning("release.ignored", path=name, reason="no file of this name is held")
        return done

    def _read(self, path: Path) -> list[str]:
        try:
            with open_regular(path) as file:
                names = json.loads(file.read(LARGEST))
            if isinstance(names, list) and all(isinstance(name, str) and os.fsencode(name) for name in names):
                return names
        except (OSError, ValueError, RecursionError, Refused):  # a name that no file can have is a ValueError
            pass
        _log.warning("release.ignored", path=str(path), reason="it is not a list of names")
        return []


def release(folder: Path, files: Sequence[str]) -> bool:
    """Release files; return whether that is done, and not only asked of the trainer that runs.

    Args:
        folder: The folder of checkpoints.
        files: Their names in the ledger, or where they are.

    Raises:
        StreamerError: 66 if there is no checkpoint, or no such file is held; 65 if no checkpoint is intact; 74 if the
            checkpoint or the request can't be written; 75 if another process holds the folder for a moment.
    """
    store = Store(folder)
    if store.holder() is not None:
        ledger = read_ledger(folder)
        _ask(folder, [_named(ledger, file, strict=False) for file in files])
        return False
    with store.lock():
        found = store.load_newest(on_damage=_set_aside(store))
        if found is None:
            read_state(folder)  # says what is wrong
            return False
        state = State.from_checkpoint(*found)
        for name in [_named(state.ledger, file) for file in files]:
            state.ledger.release(name)
        there = len(store.list())
        store.publish(state.image(), state.number_next())
        store.retire(there)
    return True


def _set_aside(store: Store) -> Callable[[Checkpoint, str], None]:
    """Return what sets a damaged checkpoint aside, as a trainer does when it starts."""

    def aside(checkpoint: Checkpoint, reason: str) -> None:
        store.set_aside(checkpoint)
        _log.warning("checkpoint.damaged", name=checkpoint.name, reason=reason, hint="an older one is used")

    return aside


def _ask(folder: Path, names: Sequence[str]) -> None:
    with atomic(folder / f"release-{time.time_ns()}-{os.getpid()}.json") as file:
        file.write(json.dumps(list(names)).encode())


def _named(ledger: Ledger, file: str, *, strict: bool = True) -> str:
    """Return the name in the ledger of a file that is held.

    Args:
        ledger: The ledger of the newest checkpoint.
        file: The name, or where the file is.
        strict: Whether the ledger must know it; else the trainer may have held it since.
    """
    path = os.path.realpath(Path(file).parent) + f"/{Path(file).name}"
    names = [file, path.removeprefix(f"{ledger.root}/"), path]
    for name in names:
        if ledger.holds(name):
            return name
    known = next((name for name in names if ledger.knows(name)), None)
    if known is None and not strict:
        return names[1] if path.startswith(f"{ledger.root}/") and Path(path).exists() else file
    raise StreamerError(
        f"{printable(file)} is not held" if known else f"no file {printable(file)} is known",
        hint="list the files that are held: streamer files --outcome held",
        code=ExitCode.NO_INPUT,
    )
