"""All that a real trainer does to its folder of checkpoints goes through the seam: the kernel says so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Tell

ROOT = Path(__file__).parents[2]

RUN = """
import json, sys
from pathlib import Path
from streamer.cli.app import cli
from tests.faults.power import Recorder

record = Recorder(Path(sys.argv[1]))
with record.recording():
    cli(sys.argv[2:], standalone_mode=False)
paths, lines = {}, []
for done in record.done:
    path = str(done.path)
    if done.what == "create":
        paths[done.other] = path
    elif done.what in ("write", "sync"):
        path = paths[done.other[0] if done.what == "write" else done.other]
    size = len(done.other[1]) if done.what == "write" else 0
    lines.append([done.what, path, str(done.other) if done.what in ("link", "rename") else "", size])
print(json.dumps(lines))
"""
"""One process that records what it does by itself, while strace looks."""

CALLS = (
    "open openat openat2 creat write pwrite64 writev pwritev pwritev2 fsync fdatasync sync syncfs sync_file_range "
    "rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat ftruncate truncate fallocate link linkat symlink "
    "symlinkat copy_file_range sendfile splice"
)
WHAT = {"fsync": "sync", "rename": "rename", "unlink": "remove", "mkdir": "mkdir", "write": "write"}
WHAT |= {"link": "link", "linkat": "link"}


def can_trace() -> bool:
    """Say whether strace is here and may trace."""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode == 0


def traced(folder: Path, *arguments: object) -> tuple[list[list[object]], list[list[object]]]:
    """Run a command; return what it recorded of the folder ``work``, and what strace saw."""
    work, log = folder / "work", folder / "strace.txt"
    calls = ",".join(f"?{call}" for call in CALLS.split())
    command = ["strace", "-f", "-y", "-s", "0", "-o", str(log), "-e", f"trace={calls}", sys.executable, "-c", RUN]
    done = subprocess.run(
        [*command, str(work), *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    recorded = [line for line in json.loads(done.stdout.splitlines()[-1]) if line[1].startswith(f"{work}")]
    return recorded, list(_seen(log.read_text(), str(work)))


def _seen(log: str, work: str) -> list[list[object]]:
    """Translate what strace wrote about a folder into the words of the record."""
    found: list[list[object]] = []
    begun: dict[str, str] = {}
    for line in log.splitlines():
        thread, _, call = line.partition(" ")
        call = call.lstrip()
        if call.endswith("<unfinished ...>"):
            begun[thread] = call.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>", call):
            call = begun.pop(thread) + call[resumed.end() :]
        matched = re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", call)
        if not matched or int(matched[3]) < 0:
            continue
        name, arguments, result = matched[1], matched[2], int(matched[3])
        paths = [
            path for pair in re.findall(r'"([^"]*)"|<([^>]*)>', arguments) for path in pair if path.startswith(work)
        ]
        if not paths or paths[0].endswith("/.lock"):  # filelock's, and one line of ours that nothing depends on
            continue
        if "O_TMPFILE" in arguments:  # filelock's trial of what locks there: a file that never has a name
            continue
        if name.startswith("open"):
            if not re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND", arguments):
                continue
            what = "create" if "O_CREAT" in arguments and "O_EXCL" in arguments else name
        else:
            what = WHAT.get(name, name)
        if what == "sync" and Path(paths[0]).is_dir():
            what = "sync_folder"
        size = result if what == "write" else 0
        found.append([what, paths[0], paths[1] if what in ("link", "rename") else "", size])
    return found


@pytest.mark.slow
@pytest.mark.skipif(not can_trace(), reason="needs strace, and the right to trace")
def test_what_the_kernel_sees_is_what_is_recorded(tmp_path: Path, tell: Tell) -> None:
    """New folders, saves, retirement, leftovers, a damaged newest: the same calls in the same order, and no others."""
    work, inbox = tmp_path / "work", tmp_path / "inbox"
    work.mkdir()
    inbox.mkdir()
    checkpoints = work / "new" / "checkpoints"
    common = ["watch", inbox, "--once", "--checkpoints", checkpoints, "--settle", "0", "--vector-size", "8"]
    kinds: set[object] = set()
    for number in range(4):
        (inbox / f"{number}.txt").write_text("the king sat in the castle with the queen and the dog\n" * 50)
        if number == 3:
            newest = max(checkpoints.glob("*.h5"))
            newest.write_bytes(newest.read_bytes()[:-1])
            (checkpoints / ".checkpoint-0000000009.h5.tmp-4711").write_bytes(b"half")
        recorded, seen = traced(tmp_path, *common, "--min-count", "1", "--threads", "1", "--keep", "2")
        assert recorded == seen
        kinds.update(what for what, *_ in recorded)
        assert len(recorded) >= 6
    assert kinds == {"mkdir", "create", "write", "sync", "rename", "remove", "sync_folder", "link"}
    assert (checkpoints / f"{newest.name}.damaged").exists()
    tell("power loss: in 4 traced runs the kernel saw what was recorded, in that order, and nothing else")
