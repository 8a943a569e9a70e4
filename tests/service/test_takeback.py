"""A file is taken out of a model: what is refused, what stays, what goes."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import pytest

import streamer
from streamer.checkpoints import Store
from streamer.errors import ExitCode, StreamerError
from streamer.intake import reader
from streamer.service.signals import Stopped
from streamer.service.takeback import forget
from streamer.state.reading import read_ledger, read_past, read_state
from streamer.system import disk

from ..support.taking_back import MODEL, Stream, text


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of some hundred bytes have several blocks."""
    monkeypatch.setattr(reader, "PIECE", 128)


def stream(folder: Path, without: str = "", **run: Any) -> Stream:
    """Return a stream of three files, one of which grows."""
    found = Stream(folder, **run)
    for number, name in enumerate(("a.txt", "b.txt", "c.txt")):
        if name != without:
            found.put(name, number)
    if without != "a.txt":
        found.grow("a.txt", 7)
    return found


def outcomes(found: Stream) -> dict[str, str]:
    """Return the outcome of each file in the ledger."""
    return {entry.path: entry.outcome for entry in read_ledger(found.checkpoints)}


def test_the_model_is_as_if_it_had_never_seen_it(tmp_path: Path) -> None:
    """All that is learned, and the words of each file. The number is a new one, and the kept states are those of it."""
    found, other = stream(tmp_path / "one"), stream(tmp_path / "two", without="b.txt")
    last = Store(found.checkpoints).list()[0].sequence
    outcome = forget(found.checkpoints, "b.txt", found.request())
    assert found.learned() == other.learned()
    assert (outcome.out, outcome.files, outcome.missing, outcome.changed) == (["b.txt"], 2, [], [])
    assert outcome.checkpoint == f"checkpoint-{last + 1:010d}.h5"
    assert outcome.base.startswith("state-0000000002")
    words = {entry.path: entry.words for entry in read_ledger(other.checkpoints)} | {"b.txt": 0}
    assert {entry.path: entry.words for entry in read_ledger(found.checkpoints)} == words
    kept = [state.sequence for state in Store(found.checkpoints).states.list()]
    assert kept == [1, 2, last + 1], "states that have seen it are none of this stream"
    assert read_state(found.checkpoints).given_up.ranges == [(2, last + 1)]


def test_it_is_never_trained_again(tmp_path: Path) -> None:
    """Under no name, packed or not, and what it grows by is not trained either; a new text of that name is."""
    found = stream(tmp_path)
    forget(found.checkpoints, "b.txt", found.request())
    before = found.learned()
    for name in ("b.txt", "moved.txt"):
        found.write(name, text(1))
    found.write("packed.txt.gz", gzip.compress(text(1)))
    found.learn()
    found.write("b.txt", text(1) + text(30))
    found.write("grown.txt", text(1) + text(31))
    found.learn()
    assert found.learned() == before
    reasons = {entry.path: entry.explanation for entry in read_ledger(found.checkpoints) if entry.outcome == "skipped"}
    assert reasons == {
        "moved.txt": "its text was forgotten (streamer forget)",
        "packed.txt.gz": "its text was forgotten (streamer forget)",
        "b.txt": "begins with a text that was forgotten (streamer forget)",
        "grown.txt": "begins with a text that was forgotten (streamer forget)",
    }
    found.run = attrs.evolve(found.run, duplicates="train", on_change="retrain")
    found.learn()
    assert found.learned() == before
    found.put("b.txt", 40)
    assert found.learned() != before
    assert [entry.outcome for entry in read_ledger(found.checkpoints) if entry.path == "b.txt"] == [
        "forgotten",
        "trained",
    ]


