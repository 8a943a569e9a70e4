"""One open file → its blocks of text: judged once, read from any position on.

Positions are in text bytes: the bytes of the file, after decompression if it is packed. Only a small file is held in
memory as a whole.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from streamer.formats import detect
from streamer.formats.binary import binary
from streamer.formats.recipes import ANY, TEXT, Recipe
from streamer.intake.decoding import ADVICE, AUTO, GUESSED, NOT_TEXT, UTF_8, Census, Codec, limit, text_otherwise
from streamer.intake.fingerprint import Fingerprint, key_of
from streamer.intake.guessing import Samples, guess
from streamer.intake.opened import CANNOT_READ, Opened, Refused
from streamer.intake.packings import (
    BOMB_BYTES,
    BOMB_RATIO,
    ZSTD_EXTRA,
    BadPacking,
    Packing,
    Readable,
    Unpacked,
)
from streamer.intake.streams import Stream
from streamer.intake.structured import extracts
from streamer.ledger.entries import NO_DIGEST, Known, Signature, Verdict

PIECE = 1 << 20

_SPARSE = "sparse: "
_MAIL = "mail"

_Check = Callable[[], None]  # called between pieces; may raise to stop


class Block(NamedTuple):
    """A piece of a file: its text bytes from ``start`` to ``stop``, and what they say, with newlines as line ends.

    In a format with markup, ``skipped`` of its records were too large, or broken. ``date`` is that of the newest one,
    in seconds since 1970; None if none has one, or nobody asks.
    """

    start: int
    stop: int
    text: str
    skipped: int = 0
    date: float | None = None


def judge(
    file: Opened,
    *,
    encoding: str,
    max_bad_ratio: float,
    wanted: Recipe = ANY,
    before: Known | None = None,
    check: _Check = lambda: None,
) -> Verdict:
    """Read a whole file: hash it, unpack it, see which encoding and format it has, and judge whether it is text.

    ``encoding`` may be ``auto``: then it is UTF-8 if that will do, else what :func:`guessing.guess` is sure of, and the
    file is read a second time. ``wanted`` is the format that the user wants. ``before`` tells what the ledger asks, to
    find out what was trained before. ``check`` is called between pieces and may raise to stop. Only the bytes that the
    file has at the start count; what is added meanwhile is for the next time. If it is certain that a file is not text,
    it is not read to its end, unless it is as long as its earlier version, or may have grown from one whose encoding
    is in ``before``. Raises Refused if it became shorter, cannot be read, or has too many holes.
    """

    def read(encoding: str, samples: Samples | None = None) -> Verdict:
        return _judge(file, encoding, max_bad_ratio, wanted, before or Known(), check, samples)

    if encoding != AUTO:
        return read(encoding)
    found = read(UTF_8, samples := Samples())
    if found.refusal is None and not samples.doubtful:
        return found  # almost every file
    reason = found.refusal or ""
    doubtful = samples.doubtful or reason.startswith((NOT_TEXT, detect.NO_COLUMN))
    if not doubtful or samples.marked or (reason and not reason.startswith((NOT_TEXT, detect.NO_COLUMN))):
        return found
    guessed = guess(samples.windows, sure=not reason)
    if guessed.encoding:
        again = read(guessed.encoding)
        if again.refusal is None:
            return again
    if not reason.startswith(NOT_TEXT):
        return found
    perhaps = f"perhaps {' or '.join(guessed.likely)}" if guessed.likely else "no other encoding fits"
    return found._replace(refusal=f"{reason.removesuffix(ADVICE)}; {perhaps}{GUESSED}")


def _judge(
    file: Opened,
    encoding: str,
    max_bad_ratio: float,
    wanted: Recipe,
    before: Known,
    check: _Check,
    samples: Samples | None,
) -> Verdict:
    """Judge a file in one encoding; take samples of it while it is read."""
    signature = Signature.of(file.status)
    touched = before.size == signature.size  # perhaps only touched since it was trained
    to_the_end = touched or bool(before.encoding)
    if not touched:
        _refuse_sparse(file, max_bad_ratio, check)
    packing = file.packing
    file.position = 0
    most = packing.most(signature.size) if packing else signature.size  # a byte is no more than one character
    text = Fingerprint(before.lengths, before.by_head)
    disk_bytes = Fingerprint(before.lengths) if packing else text
    raw = _Hashed(file, signature.size, disk_bytes if packing else None, check)
    census, text_bytes, recipe, codec = None, 0, TEXT, Codec.of(b"", encoding)
    try:
        stream = _unpacked(raw, packing)
        while piece := _read(stream, PIECE):
            text.update(piece)
            if samples:
                samples.add(piece)
            if census is None:
                codec = Codec.of(piece[:4], encoding)
                recipe, census = _begun(piece, codec, wanted)
            elif census.hopeless(max_bad_ratio, most) and not to_the_end:
                raise _Certain(census.refusal(max_bad_ratio))
            census.add(piece)
            text_bytes += len(piece)
            if packing and text_bytes > max(BOMB_BYTES, BOMB_RATIO * raw.position):
                raise Refused(packing.bomb)
        reason = census.refusal(max_bad_ratio) if census else "empty"
        if samples and census:
            samples.doubtful = census.bad > 0 and recipe != _MAIL
    except Refused as refusal:
        if str(refusal).startswith(CANNOT_READ):
            raise  # a read that fails skips bytes, so what follows says nothing about the file
        if isinstance(refusal, _Certain) and not to_the_end:
            return Verdict(signature, bytes(32), 0, str(refusal), encoding=codec.name)
        reason, text_bytes = str(refusal), 0
        for piece in iter(lambda: _read(raw, PIECE), b""):  # the hash must cover the whole file
            text.update(b"" if packing else piece)
    if raw.position < signature.size:
        raise Refused("became shorter while it was being read")
    whole = text.digest() if text_bytes or not packing else NO_DIGEST
    return Verdict(
        signature,
        disk_bytes.digest(),
        text_bytes,
        reason,
        recipe,
        whole,
        (key_of(whole), *text.heads),
        text.prefixes,
        disk_bytes.prefixes if packing else {},
        text.line_ends,
        codec.name,
    )


class _Certain(Refused):
    """It is not text, whatever follows."""


def _begun(piece: bytes, codec: Codec, wanted: Recipe) -> tuple[str, Census]:
    """Return how a text is read that begins with this piece, and what counts its characters."""
    head = piece[: detect.HEAD]
    if reason := detect.document(head) or (None if codec.mark else binary(head)):
        raise _Certain(reason)
    recipe = _recipe(piece, codec, wanted)
    # The parts of a mail say themselves how they are encoded.
    return recipe, Census(codec, bytes_only=recipe == _MAIL and codec.width == 1)


def looked_at(file: Opened, *, encoding: str, wanted: Recipe) -> tuple[str, str]:
    """Return the codec and the recipe of a file if it is in this encoding; raise Refused if it can't be read."""
    piece = _read(_rewound(file), detect.HEAD)
    codec = Codec.of(piece[:4], encoding)
    return codec.name, _recipe(piece, codec, wanted)


