"""The trainer for Python: text in, vectors out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from streamer.checkpoints import Checkpoint, Store, Tree
from streamer.errors import ExitCode, StreamerError
from streamer.settings import DEFAULT_CHECKPOINTS, ModelSettings, available_cores, model_settings
from streamer.settings.levels import levels
from streamer.state import History, InitialVectors, Scores, State
from streamer.state.reading import PathLike, read_state
from streamer.state.snapshots import Moment, Snapshots
from streamer.training.initial import set_initial_vectors
from streamer.training.schedule import WORTH_WORKERS, Schedule
from streamer.training.texts import blocks, check
from streamer.training.tokenizing import new_state, tokenizer_of
from streamer.vectors import WordVectors
from streamer.workers import starter

BLOCK_CHARACTERS = 1 << 20


class Trainer:
    """A model that you can train with more and more text.

    You can pickle and deep-copy it, even while its workers run. The copy has the same state, and no workers.

    Args:
        threads: Cores to train on, all by default. The result is the same at any number.
        settings: Fields of :class:`streamer.settings.ModelSettings`, such as ``vector_size=100``; and
            ``memory="4G"``, which chooses bounds that keep a trainer within so much memory.

    Raises:
        StreamerError: If a setting is unknown or out of bounds.
    """

    def __init__(self, *, threads: int | None = None, **settings: Any) -> None:
        chosen = model_settings(None, settings)
        self._begin(new_state(chosen), threads, chosen.tokenizer)

    def _begin(self, state: State, threads: int | None, tokenizer: str | None) -> None:
        self._state = state
        self._threads = threads
        self._store: Store | None = None
        self._tokenizer = tokenizer_of(state, tokenizer)
        self._schedule = Schedule(state, starter(threads or available_cores()))

    def __reduce__(self) -> tuple[Any, ...]:
        state = self.state
        return _restored, (type(self), state.to_tree(), self._threads, state.snapshots)

    @property
    def state(self) -> State:
        """Everything that was learned, as a checkpoint holds it.

        Raises:
            StreamerError: 71 if a training process died.
        """
        self._schedule.drain()
        return self._state

    @property
    def settings(self) -> ModelSettings:
        """The settings of the model."""
        return self._state.settings

    @property
    def vectors(self) -> WordVectors:
        """The current vectors: a copy that later training does not change."""
        return self.state.vectors()

    @property
    def wv(self) -> WordVectors:
        """The same as :attr:`vectors`, under gensim's name: each access makes a copy, so keep what you got."""
        return self.vectors

    @property
    def words_seen(self) -> int:
        """All words of all texts, including those that are not admitted yet."""
        return self._state.words_seen

    @property
    def history(self) -> History:
        """Loss, speed and vocabulary over the stream."""
        return self._state.history

    @property
    def scores(self) -> Scores:
        """Scores in tests over the stream."""
        return self._state.scores

    @property
    def initial(self) -> InitialVectors:
        """The initial vectors that the model began with."""
        return self._state.initial

    @property
    def sequence(self) -> int:
        """The number of the checkpoint that it was last saved to or resumed from; 0 if there is none."""
        return self._state.sequence

    def set_initial_vectors(self, vectors: WordVectors, *, name: str = "", sha256: str = "") -> Trainer:
        """Begin with vectors that were trained elsewhere; return the trainer. See :func:`.initial.set_initial_vectors`.

        Args:
            vectors: The vectors, with the most frequent word first.
            name: The file they come from, for the record.
            sha256: The SHA-256 of that file.

        Raises:
            StreamerError: 78 if this model has begun already, or the vectors have other dimensions or no words.
        """
        set_initial_vectors(self._state, vectors, name, sha256)
        return self

    def partial_fit(self, texts: Iterable[str] | Iterable[Iterable[str]]) -> Trainer:
        """Train on some texts, each a context of its own; return the trainer.

        A text is a string, which the tokenizer of the model cuts, or a list of words, which is taken as it is: no
        setting changes it, and upper case stays. An array or a column of strings works too.

        Texts are joined or cut into blocks of about a million characters, or more with lanes. So you can pass any
        iterable of any length, also a generator. One call with two texts does not give the same bits as two calls with
        one text each.

        Raises:
            TypeError: If given something else, such as one string, which would be an iterable of letters. The texts
                before it are trained.
            ValueError: If a string in a list can't be a word: it is empty, has line ends or more than 256 bytes.
            StreamerError: 71 if a training process died. Then, and after a Ctrl-C in the middle of a block, the trainer
                can't be used any more: it refuses to train or to be saved.
        """
        schedule, given = self._schedule, check(texts)
        size = max(BLOCK_CHARACTERS, self.settings.round_bytes)
        try:
            for number, block in enumerate(blocks(given, self._tokenizer, size)):
                if number * size >= WORTH_WORKERS:  # in characters here, which is close enough
                    schedule.start_workers()
                schedule.train(block)
        finally:  # if the iterable raises, the trainer has learned from the texts before
            try:
                if not schedule.broken:
                    schedule.drain()
            finally:
                schedule.end_workers()
        return self

    def snapshot(self, date: datetime | float | None = None, *, keep: str = "all") -> Moment:
        """Take a snapshot of the words as they are now, for ``load(as_of=…)``; return its moment.

        It is written when the trainer is saved. The trainer never takes one by itself, as ``watch`` does.

        Args:
            date: When the newest text is from: a date, or seconds since 1970; now by default.
            keep: Which snapshots are kept, such as ``"24h 7d 8w 24mo"``.

        Raises:
            ValueError: If ``keep`` is no such list.
        """
        state, chosen = self.state, levels(keep)
        seconds = date.timestamp() if isinstance(date, datetime) else time.time() if date is None else float(date)
        state.pass_time(seconds)
        return state.take_snapshot(state.snapshots.clock, chosen)

    def save(self, folder: PathLike = DEFAULT_CHECKPOINTS, *, keep: int = 3) -> Checkpoint:
        """Save a checkpoint into a folder, durably, and return it; the newest ``keep`` checkpoints stay.

        Raises:
            StreamerError: 75 if another trainer holds the folder, 74 if it can't be written, 78 if its newest
                checkpoint is not the one that this trainer was last saved to or resumed from.
        """
        if self._store is None or self._store.folder != Path(folder):
            self._store = Store(Path(folder))  # it knows what is in the folder, so it is kept
        store, state = self._store, self.state
        with store.lock():
            last = max((checkpoint.sequence for checkpoint in store.list()), default=state.sequence)
            if last != state.sequence:
                raise StreamerError(
                    f"{os.fspath(folder)} holds checkpoint {last}, which this trainer does not continue",
                    hint="resume from there, or save to another folder",
                    code=ExitCode.CONFIGURATION,
                )
            number = state.number_next()
            try:
                checkpoint = store.publish(state.image(), number)
            except BaseException:  # if it has got its name, it is the one to continue from
                state.number(max((checkpoint.sequence for checkpoint in store.list()), default=last))
                raise
            store.retire(keep)
        return checkpoint

    @classmethod
    def resume(cls, folder: PathLike = DEFAULT_CHECKPOINTS, *, threads: int | None = None, **settings: Any) -> Trainer:
        """Return the trainer that was saved last, as if it had never stopped.

        Args:
            folder: The folder of checkpoints, or the file of one checkpoint.
            threads: As for a new trainer.
            settings: Settings of the model; they may only repeat its values.

        Raises:
            StreamerError: 66 if there is no checkpoint, 65 if none is intact, 78 if a setting contradicts it.
        """
        state = read_state(folder, given=settings)
        return cls.of(state, threads=threads, tokenizer=settings.get("tokenizer"))

    @classmethod
    def of(cls, state: State, *, threads: int | None = None, tokenizer: str | None = None) -> Trainer:
        """Return the trainer that continues from a state; it changes this state.

        Args:
            state: The state.
            threads: As for a new trainer.
            tokenizer: Your own function again, if it cuts the texts of this model.
        """
        trainer = cls.__new__(cls)
        trainer._begin(state, threads, tokenizer)
        return trainer


def _restored(cls: type[Trainer], tree: Tree, threads: int | None, snapshots: Snapshots | None = None) -> Trainer:
    state = State.from_tree(tree)
    if snapshots:  # not pickled by an older version
        state.restore_snapshots(snapshots)
    return cls.of(state, threads=threads, tokenizer=state.settings.tokenizer)  # who unpickles runs code anyway
