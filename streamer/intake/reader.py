"""One file → its blocks of text: opened safely, judged once, read from any position on.

Positions are in text bytes: the bytes of the file, after decompression if it is gzip. No file is held in memory as a
whole. None is mapped into memory either: a mapped file that shrinks kills the process.
"""

from __future__ import annotations

import codecs
import errno
import functools
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from streamer.intake.gzipped import GZIP, NotGzip, Readable, Unpacked
from streamer.intake.ledger import Signature, Verdict
from streamer.system import disk

PIECE = 1 << 20
BOMB_BYTES = 10_000_000
BOMB_RATIO = 1000  # far above the ratio of any text
DEFLATE_RATIO = 1032  # deflate cannot pack more bytes into one

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}
_MARKS = (  # UTF-32 before UTF-16: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WITHOUT_MARK = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
_WIDTHS = {"utf-16-le": 2, "utf-16-be": 2, "utf-32-le": 4, "utf-32-be": 4}
_NOT_TEXT = "not text in "
_BY_MARK = " by its byte-order mark"
_ADVICE = "; see --encoding"
_CANNOT_READ = "cannot be read: "
_SPARSE = "sparse: "
_ASCII_INSIDE = ("utf-8", "ascii", "iso8859", "cp125")  # codecs in which ASCII bytes are always those characters


_Check = Callable[[], None]  # called between pieces; may raise to stop


class Refused(Exception):  # noqa: N818 - it is an outcome of the file, not an error of ours
    """A file, or the rest of it, can't be trained; the message is the reason that ``files`` shows."""


class Block(NamedTuple):
    """A piece of a file: its text bytes from ``start`` to ``stop``, decoded, with newlines as line ends."""

    start: int
    stop: int
    text: str


def not_regular(mode: int) -> str | None:
    """Return why something with this ``st_mode`` is not read, or None for a regular file."""
    kind = stat.S_IFMT(mode)
    return None if kind == stat.S_IFREG else f"{_KINDS.get(kind, 'a special thing')}, not a regular file"


def open_regular(path: str | Path) -> BinaryIO:
    """Open a file for reading, but only a regular one: a FIFO would block, a device might never end.

    Raises Refused with the reason, or FileNotFoundError if it is gone.
    """
    try:
        _refuse_special(disk.look(path).st_mode)
        descriptor = disk.open_descriptor(path, _FLAGS, "input.open")
        try:
            _refuse_special(os.fstat(descriptor).st_mode)
            # open() would make one more system call, to ask whether it is a terminal.
            return io.BufferedReader(disk.Reading(descriptor, "input.read"))
        except BaseException:
            os.close(descriptor)
            raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from error
    except OSError as error:
        raise Refused(f"{_CANNOT_READ}{error.strerror or error}") from error


def _refuse_special(mode: int) -> None:
    if reason := not_regular(mode):
        raise Refused(reason)


def judge(
    file: BinaryIO,
    *,
    encoding: str,
    max_bad_ratio: float,
    previous: tuple[int, bytes] | None = None,
    check: _Check = lambda: None,
) -> Verdict:
    """Read a whole file once: hash it, decompress it, and judge whether it is text.

    ``previous`` is the size and SHA-256 of an earlier version. ``check`` is called between pieces and may raise to
    stop. Only the bytes that the file has at the start count; what is added meanwhile is for the next time. If it is
    certain that a file is not text, it is not read to its end, unless it is as long as its earlier version.
    Raises Refused if it became shorter, cannot be read, or has too many holes.
    """
    signature = Signature.of(status := os.fstat(file.fileno()))
    known = previous is not None and previous[0] == signature.size  # perhaps only touched since it was trained
    if not known:
        _refuse_sparse(file.fileno(), status, max_bad_ratio, check)
    packed = _is_gzip(file)
    most = signature.size * (DEFLATE_RATIO if packed else 1)  # a byte is no more than one character
    raw = _Hashed(file, signature.size, previous, check)
    census, text_bytes = None, 0
    try:
        stream: Readable = Unpacked(raw) if packed else raw
        while piece := _read(stream, PIECE):
            if census and not known and census.hopeless(max_bad_ratio, most):
                return Verdict(signature, bytes(32), 0, census.refusal(max_bad_ratio))
            census = census or _Census(_Codec.of(piece[:4], encoding))
            census.add(piece)
            text_bytes += len(piece)
            if packed and text_bytes > max(BOMB_BYTES, BOMB_RATIO * raw.position):
                raise Refused(f"gzip bomb: it unpacks to more than {BOMB_RATIO} times its size")
        reason = census.refusal(max_bad_ratio) if census else "empty"
    except Refused as refusal:
        if str(refusal).startswith(_CANNOT_READ):
            raise  # a read that fails skips bytes, so what follows says nothing about the file
        reason, text_bytes = str(refusal), 0
        while _read(raw, PIECE):  # the hash must cover the whole file
            pass
    if raw.position < signature.size:
        raise Refused("became shorter while it was being read")
    return Verdict(signature, raw.digest(), text_bytes, reason, raw.prefix_matches)


def _refuse_sparse(descriptor: int, status: os.stat_result, max_bad_ratio: float, check: _Check) -> None:
    """Refuse a file with more holes than text may have NULs: holes are read as NULs, and 1 TB of them fits any disk."""
    size, before = status.st_size, os.lseek(descriptor, 0, os.SEEK_CUR)
    holes, stop = 0, 0 if status.st_blocks * 512 < size else size
    try:
        while stop < size and holes <= max_bad_ratio * size:
            check()
            start = os.lseek(descriptor, stop, os.SEEK_HOLE)
            holes += size - start  # right if no data follows: then the next call fails with ENXIO
            stop = os.lseek(descriptor, start, os.SEEK_DATA)
            holes -= size - stop
    except OSError as error:
        holes *= error.errno == errno.ENXIO  # any other error: this file system does not report holes
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)
    if holes > max_bad_ratio * size:
        raise Refused(f"{_SPARSE}{100 * holes / size:.3g} % of its bytes are holes {_limit(max_bad_ratio)}")


