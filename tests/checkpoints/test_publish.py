"""What survives full disks, failing disks, kills, and readers and writers at the same time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from streamer.checkpoints import Checkpoint, Store
from streamer.errors import ExitCode, StreamerError
from streamer.system import disk

from .trees import ROOT, filled, run, tree


def test_a_failed_save_leaves_the_last_good_one_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If fsync or rename fails, it is not tried again: the half-written file goes and 74 says where and why."""
    store = filled(tmp_path, 1)
    good = store.list()[0].path.read_bytes()
    calls: list[int] = []

    def fails(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fails)
        for number in (2, 1):
            with pytest.raises(StreamerError, match="Input/output error") as refused:
                store.save(tree(99), number)
            assert refused.value.code == ExitCode.CANNOT_WRITE
            assert f"checkpoint-000000000{number}.h5" in refused.value.problem
            assert refused.value.hint
    assert len(calls) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000000001.h5"]
    assert store.list()[0].path.read_bytes() == good


@pytest.mark.parametrize("fails", ["sync_folder", "forget_cached"])
def test_a_disk_that_fails_each_time_does_not_fill_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """What got its name, and could not be made durable or read again, is removed; the last good one stays."""
    store = filled(tmp_path, 1)

    def broken(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(disk, fails, broken)
        for number in range(2, 7):
            with pytest.raises(StreamerError) as refused:
                store.save(tree(number), number)
            assert refused.value.code == ExitCode.CANNOT_WRITE
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-0000000001.h5"]
    assert Store(tmp_path / "new").save(tree(1), 1).sequence == 1


def test_the_first_of_all_is_not_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that may be whole is better than none."""

    def broken(folder: Path, name: str) -> None:
        if name == "checkpoint.sync_name":
            raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(disk, "sync_folder", broken)
        with pytest.raises(StreamerError):
            Store(tmp_path).save(tree(1), 1)
    assert Store(tmp_path).verify().sequence == 1


def test_an_interrupted_save_leaves_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle of writing removes what was written."""

    def interrupted(descriptor: int, data: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Store(tmp_path).save(tree(1), 1)
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel may write less than it was given."""
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data[:777])))
        Store(tmp_path).save(tree(1, 10_000), 1)
    assert Store(tmp_path).verify().sequence == 1


SAVE_UNTIL_FULL = """
import os, sys
from pathlib import Path
import numpy as np
from streamer.checkpoints import Store
from streamer.errors import StreamerError
store = Store(Path(sys.argv[1]))
with store.lock():
    for number in range(1, 200):
        try:
            store.save({"a": np.full(number * 10_000, number, np.uint8)}, number)
        except StreamerError as error:
            print(int(error.code), error.problem, error.hint, sep="|")
            break
    print([name for name in os.listdir(store.folder) if "tmp" in name])
    print(store.load_newest()[0].sequence == number - 1)
    filler = os.open(store.folder / "filler", os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(filler, b"x" * 4096)
    except OSError:
        pass
with store.lock():
    print(store.holder() == os.getpid(), store.load_newest()[0].sequence == number - 1)
    os.unlink(store.folder / "filler")
    store.retire(1)
    print(store.save({"a": 1}, number).sequence == number)
"""


def can_mount() -> bool:
    """Say whether this process may mount a file system of its own."""
    command = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.alone
@pytest.mark.skipif(not can_mount(), reason="needs the right to mount a small file system")
def test_a_full_disk_keeps_the_last_good_one_and_the_way_back(tmp_path: Path) -> None:
    """A real full disk: 74 with a hint, no rubbish, the last one whole, a start with no byte free, and then on."""
    mount = 'mount -t tmpfs -o size=1m none "$0" && cd "$0" && exec "$@"'
    out = run(SAVE_UNTIL_FULL, tmp_path, prefix=("unshare", "-m", "sh", "-c", mount, str(tmp_path))).splitlines()
    code, problem, hint = out[0].split("|")
    assert code == "74"
    assert "No space left on device" in problem
    assert "free some space" in hint
    assert out[1:] == ["[]", "True", "True True", "True"]


def test_a_limit_on_file_sizes_is_a_writing_error(tmp_path: Path) -> None:
    """Where files may only be small, 74 says so and the last good one stays."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
    code = limit + SAVE_UNTIL_FULL.partition("    filler =")[0]
    out = run(code, tmp_path).splitlines()
    assert out[0].startswith("74|")
    assert "ulimit" in out[0]
    assert out[1:] == ["[]", "True"]


PUBLISH = """
import sys
from pathlib import Path
import numpy as np
from streamer.checkpoints import Store
store = Store(Path(sys.argv[1]))
with store.lock():
    for number in range(2, 1_000_000):
        store.save({"a": np.full(50_000, number)}, number)
        store.retire(1)
"""


def test_readers_never_notice_the_trainer(tmp_path: Path) -> None:
    """200 reads while a trainer publishes and retires as fast as it can: always a whole one, never an older one."""
    store = Store(tmp_path)
    store.save({"a": np.full(50_000, 1)}, 1)
    seen: list[int] = []

    def damaged(checkpoint: Checkpoint, reason: str) -> None:
        raise AssertionError(f"{checkpoint.name}: {reason}")

    with subprocess.Popen([sys.executable, "-c", PUBLISH, str(tmp_path)], cwd=ROOT) as trainer:
        try:
            deadline = time.monotonic() + 30
            while store.holder() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            for _ in range(200):
                loaded = store.load_newest(on_damage=damaged)
                assert loaded is not None
                checkpoint, found = loaded
                assert np.array_equal(found["a"], np.full(50_000, checkpoint.sequence))
                seen.append(checkpoint.sequence)
            assert trainer.poll() is None
        finally:
            trainer.kill()
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_a_trainer_killed_while_saving_leaves_a_whole_one(tmp_path: Path) -> None:
    """After kill -9 at any moment the newest is whole, and the next start sweeps up."""
    store = Store(tmp_path)
    store.save({"a": np.full(50_000, 1)}, 1)
    for pause in (0.0, 0.01, 0.05):
        with subprocess.Popen([sys.executable, "-c", PUBLISH, str(tmp_path)], cwd=ROOT) as trainer:
            deadline = time.monotonic() + 30
            while store.holder() != trainer.pid and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(pause)
            trainer.kill()
        loaded = store.load_newest()
        assert loaded is not None
        with store.lock():
            store.retire(3)
        assert not list(tmp_path.glob(".*tmp*"))
