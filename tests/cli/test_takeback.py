"""``forget`` and ``rollback`` as people call them, and killed in the middle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from streamer.checkpoints import Store

from ..faults.state import State
from ..support.corpus import put, text
from ..support.process import QUICK, done, run

FLAGS = (*QUICK, "--threads", "1", "--keep-states", "all", "--keep", "2")
KILLS = [
    *("replay.trained:kill", "replay.done:kill", "checkpoint.create:kill"),
    *("checkpoint.write:kill:2", "checkpoint.sync:kill", "checkpoint.rename:kill", "checkpoint.sync_name:kill"),
    *("checkpoint.reread:kill", "checkpoint.published:kill", "checkpoint.keep:kill", "checkpoint.retire:kill:2"),
]


def made(folder: Path) -> Path:
    """Return a folder with an inbox and checkpoints, from three runs."""
    for number, name in enumerate(("a.txt", "b.txt", "c.txt")):
        put(folder / "inbox" / name, text(number, 6_000), age=9000 - number)
        done("watch", "inbox", "--once", *FLAGS, folder=folder)
    return folder


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return such a folder; nobody may change it."""
    return made(tmp_path_factory.mktemp("stream"))


@pytest.mark.slow
def test_a_file_is_taken_out(tmp_path: Path) -> None:
    """The plan, the doing, what `files` says then, and that it is not trained again."""
    folder = made(tmp_path)
    plan = done("forget", "inbox/b.txt", "--dry-run", folder=folder).stdout
    assert plan.startswith("out: b.txt\nfrom: state-0000000001") and "trained again: 1 file, " in plan
    ended = done("forget", "inbox/b.txt", "--purge", *FLAGS[-4:], folder=folder)
    assert "checkpoint-0000000004.h5 is the model that never saw it" in ended.stdout + ended.stderr
    rows = {row["path"]: row for row in done("files", "--json", folder=folder).json}
    assert rows["b.txt"]["outcome"] == "forgotten" and rows["b.txt"]["words"] == 0
    assert done("status", "--json", folder=folder).json["files"]["forgotten"] == 1
    listed = done("files", "--outcome", "forgotten", folder=folder).stdout
    assert "b.txt" in listed and "taken out" in listed
    done("verify", folder=folder)
    before = State.of(folder / "checkpoints")
    (folder / "inbox/b.txt").rename(folder / "inbox/new.txt")
    done("watch", "inbox", "--once", *FLAGS, folder=folder)
    after = State.of(folder / "checkpoints")
    assert {key for key in before.leaves if before.leaves[key] != after.leaves[key]} <= {
        key for key in before.leaves if key.startswith("ledger/")
    }
    assert "forgotten" in done("forget", "b.txt", folder=folder).stdout


@pytest.mark.slow
def test_back_and_forth(tmp_path: Path) -> None:
    """After a rollback, the next run trains what came later: the same model as before."""
    folder = made(tmp_path)
    before = State.of(folder / "checkpoints")
    assert "out: c.txt\n" in done("rollback", "--to", "checkpoint-0000000002", "--dry-run", folder=folder).stdout
    done("rollback", "--to", "checkpoint-0000000002", folder=folder)
    assert len(done("files", "--json", folder=folder).json) == 2
    done("watch", "inbox", "--once", *FLAGS, folder=folder)
    after = State.of(folder / "checkpoints")
    assert [key for key in before.leaves if before.leaves[key] != after.leaves[key]] in ([], ["snapshots/clock"])


@pytest.mark.slow
@pytest.mark.parametrize("kill", KILLS)
def test_killed_meanwhile(stream: Path, tmp_path: Path, kill: str) -> None:
    """With SIGKILL: the folder has the old state or the new one, and the same command completes."""
    undisturbed, folder = (shutil.copytree(stream / "checkpoints", tmp_path / name) for name in ("one", "two"))
    old = State.of(folder).leaves
    command = ("forget", "b.txt", *FLAGS[-4:], "--checkpoints")
    done(*command, undisturbed, folder=stream)
    new = State.of(undisturbed).leaves
    assert run(*command, folder, folder=stream, environment={"STREAMER_FAILPOINT": kill}).code == -9
    assert State.of(folder).leaves in (old, new)
    done(*command, folder, folder=stream)
    assert State.of(folder).leaves == new
    numbers = [[state.sequence for state in Store(each).states.list()] for each in (undisturbed, folder)]
    assert numbers[0] == numbers[1] and len(Store(folder).list()) == 2


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["forget", "nosuch.txt"], 66),
        (["forget"], 2),
        (["rollback"], 2),
        (["rollback", "--to", "never"], 66),
        (["forget", "a.txt", "--threads", "0"], 78),
    ],
)
def test_exit_codes(command: list[str], code: int, tmp_path: Path) -> None:
    """One line that says what is wrong, and no folder of checkpoints that was not there."""
    ended = run(*command, folder=tmp_path)
    assert ended.code == code and "Traceback" not in ended.stderr and not (tmp_path / "checkpoints").exists()