def test_all_names_of_a_text_are_taken_out(tmp_path: Path) -> None:
    """A copy stands for its text. What begins with it and goes on is the same file under another name."""
    found, other = stream(tmp_path / "one"), stream(tmp_path / "two", without="b.txt")
    found.write("copy.txt", text(1))
    found.learn()
    (found.inbox / "b.txt").rename(found.inbox / "b.1.txt")
    found.grow("b.1.txt", 50)
    found.put("d.txt", 60)
    other.put("d.txt", 60)
    outcome = forget(found.checkpoints, "copy.txt", found.request())
    assert set(outcome.out) == {"b.txt", "copy.txt", "b.1.txt"}
    assert found.learned() == other.learned()
    assert {name for name, outcome in outcomes(found).items() if outcome == "forgotten"} == set(outcome.out)


@pytest.mark.parametrize("way", ["name", "path", "text", "file", "capitals"])
def test_a_file_is_meant_by_name_path_or_digest(tmp_path: Path, way: str) -> None:
    """The digest is that of its text, or of the file on the disk."""
    found = Stream(tmp_path)
    found.put("a.txt", 0)
    path = found.write("b.txt.gz", gzip.compress(text(1)))
    found.learn()
    name = {
        "name": "b.txt.gz",
        "path": os.path.relpath(path),
        "text": hashlib.sha256(text(1)).hexdigest(),
        "file": hashlib.sha256(path.read_bytes()).hexdigest(),
        "capitals": hashlib.sha256(text(1)).hexdigest().upper(),
    }[way]
    assert forget(found.checkpoints, name, found.request()).out == ["b.txt.gz"]


def test_a_new_model_needs_no_kept_state(tmp_path: Path) -> None:
    """The state before the first file is that of a model that has seen nothing."""
    found, other = stream(tmp_path / "one", keep=1), stream(tmp_path / "two", without="a.txt")
    shutil.rmtree(found.checkpoints / "states")
    assert forget(found.checkpoints, "a.txt", found.request()).base == "the beginning"
    assert found.learned() == other.learned()


def test_what_was_refused_is_forgotten_without_a_replay(tmp_path: Path) -> None:
    """Nothing of it was trained; but from now on it never is, whatever the settings say."""
    found = stream(tmp_path)
    content = text(1) + bytes(range(128, 256)) * 3
    found.write("odd.txt", content)
    found.learn()
    assert outcomes(found)["odd.txt"] == "skipped"
    before = found.learned()
    outcome = forget(found.checkpoints, "odd.txt", found.request())
    assert (outcome.files, outcome.bytes, found.learned()) == (0, 0, before)
    found.run = attrs.evolve(found.run, max_bad_ratio=1.0)
    found.learn()
    assert found.learned() == before and outcomes(found)["odd.txt"] == "forgotten"


def test_several_files_one_after_the_other(tmp_path: Path) -> None:
    """A state that was given up is never started from."""
    found, other = stream(tmp_path / "one"), Stream(tmp_path / "two")
    found.put("d.txt", 20)
    for name in ("c.txt", "a.txt"):
        forget(found.checkpoints, name, found.request())
    other.put("b.txt", 1)
    other.put("d.txt", 20)
    assert found.learned() == other.learned()
    for one in (found, other):
        one.put("e.txt", 21)
    forget(found.checkpoints, "d.txt", found.request())
    third = Stream(tmp_path / "three")
    third.put("b.txt", 1)
    third.put("e.txt", 21)
    assert found.learned() == third.learned()


def test_bounds_that_changed_since_change_again(tmp_path: Path) -> None:
    """At the same place in the stream."""
    found, other = Stream(tmp_path / "one"), Stream(tmp_path / "two")
    for one in (found, other):
        one.put("a.txt", 0)
        if one is found:
            one.put("b.txt", 1)
        one.write("c.txt", text(2))
        one.learn(max_candidates=5000)
        one.put("d.txt", 3)
        one.write("e.txt", text(4))
        one.learn(max_candidates=6000, max_vocabulary=1000)
    forget(found.checkpoints, "b.txt", found.request())
    assert found.learned() == other.learned()
    bounds = read_state(found.checkpoints).model.bounds
    assert [values[1:] for values in bounds] == [(2_000_000, 0), (5000, 0), (6000, 1000)]


