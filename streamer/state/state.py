"""Everything that was learned, as one object: what a checkpoint holds, and what a trainer resumes from.

The parts are joined here and nowhere else, because they are saved together: weights are useless without the ledger of
the bytes that shaped them. Each part is changed by its own methods only. ``docs/architecture.md`` says who owns which
part, and a test searches the code for writes from elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs

from streamer.checkpoints import FORMAT_VERSION, Checkpoint, Image, Tree
from streamer.ledger.ledger import Ledger
from streamer.model.learner import ModelState
from streamer.model.sources import COLUMNS as SOURCES
from streamer.settings import ModelSettings
from streamer.settings.levels import Level
from streamer.state import keys, records, snapshots
from streamer.state.copies import Later, Room, large
from streamer.state.epochs import EpochLosses
from streamer.state.given_up import GivenUp
from streamer.state.history import History
from streamer.state.initial import InitialVectors
from streamer.state.judgements import Judgements
from streamer.state.migrations import FORMAT, migrate
from streamer.state.scores import Scores
from streamer.state.snapshots import Moment, SnapshotFile, Snapshots
from streamer.state.tokenizing import TokenizerRecord, rules
from streamer.state.tree_reader import TreeReader, grouped
from streamer.text.tokenizer import Rules
from streamer.text.tokenizers import fold
from streamer.vectors import WordVectors
from streamer.version import __version__


@attrs.define(eq=False)
class State:
    """Everything that was learned, and the position in the text.

    Between two blocks its parts agree. While workers train a block, vocabulary and ledger are ahead of weights and
    history; :meth:`streamer.training.schedule.Schedule.drain` waits until they agree again.

    Attributes:
        model: Vocabulary, embeddings and everything else that shapes the next update.
        ledger: Which bytes of which file were trained.
        history: Loss, speed and vocabulary over the stream.
        scores: Scores in tests over the stream.
        initial: The initial vectors that the model began with.
        epochs: The losses of the ``train`` command that is under way.
        tokenizer: The version of what cuts texts into words.
        snapshots: What the model was at moments of the stream, and the clock of the stream.
        judgements: How the last files looked before they were trained.
        given_up: The checkpoints that are no earlier states of this one.
        sequence: The number of the checkpoint that this state was last saved to or read from; 0 if there is none.
    """

    model: ModelState
    ledger: Ledger = attrs.field(factory=Ledger)
    history: History = attrs.field(factory=History)
    scores: Scores = attrs.field(factory=Scores)
    initial: InitialVectors = attrs.field(factory=InitialVectors)
    epochs: EpochLosses = attrs.field(factory=EpochLosses)
    tokenizer: TokenizerRecord = attrs.field(factory=TokenizerRecord)
    snapshots: Snapshots = attrs.field(factory=Snapshots)
    judgements: Judgements = attrs.field(factory=Judgements)
    given_up: GivenUp = attrs.field(factory=GivenUp)
    sequence: int = 0

    @classmethod
    def new(cls, settings: ModelSettings) -> State:
        """Return the state of a model that has seen nothing.

        Raises:
            TokenizerError: If its tokenizer is a function of the user that can't be imported.
        """
        return cls(ModelState.new(settings), tokenizer=TokenizerRecord.of(settings.tokenizer))

    @property
    def settings(self) -> ModelSettings:
        """The settings of the model."""
        return self.model.settings

    @property
    def words_seen(self) -> int:
        """All words of all texts, with those of candidates, without those of initial vectors."""
        return self.model.vocabulary.total - self.initial.words_seen

    @property
    def rules(self) -> Rules:
        """Everything that decides how texts are cut into words."""
        return rules(self.settings, self.tokenizer)

    def record_tokenizer(self, record: TokenizerRecord) -> None:
        """Record what cuts texts from now on."""
        self.tokenizer = record

    def vectors(self) -> WordVectors:
        """Return a copy of the input vectors, with words and counts."""
        embeddings, vocabulary = self.model.embeddings, self.model.vocabulary
        return WordVectors(vocabulary.words, embeddings.input, vocabulary.counts, fold=fold(self.rules))

    def record_initial(self, initial: InitialVectors) -> None:
        """Record the initial vectors that the model was given."""
        self.initial = initial

    def take_snapshot(self, date: float, chosen: Sequence[Level] = ()) -> Moment:
        """Take a snapshot, which is written with the next checkpoint, and return its moment.

        Args:
            date: The date of the newest text, in seconds since 1970.
            chosen: Which snapshots are kept, of this one and those before; all by default.
        """
        model = self.model
        vocabulary, embeddings = model.vocabulary, model.embeddings
        seen, by_texts = self.words_seen, self.snapshots.by_texts
        now = Moment("", 0, seen, model.words_trained, len(vocabulary), date, by_texts=by_texts)
        columns = embeddings.input, vocabulary.counts, embeddings.input_squares, model.sources.files
        return self.snapshots.add(lambda moment: SnapshotFile.of(moment, vocabulary.words, *columns), now, chosen)

    def pass_time(self, date: float, *, by_texts: bool = False) -> None:
        """Set the clock of the stream to the date of a text, unless an older text has come after a newer one.

        Args:
            date: The date, in seconds since 1970.
            by_texts: Whether it is what the text says, and not when it is trained.
        """
        self.snapshots.pass_time(date, by_texts=by_texts)

    def restore_snapshots(self, snapshots: Snapshots) -> None:
        """Take over the snapshots of a copy of this state, with those that were not written yet."""
        self.snapshots = snapshots

    def keep_ledger(self, ledger: Ledger) -> None:
        """Take a ledger for that of this state: words are to be recorded with the numbers of its rows."""
        self.ledger = ledger

    def continue_from(self, given_up: State, ledger: Ledger, snapshots: Snapshots) -> None:
        """Take the place of a later state of the same stream, which is given up: only the number goes on.

        Args:
            given_up: The later state.
            ledger: What this model was trained on.
            snapshots: Those that this state has.
        """
        now, last = GivenUp(list(given_up.given_up.ranges)), max(self.sequence, given_up.sequence)
        now.add(self.sequence, last + 1)
        self.ledger, self.snapshots, self.given_up = ledger, snapshots, now
        self.judgements.go_on(given_up.judgements, ledger.under_way is not None)
        self.judgements.forget({entry.path for entry in ledger if entry.outcome == "forgotten"})
        self.sequence = last
        if self.epochs.job != given_up.epochs.job:  # the replay has no other losses for this command
            self.epochs = given_up.epochs

    def number_next(self) -> int:
        """Increment the number, for the checkpoint that is written next, and return it."""
        self.sequence += 1
        return self.sequence

    def number(self, sequence: int) -> None:
        """Set the number of the checkpoint that this state continues from."""
        self.sequence = sequence

    def to_tree(self) -> Tree:
        """Return the state as the tree of a checkpoint that needs no other file; large arrays are views, not copies."""
        listed = grouped("snapshots", snapshots.leaves(self.snapshots.files))
        columns = {name: self.model.sources.column(name) for name in SOURCES}
        listed |= grouped("sources", records.sources_leaves(columns, self.ledger.freeze()))
        return {**keys.model_leaves(self.model), **self._records(), **listed, **keys.ledger_leaves(self.ledger)}

    def image(self, room: Room | None = None) -> Image:
        """Return the checkpoint of the state as it is now; it may be written while training continues.

        Args:
            room: Memory for a copy of the model, made beforehand (:meth:`room`), so that the caller waits less.

        Raises:
            MemoryError: If there is no room for a copy of the model.
        """
        copied, segments = keys.copied_model(self.model, room)
        files = list(self.snapshots.files)
        listed = {"snapshots": Later(partial(snapshots.leaves, files))}  # digests are computed when it is written
        ledger = self.ledger.freeze()
        listed |= {"sources": Later(partial(records.sources_leaves, self.model.sources.copied(), ledger))}
        tree = {**copied, **self._records(), **listed, "ledger": ledger}
        return Image(tree, [*segments, *files])

    def room(self) -> Room:
        """Return room for :meth:`image`; another thread may make it while training goes on.

        Raises:
            MemoryError: If there is none.
        """
        return Room(self.model.embeddings)

    @property
    def large(self) -> bool:
        """Whether it pays to make :meth:`room` beforehand."""
        return large(self.model.embeddings)

    def _records(self) -> Tree:
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "streamer_version": __version__,
            "sequence": self.sequence,
            "snapshots/last": self.snapshots.last,
            "snapshots/clock": self.snapshots.clock,
            "snapshots/by_texts": self.snapshots.by_texts,
            **records.history_leaves(self.history),
            **records.scores_leaves(self.scores),
            **records.initial_leaves(self.initial),
            **records.epochs_leaves(self.epochs),
            **records.tokenizer_leaves(self.tokenizer),
            **records.judgements_leaves(self.judgements),
            **records.given_up_leaves(self.given_up),
        }

    @classmethod
    def from_tree(cls, tree: Tree, given: Mapping[str, Any] | None = None, folder: Path | None = None) -> State:
        """Return the state of a tree of this format version or an older one. It empties the tree.

        Args:
            tree: What :meth:`to_tree` returned, or what was read from a checkpoint.
            given: Settings of the model that must not contradict it.
            folder: Where the segments are that it names, if it names some.

        Raises:
            StreamerError: 65 if a part is missing, has the wrong type or shape, or does not agree with the others, or
                if the format is newer; 78 if a setting contradicts it.
        """
        read = TreeReader(migrate(tree))
        tree.clear()  # a large ledger should not be in memory twice
        model = keys.read_model(read, given or {}, folder)
        ledger = keys.read_ledger(read)
        model.sources.restore(records.read_sources(read, len(model.vocabulary), len(ledger)))
        return cls(
            model,
            ledger,
            records.read_history(read, model.vocabulary.total, model.words_trained),
            records.read_scores(read, model.words_trained),
            records.read_initial(read, model.vocabulary.total),
            records.read_epochs(read),
            records.read_tokenizer(read),
            snapshots.read_snapshots(read, folder),
            records.read_judgements(read),
            records.read_given_up(read, read.count("sequence")),
            read.count("sequence"),
        )

    @classmethod
    def from_checkpoint(cls, checkpoint: Checkpoint, tree: Tree, given: Mapping[str, Any] | None = None) -> State:
        """Return the state of a checkpoint and its tree; see :meth:`from_tree`.

        A user may have restored the file under a higher number than it had: the next checkpoint must come after it.
        """
        state = cls.from_tree(tree, given, checkpoint.path.parent)
        state.number(max(state.sequence, checkpoint.sequence))
        return state
