"""Killed at random moments, a run with any tokenizer ends with the bits of one that nobody touched."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from ..support.corpus import put, text
from ..support.process import QUICK, done, started
from .accounting import check_accounts
from .conftest import Amount, Tell
from .state import State

OWN = "bars:cut"
LINES = (
    "2026-11-25T10:00:{a:02}.{b:06}Z app[{b}]: request {b:032x} of user-{b} failed with E{a} at /srv/{b}",
    "@user{a} likes #topic{a} 😂👍🏽 https://example.org/{b} on day {a}",
    "def get_item_{a}(self): return HTTPServer{a}.getUserById({b})  # C++ and node.js",
    "我们在北京大学学习第{a}章。東京に行きました。ภาษาไทยง่ายมาก Straße {a}",
    "New York and the Big Apple {a}, New York City | bar {b}",
)
OPTIONS = {
    "words": ("--phrases", "phrases.txt", "--stop-words", "stop.txt"),
    "logs": ("--min-length", "2"),
    "social": ("--keep-case",),
    "code": (),
    "spaces": ("--boundary", "line"),
    OWN: (),
}


def _inbox(folder: Path, size: int) -> Path:
    """Fill a folder with files of all kinds of lines, and put what the settings name beside it."""
    rng = random.Random(9)
    for number in range(5):
        lines = [rng.choice(LINES).format(a=rng.randrange(60), b=rng.getrandbits(40)) for _ in range(size // 100)]
        put(folder / "inbox" / f"{number}.txt", "\n\n".join(lines), age=9000 - number)
    put(folder / "inbox" / "prose.txt", text(3, size), age=100)
    put(folder / "phrases.txt", "New York\nNew York City\nAT&T\n")
    put(folder / "stop.txt", "the\nand\n")
    put(folder / "bars.py", "def cut(text):\n    return [line.split('|')[0].split() for line in text.splitlines()]\n")
    return folder


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", OPTIONS)
def test_random_kills(name: str, tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """Whatever cuts the text, and at any number of threads."""
    size = amount(200_000, 2_000_000)  # of the latter, another process tokenizes a part
    folder = _inbox(tmp_path, size)
    command = ("watch", "inbox", "--once", *QUICK, "--tokenizer", name)
    began = time.monotonic()
    done(*command, *OPTIONS[name], "--checkpoints", "undisturbed", folder=folder)
    seconds, expected = time.monotonic() - began, State.of(folder / "undisturbed")
    rng = random.Random(name)
    trials, kills = amount(2, 15), 0
    for trial in range(trials):
        for number in range(rng.randint(1, 3)):
            often = ("--checkpoint-every", rng.choice(["0", "0.05"]), "--threads", str(rng.randint(1, 2)))
            options = OPTIONS[name] if number == 0 or rng.random() < 0.5 else ()
            there = (folder / "checkpoints").exists() and any((folder / "checkpoints").glob("*.h5"))
            options = options if there else OPTIONS[name]  # a model that is there has them
            with started(*command, *often, *options, folder=folder) as trainer:
                if number == 0:
                    trainer.event("service.started")  # so that at least this one is killed
                time.sleep(rng.uniform(0, 0.2 if number == 0 else seconds))
                kills += trainer.process.poll() is None
                trainer.process.kill()
                trainer.ended()
        there = any((folder / "checkpoints").glob("*.h5"))
        done(*command, *(() if there else OPTIONS[name]), "--threads", str(rng.randint(1, 2)), folder=folder)
        assert State.of(folder / "checkpoints") == expected, f"trial {trial}"
        check_accounts(folder / "checkpoints", folder / "inbox")
        shutil.rmtree(folder / "checkpoints")
    tell(f"kill -9 at random with --tokenizer {name}: {trials} of {trials} runs, killed {kills} times, same bits")
    assert kills


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ["words", "logs", OWN])
def test_another_process_cuts_the_same(name: str, tmp_path: Path) -> None:
    """With enough text for helpers, two threads give the bits of one."""
    folder = _inbox(tmp_path, 2_200_000)
    states = []
    for threads in ("1", "2"):
        options = ("--tokenizer", name, *OPTIONS[name], "--threads", threads, "--checkpoints", threads)
        done("watch", "inbox", "--once", *QUICK, *options, folder=folder)
        states.append(State.of(folder / threads))
    assert states[0] == states[1]
