"""What a model takes: the formula beside real processes, and bounds that fit into some memory."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.settings import Extent, ModelSettings, expected_disk, expected_memory, in_bytes, model_settings
from streamer.settings.model import CANDIDATES
from streamer.settings.sizing import MOST_FILES

from ..conftest import FIGURE
from ..support.process import done, json_of, run
from ..support.sizes import Taken, measured, write_words

OFF = {False: 0.25, True: 0.15}
"""The most by which the formula may be wrong, on every push and with ``--long``: what the program itself takes differs
a little from machine to machine, and counts for small models."""
MUCH = 3_000_000
"""Words of text for which workers are started."""


class Configuration(NamedTuple):
    """A model and a machine.

    Attributes:
        words: Words with vectors.
        dimensions: Dimensions of the vectors.
        candidates: Words seen once.
        files: Files in the ledger.
        threads: Cores.
        bounded: Whether three times as many words are seen, and two of three have left.
    """

    words: int
    dimensions: int = 100
    candidates: int = 0
    files: int = 0
    threads: int = 1
    bounded: bool = False

    @property
    def settings(self) -> ModelSettings:
        """Its settings."""
        return ModelSettings(
            vector_size=self.dimensions, min_count=2, max_candidates=0, max_vocabulary=self.words if self.bounded else 0
        )

    @property
    def extent(self) -> Extent:
        """How large it is."""
        return Extent(self.words, self.candidates, self.files, 2 * self.words if self.bounded else 0)

    def run(self, folder: Path, every: float) -> Taken:
        """Train such a model from nothing, go on with it in a new process, and return the most that was taken."""
        seen = 3 * self.words if self.bounded else self.words
        if self.bounded:  # new words come among known ones, as they do in texts
            parts = [((at, min(at + 20, seen), 2), (at % 1_000, at % 1_000 + 20, 20)) for at in range(0, seen, 20)]
            write_words(folder / "inbox/0.txt", list(itertools.chain(*parts)))
        else:
            write_words(folder / "inbox/0.txt", [(0, seen, 2), (seen, seen + self.candidates, 1)])
        for number in range(self.files):
            name = f"{number % 100}/a-file-with-a-name-of-{number:018}.txt"
            write_words(folder / "inbox" / name, [(number % self.words, number % self.words + 1, 1)])
        options = ["--once", "--checkpoint-every", "0", "--keep", "1", "--threads", str(self.threads)]
        for name in ("vector_size", "min_count", "max_candidates", "max_vocabulary"):
            options += [f"--{name.replace('_', '-')}", str(getattr(self.settings, name))]
        first = measured("watch", "inbox", *options, folder=folder, every=every)
        some = min(self.words, MUCH)
        write_words(folder / "inbox/1.txt", [(0, some, max(2, MUCH // some))])
        again = measured("watch", "inbox", *options, folder=folder, every=every)
        return Taken(max(first.memory, again.memory), max(first.disk, again.disk))


SMALL = [Configuration(40_000, bounded=True)]
LARGE = [
    Configuration(40_000, dimensions=200, threads=2),
    Configuration(1_000),
    Configuration(60_000, dimensions=50, candidates=200_000),
    Configuration(1_000, candidates=2_000_000),
    Configuration(1_000, files=60_000),
    Configuration(1_000, dimensions=300, threads=4),
    Configuration(100_000, dimensions=300, files=10_000),
    Configuration(300_000, threads=2),
    Configuration(300_000, dimensions=50, candidates=1_000_000),
    Configuration(200_000, bounded=True),
    Configuration(1_000_000, candidates=1_000_000, threads=2),
    Configuration(3_000_000),
]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_formula_is_what_processes_take(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """For one model on every push, for 13 with ``--long``."""
    wrong, everything = [], bool(request.config.getoption("--long"))
    for configuration in [*SMALL, *(LARGE if everything else ())]:
        folder = tmp_path / "model"
        taken = configuration.run(folder, every=0.02 if configuration.words < 500_000 else 0.2)
        shutil.rmtree(folder)
        settings, extent = configuration.settings, configuration.extent
        memory = sum(expected_memory(settings, extent, configuration.threads).values()) / taken.memory
        disk = sum(expected_disk(settings, extent, keep=1).values()) / taken.disk
        line = f"{taken.memory / 1e6:.0f} MB of memory, formula {memory:.2f} times that; "
        line = f"{configuration}: {line}{taken.disk / 1e6:.0f} MB on disk, {disk:.2f}"
        request.node.user_properties.append((FIGURE, line))
        if max(abs(memory - 1), abs(disk - 1)) > OFF[everything]:
            wrong.append(line)
    assert not wrong, "\n".join(wrong)


def test_bounds_that_are_chosen_fit_and_use_what_there_is() -> None:
    """The most words that fit, with workers on all cores that can help."""
    for memory in ("480M", "500M", "1G", "4G", "64GiB"):
        for more in ({}, {"vector_size": 300}, {"max_candidates": 1_000}, {"max_group": 1}, {"max_vocabulary": 5_000}):
            chosen = model_settings(None, {"memory": memory, **more})
            assert all(getattr(chosen, name) == value for name, value in more.items())
            extent = Extent(chosen.max_vocabulary, chosen.max_candidates, MOST_FILES, chosen.max_vocabulary)
            taken = sum(expected_memory(chosen, extent, threads=64).values())
            assert taken <= in_bytes(memory)
            assert "max_vocabulary" in more or taken > 0.98 * in_bytes(memory)
            assert chosen.max_candidates <= CANDIDATES


def test_the_bounds_depend_on_nothing_but_the_settings_of_the_model() -> None:
    """A model that is resumed with the same memory keeps them, whatever it has learned and wherever it runs."""
    began = model_settings(None, {"memory": "1G", "vector_size": 50})
    assert model_settings(began, {"memory": 10**9}) == began
    assert model_settings(began, {}) == began
    less = model_settings(began, {"memory": "600M"})
    assert less.max_vocabulary < began.max_vocabulary
    assert less == model_settings(None, {"memory": "600M", "vector_size": 50})
    assert model_settings(ModelSettings(max_candidates=0), {"memory": "4G"}).max_candidates == CANDIDATES


@pytest.mark.parametrize(
    ("given", "problem", "hint"),
    [
        (
            {"memory": "100M"},
            "a model with --vector-size 100 takes 42. MB of memory or more with 8 workers, and --memory is 100.0 MB",
            "--max-group",
        ),
        (
            {"memory": "1G", "max_vocabulary": 10**6},
            "--vector-size 100, --max-vocabulary 1000000 takes 3,... MB of memory or more with .* --memory is 1.0 GB",
            "leave out --max-vocabulary 1000000",
        ),
        ({"memory": "1G", "max_candidates": 10**8}, "--max-candidates 100000000 takes", "leave out --max-candidates"),
        ({"memory": "1G", "max_vocabulary": 0}, "--max-vocabulary 0 is no bound", "leave out --max-vocabulary"),
        ({"memory": "1G", "max_candidates": 0}, "--max-candidates 0 is no bound", "leave out --max-candidates"),
        ({"memory": "much"}, "--memory must be an amount of memory", ""),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], problem: str, hint: str) -> None:
    """78, and one line with what it takes and what was given."""
    with pytest.raises(StreamerError, match=problem) as caught:
        model_settings(None, given)
    assert caught.value.code == ExitCode.CONFIGURATION
    assert hint in caught.value.hint


def test_a_service_chooses_its_bounds(tmp_path: Path) -> None:
    """It tells them, writes them down, and keeps them when it is started without the flag."""
    write_words(tmp_path / "inbox/0.txt", [(0, 1_000, 5)])
    ended = done("watch", "inbox", "--once", "--memory", "450M", folder=tmp_path)
    chosen = model_settings(None, {"memory": "450M"})
    started = json.loads(next(line for line in ended.stderr.splitlines() if "service.started" in line))
    assert started["max_vocabulary"] == chosen.max_vocabulary
    figures = json_of(tmp_path, "status")
    assert (figures["max_vocabulary"], figures["max_candidates"]) == (chosen.max_vocabulary, chosen.max_candidates)
    write_words(tmp_path / "inbox/1.txt", [(0, 1_000, 1)])
    done("watch", "inbox", "--once", folder=tmp_path)
    assert json_of(tmp_path, "status")["max_vocabulary"] == chosen.max_vocabulary
    refused = run("watch", "inbox", "--once", "--memory", "100M", folder=tmp_path)
    assert refused.code == ExitCode.CONFIGURATION
    assert "--memory is 100.0 MB" in refused.stderr
