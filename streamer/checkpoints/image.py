"""A checkpoint's HDF5 file, made while it is written.

HDF5 lays out the file, writes its metadata to memory, and says where each array has its place. The arrays go past it to
the disk, so the file is never in memory as a whole. And libhdf5 never writes to the disk: on a full one it crashed the
process (h5py#914).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import h5py
import numpy as np

Scalar = int | float | str | bool
Tree = dict[str, np.ndarray[Any, np.dtype[Any]] | Scalar]

PAGE = 4096
"""Bytes of metadata that are kept together."""
ALIGNED, ALIGNMENT = 512, 64
"""Arrays of so many bytes or more begin at a multiple of so many. For each ``take`` or ``searchsorted``, NumPy copies
the whole of an array that does not."""


@runtime_checkable
class Pieces(Protocol):
    """An array whose elements are worked out when they are written.

    Attributes:
        dtype: Their type.
        shape: The shape of the array.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    def pieces(self) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the array in pieces along its first axis."""
        ...


@runtime_checkable
class Group(Protocol):
    """Leaves that are worked out when they are written; what they show must not change until then."""

    def leaves(self) -> Mapping[str, Any]:
        """Return the leaves, by the ends of their keys."""
        ...


class Part(Protocol):
    """A file that belongs to images: it is published before those that need it.

    Attributes:
        home: The folder in which it is known to be, if there is one.
    """

    home: Path | None

    def name(self) -> str:
        """Return its name, which says what is in it: there are no two files of a name with different bytes."""
        ...

    def image(self) -> Image | None:
        """Return what is in it; None if that is lost, and those that need it can do without."""
        ...

    def published(self, folder: Path) -> None:
        """Note that it is in a folder, durably."""
        ...


class Image:
    """The HDF5 file of a tree at one moment, as an iterable of its pieces from the first byte to the last.

    Args:
        tree: The leaves by their keys: those of a :data:`Tree`, :class:`Pieces`, and a :class:`Group` of leaves. Arrays
            are copied here, and may change afterwards.
        parts: The files that it needs.

    Attributes:
        parts: The same.

    Raises:
        ValueError: If a value cannot be stored.
        MemoryError: If there is no room for the copy.
    """

    def __init__(self, tree: Mapping[str, Any], parts: Sequence[Part] = ()) -> None:
        self.parts = parts
        self._tree: dict[str, Any] = {}
        for key, value in tree.items():
            try:
                storable = _storable(value)
            except (TypeError, ValueError) as error:
                raise _cannot(key, error) from error
            self._tree[key] = storable.copy() if isinstance(storable, np.ndarray) else storable

    def __iter__(self) -> Iterator[memoryview]:
        """Yield the pieces.

        Raises:
            ValueError: If a key cannot be stored.
        """
        metadata = _Metadata()
        arrays = _lay_out(metadata, _leaves(self._tree))
        position = 0
        for offset, array in sorted(arrays, key=lambda found: found[0]):
            yield from metadata.between(position, offset)
            position = offset
            for piece in (array,) if isinstance(array, np.ndarray) else array.pieces():
                data = np.ascontiguousarray(piece).reshape(-1).view(np.uint8).data
                position += len(data)
                yield data
        yield from metadata.between(position, metadata.size)


def _leaves(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tree with the leaves of its groups."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Group):
            leaves |= {f"{key}/{name}": _storable(leaf) for name, leaf in value.leaves().items()}
        else:
            leaves[key] = value
    return leaves


def _lay_out(file: _Metadata, tree: Mapping[str, Any]) -> list[tuple[int, np.ndarray[Any, Any] | Pieces]]:
    """Write all of an HDF5 file but the arrays; return where each has its place.

    Arrays become contiguous datasets. Scalars become attributes of the group before the last slash of their key.
    """
    arrays: list[tuple[int, np.ndarray[Any, Any] | Pieces]] = []
    # From 1.10 on, HDF5 has checksums for its metadata. Nothing newer is used, so that older readers can read it.
    aligned = {"alignment_threshold": ALIGNED, "alignment_interval": ALIGNMENT}
    with h5py.File(file, "w", libver=("v110", "v110"), **aligned) as root:
        group, inside = root, ""
        for key in sorted(tree):
            parent, _, name = key.rpartition("/")
            if any(part in ("", ".", "..") for part in key.split("/")) or "\0" in key:
                raise ValueError(f"{key!r} cannot be a key of a checkpoint")
            try:
                if parent != inside:  # create_dataset would make the groups too, but store the time in them
                    group, inside = root.require_group(parent) if parent else root, parent
                value = tree[key]
                if isinstance(value, np.ndarray) and not value.shape:
                    group.create_dataset(name, data=value)
                elif isinstance(value, np.ndarray | Pieces):
                    place = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                    place.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
                    place.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
                    dataset = group.create_dataset(name, shape=value.shape, dtype=value.dtype, dcpl=place)
                    if dataset.size:
                        arrays.append((dataset.id.get_offset(), value))
                else:
                    group.attrs[name] = value
            except (TypeError, ValueError) as error:
                raise _cannot(key, error) from error
    return arrays


def _cannot(key: str, error: Exception) -> ValueError:
    return ValueError(f"{key} cannot be stored in a checkpoint: {error}")


class _Metadata:
    """A file for HDF5 that holds the pages that were written, and zeros between them."""

    def __init__(self) -> None:
        self.size = 0
        self._position = 0
        self._pages: dict[int, bytearray] = {}

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self.size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        for start, stop in _pages(self._position, self._position + len(rest)):
            page = self._pages.setdefault(start // PAGE, bytearray(PAGE))
            page[start % PAGE : start % PAGE + stop - start] = rest[: stop - start]
            rest = rest[stop - start :]
            self._position = stop
        self.size = max(self.size, self._position)
        return len(data)

    def read(self, size: int) -> bytes:
        """Read some bytes; h5py takes an object with this method for a file, and uses the next one."""
        found = b"".join(self.between(self._position, min(self._position + size, self.size)))
        self._position += len(found)
        return found

    def readinto(self, buffer: Any) -> int:
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def truncate(self, size: int) -> int:
        self.size = size
        return size

    def flush(self) -> None:
        pass

    def between(self, low: int, high: int) -> Iterator[memoryview]:
        """Yield the bytes from one position to another."""
        for start, stop in _pages(low, high):
            page = self._pages.get(start // PAGE, bytes(PAGE))
            yield memoryview(page)[start % PAGE : start % PAGE + stop - start]


def _pages(low: int, high: int) -> Iterable[tuple[int, int]]:
    """Yield the parts of a range that are on one page each."""
    while low < high:
        stop = min(high, (low // PAGE + 1) * PAGE)
        yield low, stop
        low = stop


def plain(dtype: np.dtype[Any]) -> bool:
    """Return whether HDF5 restores this type exactly: booleans, integers and floats of at most 64 bits."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8 and not dtype.metadata


def _storable(value: object) -> Any:
    """Return a leaf in a form that can be stored without loss; raise ValueError or TypeError if there is none."""
    if isinstance(value, np.ndarray | Pieces):
        if not plain(value.dtype):
            raise ValueError(f"arrays of {value.dtype} are not supported")
        return value
    if isinstance(value, Group):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{value} does not fit into 64 bits")
    if isinstance(value, str) and "\0" in value:
        raise ValueError("HDF5 strings end at the first NUL")
    if not isinstance(value, int | float | str):
        raise TypeError(f"{type(value).__name__} is not an array, number, boolean or string")
    return value