def blocks(
    file: BinaryIO, *, start: int, stop: int, encoding: str, size: int = PIECE, check: _Check = lambda: None
) -> Iterator[Block]:
    """Yield the text from one position to another in blocks of at most ``size`` bytes.

    A block ends after its last blank line if it has one, else after a line, else after a word, else between two
    characters. Its end depends only on its start, on the bytes after the start and on ``stop``. So a run that resumes
    at any cut makes the same blocks. ``check`` is called while a compressed file is unpacked up to ``start``. Raises
    Refused if the file ends early or cannot be read any more.
    """
    packed = _is_gzip(file)
    codec = _Codec.of(_read(Unpacked(file) if packed else file, 4), encoding)
    file.seek(0 if packed else start)
    stream, size = Unpacked(file) if packed else file, max(size, 16)  # no encoding has a longer character
    for skipped in range(0, start if packed else 0, PIECE):
        check()
        _read(stream, min(PIECE, start - skipped), exactly=True)
    data = b""
    while start < stop:
        wanted = min(size, stop - start)
        data += _read(stream, wanted - len(data), exactly=True)
        cut = wanted if start + wanted == stop else codec.cut(data, start)
        yield Block(start, start + cut, codec.decode(data[:cut], start))
        start, data = start + cut, data[cut:]


def beginning(file: BinaryIO, text_bytes: int, encoding: str, size: int) -> str:
    """Return the text of the first ``size`` bytes or fewer of a file that has ``text_bytes``.

    Raises Refused as :func:`blocks` does.
    """
    return next(blocks(file, start=0, stop=min(size, text_bytes), encoding=encoding)).text


def _is_gzip(file: BinaryIO) -> bool:
    """Return whether the file is gzip, by its first bytes and not by its name; rewind it."""
    file.seek(0)
    magic = _read(file, len(GZIP))
    file.seek(0)
    return magic == GZIP


def _read(stream: Readable, size: int, *, exactly: bool = False) -> bytes:
    """Read up to ``size`` bytes, fewer only at the end; turn every error into Refused."""
    try:
        data = stream.read(size)
    except EOFError as error:
        raise Refused("gzip: truncated") from error
    except NotGzip as error:
        raise Refused("gzip: followed by other data") from error
    except zlib.error as error:
        raise Refused(f"gzip: damaged ({str(error).rpartition(': ')[2]})") from error
    except OSError as error:
        raise Refused(f"{_CANNOT_READ}{error.strerror or error}") from error
    if exactly and len(data) < size:
        raise Refused("became shorter while it was being trained")
    return data


class _Hashed:
    """The first ``size`` bytes of a file, hashed as they are read; ``check`` is called for each piece."""

    def __init__(self, file: BinaryIO, size: int, previous: tuple[int, bytes] | None, check: _Check) -> None:
        self.position = 0
        self.prefix_matches = False
        self._file = file
        self._size = size
        self._previous = previous
        self._check = check
        self._hash = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        if self.position == self._size:
            return b""
        data = self._file.read(min(size, self._size - self.position))
        self._check()
        after = self.position + len(data)
        if self._previous and self.position < self._previous[0] <= after:
            prefix = self._hash.copy()
            prefix.update(memoryview(data)[: self._previous[0] - self.position])
            self.prefix_matches = prefix.digest() == self._previous[1]
        self._hash.update(data)
        self.position = after
        return data

    def digest(self) -> bytes:
        return self._hash.digest()


