"""A file that is held is released: by a request if a trainer runs, which survives a kill, or at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from streamer.checkpoints import Store
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import RELEASED, Signature, Verdict
from streamer.service.releasing import PATTERN, Requests, release
from streamer.service.saving import Saver
from streamer.state.reading import read_ledger, read_state
from streamer.training import Schedule, Trainer
from streamer.workers import starter

from ..support.corpus import put, text
from ..support.process import QUICK, done, files, run, started, until
from .test_judging import HOLD, letters


@pytest.fixture
def checkpoints(tmp_path: Path) -> Path:
    """Return a folder of checkpoints in which a.txt is held, and b.txt was refused."""
    trainer = Trainer(vector_size=4, min_count=1, threads=1).partial_fit(["a b"])
    ledger = trainer.state.ledger
    ledger.adopt(str(tmp_path / "inbox"))
    entry = ledger.plan("a.txt", Verdict(Signature(5, 1, 1), b"a" * 32, 5, text_sha256=b"a" * 32))
    assert entry is not None
    ledger.hold(entry, "unusual: loss 9.00, usually 2.50")
    ledger.refuse("b.txt", Signature(0, 1, 1), "empty")
    trainer.save(tmp_path / "checkpoints")
    return tmp_path / "checkpoints"


@pytest.mark.parametrize("file", ["a.txt", "inbox/a.txt", "{}/inbox/a.txt"])
def test_a_file_is_named_as_it_is_listed_or_by_its_path(
    file: str, checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a trainer it is released at once, in a new checkpoint."""
    monkeypatch.chdir(tmp_path)
    assert release(checkpoints, [file.format(tmp_path)])
    assert read_ledger(checkpoints).entries[0].reason == RELEASED
    assert sorted(path.name for path in checkpoints.glob("*.h5"))[-1] == "checkpoint-0000000002.h5"
    assert not list(checkpoints.glob(PATTERN))


@pytest.mark.parametrize("file, problem", [("b.txt", "b.txt is not held"), ("c.txt", "no file c.txt is known")])
def test_a_file_that_is_not_held(file: str, problem: str, checkpoints: Path) -> None:
    """Nothing is released if one of the names is wrong."""
    with pytest.raises(StreamerError) as caught:
        release(checkpoints, ["a.txt", file])
    assert (caught.value.problem, caught.value.code) == (problem, ExitCode.NO_INPUT)
    assert read_ledger(checkpoints).holds("a.txt")


@pytest.mark.parametrize("content", [b'["\\ud800"]', b"[" * 200_000, b"{}", b"\xff", b"", None])
def test_a_request_that_is_none_stops_nobody(content: bytes | None, checkpoints: Path) -> None:
    """Nor does a pipe of such a name, which nobody writes to."""
    path = checkpoints / "release-1-1.json"
    if content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    state, store = read_state(checkpoints), Store(checkpoints)
    saver = Saver(store, state, Schedule(state, starter(1)), every=0.0, fresh=0.0, keep=2)
    with capture_logs() as lines:
        assert not Requests(store, state, saver).grant()
    assert [line["event"] for line in lines] == ["release.ignored", "checkpoint.saved"]
    saver.close()
    assert not path.exists(), "it is not read again at each start"
    assert state.ledger.holds("a.txt")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Return a folder of which one file is held."""
    for number in range(22):
        put(tmp_path / "inbox" / f"{number:02}.txt", text(number, 6_000), age=9000 - number)
    put(tmp_path / "inbox" / "letters.txt", letters(1, 900), age=8000)
    done("watch", "inbox", "--once", *HOLD, folder=tmp_path)
    assert files(tmp_path)["letters.txt"]["outcome"] == "held"
    return tmp_path / "inbox"


@pytest.mark.slow
def test_a_running_trainer_is_asked(inbox: Path, tmp_path: Path) -> None:
    """It trains the file with the next ones, and removes the request when a checkpoint has it."""
    with started("watch", inbox, *HOLD, folder=tmp_path) as trainer:
        trainer.event("inbox.watched")
        assert done("release", "letters.txt", folder=tmp_path).stdout == "asked the trainer to release 1 file\n"
        assert trainer.event("file.released")["path"] == "letters.txt"
        assert trainer.event("file.trained")["path"] == "letters.txt"
        until(lambda: not list((tmp_path / "checkpoints").glob(PATTERN)), "the request is removed")
        assert trainer.stopped().code == 0
    assert files(tmp_path)["letters.txt"]["outcome"] == "trained"


@pytest.mark.slow
@pytest.mark.parametrize("failpoint", ["checkpoint.copied:kill", "checkpoint.published:kill", "input.planned:kill"])
def test_a_release_survives_a_kill(failpoint: str, inbox: Path, tmp_path: Path) -> None:
    """Before a checkpoint has it, the request stays; after that, the checkpoint knows."""
    request = tmp_path / "checkpoints" / "release-1-1.json"
    request.write_text(json.dumps(["letters.txt", "unknown.txt"]))
    ended = run("watch", inbox, "--once", *HOLD, folder=tmp_path, environment={"STREAMER_FAILPOINT": failpoint})
    assert ended.code == -9
    assert ended.events("file.released")
    ended = done("watch", inbox, "--once", *HOLD, folder=tmp_path)
    assert [line["path"] for line in ended.events("file.trained")] == ["letters.txt"]
    assert files(tmp_path)["letters.txt"]["outcome"] == "trained"
    assert not request.exists()


@pytest.mark.slow
def test_a_request_that_makes_no_sense_is_told_of(inbox: Path, tmp_path: Path) -> None:
    """It is removed, and stops nobody."""
    request = tmp_path / "checkpoints" / "release-1-1.json"
    for content in ("[1]", "nonsense", json.dumps(["00.txt", "none.txt"])):
        request.write_text(content)
        ended = done("watch", inbox, "--once", *QUICK, folder=tmp_path)
        assert len(ended.events("release.ignored")) == (2 if "none" in content else 1)
        assert not request.exists()
