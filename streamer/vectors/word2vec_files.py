"""Read published vectors: files of word2vec, text and binary, of GloVe and fastText (``.vec``), gzipped or not.

The format is recognised from the content. A header is not trusted before its rows have been read, so a false header
can't claim memory.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError
from streamer.vectors import pickles

Floats = npt.NDArray[np.float32]

_BLOCK = 2**20  # bytes read at once
_LONGEST_LINE = 2**22
_LONGEST_WORD = 2**16
_LARGEST_VECTOR = 100_000
_LOOKED_AT = 100  # lines that show the number of dimensions if there is no header

_HEADER = re.compile(rb"\s*(\d{1,15})\s+(\d{1,15})\s*")
_BLANK_LINES = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t\r]*\n)*")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True)
class FileVectors:
    """The content of a file.

    Attributes:
        words: V distinct words, in the order of the file.
        vectors: Their vectors, (V, D) float32, all finite.
        duplicates: Number of rows left out because their word is repeated.
        undecodable: Number of rows left out because their word is not UTF-8.

    """

    words: list[str]
    vectors: Floats
    duplicates: int
    undecodable: int


class _Malformed(Exception):  # noqa: N818 - never leaves this module
    """What is wrong with a file, as a clause; and what to do about it, if there is something."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.hint = hint


def read_word2vec_format(
    path: str | Path,
    limit: int | None = None,
    binary: bool | None = None,
    check: Callable[[], None] = lambda: None,
) -> FileVectors:
    """Read words and vectors of a file in word2vec's text or binary format, or in GloVe's.

    In text, everything before the last D numbers of a line is the word; it may have spaces.

    Args:
        path: The file.
        limit: Read only the first ``limit`` rows.
        binary: Whether it is binary; None to recognise it from the content.
        check: Called now and then; may raise to stop.

    Raises:
        StreamerError: 66, if it can't be read, has none of these formats, has more or fewer rows than its header says,
            has a row of another length or a number that is not finite, or is a pickle; 2, if ``limit`` is below 1.

    """
    if limit is not None and limit < 1:
        raise StreamerError(f"limit must be at least 1, not {limit}")
    hint = ""
    try:
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
            # The length of a pipe is not known.
            room = status.st_size if stat.S_ISREG(status.st_mode) else None
            if file.peek(2)[:2] != b"\x1f\x8b":
                return _read(file, path, room, limit, binary, check)
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(unpacked, path, room, limit, binary, check)
    except _Malformed as error:
        reason, hint = str(error), error.hint
    except (EOFError, zlib.error, gzip.BadGzipFile):
        reason = "its gzip stream is damaged or incomplete"
    except OSError as error:
        reason = error.strerror or str(error)
    raise StreamerError(f"cannot read vectors from {path}: {reason}", hint=hint, code=ExitCode.NO_INPUT)


def _read(
    file: io.BufferedIOBase,
    path: str | Path,
    room: int | None,
    limit: int | None,
    binary: bool | None,
    check: Callable[[], None],
) -> FileVectors:
    """Read an open file, which has ``room`` bytes on disk."""
    head = b""
    while len(head) < _BLOCK and (more := file.read(_BLOCK)):
        head += more
    if told := pickles.told(head, path):
        raise _Malformed(*told)
    blank = _BLANK_LINES.match(head)
    assert blank is not None
    number, body = blank[0].count(b"\n") + 1, head[blank.end() :]
    if not body.strip():
        raise _Malformed("it is empty")
    first, _, rest = body.partition(b"\n")
    header = _HEADER.fullmatch(first)
    if header is None:
        if binary:
            raise _Malformed("it does not begin with the numbers of words and dimensions")
        return _read_text(file, body, number, _Table(_size(body), None, room, limit, check))
    table = _Table(int(header[2]), int(header[1]), room, limit, check)
    if _is_binary(rest, table.size) if binary is None else binary:
        return _read_binary(file, rest, table)
    return _read_text(file, rest, number + 1, table)


