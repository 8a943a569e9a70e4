"""A file that HDF5 reads through us, because HDF5 does not check one thing before it uses it.

Strings are in global heaps, the only metadata without a checksum. A heap with free space of size 0 keeps libhdf5
(2.0.0 still) in an endless loop, in C, where no signal is handled. So each heap is checked here before HDF5 reads it.
"""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO

SIGNATURE = b"GCOL\x01"
_HEADER = struct.Struct("<8xQ")  # signature, version and three reserved bytes; the size of the heap
_OBJECT = struct.Struct("<H6xQ")  # its number, 0 for free space; references; its size


class Guarded:
    """An open file that raises ValueError when HDF5 reads a heap that is not valid.

    Args:
        file: The file.

    Attributes:
        raw: Set while arrays are read: they may contain any bytes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = file.seek(0, os.SEEK_END)
        self.raw = False

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in the file."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read some bytes; h5py takes an object with this method for a file."""
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; HDF5 reads with this method only."""
        start = self._file.tell()
        count: int = self._file.readinto(buffer)  # type: ignore[attr-defined]
        if not self.raw:
            found, place = bytes(memoryview(buffer).cast("B")[:count]), -1
            while (place := found.find(SIGNATURE, place + 1)) >= 0:
                place += self._check(start + place)  # skip a valid heap: its strings may contain anything
        return count

    def _check(self, start: int) -> int:
        """Return the bytes of a heap after its first; raise ValueError unless its objects fill it to its end.

        HDF5 also reads some bytes after its metadata, so this may be something else that looks like a heap. A heap that
        is larger than the file is refused by HDF5 itself: return 0.
        """
        self._file.seek(start)
        header = self._file.read(_HEADER.size)
        size = _HEADER.unpack(header)[0] if len(header) == _HEADER.size else 0
        if not _HEADER.size < size <= self._length - start:
            return 0
        heap, place = self._file.read(size - _HEADER.size), 0
        while place + _OBJECT.size <= len(heap):
            number, length = _OBJECT.unpack_from(heap, place)
            # The size of free space includes its header, and free space is the last object.
            step = _OBJECT.size + -(-length // 8) * 8 if number else length
            if step < _OBJECT.size or step > len(heap) - place:
                raise ValueError(f"the heap at {start} has an object of {length} bytes")
            place += step
        return size - 1
