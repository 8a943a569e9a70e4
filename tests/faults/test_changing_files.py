"""Files that change at any moment of their way: they end as docs/files.md says; no word is counted twice or lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from streamer.intake import prefetch
from streamer.service import loop
from streamer.service.progress import Display
from streamer.service.signals import StopSignals
from streamer.settings import RunSettings

from .conftest import Amount, Tell
from .moments import (
    BEGINNING,
    BEGUN,
    CHANGES,
    MODEL,
    OLD,
    OPENED,
    PACKED,
    PACKED_CHANGES,
    PIECE,
    Reached,
    World,
    changes,
    expected,
    live,
    moments,
    words,
)

BLOCKS = -(-len(OLD) // PIECE)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return an empty inbox, and a trainer that reads it in small pieces."""
    world = World(tmp_path, monkeypatch)
    world.small_pieces()
    return world


def agree(rows: dict[str, list[dict[str, object]]], wanted: list[tuple[str, str, tuple[str, ...], bytes]]) -> None:
    """Check the rows of all files but the bystander against those that there have to be."""
    assert [row["outcome"] for row in rows.pop("other.txt")] == ["trained"]
    found = [row for versions in rows.values() for row in versions]
    assert [(row["path"], row["outcome"]) for row in found] == [row[:2] for row in wanted], found
    for row, (_, outcome, reasons, text) in zip(found, wanted, strict=True):
        assert row["reason"] in reasons or (BEGINNING in reasons and str(row["reason"]).endswith(BEGINNING)), row
        if outcome != "skipped":
            assert row["bytes"] == len(text)
        if outcome == "partial":
            assert row["bytes_trained"], "it had begun"


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("moment", moments(BLOCKS))
def test_a_file_that_changes(change: str, moment: str, world: World) -> None:
    """Whatever is done to a file, and whenever: its rows are those of the docs, its words counted once."""
    when = moments(BLOCKS)[moment]
    agree(live(world, CHANGES[change], when, OLD), expected(CHANGES[change], when[0]))


@pytest.mark.parametrize("change", PACKED_CHANGES)
@pytest.mark.parametrize("moment", sorted(moments(BLOCKS).keys() - {"amid the inspection", "between two blocks"}))
def test_a_packed_file_that_changes(change: str, moment: str, world: World) -> None:
    """The same for gzip, of which positions are those in the text; this one is small enough to be read at once."""
    when = moments(BLOCKS)[moment]
    agree(live(world, PACKED_CHANGES[change], when, PACKED), expected(PACKED_CHANGES[change], when[0]))


@pytest.mark.parametrize(
    ("change", "stage"), [(change, BEGUN) for change in CHANGES] + [("replace", OPENED), ("delete", OPENED)]
)
def test_a_file_that_changes_while_it_is_tokenized_ahead(
    change: str, stage: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process reads the file too, later or a block or two ahead: no new content is trained as the old."""
    monkeypatch.setattr(prefetch, "WORTH_STARTING", 1)
    sent, receive, old = [], prefetch.Prefetcher._receive, OLD * 200

    def received(self: prefetch.Prefetcher, check: Callable[[], None]) -> prefetch.TokenBlock | tuple[str, str] | None:
        found = receive(self, check)
        sent.extend(
            [found] if isinstance(found, prefetch.TokenBlock) else []
        )  # it first says which format the file has
        return found

    monkeypatch.setattr(prefetch.Prefetcher, "_receive", received)
    what = changes(old)[change]

    def is_it(at: str, reached: Reached) -> bool:
        # The process takes a while to start, so that a file is not open there when it is first read here.
        return (at == "block.trained" and len(sent) == 2) if stage == BEGUN else at == "input.read"

    agree(live(World(tmp_path, monkeypatch), what, (stage, is_it), old, threads=2), expected(what, stage, old))


class Watching:
    """A trainer that watches an inbox in this thread, while another does things to the inbox and ends it.

    Args:
        world: Where.
        work: What is done to the inbox.
        settle: Seconds that files have to be still.
    """

    def __init__(self, world: World, work: Callable[[Path], None], *, settle: float) -> None:
        self.signals = StopSignals()
        run = RunSettings(threads=1, settle=settle, rescan=0.1)
        worker = threading.Thread(target=self._work, args=(work, world))
        with structlog.testing.capture_logs() as self.lines:
            with loop.start(world.checkpoints, MODEL, run, Display(), self.signals) as running:
                worker.start()
                loop.watch(world.inbox, running)
            world.words_trained += running.words_seen
            worker.join()

    def _work(self, work: Callable[[Path], None], world: World) -> None:
        work(world.inbox)
        taken = {path.name for path in world.inbox.iterdir()}
        deadline = time.monotonic() + 20
        while taken - {line["path"] for line in self.trained} and time.monotonic() < deadline:
            time.sleep(0.05)
        self.signals.received = signal.SIGTERM

    @property
    def trained(self) -> list[MutableMapping[str, Any]]:
        """The log lines of trained files."""
        return [line for line in self.lines if line["event"] == "file.trained"]


def dribble(path: Path, content: bytes, *, pieces: int, pause: float) -> None:
    """Write a file piece by piece, each cut where it falls."""
    size = -(-len(content) // pieces)
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(content), size):
            file.write(content[start : start + size])
            time.sleep(pause)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["renamed into place", "closed in the end"])
def test_a_file_that_is_written_slowly_is_read_once_it_is_whole(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amount: Amount, tell: Tell
) -> None:
    """No part of a file is read before it has its name, or before it is still, by a trainer that looks all the time."""
    world, count = World(tmp_path, monkeypatch), amount(20, 200)
    contents = {f"{number}.txt": words(f"file{number}w", 300) for number in range(count)}

    def work(inbox: Path) -> None:
        for name, content in contents.items():
            if way == "closed in the end":
                dribble(inbox / name, content, pieces=8, pause=0.01)
            else:
                dribble(inbox / f".{name}", content, pieces=8, pause=0.01)
                (inbox / f".{name}").rename(inbox / name)

    watching = Watching(world, work, settle=1.0)
    assert sorted((line["path"], line["words"]) for line in watching.trained) == sorted(
        (name, 300) for name in contents
    )
    rows = world.check(*contents.values())
    assert rows.keys() == contents.keys()
    tell(f"{count} files {way} while they were watched: none read before it was whole")


@pytest.mark.slow
def test_a_file_that_is_written_more_slowly_than_files_settle_is_one_that_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that pauses for longer than --settle has its file trained piece by piece, each word once."""
    world, content = World(tmp_path, monkeypatch), words("slow", 72)
    lines = content.splitlines(keepends=True)

    def work(inbox: Path) -> None:
        with (inbox / "slow.txt").open("wb", buffering=0) as file:
            for line in lines:
                file.write(line)
                time.sleep(0.4)

    watching = Watching(world, work, settle=0.05)
    assert len(watching.trained) > 1, "it was taken before it was whole"
    world.run()
    rows = world.check(content)
    assert [(row["outcome"], row["words"], row["bytes"]) for row in rows["slow.txt"]] == [("trained", 72, len(content))]
