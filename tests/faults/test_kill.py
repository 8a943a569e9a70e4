"""Killed at random moments, as often as it may be, a run ends with the bits of one that nobody touched."""

from __future__ import annotations

import itertools
import random
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from streamer.checkpoints import Store
from streamer.state.reading import read_figures, read_state

from ..support.corpus import fill, put, text
from ..support.process import QUICK, done, started
from .accounting import check_accounts
from .conftest import Amount, Tell
from .state import State, children

HELPED = 9 << 20
"""Bytes of text that are enough for a tokenizer and workers to be started."""


BOUNDED = ("--max-candidates", "1000", "--max-vocabulary", "1000")
DATED = ("--date-from", "mtime", "--snapshot-every", "30s", "--snapshots", "all")
LANES = ("--lanes", "4", "--lane-size", "2000", *BOUNDED, *DATED)


class Corpus(NamedTuple):
    """An inbox, the flags of a model, what a run makes of them at one go, and how many seconds that takes."""

    inbox: Path
    flags: tuple[str, ...]
    expected: State
    seconds: float


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> list[Corpus]:
    """Return a small inbox and a large one, each for a model of one lane and for a bounded one of several."""
    small = fill(tmp_path_factory.mktemp("small"))
    for number in range(5):  # more words that are seen once or twice than --max-candidates allows
        ids = [f"id{number}x{seen % 900:x}" for seen in range(1500)]
        put(small / f"ids{number}.txt", " ".join(ids), age=8990 - 30 * number)
    for number in range(12):  # more words that come back now and then than --max-vocabulary allows
        words = [f"w{number % 8}x{seen % 300:x}" for seen in range(3_000)]
        put(small / f"words{number}.txt", " ".join(words), age=8988 - 11 * number)
    large = tmp_path_factory.mktemp("large")
    for number in range(3):
        put(large / f"{number}.txt", text(200 + number, HELPED // 3), age=9000 - number)
    undisturbed = []
    for inbox, flags in itertools.product((small, large), ((), LANES)):
        folder = tmp_path_factory.mktemp("undisturbed")
        began = time.monotonic()
        done("watch", inbox, "--once", *QUICK, *flags, folder=folder)
        undisturbed.append(Corpus(inbox, flags, State.of(folder / "checkpoints"), time.monotonic() - began))
        forgets = read_figures(folder / "checkpoints").candidates_error > 0
        assert forgets == (flags == LANES), "only there are more candidates than the bound"
        state = read_state(folder / "checkpoints")
        assert (len(state.snapshots.files) > 2) == (flags == LANES and inbox == small)
        cold = state.model.cold
        assert (cold.returned > 200 and len(cold.segments) > 1) == (flags == LANES), "and more words than theirs"
    return undisturbed


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_random_kills(corpora: list[Corpus], tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """Kill -9 to the trainer or to one of its helpers, from its first line to its last: every array is the same."""
    rng = random.Random(4)
    trials, kills = amount(8, 300), 0
    for trial in range(trials):
        corpus = corpora[trial % 4]
        folder = tmp_path / str(trial)
        folder.mkdir()
        for _ in range(rng.randint(1, 4)):
            kills += _killed(corpus, folder, rng)
        threads = ("--threads", str(rng.randint(1, 2)))
        done("watch", corpus.inbox, "--once", *QUICK, *corpus.flags, *threads, folder=folder)
        found = State.of(folder / "checkpoints")
        assert found == corpus.expected, f"trial {trial}"
        assert not corpus.flags or found.dated == corpus.expected.dated, f"trial {trial}"
        check_accounts(folder / "checkpoints", corpus.inbox)
        shutil.rmtree(folder)
    tell(f"kill -9 at random: {trials} of {trials} runs, killed {kills} times, end with the same bits")
    assert kills > trials / 2


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_kills_while_files_are_held(tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """Which files are held, and what was learned of the others, is the same however often the run was killed."""
    inbox, rng = tmp_path / "inbox", random.Random(6)
    for number in range(40):
        put(inbox / f"{number:02}.txt", text(number, 5_000 + 30_000 * (number % 3 == 0)), age=9000 - 10 * number)
        if number in (25, 30, 35):
            put(inbox / f"ids{number}.txt", " ".join(f"x{at}y{number}" for at in range(900)), age=8995 - 10 * number)
            put(inbox / f"line{number}.txt", "babe bibo lupa\n" * 2_000, age=8994 - 10 * number)
    hold, folder = ("--hold-unusual", "--min-count", "2", "--date-from", "mtime"), tmp_path / "undisturbed"
    folder.mkdir()
    began = time.monotonic()
    done("watch", inbox, "--once", *QUICK, *hold, folder=folder)
    corpus = Corpus(inbox, hold, State.of(folder / "checkpoints"), time.monotonic() - began)
    assert read_figures(folder / "checkpoints").ledger.outcomes()["held"] == 6
    trials, kills = amount(3, 60), 0
    for trial in range(trials):
        folder = tmp_path / str(trial)
        folder.mkdir()
        for _ in range(rng.randint(1, 4)):
            kills += _killed(corpus, folder, rng)
        done("watch", inbox, "--once", *QUICK, *hold, "--threads", str(rng.randint(1, 2)), folder=folder)
        assert State.of(folder / "checkpoints") == corpus.expected, f"trial {trial}"
        check_accounts(folder / "checkpoints", inbox)
    tell(f"kill -9 with files that are held: {trials} of {trials} runs, killed {kills} times, end with the same bits")
    assert kills


def _killed(corpus: Corpus, folder: Path, rng: random.Random) -> bool:
    """Start a run and kill it, or one of its helpers, somewhere; return whether it was still there to be killed."""
    often = ("--checkpoint-every", rng.choice(["0", "0.05", "0.3"]), "--threads", str(rng.randint(1, 2)))
    with started("watch", corpus.inbox, "--once", *QUICK, *corpus.flags, *often, folder=folder) as trainer:
        time.sleep(rng.uniform(0, corpus.seconds))
        helpers = children(trainer.pid)
        if helpers and rng.random() < 0.3:
            victim = rng.choice(helpers)
            victim.kill()
            code = trainer.ended(60).code
            assert code in (0, 71), f"{victim.name} was killed"
            return True
        if trainer.process.poll() is not None:
            return False
        trainer.process.kill()
        trainer.ended()
        return True


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_kills_while_files_arrive(corpora: list[Corpus], tmp_path: Path, amount: Amount, tell: Tell) -> None:
    """A service that is killed and started again while its files arrive one by one ends with the same bits."""
    rng = random.Random(5)
    trials = amount(2, 30)
    for trial in range(trials):
        source, flags, expected, _ = corpora[trial % 2]
        folder = tmp_path / str(trial)
        inbox = folder / "inbox"
        inbox.mkdir(parents=True)
        waiting = sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime)
        while waiting:
            with started("watch", inbox, *QUICK, *flags, "--checkpoint-every", "0", folder=folder) as trainer:
                trainer.event("service.started")
                for _ in range(rng.randint(0, 8)):
                    if waiting:
                        _arrives(waiting.pop(0), source, inbox)
                        time.sleep(rng.uniform(0, 0.05))
                trainer.process.kill()
                trainer.ended()
        done("watch", inbox, "--once", *QUICK, *flags, folder=folder)
        # The name of the folder and the times of the files are those of this copy.
        found = State.of(folder / "checkpoints")
        assert found.learned == expected.learned, f"trial {trial}"
        assert not flags or found.dated == expected.dated, f"trial {trial}"
        check_accounts(folder / "checkpoints", inbox)
    tell(f"kill -9 while files arrive: {trials} of {trials} services end with the same bits")


def _arrives(path: Path, source: Path, inbox: Path) -> None:
    target = inbox / path.relative_to(source)
    target.parent.mkdir(exist_ok=True)
    hidden = Path(shutil.copy2(path, inbox / ".arriving"))
    hidden.rename(target)


@pytest.mark.slow
def test_a_kill_leaves_nothing_that_has_to_be_cleaned_up(tmp_path: Path) -> None:
    """Neither a lock nor a helper nor half a file is left in the way of the next start."""
    for number in range(3):
        put(tmp_path / "inbox" / f"{number}.txt", text(200 + number, HELPED // 3), age=9000 - number)
    with started("watch", "inbox", *QUICK, "--checkpoint-every", "0", folder=tmp_path) as trainer:
        trainer.event("workers.started")
        trainer.event("checkpoint.saved")
        helpers = children(trainer.pid)
        assert helpers
        trainer.killed()
        deadline = time.monotonic() + 5
        while any(helper.alive() for helper in helpers) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not [helper.name for helper in helpers if helper.alive()]
    done("watch", "inbox", "--once", *QUICK, folder=tmp_path)
    assert {path.suffix for path in (tmp_path / "checkpoints").iterdir()} == {".h5", ""}
    assert Store(tmp_path / "checkpoints").holder() is None
