"""`watch --pairs --analogies --evaluate-every`: scores against words trained, kept in the checkpoint's history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import streamer
from streamer.state import Scores
from streamer.state.reading import read_history

from ..support.corpus import WORDS, put
from ..support.process import QUICK, done, run, started, until

EVERY = 100_000


@pytest.fixture(scope="session")
def tests(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Return the options that name a file of word pairs and one of analogies; some words in them are unknown."""
    folder = tmp_path_factory.mktemp("tests")
    rows = [f"{WORDS[number]}\t{WORDS[2 * number + 1]}\t{number % 7}" for number in range(60)]
    pairs = put(folder / "pairs.tsv", "\n".join([*rows, "unheard\tof\t1"]))
    questions = [" ".join(WORDS[number : number + 4]) for number in range(0, 200, 4)]
    analogies = put(folder / "analogies.txt", "\n".join([": all", *questions, "unheard of by us"]))
    return ("--pairs", str(pairs), "--analogies", str(analogies), "--evaluate-every", "100k")


def _scores(folder: Path, checkpoints: str = "checkpoints") -> Scores:
    return read_history(folder / checkpoints)[1]


@pytest.fixture(scope="session")
def scored(inbox: Path, tests: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a working folder in which the corpus was trained at one go, and scored on the way."""
    folder = tmp_path_factory.mktemp("scored")
    ended = done("watch", inbox, "--once", *QUICK, *tests, folder=folder)
    lines = ended.events("scores.measured")
    rows = _scores(folder).rows
    assert [line["words_trained"] for line in lines] == sorted({row.words_trained for row in rows})
    assert lines[-1]["scores"] == {row.test: round(row.score, 4) for row in rows[-2:]}
    return folder


def test_measured_at_the_first_block_after_each_multiple(scored: Path) -> None:
    """Both tests are in the history once for each multiple that was passed, with how many rows they could score."""
    rows = _scores(scored).rows
    at = sorted({row.words_trained for row in rows})
    assert len(at) >= 5
    assert [row.test for row in rows] == ["pairs pairs.tsv", "analogies analogies.txt"] * len(at)
    multiples = [words // EVERY for words in at]
    assert multiples[0] == 1 and multiples == sorted(set(multiples))
    assert [(row.scored, row.rows) for row in rows[-2:]] == [(60, 61), (50, 51)]
    assert all(-1 <= row.score <= 1 for row in rows)
    assert len({row.score for row in rows if row.test == "pairs pairs.tsv"}) > len(at) / 2


def test_scoring_changes_no_bit_of_the_model(scored: Path, undisturbed: Path) -> None:
    """Vectors are those of a run that was not scored."""
    first, second = (streamer.load(folder / "checkpoints") for folder in (scored, undisturbed))
    assert first.vectors.tobytes() == second.vectors.tobytes() and first.index_to_key == second.index_to_key


def test_the_same_scores_at_any_number_of_threads(
    scored: Path, inbox: Path, tests: tuple[str, ...], tmp_path: Path
) -> None:
    """One thread measures at the same moments, the same to the last bit."""
    done("watch", inbox, "--once", *QUICK, "--threads", "1", *tests, folder=tmp_path)
    assert _scores(tmp_path) == _scores(scored)


def test_killed_and_stopped_on_the_way(scored: Path, inbox: Path, tests: tuple[str, ...], tmp_path: Path) -> None:
    """A run that was killed once and stopped once has the scores of one that was neither, each once."""
    command = ("watch", inbox, "--once", *QUICK, "--checkpoint-every", "0", *tests)
    for end in ("killed", "stopped"):
        before = len(_scores(tmp_path).rows) if end == "stopped" else 0
        with started(*command, folder=tmp_path) as trainer:
            trainer.event("scores.measured", 2)
            until(lambda: _count(tmp_path) > before, "a checkpoint with the scores")  # noqa: B023 - called at once
            getattr(trainer, end)()
    done(*command, folder=tmp_path)
    assert _scores(tmp_path) == _scores(scored)


def _count(folder: Path) -> int:
    return len(_scores(folder).rows) if any((folder / "checkpoints").glob("*.h5")) else 0


def test_the_last_score_is_that_of_evaluate(inbox: Path, tests: tuple[str, ...], tmp_path: Path) -> None:
    """What is recorded is what `evaluate` says of the same vectors, and `status` shows it."""
    done("train", inbox / "large.txt", *QUICK, folder=tmp_path)
    assert done("train", inbox / "large.txt", *QUICK, *tests, folder=tmp_path).events("scores.measured")
    last = _scores(tmp_path).latest()
    found = done("evaluate", *tests[:4], "--json", folder=tmp_path).json
    assert [row.score for row in last] == [found["pairs"]["spearman"], found["analogies"]["accuracy"]]


def test_a_test_that_goes_away_stops_nothing(inbox: Path, tests: tuple[str, ...], tmp_path: Path) -> None:
    """Without its file a score is missed, which a line says, once each time; training goes on."""
    pairs = put(tmp_path / "gone.tsv", f"{WORDS[0]}\t{WORDS[1]}\t1\n")
    more = put(tmp_path / "inbox" / "a.txt", (inbox / "large.txt").read_text())
    with started("watch", more.parent, *QUICK, "--pairs", pairs, *tests[4:], folder=tmp_path) as trainer:
        trainer.event("scores.measured")
        pairs.unlink()
        put(tmp_path / "inbox" / "b.txt", (inbox / "large.txt").read_text() + "and more")
        trainer.event("file.trained", path="b.txt")
        failed = trainer.event("scores.failed")
        assert "cannot read" in failed["problem"]
        multiples = [line["words_trained"] // EVERY for line in trainer.events("scores.failed")]
        assert len(multiples) == len(set(multiples))
        assert trainer.stopped().code == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--pairs", "none.tsv"), 66, "cannot read none.tsv"),
        (("--pairs", "empty.tsv"), 66, "cannot evaluate with empty.tsv"),
        (("--evaluate-every", "1M"), 2, "--pairs or --analogies"),
        (("--pairs", "empty.tsv", "--evaluate-every", "0"), 78, "at least 1"),
        (("--pairs", "empty.tsv", "--evaluate-every", "often"), 2, "such as 500k"),
    ],
)
def test_what_cannot_be_measured(tmp_path: Path, options: tuple[str, ...], code: int, said: str) -> None:
    """A test that is missing or no test, and a frequency that is none, are told before anything is trained."""
    put(tmp_path / "inbox" / "a.txt", "one two three " * 50)
    put(tmp_path / "empty.tsv", "nothing here\n")
    ended = run("watch", "inbox", "--once", *options, folder=tmp_path)
    assert ended.code == code
    assert said in ended.stderr
    assert not list(tmp_path.glob("checkpoints/*.h5"))


def test_from_toml_and_two_files_of_one_name(tmp_path: Path) -> None:
    """Tests may be named in TOML; files of the same name in two folders are two tests."""
    for number, name in enumerate(("a", "b")):
        put(tmp_path / name / "pairs.tsv", "".join(f"w{n}\tw{n + 1}\t{n * (-1) ** number}\n" for n in range(20)))
    put(tmp_path / "inbox" / "a.txt", " ".join(f"w{n % 30}" for n in range(2000)))
    put(tmp_path / "streamer.toml", f"pairs = {json.dumps(['a/pairs.tsv', 'b/pairs.tsv'])}\nevaluate-every = 1_000\n")
    done("watch", "inbox", "--once", "--config", "streamer.toml", *QUICK, folder=tmp_path)
    assert _scores(tmp_path).tests == ["pairs a/pairs.tsv", "pairs b/pairs.tsv"]