def _recipe(head: bytes, codec: Codec, wanted: Recipe) -> str:
    text = codec.decode(head[: detect.HEAD], 0)
    try:
        return str(detect.choose(text, wanted))
    except detect.NoFormat as missing:
        raise Refused(str(missing)) from None


def _refuse_sparse(file: Opened, max_bad_ratio: float, check: _Check) -> None:
    """Refuse a file with more holes than text may have NULs: holes are read as NULs, and 1 TB of them fits any disk."""
    size, descriptor = file.status.st_size, file.fileno()
    if file.status.st_blocks * 512 >= size:
        return
    holes = stop = 0
    try:
        while stop < size and holes <= max_bad_ratio * size:
            check()
            start = os.lseek(descriptor, stop, os.SEEK_HOLE)
            holes += size - start  # right if no data follows: then the next call fails with ENXIO
            stop = os.lseek(descriptor, start, os.SEEK_DATA)
            holes -= size - stop
    except OSError as error:
        holes *= error.errno == errno.ENXIO  # any other error: this file system does not report holes
    if holes > max_bad_ratio * size:
        raise Refused(f"{_SPARSE}{100 * holes / size:.3g} % of its bytes are holes {limit(max_bad_ratio)}")


def blocks(
    file: Opened,
    *,
    start: int,
    stop: int,
    encoding: str,
    recipe: str = TEXT,
    size: int = PIECE,
    date_field: str | None = None,
    check: _Check = lambda: None,
) -> Iterator[Block]:
    """Yield the text from one position to another in blocks of at most ``size`` bytes.

    A block ends after its last blank line if it has one, else after a line, else after a word, else between two
    characters; in a format with markup, between two records. Its end depends only on its start, on the bytes of the
    file and on ``stop``. So a run that resumes at any cut makes the same blocks. ``recipe`` is that of the file.
    ``date_field`` is the field with the date of a record: empty for the usual ones, None if nobody asks for dates.
    ``check`` is called while what is before ``start`` is read. Raises Refused if the file ends early or cannot be read
    any more.
    """
    codec = Codec.of(_read(_rewound(file), 4), encoding)
    size = max(size, 16)  # no encoding has a longer character
    if recipe == TEXT:
        stream = _rewound(file)
        if not file.packing:
            file.position = start
        yield from _text_blocks(stream, codec, start, stop, size, check if file.packing else None)
    else:
        stream = _rewound(file)

        def read(size: int) -> bytes:
            check()
            return _read(stream, size, exactly=True)

        text = Stream(read, codec, start=start, stop=stop, as_it_is=recipe == _MAIL)
        wanted = Recipe.parse(recipe)
        for found in extracts(text, wanted, start=start, stop=stop, size=size, date_field=date_field):
            yield Block(start, found.stop, found.text, found.skipped, found.date)
            start = found.stop


