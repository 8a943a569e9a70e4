"""Every place where a process can die or a call to the file system can fail: what is left is the old state or the new.

Each case starts from two checkpoints and new files, lets one thing go wrong in a real process, and then lets another
finish. Since the end is the same to the bit, whatever lay on disk in between was a state of the undisturbed run.
"""

from __future__ import annotations

import gzip
import shutil
import time
from pathlib import Path

import pytest

import streamer
from streamer.checkpoints import Store
from streamer.state.reading import read_ledger
from streamer.system.failpoints import FAILPOINTS

from ..support.corpus import put, text
from ..support.process import QUICK, Ended, done, run, until
from .accounting import check_accounts
from .state import State

OPTIONS = (*QUICK, "--threads", "1", "--checkpoint-every", "0", "--keep", "2")
LARGE = "large.txt"

# What is not on the way of `watch --once` over some files; each has a test of its own below.
ELSEWHERE = {"folder.make", "folder.sync", "checkpoint.set_aside", "inbox.event", "helper.start"}
ELSEWHERE |= {"replay.trained", "replay.done"}
MOMENTS = {
    "checkpoint.copied", "checkpoint.published", "input.planned", "block.read", "block.advanced", "block.trained",
    "file.finished", "service.started", "service.stopping", "service.saved",
}  # fmt: skip
"""Failpoints between two calls: nothing can fail there, but the process can end."""
CALLS = sorted(FAILPOINTS.keys() - MOMENTS - ELSEWHERE)
OFTEN = ("block.read", "block.advanced", "block.trained", "input.read", "input.open", "checkpoint.write")
SAVING = ("checkpoint.create", "checkpoint.write", "checkpoint.sync", "checkpoint.rename", "checkpoint.sync_name")
SAVED = (*SAVING, "checkpoint.keep", "checkpoint.retire")

KILLS = [f"{name}:kill:1" for name in sorted(FAILPOINTS.keys() - ELSEWHERE)]
KILLS += [f"{name}:kill:{number}" for name in OFTEN for number in (2, 3)]
KILLS += [f"{name}:kill:{number}" for name in (*SAVED, "checkpoint.published") for number in (2, 3)]
ERRORS = [f"{name}:{error}:1" for name in CALLS for error in ("EIO", "ENOSPC")]
ERRORS += [f"{name}:{error}:2" for name in (*SAVED, "input.read") for error in ("EIO", "ENOSPC")]
FOR_EVER = [f"{name}:ENOSPC:{number}+" for name in SAVING for number in (1, 2)]
SHORT = [f"{name}:short:{when}" for name in ("checkpoint.write", "checkpoint.read") for when in ("1", "2", "1+")]
SHORT += ["input.read:short:1", "input.read:short:2", "input.read:short:5"]
ABOUT_CHECKPOINTS = [fault for fault in ERRORS if fault.startswith(("checkpoint", "lock", "inbox.watch"))]
ABOUT_FILES = [fault for fault in ERRORS if fault not in ABOUT_CHECKPOINTS]


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of old files; nobody but the next fixture may change it."""
    inbox = tmp_path_factory.mktemp("failpoints") / "inbox"
    for number in range(6):
        put(inbox / f"{number}.txt", text(number, 4_000), age=9000 - number)
    return inbox


@pytest.fixture(scope="module")
def before(inbox: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return checkpoints of the old files, two of them, and put new ones beside those files.

    Two of the old files are folded: one returns under another name, the other with more text.
    """
    folder = tmp_path_factory.mktemp("before")
    later, gone = [inbox / f"{number}.txt" for number in (4, 5)], [inbox / f"gone{number}.txt" for number in (1, 2)]
    for number, path in enumerate(gone):
        put(path, text(20 + number, 4_000), age=9100 - number)
    for path in later:
        path.rename(path.with_suffix(".tmp"))
    done("watch", inbox, "--once", *OPTIONS, folder=folder)
    for path in gone:
        path.rename(path.with_suffix(".tmp"))
    done("watch", inbox, "--once", *OPTIONS, folder=folder)
    missed = read_ledger(folder / "checkpoints").to_arrays()["gone"].max()
    until(lambda: time.time() > missed + 2, "the time of the files that are gone to be over")
    done("watch", inbox, "--once", *OPTIONS, "--ledger-keep", "1s", folder=folder)
    for path in later:
        path.with_suffix(".tmp").rename(path)
    done("watch", inbox, "--once", *OPTIONS, folder=folder)
    assert len(read_ledger(folder / "checkpoints").to_arrays()["folded/name"]) == len(gone)
    gone[0].with_suffix(".tmp").unlink()
    put(inbox / "more.txt", text(20, 4_000), age=8400)
    gone[1].with_suffix(".tmp").unlink()
    put(gone[1], text(21, 4_000) + text(22, 4_000), age=8500)
    put(inbox / LARGE, text(10, 2_400_000), age=8000)
    put(inbox / "packed.gz", gzip.compress(text(11, 30_000).encode(), mtime=0), age=7000)
    put(inbox / "more" / "noise.bin", bytes(range(256)) * 20, age=6000)
    put(inbox / "more" / "last.txt", text(12, 5_000), age=5000)
    return folder / "checkpoints"


