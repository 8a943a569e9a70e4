"""The bytes of a checkpoint: one HDF5 file, followed by a trailer with the SHA-256 of that file.

HDF5 checks its own metadata but not the numbers in its arrays: a flipped bit there is read as another number. So the
whole file is checked before HDF5 sees it. HDF5 ignores the trailer, so you can open the file with plain h5py.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import os
import struct
from collections.abc import Collection, Iterable, Iterator
from typing import Any, BinaryIO

import h5py
import numpy as np

from streamer.checkpoints.heap_guard import Guarded
from streamer.checkpoints.image import Image, Scalar, Tree, plain

MAGIC = b"streamer"
TRAILER = struct.Struct("<8sQ32s")  # magic, bytes of HDF5 before the trailer, their SHA-256
PIECE = 4 << 20  # bytes hashed at a time
SUPERBLOCK = struct.Struct("<8s4B4Q")  # signature, version, two sizes, flags, base, extension, end, root group
MOST_NAMES = 4096  # in one file; a checkpoint has about 60

_HDF5_ERRORS = (OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What h5py raises for bytes that make no sense. Not MemoryError: lack of memory does not mean a damaged file."""

FORMAT_VERSION = 10
"""The ``format_version`` of the checkpoints that this version of the program writes.

Older ones are read, and :mod:`streamer.state.migrations` migrates them to this version.
"""

SEGMENTS = "cold/segments"
"""The key of the digests of the segments that a checkpoint needs, each with a line end."""

SNAPSHOTS = "snapshots/files"
"""The key of the names of the files of the snapshots that a checkpoint lists, each with a line end."""


