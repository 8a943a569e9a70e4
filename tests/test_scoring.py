"""The scorer by itself: what breaks it off, and what it makes of tests that say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import streamer
from streamer.scoring import Scorer
from streamer.settings import RunSettings
from streamer.signals import Stopped

TEXT = "the cat sat on the mat and the dog sat on the rug " * 100


@pytest.fixture
def trainer() -> streamer.Trainer:
    """Return a trainer that has trained 1,300 words."""
    return streamer.Trainer(vector_size=8, min_count=1, sample=0.0, threads=1).partial_fit([TEXT])


def run(folder: Path, **content: str) -> RunSettings:
    """Return settings that name files of tests, to be made each 1,000 words."""
    for name, text in content.items():
        (folder / name).write_text(text, encoding="utf-8")
    files = {name: (str(folder / name),) for name in content}
    return RunSettings(threads=1, evaluate_every=1_000, **files)  # type: ignore[arg-type]


def test_broken_off_it_stays_due(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """A stop in the middle records nothing; the next look measures all of it, of the very same vectors."""
    settings = run(tmp_path, pairs="cat\tdog\t1\nmat\trug\t2\ncat\trug\t3\n", analogies="cat mat dog rug\n")
    stop = False

    def check() -> None:
        if stop:
            raise Stopped

    scorer = Scorer(trainer, settings, check)
    stop = True
    with pytest.raises(Stopped):
        scorer.score_if_due()
    assert not trainer.scores.rows
    stop = False
    assert scorer.score_if_due()
    assert not scorer.score_if_due()
    rows = trainer.scores.rows
    assert [(row.words_trained, row.test, row.scored) for row in rows] == [
        (1_300, "pairs pairs", 3),
        (1_300, "analogies analogies", 1),
    ]
    assert rows[0].score == trainer.vectors.evaluate_word_pairs(tmp_path / "pairs").spearman


def test_a_stop_is_heard_between_the_questions(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """Whoever measures many questions looks more than once whether to stop."""
    calls = []
    many = "".join(f": section {number}\ncat mat dog rug\n" for number in range(50))
    Scorer(trainer, run(tmp_path, analogies=many), lambda: calls.append(1)).score_if_due()
    assert len(calls) >= 50


def test_a_test_that_scores_nothing_has_no_score(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """Pairs of unknown words, and pairs that people find all alike, are recorded as not scored."""
    scorer = Scorer(trainer, run(tmp_path, pairs="unheard\tof\t1\ncat\tdog\t2\n"), lambda: None)
    assert scorer.score_if_due()
    assert trainer.scores.rows[0]._replace(test="") == (1_300, "", 0.0, 0, 2)


def test_without_tests_nothing_is_due(trainer: streamer.Trainer) -> None:
    """Who names no file is not kept waiting."""
    assert not Scorer(trainer, RunSettings(threads=1, evaluate_every=1), lambda: None).score_if_due()


def test_scores_are_part_of_what_is_saved(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """A checkpoint brings the scores back, and what is due with them."""
    settings = run(tmp_path, pairs="cat\tdog\t1\nmat\trug\t2\ncat\trug\t3\n")
    Scorer(trainer, settings, lambda: None).score_if_due()
    trainer.save(tmp_path / "checkpoints")
    again = streamer.Trainer.resume(tmp_path / "checkpoints")
    assert again.scores == trainer.scores
    assert not Scorer(again, settings, lambda: None).score_if_due()
