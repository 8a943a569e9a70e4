"""The folder of checkpoints: what stays in it, and what happens when the disk takes no more."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from ..support.corpus import put, text
from ..support.process import QUICK, done, files, started


def test_so_many_are_kept_and_nothing_else(tmp_path: Path) -> None:
    """--keep says how many checkpoints stay; nothing half-written is left beside them."""
    for number in range(3):
        put(tmp_path / "inbox" / f"{number}.txt", text(number, 5_000))
        done("watch", "inbox", "--once", *QUICK, "--keep", "2", folder=tmp_path)
    names = ["checkpoint-0000000002.h5", "checkpoint-0000000003.h5"]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [".lock", *names, "states"]


@pytest.mark.slow
def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """A disk that takes no checkpoint is told and tried again, and the last good one answers; 74 if it ends like that.

    The disk is full for one process: its limit on the size of files, which the log stays under, has the same effect.
    """
    put(tmp_path / "inbox" / "a.txt", text(1, 20_000))
    with started("watch", "inbox", *QUICK, "--checkpoint-every", "1", "--fresh", "1", folder=tmp_path) as trainer:

        def limit(size: int) -> None:
            resource.prlimit(trainer.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        trainer.event("checkpoint.saved")
        limit(10_000)
        put(tmp_path / "inbox" / "b.txt", text(2, 20_000))
        failed = trainer.event("checkpoint.failed")
        assert failed["problem"] and failed["hint"]
        assert list(files(tmp_path)) == ["a.txt"]
        limit(resource.RLIM_INFINITY)
        trainer.event("checkpoint.saved", 2)
        assert list(files(tmp_path)) == ["a.txt", "b.txt"]

        limit(10_000)
        put(tmp_path / "inbox" / "c.txt", text(3, 20_000))
        trainer.event("file.trained", path="c.txt")
        ended = trainer.stopped()
    assert ended.code == 74
    assert "cannot write" in ended.stderr.splitlines()[-2] + ended.stderr.splitlines()[-1]
    done("verify", folder=tmp_path)
    assert not [path for path in (tmp_path / "checkpoints").iterdir() if ".tmp" in path.name]
    again = done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    assert [line["path"] for line in again.events("file.trained")] == ["c.txt"]