class _Table:
    """The rows read so far.

    Args:
        size: The number of dimensions, D.
        said: The number of rows that the header says, None without a header.
        room: The size of the file in bytes, None if it is not known.
        limit: How many rows to read at most, None for all.
        check: Called before rows are added.

    """

    def __init__(
        self, size: int, said: int | None, room: int | None, limit: int | None, check: Callable[[], None]
    ) -> None:
        if not 1 <= size <= _LARGEST_VECTOR:
            raise _Malformed(f"its vectors have {size:,} dimensions, not 1 to {_LARGEST_VECTOR:,}")
        self.size, self.said, self.limit, self._check = size, said, limit, check
        self.rows = 0
        self.words: dict[str, int] = {}
        self.duplicates = self.undecodable = 0
        # Memory for as many rows as the header says, but at most one number for each byte of the file; then it grows.
        likely = (room if said is not None and room else _BLOCK) // size + 1
        rows = min(number for number in (likely, said, limit) if number is not None)
        self.vectors: Floats = np.empty((rows, size), dtype=np.float32)

    @property
    def wanted(self) -> int | None:
        """The number of rows to read, None if it is not known."""
        return min((number for number in (self.said, self.limit) if number is not None), default=None)

    def add(self, words: list[bytes], vectors: Floats) -> None:
        """Add rows, except those whose word is not UTF-8 or is repeated."""
        self._check()
        before = len(self.words)
        kept: list[int] = []
        for row, raw in enumerate(words):
            try:
                word = raw.decode("utf-8")
            except UnicodeDecodeError:
                self.undecodable += 1
                continue
            if self.words.setdefault(word, before + len(kept)) == before + len(kept):
                kept.append(row)
            else:
                self.duplicates += 1
        after = len(self.words)
        if after > len(self.vectors):
            self._resize(max(after, len(self.vectors) * 5 // 4))
        self.vectors[before:after] = vectors if len(kept) == len(words) else vectors[kept]
        self.rows += len(words)

    def finished(self, more: bool) -> FileVectors:
        """Return what was read; ``more`` says whether the file has more rows."""
        if self.said is not None and self.said == self.wanted and (more or self.rows < self.said):
            has = "more" if more else f"{self.rows:,}"
            raise _Malformed(f"its header says {self.said:,} vectors, but it has {has}")
        if not self.words:
            raise _Malformed("it has no vectors")
        self._resize(len(self.words))
        return FileVectors(list(self.words), self.vectors, self.duplicates, self.undecodable)

    def _resize(self, rows: int) -> None:
        # In place: the system moves pages, and no row is in memory twice.
        if rows != len(self.vectors):
            self.vectors.resize((rows, self.size), refcheck=False)


def _read_text(file: io.BufferedIOBase, data: bytes, number: int, table: _Table) -> FileVectors:
    """Read lines; ``data`` is the text at the beginning, and ``number`` the number of the first line."""
    for lines in _lines(file, data):
        words, numbers, places = [], [], []
        for place, line in enumerate(lines, number):
            stripped = line.rstrip()
            if not stripped:
                continue
            word, _, rest = stripped.partition(b" ")
            if stripped.count(b" ") != table.size:
                word, rest = _split(stripped, table.size, place)
            words.append(word)
            numbers.append(rest)
            places.append(place)
        number += len(lines)
        left = len(words) if table.wanted is None else table.wanted - table.rows
        if words and left:
            rows = _parse(numbers[:left], places, table.size)
            _check_finite(rows, places, "line")
            table.add(words[:left], rows)
        if len(words) > left or table.rows == table.limit:
            return table.finished(more=len(words) > left)
    return table.finished(more=False)


def _lines(file: io.BufferedIOBase, data: bytes) -> Iterator[list[bytes]]:
    """Yield all lines without their ends, in lists of those that are read at once."""
    while True:
        *lines, data = data.split(b"\n")
        yield lines
        if len(data) > _LONGEST_LINE:
            raise _Malformed(f"it has a line of more than {_LONGEST_LINE:,} bytes")
        more = file.read(_BLOCK)
        if not more:
            yield [data]
            return
        data += more


def _split(line: bytes, size: int, place: int) -> tuple[bytes, bytes]:
    """Return the word of a line, which may have spaces, and its numbers, separated by single spaces."""
    fields = line.rsplit(None, size)
    if len(fields) == size and line[:1].isspace():
        fields.insert(0, b"")  # so gensim writes the vector of the empty word
    if len(fields) <= size:
        raise _Malformed(f"line {place} has {len(fields) - 1} numbers, not {size}")
    word = fields[0].strip()
    parts = word.split()
    if len(parts) > 1 and _is_number(parts[-1]):
        raise _Malformed(f"line {place} has more than {size} numbers")
    return word, b" ".join(fields[1:])


def _parse(numbers: list[bytes], places: list[int], size: int) -> Floats:
    """Return the numbers of some lines, (n, D)."""
    # Measured: twice as fast as float() of each; and it accepts only numbers.
    try:
        return np.loadtxt(numbers, dtype=np.float32, delimiter=" ", comments=None, ndmin=2)
    except ValueError:
        if len(numbers) == 1:
            raise _Malformed(f"line {places[0]} is not a word and {size} numbers") from None
    for row, place in zip(numbers, places, strict=False):
        _parse([row], [place], size)
    raise _Malformed(f"lines {places[0]} to {places[-1]} are not words and {size} numbers")


def _check_finite(rows: Floats, places: list[int], what: str) -> None:
    finite = np.isfinite(rows)
    if not finite.all():
        place = places[int(np.flatnonzero(~finite.all(axis=1))[0])]
        raise _Malformed(f"{what} {place} has a number that is not finite")


def _read_binary(file: io.BufferedIOBase, data: bytes, table: _Table) -> FileVectors:
    """Read words and float32s; ``data`` is the beginning. The C program writes line feeds before words: skip them."""
    width, wanted = 4 * table.size, table.wanted or 0
    while table.rows < wanted:
        words: list[bytes] = []
        rows: list[bytes] = []
        start = 0
        while table.rows + len(words) < wanted:
            space = data.find(b" ", start)
            if (space if space >= 0 else len(data)) - start > _LONGEST_WORD:
                raise _Malformed(f"row {table.rows + len(words) + 1} has no word")
            stop = space + 1 + width
            if space < 0 or stop > len(data):
                break
            words.append(data[start:space].lstrip(b"\n"))
            rows.append(data[space + 1 : stop])
            start = stop
        data = data[start:]
        if words:
            vectors = np.frombuffer(b"".join(rows), dtype="<f4").reshape(-1, table.size)
            _check_finite(vectors, list(range(table.rows + 1, table.rows + 1 + len(words))), "row")
            table.add(words, vectors)
        elif more := file.read(_BLOCK):
            data += more
        else:
            raise _Malformed(f"it ends within row {table.rows + 1:,} of {table.said:,}")
    return table.finished(more=bool((data + file.read(_BLOCK)).strip()))


def _size(body: bytes) -> int:
    """Return how many numbers follow the word in most of the first lines; if two are equally frequent, the smaller."""
    lines = body.split(b"\n", _LOOKED_AT)
    whole = [line for line in lines[:_LOOKED_AT] if line.strip()]
    if len(lines) <= _LOOKED_AT and len(body) >= _BLOCK and len(whole) > 1:
        whole.pop()  # the block may end in the middle of it
    sizes = Counter(len(line.split()) - 1 for line in whole)
    size = min(sizes, key=lambda size: (-sizes[size], size))
    if size < 1:
        raise _Malformed("its lines are not words and numbers")
    return size


def _is_binary(rest: bytes, size: int) -> bool:
    """Return whether the bytes after a header look like float32s and not like a line of numbers."""
    line = rest.lstrip(b"\r\n").partition(b"\n")[0]
    fields = line.split()
    if len(fields) > 1 and all(map(_is_number, fields[1:] if len(fields) <= size else fields[-size:])):
        return False
    # Here the line has more than numbers. It is practically impossible that eight or more float32s look like text:
    # the bytes of their exponents are not letters.
    return size < 8 or bool(_CONTROL.search(line)) or not _is_utf8(line)


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
