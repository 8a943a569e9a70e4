"""Trees, folders and damage that several of these tests need."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from streamer.checkpoints import Store, Tree, decode, encode, verify

ROOT = Path(__file__).parents[2]


def small_tree() -> Tree:
    """Return a tree with an array and a scalar of each kind."""
    return {
        "model/vectors": np.arange(60, dtype=np.float32).reshape(12, 5),
        "model/counts": np.arange(12),
        "optimiser/squares": np.ones((12, 5), np.float32),
        "settings/architecture": "skipgram",
        "settings/window": 5,
        "settings/sample": 1e-3,
        "settings/shuffle": True,
        "sequence": 7,
    }


def whole(tree: Tree) -> bytes:
    """Return a checkpoint as one string of bytes."""
    return b"".join(encode(tree))


def read(data: bytes, only: set[str] | None = None) -> Tree:
    """Verify and decode a checkpoint."""
    file = io.BytesIO(data)
    verify(file)
    return decode(file, only)


def same(left: Tree, right: Tree) -> bool:
    """Say whether two trees are equal in keys, types, shapes and every bit."""
    assert left.keys() == right.keys()
    for key, value in left.items():
        other = right[key]
        assert type(value) is type(other), key
        if isinstance(value, np.ndarray):
            assert isinstance(other, np.ndarray), key
            assert (value.dtype, value.shape, value.tobytes()) == (other.dtype, other.shape, other.tobytes()), key
        else:
            assert value == other, key
    return True


def tree(number: int, size: int = 100) -> Tree:
    """Return a tree whose every part tells its number."""
    return {"model/vectors": np.full(size, number, np.int64), "number": number}


def filled(folder: Path, *numbers: int) -> Store:
    """Return a store with the checkpoints of these numbers."""
    store = Store(folder)
    for number in numbers:
        store.save(tree(number), number)
    return store


def damage(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def run(code: str, folder: Path, prefix: tuple[str, ...] = ()) -> str:
    """Run Python code in another process, in the folder, and return what it printed."""
    command = [*prefix, sys.executable, "-c", code, "."]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
