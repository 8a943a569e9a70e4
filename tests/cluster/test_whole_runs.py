"""Whole runs of the command at a cluster: nodes that die, cables that are pulled, a trainer that is killed -9.

Whatever happens, the checkpoint has the bits of a run on this machine alone. A run takes some ten seconds, so most of
them are for ``--long``.
"""

from __future__ import annotations

import itertools
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ..faults.state import State
from ..support.corpus import put, text
from ..support.process import COMMAND, Ended, Running, done, started
from .network import ENVIRONMENT, HEAD, Cluster, missing, wait

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600), pytest.mark.xdist_group("cluster")]
FLAGS = ("--vector-size", "16", "--threads", "1", "--lanes", "4", "--lane-size", "4000", "--log-format", "json")
FILES = 27
MIDDLE = 17
"""Files that are trained when something happens: from here on there are four lanes, and many rounds are left."""
LIMIT = 30.0
"""Seconds for which nothing may happen."""
Tell = Callable[[str, object], None]


class Corpus(NamedTuple):
    """Text enough for a cluster to be joined, and what comes of it without one."""

    inbox: Path
    expected: State


@pytest.fixture
def long(pytestconfig: pytest.Config) -> bool:
    """Return whether there is time for many runs."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return the text, trained by this machine alone."""
    folder = tmp_path_factory.mktemp("alone")
    inbox = folder / "inbox"
    for number in range(FILES):
        put(inbox / f"{number:02}.txt", text(300 + number, 300_000), age=9000 - number)
    done("watch", inbox, "--once", *FLAGS, folder=folder)
    return Corpus(inbox, State.of(folder / "checkpoints"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Return a head with one node; tests add those that they need."""
    if reason := missing():
        pytest.skip(reason)
    cluster = Cluster()
    try:
        cluster.add("a")
        yield cluster
    finally:
        cluster.close()


def trained(cluster: Cluster, corpus: Corpus, folder: Path, *flags: str) -> AbstractContextManager[Running]:
    """Start a run at the head."""
    command = ("watch", corpus.inbox, "--once", *FLAGS, *flags, "--cluster", cluster.address)
    return started(*command, folder=folder, environment=ENVIRONMENT, command=(*cluster.at(HEAD), *COMMAND))


def ended(running: Running) -> Ended:
    """Wait for the end of a run that has to succeed."""
    result = running.ended(within=180)
    assert result.code == 0, result.stderr
    return result


def longest_pause(result: Ended) -> float:
    """Return the longest time between two lines about a trained file, in seconds, and check that all were trained."""
    times = [datetime.fromisoformat(line["timestamp"]).timestamp() for line in result.events("file.trained")]
    assert len(times) == FILES
    return max(later - earlier for earlier, later in itertools.pairwise(times))


def names(result: Ended, event: str) -> list[dict[str, Any]]:
    """Return the log lines of an event of the cluster."""
    return result.events(f"cluster.{event}")


def test_one_digest_at_any_number_of_nodes(cluster: Cluster, corpus: Corpus, tmp_path: Path, long: bool) -> None:
    """One, two or three nodes, or none at all."""
    for size, name in enumerate(("a", "b", "c") if long else ("a",), start=1):
        cluster.add(name)
        folder = tmp_path / name
        folder.mkdir()
        with trained(cluster, corpus, folder) as running:
            result = ended(running)
        assert len(names(result, "node_joined")) == size, result.stderr
        assert State.of(folder / "checkpoints") == corpus.expected, f"{size} nodes"


@pytest.mark.parametrize("loss", ["killed -9", "cut off"])
def test_a_node_that_is_lost(
    cluster: Cluster, corpus: Corpus, tmp_path: Path, loss: str, record_property: Tell, long: bool
) -> None:
    """In the middle of a round. Nobody waits for long, and the bits are the same."""
    if loss == "killed -9" and not long:
        pytest.skip("for --long; test_driver.py kills a node in a round, too")
    for name in ("a", "b", "c"):
        cluster.add(name)
    with trained(cluster, corpus, tmp_path) as running:
        running.event("file.trained", MIDDLE, within=180)
        wait(lambda: cluster.works("b"))
        (cluster.kill if loss == "killed -9" else cluster.pull)("b")
        result = ended(running)
    cluster.kill("b")
    pause = longest_pause(result)
    record_property("figure", f"cluster: a run with a node that is {loss}: longest pause {pause:.1f} s")
    assert len(names(result, "node_lost")) == 1, result.stderr
    assert pause < LIMIT
    assert State.of(tmp_path / "checkpoints") == corpus.expected


def test_a_trainer_that_is_killed(
    cluster: Cluster, corpus: Corpus, tmp_path: Path, long: bool, record_property: Tell
) -> None:
    """At random moments, with lanes under way, and started again: the bits are those of one run."""
    rng = random.Random(13)
    trials = 20 if long else 1
    kills = 0
    for trial in range(trials):
        cluster.add("a")
        cluster.add("c")
        folder = tmp_path / str(trial)
        folder.mkdir()
        for _ in range(rng.randint(1, 2) if long else 1):
            often = rng.choice(["0", "0.5", "1h"])  # what is left after a checkpoint may be too little for a cluster
            with trained(cluster, corpus, folder, "--checkpoint-every", often) as running:
                wait(lambda: cluster.works("a") or cluster.works("c") or running.process.poll() is not None)
                time.sleep(rng.uniform(0, 3.0))
                if running.process.poll() is None:
                    running.killed()
                    kills += 1
        with trained(cluster, corpus, folder) as running:
            ended(running)
        assert State.of(folder / "checkpoints") == corpus.expected, f"trial {trial}"
        shutil.rmtree(folder)
    record_property("figure", f"cluster: {trials} of {trials} runs, their trainer killed -9 {kills} times: same bits")
    assert kills >= trials / 2
