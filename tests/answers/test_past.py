"""The past of a stream in Python, over a folder of checkpoints that a trainer left."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

import streamer
from streamer.answers.past import StreamPast
from streamer.errors import ExitCode, StreamerError

from ..support import moments
from ..support.moments import CHANGED, NEW
from ..support.side_by_side import Once


@pytest.fixture(scope="module")
def folder(once: Once) -> Path:
    """Return a folder with the checkpoint of a stream with twelve snapshots."""
    return once("past", moments.train) / "checkpoints"


@pytest.fixture(scope="module")
def past(folder: Path) -> StreamPast:
    """Return its past."""
    return streamer.past(folder)


def test_moments(past: StreamPast) -> None:
    """The snapshots, and the newest checkpoint."""
    names = [moment.name for moment in past.moments]
    assert names == [*(f"snapshot-{number}" for number in range(1, 13)), "checkpoint-0000000001"]


def test_a_word_at_two_moments(past: StreamPast) -> None:
    """Its neighbours are those of its first topic, then of the tenth; the later moment is the newest by default."""
    found = past.diff(CHANGED.upper(), "snapshot-8", topn=5)
    assert (found.word, found.first.name, found.last.name) == (CHANGED, "snapshot-8", "checkpoint-0000000001")
    assert found.then and all(each.word.startswith("t0w") for each in found.then)
    assert found.now and any(each.word.startswith("t10w") for each in found.now)
    assert past.diff(CHANGED, "2026-11-03", "2026-11-05").last.name == "snapshot-5"
    came = past.diff(NEW, "snapshot-8")
    assert came.then is None and came.now is not None


def test_a_word_that_nobody_knows(past: StreamPast) -> None:
    """A KeyError with the nearest spellings, as from vectors."""
    for ask in (lambda: past.diff("t0w0x", "snapshot-2"), lambda: past.timeline("t0w0x")):
        with pytest.raises(KeyError, match=r"nearest: .*t0w") as error:
            ask()
        assert isinstance(error.value, streamer.vectors.UnknownWord)


def test_drift(past: StreamPast) -> None:
    """The word that changed is at the top; in a stretch before that, no word is."""
    found = past.drift("snapshot-8", "snapshot-10")
    assert found.words[0].word == CHANGED and found.words[0].verdict == "changed"
    assert (
        found.changed >= 1 and found.judged + found.not_enough_text == found.first.vocabulary and len(found.floor) >= 3
    )
    assert past.drift("snapshot-6", "snapshot-8").words == []
    quiet = past.drift("snapshot-6", "snapshot-8", min_z=-99, topn=7)
    assert len(quiet.words) == 7 and quiet.changed == 0
    assert found.words[0].still_moving is not None and found.as_dict()["words"][0]["verdict"] == "changed"


def test_too_early_for_a_floor(past: StreamPast) -> None:
    """Before the third snapshot nobody knows how far words move."""
    with pytest.raises(StreamerError, match="3 are needed before snapshot-2") as error:
        past.drift("snapshot-2", "snapshot-4")
    assert error.value.code == ExitCode.NO_INPUT


@pytest.mark.parametrize(("since", "to"), [("snapshot-4", "snapshot-4"), ("snapshot-5", "snapshot-4")])
def test_moments_in_the_wrong_order(since: str, to: str, past: StreamPast) -> None:
    """It is an error that names both."""
    with pytest.raises(StreamerError, match=rf"{since}.*{to} \(") as error:
        past.diff(CHANGED, since, to)
    assert error.value.code == ExitCode.USAGE


def test_timeline(past: StreamPast) -> None:
    """The word moves farthest after the change, and the newest checkpoint is a moment too."""
    points = past.timeline(CHANGED).points
    assert [point.moment.name for point in points] == [moment.name for moment in past.moments]
    scores = [point.z for point in points]
    assert scores[:3] == [None] * 3 and max(score for score in scores if score is not None) == scores[8]
    counts = [point.count for point in past.timeline(NEW).points]
    assert counts[:11] == [None] * 11 and counts[11]


def test_a_checkpoint_at_the_moment_of_a_snapshot_is_the_same_moment(tmp_path: Path) -> None:
    """A stretch without words is no stretch."""
    trainer = streamer.Trainer(vector_size=8, min_count=1, seed=1).partial_fit(["a few words about a few words"])
    trainer.snapshot(1_000_000.0)
    trainer.partial_fit(["and a few more words"]).snapshot(2_000_000.0)
    trainer.save(tmp_path)
    names = [point.moment.name for point in streamer.past(tmp_path).timeline("words").points]
    assert names == ["snapshot-1", "snapshot-2"]
    trainer.partial_fit(["words"]).save(tmp_path)
    assert len(streamer.past(tmp_path).timeline("words").points) == 3


def test_emerging(past: StreamPast) -> None:
    """The newcomer, and nothing else."""
    found = past.emerging("snapshot-10")
    assert ([word.word for word in found.words], found.new, found.bursts) == ([NEW], 1, None)
    assert not found.words[0].returned and past.emerging("snapshot-3", "snapshot-8").words == []
    assert {word.word for word in past.emerging("snapshot-8", "snapshot-9").words} == {"t0w1", "t0w2"}


def test_answers_become_tables(past: StreamPast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a row for what it lists; pandas makes a table of them."""
    monkeypatch.setitem(__import__("sys").modules, "pandas", SimpleNamespace(DataFrame=list))
    assert len(past.diff(CHANGED, "snapshot-3", topn=4).to_frame()) == 8
    assert past.drift("snapshot-8", min_z=-99, topn=3).to_frame()[0]["word"] == CHANGED
    assert len(past.timeline(CHANGED).to_frame()) == 13 and past.emerging("snapshot-10").to_frame()[0]["word"] == NEW


def test_a_snapshot_that_is_lost(folder: Path, tmp_path: Path) -> None:
    """Its file is named, whatever is asked that needs it."""
    copy = shutil.copytree(folder, tmp_path / "checkpoints")
    past = streamer.past(copy)
    (lost,) = copy.glob("snapshots/snapshot-5-*")
    lost.unlink()
    for ask in (lambda: past.timeline(CHANGED), lambda: past.diff(CHANGED, "snapshot-5")):
        with pytest.raises(StreamerError, match=r"snapshot-5-.*missing") as error:
            ask()
        assert error.value.code == ExitCode.DAMAGED
    assert past.diff(CHANGED, "snapshot-6").cosine