class _Codec(NamedTuple):
    """How bytes become text: the codec's name, the length of the byte-order mark, the bytes per code unit."""

    name: str
    mark: int
    width: int

    @classmethod
    def of(cls, head: bytes, encoding: str) -> _Codec:
        for mark, name in _MARKS:
            if head.startswith(mark):
                return cls(name, len(mark), _WIDTHS.get(name, 1))
        return cls._named(encoding)

    @classmethod
    @functools.cache
    def _named(cls, encoding: str) -> _Codec:
        known = codecs.lookup(encoding).name
        name = _WITHOUT_MARK.get(known, known)
        return cls(name, 0, _WIDTHS.get(name, 1))

    def decode(self, data: bytes, start: int) -> str:
        # start is within a code unit only if the file grew by half of one.
        text = data[max(self.mark - start, -start % self.width) :].decode(self.name, "replace")
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    def cut(self, data: bytes, start: int) -> int:
        """Return how many bytes of a full window at ``start`` make a block."""
        for ends in (("\n\n", "\n\r\n"), ("\n",), (" ", "\t")):
            if cut := max(self._after_last(data, end.encode(self.name), start) for end in ends):
                return cut
        decoder = _decoder(self.name)
        decoder.decode(data[-start % self.width :])
        cut = len(data) - len(decoder.getstate()[0])
        if data[:cut].endswith("\r".encode(self.name)):  # it may be half of a line end
            cut -= self.width
        return cut or len(data)

    def _after_last(self, data: bytes, mark: bytes, start: int) -> int:
        at = data.rfind(mark)
        while at >= 0 and (start + at) % self.width:  # a match across two code units
            at = data.rfind(mark, 0, at + len(mark) - 1)
        return at + len(mark) if at >= 0 else 0


_incremental = functools.cache(codecs.getincrementaldecoder)


def _decoder(codec: str) -> codecs.IncrementalDecoder:
    return _incremental(codec)("replace")


class _Census:
    """Counts the characters of a text, and the bad ones among them: those that can't be decoded, and NULs."""

    def __init__(self, codec: _Codec) -> None:
        self._name = codec.name
        self._known_by = _BY_MARK if codec.mark else ""
        self._plain = codec.name.startswith(_ASCII_INSIDE)
        self._decoder = _decoder(codec.name)
        self._tail = b""
        self._characters, self._bad = (-1 if codec.mark else 0), 0

    def add(self, piece: bytes) -> None:
        if self._plain and piece.isascii() and not self._decoder.getstate()[0]:
            self._characters += len(piece)
            self._bad += piece.count(0)
        else:
            self._count(self._decoder.decode(piece), piece)
        self._tail = piece[-8:]

    def _count(self, text: str, piece: bytes) -> None:
        replaced = text.count("\ufffd")
        if replaced and (genuine := "\ufffd".encode(self._name, "ignore")):
            # The text may contain this character itself, which is not a failure.
            joined = self._tail[1 - len(genuine) :] + piece
            replaced = max(0, replaced - joined.count(genuine))
        self._characters += len(text)
        self._bad += replaced + text.count("\0")

    def hopeless(self, max_bad_ratio: float, most: int) -> bool:
        """Return whether the share of bad ones is too high even if there are ``most`` characters in all."""
        return self._bad > max_bad_ratio * most

    def refusal(self, max_bad_ratio: float) -> str | None:
        """Return why this is not text, or None."""
        self._count(self._decoder.decode(b"", True), b"")
        if self._characters <= 0:
            return "empty"
        if (share := self._bad / self._characters) <= max_bad_ratio:
            return None
        found = f"{100 * share:.3g} % of its characters can't be decoded"
        return f"{_NOT_TEXT}{self._name}{self._known_by}: {found} {_limit(max_bad_ratio)}{_ADVICE}"


def outdated(reason: str, *, encoding: str, max_bad_ratio: float) -> bool:
    """Return whether a refusal may be out of date, because a setting has changed or the disk may work again."""
    if reason.startswith(_CANNOT_READ):
        # A change of permissions changes the ctime of a file, so only failures of the disk are retried.
        return reason.removeprefix(_CANNOT_READ) not in map(os.strerror, (errno.EACCES, errno.EPERM, errno.ELOOP))
    if reason.startswith(_SPARSE):
        return not reason.endswith(_limit(max_bad_ratio))
    if not reason.startswith(_NOT_TEXT):
        return False
    codec = reason.removeprefix(_NOT_TEXT).split(":")[0]
    same = codec.endswith(_BY_MARK) or codec == _Codec.of(b"", encoding).name
    return not (same and reason.endswith(_limit(max_bad_ratio) + _ADVICE))


def _limit(max_bad_ratio: float) -> str:
    return f"(limit {100 * max_bad_ratio:.3g} %)"
