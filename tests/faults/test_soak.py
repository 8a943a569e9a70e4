"""A service over a long time: what it holds of the machine does not grow with what it has done."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from ..support.corpus import put, text
from ..support.process import QUICK, Running, started
from .accounting import check_accounts
from .conftest import Amount, Tell

MIB = 1 << 20


def _holds(trainer: Running) -> tuple[int, int, int]:
    """Return what a process holds: bytes of memory, open files, threads."""
    process = Path(f"/proc/{trainer.pid}")
    fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    files = len(os.listdir(process / "fd"))  # noqa: PTH208 - pathlib says no more of them
    return int(fields["VmRSS"].split()[0]) * 1024, files, int(fields["Threads"])


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(3600)
def test_nothing_leaks(tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """Files of known words, good and bad, grown and rewritten, with checkpoints all the time: nothing grows."""
    inbox = tmp_path / "inbox"
    put(inbox / "words.txt", text(0, 300_000))
    seconds = amount(8, 300)
    samples: list[tuple[int, int, int]] = []
    number = 0
    options = (*QUICK, "--rescan", "0.2", "--checkpoint-every", "0.2")
    with started("watch", inbox, *options, folder=tmp_path) as trainer:
        trainer.event("file.trained")
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            for _ in range(5):
                put(inbox / f".{number}", text(number % 20, 20_000), age=0).rename(inbox / f"{number % 300}.txt")
                number += 1
            put(inbox / ".bad", bytes(range(256)) * 10, age=0).rename(inbox / "bad.bin")
            with (inbox / "log.txt").open("a") as log:
                log.write(text(number % 20, 1_000))
            time.sleep(0.2)
            samples.append(_holds(trainer))
        ended = trainer.stopped()
    assert ended.code == 0
    for line in ended.stderr.splitlines():
        assert json.loads(line)["event"] != "thread.failed"
    check_accounts(tmp_path / "checkpoints", inbox, whole=False)
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    growth = min(sample[0] for sample in last) - min(sample[0] for sample in middle)
    files, threads = ({sample[what] for sample in middle + last} for what in (1, 2))
    tell(
        f"soak of {seconds:.0f} s, {number:,} files: memory {samples[-1][0] / MIB:.0f} MiB, grew by "
        f"{growth / MIB:.1f} MiB in the last third; open files {sorted(files)}, threads {sorted(threads)}"
    )
    assert growth < 4 * MIB
    assert max(files) - min(files) <= 6 and max(threads) - min(threads) <= 1
