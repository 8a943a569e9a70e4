"""Scores during training: how good the vectors are, at regular numbers of words trained.

The state alone decides when to score, so a run that was stopped has the same scores as one that was not.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import structlog

from streamer.errors import ExitCode, StreamerError
from streamer.settings import RunSettings
from streamer.state import Score, State
from streamer.system.printable import printable
from streamer.training import Schedule
from streamer.vectors import WordVectors

Test = Callable[[WordVectors, Callable[[], None]], tuple[float, int, int]]

MOST_TESTS = 100

_log = structlog.get_logger(__name__)


def read_tests(run: RunSettings) -> dict[str, Test]:
    """Return the tests that the settings name, by their kind and file.

    Raises:
        StreamerError: With exit code 66, if a file can't be read, or not more than once, or is not such a test; 78 if
            there are too many.
    """
    named = [("pairs", path, _pairs) for path in run.pairs] + [
        ("analogies", path, _analogies) for path in run.analogies
    ]
    if len(named) > MOST_TESTS:
        raise StreamerError(f"too many tests: {len(named)}; the limit is {MOST_TESTS}", code=ExitCode.CONFIGURATION)
    short = Counter((kind, Path(path).name) for kind, path, _ in set(named))
    tests: dict[str, Test] = {}
    nothing = WordVectors([], np.empty((0, 1), np.float32), [])
    for kind, path, measure in named:
        if Path(path).exists() and not Path(path).is_file():  # a pipe can be read only once, and may block
            raise StreamerError(
                f"cannot read {path}: not a regular file", hint="copy its content to a file", code=ExitCode.NO_INPUT
            )
        name = Path(path).name if short[kind, Path(path).name] == 1 else path
        test = tests[f"{kind} {printable(name)}"] = partial(measure, path)
        test(nothing, lambda: None)
    return tests


class Scorer:
    """Scores the vectors from time to time, and records the scores in the state.

    Args:
        state: The state that has the vectors.
        schedule: The blocks that are under way, which must be trained first.
        tests: The tests; if there are none, it never scores.
        every: Words trained between scores.
        check: Called from time to time while scoring; raises to stop it.
    """

    def __init__(
        self, state: State, schedule: Schedule, tests: Mapping[str, Test], every: int, check: Callable[[], None]
    ) -> None:
        self._state, self._schedule = state, schedule
        self._tests, self._every, self._check = tests, every, check
        self._failed = 0

    @property
    def due(self) -> bool:
        """Whether words trained have passed a multiple of ``every`` since the last time."""
        if not self._tests:
            return False
        trained, scores = self._state.model.words_trained, self._state.scores
        last = max(scores.rows[-1].words_trained if scores.rows else 0, self._failed)
        return trained // self._every != last // self._every

    def score_if_due(self) -> bool:
        """Score if it is :attr:`due`; return whether it did.

        If ``check`` stops it, scores stay due: the next run begins with them.
        """
        if not self.due:
            return False
        trained, scores = self._state.model.words_trained, self._state.scores
        self._schedule.drain()  # outside the try: the death of a worker is not a failed test
        started = time.perf_counter()
        try:
            vectors = self._state.vectors()
            found = [Score(trained, name, *test(vectors, self._check)) for name, test in self._tests.items()]
        except (StreamerError, MemoryError) as error:  # training continues if a file is gone by now
            self._failed = trained
            _log.warning("scores.failed", problem=str(error) or "out of memory", words_trained=trained)
            return False
        scores.add(found)
        _log.info(
            "scores.measured",
            words_trained=trained,
            scores={score.test: round(score.score, 4) for score in found if score.scored},
            seconds=round(time.perf_counter() - started, 3),
        )
        return True


def _pairs(path: str, vectors: WordVectors, check: Callable[[], None]) -> tuple[float, int, int]:
    found = vectors.evaluate_word_pairs(path, check=check)
    known = np.isfinite(found.spearman)
    return (found.spearman, found.scored, found.rows) if known else (0.0, 0, found.rows)


def _analogies(path: str, vectors: WordVectors, check: Callable[[], None]) -> tuple[float, int, int]:
    found = vectors.evaluate_word_analogies(path, check=check)
    return found.accuracy, found.scored, found.rows
