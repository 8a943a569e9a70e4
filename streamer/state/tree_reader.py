"""Typed access to the leaves of a checkpoint's tree. Errors name the leaf that is missing or wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from streamer.checkpoints import Tree
from streamer.errors import ExitCode, StreamerError
from streamer.system.mapped import forget

ANOTHER = "restore one from a backup, or name another --checkpoints folder to start from scratch"
NEWER = "upgrade streamer: a newer version wrote this checkpoint"
LARGEST = 2**61
"""No count may be larger, so that sums with it still fit into 64 bits."""
_PIECE = 8 << 20
"""Bytes that are checked at a time."""

Record = TypeVar("Record", bound=attrs.AttrsInstance)

_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float,), "str": (str,), "bool": (bool,)}


class TreeReader:
    """Takes leaves out of a tree; raises StreamerError with exit code 65 if one is missing or wrong."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def record(self, group: str, cls: type[Record]) -> Record:
        """Return a group of scalars as an object of a class with fields of the same names."""
        values: dict[str, Any] = {}
        for field in attrs.fields(cls):
            kind, key = str(field.type), f"{group}/{field.name}"
            if kind == "tuple[str, ...]":
                values[field.name] = tuple(self.words(key))
                continue
            value = values[field.name] = self._leaf(key)
            if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "bool"):
                raise damaged(f"{key} is not of type {kind}")
        try:
            return cls(**values)
        except StreamerError as error:
            raise damaged(f"{group} are out of bounds: {error.problem}") from None

    def has(self, key: str) -> bool:
        """Return whether there is a leaf, of those that need not be there."""
        return key in self._tree

    def integer(self, key: str) -> int:
        """Return an integer."""
        value = self._leaf(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise damaged(f"{key} is not an integer")
        return value

    def count(self, key: str, low: int = 0, high: int = LARGEST) -> int:
        """Return an integer within bounds."""
        value = self.integer(key)
        if not low <= value <= high:
            raise damaged(f"{key} is {value}, not from {low} to {high}")
        return value

    def real(self, key: str) -> float:
        """Return a number that is not NaN."""
        value = self._leaf(key)
        if not isinstance(value, float) or math.isnan(value):
            raise damaged(f"{key} is not a number")
        return value

    def string(self, key: str) -> str:
        """Return a string."""
        value = self._leaf(key)
        if not isinstance(value, str):
            raise damaged(f"{key} is not a string")
        return value

    def array(self, key: str, dtype: npt.DTypeLike, shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """Return an array of a type and a shape; None in the shape is any length."""
        value = self._leaf(key)
        if not isinstance(value, np.ndarray) or value.dtype != dtype or len(value.shape) != len(shape):
            raise damaged(f"{key} is not an array of {np.dtype(dtype)} with {len(shape)} dimensions")
        if any(wanted not in (None, have) for wanted, have in zip(shape, value.shape, strict=True)):
            raise damaged(f"{key} has shape {value.shape}, not {shape}")
        return value

    def counts(self, key: str, length: int | None, low: int = 1) -> npt.NDArray[np.int64]:
        """Return an array of integers within bounds: (length,) int64."""
        values = self.array(key, np.int64, (length,))
        if values.size:
            smallest, largest = _range(values)
            if not low <= smallest <= largest <= LARGEST:
                raise damaged(f"{key} has counts from {smallest} to {largest}")
        return values

    def integers(self, key: str, dtypes: Sequence[npt.DTypeLike], length: int) -> npt.NDArray[Any]:
        """Return an array of integers from 1 on, of one of some types: (length,)."""
        values = self._leaf(key)
        found = self.array(key, values.dtype if getattr(values, "dtype", None) in dtypes else dtypes[0], (length,))
        if found.size and not 1 <= found.min() <= found.max() <= LARGEST:
            raise damaged(f"{key} has counts from {found.min()} to {found.max()}")
        return found

    def floats(
        self, key: str, dtype: npt.DTypeLike, shape: tuple[int | None, ...], low: float = -np.inf
    ) -> npt.NDArray[Any]:
        """Return an array of finite numbers that are not below ``low``."""
        values = self.array(key, dtype, shape)
        if values.size:
            smallest, largest = _range(values)  # NaN if there is a NaN
            if not (np.isfinite(smallest) and np.isfinite(largest) and smallest >= low):
                raise damaged(f"{key} has numbers from {smallest} to {largest}")
        return values

    def take(self, group: str) -> dict[str, npt.NDArray[Any]]:
        """Take all arrays of a group out of the tree, by their keys without the group: so they can be freed."""
        prefix, found = f"{group}/", {}
        for key, leaf in list(self._tree.items()):
            if key.startswith(prefix) and isinstance(leaf, np.ndarray):
                found[key.removeprefix(prefix)] = leaf
                del self._tree[key]
        return found

    def words(self, key: str) -> list[str]:
        """Return a list of distinct words from an array that :func:`to_blob` made."""
        try:
            *words, rest = self.array(key, np.uint8, (None,)).tobytes().decode().split("\n")
        except UnicodeDecodeError:
            raise damaged(f"{key} is not UTF-8") from None
        distinct = set(words)
        if rest or len(distinct) != len(words) or "" in distinct:
            raise damaged(f"{key} is not a list of distinct words")
        return words

    def _leaf(self, key: str) -> Any:
        if key not in self._tree:
            raise damaged(f"{key} is missing")
        return self._tree[key]


def _range(values: npt.NDArray[Any]) -> tuple[Any, Any]:
    """Return the smallest and the largest number. Of an array that is mapped, little is in memory at a time."""
    step = max(1, _PIECE * len(values) // values.nbytes)
    ends = []
    for start in range(0, len(values), step):
        piece = values[start : start + step]
        ends.append((piece.min(), piece.max()))
        forget(values)
    smallest, largest = zip(*ends, strict=True)
    return np.min(smallest), np.max(largest)


def damaged(reason: str, hint: str = ANOTHER) -> StreamerError:
    """Return the error for a checkpoint whose content is wrong: 65."""
    return StreamerError(f"the checkpoint cannot be used: {reason}", hint=hint, code=ExitCode.DAMAGED)


def to_blob(words: Iterable[str]) -> npt.NDArray[np.uint8]:
    """Return words as newline-terminated UTF-8: (bytes,) uint8."""
    text = "\n".join(words)
    return np.frombuffer(f"{text}\n".encode() if text else b"", np.uint8)


def record(group: str, values: attrs.AttrsInstance) -> Tree:
    """Return the fields of an object as leaves of a group; a tuple of words as one array."""
    leaves = attrs.asdict(values)
    return grouped(group, {name: to_blob(leaf) if isinstance(leaf, tuple) else leaf for name, leaf in leaves.items()})


def grouped(group: str, leaves: Mapping[str, Any]) -> Tree:
    """Return leaves with the name of a group before their keys."""
    return {f"{group}/{name}": leaf for name, leaf in leaves.items()}
