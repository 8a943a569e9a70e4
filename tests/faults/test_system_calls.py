"""Errors that the kernel returns, put in by strace: past the failpoints, in case a call does not go through them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from streamer.checkpoints import Store
from streamer.errors import StreamerError

from ..support.corpus import put, text
from ..support.process import COMMAND, QUICK, done, run
from .accounting import check_accounts
from .conftest import Amount, Tell
from .state import State

OPTIONS = (*QUICK, "--threads", "1", "--checkpoint-every", "0", "--keep", "1")
CALLS = ("fsync", "rename", "unlink", "mkdir", "flock", "pwrite64")
ERRORS = ("EIO", "ENOSPC", "EACCES")
REACHED = "(INJECTED)"


def _can_trace() -> bool:
    traced = ["strace", "-f", "-e", "trace=fsync", "-e", "inject=fsync:error=EIO:when=1", "true"]
    return shutil.which("strace") is not None and subprocess.run(traced, capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not _can_trace(), reason="needs strace, and the right to trace")
@pytest.mark.timeout(1200)
def test_errors_of_the_kernel(tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """Whichever call fails, a checkpoint that was said to be saved is there and whole, and the end is the same."""
    for number in range(4):
        put(tmp_path / "inbox" / f"{number}.txt", text(number, 10_000), age=9000 - number)
    put(tmp_path / "inbox" / "large.txt", text(10, amount(1_500_000, 8_000_000)), age=8000)
    done("watch", "inbox", "--once", *OPTIONS, "--checkpoints", "undisturbed", folder=tmp_path)
    expected = State.of(tmp_path / "undisturbed")
    cases = failures = 0
    for call in CALLS:
        for when in range(1, amount(2, 9)):
            error = ERRORS[when % 3]
            checkpoints = tmp_path / f"{call}-{when}"
            trace = tmp_path / f"{call}-{when}.trace"
            inject = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]
            strace = ("strace", "-f", "-qq", "-o", str(trace), *inject)
            arguments = ("watch", "inbox", "--once", *OPTIONS, "--checkpoints", checkpoints)
            ended = run(*arguments, folder=tmp_path, command=(*strace, *COMMAND))
            if REACHED not in trace.read_text():
                break
            cases += 1
            failures += ended.code != 0
            assert ended.code in (0, 74), (call, when, ended.stderr)
            assert "Traceback" not in ended.stderr
            said = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
            saved = [line["name"] for line in said if line["event"] == "checkpoint.saved"]
            found = _newest(checkpoints)
            assert found >= max(saved, default=""), (call, when, saved, found)
            done(*arguments, folder=tmp_path)
            assert State.of(checkpoints).learned == expected.learned, (call, when)
            check_accounts(checkpoints, tmp_path / "inbox")
            shutil.rmtree(checkpoints)
    assert cases >= len(CALLS)
    tell(f"errors of the kernel: {cases} cases, {failures} of which ended with 74, none with a false 'saved'")


def _newest(checkpoints: Path) -> str:
    """Return the name of the newest checkpoint, which has to be whole, or nothing."""
    try:
        found = Store(checkpoints).load_newest()
    except StreamerError as error:
        raise AssertionError(error) from error
    return found[0].name if found else ""
