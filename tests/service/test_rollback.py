"""Back to a moment of the stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamer.checkpoints import Store
from streamer.errors import ExitCode, StreamerError
from streamer.intake import reader
from streamer.service.releasing import release
from streamer.service.rollback import rollback
from streamer.service.takeback import forget
from streamer.state.reading import read_ledger, read_past, read_state

from ..support.taking_back import Stream, text
from .test_judging import letters


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of some hundred bytes have several blocks."""
    monkeypatch.setattr(reader, "PIECE", 128)


def stories(folder: Path, *, keep_states: str = "all", last: int = 4) -> tuple[Stream, Stream]:
    """Return a stream of which more is known than of another one, which stops after two files."""
    found, other = (Stream(folder / name, keep_states=keep_states, keep=1) for name in ("one", "two"))
    for number in range(last):
        found.put(f"{number}.txt", number)
        if number < 2:
            other.put(f"{number}.txt", number)
    return found, other


def test_back_to_a_kept_state(tmp_path: Path) -> None:
    """Nothing is trained; the model is that of a stream that has not gone on, and so is the ledger."""
    found, other = stories(tmp_path)
    words = read_state(other.checkpoints).words_seen
    outcome = rollback(found.checkpoints, f"{words}", found.request())
    assert found.learned() == other.learned()
    assert (outcome.files, outcome.out) == (0, ["2.txt", "3.txt"])
    entries = [(entry.path, entry.words, entry.outcome) for entry in read_ledger(found.checkpoints)]
    assert entries == [(entry.path, entry.words, entry.outcome) for entry in read_ledger(other.checkpoints)]
    assert read_ledger(found.checkpoints).journal().row.tolist() == [0, 1]


def test_what_came_later_is_trained_again(tmp_path: Path) -> None:
    """By the next run, as if it had come now; what was forgotten meanwhile is not."""
    found, other = stories(tmp_path)
    forget(found.checkpoints, "3.txt", found.request())
    rollback(found.checkpoints, f"{read_state(other.checkpoints).words_seen}", found.request())
    found.learn()
    other.put("2.txt", 2)
    assert found.learned() == other.learned()
    assert {entry.path: entry.outcome for entry in read_ledger(found.checkpoints)}["3.txt"] == "forgotten"


def test_back_to_a_snapshot_by_a_replay(tmp_path: Path) -> None:
    """Within a file: the rest of it is under way, and goes on with the next run."""
    found = Stream(tmp_path, snapshot_every="0.05k", snapshots="all", keep_states="3d", keep=1)
    for number in range(3):
        found.put(f"{number}.txt", number)
    found.grow("1.txt", 7)
    learned = found.learned()
    past = read_past(found.checkpoints)
    for moment in reversed(past.moments[:-1]):
        outcome = rollback(found.checkpoints, moment.name, found.request())
        state = read_state(found.checkpoints)
        assert (state.words_seen, state.model.words_trained) == (moment.words_seen, moment.words_trained)
        then = past.read(moment)
        assert state.model.vocabulary.words == then.words
        assert (state.model.vocabulary.counts == then.counts).all()
        assert (state.model.embeddings.input_squares == then.squares).all()
        known = [one.name for one in read_past(found.checkpoints).moments[:-1]]
        assert known == [one.name for one in past.moments[: len(known)]] and known[-1] == moment.name
        assert outcome.out
    assert state.ledger.under_way is not None
    found.learn()
    names = {entry.path: entry.words for entry in read_ledger(found.checkpoints)}
    assert sum(names.values()) == read_state(found.checkpoints).words_seen == len(text(0).split()) * 3 + 41
    assert found.learned() != learned, "what 1.txt grew by was read with the rest of it this time"


def test_a_later_text_may_be_gone(tmp_path: Path) -> None:
    """It is not needed."""
    found, other = stories(tmp_path)
    (found.inbox / "3.txt").unlink()
    rollback(found.checkpoints, f"{read_state(other.checkpoints).words_seen}", found.request())
    assert found.learned() == other.learned()


@pytest.mark.parametrize(
    ("to", "says", "code"),
    [
        ("next week", "is not a moment", ExitCode.USAGE),
        ("1999", "nothing is known of 1999", ExitCode.NO_INPUT),
        ("snapshot-99", "nothing is known", ExitCode.NO_INPUT),
        ("now", "nothing was trained since", ExitCode.NO_INPUT),
    ],
)
def test_moments_that_there_are_not(tmp_path: Path, to: str, says: str, code: ExitCode) -> None:
    """The folder stays as it was."""
    found, _ = stories(tmp_path, last=2)
    before = found.on_disk()
    with pytest.raises(StreamerError, match=says) as caught:
        rollback(found.checkpoints, to, found.request())
    assert caught.value.code == code and found.on_disk() == before


