"""The HDF5 file of a tree, made while it is written."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import pytest

from streamer.checkpoints.image import ALIGNED, ALIGNMENT, PAGE, Group, Image, Pieces


class Halves:
    """An array that is made in two pieces."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array, self.dtype, self.shape = array, array.dtype, array.shape

    def pieces(self) -> Iterator[np.ndarray[Any, Any]]:
        """Yield the halves."""
        yield from np.array_split(self.array, 2)


class Later:
    """A group whose leaves are made when they are written."""

    def __init__(self) -> None:
        self.number = 1

    def leaves(self) -> dict[str, Any]:
        """Return the leaves."""
        return {"number": self.number, "array": Halves(np.arange(7)), "deeper/none": Halves(np.zeros((0, 3)))}


def opened(image: Image) -> h5py.File:
    """Return the file of an image."""
    return h5py.File(io.BytesIO(b"".join(image)), "r")


def test_arrays_in_pieces_and_groups_are_stored_like_others() -> None:
    """The bytes are the same, so nothing in the file tells how it was made."""
    array = np.arange(100_000, dtype=np.float32).reshape(-1, 4)
    assert isinstance(Halves(array), Pieces)
    assert b"".join(Image({"a/b": Halves(array), "c": 1})) == b"".join(Image({"c": 1, "a/b": array}))
    later = Later()
    assert isinstance(later, Group)
    image = Image({"later": later, "text": "é"})
    later.number = 2
    with opened(image) as file:
        assert file["later"].attrs["number"] == 2
        assert file["later/array"][...].tolist() == list(range(7))
        assert file["later/deeper/none"].shape == (0, 3)


def test_arrays_are_aligned_in_the_file() -> None:
    sizes = (1, ALIGNED, 417_839, 5, 52_545, 100_000)
    tree = {f"{group}/{size}": np.ones(size, np.uint8) for group in ("one", "other") for size in sizes}
    file = opened(Image({**tree, "wide": np.ones((1_001, 2, 99), np.float32)}))
    offsets = [file[key].id.get_offset() for key in (*tree, "wide") if file[key].nbytes >= ALIGNED]
    assert len(offsets) == 9
    assert not any(offset % ALIGNMENT for offset in offsets)


def test_an_image_can_be_written_twice() -> None:
    """The first try may fail on a full disk."""
    image = Image({"a": np.arange(10), "group/b": np.eye(3), "c": np.array(5)})
    assert b"".join(image) == b"".join(image)


def test_only_metadata_is_in_memory() -> None:
    """What HDF5 is given to write into has no room for the arrays."""
    array = np.ones(1 << 22, np.uint8)
    pieces = list(Image({"a": array, "b": array, "names": "x" * 100}))
    assert sum(len(piece) for piece in pieces if len(piece) <= PAGE) < 20_000
    assert [len(piece) for piece in pieces if len(piece) > PAGE] == [1 << 22] * 2


@pytest.mark.parametrize("number", range(20))
def test_random_trees_come_back(number: int) -> None:
    """With arrays of many types and shapes, empty ones too, beside many scalars."""
    rng = np.random.default_rng(number)
    tree: dict[str, Any] = {}
    for leaf in range(int(rng.integers(1, 40))):
        key = "/".join([*(f"g{at}" for at in rng.integers(0, 3, int(rng.integers(0, 3)))), f"leaf{leaf}"])
        kind = rng.choice(["u1", "i8", "f4", "?", "scalar", "text"])
        if kind == "scalar":
            tree[key] = int(rng.integers(100))
        elif kind == "text":
            tree[key] = "ü" * int(rng.integers(300))
        else:
            tree[key] = rng.integers(0, 2, rng.integers(0, 40, int(rng.integers(0, 3)))).astype(kind)
    with opened(Image(tree)) as file:
        for key, value in tree.items():
            parent, _, name = key.rpartition("/")
            found = file[key][...] if isinstance(value, np.ndarray) else file[parent or "/"].attrs[name]
            assert np.array_equal(found, value), key
