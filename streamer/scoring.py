"""Scores over the stream: how good the vectors are, every so many words trained.

When to measure follows from the state alone, so that a run that was stopped has the scores of one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import structlog

from streamer.display import printable
from streamer.errors import StreamerError
from streamer.history import Score
from streamer.settings import RunSettings
from streamer.trainer import Trainer
from streamer.vectors import WordVectors

Test = Callable[[WordVectors], tuple[float, int, int]]

_log = structlog.get_logger(__name__)


class Scorer:
    """Measures the vectors of a trainer now and then, and records the scores in its state.

    Args:
        trainer: Whose vectors.
        run: The files of pairs and analogies, and how often.
        check: Called now and then while measuring; raises to break it off.

    Raises:
        StreamerError: With exit code 66, if one of the files can't be read or is no such test.
    """

    def __init__(self, trainer: Trainer, run: RunSettings, check: Callable[[], None]) -> None:
        self._trainer, self._every = trainer, run.evaluate_every
        self._failed = 0
        self._tests: dict[str, Test] = {}
        for kind, paths, measure in (("pairs", run.pairs, _pairs), ("analogies", run.analogies, _analogies)):
            for path in paths:
                name = f"{kind} {printable(Path(path).name)}"
                name = name if name not in self._tests else f"{kind} {printable(path)}"
                self._tests[name] = partial(measure, path, check)
        nothing = WordVectors([], np.empty((0, trainer.settings.vector_size), np.float32), [])
        for test in self._tests.values():
            test(nothing)

    def score_if_due(self) -> bool:
        """Measure if another so many words have been trained since the last time; return whether there are new scores.

        Breaking it off leaves it due: it is the first thing that the next run does.
        """
        trained, scores = self._trainer.model.words_trained, self._trainer.scores
        last = max(scores.rows[-1].words_trained if scores.rows else 0, self._failed)
        if not self._tests or trained // self._every == last // self._every:
            return False
        self._trainer.settle()
        started = time.perf_counter()
        try:
            vectors = self._trainer.vectors
            found = [Score(trained, name, *test(vectors)) for name, test in self._tests.items()]
        except (StreamerError, MemoryError) as error:  # a file that is gone by now is no reason to stop learning
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


def _pairs(path: str, check: Callable[[], None], vectors: WordVectors) -> tuple[float, int, int]:
    check()
    found = vectors.evaluate_word_pairs(path)
    known = np.isfinite(found.spearman)
    return (found.spearman, found.scored, found.rows) if known else (0.0, 0, found.rows)


def _analogies(path: str, check: Callable[[], None], vectors: WordVectors) -> tuple[float, int, int]:
    found = vectors.evaluate_word_analogies(path, check=check)
    return found.accuracy, found.scored, found.rows
