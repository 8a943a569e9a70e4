"""Texts are found and checked, and trained again in the same blocks."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from streamer.errors import ExitCode, StreamerError
from streamer.intake import reader
from streamer.ledger.ledger import Ledger
from streamer.service.planning import Base, Plan, steps
from streamer.service.replay import Replay, find
from streamer.state import State
from streamer.state.reading import read_state
from streamer.training.tokenizing import tokenizer_of

from ..support.taking_back import MODEL, Stream, text


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of some hundred bytes have several blocks."""
    monkeypatch.setattr(reader, "PIECE", 128)


def whole(state: State) -> Plan:
    """Return the plan to train all of a stream again."""
    nothing = Base("the beginning", None, 0, 0, (0, 0), Ledger())
    return Plan(nothing, steps(state.ledger, state.model.blocks, nothing, frozenset()), frozenset())


def replayed(found: Stream, threads: int = 1) -> Replay:
    """Train all of a stream again."""
    state = read_state(found.checkpoints)
    plan = whole(state)
    texts = find(state.ledger, plan.rows, lambda: None)
    new = State.new(state.settings)
    replay = Replay(new, plan, state.ledger, texts.found, threads=threads, check=lambda: None)
    replay.run(tokenizer_of(new, None), ())
    return replay


def test_a_whole_stream_is_trained_again(tmp_path: Path) -> None:
    """Growth, packed files, formats with markup, two passes: the same bits as those of the newest checkpoint."""
    found = Stream(tmp_path)
    found.put("a.txt", 1)
    found.write("b.txt.gz", gzip.compress(text(2, 400)))
    found.write("c.jsonl", b"".join(b'{"text": "w1 w2 %s"}\n' % text(3, 9).replace(b"\n", b" ") for _ in range(9)))
    found.learn()
    found.grow("a.txt", 4)
    found.learn(epochs=2)
    found.grow("a.txt", 5)
    state, again = read_state(found.checkpoints), replayed(found).state
    assert again.model.blocks == state.model.blocks > 20
    for one, other in (
        (again.model.embeddings.input, state.model.embeddings.input),
        (again.model.embeddings.output_squares, state.model.embeddings.output_squares),
        (again.model.vocabulary.counts, state.model.vocabulary.counts),
    ):
        assert one.tobytes() == other.tobytes()
    assert [row[:5] for row in again.history.rows] == [row[:5] for row in state.history.rows]


@pytest.mark.slow
def test_processes_that_help_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers compute the blocks."""
    for module in ("replay", "service"):
        monkeypatch.setattr(f"streamer.service.{module}.WORTH_WORKERS", 1)
    found = Stream(tmp_path)
    for number in range(4):
        found.put(f"{number}.txt", number, 900)
    state, again = read_state(found.checkpoints), replayed(found, threads=2).state
    assert again.model.embeddings.input.tobytes() == state.model.embeddings.input.tobytes()
    assert again.model.embeddings.output.tobytes() == state.model.embeddings.output.tobytes()


def test_texts_are_found_by_name_and_by_copy(tmp_path: Path) -> None:
    """One that has grown still begins with what was trained; one that was written anew does not."""
    found = Stream(tmp_path)
    for number, name in enumerate(("same", "grown", "rotated", "gone", "rewritten", "packed.gz")):
        content = text(number)
        found.write(name, gzip.compress(content) if name == "packed.gz" else content)
        found.learn()
    found.write("grown", text(1) + text(9))
    (found.inbox / "rotated").rename(found.inbox / "rotated.1")
    found.learn()
    (found.inbox / "gone").unlink()
    found.write("rewritten", text(8))
    (found.inbox / "packed.gz").write_bytes(gzip.compress(text(5), 1, mtime=7))
    ledger = read_state(found.checkpoints).ledger
    rows = [ledger.named(name)[-1] for name in ("same", "grown", "rotated", "gone", "rewritten", "packed.gz")]
    texts = find(ledger, rows, lambda: None)
    names = {ledger.entry(row).path: one.path.name for row, one in texts.found.items()}
    assert names == {"same": "same", "grown": "grown", "rotated": "rotated.1", "packed.gz": "packed.gz"}
    assert [ledger.entry(row).path for row in texts.missing] == ["gone"]
    assert [ledger.entry(row).path for row in texts.changed] == ["rewritten"]


@pytest.mark.parametrize("when", ["before", "meanwhile", "gone"])
def test_a_file_that_changes_after_it_was_checked(tmp_path: Path, when: str) -> None:
    """65, or 66 if it is gone; what was trained so far is thrown away by the caller."""
    found = Stream(tmp_path)
    found.put("a.txt", 1)
    found.put("b.txt", 2)
    state = read_state(found.checkpoints)
    plan = whole(state)
    texts = find(state.ledger, plan.rows, lambda: None)
    path = found.inbox / "b.txt"

    def change(*_: int) -> None:
        if when == "meanwhile" and replay.state.model.blocks == 8:
            path.write_bytes(text(9))

    if when != "meanwhile":
        path.unlink()
    if when == "before":
        path.write_bytes(text(9))
    new = State.new(state.settings)
    replay = Replay(new, plan, state.ledger, texts.found, threads=1, check=lambda: None, trained=change)
    with pytest.raises(StreamerError, match=r"b\.txt") as caught:
        replay.run(tokenizer_of(new, None), ())
    assert caught.value.code == (ExitCode.NO_INPUT if when == "gone" else ExitCode.DAMAGED)


def test_other_blocks_than_there_were_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if blocks had another size now: nothing is trained that was not trained in that way."""
    found = Stream(tmp_path)
    found.put("a.txt", 1)
    monkeypatch.setattr(reader, "PIECE", 100)
    with pytest.raises(StreamerError, match="other blocks") as caught:
        replayed(found)
    assert caught.value.code == ExitCode.DAMAGED
    assert MODEL["vector_size"] == read_state(found.checkpoints).settings.vector_size
