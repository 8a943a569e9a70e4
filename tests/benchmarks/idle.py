"""The share of a core that `watch` takes for an inbox of many known files: idle, or with a small file now and then.

    python -m tests.benchmarks.idle --files 100000 --folders 20 --minutes 10
    python -m tests.benchmarks.idle --files 100000 --folders 1 --minutes 5 --every 10
    python -m tests.benchmarks.idle --files 1000000 --folders 100 --minutes 10 -- --poll

The files are made and trained first, which takes a minute for 100,000. Then a `watch` of its own runs at default
settings, and at those behind `--`. Its first scan does not count. With a million files, one scan may be all that falls
into many minutes, or none: so the seconds of a scan are told too, and the share that they come to in the long run.
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
from collections.abc import Sequence
from pathlib import Path

from streamer.intake.inbox import SCAN_SHARE

COMMAND = (sys.executable, "-m", "streamer")


def text(chance: random.Random, words: int) -> str:
    """Return words, all different from those of any other text."""
    return " ".join(f"w{chance.randrange(20_000)}" for _ in range(words)) + "\n"


def prepare(folder: Path, files: int, folders: int) -> None:
    """Make an inbox of files of ten words, and train it."""
    chance = random.Random(1)
    for number in range(folders):
        (folder / "inbox" / f"{number:03}").mkdir(parents=True)
    for number in range(files):
        path = folder / "inbox" / f"{number % folders:03}" / f"{number}.txt"
        path.write_text(text(chance, 10))
        os.utime(path, (1e9, 1e9))
    command = [*COMMAND, "watch", "inbox", "--once", "--log-every", "60s"]
    subprocess.run(command, check=True, cwd=folder, stderr=subprocess.DEVNULL)


def cpu(pid: int) -> float:
    """Return the processor time of a process, and of those it started and that ended, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, minutes: float, every: float, options: Sequence[str]) -> dict[str, object]:
    """Let a `watch` run, feed it if `every` is not 0, and return what it took."""
    chance = random.Random(2)
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([*COMMAND, "watch", "inbox", *options], cwd=folder, stdout=log, stderr=log) as process,
    ):
        while b"inbox.watched" not in (folder / "log").read_bytes():
            time.sleep(0.1)
        loaded = cpu(process.pid)
        before = -1.0
        while cpu(process.pid) - before > 0.3:  # it scans for the first time
            before = cpu(process.pid)
            time.sleep(5)
        started, fed = time.monotonic(), 0
        while (passed := time.monotonic() - started) < 60 * minutes:
            if every:
                (folder / "inbox" / "000" / f"fed-{fed}.txt").write_text(text(chance, 170))
                fed += 1
            time.sleep(every or min(5.0, 60 * minutes - passed + 0.01))
        used = cpu(process.pid) - before
        process.terminate()
    scan = before - loaded
    return {
        "share_percent": round(100 * used / passed, 2),
        "files_fed": fed,
        "scan_seconds": round(scan, 2),
        "share_of_scans_percent": round(100 * scan / max(5.0, SCAN_SHARE * scan), 2),
    }


def main() -> None:
    """Measure, and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--folders", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=0, help="seconds between small files; 0 for none")
    parser.add_argument("options", nargs="*", help="options of `watch`, behind --")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        prepare(folder, given.files, given.folders)
        print(json.dumps(measure(folder, given.minutes, given.every, given.options)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
