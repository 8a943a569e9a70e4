"""Processes that load and ask while a trainer publishes and removes checkpoints as fast as it can."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..checkpoints.trees import ROOT
from ..support.corpus import WORDS, put, text
from ..support.process import COMMAND, QUICK, done, started, until
from .conftest import Amount, Tell
from .readers import FIXED, check_words

PROGRAM = (sys.executable, "-m", "tests.faults.readers")
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


def ask(folder: Path, how: str, word: str, amount: Amount) -> tuple[int, int, int, list[list[str]]]:
    """Have two processes load and ask again and again, and the command meanwhile.

    Returns:
        Questions asked, checkpoints that came by, answers that were looked at closely, the words that the command gave.
    """
    each, commands = amount(20, 1_000), amount(4, 100)
    with (
        started(how, "checkpoints", each, folder=folder, environment=ENVIRONMENT, command=PROGRAM) as one,
        started(how, "checkpoints", each, folder=folder, environment=ENVIRONMENT, command=PROGRAM) as other,
    ):
        answers = []
        for _ in range(commands):
            ended = done("similar", word, "--topn", 50, "--json", folder=folder, command=COMMAND)
            assert ended.stderr == ""
            answers.append([near["word"] for near in ended.json[0]["neighbours"]])
        told = []
        for reader in (one, other):
            ended = reader.ended(within=600)
            assert (ended.code, ended.stderr) == (0, "")
            told.append(ended.json)
    asked, looked, seen = (sum(each[key] for each in told) for key in ("asked", "looked", "checkpoints"))
    return asked + commands, seen, looked, answers


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_reader_sees_two_checkpoints_at_once(tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """Words, counts and vectors are all of one checkpoint, and never of an older one than before; only one is kept."""
    with started("publish", "checkpoints", folder=tmp_path, environment=ENVIRONMENT, command=PROGRAM) as trainer:
        until(lambda: list(tmp_path.glob("checkpoints/*.h5")), "a checkpoint")
        asked, seen, looked, answers = ask(tmp_path, "read", FIXED, amount)
        assert trainer.process.poll() is None
        published = max(int(path.stem[-10:]) for path in tmp_path.glob("checkpoints/*.h5"))
    for words in answers:
        assert len(words) == 50
        check_words(words, int(words[0].partition("x")[0]))
    assert looked + len(answers) == asked
    assert seen > 20
    tell(f"readers: {asked:,} questions while {published:,} checkpoints were published: 0 failed, 0 torn")


@contextmanager
def _fed(inbox: Path) -> Iterator[None]:
    """Have a file come into an inbox every tenth of a second."""
    over = threading.Event()

    def feed() -> None:
        number = 1
        while not over.wait(0.1):
            put(inbox / ".next", text(number % 20, 20_000), age=0).rename(inbox / f"{number % 100}.txt")
            number += 1

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_readers_of_a_service(tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """What they load from under a service that learns and saves all the time is what plain h5py finds in the file."""
    put(tmp_path / "inbox" / "0.txt", text(0, 100_000))
    options = (*QUICK, "--threads", "1", "--rescan", "0.2", "--checkpoint-every", "0.05", "--keep", "2")
    with started("watch", "inbox", *options, folder=tmp_path) as trainer, _fed(tmp_path / "inbox"):
        trainer.event("checkpoint.saved")
        asked, seen, looked, answers = ask(tmp_path, "compare", WORDS[0], amount)
        saved = len(trainer.events("checkpoint.saved"))
        assert trainer.stopped().code == 0
    assert {len(words) for words in answers} == {50}
    assert looked > asked // 2
    assert seen > 4
    tell(f"readers of a service: {asked:,} questions, {saved:,} checkpoints, {looked:,} compared with h5py: 0 differ")
