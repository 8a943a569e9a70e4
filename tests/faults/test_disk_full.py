"""Real disks that are too small: no trainer dies of one, and what was saved stays saved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ..checkpoints.test_publish import can_mount
from ..checkpoints.trees import ROOT
from ..support.corpus import put, text
from ..support.process import done
from .conftest import Amount, Tell
from .small_disk import OPTIONS
from .state import State

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an inbox, and one file in it that is to come late."""
    for number in range(8):
        put(tmp_path / "inbox" / f"{number}.txt", text(number, 20_000), age=9000 - number)
    put(tmp_path / "inbox" / "large.txt", text(10, 1_500_000), age=8000)
    put(tmp_path / "inbox" / "late.tmp", text(20, 20_000), age=10)
    (tmp_path / "disk").mkdir()
    return tmp_path


def _on(options: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run :mod:`small_disk` on a tmpfs mounted with these options."""
    mount = f'mount -t tmpfs -o {options} none disk && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-m", "tests.faults.small_disk", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


@pytest.mark.timeout(3600)
def test_disks_of_all_sizes(folder: Path, amount: Amount, tell: Tell) -> None:
    """From no page to room for all: 0 or 74, never a signal, never an older checkpoint than before."""
    whole = sum(path.stat().st_size for path in _undisturbed(folder).rglob("*.h5"))
    assert list((folder / "undisturbed").glob("cold-*.h5"))
    assert list((folder / "undisturbed").glob("snapshots/*.h5"))
    count = amount(10, 40)
    sizes = [4096 * (1 + int(1.3 * whole / 4096 * (step / (count - 1)) ** 2)) for step in range(count)]
    outcomes = []
    with ThreadPoolExecutor(2) as pool:  # each disk has a mount of its own
        on_sizes = pool.map(lambda size: _on(f"size={size}", folder), sizes)
        on_inodes = pool.map(lambda inodes: _on(f"size=16m,nr_inodes={inodes}", folder), range(1, 8))
    for size, told in zip(sizes, on_sizes, strict=True):
        assert set(told["codes"]) <= {0, 74}, (size, told)
        assert told["lost"] == 0 and told["newest"] >= 0, (size, told)
        assert told["newest"] > 0 or told["codes"] == [74, 74], (size, told)
        outcomes.append(told["codes"][-1])
    assert outcomes[0] == 74 and outcomes[-1] == 0, outcomes
    tell(f"disks too small: {count} sizes from {sizes[0]:,} to {sizes[-1]:,} bytes: 0 deaths, 0 last good ones lost")
    for inodes, told in enumerate(on_inodes, 1):
        assert set(told["codes"]) <= {0, 74} and told["lost"] == 0, (inodes, told)


def test_started_with_no_byte_free(folder: Path, tell: Tell) -> None:
    """A service starts on a full disk, trains, says what is wrong, and saves by itself once there is room."""
    told = _on("size=16m", folder, "fill")
    assert told["codes"] == [0, 0]
    assert "No space left on device" in told["problem"]
    assert told["kept"] and told["stopped"] == 0
    (folder / "inbox" / "late.tmp").rename(folder / "inbox" / "late.txt")
    assert told["learned"] == State.of(_undisturbed(folder)).learned
    tell(f"full disk: saved {told['seconds']:.1f} s after there was room again")


def _undisturbed(folder: Path) -> Path:
    """Return checkpoints of the inbox as it is now, on a disk with room."""
    done("watch", "inbox", "--once", *OPTIONS, "--checkpoints", "undisturbed", folder=folder)
    return folder / "undisturbed"
