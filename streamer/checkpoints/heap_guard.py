"""A file that HDF5 reads through us, since there is one thing that it does not check before it walks over it.

Strings lie in global heaps, the only metadata without a checksum. A heap with free space of no size keeps libhdf5
(2.0.0 still) in a loop for ever, in C, where no signal is heard. So each heap is walked here before it is walked there.
"""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO

SIGNATURE = b"GCOL\x01"
_HEADER = struct.Struct("<8xQ")  # signature, version and three reserved bytes, the size of all
_OBJECT = struct.Struct("<H6xQ")  # its number, 0 for free space; references; its size


class Guarded:
    """An open file of which HDF5 reads no heap that is not sound.

    Args:
        file: The file.

    Attributes:
        raw: Set while arrays are read, in which anything may stand.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._length = file.seek(0, os.SEEK_END)
        self.raw = False

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place in the file."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read some bytes; that there is such a method tells h5py that this is a file."""
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, which is what HDF5 does."""
        start = self._file.tell()
        count: int = self._file.readinto(buffer)  # type: ignore[attr-defined]
        if not self.raw:
            found, place = bytes(memoryview(buffer).cast("B")[:count]), -1
            while (place := found.find(SIGNATURE, place + 1)) >= 0:
                place += self._check(start + place)  # in a heap that is sound a string may hold anything
        return count

    def _check(self, start: int) -> int:
        """Return how far a heap goes on after its first byte; raise ValueError unless its objects fill it to its end.

        HDF5 reads some of what follows its metadata as well, so it may be something else that looks like a heap. One
        that cannot be in the file HDF5 refuses by itself.
        """
        self._file.seek(start)
        header = self._file.read(_HEADER.size)
        size = _HEADER.unpack(header)[0] if len(header) == _HEADER.size else 0
        if not _HEADER.size < size <= self._length - start:
            return 0
        heap, place = self._file.read(size - _HEADER.size), 0
        while place + _OBJECT.size <= len(heap):
            number, length = _OBJECT.unpack_from(heap, place)
            # The size of free space counts its own header, and it is the last.
            step = _OBJECT.size + -(-length // 8) * 8 if number else length
            if step < _OBJECT.size or step > len(heap) - place:
                raise ValueError(f"the heap at {start} has an object of {length} bytes")
            place += step
        return size - 1
