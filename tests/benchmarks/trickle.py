"""Bytes that checkpoints of a large model cost while little text comes: a small file every few seconds.

    python -m tests.benchmarks.trickle --minutes 20

A model of a million words is trained first. Then a `watch` of its own runs at default settings, and files of 1 kB are
renamed into its inbox. What it wrote to the disk is what the kernel counted for the process, and what `status` derives
from the checkpoints. Somebody who asks reads the newest checkpoint now and then. The folder must be on a disk: nothing
is counted for a file system in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import streamer

LETTERS = "abcdefghijklmnop"
COMMAND = (sys.executable, "-m", "streamer")


def word(number: int) -> str:
    """Return a word of its own for each number."""
    return "".join(LETTERS[int(digit, 16)] for digit in f"{number:06x}")


def prepare(folder: Path, words: int) -> None:
    """Train a model of so many words on a text that has each of them once."""
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    lines = (" ".join(map(word, range(begin, min(begin + 20, words)))) for begin in range(0, words, 20))
    (inbox / "words.txt").write_text("\n".join(lines) + "\n")
    os.utime(inbox / "words.txt", (1e9, 1e9))
    checkpoints = ("--checkpoints", str(folder / "checkpoints"))
    subprocess.run([*COMMAND, "watch", str(inbox), *checkpoints, "--once", "--min-count", "1"], check=True)


def asked(*command: str) -> Any:
    """Return what a command prints as JSON."""
    return json.loads(subprocess.run([*COMMAND, *command, "--json"], check=True, capture_output=True).stdout)


def written(pid: int) -> int:
    """Return how many bytes a process has sent to the disk."""
    lines = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])


def trickle(folder: Path, words: int, minutes: float, every: float) -> dict[str, object]:
    """Feed a running `watch` and return what it wrote."""
    inbox, checkpoints, random_words = folder / "inbox", str(folder / "checkpoints"), random.Random(1)
    command = [*COMMAND, "watch", str(inbox), "--checkpoints", checkpoints]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        while b"inbox.watched" not in (folder / "log").read_bytes():
            time.sleep(0.2)
        before, started, files, vectors, loads = written(process.pid), time.monotonic(), 0, None, 0
        while (passed := time.monotonic() - started) < 60 * minutes:
            text = " ".join(word(random_words.randrange(words)) for _ in range(145))
            (inbox / ".new").write_text(text[:1000])
            (inbox / ".new").rename(inbox / f"{files}.txt")
            files += 1
            if files % max(1, round(60 / every)) == 0:  # a reader, once a minute
                newer = streamer.load(checkpoints, newer_than=vectors)
                loads += newer is not vectors
                vectors = newer
            time.sleep(max(0.0, files * every - (time.monotonic() - started)))
        total = written(process.pid) - before
        figures = asked("status", "--checkpoints", checkpoints)
        process.terminate()
    saved = (folder / "log").read_text().count('"checkpoint.saved"')
    return {
        "files": files,
        "minutes": round(passed / 60, 1),
        "checkpoints": saved,
        "written_gb": round(total / 1e9, 2),
        "written_gb_per_hour": round(total / passed * 3600 / 1e9, 2),
        "gb_per_hour_in_status": round((figures["bytes_written_per_hour"] or 0) / 1e9, 2),
        "loads_of_something_new": loads,
    }


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--every", type=float, default=10, help="seconds between files")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        prepare(folder, given.words)
        print(json.dumps(trickle(folder, given.words, given.minutes, given.every)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
