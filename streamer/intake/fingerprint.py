"""The digest of a text, and of its beginnings: whether it, or what it begins with, was trained before.

A text is found by the digest of its first 8, 32, 128 … bytes, the most of these that fit into it. So the texts that are
compared with a new one have at least a quarter in common with it, and there are few.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable

HEADS = tuple(8 * 4**level for level in range(9))
"""Lengths of the beginnings that make keys, in bytes; the longest is half a MiB."""

WIDEST = 4
"""Bytes of a line end in UTF-32: in little-endian encodings, it ends with NULs."""


class Fingerprint:
    """SHA-256 of bytes that come in pieces, and of those of their beginnings that are asked for.

    Args:
        lengths: Lengths of beginnings, in bytes.
        by_head: Returns more such lengths, for the key of a beginning.

    Attributes:
        length: Bytes so far.
        heads: The keys of the beginnings, the longest last.
        prefixes: The digests that were asked for, by length.
        line_ends: The lengths among them at which a line ends.
    """

    def __init__(self, lengths: Iterable[int] = (), by_head: Callable[[int], Iterable[int]] | None = None) -> None:
        self._hash = hashlib.sha256()
        self._by_head = by_head
        self._wanted = set(lengths)
        heads = HEADS if by_head else ()
        self._stops = sorted({*self._wanted, *heads}) if self._wanted else list(heads)  # sorted, so a heap
        self.length = 0
        self.heads: list[int] = []
        self.prefixes: dict[int, bytes] = {}
        self.line_ends: set[int] = set()

    def update(self, piece: bytes) -> None:
        """Add the next bytes."""
        done, end, view = 0, self.length + len(piece), memoryview(piece)
        while self._stops and self._stops[0] <= end:
            stop = heapq.heappop(self._stops)
            if stop <= self.length + done and stop in self.prefixes:
                continue
            self._hash.update(view[done : stop - self.length])
            done = stop - self.length
            digest = self._hash.digest()
            if self._by_head and stop in HEADS[len(self.heads) : len(self.heads) + 1]:
                self._look_up(digest, stop)
            if stop in self._wanted:
                self.prefixes[stop] = digest
                if piece[max(done - WIDEST, 0) : done].rstrip(b"\0").endswith((b"\n", b"\r")):
                    self.line_ends.add(stop)
        self._hash.update(view[done:])
        self.length = end

    def _look_up(self, digest: bytes, stop: int) -> None:
        assert self._by_head is not None
        self.heads.append(key := key_of(digest))
        for length in self._by_head(key):
            if length >= stop and length not in self._wanted:
                self._wanted.add(length)
                if length > stop:
                    heapq.heappush(self._stops, length)

    def digest(self) -> bytes:
        """Return the digest of all bytes."""
        return self._hash.digest()


def key_of(digest: bytes) -> int:
    """Return the key of a digest: its first 32 bits, and never 0."""
    return int.from_bytes(digest[:4]) or 1
