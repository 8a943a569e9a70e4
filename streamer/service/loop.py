"""The main loop: files arrive, become blocks, and train the model.

The path of a text file: it arrives, becomes still, and is looked up in the ledger. It is read in blocks, and each block
is tokenized and trained. One log line reports the file. The next checkpoint holds both its row in the ledger and what
the model learned from it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog

from streamer.checkpoints import Store
from streamer.errors import StreamerError
from streamer.intake import reader
from streamer.intake.decoding import likely
from streamer.intake.inbox import Candidate, Inbox, Scan
from streamer.intake.opened import Opened, Refused, open_regular
from streamer.intake.prefetch import Job, Prefetcher, TokenBlock
from streamer.ledger.entries import REMOVED, Entry, Signature
from streamer.model.learner import BlockReport
from streamer.service.advising import Adviser
from streamer.service.files import Files, has_changed, judged, outdated, refuse_unreadable, wanted
from streamer.service.progress import Display, FileProgress
from streamer.service.reporting import Reporter
from streamer.service.saving import Saver
from streamer.service.scoring import Scorer, read_tests
from streamer.service.signals import Stopped, StopSignals
from streamer.service.startup import cluster, start_state
from streamer.service.tally import Tally
from streamer.service.tidying import Tidier
from streamer.settings import BOUNDS, RunSettings
from streamer.state import State
from streamer.system import failpoints
from streamer.system.blas import Blas
from streamer.system.processes import keep_freed_memory
from streamer.training import WORTH_SHARING, WORTH_WORKERS, Schedule
from streamer.training.tokenizing import tokenizer_of
from streamer.workers import starter

SIGNAL_SECONDS = 0.25
"""Seconds between checks for a signal while there is nothing to do."""

_log = structlog.get_logger(__name__)


def watch(inbox: Path, service: Service, *, once: bool = False) -> None:
    """Train on all files in a folder, and on those that come later, until a signal asks to stop.

    Args:
        inbox: The folder.
        service: From :func:`start`.
        once: Return when everything in the folder has been trained, instead of waiting for more.
    """
    files = service.files
    root = Path(os.path.realpath(inbox))
    files.adopt(root)

    seen = files.seen_in(os.fspath(root))
    with Inbox(inbox, service.run, seen, without=files.checkpoints, check=service.signals.check) as box:
        tidier = Tidier(service.state.ledger, root, service.run.ledger_keep, box.wanted)
        _log.info("inbox.watched", path=str(inbox), hint="Ctrl-C saves and stops")
        service.resume_under_way()
        freed = False
        while True:
            tidier.looks()
            scan = box.scan() if once or freed else box.look()
            if tidier.looked(scan):
                service.saver.changed()
            service.display.waiting(scan.waiting)
            service.announce(scan.ready)
            freed = service.take_all(files.named(candidate, root) for candidate in scan.ready)
            service.score_if_due()
            if once and not scan.ready and not scan.waiting:
                refuse_unreadable(root, scan)
                return
            if not scan.ready:
                service.wait(box, scan)


def train(paths: Sequence[Path], epochs: int, service: Service, on_epoch: Callable[[int, float | None], None]) -> None:
    """Train until each of the given files has had ``epochs`` passes, including those of ``watch``.

    Args:
        paths: Files and folders; :meth:`.files.Files.name` returns their names in the ledger.
        epochs: Passes over each file.
        service: From :func:`start`.
        on_epoch: Called after each epoch that trained anything, with its number from 1 and its average loss.
    """
    record, saved = service.state.epochs, service.state.sequence
    interrupted = record.job
    record.begin(json.dumps([epochs, *(os.fspath(path.absolute()) for path in paths)]))
    before = list(record.losses)
    for epoch in range(epochs):
        service.display.epoch(epoch + 1, epochs)
        freed = True
        while freed:
            candidates = service.files.candidates(paths, passes=epoch + 1)
            service.announce(candidates)
            freed = service.take_all(candidates, passes=epoch + 1)
        service.schedule.drain()
        service.score_if_due()
        # Not "if anything was trained now": after a kill in a later epoch, the rest of its file comes in the first.
        if record.losses[epoch : epoch + 1] != before[epoch : epoch + 1]:
            on_epoch(epoch + 1, record.mean(epoch))
    record.begin("")
    if interrupted or service.state.sequence != saved:
        service.saver.changed()  # the last checkpoint says that the job is under way


@contextlib.contextmanager
def start(
    folder: Path,
    given: Mapping[str, Any],
    run: RunSettings,
    display: Display,
    signals: StopSignals,
    initial: Path | None = None,
) -> Iterator[Service]:
    """Lock a checkpoint folder and give its service, resumed or new, until the context ends; then save.

    Args:
        folder: The folder of checkpoints.
        given: Model settings that the user named.
        run: How this process works.
        display: Where to show progress.
        signals: What may ask it to stop.
        initial: The file of the initial vectors of a new model.

    Raises:
        StreamerError: 75 if another trainer holds the folder, 65 if no checkpoint is intact, 78 if a given setting
            contradicts the checkpoint, 74 if the last checkpoint can't be written.
        Stopped: If a signal comes before there is anything to save.
    """
    keep_freed_memory()
    tests = read_tests(run)
    store = Store(folder)
    with store.lock():
        state = start_state(store, given, initial, signals.check)
        store.retire(run.keep)  # also removes what a killed process left half-written
        state.ledger.reconsider(partial(outdated, run))
        recorded = state.tokenizer
        tokenizer = tokenizer_of(state, given.get("tokenizer"))
        schedule = Schedule(state, starter(run.threads, cluster(run, state.settings.lanes)))
        blas = Blas()
        here = {"pid": os.getpid(), "threads": run.threads, "blas": blas.kernels()}
        here |= {name: getattr(state.settings, name) for name in BOUNDS if run.memory}  # it chose them
        _log.info("service.started", checkpoints=str(folder), **here)
        failpoints.reached("service.started")
        saver = Saver(store, state, schedule, every=run.checkpoint_every, fresh=run.fresh, keep=run.keep)
        if not state.sequence and state.initial.words:
            saver.changed()  # initial vectors are worth a checkpoint, even if no text comes
        if state.tokenizer != recorded:
            saver.changed()  # so that what was said about it is not said again
        # One thread means one core, so then no other process works.
        prefetcher = Prefetcher(tokenizer, enabled=run.threads > 1, wanted=wanted(run), size=state.settings.round_bytes)
        with display, blas.one_thread(), contextlib.closing(prefetcher), contextlib.ExitStack() as at_exit:
            at_exit.callback(schedule.end_workers)
            # Any other exception may come in the middle of an update: then only the last checkpoint is valid.
            at_exit.callback(saver.close)
            scorer = Scorer(state, schedule, tests, run.evaluate_every, signals.check)
            files = Files(folder, state.ledger, run)
            reporter = Reporter(run.log_every, terminal=display.live)
            service = Service(
                state, schedule, files, saver, scorer, run, signals, prefetcher, display, reporter, Adviser(state)
            )
            reason = "done"
            try:
                yield service
            except Stopped:
                reason = signals.received.name if signals.received else "stopped"
            except StreamerError:
                failpoints.reached("service.stopping")
                reporter.flush()
                display.saving()
                saver.finish()
                raise
            failpoints.reached("service.stopping")
            schedule.drain()
            reporter.flush()
            display.saving()
            saver.finish()
            failpoints.reached("service.saved")
        _log.info("service.stopped", reason=reason, words_seen=state.words_seen)


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
            ledger.advance(entry, block.stop, len(block.tokens))
            progress.skipped += block.skipped
            failpoints.reached("block.advanced")
            schedule.train(
                block.tokens,
                epoch=0 if fresh else max(epoch, 1),
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