class Damaged(Exception):  # noqa: N818 - it names a state of the file; readers use an older one then
    """A checkpoint that is not what was written.

    Args:
        reason: What is wrong with it, as a clause that follows the name of the file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Newer(Exception):  # noqa: N818 - the same
    """A checkpoint in a format that is newer than this version of the program.

    Args:
        version: The version of the format.
    """

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


def encode(tree: Tree) -> Iterator[memoryview | bytes]:
    """Yield the pieces of a checkpoint, to be written one after the other: the HDF5 file and its trailer.

    The same tree gives the same bytes, whatever the order of its keys.

    Raises:
        ValueError: If a key or a value cannot be stored.
    """
    return seal(Image(tree))


def seal(image: Iterable[memoryview | bytes]) -> Iterator[memoryview | bytes]:
    """Yield the pieces of an HDF5 file, and then the trailer with its digest."""
    digest, length = hashlib.sha256(), 0
    for piece in image:
        digest.update(piece)
        length += len(piece)
        yield piece
    yield TRAILER.pack(MAGIC, length, digest.digest())


def verify(file: BinaryIO) -> bytes:
    """Read every byte of a checkpoint and compare it with its trailer; return the digest.

    Raises:
        Damaged: If any byte is not what was written, or the disk cannot read it.
    """
    try:
        length = file.seek(0, os.SEEK_END) - TRAILER.size
        if length < 0:
            raise Damaged("it is too short to be a checkpoint")
        file.seek(length)
        magic, stated, digest = TRAILER.unpack(file.read(TRAILER.size))
        if magic != MAGIC:
            raise Damaged("it does not end like a checkpoint: it was cut short, or something was added")
        if stated != length:
            raise Damaged(f"it has {length} bytes before the trailer, and {stated} were written")
        if _digest(file, length) != digest:
            raise Damaged("its SHA-256 is not that of the bytes that were written")
        return bytes(digest)
    except OSError as error:
        raise Damaged(f"it cannot be read: {error.strerror or error}") from error


def decode(file: BinaryIO, only: Collection[str] | None = None, *, mapped: bool = False) -> Tree:
    """Read a tree from a checkpoint that was verified through the same open file.

    Nothing in it is trusted: a digest proves that a file is intact, not that we wrote it.

    Args:
        file: The open checkpoint.
        only: Keys, and groups of keys, to read; all by default. Missing ones are left out. A file of an older format
            is read completely, because its keys may have other names.
        mapped: Whether arrays are read-only views of the file, which are read when they are used.

    Raises:
        Damaged: If it is not HDF5, refers to other files or places, or has something that a tree can't have.
        Newer: If its format is newer than this program.
    """
    tree: Tree = {}
    room = file.seek(0, os.SEEK_END)
    _check_superblock(file, room - TRAILER.size)
    try:
        whole = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) if mapped else None
        guarded = Guarded(file)
        with h5py.File(guarded, "r") as root:
            if 0 < _version(root) < FORMAT_VERSION:
                only = None
            for key, found in _walk(root, only):
                if key in tree:
                    raise Damaged(f"it has {key} twice")
                if isinstance(found, h5py.Dataset):
                    _check_array(key, found, room)
                    tree[key] = array = _view(whole, found) if whole else _array(found, guarded)
                    room -= array.nbytes  # so that arrays can't share the same bytes
                else:
                    tree[key] = _scalar(key, found)
    except _HDF5_ERRORS as error:
        raise Damaged(f"it does not read as a checkpoint: {error}") from error
    return tree


def _check_superblock(file: BinaryIO, length: int) -> None:
    """Raise Damaged unless a file begins like those that we write, and is HDF5 from its first byte to its last.

    HDF5 also reads older formats, without checksums for the metadata; and if there is no HDF5 at the first byte, it
    looks for a beginning at other places.
    """
    file.seek(0)
    start = file.read(SUPERBLOCK.size)
    if len(start) < SUPERBLOCK.size:
        raise Damaged("it does not read as a checkpoint: there is no HDF5 in it")
    signature, version, *sizes, base, _, end, _ = SUPERBLOCK.unpack(start)  # the third of the sizes is for flags
    if (signature, version, sizes, base, end) != (b"\x89HDF\r\n\x1a\n", 3, [8, 8, 0], 0, length):
        raise Damaged("it does not read as a checkpoint: it is not HDF5 of the kind that streamer writes")


def _version(root: h5py.Group) -> int:
    """Return the version of the format, 0 if the file does not say; raise Newer if it is newer than ours."""
    if "format_version" in root.attrs and root.attrs.get_id("format_version").dtype.kind in "iu":
        version = root.attrs["format_version"]
        if np.ndim(version) == 0:
            if version > FORMAT_VERSION:
                raise Newer(int(version))
            return int(version)
    return 0


def _walk(root: h5py.Group, only: Collection[str] | None) -> Iterator[tuple[str, Any]]:
    """Yield the key and the dataset of each dataset, and the key and the group of each attribute; follow no links."""
    groups = [("", root)]
    seen = {h5py.h5o.get_info(root.id).addr}
    names = 0
    while groups:
        prefix, group = groups.pop()
        names += len(group) + h5py.h5a.get_num_attrs(group.id)
        if names > MOST_NAMES:
            raise Damaged(f"it has more than {MOST_NAMES} names")
        for name in group.attrs:
            if _wanted(prefix + name, only):
                yield prefix + name, group
        for name in group:
            key = prefix + name
            if not _wanted(key, only) and not _leads(key, only):
                continue
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise Damaged(f"{key} is a link to another place")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                raise Damaged(f"{key} is linked twice")
            seen.add(address)
            if isinstance(item, h5py.Group):
                groups.append((key + "/", item))
            elif not isinstance(item, h5py.Dataset):
                raise Damaged(f"{key} is neither a group nor an array")
            elif _wanted(key, only):
                yield key, item


def _wanted(key: str, only: Collection[str] | None) -> bool:
    return only is None or any(key == chosen or key.startswith(chosen + "/") for chosen in only)


def _leads(key: str, only: Collection[str] | None) -> bool:
    return only is None or any(chosen.startswith(key + "/") for chosen in only)


def _check_array(key: str, dataset: h5py.Dataset, room: int) -> None:
    """Raise Damaged unless a dataset is plain, is in this file, and is not larger than ``room``, the bytes left."""
    # This comes first: asking a virtual dataset for its shape may open the files that it is made of. It also refuses
    # chunks, and so filters, for which HDF5 would load plugins.
    layout = dataset.id.get_create_plist()
    if layout.get_layout() != h5py.h5d.CONTIGUOUS or layout.get_external_count():
        raise Damaged(f"{key} is not stored in one piece in this file")
    if not plain(dataset.dtype):
        raise Damaged(f"{key} has the type {dataset.dtype}, which no checkpoint has")
    if dataset.shape is None or math.prod(dataset.shape) * dataset.dtype.itemsize > room:
        raise Damaged(f"{key} claims to be larger than the file: {dataset.shape} of {dataset.dtype}")


def _array(dataset: h5py.Dataset, guarded: Guarded) -> np.ndarray[Any, np.dtype[Any]]:
    """Read a dataset."""
    array = np.empty(dataset.shape, dataset.dtype)
    if array.size:
        guarded.raw = True
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, array)
        guarded.raw = False
    return array


def _view(whole: mmap.mmap, dataset: h5py.Dataset) -> np.ndarray[Any, np.dtype[Any]]:
    """Return a read-only view of a dataset in its file, which is mapped."""
    if not dataset.size:
        return np.empty(dataset.shape, dataset.dtype)
    offset, dtype = dataset.id.get_offset(), dataset.dtype
    if offset is None or offset + dataset.size * dtype.itemsize > len(whole):
        raise Damaged(f"{dataset.name} is not in the file")
    return np.frombuffer(whole, dtype, dataset.size, offset).reshape(dataset.shape)


def _scalar(key: str, group: h5py.Group) -> Scalar:
    """Read one attribute, if it is a single number, boolean or string."""
    name = key.rpartition("/")[2]
    attribute = group.attrs.get_id(name)
    if attribute.shape != ():
        raise Damaged(f"{key} is not a single value")
    string = h5py.check_string_dtype(attribute.dtype)
    if not plain(attribute.dtype) and (string is None or string.length is not None):
        raise Damaged(f"{key} is not a number, boolean or string")
    value: Scalar | np.generic = group.attrs[name]
    if isinstance(value, str) and not value.isascii():
        value.encode()  # raises for surrogates: h5py makes them of bytes that are not UTF-8, and can't store them
    return value.item() if isinstance(value, np.generic) else value


def _digest(file: BinaryIO, length: int) -> bytes:
    """Return the SHA-256 of the first ``length`` bytes of a file."""
    digest = hashlib.sha256()
    piece = memoryview(bytearray(PIECE))
    file.seek(0)
    while length:
        count = file.readinto(piece[: min(length, PIECE)])  # type: ignore[attr-defined]  # all our files have it
        if not count:
            raise Damaged("it was cut short while it was read")
        digest.update(piece[:count])
        length -= count
    return digest.digest()