def test_later_snapshots_are_withdrawn(tmp_path: Path) -> None:
    """Those from before it was trained have never seen it, and stay; numbers are not used again."""
    found = stream(tmp_path, snapshot_every="0.05k", snapshots="all")
    names = [moment.name for moment in read_past(found.checkpoints).moments[:-1]]
    outcome = forget(found.checkpoints, "c.txt", found.request())
    past = read_past(found.checkpoints)
    kept = [moment.name for moment in past.moments[:-1]]
    assert kept == names[: len(kept)] and 0 < len(kept) < len(names)
    assert outcome.withdrawn == len(names) - len(kept)
    for moment in past.moments:
        past.read(moment)
    found.put("d.txt", 20)
    new = read_past(found.checkpoints).moments[len(kept)]
    assert new.number > int(names[-1].rpartition("-")[2])


def test_purge_leaves_nothing_that_knows_it(tmp_path: Path) -> None:
    """No checkpoint, kept state, snapshot or damaged file of after it: none has a word that only it had."""
    found = stream(tmp_path, snapshot_every="0.05k", snapshots="all")
    (found.checkpoints / "checkpoint-0000000001.h5.damaged").write_bytes(b"n1x")
    word = b"n1x"
    found.write("b2.txt", (b"n1x " * 9 + b"\n\n") * 3)
    found.learn()
    assert any(word in content for content in found.on_disk().values())
    forget(found.checkpoints, "b2.txt", found.request())
    forget(found.checkpoints, "b.txt", found.request(purge=True))
    assert [name for name, content in found.on_disk().items() if word in content] == []
    assert len(Store(found.checkpoints).list()) == 1
    past = read_past(found.checkpoints)
    for moment in past.moments:
        past.read(moment)


def test_purge_comes_later_too(tmp_path: Path) -> None:
    """What is forgotten already is only purged; without that, nothing is done at all."""
    found = stream(tmp_path)
    forget(found.checkpoints, "b.txt", found.request())
    before = found.on_disk()
    again = forget(found.checkpoints, "b.txt", found.request())
    assert (again.files, again.withdrawn, found.on_disk()) == (0, 0, before)
    forget(found.checkpoints, "b.txt", found.request(purge=True))
    assert len(Store(found.checkpoints).list()) == 1 and found.on_disk() != before


def test_a_dry_run_changes_nothing_and_tells_all(tmp_path: Path) -> None:
    """It needs no lock."""
    found = stream(tmp_path)
    before = found.on_disk()
    with Store(found.checkpoints).lock():
        plan = forget(found.checkpoints, "b.txt", found.request(dry_run=True))
    assert found.on_disk() == before
    size = len(text(2)) + len(text(7, 40))
    assert (plan.out, plan.files, plan.bytes, plan.checkpoint) == (["b.txt"], 2, size, "")
    assert abs(plan.words - len((text(2) + text(7, 40)).split())) < 9, "in proportion to the bytes"
    assert plan.seconds is not None and plan.seconds > 0


class Refusal(NamedTuple):
    """Why something is refused: what is done before, what the error says, and its code."""

    name: str
    says: str
    code: ExitCode


