"""Take something out of a model: the state from before it, and all the rest trained again.

Nothing on the disk changes until the new checkpoint is published, by one rename. So a process that is killed leaves the
folder as it was, or with the new checkpoint; what is then still to be removed, the next process removes.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path

import attrs
import structlog

from streamer.checkpoints import Checkpoint, Store
from streamer.errors import ExitCode, StreamerError
from streamer.ledger.entries import Entry
from streamer.ledger.ledger import Ledger
from streamer.service.bases import bases, opened, state_of
from streamer.service.planning import Plan, plan, renumbering
from streamer.service.replay import Account, Replay, Texts, find
from streamer.settings import RunSettings
from streamer.state import State
from streamer.state.snapshots import Snapshots
from streamer.system import failpoints
from streamer.system.blas import Blas
from streamer.system.processes import keep_freed_memory
from streamer.training.tokenizing import tokenizer_of

DIGEST = re.compile(r"[0-9a-fA-F]{64}")

_log = structlog.get_logger(__name__)


@attrs.frozen
class Request:
    """How something is taken back.

    Attributes:
        run: Threads, and what is kept.
        dry_run: Only say what would be done.
        without_missing: Train without texts that are gone or have changed.
        purge: Also remove what older states and snapshots know.
        tokenizer: The tokenizer that the user named.
        check: Called from time to time; raises to stop.
        trained: Called after each block that was trained again, with its bytes and words.
    """

    run: RunSettings
    dry_run: bool = False
    without_missing: bool = False
    purge: bool = False
    tokenizer: str | None = None
    check: Callable[[], None] = lambda: None
    trained: Callable[[int, int], None] = lambda *_: None


@attrs.frozen
class Outcome:
    """What is done, or would be.

    Attributes:
        base: The name of the state to start from.
        out: The names of the files that are taken out.
        files: Files that are trained again.
        bytes: Bytes of text that are trained again.
        words: Words in them, about.
        seconds: How long that takes, by the speed so far; None if that is not known.
        missing: Names of files that are needed, and gone.
        changed: Names of files that are needed, and no longer what they were.
        withdrawn: Snapshots that saw what was taken out; None if they were not counted.
        checkpoint: The name of the new checkpoint; empty if there is none.
    """

    base: str
    out: list[str]
    files: int
    bytes: int
    words: int
    seconds: float | None
    missing: list[str]
    changed: list[str]
    withdrawn: int | None = None
    checkpoint: str = ""


def forget(folder: Path, name: str, request: Request) -> Outcome:
    """Let a model be as if it had never seen a text, and never train this text again.

    Args:
        folder: The folder of checkpoints.
        name: The name of the file in the ledger, its path, or the SHA-256 of its text or of the file.
        request: How.

    Raises:
        StreamerError: 75 if a trainer runs, 66 if there is no such file, no state from before it, or a needed text is
            gone; 65 if a needed text has changed; 78 if the journal does not say what was trained; 74 if the disk has
            no room. Then the folder is as it was.
    """
    with opened(folder, locked=not request.dry_run) as (store, checkpoint, now):
        return _forget(store, checkpoint, now, name, request)


def _forget(store: Store, checkpoint: Checkpoint, now: State, name: str, request: Request) -> Outcome:
    ledger = now.ledger
    rows = ledger.family(_named(ledger, name))
    if all(ledger.entry(row).outcome == "forgotten" for row in rows):
        return _already(store, checkpoint, now, rows, request)
    _refuse_lost(ledger, name, rows)
    chosen = plan(ledger, now.model.blocks, rows, bases(store, checkpoint, now))
    texts = find(ledger, chosen.rows, request.check)
    found = expected(now, chosen, texts)
    lost = _lost(ledger, chosen, texts, request)
    if request.dry_run:
        return found
    check_room(store, checkpoint)
    replay = replayed(store, now, chosen, texts, {*rows, *lost}, request)
    ledger.forget(rows)
    ledger.withdraw(lost)
    files = now.snapshots.files
    if replay.first_out is not None:
        seen, trained = replay.first_out
        files = [one for one in files if one.moment.words_seen <= seen and one.moment.words_trained <= trained]
    return publish(
        store,
        now,
        replay.state,
        ledger,
        Snapshots(list(files), now.snapshots.last, now.snapshots.clock, now.snapshots.by_texts),
        found,
        request,
    )


def _named(ledger: Ledger, name: str) -> list[int]:
    """Return the rows that a user means."""
    absolute = os.fspath(Path(os.path.realpath(Path(name).parent)) / Path(name).name)
    inside = absolute.removeprefix(f"{ledger.root}/") if ledger.root else absolute
    for known in dict.fromkeys((name, inside, absolute)):
        if rows := ledger.named(known):
            return rows
    if DIGEST.fullmatch(name) and (rows := ledger.with_digest(bytes.fromhex(name))):
        return rows
    if any(map(ledger.is_folded, (name, inside, absolute))):
        raise _gone(name)
    raise StreamerError(
        f"there is no {name} in the ledger",
        hint="this lists the names: streamer files",
        code=ExitCode.NO_INPUT,
    )


def _refuse_lost(ledger: Ledger, name: str, rows: list[int]) -> None:
    """Raise (66) if a text was trained at a place in the stream that is no longer known."""
    for entry in map(ledger.entry, rows):
        if (entry.copied and entry.source < 0) or ledger.is_folded(entry.path):
            raise _gone(name)


def _gone(name: str) -> StreamerError:
    return StreamerError(
        f"{name}, or a file with its text, is gone for so long that the ledger no longer knows when it was trained",
        hint="it can't be taken out of this model. Files are listed for longer with --ledger-keep",
        code=ExitCode.NO_INPUT,
    )


def expected(now: State, chosen: Plan, texts: Texts) -> Outcome:
    """Return what is to be done, before it is."""
    ledger, steps = now.ledger, chosen.replayed
    size = sum(step.stop - step.start for step in steps)
    words = sum(_words(ledger.entry(step.row), step.stop - step.start) for step in steps)
    speed = now.history.words_per_second()
    return Outcome(
        chosen.base.name,
        [ledger.entry(row).path for row in sorted(chosen.out)],
        len(chosen.rows),
        size,
        words,
        words / speed if speed else None,
        [ledger.entry(row).path for row in texts.missing],
        [ledger.entry(row).path for row in texts.changed],
    )


def _words(entry: Entry, size: int) -> int:
    return entry.words * size // entry.bytes_trained if entry.bytes_trained else 0


def _lost(ledger: Ledger, chosen: Plan, texts: Texts, request: Request) -> list[int]:
    """Return the rows of texts that can't be trained again; raise unless the user wants that.

    Raises:
        StreamerError: 66 if one is gone, 65 if one has changed.
    """
    lost = [*texts.missing, *texts.changed]
    if not lost:
        return []
    if not request.without_missing:
        if request.dry_run:
            return lost
        is_gone = bool(texts.missing)
        names = [ledger.entry(row).path for row in (texts.missing or texts.changed)]
        others = f" and {len(names) - 1:,} others" if names[1:] else ""
        raise StreamerError(
            f"{names[0]}{others}, trained since {chosen.base.name}, "
            f"{'is gone' if is_gone else 'is no longer what was trained'}",
            hint="put it back, or take it out too: --without-missing",
            code=ExitCode.NO_INPUT if is_gone else ExitCode.DAMAGED,
        )
    journal, steps = ledger.journal(), chosen.steps
    for row in lost:
        before = next(step for step in steps if step.row == row)
        first = journal.start[journal.row == row][0]
        if (before.start, before.first) != (first, True):
            raise StreamerError(
                f"{ledger.entry(row).path} can't be left out: {chosen.base.name} has seen a part of it",
                hint="put back the file as it was",
                code=ExitCode.NO_INPUT,
            )
    return lost


def check_room(store: Store, checkpoint: Checkpoint) -> None:
    """Raise (74) if another checkpoint of this size does not fit on the disk."""
    free = shutil.disk_usage(store.folder).free
    if free < checkpoint.size_bytes:
        raise StreamerError(
            f"cannot write the new checkpoint: {checkpoint.size_bytes:,} bytes are needed, and {free:,} are free",
            hint="free some space on that disk, or keep fewer checkpoints (--keep)",
            code=ExitCode.CANNOT_WRITE,
        )


def replayed(
    store: Store,
    now: State,
    chosen: Plan,
    texts: Texts,
    out: Collection[int],
    request: Request,
    account: Account | None = None,
) -> Replay:
    """Return a replay that was run.

    Args:
        store: The checkpoints.
        now: The state as it is now.
        chosen: What to replay.
        texts: The files.
        out: The rows that are left out.
        request: How.
        account: What is told of each block, and says when to stop.

    Raises:
        StreamerError: 65 if a text changes meanwhile, 66 if it disappears, 78 if the settings or the tokenizer are
            others than those with which the texts were trained.
    """
    keep_freed_memory()
    state = state_of(chosen.base, now)
    tokenizer = tokenizer_of(state, request.tokenizer)
    if state.tokenizer != now.tokenizer:
        raise StreamerError(
            "the tokenizer is another version than the one that cut these texts",
            hint="use the versions of ICU and of your own code with which they were trained",
            code=ExitCode.CONFIGURATION,
        )
    changes = now.model.bounds[len(state.model.bounds) :]
    ledger = account.ledger if account else now.ledger
    if not account:
        state.model.sources.renumber(renumbering(state.ledger, now.ledger))
    state.keep_ledger(ledger)
    replay = Replay(
        state,
        chosen,
        now.ledger,
        texts.found,
        threads=request.run.threads,
        latest=now.snapshots.clock,
        check=request.check,
        trained=request.trained,
    )
    _log.info("replay.started", base=chosen.base.name, files=len(chosen.rows), checkpoints=str(store.folder))
    with Blas().one_thread():
        replay.run(tokenizer, out, changes, account)
    failpoints.reached("replay.done")
    return replay


def publish(
    store: Store,
    given_up: State,
    state: State,
    ledger: Ledger,
    snapshots: Snapshots,
    found: Outcome,
    request: Request,
) -> Outcome:
    """Publish a state in the place of a later one, and remove what is given up.

    Args:
        store: The checkpoints; the caller holds the lock.
        given_up: The later state.
        state: The state; it is changed.
        ledger: Its ledger.
        snapshots: Its snapshots.
        found: What to add to.
        request: How.
    """
    withdrawn = len(given_up.snapshots.files) - len(snapshots.files)
    state.continue_from(given_up, ledger, snapshots)
    number = state.number_next()
    checkpoint = store.publish(state.image(), number)
    failpoints.reached("checkpoint.published")
    _tidy(store, checkpoint, state, request)
    _log.info("replay.saved", name=checkpoint.name, words_seen=state.words_seen)
    return attrs.evolve(found, withdrawn=withdrawn, checkpoint=checkpoint.name)


def _tidy(store: Store, checkpoint: Checkpoint, state: State, request: Request) -> None:
    """Remove what the new checkpoint gives up; with ``purge``, also older checkpoints and those set aside."""
    clock = state.snapshots.clock
    date = clock if clock > -math.inf else time.time()
    try:  # none is thinned out here: the next trainer knows which are wanted
        store.states.keep(checkpoint.path, checkpoint.sequence, date, [], state.given_up.has)
    except StreamerError as error:
        _log.warning("state.not_kept", problem=error.problem, hint=error.hint)
    if request.purge:
        store.states.purge()
    store.retire(1 if request.purge else request.run.keep)


def _already(store: Store, newest: Checkpoint, now: State, rows: list[int], request: Request) -> Outcome:
    """Return that there is nothing to do; only what a killed process left, or ``purge``, is still done."""
    names = [now.ledger.entry(row).path for row in rows]
    if not request.dry_run:
        _tidy(store, newest, now, request)
    return Outcome(newest.name, names, 0, 0, 0, 0.0, [], [], 0, newest.name)
