"""The trainer as Python sees it: text in, vectors out, and the whole of its state in one tree."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import structlog
import threadpoolctl

from streamer import __version__, origins
from streamer.checkpoints import FORMAT_VERSION, Checkpoint, Store, Tree
from streamer.errors import ExitCode, StreamerError
from streamer.history import EpochLosses, History, Origin, Scores
from streamer.intake import tokenizer
from streamer.intake.ledger import Ledger
from streamer.intake.texts import joined
from streamer.intake.tokenizer import EncodedText
from streamer.model.sgns import Loss
from streamer.model.training import BlockReport, Learner, ModelState
from streamer.reading import PathLike, newest
from streamer.settings import DEFAULT_CHECKPOINTS, ModelSettings, available_cores, model_settings
from streamer.trees import (
    FORMAT,
    TreeReader,
    model_leaves,
    read_history,
    read_model,
    read_origin,
    read_scores,
    to_blob,
)
from streamer.vectors import WordVectors
from streamer.workers import Team

BLOCK_CHARACTERS = 1 << 20

WORTH_WORKERS = 8 << 20
"""Bytes of text from which on worker processes are started: starting them takes as long as training about as much."""

Then = Callable[[BlockReport, float], None]

_log = structlog.get_logger(__name__)


def _broken_off() -> StreamerError:
    return StreamerError(
        "training was broken off in the middle of a block",
        hint="what the last checkpoint holds is safe: resume from there",
        code=ExitCode.SYSTEM,
    )


def _nothing(report: BlockReport, seconds: float) -> None:
    pass


class Trainer:
    """A model that goes on learning.

    Args:
        threads: Cores to train on, all by default. The result is the same at any number.
        settings: Any of :class:`streamer.settings.ModelSettings`, such as ``vector_size=100``.

    Attributes:
        model: Vocabulary, embeddings and what else shapes the next update.
        ledger: Which bytes of which file were trained.
        history: Loss, speed and vocabulary over the stream.
        scores: Scores in tests over the stream.
        origin: With what the model began.
        epochs: The losses of the ``train`` command that is under way.
        sequence: The number of the checkpoint this trainer was last saved to or resumed from, 0 for none.

    Raises:
        StreamerError: If a setting is unknown or out of bounds.
    """

    def __init__(self, *, threads: int | None = None, **settings: Any) -> None:
        self._start(ModelState.new(model_settings(None, settings)), threads)
        self.ledger = Ledger()
        self.history = History()
        self.scores = Scores()
        self.origin = Origin()
        self.epochs = EpochLosses()
        self.sequence = 0

    def _start(self, model: ModelState, threads: int | None) -> None:
        self.model = model
        self._learner = Learner(model)
        self._blas = threadpoolctl.ThreadpoolController().select(user_api="blas")
        self._threads = threads or available_cores()
        self._can_start = True
        self._team: Team | None = None
        self._under_way: deque[tuple[BlockReport, float, Then]] = deque()
        self._last_ended = 0.0
        self._failure: StreamerError | None = None

    @property
    def settings(self) -> ModelSettings:
        """What shapes the model."""
        return self.model.settings

    @property
    def vectors(self) -> WordVectors:
        """The vectors as they are now: a copy, which later training leaves alone."""
        self.settle()
        embeddings, vocabulary = self.model.embeddings, self.model.vocabulary
        return WordVectors(vocabulary.words, embeddings.input, vocabulary.counts)

    @property
    def words_seen(self) -> int:
        """All words of all texts, those not admitted yet included."""
        return self.model.vocabulary.total - self.origin.words_seen

    def begin_with(self, vectors: WordVectors, *, name: str = "", sha256: str = "") -> Trainer:
        """Start from vectors that were trained elsewhere, and return itself: see :func:`.origins.begin`.

        Args:
            vectors: The vectors, with the most frequent word first.
            name: The file they come from, for the record.
            sha256: The digest of that file.

        Raises:
            StreamerError: 78 if this model has begun already, its vectors are of another size, or nothing is a word.
        """
        self.origin = origins.begin(self.model, vectors, name, sha256)
        return self

    def partial_fit(self, texts: Iterable[str]) -> Trainer:
        """Learn from some texts, each a context of its own, and return itself.

        Short texts are put together into blocks of about a million characters and long ones cut, so any iterable of any
        length will do, a generator among them. A call is the unit: one call with two texts is not, bit for bit, two
        calls with one.

        Raises:
            TypeError: If given one string, which would be taken for an iterable of letters.
            StreamerError: 71 if a training process died. Then, and after a Ctrl-C in the middle of a block, the trainer
                is of no more use: it refuses to learn or to be saved.
        """
        if isinstance(texts, str):
            raise TypeError("partial_fit takes an iterable of texts; for a single text, pass [text]")
        try:
            for number, block in enumerate(joined(texts, BLOCK_CHARACTERS)):
                if number * BLOCK_CHARACTERS >= WORTH_WORKERS:  # in characters here, which is near enough
                    self.start_workers()
                self.train_tokens(tokenizer.encode(block, self.settings.boundary))
        finally:  # an iterable that fails leaves a trainer that has learned what came before
            try:
                if not self._failure:
                    self.settle()
            finally:
                self.end_workers()
        return self

    def train_text(self, text: str, *, epoch: int = 0) -> BlockReport:
        """Learn from one block of text.

        Args:
            text: Up to about 1 MiB, with ``\\n`` line ends; :data:`tokenizer.SEPARATOR` ends a context.
            epoch: How often this block was trained before; from 1 on, nothing in it is counted again.
        """
        reports: list[BlockReport] = []
        encoded = tokenizer.encode(text, self.settings.boundary)
        self.train_tokens(encoded, epoch=epoch, then=lambda report, _: reports.append(report))
        self.settle()
        return reports[0]

    def train_tokens(self, encoded: EncodedText, *, epoch: int = 0, then: Then = _nothing) -> None:
        """Learn from one block that is tokenised already; see :meth:`train_text`.

        With workers, it may return before the block is trained: :meth:`settle` waits for that, and until then weights
        and history are behind the vocabulary. An exception from within, or from ``then``, breaks it off for good.

        Args:
            encoded: The block.
            epoch: As for :meth:`train_text`.
            then: Called once the block is trained, in the order of the blocks, with its report and the seconds it took.

        Raises:
            StreamerError: 71 if a training process died.
        """
        with self._whole():
            started = time.perf_counter()
            words, codes, segments = encoded.words, encoded.codes, encoded.segments
            report, tokens = self._learner.prepare(words, codes, segments, first_pass=epoch == 0)
            self._under_way.append((report, started, then))
            if self._workers_ready():
                assert self._team is not None
                self.make_room()
                self._team.submit(tokens)
            else:
                with self.one_blas_thread():
                    loss = self._learner.update(tokens)
                self._done(loss, time.perf_counter())

    def make_room(self) -> None:
        """Wait until the next block can be trained, or handed over, at once.

        Raises:
            StreamerError: 71 if a training process died.
        """
        with self._whole():
            while self._team and self._team.full:
                self._collect()

    def settle(self) -> None:
        """Wait until all that was given to workers is trained.

        Raises:
            StreamerError: 71 if a training process died.
        """
        with self._whole():
            while self._under_way:
                self._collect()

    def start_workers(self) -> int:
        """Have processes train from now on, as many as there are threads to use; they take a moment to start.

        Returns:
            How many were started: 0 if there are some already, or one thread is all there is.
        """
        if self._team or self._threads == 1 or not self._can_start:
            return 0
        try:
            self._team = Team(self.model, self._threads)
        except OSError as error:
            self._can_start = False
            _log.warning("workers.unavailable", reason=error.strerror, hint="training goes on in one process")
            return 0
        return self._team.size

    def end_workers(self) -> None:
        """End those processes, at once; :meth:`settle` first, or what they are at is lost and the trainer with it."""
        team, self._team = self._team, None
        if team:
            team.close()
            if self._under_way and not self._failure:
                self._failure = _broken_off()

    def _workers_ready(self) -> bool:
        try:
            return bool(self._team and self._team.ready())
        except StreamerError as error:  # they have touched nothing yet
            self._can_start = False
            assert self._team is not None
            self._team.close()
            self._team = None
            _log.warning("workers.unavailable", reason=error.problem, hint="training goes on in one process")
            return False

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """Enter what must not be left halfway: if it is, by Ctrl-C or for want of memory, the state is torn."""
        if self._failure:
            raise self._failure
        try:
            yield
        except BaseException as error:
            self._failure = error if isinstance(error, StreamerError) else _broken_off()
            raise

    def _collect(self) -> None:
        assert self._team is not None
        self._done(*self._team.collect())

    def _done(self, loss: Loss, ended: float) -> None:
        report, started, then = self._under_way.popleft()
        seconds = max(ended - max(started, self._last_ended), 1e-9)
        self._last_ended = ended
        report = report._replace(loss=loss)
        self.history.add(report, seconds)
        then(report, seconds)

    def one_blas_thread(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context in which BLAS has no threads of its own; around many blocks it spares each of them a limit.

        Asking how many there are takes a microsecond, setting it 20, which is a lot for a file of 100 words.
        """
        if all(library.num_threads == 1 for library in self._blas.lib_controllers):
            return contextlib.nullcontext()
        return self._blas.limit(limits=1)  # type: ignore[no-any-return]

    def save(self, folder: PathLike = DEFAULT_CHECKPOINTS, *, keep: int = 3) -> Checkpoint:
        """Save a checkpoint into a folder, durably, and return it; the newest ``keep`` stay.

        Raises:
            StreamerError: 75 if another trainer holds the folder, 74 if it can't be written, 78 if it holds checkpoints
                that this trainer was neither saved to nor resumed from last.
        """
        store = Store(Path(folder))
        with store.lock():
            last = max((checkpoint.sequence for checkpoint in store.list()), default=self.sequence)
            if last != self.sequence:
                raise StreamerError(
                    f"{os.fspath(folder)} holds checkpoint {last}, which this trainer does not go on from",
                    hint="resume from there, or save to another folder",
                    code=ExitCode.CONFIGURATION,
                )
            self.sequence += 1
            try:
                checkpoint = store.save(self.to_tree(), self.sequence)
            except BaseException:  # it may have got its name all the same, and then it is what we go on from
                self.sequence = max((checkpoint.sequence for checkpoint in store.list()), default=last)
                raise
            store.retire(keep)
        return checkpoint

    @classmethod
    def resume(cls, folder: PathLike = DEFAULT_CHECKPOINTS, *, threads: int | None = None, **settings: Any) -> Trainer:
        """Return the trainer that was saved last, as if it had never stopped.

        Args:
            folder: The folder of checkpoints.
            threads: As for a new trainer.
            settings: May name what the model was trained with, and nothing else.

        Raises:
            StreamerError: 66 if there is no checkpoint, 65 if none verifies, 78 if a setting contradicts it.
        """
        return cls.from_checkpoint(*newest(folder), threads=threads, **settings)

    @classmethod
    def from_checkpoint(
        cls, checkpoint: Checkpoint, tree: Tree, *, threads: int | None = None, **settings: Any
    ) -> Trainer:
        """Return the trainer of a checkpoint and its tree; see :meth:`from_tree`.

        Someone may have restored the file under a later number than it had: what is saved next has to come after it.
        """
        trainer = cls.from_tree(tree, threads=threads, **settings)
        trainer.sequence = max(trainer.sequence, checkpoint.sequence)
        return trainer

    def to_tree(self) -> Tree:
        """Return everything that influences the next update, and the history; arrays are views, not copies.

        Raises:
            StreamerError: 71 if a training process died.
        """
        self.settle()
        tree: Tree = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "streamer_version": __version__,
            "sequence": self.sequence,
            "ledger/root": self.ledger.root,
            "epochs/job": self.epochs.job,
            "epochs/losses": np.array(self.epochs.losses, np.float64).reshape(-1, 2),
            "history/resolution": self.history.resolution,
            "scores/tests": to_blob(self.scores.tests),
        }
        for group, values in (
            ("ledger", self.ledger.to_arrays()),
            ("history", self.history.to_arrays()),
            ("scores", self.scores.to_arrays()),
            ("origin", attrs.asdict(self.origin)),
        ):
            tree |= {f"{group}/{name}": value for name, value in values.items()}
        return tree | model_leaves(self.model)

    @classmethod
    def from_tree(cls, tree: Tree, *, threads: int | None = None, **settings: Any) -> Trainer:
        """Return the trainer that :meth:`to_tree` came from. It takes the tree's arrays over, and will change them.

        Raises:
            StreamerError: 65 if the tree is of another format, or a part is missing, of the wrong type or shape, or not
                what a trainer can have made together with the others; 78 if a setting contradicts it.
        """
        read = TreeReader(tree)
        read.check_format()
        model = read_model(read, settings)
        trainer = cls.__new__(cls)
        trainer._start(model, threads)
        trainer.ledger = Ledger.from_arrays(read.arrays("ledger"))
        trainer.ledger.root = read.string("ledger/root")
        trainer.history = read_history(read, model.vocabulary.total, model.words_trained)
        trainer.scores = read_scores(read, model.words_trained)
        trainer.origin = read_origin(read, model.vocabulary.total)
        losses = read.floats("epochs/losses", np.float64, (None, 2)).tolist()
        trainer.epochs = EpochLosses(read.string("epochs/job"), [Loss(*row) for row in losses])
        trainer.sequence = read.count("sequence")
        return trainer
