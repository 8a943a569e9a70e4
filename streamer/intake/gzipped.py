"""Decompress a gzip file, member after member.

The standard library reads headers and padding byte by byte, so a malicious file could keep it busy for hours.
"""

from __future__ import annotations

import zlib
from typing import Protocol

GZIP = b"\x1f\x8b"
_PACKED = 1 << 14  # bytes read at a time; few, because the bytes after a member are copied, and members may be tiny


class Readable(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; no bytes only at the end."""


class NotGzip(Exception):  # noqa: N818 - it says what follows the last member
    """A member is followed by something that is neither another member nor padding."""


class Unpacked:
    """The text of a gzip file; NULs may follow each member.

    Args:
        file: The file, at its beginning.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._member = zlib.decompressobj(wbits=31)
        self._rest = b""  # read, but not unpacked yet

    def read(self, size: int, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end.

        Raises:
            EOFError: If a member is cut short.
            NotGzip: If a member is followed by other data.
            zlib.error: If a member is damaged.
        """
        pieces = []
        while size and (piece := self._some(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _some(self, size: int) -> bytes:
        """Return up to ``size`` bytes; no bytes only at the end."""
        while not self._member.eof or self._next():
            packed = self._rest or self._file.read(_PACKED)
            data = self._member.decompress(packed, size)
            self._rest = self._member.unconsumed_tail or self._member.unused_data
            if data:
                return data
            if not packed and not self._member.eof:
                raise EOFError
        return b""

    def _next(self) -> bool:
        """Begin the next member; return False if there is none."""
        rest = self._rest.lstrip(b"\0")
        while not rest and (packed := self._file.read(_PACKED)):
            rest = packed.lstrip(b"\0")
        if rest:
            if not GZIP.startswith(rest[:2]):
                raise NotGzip
            self._member = zlib.decompressobj(wbits=31)
        self._rest = rest
        return bool(rest)