def test_a_needed_text_is_gone(tmp_path: Path) -> None:
    """66, with its name; a trainer that runs: 75."""
    found = Stream(tmp_path, snapshot_every="0.05k", snapshots="all", keep_states="3d", keep=1)
    found.put("a.txt", 0)
    found.put("b.txt", 1)
    found.put("c.txt", 2)
    (found.inbox / "a.txt").unlink()
    moment = read_past(found.checkpoints).moments[1]
    before = found.on_disk()
    with pytest.raises(StreamerError, match=r"a\.txt is needed") as caught:
        rollback(found.checkpoints, moment.name, found.request())
    assert caught.value.code == ExitCode.NO_INPUT and found.on_disk() == before
    with Store(found.checkpoints).lock(), pytest.raises(StreamerError) as locked:
        rollback(found.checkpoints, moment.name, found.request())
    assert locked.value.code == ExitCode.LOCKED
    plan = rollback(found.checkpoints, moment.name, found.request(dry_run=True))
    assert plan.missing == ["a.txt"] and found.on_disk() == before


def test_bounds_that_changed_meanwhile(tmp_path: Path) -> None:
    """They change again at the same place; the ledger goes on with other numbers of rows, and words still know it."""
    found = Stream(tmp_path, snapshot_every="0.05k", snapshots="all", keep_states="3d", keep=1)
    found.put("a.txt", 0)
    found.write("b.txt", text(1))
    found.learn(max_candidates=5000)
    found.put("c.txt", 2)
    moments = read_past(found.checkpoints).moments
    bounds = read_state(found.checkpoints).model.bounds
    rollback(found.checkpoints, moments[-3].name, found.request())
    state = read_state(found.checkpoints)
    assert state.model.bounds == bounds and len(bounds) == 2
    assert (state.words_seen, state.model.words_trained) == (moments[-3].words_seen, moments[-3].words_trained)
    assert state.ledger.under_way is not None and state.ledger.under_way.path == "c.txt"
    assert [state.ledger.entry(row).path for row in sorted(set(state.model.sources.column("last").tolist()))] == [
        "a.txt",
        "b.txt",
        "c.txt",
    ]
    found.learn()
    assert {entry.path: entry.outcome for entry in read_ledger(found.checkpoints)} == dict.fromkeys(
        ("a.txt", "b.txt", "c.txt"), "trained"
    )


def test_a_copy_of_what_has_grown_since_is_known_as_one(tmp_path: Path) -> None:
    """Else it would be trained again: the file of which it is a copy begins with it, and is another one by now."""
    found = Stream(tmp_path)
    found.put("a.txt", 0)
    found.put("b.txt", 1)
    words = read_state(found.checkpoints).words_seen
    found.write("a.copy", text(0))
    found.learn()
    found.grow("a.txt", 7)
    counted = read_state(found.checkpoints).words_seen
    rollback(found.checkpoints, f"{words}", found.request())
    found.learn()
    rows = {entry.path: entry.explanation for entry in read_ledger(found.checkpoints)}
    assert rows == {"a.txt": "", "b.txt": "", "a.copy": "a copy of a.txt"}
    assert read_state(found.checkpoints).words_seen == counted


def test_back_to_after_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the state from before holds was released, since it was trained; so it is trained again."""
    monkeypatch.setattr(reader, "PIECE", 1 << 20)  # files are judged by their first block
    found = Stream(tmp_path, hold_unusual=True, snapshot_every="0.5k", keep=1)
    for number in range(22):
        found.put(f"{number:02}.txt", number, 600)
    found.write("odd.txt", letters(1, 900).encode())
    found.learn()
    assert read_ledger(found.checkpoints).holds("odd.txt")
    release(found.checkpoints, ["odd.txt"])
    found.learn()
    for number in (30, 31):
        found.put(f"{number}.txt", number, 600)
    moment = read_past(found.checkpoints).moments[-2]  # after 30.txt
    for state in Store(found.checkpoints).states.list()[-3:]:  # those that have seen odd.txt
        state.path.unlink()
    outcome = rollback(found.checkpoints, moment.name, found.request())
    assert (outcome.files, outcome.words, outcome.out) == (2, 1_501, ["31.txt"])
    outcomes = {entry.path: entry.outcome for entry in read_ledger(found.checkpoints)}
    assert outcomes["odd.txt"] == outcomes["30.txt"] == "trained" and "31.txt" not in outcomes
