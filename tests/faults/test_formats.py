"""Killed at random in a file of any format, a run ends with the bits of one that nobody touched."""

from __future__ import annotations

import base64
import csv
import io
import json
import random
import shutil
import time
from pathlib import Path

import pytest

from streamer.answers import reports

from ..support.corpus import put, text
from ..support.process import QUICK, done, started
from .accounting import check_accounts
from .conftest import Amount, Tell
from .state import State

FROM = "From ada@example.org Mon Jan  1 10:00:00 2024\nFrom: a\n"
BYTES = 3 << 20
"""Bytes of words in each file."""


def paragraphs(seed: int) -> list[str]:
    """Return the paragraphs of a text."""
    whole = text(seed, BYTES)
    words = (whole if isinstance(whole, str) else whole.decode()).split()
    return [" ".join(words[at : at + 60]) for at in range(0, len(words), 60)]


def jsonl(found: list[str]) -> str:
    """Return JSON, a record a line, one of them larger than a block, and some broken."""
    lines = [json.dumps({"id": number, "text": part}) for number, part in enumerate(found)]
    long = json.dumps({"text": "\n\n".join(found[:5000])})
    return "\n".join([*lines[:99], '{"cut": "', *lines[99:], long, '{"cut": [1,'])


def table(found: list[str]) -> str:
    """Return a table whose cells have line ends."""
    file = io.StringIO()
    csv.writer(file).writerows([["id", "text"], *([str(n), part + "\n" + part[:9]] for n, part in enumerate(found))])
    return file.getvalue()


def html(found: list[str]) -> str:
    """Return a page with scripts and hidden elements longer than a block."""
    long = "no words of this are seen " * 60_000
    parts = [f"<p class=x>{part}</p>" for part in found]
    return "".join(
        ["<!DOCTYPE html><html>", *parts[:500], f"<script>{long}</script>", *parts[500:], f"<!-- {long} -->end"]
    )


def mail(found: list[str]) -> str:
    """Return mails, one of them with an attachment longer than a block."""
    mails = [f"{FROM}Subject: {part[:20]}\n\n{part}\n> {part}\n\n" for part in found]
    attachment = base64.encodebytes(random.Random(1).randbytes(2 << 20)).decode()
    head = "Subject: file\nContent-Type: multipart/mixed; boundary=xx\n\n--xx\n\ntext of it\n--xx\n"
    head += "Content-Type: application/zip\nContent-Transfer-Encoding: base64\n\n"
    return "".join([*mails[:700], FROM + head + attachment + "--xx--\n\n", *mails[700:]])


FORMATS = {"jsonl": jsonl, "csv": table, "html": html, "mail": mail}
FIELD = ("--field", "text")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", FORMATS)
def test_random_kills_in_each_format(kind: str, tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """With one thread and two: the same bits, every byte accounted for, each file in its format."""
    inbox = tmp_path / "inbox"
    for number in range(2):
        put(inbox / f"{number}.txt", FORMATS[kind](paragraphs(300 + number)).encode(), age=9000 - number)
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    began = time.monotonic()
    done("watch", inbox, "--once", *QUICK, *FIELD, folder=undisturbed)
    seconds = time.monotonic() - began
    expected = State.of(undisturbed / "checkpoints")
    rng, trials, kills = random.Random(kind), amount(2, 40), 0
    for trial in range(trials):
        folder = tmp_path / str(trial)
        folder.mkdir()
        for _ in range(rng.randint(2, 4)):
            threads = str(rng.randint(1, 2))
            often = ("--checkpoint-every", rng.choice(["0", "0.05", "0.3"]), "--threads", threads)
            with started("watch", inbox, "--once", *QUICK, *FIELD, *often, folder=folder) as trainer:
                time.sleep(rng.uniform(0.3, seconds))
                kills += trainer.process.poll() is None
                trainer.process.kill()
                trainer.ended()
        done("watch", inbox, "--once", *QUICK, *FIELD, "--threads", str(rng.randint(1, 2)), folder=folder)
        assert State.of(folder / "checkpoints") == expected, f"trial {trial}"
        check_accounts(folder / "checkpoints", inbox)
        assert {row["format"].split()[0] for row in reports.files(folder / "checkpoints")} == {kind}
        shutil.rmtree(folder)
    tell(f"kill -9 in {kind}: {trials} of {trials} runs, killed {kills} times, end with the same bits")
    assert kills
