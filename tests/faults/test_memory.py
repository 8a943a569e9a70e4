"""A machine with too little memory: told in one line, nothing torn on disk, gone on with when there is more."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path

import pytest

from ..support.corpus import put
from ..support.process import Running, done, run, started
from .accounting import check_accounts
from .state import State

OPTIONS = ("--vector-size", "300", "--threads", "1", "--settle", "0", "--rescan", "1", "--min-count", "1")
MIB = 1 << 20


def _many_words(first: int, count: int) -> str:
    return "\n".join(
        " ".join(f"w{n:x}z" for n in range(start, start + 20)) for start in range(first, first + count, 20)
    )


def _limit(trainer: Running, more: int | None) -> None:
    """Let a process have so many more bytes of address space than it has now, or as many as it likes."""
    status = Path(f"/proc/{trainer.pid}/status").read_text()
    size = int(next(line for line in status.splitlines() if line.startswith("VmSize")).split()[1]) * 1024
    soft = resource.RLIM_INFINITY if more is None else size + more
    resource.prlimit(trainer.pid, resource.RLIMIT_AS, (soft, resource.RLIM_INFINITY))


@pytest.mark.slow
def test_no_room_for_more_words(tmp_path: Path) -> None:
    """Where the matrices can't grow the trainer ends with 71 and one line; the next start goes on, to the same bits."""
    put(tmp_path / "inbox" / "a.txt", _many_words(0, 20_000))
    with started("watch", "inbox", *OPTIONS, "--checkpoint-every", "0", folder=tmp_path) as trainer:
        trainer.event("checkpoint.saved")
        trainer.event("file.trained", path="a.txt")
        _limit(trainer, 30 * MIB)
        put(tmp_path / "inbox" / "b.txt", _many_words(20_000, 60_000), age=1800)
        ended = trainer.ended()
    assert ended.code == 71, ended.stderr
    assert "out of memory" in ended.stderr and "Traceback" not in ended.stderr
    done("verify", folder=tmp_path)
    done("watch", "inbox", "--once", *OPTIONS, folder=tmp_path)
    check_accounts(tmp_path / "checkpoints", tmp_path / "inbox")
    done("watch", "inbox", "--once", *OPTIONS, "--checkpoints", "undisturbed", folder=tmp_path)
    assert State.of(tmp_path / "checkpoints") == State.of(tmp_path / "undisturbed")


@pytest.mark.slow
def test_no_room_for_a_checkpoint(tmp_path: Path) -> None:
    """Where there is no memory for a copy, training goes on, it is said, and saved as soon as there is some."""
    put(tmp_path / "inbox" / "a.txt", _many_words(0, 60_000))
    with started("watch", "inbox", *OPTIONS, "--checkpoint-every", "0", folder=tmp_path) as trainer:
        trainer.event("file.trained", path="a.txt")
        trainer.event("checkpoint.saved")
        _limit(trainer, 40 * MIB)
        for number in range(4):  # room for the next checkpoints may have been made before there was a limit
            put(tmp_path / "inbox" / f"b{number}.txt", _many_words(20_000 + 2_000 * number, 2_000), age=1800 - number)
            trainer.event("file.trained", path=f"b{number}.txt")
            time.sleep(1)
        failed = trainer.event("checkpoint.failed")
        assert "memory" in failed["problem"]
        put(tmp_path / "inbox" / "c.txt", _many_words(40_000, 2_000), age=1700)
        trainer.event("file.trained", path="c.txt")
        _limit(trainer, None)
        saved = len(trainer.events("checkpoint.saved"))
        trainer.event("checkpoint.saved", saved + 1)
        assert trainer.stopped().code == 0
    check_accounts(tmp_path / "checkpoints", tmp_path / "inbox")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_from_little_memory_to_enough(tmp_path: Path) -> None:
    """Started with any limit between too little for Python and enough, it ends with an exit code, never a signal."""
    put(tmp_path / "inbox" / "a.txt", _many_words(0, 40_000))
    codes = []
    for size in range(200, 1001, 100):
        limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({size * MIB}, {size * MIB}));"
        start = f"{limit} os.execv(sys.executable, [sys.executable, '-m', 'streamer', *sys.argv[1:]])"
        one_thread = {"OPENBLAS_NUM_THREADS": "1"}  # whose buffers alone are more than that, for each thread
        command = (sys.executable, "-c", start)
        arguments = ("watch", "inbox", "--once", *OPTIONS, "--checkpoints", f"of-{size}")
        codes.append(run(*arguments, folder=tmp_path, environment=one_thread, command=command).code)
    assert codes[-1] == 0, codes
    assert all(code >= 0 for code in codes), codes
