"""Prefetching: another process reads and tokenizes the files that come next while this one trains.

Tokens depend on the bytes only, so the result is the same whichever process makes them. If the other process does not
deliver a block, it is tokenized here: the process may have died, the file may have changed, or nobody asked for it.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from streamer.formats.recipes import ANY, TEXT, Recipe
from streamer.intake import reader
from streamer.intake.opened import Opened, Refused, open_regular
from streamer.ledger.entries import Signature
from streamer.system.processes import keep_freed_memory, spawn
from streamer.text.encoded import EncodedText
from streamer.text.tokenizer import Tokenizer, TokenizerError

WORTH_STARTING = 8 << 20
"""The process is started if so many bytes are waiting: starting it takes as long as tokenizing about as many."""
WORTH_WAITING = 1 << 20
"""If the first file has at most so many bytes, it is tokenized here while the process starts."""
WORTH_SENDING = 32 << 10
"""Smaller files, in bytes, are not sent to the process: tokenizing one here is faster than sending it."""
DEPTH = 2
"""Files given to the process at a time; it is only one or two blocks ahead, because the pipe makes it wait."""
PATIENCE = 0.25
"""Seconds to wait for a block before checking whether the trainer must stop."""

_log = structlog.get_logger(__name__)


class TokenBlock(NamedTuple):
    """A tokenized block of a file: its text bytes from ``start`` to ``stop``; ``skipped`` of its records are broken.

    ``date`` is that of its newest record, in seconds since 1970; None if none has one, or nobody asks.
    """

    start: int
    stop: int
    tokens: EncodedText
    skipped: int = 0
    date: float | None = None


class Job(NamedTuple):
    """A part of a file to tokenize, from ``start`` to ``stop`` in text bytes, and the signature of the file.

    ``encoding`` and ``recipe`` are those of the file. If the file was not looked at yet, the one is what it likely is,
    and the other empty.
    """

    path: str | Path
    signature: Signature
    start: int
    stop: int
    encoding: str
    recipe: str = TEXT


def tokenize(
    file: Opened,
    job: Job,
    tokenizer: Tokenizer,
    *,
    start: int,
    size: int = 0,
    date_field: str | None = None,
    check: Callable[[], None] = lambda: None,
) -> Iterator[TokenBlock]:
    """Yield the blocks of a job from a position on, of ``size`` bytes if that is more than usual.

    ``date_field`` is the field with the date of a record: empty for the usual ones, None if nobody asks for dates.
    Raises Refused as :func:`reader.blocks` does, and if a tokenizer of the user fails.
    """
    pieces = reader.blocks(
        file,
        start=start,
        stop=job.stop,
        encoding=job.encoding,
        recipe=job.recipe,
        size=max(reader.PIECE, size),  # read at each call, so that tests can make it small
        date_field=date_field,
        check=check,
    )
    for block in pieces:
        try:
            tokens = tokenizer.encode(block.text)
        except TokenizerError as error:
            raise Refused(str(error)) from error
        yield TokenBlock(block.start, block.stop, tokens, block.skipped, block.date)


_Sent = Job | Tokenizer | Recipe | int | str | None


class Prefetcher:
    """The other process, started when there is enough to do, and the jobs that it was given.

    Args:
        tokenizer: What cuts the text.
        enabled: Whether to use another process at all.
        wanted: The format that the user wants.
        size: Bytes of a block, if that is more than usual.
        date_field: The field with the date of a record; empty for the usual ones, None if nobody asks for dates.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        *,
        enabled: bool,
        wanted: Recipe = ANY,
        size: int = 0,
        date_field: str | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        self._date_field = date_field
        self._wanted = wanted
        self._size = size
        self._enabled = enabled
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[_Sent, TokenBlock | tuple[str, str] | None] | None = None
        self._upcoming: dict[Job, None] = {}  # an ordered set
        self._given: deque[Job] = deque()
        self._current: Job | None = None

    def announce(self, jobs: Iterable[Job]) -> None:
        """Set which files come next, in this order; earlier jobs that were not given yet are forgotten."""
        if not self._enabled:
            return
        self._upcoming = dict.fromkeys(job for job in jobs if job.stop >= WORTH_SENDING)
        if not self._upcoming:
            self.close()  # a service may have nothing to do for days
        if self._connection is None and sum(job.stop for job in self._upcoming) >= WORTH_STARTING:
            self._start()
            first = next(iter(self._upcoming))
            if first.stop <= WORTH_WAITING:
                del self._upcoming[first]
        self._feed()

    def blocks(self, file: Opened, job: Job, check: Callable[[], None] = lambda: None) -> Iterator[TokenBlock]:
        """Yield the blocks of a job: first those that the other process made, then the rest, tokenized here.

        Args:
            file: The open file, to read the rest.
            job: What to tokenize; blocks of the other process are used if it was given this part of this file, and
                found this encoding and this recipe.
            check: Called while there is nothing to yield yet; may raise to stop.
        """
        position = job.start
        if self._connection:
            given = next((known for known in (*self._given, *self._upcoming) if known[:4] == job[:4]), job)
            if self._claim(given, check) and self._receive(check) == (job.encoding, job.recipe):
                while isinstance(block := self._receive(check), TokenBlock):
                    position = block.stop
                    yield block
        if position < job.stop:
            how: dict[str, Any] = {"size": self._size, "date_field": self._date_field, "check": check}
            yield from tokenize(file, job, self._tokenizer, start=position, **how)

    def close(self) -> None:
        """End the process."""
        connection, process = self._connection, self._process
        self._connection = self._process = self._current = None
        self._given.clear()
        if connection and process:
            connection.close()
            process.kill()  # it writes nothing that could be left half-written
            process.wait()

    def _start(self) -> None:
        ours, theirs = Pipe()
        try:
            with theirs:
                self._process = spawn("streamer.intake.prefetch", "serve", [theirs.fileno()])
            ours.send(self._tokenizer)
            ours.send(self._wanted)
            ours.send(self._size)
            ours.send(self._date_field)
        except OSError as error:
            ours.close()
            self._enabled = False
            _log.warning("tokenizer.unavailable", reason=error.strerror)
        else:
            self._connection = ours

    def _feed(self) -> None:
        while self._connection and self._upcoming and len(self._given) < DEPTH:
            job = next(iter(self._upcoming))
            del self._upcoming[job]
            try:
                self._connection.send(job)
            except OSError:
                self._lose()
            else:
                self._given.append(job)

    def _claim(self, job: Job, check: Callable[[], None]) -> bool:
        """Make a job the one whose blocks are received next; return whether the process was given it."""
        if job not in self._given:
            # It may be one of those not given yet: to give it now would be too late.
            self._upcoming.pop(job, None)
            return False
        while True:
            self._drain(check)
            if not self._given:  # the process died meanwhile
                return False
            self._current = self._given.popleft()
            self._feed()
            if self._current == job:
                return True

    def _drain(self, check: Callable[[], None]) -> None:
        """Receive and drop what is left of a job that was given up."""
        if self._current and self._current.stop > WORTH_STARTING:
            waiting = [*self._given, *self._upcoming]
            self.close()
            self._upcoming = dict.fromkeys(waiting)
            self._start()
            self._feed()
        while self._current and self._receive(check) is not None:
            pass

    def _receive(self, check: Callable[[], None]) -> TokenBlock | tuple[str, str] | None:
        """Return codec and recipe of the current job, then block after block; None at its end, or if nobody answers."""
        if self._connection is None or self._current is None:
            return None
        try:
            while not self._connection.poll(PATIENCE):
                check()
            received = self._connection.recv()
        except (EOFError, OSError):
            self._lose()
            return None
        if received is None:
            self._current = None
        return received

    def _lose(self) -> None:
        process = self._process
        self.close()
        self._upcoming.clear()
        _log.warning(
            "tokenizer.lost",
            exit_code=process.returncode if process else None,
            hint="nothing is lost: the trainer itself tokenizes the text until more files come",
        )


def serve(descriptor: int) -> None:
    """Receive a tokenizer and how texts are read; answer each job until the other side is gone.

    The answer is the codec and the recipe of the file, its blocks, and then None.
    """
    keep_freed_memory()
    connection: Connection[TokenBlock | tuple[str, str] | None, Any] = Connection(descriptor)
    with connection, contextlib.suppress(EOFError, OSError):
        tokenizer: Tokenizer = connection.recv()
        wanted: Recipe = connection.recv()
        size: int = connection.recv()
        date_field: str | None = connection.recv()
        while True:
            job: Job = connection.recv()
            try:
                with open_regular(job.path) as file:
                    if Signature.of(file.status) == job.signature:
                        codec, recipe = reader.looked_at(file, encoding=job.encoding, wanted=wanted)
                        known = job._replace(encoding=codec, recipe=job.recipe or recipe)
                        connection.send((codec, known.recipe))
                        for block in tokenize(
                            file, known, tokenizer, start=job.start, size=size, date_field=date_field
                        ):
                            connection.send(block)
            except (Refused, FileNotFoundError):
                pass  # the trainer reads the file itself, and says what is wrong with it
            connection.send(None)
