"""What a gzip file holds, member after member.

The standard library's reads headers and padding byte by byte, and so could be kept busy for hours.
"""

from __future__ import annotations

import zlib
from typing import Protocol

GZIP = b"\x1f\x8b"
_PACKED = 1 << 14  # bytes read at a time; what follows a member is copied, and members may be tiny


class Readable(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to so many bytes, none only at the end."""


class NotGzip(Exception):  # noqa: N818 - it says what follows the last member
    """After a member comes something that is neither another one nor padding."""


class Unpacked:
    """The text of a gzip file; NULs may follow each member.

    Args:
        file: The file, at its beginning.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._member = zlib.decompressobj(wbits=31)
        self._rest = b""  # read, and not unpacked

    def read(self, size: int, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end.

        Raises:
            EOFError: If a member is cut short.
            NotGzip: If one is followed by something else.
            zlib.error: If one is damaged.
        """
        pieces = []
        while size and (piece := self._some(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _some(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none only at the end."""
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
        """Begin the next member, if there is one."""
        rest = self._rest.lstrip(b"\0")
        while not rest and (packed := self._file.read(_PACKED)):
            rest = packed.lstrip(b"\0")
        if rest:
            if not GZIP.startswith(rest[:2]):
                raise NotGzip
            self._member = zlib.decompressobj(wbits=31)
        self._rest = rest
        return bool(rest)
