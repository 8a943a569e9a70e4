"""The main loop: files arrive, become blocks, and train the model.

The path of a text file: it arrives, becomes still, and is looked up in the ledger. It is read in blocks, and each block
is tokenized and trained. One log line reports the file. The next checkpoint holds both its row in the ledger and what
the model learned from it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from streamer.checkpoints import Store
from streamer.errors import StreamerError
from streamer.intake.inbox import Inbox
from streamer.intake.prefetch import Prefetcher
from streamer.service.advising import Adviser
from streamer.service.dating import Dating, date_field
from streamer.service.files import Files, outdated, refuse_unreadable, wanted
from streamer.service.judging import Judge
from streamer.service.progress import Display
from streamer.service.releasing import Requests
from streamer.service.reporting import Reporter
from streamer.service.saving import Saver
from streamer.service.scoring import Scorer, read_tests
from streamer.service.service import Service
from streamer.service.signals import Stopped, StopSignals
from streamer.service.snapshotting import Snapshotter
from streamer.service.startup import cluster, start_state
from streamer.service.tidying import Tidier
from streamer.settings import BOUNDS, RunSettings
from streamer.system import failpoints
from streamer.system.blas import Blas
from streamer.system.processes import keep_freed_memory
from streamer.training import Schedule
from streamer.training.tokenizing import tokenizer_of
from streamer.workers import starter

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
    how: dict[str, Any] = {"without": files.checkpoints, "check": service.signals.check, "order": files.order_in(root)}
    with Inbox(inbox, service.run, seen, **how) as box:
        state, keep = service.state, service.run.ledger_keep
        tidier = Tidier(state.ledger, root, keep, box.wanted, follow=state.model.sources.renumber)
        _log.info("inbox.watched", path=str(inbox), hint="Ctrl-C saves and stops")
        service.resume_under_way()
        freed = False
        while True:
            freed |= service.requests.grant()
            tidier.looks()
            scan = box.scan() if once or freed else box.look()
            if tidier.looked(scan):
                service.saver.changed()
            service.display.waiting(scan.waiting)
            if once and scan.waiting and files.by_name:
                service.wait(box, scan)  # what is not still yet may have to be trained before what is
                continue
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
    service.requests.grant()
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
        saver = Saver(
            store,
            state,
            schedule,
            every=run.checkpoint_every,
            fresh=run.fresh,
            keep=run.keep,
            keep_states=run.keep_states,
        )
        if not state.sequence and state.initial.words:
            saver.changed()  # initial vectors are worth a checkpoint, even if no text comes
        if state.tokenizer != recorded:
            saver.changed()  # so that what was said about it is not said again
        # One thread means one core, so then no other process works.
        prefetcher = Prefetcher(
            tokenizer,
            enabled=run.threads > 1,
            wanted=wanted(run),
            size=state.settings.round_bytes,
            date_field=date_field(run),
        )
        with display, blas.one_thread(), contextlib.closing(prefetcher), contextlib.ExitStack() as at_exit:
            at_exit.callback(schedule.end_workers)
            # Any other exception may come in the middle of an update: then only the last checkpoint is valid.
            at_exit.callback(saver.close)
            scorer = Scorer(state, schedule, tests, run.evaluate_every, signals.check)
            files = Files(folder, state.ledger, run)
            reporter = Reporter(run.log_every, terminal=display.live)
            others = (
                Adviser(state),
                Snapshotter(state, schedule, saver, run),
                Dating(run.date_from, files.date_in_name),
                Judge(state, schedule, holds=run.hold_unusual),
                Requests(store, state, saver),
            )
            service = Service(
                state, schedule, files, saver, scorer, run, signals, prefetcher, display, reporter, *others
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
