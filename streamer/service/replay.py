"""Train a part of the stream again, exactly as it was trained: the same bytes, in the same blocks, in the same order.

A block ends where its bytes say, so the journal needs only the ends of what was read at a time. Each file is hashed
before anything is trained: it must be what it was then, or begin with it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import attrs

from streamer.errors import ExitCode, StreamerError
from streamer.formats.dates import FIRST
from streamer.intake import reader
from streamer.intake.opened import Opened, Refused, open_regular
from streamer.intake.prefetch import Job, Prefetcher, TokenBlock
from streamer.ledger.entries import NO_DIGEST, Entry, Known, Signature, Verdict, alike
from streamer.ledger.ledger import Ledger
from streamer.model.learner import BlockReport
from streamer.service.files import has_changed
from streamer.service.planning import Plan, Step
from streamer.settings import BOUNDS
from streamer.state import State
from streamer.system import failpoints
from streamer.text.tokenizer import Tokenizer
from streamer.training import WORTH_SHARING, WORTH_WORKERS, Schedule
from streamer.workers import starter

Check = Callable[[], None]


class Text(NamedTuple):
    """A file that has a text that was trained.

    Attributes:
        path: Where it is now.
        signature: Its size and times.
        verdict: What was found in it, with the digests of some of its beginnings.
    """

    path: Path
    signature: Signature
    verdict: Verdict


class Account(Protocol):
    """What is told of a replay, and says when it has come to its end.

    Attributes:
        ledger: The ledger that it keeps.
    """

    ledger: Ledger

    def ends(self, state: State) -> bool:
        """Return whether to stop before the next block."""
        ...

    def follow(self, ledger: Ledger) -> None:
        """Continue with a copy of the ledger, whose rows may have other numbers."""
        ...

    def begin(self, step: Step, text: Text, at: int) -> None:
        """Begin a step, whose text was found, or continue it from a position."""
        ...

    def add(self, stop: int, words: int) -> int:
        """Add a block of the step that was begun last (where it ends, its words); return the row of its file."""
        ...


@attrs.frozen
class Texts:
    """The files that a replay needs.

    Attributes:
        found: Where each is, by the row of the ledger.
        missing: The rows of those that are gone.
        changed: The rows of those that are no longer what was trained.
    """

    found: dict[int, Text]
    missing: list[int]
    changed: list[int]


def find(ledger: Ledger, rows: Sequence[int], check: Check, lengths: Mapping[int, Collection[int]] = {}) -> Texts:
    """Look for the texts of some rows, and hash them.

    A text is looked for under its own name, and then under the names of its copies in the ledger: so a log that was
    rotated is found.

    Args:
        ledger: The ledger.
        rows: The rows.
        check: Called from time to time; raises to stop.
        lengths: Of each row, lengths of beginnings whose digests are wanted too.
    """
    copies: dict[int, list[str]] = {row: [] for row in rows}
    for entry in ledger:
        if entry.source in copies:
            copies[entry.source].append(entry.path)
    texts = Texts({}, [], [])
    for row in rows:
        entry, there = ledger.entry(row), False
        for name in (entry.path, *copies[row]):
            text = None
            try:
                text = _text(Path(ledger.root) / name, entry, lengths.get(row, ()), check)
                there = True
            except FileNotFoundError:
                continue
            if text:
                texts.found[row] = text
                break
        else:
            (texts.changed if there else texts.missing).append(row)
    return texts


def _text(path: Path, entry: Entry, lengths: Collection[int], check: Check) -> Text | None:
    """Return the text of an entry if a file is, or begins with, what was trained.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    length, digest = entry.text_bytes, entry.text_sha256
    before = Known(size=-1, encoding=entry.encoding or "utf-8", lengths=frozenset([length, *lengths]))
    try:
        with open_regular(path) as file:
            verdict = reader.judge(file, encoding=before.encoding, max_bad_ratio=1.0, before=before, check=check)
            if digest == NO_DIGEST:  # an older version trained it packed
                same = verdict.sha256 == entry.sha256
            else:
                found = verdict.text_sha256 if verdict.text_bytes == length else verdict.prefixes.get(length, NO_DIGEST)
                same = alike(found, digest)
            return Text(path, verdict.signature, verdict) if same else None
    except Refused:
        return None


