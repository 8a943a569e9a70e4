"""A text as a stream that comes in pieces of any size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Iterator

from streamer.formats.dates import DateReader
from streamer.formats.records import Record, Stream

MiB = 1 << 20


class Pieces:
    """Bytes as a stream.

    Args:
        data: The bytes, or pieces of them.
        size: Bytes that come at a time, of bytes.
        start: The position from which on text is wanted.
    """

    def __init__(self, data: bytes | Iterable[bytes], size: int = 1 << 18, start: int = 0) -> None:
        self._wanted = start
        self._read = 0
        self._pieces = self._cut(data, size) if isinstance(data, bytes) else iter(data)

    @staticmethod
    def _cut(data: bytes, size: int) -> Iterator[bytes]:
        yield from (data[at : at + size] for at in range(0, len(data), size))

    @property
    def start(self) -> int | None:
        """The position, once it was read."""
        return self._wanted if self._read >= self._wanted else None

    def read(self) -> bytes:
        """Return the next piece."""
        piece = next(self._pieces, b"")
        self._read += len(piece)
        return piece

    def rounded(self, position: int) -> int:
        """Return the position."""
        return position


Scanner = Callable[[Stream], Iterator[Record]]


def scanned(scanner: Scanner, data: bytes) -> list[Record]:
    """Return the records of a text, after checking that they are the same however it comes, and lie in order."""
    found = list(scanner(Pieces(data)))
    for size in (1, 7, 100):
        if len(data) < 20_000 * size:
            assert list(scanner(Pieces(data, size))) == found, size
    at = 0
    for record in found:
        assert at <= record.end <= record.stop <= len(data)
        at = record.stop
    return found


def texts(scanner: Scanner, data: bytes) -> list[str]:
    """Return the texts of the records that have one."""
    return [record.text for record in scanned(scanner, data) if record.text]


def skipped(records: Iterable[Record]) -> int:
    """Return how many records were skipped."""
    return sum(record.skipped for record in records)


def memory(scanner: Scanner, pieces: Iterable[bytes]) -> tuple[int, int]:
    """Return the most bytes that a scan took, and how many records it skipped."""
    tracemalloc.start()
    try:
        count = skipped(scanner(Pieces(pieces)))
        return tracemalloc.get_traced_memory()[1], count
    finally:
        tracemalloc.stop()


def dates(records: Iterable[Record]) -> list[float | None]:
    """Return the dates of records, in seconds since 1970."""
    return [None if record.date is None else DateReader().newest([record.date]) for record in records]