@pytest.fixture(scope="module")
def undisturbed(inbox: Path, before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return checkpoints of the new state, to which nothing happened on the way."""
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(before, folder / "checkpoints")
    done("watch", inbox, "--once", *OPTIONS, folder=folder)
    return folder / "checkpoints"


@pytest.fixture(scope="module")
def expected(undisturbed: Path) -> State:
    """Return the new state."""
    return State.of(undisturbed)


@pytest.fixture
def folder(before: Path, tmp_path: Path) -> Path:
    """Return a folder with the old checkpoints."""
    shutil.copytree(before, tmp_path / "checkpoints")
    return tmp_path


def _broken(fault: str, inbox: Path, folder: Path, *options: str) -> Ended:
    """Run with a fault, which has to happen, and check that what is on disk is whole and balanced."""
    environment = {"STREAMER_FAILPOINT": fault}
    ended = run("watch", inbox, "--once", *OPTIONS, *options, folder=folder, environment=environment)
    assert ended.events("failpoint.reached") if ended.code == 0 else "failpoint.reached" in ended.stderr, fault
    assert "Traceback" not in ended.stderr, ended.stderr
    store = Store(folder / "checkpoints")
    store.verify()
    check_accounts(folder / "checkpoints", inbox, whole=False)
    return ended


def _finished(inbox: Path, folder: Path) -> State:
    done("watch", inbox, "--once", *OPTIONS, folder=folder)
    check_accounts(folder / "checkpoints", inbox)
    assert not list((folder / "checkpoints").glob(".*tmp*"))
    return State.of(folder / "checkpoints")


@pytest.mark.slow
@pytest.mark.parametrize("fault", KILLS)
def test_killed(fault: str, inbox: Path, folder: Path, expected: State) -> None:
    """Dead at this very place, and nothing of it is to be seen in the end."""
    assert _broken(fault, inbox, folder).code == -9
    assert _finished(inbox, folder) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [fault for fault in ERRORS if fault.startswith(("checkpoint", "lock", "inbox.watch"))]
)
def test_an_error_around_checkpoints(fault: str, inbox: Path, folder: Path, expected: State) -> None:
    """The call is not repeated on the same file; the run says so, and ends well or with the code of that failure."""
    ended = _broken(fault, inbox, folder)
    name = fault.partition(":")[0]
    assert ended.code in {"checkpoint.list": (66,), "checkpoint.open": (66,)}.get(name, (0, 74)), ended.stderr
    if name in SAVING and ended.code == 0:
        # One of these calls is for the state that is kept of the checkpoint, without which it is as good.
        assert ended.events("checkpoint.failed") or ended.events("state.not_kept")
    assert _finished(inbox, folder) == expected


@pytest.mark.slow
@pytest.mark.parametrize("fault", FOR_EVER)
def test_a_disk_that_stays_full(fault: str, inbox: Path, folder: Path, expected: State) -> None:
    """All is trained, nothing can be saved: 74, and the last good checkpoint is what it was."""
    good = Store(folder / "checkpoints").list()[0].path.read_bytes()
    ended = _broken(fault, inbox, folder)
    assert ended.code == 74
    assert "cannot write" in ended.stderr
    if fault.endswith(":1+") and not fault.startswith("checkpoint.sync_name"):
        assert Store(folder / "checkpoints").list()[0].path.read_bytes() == good
    assert _finished(inbox, folder) == expected


@pytest.mark.slow
@pytest.mark.parametrize("fault", SHORT)
def test_half_of_what_was_asked_for(fault: str, inbox: Path, folder: Path, expected: State) -> None:
    """A write or a read of fewer bytes than asked for changes nothing at all."""
    assert _broken(fault, inbox, folder).code == 0
    assert State.of(folder / "checkpoints") == expected


@pytest.mark.slow
@pytest.mark.parametrize("fault", ABOUT_FILES)
def test_an_error_of_the_inbox(fault: str, inbox: Path, folder: Path, undisturbed: Path) -> None:
    """The file is refused for that reason, or not seen; it is trained at the next start, each byte once."""
    ended = _broken(fault, inbox, folder)
    assert ended.code == (66 if fault.startswith("inbox.list") else 0), ended.stderr
    _finished(inbox, folder)
    assert State.rows(folder / "checkpoints") == State.rows(undisturbed)


def test_a_file_that_cannot_be_read_in_its_middle(inbox: Path, folder: Path) -> None:
    """What was trained before the error stays trained, the rest is skipped with the reason, until the next start."""
    ended = _broken("input.read:EIO:12", inbox, folder)
    assert ended.code == 0
    reasons = {line["path"]: line["reason"] for line in ended.events("file.skipped")}
    assert "cannot be read: Input/output error" in reasons.values()
    _finished(inbox, folder)


@pytest.mark.slow
@pytest.mark.parametrize("action", ["kill", "EIO", "ENOSPC", "EACCES"])
@pytest.mark.parametrize("name", ["folder.make", "folder.sync"])
def test_no_folder_for_checkpoints(name: str, action: str, inbox: Path, expected: State, tmp_path: Path) -> None:
    """A folder that cannot be made is told with 74 before anything is trained; the next start makes it."""
    nested = ("--checkpoints", "a/b/checkpoints")
    # The first to be synced is the folder above, which was there; one that we may not read is not ours to sync.
    for number in (1, 2, 3) if (name, action) != ("folder.sync", "EACCES") else (2, 3):
        fault = {"STREAMER_FAILPOINT": f"{name}:{action}:{number}"}
        ended = run("watch", inbox, "--once", *OPTIONS, *nested, folder=tmp_path, environment=fault)
        assert ended.code == (-9 if action == "kill" else 74)
        assert not list(tmp_path.rglob("*.h5"))
        shutil.rmtree(tmp_path / "a", ignore_errors=True)
    done("watch", inbox, "--once", *OPTIONS, *nested, folder=tmp_path)


@pytest.mark.parametrize("action", ["kill", "EIO", "ENOSPC"])
def test_a_damaged_checkpoint_that_cannot_be_set_aside(action: str, inbox: Path, folder: Path, expected: State) -> None:
    """The run ends (74) with the damaged file where it was; the next start sets it aside and goes on."""
    newest = Store(folder / "checkpoints").list()[0].path
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    fault = {"STREAMER_FAILPOINT": f"checkpoint.set_aside:{action}:1"}
    ended = run("watch", inbox, "--once", *OPTIONS, folder=folder, environment=fault)
    assert ended.code == (-9 if action == "kill" else 74)
    assert newest.exists()
    assert _finished(inbox, folder) == expected
    assert newest.with_name(f"{newest.name}.damaged").exists()


@pytest.mark.parametrize("when", [2, 3, 4, 5])
def test_an_error_when_old_ones_are_looked_for(when: int, inbox: Path, folder: Path, expected: State) -> None:
    """A listing that fails once the trainer has started is a failure to write, as is said of it."""
    ended = run(
        "watch",
        inbox,
        "--once",
        *OPTIONS,
        folder=folder,
        environment={"STREAMER_FAILPOINT": f"checkpoint.list:EIO:{when}"},
    )
    assert ended.code in (0, 74), ended.stderr
    assert _finished(inbox, folder) == expected


@pytest.mark.slow
@pytest.mark.parametrize("error", ["EAGAIN", "ENOMEM", "EMFILE"])
def test_helpers_that_cannot_be_started(error: str, tmp_path: Path) -> None:
    """Without room for more processes the trainer does all by itself, says so, and learns the same."""
    for number in range(3):
        put(tmp_path / "inbox" / f"{number}.txt", text(200 + number, 3 << 20), age=9000 - number)
    helped = ("watch", "inbox", "--once", *QUICK)
    done(*helped, "--checkpoints", "undisturbed", folder=tmp_path)
    ended = run(*helped, folder=tmp_path, environment={"STREAMER_FAILPOINT": f"helper.start:{error}:1+"})
    assert ended.code == 0
    assert ended.events("workers.unavailable") and ended.events("tokenizer.unavailable")
    assert State.of(tmp_path / "checkpoints") == State.of(tmp_path / "undisturbed")


def test_a_failpoint_that_is_none(tmp_path: Path) -> None:
    """A name, an action or a number that is wrong ends the command with one line."""
    put(tmp_path / "inbox" / "a.txt", text(1, 1_000))
    for wrong in ("nowhere:kill:1", "checkpoint.write:EVIL", "checkpoint.write:kill:once", "checkpoint.write"):
        ended = run("watch", "inbox", "--once", folder=tmp_path, environment={"STREAMER_FAILPOINT": wrong})
        assert (ended.code, ended.stdout) == (2, "")
        assert wrong in ended.stderr and "Traceback" not in ended.stderr


def test_every_failpoint_is_somewhere() -> None:
    """Each name in the list is used once or more in the code, and each that is used is in the list."""
    package = Path(streamer.__file__).parent
    code = "\n".join(path.read_text() for path in package.rglob("*.py") if path.name != "failpoints.py")
    for name in FAILPOINTS:
        assert f'"{name}"' in code, name
    assert len(KILLS + ERRORS + FOR_EVER + SHORT) >= 100
