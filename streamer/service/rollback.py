"""Go back to a moment of the stream: the state from before it, and what was trained between the two.

The ledger goes back too, so that what was trained later is trained again if it is still there. What was forgotten stays
forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import attrs

from streamer.checkpoints import Checkpoint, Store
from streamer.errors import ExitCode, StreamerError
from streamer.intake.fingerprint import HEADS, key_of
from streamer.ledger.entries import NO_DIGEST, Entry, Signature, Verdict
from streamer.ledger.ledger import Ledger
from streamer.ledger.spans import NAMELESS
from streamer.service.bases import bases, opened
from streamer.service.planning import Base, Plan, Step, is_earlier, steps, uncovered
from streamer.service.replay import Text, find
from streamer.service.takeback import Outcome, Request, check_room, expected, publish, replayed
from streamer.state import State
from streamer.state.past import described
from streamer.state.reading import read_past
from streamer.state.snapshots import Moment, Snapshots


def rollback(folder: Path, to: str, request: Request) -> Outcome:
    """Let a model be what it was at a moment of the stream.

    Args:
        folder: The folder of checkpoints.
        to: The moment, as people write it; the last snapshot or whole state until then is meant. Or the name of one.
        request: How.

    Raises:
        StreamerError: As :func:`.takeback.forget` does; 66 if there is no such moment.
    """
    with opened(folder, locked=not request.dry_run) as (store, checkpoint, now):
        return _rollback(store, checkpoint, now, to, request)


def _rollback(store: Store, checkpoint: Checkpoint, now: State, to: str, request: Request) -> Outcome:
    known = list(bases(store, checkpoint, now))
    moment = _moment(store, to, known)
    target = moment.words_seen, moment.words_trained
    if target == (now.words_seen, now.model.words_trained):
        raise StreamerError(
            f"nothing was trained since {described(moment)}, which is the last moment until then",
            hint="this lists what is known: streamer snapshots",
            code=ExitCode.NO_INPUT,
        )
    chosen = _plan(known, now, moment)
    earlier = chosen.base.words == target
    rows = [] if earlier else chosen.rows
    before = Ledger.from_arrays(chosen.base.ledger.to_arrays(), now.ledger.root)
    texts = find(now.ledger, rows, request.check, _lengths(now.ledger, before, chosen))
    found = attrs.evolve(
        expected(now, attrs.evolve(chosen, steps=[] if earlier else chosen.steps), texts),
        out=_later(now.ledger, chosen.base.ledger),
    )
    if request.dry_run:
        return found
    check_room(store, checkpoint)
    account = _Books(now.ledger, before, target)
    if earlier:
        chosen = attrs.evolve(chosen, steps=[])
    replay = replayed(store, now, chosen, texts, (), request, account)
    if (replay.state.words_seen, replay.state.model.words_trained) != target:
        raise uncovered(f"the block that ends at {described(moment)}")
    found = attrs.evolve(
        found,
        files=len(_later(account.ledger, chosen.base.ledger)),
        words=target[0] - chosen.base.words[0],
        out=_later(now.ledger, account.ledger),
    )
    _remember(account.ledger, now.ledger)
    files = [one for one in now.snapshots.files if one.moment.words_seen <= target[0]]
    files = [one for one in files if one.moment.words_trained <= target[1]]
    snapshots = Snapshots(files, now.snapshots.last, moment.date, now.snapshots.by_texts)
    return publish(store, now, replay.state, account.ledger, snapshots, found, request)


def _moment(store: Store, to: str, known: Sequence[Base]) -> Moment:
    """Return the newest moment until a given one: that of a snapshot, or of a whole state."""
    past = read_past(store.folder)
    dates = {state.sequence: state.date for state in reversed(store.states.list())}
    dates |= {one.sequence: one.created for one in store.list() if one.sequence not in dates}
    states = [
        Moment(base.name.removesuffix(".h5"), 0, *base.words, 0, dates[base.sequence])
        for base in known[1:]  # the first is the newest checkpoint, which is the last of all moments anyway
        if base.sequence in dates
    ]
    *snapshots, last = past.moments
    if named := next((one for one in states if one.name == to.removesuffix(".h5")), None):
        return named
    moments = sorted([*snapshots, *states], key=lambda one: (one.words_seen, one.words_trained, one.number))
    return attrs.evolve(past, moments=[*moments, last]).find(to)


def _plan(known: Sequence[Base], now: State, moment: Moment) -> Plan:
    """Return what was trained from the newest state before a moment up to the oldest one after it."""
    target = moment.words_seen, moment.words_trained
    journal = now.ledger.journal()
    last = now.ledger
    for base in known:
        if not is_earlier(base.ledger.journal(), journal):
            continue
        if base.words[0] > target[0] or base.words[1] > target[1]:
            last = base.ledger
            continue
        found = steps(now.ledger, now.model.blocks, base, frozenset())
        until = int(last.journal().blocks.sum()) - int(base.ledger.journal().blocks.sum())
        return Plan(base, list(_first(found, until)), frozenset())
    raise StreamerError(
        f"there is no whole state from before {described(moment)}",
        hint="states of the last days and weeks are kept: see --keep-states",
        code=ExitCode.NO_INPUT,
    )


def _first(found: list[Step], blocks: int) -> Iterator[Step]:
    """Yield the steps that have the first so many blocks."""
    for step in found:
        if blocks <= 0:
            return
        yield step
        blocks -= step.blocks


def _later(ledger: Ledger, before: Ledger) -> list[str]:
    """Return the names of the files of which something was trained since an earlier ledger of the same stream."""
    journal = ledger.journal()
    rows = journal.row[journal.blocks.cumsum() > int(before.journal().blocks.sum())]
    return list(dict.fromkeys(ledger.entry(int(row)).path for row in rows if row != NAMELESS))


def _lengths(now: Ledger, before: Ledger, chosen: Plan) -> dict[int, Collection[int]]:
    """Return the lengths of the beginnings that the ledger will ask for, of each row."""
    found: dict[int, Collection[int]] = {}
    for row in chosen.rows:
        entry = now.entry(row)
        stops = {step.stop for step in chosen.steps if step.row == row}
        known = {before.entry(one).text_bytes for one in before.named(entry.path)}
        found[row] = {*stops, *known, entry.start, *HEADS} - {0}
    return found


class _Books:
    """Keeps a ledger while a stream is replayed, as it was kept then; a :class:`~.replay.Account`.

    Args:
        now: The ledger as it is now: it says how each file was read.
        ledger: That of the state to start from; it is changed.
        target: Words seen and trained at the moment at which to stop.

    Attributes:
        ledger: The same, or what has taken its place.
    """

    def __init__(self, now: Ledger, ledger: Ledger, target: tuple[int, int]) -> None:
        self._now, self.ledger, self._target = now, ledger, target
        self._entry: Entry | None = None

    def ends(self, state: State) -> bool:
        """Return whether the moment has come."""
        return state.words_seen >= self._target[0] and state.model.words_trained >= self._target[1]

    def follow(self, ledger: Ledger) -> None:
        """Continue with a copy of the ledger."""
        self.ledger = ledger

    def begin(self, step: Step, text: Text, at: int) -> None:
        """Plan the file as it was planned then."""
        entry = self._now.entry(step.row)
        verdict = _as_then(entry, text, step.stop if step.ended else entry.text_bytes)
        self.ledger.release(entry.path)  # it was trained, so it was released if it had been held
        self._entry = self.ledger.plan(
            entry.path,
            verdict,
            on_change="retrain",
            duplicates="skip" if entry.start else "train",
            passes=step.passes + 1,
            moved=lambda path, signature: True,
        )
        if self._entry is None or self._entry.offset != at:
            raise uncovered(f"how {entry.path} was looked up")

    def add(self, stop: int, words: int) -> int:
        """Note a block."""
        assert self._entry is not None
        self.ledger.advance(self._entry, stop, words)
        if stop == self._entry.text_bytes:
            self.ledger.finish(self._entry)
        return self._entry.row


def _as_then(entry: Entry, text: Text, length: int) -> Verdict:
    """Return what was found in a file when its text had a length."""
    verdict = text.verdict
    whole = length == entry.text_bytes
    prefixes = {**verdict.prefixes, verdict.text_bytes: verdict.text_sha256}
    digest = prefixes[length]
    heads = [key_of(prefixes[at]) for at in HEADS if at <= length and at in prefixes]
    return Verdict(
        entry.signature if whole else Signature(length, -1, -1),
        entry.sha256 if whole else digest if entry.sha256 == entry.text_sha256 else NO_DIGEST,
        length,
        None,
        entry.format,
        digest,
        (key_of(digest), *heads),
        {at: found for at, found in prefixes.items() if at <= length},
        {},
        {at for at in prefixes if at <= length},
        entry.encoding,
    )


def _remember(ledger: Ledger, now: Ledger) -> None:
    """Let what was forgotten stay forgotten, and let copies be known of which all was trained by then.

    A file that has grown since is no longer what its copy is: nobody would know the copy again.
    """
    known = {(entry.path, entry.text_sha256) for entry in ledger if entry.outcome == "forgotten"}
    forgotten = [entry for entry in now if entry.outcome == "forgotten"]
    ledger.remember(entry for entry in forgotten if (entry.path, entry.text_sha256) not in known)
    for entry in now:
        if not entry.copied or entry.source < 0 or ledger.knows(entry.path):
            continue
        path = now.entry(entry.source).path
        rows = [row for row in ledger.named(path) if ledger.entry(row).known >= entry.text_bytes]
        if len(rows) == len(now.named(path)) == 1:
            ledger.remember([replace(entry, source=rows[0], copy_of=path)])
