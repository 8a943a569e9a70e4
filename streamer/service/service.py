"""A running trainer: the path of a text file through it, and what it waits for.

A file arrives, becomes still, and is looked up in the ledger. It is read in blocks, and each block is tokenized and
trained. One log line reports the file. The next checkpoint holds both its row in the ledger and what the model learned
from it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs
import structlog

from streamer.intake import reader
from streamer.intake.decoding import likely
from streamer.intake.inbox import Candidate, Inbox, Scan
from streamer.intake.opened import Opened, Refused, open_regular
from streamer.intake.prefetch import Job, Prefetcher, TokenBlock
from streamer.ledger.entries import REMOVED, Entry, Signature
from streamer.model.learner import BlockReport
from streamer.service.advising import Adviser
from streamer.service.dating import Dating
from streamer.service.files import Files, has_changed, judged
from streamer.service.progress import Display, FileProgress
from streamer.service.reporting import Reporter
from streamer.service.saving import Saver
from streamer.service.scoring import Scorer
from streamer.service.signals import StopSignals
from streamer.service.snapshotting import Snapshotter
from streamer.service.tally import Tally
from streamer.settings import RunSettings
from streamer.state import State
from streamer.system import failpoints
from streamer.training import WORTH_SHARING, WORTH_WORKERS, Schedule

SIGNAL_SECONDS = 0.25
"""Seconds between checks for a signal while there is nothing to do."""

_log = structlog.get_logger(__name__)


@attrs.define
class Service:
    """A running trainer: it trains files, saves when it is time, and stops when it is told to."""

    state: State
    schedule: Schedule
    files: Files
    saver: Saver
    scorer: Scorer
    run: RunSettings
    signals: StopSignals
    prefetcher: Prefetcher
    display: Display
    reporter: Reporter
    adviser: Adviser
    snapshotter: Snapshotter
    dating: Dating
    tally: Tally = attrs.field(factory=Tally)
    words_seen: int = 0

    @property
    def idle(self) -> bool:
        """Return whether there was nothing to train; a run that was told to stop cannot know this."""
        return not (self.tally.trained or self.words_seen or self.signals.received)

    def announce(self, candidates: Sequence[Candidate]) -> None:
        """Prepare for the files that come next: tokenize them ahead, and start workers if it is worth it."""
        found = len(candidates)
        self.display.backlog(found, sum(candidate.signature.size for candidate in candidates))
        candidates = [candidate for candidate in candidates if not candidate.refusal]
        jobs = [  # smaller files are no work for another process
            Job(
                candidate.absolute,
                candidate.signature,
                0,
                candidate.signature.size,
                likely(self.run.encoding_of(candidate.path)),
                "",
            )
            for candidate in candidates
            if candidate.signature.size >= WORTH_SHARING and not self._grown(candidate)
        ]
        self.prefetcher.announce(jobs)
        if not candidates:
            self.schedule.drain()
            self.schedule.end_workers()  # a service may have nothing to do for days
        if sum(job.stop for job in jobs) >= WORTH_WORKERS and (count := self.schedule.start_workers()):
            _log.info("workers.started", count=count)
        self.reporter.backlog(found)

    def _grown(self, candidate: Candidate) -> bool:
        """Return whether a file was trained at another size: the new part may be a single line."""
        return self.state.ledger.known(candidate.path).size not in (-1, candidate.signature.size)

    def resume_under_way(self) -> None:
        """Resume the file in which the last run stopped, before any other."""
        entry = self.state.ledger.under_way
        if entry is None:
            return
        path = Path(self.state.ledger.root) / entry.path
        try:
            status = path.lstat()
        except OSError:
            self._gone(entry)
            return
        if not has_changed(status, entry.signature):  # else the scan decides when it is still
            self.take(Candidate(entry.path, os.fspath(path), Signature.of(status)), passes=entry.passes + 1)

    def _gone(self, entry: Entry) -> None:
        self.state.ledger.abandon(entry, REMOVED)
        self._skipped(entry.path, REMOVED)

    def take_all(self, candidates: Iterable[Candidate], *, passes: int = 1) -> bool:
        """Take files one after the other, up to one that frees the name of another; return whether there is one.

        That other file was refused, and has its turn now, as it has if the process is started again here: look again.
        """
        for candidate in candidates:
            self.take(candidate, passes=passes)
            if self.state.ledger.freed():
                return True
        return False

    def take(self, candidate: Candidate, *, passes: int = 1) -> None:
        """Train what is new in a file, or record why not; one log line in either case.

        Raises:
            Stopped: Between two blocks, after a signal; the rest of the file is for the next run.
        """
        self.signals.check()
        self.display.file(candidate.path, candidate.signature.size)
        started = time.monotonic()
        with self.saver.at_work():
            self._take(candidate, passes)
        self.display.done()
        self.reporter.worked(time.monotonic() - started)
        self.saver.save_if_due()

    def _take(self, candidate: Candidate, passes: int) -> None:
        ledger = self.state.ledger
        try:
            if candidate.refusal:
                raise Refused(candidate.refusal)
            with open_regular(candidate.absolute) as file:
                verdict = judged(file, candidate.path, self.run, ledger, self.signals.check)
                entry = ledger.plan(
                    candidate.path,
                    verdict,
                    on_change=self.run.on_change,
                    duplicates=self.run.duplicates,
                    passes=passes,
                    moved=self.files.moved,
                )
                self.saver.changed()
                failpoints.reached("input.planned")
                if entry is not None:
                    self._train(file, candidate, entry)
                elif reason := ledger.refusal(candidate.path):
                    self._skipped(candidate.path, reason)
        except FileNotFoundError:
            entry = ledger.under_way
            if entry and entry.path == candidate.path and Path(candidate.absolute).parent.is_dir():
                self._gone(entry)
            return  # gone since the scan; if it returns, a scan finds it
        except Refused as refusal:
            ledger.refuse(candidate.path, candidate.signature, str(refusal))
            self._skipped(candidate.path, str(refusal))

    def score_if_due(self) -> None:
        """Score the vectors if it is time."""
        if self.scorer.due:
            self.display.scoring()
        if self.scorer.score_if_due():
            self.saver.changed()

    def wait(self, box: Inbox, scan: Scan) -> None:
        """Sleep until an event or the next look, whichever comes first; save if a checkpoint is due before."""
        self.display.idle()
        limit = box.until_scan if scan.next_still is None else min(box.until_scan, scan.next_still)
        until = time.monotonic() + max(limit, 0.02)
        while (left := until - time.monotonic()) > 0:
            self.signals.check()
            self.saver.save_if_due(idle=True)
            self.reporter.tick()
            if box.wait(min(left, SIGNAL_SECONDS)):
                return

    def _train(self, file: Opened, candidate: Candidate, entry: Entry) -> None:
        """Train a file from the entry's offset to its end, block by block."""
        schedule, ledger = self.schedule, self.state.ledger
        epoch, signature = entry.passes, entry.signature
        progress = FileProgress(entry.path, entry.text_bytes, entry.text_bytes - entry.offset, encoding=entry.encoding)
        if self.adviser.looks:
            beginning = partial(reader.beginning, file, entry.text_bytes, entry.encoding, entry.format)
            self.adviser.look(entry.path, beginning)
        for block in self._blocks(file, candidate, entry):
            failpoints.reached("block.read")
            schedule.make_room()
            self.signals.check()
            self.score_if_due()
            if has_changed(os.fstat(file.fileno()), signature):
                return  # neither trained nor refused: it is checked again when it is still
            # Text added at the end of a file is new, however often the beginning was trained.
            fresh = block.start >= entry.known
            self.snapshotter.before(self.dating.date(entry.path, signature, block))
            ledger.advance(entry, block.stop, len(block.tokens))
            progress.skipped += block.skipped
            failpoints.reached("block.advanced")
            schedule.train(
                block.tokens,
                epoch=0 if fresh else max(epoch, 1),
                row=entry.row,
                then=partial(self._trained, progress, epoch, block.stop),
            )
            failpoints.reached("block.trained")
            self.display.reached(block.stop / entry.text_bytes)
            self.saver.changed()
            if block.stop < entry.text_bytes:
                self.saver.save_if_due()
        ledger.finish(entry)
        failpoints.reached("file.finished")
        self.adviser.judge()
        self.tally.train(entry.path)

    def _trained(self, progress: FileProgress, epoch: int, stop: int, report: BlockReport, seconds: float) -> None:
        """Report a block that was trained, and its file if this was the last block."""
        self.state.epochs.add(epoch, report.loss)
        self.words_seen += report.tokens
        progress.add(report, seconds)
        self.display.block(report.tokens, self.state.history.loss, report.vocabulary)
        if stop >= progress.size:
            self.reporter.trained(progress, report.vocabulary)

    def _blocks(self, file: Opened, candidate: Candidate, entry: Entry) -> Iterator[TokenBlock]:
        """Yield the rest of a file, with a cut before the bytes that no pass has covered: they were added later."""
        for stop in (entry.known, entry.text_bytes):
            if entry.offset < stop:
                job = Job(candidate.absolute, entry.signature, entry.offset, stop, entry.encoding, entry.format)
                yield from self.prefetcher.blocks(file, job, self.signals.check)

    def _skipped(self, path: str, reason: str) -> None:
        self.tally.refuse(path, reason)
        self.saver.changed()
        self.reporter.skipped(path, reason)
