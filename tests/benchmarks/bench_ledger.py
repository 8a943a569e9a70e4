"""A ledger of millions of files: bytes in memory and in a checkpoint, seconds to store, to read and to look up.

    python tests/benchmarks/bench_ledger.py 1000000

Names have 40 bytes. Memory is what the process holds more than before, as the kernel counts it.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from streamer.checkpoints import Store
from streamer.ledger.entries import Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.settings import ModelSettings
from streamer.state import State

NAME = 40
"""Bytes in the name of a file."""


def resident() -> int:
    """Return the bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def peak_mb() -> int:
    """Return the most memory that this process ever held, in MB. ``ru_maxrss`` would count that of its parent."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    return round(int(line.split()[1]) * 1024 / 1e6)


def columns(files: int) -> dict[str, np.ndarray[Any, Any]]:
    """Return the columns of a ledger of so many plain files that were trained."""
    one = Ledger()
    text = b"x" * 100
    digest = hashlib.sha256(text).digest()
    entry = one.plan("a" * NAME, Verdict(Signature(100, 1, 1), digest, 100, text_sha256=digest, heads=(1,)))
    assert entry is not None
    one.advance(entry, 100, 17)
    one.finish(entry)
    found = {name: np.repeat(column, files, axis=0) for name, column in one.to_arrays().items()}
    for name in ("reasons", "formats", "encodings"):
        found[name] = one.to_arrays()[name]
    rng = np.random.default_rng(1)
    found["paths"] = np.frombuffer(b"".join(b"%0*d.txt\0" % (NAME - 4, number) for number in range(files)), np.uint8)
    found["sha256"] = rng.integers(0, 256, (files, 32), np.uint8)
    found["head"] = rng.integers(1, 2**32, files, np.uint32)
    found["mtime_ns"] = np.arange(files) * 1_000_000 + 10**18
    found["spans/row"] = np.arange(files, dtype=np.uint32)
    return found


def timed(figures: dict[str, Any], name: str, start: float) -> None:
    """Note the seconds since a start."""
    figures[name] = round(time.perf_counter() - start, 3)


def main() -> None:
    """Measure a ledger of the size that the command line names, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description="Measure a ledger of millions of files.")
    parser.add_argument("files", type=int)
    parser.add_argument("--saved", type=Path, help="a folder of checkpoints with such a ledger: for the second process")
    given = parser.parse_args()
    figures = read(given.saved, given.files) if given.saved else saved(given.files)
    print(json.dumps(figures, indent=None if given.saved else 1))


def saved(files: int) -> dict[str, Any]:
    """Save a ledger, and have a process of its own read it; return the figures of both."""
    figures: dict[str, Any] = {"files": files}
    with tempfile.TemporaryDirectory() as folder:
        state, store = State.new(ModelSettings(vector_size=2)), Store(Path(folder))
        state.ledger = Ledger.from_arrays(columns(files))
        gc.collect()
        start = time.perf_counter()
        checkpoint = store.publish(state.image(), 1)
        timed(figures, "seconds to save", start)
        figures["bytes of a file in the checkpoint, beside its name"] = checkpoint.size_bytes / files - NAME
        del state
        gc.collect()
        again = [sys.executable, __file__, str(files), "--saved", folder]
        found: dict[str, Any] = json.loads(subprocess.run(again, check=True, capture_output=True, text=True).stdout)
        return figures | found


def read(folder: Path, files: int) -> dict[str, Any]:
    """Return the figures of a process that reads the ledger."""
    figures: dict[str, Any] = {}
    before, start = resident(), time.perf_counter()
    found = Store(folder).load_newest()
    assert found is not None
    timed(figures, "seconds to read the checkpoint", start)
    start = time.perf_counter()
    state = State.from_tree(found[1])
    timed(figures, "seconds to build the ledger", start)
    del found
    figures["peak MB of the start"] = peak_mb()
    gc.collect()
    figures["bytes of a file in memory, beside its name"] = round((resident() - before) / files - NAME, 1)
    figures["resident MB"] = round(resident() / 1e6)
    some = range(0, files, max(1, files // 100_000))
    asked = [(f"{number:0{NAME - 4}}.txt", Signature(100, number * 1_000_000 + 10**18, 1)) for number in some]
    start = time.perf_counter()
    assert all(state.ledger.seen(name, signature) for name, signature in asked)
    figures["microseconds to look up a known file"] = round((time.perf_counter() - start) * 1e6 / len(asked), 2)
    start = time.perf_counter()
    image = state.image()
    timed(figures, "seconds of the pause for a checkpoint", start)
    assert image
    del image
    return figures | folded(state, files, folder, before)


def folded(state: State, files: int, folder: Path, before: int) -> dict[str, Any]:
    """Return the figures of a ledger all of whose files are gone, an eighth of them for long."""
    figures: dict[str, Any] = {}
    ledger = state.ledger
    for name, some in (("an eighth", files // 8), ("the rest", files)):
        ledger.begin_scan()
        start = time.perf_counter()
        ledger.end_scan(1, lambda name, some=some: int(name[: NAME - 4]) < some)  # type: ignore[misc]
        timed(figures, f"seconds to note that {name} of the files are gone", start)
        start = time.perf_counter()
        ledger.fold(1, lambda reason: reason)
        timed(figures, f"seconds to fold {name}", start)
    assert ledger.folded[("trained", "")].files == files
    gc.collect()
    figures["bytes of a folded file in memory"] = round((resident() - before) / files, 1)
    figures["bytes of a folded file in the checkpoint"] = Store(folder).publish(state.image(), 2).size_bytes / files
    figures["peak MB of folding"] = peak_mb()
    return figures


if __name__ == "__main__":
    main()
