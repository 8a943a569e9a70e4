"""Unpack a compressed file, member after member: gzip, bzip2, xz and zstd, known by their first bytes.

All of them give no more text at a time than was asked for, so that a bomb takes no more memory than a text. The readers
of the standard library read headers and padding byte by byte: a malicious file could keep them busy for hours.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable
from typing import NamedTuple, Protocol

try:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
except ImportError:
    zstd = None  # type: ignore[assignment] # an extra

MEMORY = 128 << 20
"""Most bytes that unpacking may need beside the text: ``xz -9`` needs 65 MiB, ``zstd --ultra --long`` 128 MiB."""
BOMB_BYTES = 10_000_000
BOMB_RATIO = 1000  # far above the ratio of any text
ZSTD_EXTRA = "zstd: pip install 'streamer-embeddings[zst]'"

_PACKED = 1 << 14  # bytes read at a time; few, because the bytes after a member are copied, and members may be tiny
_TOO_MUCH_MEMORY = ("Memory usage limit", "requires too much memory")  # xz, zstd


_ERRORS: tuple[type[Exception], ...] = (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError)
if zstd is not None:
    _ERRORS += (zstd.ZstdError,)


class Readable(Protocol):
    """Anything that bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; no bytes only at the end."""


class BadPacking(Exception):  # noqa: N818 - it is an outcome of the file, not an error of ours
    """A packed file can't be unpacked; the message is the reason that ``files`` shows."""


class _Member(Protocol):
    """What unpacks one member, as in :mod:`bz2` and :mod:`lzma`."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class Packing(NamedTuple):
    """A way to compress files.

    Attributes:
        name: What reasons call it.
        magic: The first bytes of each member.
        ratio: How many bytes of text are in a byte at most, as far as a file is read; see :data:`BOMB_RATIO`.
        member: Returns what unpacks a member.
    """

    name: str
    magic: bytes
    ratio: int
    member: Callable[[], _Member]

    @property
    def bomb(self) -> str:
        """Return why a bomb is refused."""
        return f"{self.name} bomb: it unpacks to more than {BOMB_RATIO} times its size"

    def most(self, size: int) -> int:
        """Return how many bytes of text a file of ``size`` bytes has at most, if it is no bomb."""
        return size * self.ratio if self.ratio > BOMB_RATIO else max(BOMB_BYTES, BOMB_RATIO * size)


class _Deflated:
    """A member of a gzip file, as :mod:`bz2` would have it."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        return not self._member.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._member.decompress(self._member.unconsumed_tail + data, max_length)


def _xz() -> _Member:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)


def _zstd() -> _Member:
    if zstd is None:
        raise BadPacking(ZSTD_EXTRA)
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: MEMORY.bit_length() - 1})


PACKINGS = (
    Packing("gzip", b"\x1f\x8b", 1032, _Deflated),  # deflate cannot pack more bytes into one
    Packing("bzip2", b"BZh", BOMB_RATIO, bz2.BZ2Decompressor),
    Packing("xz", b"\xfd7zXZ\0", BOMB_RATIO, _xz),
    Packing("zstd", b"\x28\xb5\x2f\xfd", BOMB_RATIO, _zstd),
)
MAGIC = 16
"""Bytes at the beginning of a file that :func:`packing_of` looks at."""


def packing_of(head: bytes) -> Packing | None:
    """Return how a file is packed, by its first :data:`MAGIC` bytes and not by its name; None if it is not."""
    if not head.startswith(_MAGICS):
        return None  # almost every file
    found = next((packing for packing in PACKINGS if head.startswith(packing.magic)), None)
    # A text may begin with "BZh": bzip2 has a digit and then a fixed number there.
    if found and found.name == "bzip2" and head[3:10] not in _BZIP2:
        return None
    return found


_MAGICS = tuple(packing.magic for packing in PACKINGS)
_BZIP2 = frozenset(
    b"%d%b" % (level, mark) for level in range(1, 10) for mark in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
)


class Unpacked:
    """The text of a packed file; NULs may follow each member.

    Args:
        file: The file, at its beginning.
        packing: How it is packed.
    """

    def __init__(self, file: Readable, packing: Packing) -> None:
        self._file = file
        self._packing = packing
        self._member = packing.member()
        self._rest = b""  # read, but not given to a member yet

    def read(self, size: int, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end.

        Raises:
            BadPacking: If a member is cut short or damaged, is followed by other data, or needs too much memory.
        """
        pieces = []
        while size and (piece := self._some(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def _some(self, size: int) -> bytes:
        """Return up to ``size`` bytes; no bytes only at the end."""
        while not self._member.eof or self._next():
            packed = b""
            if self._member.needs_input:
                packed = self._rest or self._file.read(_PACKED)
                if not packed:
                    raise BadPacking(f"{self._packing.name}: truncated")
                self._rest = b""
            try:
                data = self._member.decompress(packed, size)
            except _ERRORS as error:
                raise BadPacking(self._damage(str(error))) from error
            if self._member.eof:
                self._rest = self._member.unused_data
            if data:
                return data
        return b""

    def _next(self) -> bool:
        """Begin the next member; return False if there is none."""
        rest, magic = self._rest.lstrip(b"\0"), self._packing.magic
        while not rest and (packed := self._file.read(_PACKED)):
            rest = packed.lstrip(b"\0")
        if rest:
            if not magic.startswith(rest[: len(magic)]):
                raise BadPacking(f"{self._packing.name}: followed by other data")
            self._member = self._packing.member()
        self._rest = rest
        return bool(rest)

    def _damage(self, message: str) -> str:
        if any(limit in message for limit in _TOO_MUCH_MEMORY):
            return f"{self._packing.name}: unpacking it takes more than {MEMORY >> 20} MiB of memory"
        return f"{self._packing.name}: damaged ({message.rpartition(': ')[2]})"
