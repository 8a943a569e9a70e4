"""The past of a stream in Python: what was known at moments, and what changed between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamer.answers import changes, comparing
from streamer.answers.changes import Diff, Drift
from streamer.answers.emerging import Emerging
from streamer.answers.emerging import emerging as find_emerging
from streamer.answers.timeline import Sight, Timeline, peers, sight, timeline
from streamer.errors import ExitCode, StreamerError
from streamer.settings import DEFAULT_CHECKPOINTS
from streamer.state.past import Past, described
from streamer.state.reading import PathLike, read_past
from streamer.state.snapshots import Moment, Snapshot
from streamer.vectors import UnknownWord
from streamer.vectors.drift import CHANGED, earlier_stretches


class StreamPast:
    """All moments of a stream that are known, and what can be asked of them.

    A moment is given as people write it: ``"2026-11-03"``, ``"-7d"``, ``"snapshot-42"``, ``"12.5M"`` words. Answers
    name the moments that were used. Each has ``as_dict()`` and, with pandas, ``to_frame()``.

    Args:
        past: The moments.
    """

    def __init__(self, past: Past) -> None:
        self._past = past

    @property
    def moments(self) -> Sequence[Moment]:
        """The moments, oldest first; the last one is that of the newest checkpoint."""
        return self._past.moments

    def diff(self, word: str, since: str, to: str | None = None, *, topn: int = 10) -> Diff:
        """Return a word at two moments: its neighbours then and now, and its cosine with itself.

        Args:
            word: The word.
            since: The earlier moment.
            to: The later moment; the newest one by default.
            topn: How many neighbours.

        Raises:
            UnknownWord: A :class:`KeyError`, if it is unknown at both.
            StreamerError: 2 if a moment is none, or they are in the wrong order; 66 if one is not known, 65 if its
                file is missing or damaged.
        """
        first, last = comparing.read_all(self._past, self._between(since, to))
        return changes.diff(self._known(word, first, last), first, last, topn)

    def drift(self, since: str, to: str | None = None, *, min_z: float = CHANGED, topn: int = 20) -> Drift:
        """Return the words that moved farther between two moments than words of like counts always do.

        Args:
            since: As for :meth:`diff`.
            to: The same.
            min_z: The least score of a word that is listed.
            topn: The most words that are listed.

        Raises:
            StreamerError: As for :meth:`diff`; also 66 if too few earlier stretches are known for a floor.
        """
        first, last = self._between(since, to)
        moments = self.moments
        pairs = earlier_stretches([one.words_seen for one in moments], moments.index(first), moments.index(last))
        if len(pairs) < changes.LEAST_STRETCHES:  # before much is read
            raise changes.too_few(first, len(pairs))
        middle = changes.middle_of(moments, first, last)
        needed = [first, last, *([middle] if middle else []), *(moments[at] for pair in pairs for at in pair)]
        distinct = list(dict.fromkeys(needed))
        found = dict(zip(distinct, comparing.read_all(self._past, distinct), strict=True))
        return changes.drift(
            found[first],
            found[last],
            [(found[moments[begin]], found[moments[end]]) for begin, end in pairs],
            found[middle] if middle else None,
            min_z=min_z,
            topn=topn,
        )

    def timeline(self, word: str, *, topn: int = 5) -> Timeline:
        """Return a word over all moments: how often it came, how far it moved, its neighbours.

        Args:
            word: The word.
            topn: How many neighbours at each moment.

        Raises:
            UnknownWord: A :class:`KeyError`, if no moment knows it.
            StreamerError: 65 if a snapshot is missing or damaged.
        """
        word, reference = self._known_once(word)
        words = peers(reference, word)
        rows = np.array([reference.listed.find(each) for each in words], np.int64)

        def look(moment: Moment) -> Sight:
            there = reference if moment is reference.moment else self._past.read(moment)
            return sight(there, words, rows, topn)

        *snapshots, newest = self.moments
        if snapshots and _place(snapshots[-1]) == _place(newest):  # it is the same moment
            newest = snapshots.pop()
        return timeline(word, comparing.side_by_side(look, [*snapshots, newest]))

    def emerging(self, since: str, to: str | None = None, *, topn: int = 20) -> Emerging:
        """Return the words that were not in the vocabulary at a moment, the most frequent first.

        Args:
            since: As for :meth:`diff`.
            to: The same.
            topn: The most words that are listed.

        Raises:
            StreamerError: As for :meth:`diff`.
        """
        first, last = self._between(since, to)
        before = [one for one in self.moments if one.words_seen < first.words_seen]
        then, now = comparing.read_all(self._past, [first, last])

        def known(words: Sequence[str]) -> set[str]:
            def at(moment: Moment) -> set[str]:  # one snapshot after the other is let go
                listed = self._past.read(moment).listed
                return {word for word in words if listed.find(word) is not None}

            return set().union(*comparing.side_by_side(at, before))

        return find_emerging(then, now, known, topn=topn)

    def _between(self, since: str, to: str | None) -> tuple[Moment, Moment]:
        first = self._past.find(since, since=True)
        last = self.moments[-1] if to is None else self._past.find(to)
        if _place(first) >= _place(last):
            same = "both are" if first == last else f"{described(first)} is not before"
            raise StreamerError(
                f"there is nothing between {since} and {to or 'now'}: {same} {described(last)}",
                hint="ask for an earlier moment and a later one; this lists them: streamer snapshots",
                code=ExitCode.USAGE,
            )
        return first, last

    def _known(self, word: str, *snapshots: Snapshot) -> str:
        """Return a word as one of some snapshots has it: as it was typed, or as the texts are converted."""
        fold = self._past.fold
        for each in dict.fromkeys((word, fold(word) if fold else word)):
            if any(snapshot.listed.find(each) is not None for snapshot in snapshots):
                return each
        raise self._unknown(word, snapshots[-1])

    def _known_once(self, word: str) -> tuple[str, Snapshot]:
        """Return a word, and what was known at one of the last moments that know it.

        The last snapshot is asked before the newest checkpoint, which takes ten times as long to read.
        """
        *snapshots, newest = self.moments
        fold = self._past.fold
        for moment in (*snapshots[-1:], newest, *reversed(snapshots[:-1])):
            snapshot = self._past.read(moment)
            for each in dict.fromkeys((word, fold(word) if fold else word)):
                if snapshot.listed.find(each) is not None:
                    return each, snapshot
        raise self._unknown(word, self._past.read(newest))

    def _unknown(self, word: str, snapshot: Snapshot) -> UnknownWord:
        order = (-snapshot.counts).argsort(kind="stable").tolist()
        return UnknownWord(word, [snapshot.words[row] for row in order])


def _place(moment: Moment) -> tuple[int, int]:
    """Return where a moment is in the stream; in later passes over a text, no word is seen for the first time."""
    return moment.words_seen, moment.words_trained


def past(folder: PathLike = DEFAULT_CHECKPOINTS) -> StreamPast:
    """Return the past of the stream whose newest intact checkpoint is in a folder.

    >>> import streamer
    >>> streamer.past("checkpoints").diff("cloud", since="-30d").entered    # doctest: +SKIP

    Raises:
        StreamerError: 66 if there is no checkpoint, 65 if none is intact.
    """
    return StreamPast(read_past(folder))
