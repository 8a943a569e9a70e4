"""A file is taken out: all that was learned is, bit for bit, what a run has that never saw the file.

Each case is a random story of an inbox: files come, grow, are packed, copied, rotated, and trained in several passes,
by processes that are killed now and then. The same story is told again without one of the files.
"""

from __future__ import annotations

import gzip
import itertools
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import attrs
import numpy as np
import pytest

from streamer.checkpoints import Store
from streamer.service import replay, service
from streamer.service.rollback import rollback
from streamer.service.takeback import Outcome, Request, forget
from streamer.settings import RunSettings
from streamer.state.reading import read_ledger, read_past
from streamer.state.snapshots import quantised
from streamer.system import failpoints
from streamer.training import Trainer

from .conftest import Amount, Tell
from .lives import ANYWHERE, Fault, Killed, Life

LEARNED = (
    "vocabulary/",
    "candidates/",
    "embeddings/",
    "noise/",
    "progress/",
    "cold/",
    "settings/",
    "history/",
    "batch",
)
RUN = RunSettings(threads=1, settle=0.0, checkpoint_every=0.0, keep=2, keep_states="all", snapshot_every="300k")

Act = tuple[str, str, int]
"""What is done, to which file, and a number that says the rest."""


def learned(checkpoints: Path) -> dict[str, bytes]:
    """Return all of a model and its history, but for what a clock measured, as bytes."""
    found = Store(checkpoints).load_newest()
    assert found is not None
    return {key: _bytes(leaf) for key, leaf in found[1].items() if key.startswith(LEARNED) and key != "history/seconds"}


def _bytes(leaf: object) -> bytes:
    return leaf.tobytes() + str(leaf.dtype).encode() if isinstance(leaf, np.ndarray) else repr(leaf).encode()


def text(seed: int, size: int) -> bytes:
    """Return a text of some words, which is no beginning of another one."""
    rng = random.Random(seed)
    words = [f"n{seed}x", *(f"w{int(rng.paretovariate(0.7)) % 60}" for _ in range(size))]
    lines = [" ".join(words[at : at + 7]) for at in range(0, len(words), 7)]
    return "\n\n".join(lines).encode() + b"\n"


@dataclass
class World:
    """An inbox and what is learned from it; ``out`` never comes into it, under no name."""

    folder: Path
    run: RunSettings
    out: str = ""
    when: itertools.count[int] = field(default_factory=lambda: itertools.count(1_600_000_000))

    @property
    def inbox(self) -> Path:
        """Return the inbox; it has the same name in all worlds, which lie in different folders."""
        return self.folder / "inbox"

    @property
    def checkpoints(self) -> Path:
        """Return the checkpoints."""
        return self.folder / "checkpoints"

    def do(self, act: Act, rng: random.Random) -> None:
        """Do something to the inbox, and let it be trained; processes that do it may be killed, as ``rng`` says."""
        what, name, number = act
        when = next(self.when)
        if name != self.out:
            self._change(what, name, number, when)
        epochs = number % 2 + 2 if what == "passes" else 0
        for _ in range(99):
            fault = Fault("kill", ANYWHERE, rng.randrange(1, 300)) if rng.random() < 0.4 else Fault("nothing", "", 0)
            if Life(fault).live(self.checkpoints, self.inbox, self.run, epochs=epochs).ended_well:
                return
        raise AssertionError("it never comes to an end")

    def _change(self, what: str, name: str, number: int, when: int) -> None:
        path, content = self.inbox / name, text(number, 20 + number % 90)
        match what:
            case "put":
                _write(path, content, when)
            case "grow" if path.exists():
                packed = path.read_bytes().startswith(b"\x1f\x8b")
                _write(path, path.read_bytes() + (gzip.compress(content, mtime=0) if packed else content), when)
            case "rotate" if path.exists():
                path.replace(path.with_name(f"{name}.1"))
            case "copy" if path.exists():
                _write(path.with_name(f"{name}.copy"), path.read_bytes(), when)
            case "pack" if path.exists():
                _write(path.with_name(f"{name}.gz"), gzip.compress(path.read_bytes(), mtime=0), when)
            case "packed":
                _write(path, gzip.compress(content, mtime=0), when)


def _write(path: Path, content: bytes, when: int) -> None:
    path.write_bytes(content)
    os.utime(path, (when, when))


def story(rng: random.Random, names: list[str], length: int) -> list[Act]:
    """Return a random story of some files, each of which comes before anything else is done to it."""
    acts: list[Act] = [("packed" if rng.random() < 0.2 else "put", name, rng.randrange(10**6)) for name in names]
    rng.shuffle(acts)
    for _ in range(length):
        what = rng.choice(["grow", "grow", "grow", "rotate", "copy", "pack", "passes"])
        name = rng.choice(names)
        first = next(at for at, act in enumerate(acts) if act[1] == name)
        at = rng.randrange(first + 1, len(acts) + 1)
        acts.insert(at, (what, "" if what == "passes" else name, rng.randrange(10**6)))
    return acts


def taken_back(
    world: World, rng: random.Random, take_back: Callable[[Request], Outcome], request: Request
) -> tuple[Outcome, int]:
    """Take something back, by processes that are killed, until one says that it is done; return how many were killed.

    After each kill the folder has the old state or the new one.
    """
    before = learned(world.checkpoints)
    after: dict[str, bytes] = {}
    for kills in range(99):
        calls = rng.randrange(1, 160) if rng.random() < 0.8 and kills < 6 else 10**9
        life = Life(Fault("kill", ANYWHERE, calls))
        number = next(_numbers)
        try:
            with patch.object(failpoints, "reached", life.reached), patch.object(os, "getpid", lambda n=number: n):
                return take_back(request), kills
        except Killed:
            found = learned(world.checkpoints)
            after = after or ({} if found == before else found)
            assert found in (before, after)
    raise AssertionError("it never comes to an end")