def _text_blocks(
    stream: Readable, codec: Codec, start: int, stop: int, size: int, check: _Check | None
) -> Iterator[Block]:
    """Yield the blocks of a plain text; with a check, the stream is at its beginning, else at ``start``."""
    for skipped in range(0, start if check else 0, PIECE):
        if check:
            check()
        _read(stream, min(PIECE, start - skipped), exactly=True)
    data = b""
    while start < stop:
        wanted = min(size, stop - start)
        data += _read(stream, wanted - len(data), exactly=True)
        cut = wanted if start + wanted == stop else codec.cut(data, start)
        yield Block(start, start + cut, codec.decode(data[:cut], start))
        start, data = start + cut, data[cut:]


def beginning(file: Opened, text_bytes: int, encoding: str, recipe: str, size: int) -> str:
    """Return the text of about the first ``size`` bytes of a file that has ``text_bytes``.

    Raises Refused as :func:`blocks` does.
    """
    stop = min(size, text_bytes) if recipe == TEXT else text_bytes
    return next(
        (block.text for block in blocks(file, start=0, stop=stop, encoding=encoding, recipe=recipe, size=size)), ""
    )


def _rewound(file: Opened) -> Readable:
    """Return the text of a file from its beginning on, unpacked."""
    packing = file.packing
    file.position = 0
    return _unpacked(file, packing)


def _unpacked(file: Readable, packing: Packing | None) -> Readable:
    try:
        return Unpacked(file, packing) if packing else file
    except BadPacking as bad:
        raise Refused(str(bad)) from bad


def _read(stream: Readable, size: int, *, exactly: bool = False) -> bytes:
    """Read up to ``size`` bytes, fewer only at the end; turn every error into Refused."""
    try:
        data = stream.read(size)
    except BadPacking as bad:
        raise Refused(str(bad)) from bad
    if exactly and len(data) < size:
        raise Refused("became shorter while it was being trained")
    return data


class _Hashed:
    """The first ``size`` bytes of a file, hashed as they are read; ``check`` is called for each piece."""

    def __init__(self, file: Opened, size: int, fingerprint: Fingerprint | None, check: _Check) -> None:
        self.position = 0
        self._file = file
        self._size = size
        self._fingerprint = fingerprint
        self._check = check

    def read(self, size: int, /) -> bytes:
        if self.position == self._size:
            return b""
        data = self._file.read(min(size, self._size - self.position))
        self._check()
        if self._fingerprint:
            self._fingerprint.update(data)
        self.position += len(data)
        return data


def outdated(reason: str, *, encoding: str, max_bad_ratio: float, wanted: Recipe = ANY) -> bool:
    """Return whether a refusal may be out of date, because a setting has changed or the disk may work again."""
    if reason.startswith(CANNOT_READ):
        # A change of permissions changes the ctime of a file, so only failures of the disk are retried.
        return reason.removeprefix(CANNOT_READ) not in map(os.strerror, (errno.EACCES, errno.EPERM, errno.ELOOP))
    if reason.startswith(_SPARSE):
        return not reason.endswith(limit(max_bad_ratio))
    if reason == ZSTD_EXTRA:
        return True  # it may be installed by now
    if reason.startswith(detect.NO_COLUMN):
        field = reason.removeprefix(detect.NO_COLUMN).removesuffix(detect.SEE_FIELD)
        return wanted.format not in ("auto", "csv") or field not in wanted.fields
    return reason.startswith(NOT_TEXT) and text_otherwise(reason, encoding, max_bad_ratio)