REFUSALS = {
    "no such file": Refusal("nosuch.txt", "there is no nosuch.txt in the ledger", ExitCode.NO_INPUT),
    "no such digest": Refusal("ab" * 32, "in the ledger", ExitCode.NO_INPUT),
    "no text": Refusal("0" * 64, "in the ledger", ExitCode.NO_INPUT),
    "gone": Refusal("b.txt", "c.txt, trained since state-0000000002.*is gone", ExitCode.NO_INPUT),
    "changed": Refusal("b.txt", "c.txt, trained since.*no longer what was trained", ExitCode.DAMAGED),
    "python": Refusal("b.txt", "from Python, or an older version", ExitCode.CONFIGURATION),
    "old journal": Refusal("b.txt", r"was read: an older version", ExitCode.CONFIGURATION),
    "folded journal": Refusal("b.txt", "when b.txt was trained", ExitCode.CONFIGURATION),
    "no state": Refusal("b.txt", "no whole state from before b.txt", ExitCode.NO_INPUT),
    "no room": Refusal("b.txt", "bytes are needed", ExitCode.CANNOT_WRITE),
    "disk full": Refusal("b.txt", "No space left", ExitCode.CANNOT_WRITE),
    "a trainer runs": Refusal("b.txt", "another trainer", ExitCode.LOCKED),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_a_refusal_leaves_the_folder_as_it_was(tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its exit code, and says what is wrong with which file."""
    found = stream(tmp_path)
    _break(found, why, monkeypatch)
    before = found.on_disk()
    name, says, code = REFUSALS[why]
    with pytest.raises(StreamerError, match=says) as caught:
        if why == "a trainer runs":
            with Store(found.checkpoints).lock():
                forget(found.checkpoints, name, found.request())
        else:
            forget(found.checkpoints, name, found.request())
    assert caught.value.code == code and caught.value.hint
    assert found.on_disk() == before


def _break(found: Stream, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    match why:
        case "gone":
            (found.inbox / "c.txt").unlink()
        case "changed":
            (found.inbox / "c.txt").write_bytes(text(2).replace(b"w1", b"w2"))
        case "python":
            trainer = streamer.Trainer.resume(found.checkpoints, threads=1)
            trainer.partial_fit(["w1 w2 w3 w4"])
            trainer.save(found.checkpoints)
        case "old journal":
            shutil.rmtree(found.checkpoints / "states")
            _save(found, lambda columns: columns["ledger/spans/ended"].fill(2))
        case "folded journal":
            _save(found, lambda columns: columns["ledger/spans/row"].fill(2**32 - 1))
        case "no state":
            shutil.rmtree(found.checkpoints / "states")
            state = read_state(found.checkpoints)
            state.record_initial(attrs.evolve(state.initial, name="x.vec", sha256="ab", words=1, words_seen=1))
            number = state.number_next()
            store = Store(found.checkpoints)
            store.publish(state.image(), number)
            store.retire(1)
        case "no room":
            usage = shutil.disk_usage(found.checkpoints)._replace(free=7)
            monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
        case "disk full":

            def write(descriptor: int, data: memoryview) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            monkeypatch.setattr(disk, "write", write)


def _save(found: Stream, change: Any) -> None:
    """Save the newest state with another journal."""
    store = Store(found.checkpoints)
    newest = store.load_newest()
    assert newest is not None
    tree = {key: leaf.copy() if hasattr(leaf, "copy") else leaf for key, leaf in newest[1].items()}
    change(tree)
    number = newest[0].sequence + 1
    store.save(tree | {"sequence": number}, number)
    store.retire(1)


def test_without_what_is_missing(tmp_path: Path) -> None:
    """The model has never seen that either; if it comes back, it is trained."""
    found, other = stream(tmp_path / "one"), Stream(tmp_path / "two")
    content = (found.inbox / "c.txt").read_bytes()
    (found.inbox / "c.txt").unlink()
    plan = forget(found.checkpoints, "b.txt", found.request(dry_run=True))
    assert plan.missing == ["c.txt"]
    forget(found.checkpoints, "b.txt", found.request(without_missing=True))
    other.put("a.txt", 0)
    other.grow("a.txt", 7)
    assert found.learned() == other.learned()
    assert "c.txt" not in outcomes(found)
    for one in (found, other):
        one.write("c.txt", content)
        one.learn()
    assert found.learned() == other.learned() and outcomes(found)["c.txt"] == "trained"


def test_a_part_that_the_state_has_seen_cannot_be_missing(tmp_path: Path) -> None:
    """Its other part is in the model."""
    found = stream(tmp_path)
    (found.inbox / "a.txt").unlink()
    before = found.on_disk()
    with pytest.raises(StreamerError, match=r"a\.txt can't be left out") as caught:
        forget(found.checkpoints, "b.txt", found.request(without_missing=True))
    assert caught.value.code == ExitCode.NO_INPUT
    assert found.on_disk() == before


def test_a_rotated_file_is_found_by_its_copy(tmp_path: Path) -> None:
    """The ledger lists its new name as a copy, once it was looked at."""
    found, other = stream(tmp_path / "one"), stream(tmp_path / "two", without="b.txt")
    (found.inbox / "c.txt").rename(found.inbox / "c.1.txt")
    found.learn()
    assert outcomes(found)["c.1.txt"] == "skipped"
    forget(found.checkpoints, "b.txt", found.request())
    assert found.learned() == other.learned()


def test_a_file_that_has_grown_since_is_enough(tmp_path: Path) -> None:
    """What was not trained yet is not trained by a replay either."""
    found, other = stream(tmp_path / "one"), stream(tmp_path / "two", without="b.txt")
    found.write("c.txt", text(2) + text(33))
    forget(found.checkpoints, "b.txt", found.request())
    assert found.learned() == other.learned()


def test_a_stop_changes_nothing(tmp_path: Path) -> None:
    """Ctrl-C between two blocks."""
    found = stream(tmp_path)
    before = found.on_disk()
    calls = iter(range(1000))

    def check() -> None:
        if next(calls) > 8:
            raise Stopped

    with pytest.raises(Stopped):
        forget(found.checkpoints, "b.txt", found.request(check=check))
    assert found.on_disk() == before


def test_no_folder_is_made(tmp_path: Path) -> None:
    """66 if there is no model."""
    with pytest.raises(StreamerError, match="no checkpoint") as caught:
        forget(tmp_path / "nowhere", "a.txt", Stream(tmp_path).request())
    assert caught.value.code == ExitCode.NO_INPUT and not (tmp_path / "nowhere").exists()


def test_the_settings_of_a_base_are_those_of_the_model(tmp_path: Path) -> None:
    """A kept state of another model is not started from."""
    found, other = stream(tmp_path / "one"), Stream(tmp_path / "two")
    other.put("a.txt", 0)
    state = read_state(other.checkpoints)
    assert state.settings.vector_size == MODEL["vector_size"]
    foreign = Stream(tmp_path / "three")
    foreign.write("a.txt", text(0))
    foreign.learn(seed=9)
    kept = Store(found.checkpoints).states.list()[1].path
    shutil.copy(Store(foreign.checkpoints).list()[0].path, kept)
    before = found.on_disk()
    with pytest.raises(StreamerError, match="other settings") as caught:
        forget(found.checkpoints, "b.txt", found.request())
    assert caught.value.code == ExitCode.CONFIGURATION and found.on_disk() == before


def test_a_text_whose_place_is_not_known_any_more_is_not_called_forgotten(tmp_path: Path) -> None:
    """Its copy is listed, but the file that was trained is gone for long: it is refused, and nothing changes."""
    found = Stream(tmp_path, ledger_keep=0.001)
    path = found.put("a.txt", 0)
    found.write("copy.txt", path.read_bytes())
    found.learn()
    path.unlink()
    for _ in range(2):
        found.learn()
    assert read_ledger(found.checkpoints).is_folded("a.txt") and outcomes(found) == {"copy.txt": "skipped"}
    before = found.on_disk()
    for name in ("copy.txt", "a.txt"):
        with pytest.raises(StreamerError, match="gone for so long") as caught:
            forget(found.checkpoints, name, found.request(purge=True))
        assert caught.value.code == ExitCode.NO_INPUT and found.on_disk() == before


def test_a_version_that_was_refused_is_forgotten_too(tmp_path: Path) -> None:
    """What was rewritten, forgotten, and then grows, begins with a text that was forgotten."""
    found = Stream(tmp_path)
    found.put("a.txt", 0)
    found.put("b.txt", 1)
    found.write("b.txt", text(2))
    found.learn()
    forget(found.checkpoints, "b.txt", found.request())
    words = read_state(found.checkpoints).words_seen
    found.grow("b.txt", 3)
    assert read_state(found.checkpoints).words_seen == words
    assert "trained" not in {entry.outcome for entry in read_ledger(found.checkpoints) if entry.path == "b.txt"}
