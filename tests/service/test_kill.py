"""Killed or stopped at any moment and started again, a run ends as if nothing had happened, to the bit."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from streamer.intake.reader import PIECE
from streamer.state.reading import read_ledger

from ..support.corpus import large, put
from ..support.process import QUICK, done, run, started, until
from ..support.undisturbed import Result

OFTEN = ("--checkpoint-every", "0")  # seconds: whenever a block is done and the last checkpoint is on disk


def _in_the_middle(checkpoints: Path) -> bool:
    """Return whether the newest checkpoint was taken in the middle of a file, and not in its last block."""
    if not any(checkpoints.glob("*.h5")):
        return False
    entry = read_ledger(checkpoints).under_way
    return entry is not None and 0 < entry.offset < entry.text_bytes - 2 * PIECE


def test_killed_at_random_moments(inbox: Path, tmp_path: Path, expected: Result) -> None:
    """Five kill -9 at random moments, some in the middle of a file, leave the vectors, counts and ledger of none."""
    checkpoints = tmp_path / "checkpoints"
    rng = random.Random(20)
    middle = False
    for kill in range(5):
        with started("watch", inbox, "--once", *QUICK, *OFTEN, folder=tmp_path) as trainer:
            trainer.event("service.started")
            if kill:  # the first comes before anything was saved
                trainer.event("checkpoint.saved")
            time.sleep(rng.uniform(0, 0.03))
            trainer.killed()
        middle = middle or _in_the_middle(checkpoints)
    assert middle
    ended = done("watch", inbox, "--once", *QUICK, *OFTEN, folder=tmp_path)
    assert ended.events("checkpoint.resumed")
    assert Result.told(tmp_path) == expected


def test_killed_while_a_checkpoint_is_written(inbox: Path, tmp_path: Path, expected: Result) -> None:
    """A kill between the first byte of a checkpoint and its rename costs nothing, and its rest is cleared away."""
    checkpoints = tmp_path / "checkpoints"
    for _ in range(2):
        with started("watch", inbox, "--once", *QUICK, *OFTEN, folder=tmp_path) as trainer:
            until(lambda: next(checkpoints.glob(".checkpoint-*.tmp-*"), None), "a checkpoint being written")
            trainer.killed()
    done("watch", inbox, "--once", *QUICK, folder=tmp_path)
    assert Result.of(tmp_path) == expected
    assert {path.name for path in checkpoints.iterdir() if path.suffix != ".h5"} == {".lock", "states"}


def test_any_number_of_threads(inbox: Path, tmp_path: Path, expected: Result) -> None:
    """One thread makes the bits that two make."""
    done("watch", inbox, "--once", *QUICK, "--threads", "1", folder=tmp_path)
    assert Result.of(tmp_path) == expected


def test_cbow_too(tmp_path: Path) -> None:
    """CBOW, killed and gone on with by another number of threads, is CBOW never stopped."""
    put(tmp_path / "inbox" / "large.txt", large(3 << 20))
    command = ("watch", "inbox", "--once", *QUICK, *OFTEN, "--architecture", "cbow")
    done(*command, "--checkpoints", "whole", folder=tmp_path)
    with started(*command, folder=tmp_path) as trainer:
        trainer.event("checkpoint.saved")
        trainer.killed()
    done(*command, "--threads", "1", folder=tmp_path)
    assert Result.of(tmp_path) == Result.of(tmp_path, "whole")


def test_the_first_signal_saves_in_the_middle_of_a_file(inbox: Path, tmp_path: Path, expected: Result) -> None:
    """SIGTERM amid a large file: exit 0 within 5 s, the part that was trained is saved, the next run does the rest."""
    checkpoints = tmp_path / "checkpoints"
    with started("watch", inbox, *QUICK, *OFTEN, folder=tmp_path) as trainer:
        until(lambda: _in_the_middle(checkpoints), "the middle of a file")
        ended = trainer.stopped()
    assert ended.code == 0
    assert ended.events("service.stopped")[0]["reason"] == "SIGTERM"
    entry = read_ledger(checkpoints).under_way
    assert entry and 0 < entry.bytes_trained < entry.text_bytes
    assert not [path for path in checkpoints.iterdir() if ".tmp" in path.name]
    ended = done("watch", inbox, "--once", *QUICK, folder=tmp_path)
    assert ended.events("file.trained")[0]["path"] == entry.path
    assert Result.of(tmp_path) == expected


@pytest.mark.alone
def test_the_second_signal_ends_at_once(inbox: Path, tmp_path: Path) -> None:
    """A second signal ends the process without a save, and the last checkpoint is whole."""
    slow = {"STREAMER_FAILPOINT": "service.stopping:stall"}
    with started("watch", inbox, *QUICK, *OFTEN, folder=tmp_path, environment=slow) as trainer:
        trainer.event("checkpoint.saved", 3)
        trainer.send(signal.SIGTERM)
        trainer.event("failpoint.reached")
        time.sleep(0.2)
        trainer.send(signal.SIGINT)
        ended = trainer.ended(within=1)
    assert ended.code == 128 + signal.SIGINT
    assert not ended.events("service.stopped")
    done("verify", folder=tmp_path)


def test_one_request_that_arrives_twice_is_one(inbox: Path, tmp_path: Path, expected: Result) -> None:
    """A wrapper that passes on what was sent to all, and so sends it again at once, costs no work."""
    with started("watch", inbox, *QUICK, "--checkpoint-every", "600", folder=tmp_path) as trainer:
        trainer.event("file.trained", 3)
        trainer.send(signal.SIGINT, signal.SIGTERM)
        ended = trainer.ended(within=5)
    assert ended.code == 0
    assert read_ledger(tmp_path / "checkpoints").outcomes()["trained"] >= 3
    done("watch", inbox, "--once", *QUICK, folder=tmp_path)
    assert Result.of(tmp_path) == expected


def test_a_damaged_checkpoint_is_replaced_by_the_one_before(inbox: Path, tmp_path: Path, expected: Result) -> None:
    """One flipped bit in the newest checkpoint is told; the one before goes on, and what is lost comes back."""
    checkpoints = tmp_path / "checkpoints"
    with started("watch", inbox, *QUICK, *OFTEN, folder=tmp_path) as trainer:
        trainer.event("checkpoint.saved", 3)
        assert trainer.stopped().code == 0
    newest = max(checkpoints.glob("*.h5"))
    _flip_a_bit(newest)
    listed = done("checkpoints", "--json", folder=tmp_path).json
    assert [row["verified"] for row in listed] == [False, True, True]
    ended = done("watch", inbox, "--once", *QUICK, folder=tmp_path)
    damaged = ended.events("checkpoint.damaged")
    assert [line["name"] for line in damaged] == [newest.name]
    assert ended.events("checkpoint.resumed")[0]["name"] == listed[1]["name"]
    assert Result.of(tmp_path) == expected


def test_never_from_scratch_silently(inbox: Path, tmp_path: Path, undisturbed: Path) -> None:
    """With all checkpoints damaged every command ends with 65, the trainer at its second start too, and makes none."""
    checkpoints = shutil.copytree(undisturbed / "checkpoints", tmp_path / "checkpoints")
    for path in checkpoints.glob("*.h5"):
        _flip_a_bit(path)
    for command in (["status"], ["verify"]):
        assert run(*command, folder=tmp_path).code == 65, command
    for _ in range(2):
        assert run("watch", inbox, "--once", *QUICK, folder=tmp_path).code == 65
    assert not list(checkpoints.glob("*.h5"))


def _flip_a_bit(path: Path) -> None:
    image = bytearray(path.read_bytes())
    image[len(image) // 2] ^= 1
    path.write_bytes(image)
