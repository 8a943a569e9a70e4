"""One trainer on one disk that is too small, or small enough to be filled. Run as a program, in a mount of its own.

Prints one JSON document of what happened. The disk is mounted at ``disk`` in the current folder, the inbox lies beside.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from streamer.checkpoints import Store
from streamer.errors import StreamerError

from ..support.process import QUICK, run, started
from .state import State

BOUNDED = ("--max-vocabulary", "1000", "--snapshot-every", "5k")  # so there are segments and snapshots too
OPTIONS = (*QUICK, *BOUNDED, "--threads", "1", "--checkpoint-every", "0", "--checkpoints", "disk/checkpoints")
HERE = Path()


def main() -> None:
    """Train on a disk of the size that it has, then fill it, start on it, and make room again."""
    store = Store(HERE / "disk" / "checkpoints")
    told: dict[str, Any] = {"codes": [], "lost": 0}
    newest = 0
    for _ in range(2):  # the second goes on with what the first could save
        told["codes"].append(run("watch", "inbox", "--once", *OPTIONS, folder=HERE).code)
        last, newest = newest, _newest(store)
        told["lost"] += newest < last
    told["newest"] = newest
    if "fill" in sys.argv:
        told |= _filled(store, newest)
    print(json.dumps(told))


def _newest(store: Store) -> int:
    """Return the number of the newest checkpoint that is whole, 0 if there is none."""
    try:
        found = store.load_newest()
    except StreamerError as error:
        return -int(error.code)
    return found[0].sequence if found else 0


def _filled(store: Store, newest: int) -> dict[str, Any]:
    """Start a service on a disk with no byte free, give it a file, and then the room to save."""
    filler = HERE / "disk" / "filler"
    _fill(filler)
    (HERE / "inbox" / "late.tmp").rename(HERE / "inbox" / "late.txt")
    with started("watch", "inbox", *OPTIONS, folder=HERE) as trainer:
        trainer.event("file.trained", path="late.txt")
        failed = trainer.event("checkpoint.failed")
        kept = _newest(store)
        filler.unlink()
        began = time.monotonic()
        trainer.event("checkpoint.saved")
        seconds = time.monotonic() - began
        code = trainer.stopped().code
    state = State.of(store.folder)
    (HERE / "inbox" / "late.txt").rename(HERE / "inbox" / "late.tmp")
    return {
        "problem": failed["problem"], "kept": kept == newest, "seconds": seconds, "stopped": code,
        "learned": state.learned,
    }  # fmt: skip


def _fill(filler: Path) -> None:
    descriptor = os.open(filler, os.O_CREAT | os.O_WRONLY)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, b"x" * 4096)
    with contextlib.suppress(OSError):
        while True:
            os.write(descriptor, b"x")
    os.close(descriptor)


if __name__ == "__main__":
    main()
