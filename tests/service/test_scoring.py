"""The scorer by itself: what breaks it off, and what it makes of tests that say nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import streamer
from streamer.errors import ExitCode, StreamerError
from streamer.service.scoring import MOST_TESTS, Scorer, read_tests
from streamer.service.signals import Stopped
from streamer.settings import RunSettings
from streamer.state import Score

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


def scorer_of(trainer: streamer.Trainer, run: RunSettings, check: Callable[[], None] = lambda: None) -> Scorer:
    """Return a scorer with the tests that settings name."""
    return Scorer(trainer.state, trainer._schedule, read_tests(run), run.evaluate_every, check)


def test_broken_off_it_stays_due(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """A stop in the middle records nothing; the next look measures all of it, of the very same vectors."""
    settings = run(tmp_path, pairs="cat\tdog\t1\nmat\trug\t2\ncat\trug\t3\n", analogies="cat mat dog rug\n")
    stop = True

    def check() -> None:
        if stop:
            raise Stopped

    scorer = scorer_of(trainer, settings, check)
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
    scorer_of(trainer, run(tmp_path, analogies=many), lambda: calls.append(1)).score_if_due()
    assert len(calls) >= 50


def test_a_test_that_scores_nothing_has_no_score(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """Pairs of unknown words, and pairs that people find all alike, are recorded as not scored."""
    scorer = scorer_of(trainer, run(tmp_path, pairs="unheard\tof\t1\ncat\tdog\t2\n"))
    assert scorer.score_if_due()
    assert trainer.scores.rows[0]._replace(test="") == (1_300, "", 0.0, 0, 2)


def test_without_tests_nothing_is_due(trainer: streamer.Trainer) -> None:
    """Who names no file is not kept waiting."""
    assert not scorer_of(trainer, RunSettings(threads=1, evaluate_every=1)).score_if_due()


def test_scores_are_part_of_what_is_saved(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """A checkpoint brings the scores back, and what is due with them."""
    settings = run(tmp_path, pairs="cat\tdog\t1\nmat\trug\t2\ncat\trug\t3\n")
    scorer_of(trainer, settings).score_if_due()
    trainer.save(tmp_path / "checkpoints")
    again = streamer.Trainer.resume(tmp_path / "checkpoints")
    assert again.scores == trainer.scores
    assert not scorer_of(again, settings).score_if_due()


def test_due_at_each_multiple_however_near(trainer: streamer.Trainer, tmp_path: Path) -> None:
    """It is multiples that count, so that a score that came late puts off no other."""
    scorer = scorer_of(trainer, run(tmp_path, pairs="cat\tdog\t1\nmat\trug\t2\ncat\trug\t3\n"))
    for last, now, due in ((1_300, 1_999, False), (1_900, 2_100, True), (1_000, 1_999, False), (999, 1_000, True)):
        trainer.scores.rows = [Score(last, "pairs pairs", 0.5, 3, 3)]
        trainer.state.model.words_trained = now
        assert scorer.score_if_due() == due, (last, now)


def test_names_say_which_file_whatever_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of one name are all called by their paths, others by their names; the same file twice is one test."""
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    for name in ("d/x.tsv", "x.tsv", "y.tsv"):
        Path(name).write_text("cat\tdog\t1\n")
    for paths in (("d/x.tsv", "x.tsv", "y.tsv"), ("x.tsv", "y.tsv", "d/x.tsv", "x.tsv")):
        assert set(read_tests(RunSettings(pairs=paths))) == {"pairs d/x.tsv", "pairs x.tsv", "pairs y.tsv"}
    assert set(read_tests(RunSettings(pairs=("x.tsv", "x.tsv")))) == {"pairs x.tsv"}


def test_tests_that_cannot_be_read_again_and_again(tmp_path: Path) -> None:
    """Pipes are refused without waiting for them, names that no file has too, and more tests than anyone makes."""
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("pipe", "not a regular file"), ("a\0b", "cannot read"), ("none", "cannot read")):
        with pytest.raises(StreamerError, match=said) as caught:
            read_tests(RunSettings(pairs=(str(tmp_path / name),)))
        assert caught.value.code == ExitCode.NO_INPUT
    with pytest.raises(StreamerError, match="the limit is"):
        read_tests(RunSettings(pairs=tuple(f"{number}" for number in range(MOST_TESTS + 1))))