class Replay:
    """Trains the steps of a plan.

    Args:
        state: The state to start from; it is changed.
        plan: The plan.
        ledger: The ledger from which the plan was made.
        texts: The files.
        threads: Cores to train on.
        latest: The newest date of a text, in seconds since 1970.
        check: Called from time to time; raises to stop.
        trained: Called after each block with its bytes and its words.

    Attributes:
        state: The state now.
        first_out: Words seen and trained when the first of what is left out would have been trained.
    """

    def __init__(
        self,
        state: State,
        plan: Plan,
        ledger: Ledger,
        texts: Mapping[int, Text],
        *,
        threads: int,
        latest: float = math.inf,
        check: Check,
        trained: Callable[[int, int], None] = lambda *_: None,
    ) -> None:
        self.state = state
        self.first_out: tuple[int, int] | None = None
        self._plan, self._ledger, self._texts = plan, ledger, texts
        self._threads, self._check, self._trained, self._latest = threads, check, trained, latest

    def run(
        self,
        tokenizer: Tokenizer,
        out: Collection[int],
        bounds: Sequence[tuple[int, ...]] = (),
        account: Account | None = None,
    ) -> None:
        """Train all steps but those of some rows.

        Args:
            tokenizer: Cuts the texts.
            out: The rows that are left out.
            bounds: Bounds that the model was given since, each with the blocks that were trained by then.
            account: Is told of each block.

        Raises:
            StreamerError: 65 if a file changes meanwhile, or gives other blocks than it did; 66 if it disappears.
        """
        changes = {blocks: dict(zip(BOUNDS, values, strict=True)) for blocks, *values in bounds}
        blocks = self._plan.base.blocks
        prefetcher = Prefetcher(tokenizer, enabled=self._threads > 1, size=self.state.settings.round_bytes)
        self._begin()
        try:
            self._announce(prefetcher, out)
            for step in self._plan.steps:
                if step.row in out:
                    self._note_first_out()
                    due = [at for at in changes if at < blocks + step.blocks]
                    blocks += step.blocks
                    for at in sorted(due):
                        self._rebound(changes.pop(at), account)
                    continue
                self._check_there(step.row)
                self._pass_time(step)
                if account:
                    account.begin(step, self._texts[step.row], step.start)
                for block in self._blocks(step, prefetcher):
                    due = sorted(at for at in changes if at <= blocks)
                    for at in due:
                        self._rebound(changes.pop(at), account)
                    if due and account:
                        account.begin(step, self._texts[step.row], block.start)
                    if account and account.ends(self.state):
                        return
                    row = account.add(block.stop, len(block.tokens)) if account else step.row
                    self._schedule.make_room()
                    then = partial(self._note_loss, step.passes)
                    self._schedule.train(block.tokens, epoch=0 if step.first else 1, row=row, then=then)
                    failpoints.reached("replay.trained")
                    self._trained(block.stop - block.start, len(block.tokens))
                    blocks += 1
            for at in sorted(changes):
                self._rebound(changes[at], account)
        finally:
            prefetcher.close()
            try:
                if not self._schedule.broken:
                    self._schedule.drain()
            finally:
                self._schedule.end_workers()

    def _pass_time(self, step: Step) -> None:
        """Set the clock. Of when a text was trained, only this is known; it is told of words, and changes nothing."""
        date = self._ledger.entry(step.row).signature.mtime_ns / 1e9
        if date >= FIRST:
            self.state.pass_time(min(date, self._latest))

    def _check_there(self, row: int) -> None:
        if row not in self._texts:
            raise StreamerError(
                f"{self._ledger.entry(row).path} is needed, and is gone or no longer what was trained",
                hint="nothing was changed: put it back as it was",
                code=ExitCode.NO_INPUT,
            )

    def _begin(self) -> None:
        self._schedule = Schedule(self.state, starter(self._threads))
        sizes = (step.stop - step.start for step in self._plan.replayed)
        if sum(size for size in sizes if size >= WORTH_SHARING) >= WORTH_WORKERS:
            self._schedule.start_workers()

    def _rebound(self, bounds: dict[str, int], account: Account | None) -> None:
        """Continue with other bounds, as a process does that resumes with them."""
        self._schedule.drain()
        self._schedule.end_workers()
        self.state = State.from_tree(self.state.to_tree(), bounds)
        if account:
            account.follow(self.state.ledger)
        self._begin()

    def _note_loss(self, epoch: int, report: BlockReport, seconds: float) -> None:
        self.state.epochs.add(epoch, report.loss)

    def _note_first_out(self) -> None:
        if self.first_out is None:
            self._schedule.drain()
            self.first_out = self.state.words_seen, self.state.model.words_trained

    def _announce(self, prefetcher: Prefetcher, out: Collection[int]) -> None:
        wanted = (step for step in self._plan.steps if step.row not in out and step.row in self._texts)
        prefetcher.announce([self._job(step) for step in wanted if step.stop - step.start >= WORTH_SHARING])

    def _job(self, step: Step) -> Job:
        entry, text = self._ledger.entry(step.row), self._texts[step.row]
        stop = step.stop if step.ended else entry.text_bytes
        return Job(os.fspath(text.path), text.signature, step.start, stop, entry.encoding or "utf-8", entry.format)

    def _blocks(self, step: Step, prefetcher: Prefetcher) -> Iterator[TokenBlock]:
        """Yield the blocks of a step.

        Raises:
            StreamerError: As :meth:`run` does.
        """
        entry, text = self._ledger.entry(step.row), self._texts[step.row]
        count = 0
        try:
            with open_regular(text.path) as file:
                if Signature.of(file.status) != text.signature:
                    raise _changed(entry.path, "it has changed since it was checked")
                for block in prefetcher.blocks(file, self._job(step), self._check):
                    self._check()
                    _check_unchanged(file, text, entry)
                    count += 1
                    if block.stop > step.stop or (block.stop == step.stop) != (count == step.blocks):
                        raise _changed(entry.path, "it is cut into other blocks than it was")
                    yield block
                    if block.stop == step.stop:
                        return
        except FileNotFoundError:
            raise StreamerError(f"{entry.path} is gone since it was checked", code=ExitCode.NO_INPUT) from None
        except Refused as refused:
            raise _changed(entry.path, str(refused)) from None


def _check_unchanged(file: Opened, text: Text, entry: Entry) -> None:
    if has_changed(os.fstat(file.fileno()), text.signature):
        raise _changed(entry.path, "it has changed since it was checked")


def _changed(name: str, why: str) -> StreamerError:
    return StreamerError(
        f"{name} can't be trained again as it was: {why}",
        hint="nothing was changed: run the same command again when nobody writes to it",
        code=ExitCode.DAMAGED,
    )
