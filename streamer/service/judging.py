"""Each file is judged before it is trained: does it look like the others? One that does not may be held.

A file is judged by its first block, or by that of the part that was added to it, with the model as it is before
training on it. All blocks before it must be trained for that. A file of fewer than :data:`.judging.LONG` words waits
for nothing, since only the vocabulary is needed to judge it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from streamer.ledger.entries import Entry
from streamer.model import judging
from streamer.state import State
from streamer.state.judgements import key_of
from streamer.system.printable import printable
from streamer.text.encoded import EncodedText
from streamer.training import Schedule

_log = structlog.get_logger(__name__)


class Judge:
    """Judges files, and remembers how they look.

    Args:
        state: The model, and what is known of the files before. It stays as it is, but for the judgements.
        schedule: The blocks under way, which must be trained first.
        holds: Whether unusual files are held.
    """

    def __init__(self, state: State, schedule: Schedule, *, holds: bool) -> None:
        self._state, self._schedule, self._holds = state, schedule, holds
        self._begins: Callable[[], None] | None = None

    def release(self, entry: Entry) -> None:
        """Note that a file is to be trained however it looks."""
        self._state.judgements.waive(key_of(entry.path, entry.text_bytes))

    def hold(self, entry: Entry, text: EncodedText) -> str:
        """Return why a file is to be held, empty if it is not; :meth:`begin` follows then.

        Args:
            entry: The file, about to be trained for the first time from its offset on.
            text: The block that comes next.
        """
        known, key = self._state.judgements, key_of(entry.path, entry.text_bytes)
        self._begins = None
        if entry.row >= 0 and key == known.begun:
            return ""  # this block is not the first
        long = judging.needs_weights(len(text))
        if long:
            self._schedule.drain()
        figures = judging.look(self._state.model, text.words, text.codes, text.segments)
        reason = judging.compare(figures, known.others(long=long)) if figures else ""
        released = key == known.waived
        reason = "" if released else reason
        holds = bool(reason) and self._holds
        if reason:
            more = {"hint": f"to train it: streamer release {printable(entry.path)}"} if holds else {}
            _log.warning("file.unusual", path=entry.path, reason=reason.partition(": ")[2], held=holds, **more)
        if holds:
            known.hold(entry.path, reason)
            return reason
        new = entry.row < 0 and not released
        self._begins = partial(known.begin, key, figures, entry.path, reason, long=long, new=new)
        return ""

    def begin(self) -> None:
        """Note that the training of the file begins that was judged last, if it has not begun before.

        No checkpoint may come between this and the row in the ledger: a file that was begun is not judged again.
        """
        if self._begins:
            self._begins()
            self._begins = None
