"""The moments of a stream that are known, and which of them is meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from pathlib import Path

import attrs

from streamer.checkpoints import Checkpoint
from streamer.errors import ExitCode, StreamerError
from streamer.settings.levels import EPOCH
from streamer.settings.moments import MOMENTS, Asked, moment
from streamer.state.snapshots import Moment, Snapshot, read_snapshot, unusable


@attrs.frozen(eq=False)
class Past:
    """All moments of a stream that are known.

    Attributes:
        checkpoint: The newest checkpoint, which lists the others.
        moments: The moments, oldest first; the last one is that of the newest checkpoint.
        fold: Returns a word, as somebody types it, as it may be in the vocabulary.
        newest: Returns what was known at the last one.
    """

    checkpoint: Checkpoint
    moments: Sequence[Moment]
    fold: Callable[[str], str] | None
    newest: Callable[[Moment], Snapshot]

    def find(self, text: str, *, since: bool = False) -> Moment:
        """Return the newest moment that is known and not later than what somebody asks for.

        Args:
            text: A moment as people write it; see :func:`streamer.settings.moments.moment`.
            since: Whether it begins a stretch: a date is then its beginning, not its end.

        Raises:
            StreamerError: 2 if it is no moment, 66 if there is none so early, or no such snapshot.
        """
        try:
            asked = moment(text, zone=UTC if self.moments[-1].by_texts else None)
        except (ValueError, OverflowError):
            raise StreamerError(f"{text!r} is not {MOMENTS}", code=ExitCode.USAGE) from None
        known = [one for one in self.moments if _is_until(one, asked, since)]
        if asked.snapshot is not None:
            known = [one for one in self.moments if one.number == asked.snapshot and one.number]
        if not known:
            raise StreamerError(
                f"nothing is known of {text}: {self._what_there_is()}",
                hint="this lists what is known: streamer snapshots",
                code=ExitCode.NO_INPUT,
            )
        return known[-1]

    def read(self, one: Moment) -> Snapshot:
        """Return what was known at one of the moments.

        Raises:
            StreamerError: 65 if its file is missing or damaged.
        """
        if not one.number:
            return self.newest(one)
        try:
            return read_snapshot(self.folder, one)
        except FileNotFoundError:
            raise unusable(self.folder / one.file, "it is missing") from None

    @property
    def folder(self) -> Path:
        """The folder of checkpoints."""
        return self.checkpoint.path.parent

    def _what_there_is(self) -> str:
        first, last = self.moments[0], self.moments[-1]
        if first is last:
            return f"there is no snapshot, only {described(last)}"
        count = len(self.moments) - 1
        return f"there {'is 1 snapshot' if count == 1 else f'are {count} snapshots'}, from {described(first)} on"


def described(one: Moment) -> str:
    """Return a moment as people read it: its name, its date, and its place in the stream."""
    return f"{one.name} ({when(one.date, by_texts=one.by_texts)}, {one.words_seen:,} words)"


def utc(date: float) -> str:
    """Return a date in ISO 8601, in UTC."""
    return (EPOCH + timedelta(seconds=date)).isoformat(timespec="seconds")


def when(date: float, *, by_texts: bool = False) -> str:
    """Return a date as people write it, to the minute, in their time zone; in UTC if texts say it."""
    found = EPOCH + timedelta(seconds=date)
    return (found if by_texts else found.astimezone()).strftime("%Y-%m-%d %H:%M")


def _is_until(one: Moment, asked: Asked, since: bool) -> bool:
    if asked.words is not None:
        return one.words_seen <= asked.words
    if asked.begin is None or asked.end is None:
        return False
    limit = asked.begin if since else asked.end
    return one.date < limit or (asked.begin == asked.end and one.date == limit)