_numbers = itertools.count(2_000_000)


def worlds(folder: Path, out: str, run: RunSettings) -> tuple[World, World]:
    """Return a world with a file and one without, whose inboxes have the same name, as the ledger's root says it."""
    found = World(folder / "with", run), World(folder / "without", run, out)
    for world in found:
        world.inbox.mkdir(parents=True)
    return found


def case(folder: Path, seed: int, tell: Callable[[str], None] | None = None) -> tuple[int, int]:
    """Play a random case; return how many processes were killed while a file was taken out, and files trained again."""
    rng = random.Random(seed)
    names = [f"{letter}.txt" for letter in "abcdefg"[: rng.randrange(3, 7)]]
    out = rng.choice(names)
    run = attrs.evolve(RUN, keep_states=rng.choice(["all", "all", "3d"]), keep=rng.choice([1, 3]), threads=1 + seed % 2)
    acts = story(rng, names, rng.randrange(4, 14))
    one, other = worlds(folder, out, run)
    calm = random.Random(0)
    calm.random = lambda: 1.0  # type: ignore[method-assign]
    for act in acts:
        one.do(act, rng)
        other.do(act, calm)
    outcome, kills = taken_back(one, rng, lambda request: forget(one.checkpoints, out, request), Request(run))
    found, expected = learned(one.checkpoints), learned(other.checkpoints)
    assert found.keys() == expected.keys()
    assert [key for key in found if found[key] != expected[key]] == [], (seed, acts, outcome)
    assert out in outcome.out
    # What comes later is learned in the same way, and the text is never trained again, whatever becomes of it.
    later = [("grow", out, 1), ("copy", out, 2), ("pack", out, 3), ("rotate", out, 4), *story(rng, [*names, out], 3)]
    later = [act for act in later if act[0] not in ("put", "packed", "passes")]
    for act in [*later, ("put", "z.txt", 5)]:
        one.do(act, rng)
        other.do(act, calm)
    found, expected = learned(one.checkpoints), learned(other.checkpoints)
    assert [key for key in found if found[key] != expected[key]] == [], (seed, later)
    rows = [entry for entry in read_ledger(one.checkpoints) if entry.path.startswith(out)]
    assert {entry.outcome for entry in rows} <= {"forgotten", "skipped"} and sum(entry.words for entry in rows) == 0
    return kills, outcome.files


def counts(checkpoints: Path) -> dict[str, int]:
    """Return how often each word was seen."""
    vocabulary = Trainer.resume(checkpoints, threads=1).state.model.vocabulary
    return {**vocabulary.candidates, **dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))}


def back_case(folder: Path, seed: int) -> tuple[int, int]:
    """Play a random case, go back to a random snapshot; return kills meanwhile, and files trained again for it."""
    rng = random.Random(seed)
    names = [f"{letter}.txt" for letter in "abcdef"[: rng.randrange(3, 6)]]
    run = attrs.evolve(RUN, keep_states=rng.choice(["all", "3d"]), keep=rng.choice([1, 3]), threads=1 + seed % 2)
    run = attrs.evolve(run, snapshot_every="0.05k")
    one = World(folder, run)
    one.inbox.mkdir()
    for act in story(rng, names, rng.randrange(3, 10)):
        one.do(act, rng)
    before = counts(one.checkpoints)
    snapshots = read_past(one.checkpoints).moments[:-1]
    chosen = rng.choice(snapshots)
    outcome, kills = taken_back(one, rng, lambda request: rollback(one.checkpoints, chosen.name, request), Request(run))
    trainer = Trainer.resume(one.checkpoints, threads=1)
    state = trainer.state
    assert (state.words_seen, state.model.words_trained) == (chosen.words_seen, chosen.words_trained)
    known = read_past(one.checkpoints)
    there = known.read(known.find(chosen.name))
    assert there.words == state.model.vocabulary.words and (there.counts == state.model.vocabulary.counts).all()
    assert (there.squares == state.model.embeddings.input_squares).all()
    steps, scales = quantised(state.model.embeddings.input)
    assert (steps == there.steps).all() and (scales == there.scales).all()
    # What was trained later is trained again, each byte once, since it is still there.
    one.do(("", "", 0), rng)
    assert counts(one.checkpoints) == before, seed
    return kills, outcome.files


@pytest.fixture
def workers_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs with two threads have workers, however little text there is."""
    for module in (service, replay):
        monkeypatch.setattr(module, "WORTH_WORKERS", 1)
        monkeypatch.setattr(module, "WORTH_SHARING", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("small_and_quiet", "workers_for_all")
@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("play", [case, back_case])
def test_it_is_as_if_it_had_never_been_there(
    tmp_path: Path, play: Callable[[Path, int], tuple[int, int]], part: int, amount: Amount, tell: Tell
) -> None:
    """Every array of the model, the counts of all words, the history, and all that is learned afterwards.

    Of a moment that is gone back to: words, counts, sums of squares, and vectors as far as its snapshot knows them.
    """
    kills = files = 0
    seeds = range(part, amount(6, 51), 3)
    for seed in seeds:
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        found = play(folder, seed)
        kills, files = kills + found[0], files + found[1]
    tell(f"{play.__name__}: {len(seeds)} seeds, {files} files trained again, {kills} kills meanwhile: no bit differs")
