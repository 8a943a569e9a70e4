"""What a checkpoint says that it learned, held against the contents of the files that it learned it from."""

from __future__ import annotations

import functools
import gzip
import io
import itertools
import struct
import zlib
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from streamer.checkpoints import Tree
from streamer.checkpoints.format import decode
from streamer.ledger.entries import Entry
from streamer.ledger.ledger import Ledger

from ..support.texts import encode
from .state import OF_DATES

Key = tuple[str, bytes]
"""A path and the SHA-256 of what it held."""

TRAILER = struct.Struct("<8sQ32s")
UNLIKE = {"sequence", "history/seconds", "ledger/gone", *OF_DATES}
"""Leaves of a tree that a run may have otherwise than one that was never stopped: they count saves, or are times."""


def whole(content: bytes) -> bool:
    """Return whether these are the bytes of a checkpoint that nothing happened to."""
    if len(content) < TRAILER.size:
        return False
    magic, length, digest = TRAILER.unpack(content[-TRAILER.size :])
    image = content[: -TRAILER.size]
    return (magic, length, digest) == (b"streamer", len(image), sha256(image).digest())


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, newest first, damaged ones too."""
    return sorted(folder.glob("checkpoint-*.h5"), reverse=True)


def newest_whole(folder: Path) -> Path | None:
    """Return the newest checkpoint that is whole, or None if there is none."""
    return next((path for path in checkpoints(folder) if whole(path.read_bytes())), None)


def tree_of(content: bytes) -> Tree:
    """Return the tree in the bytes of a checkpoint."""
    return decode(io.BytesIO(content))


def differences(tree: Tree, other: Tree) -> list[str]:
    """Return the leaves that are not bit for bit the same in both, but for those that never are."""
    return [key for key in sorted({*tree, *other} - UNLIKE) if not _same(tree.get(key), other.get(key))]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    return type(one) is type(other) and repr(one) == repr(other)


def text_of(content: bytes) -> bytes | None:
    """Return the text of a file, None if it can't be unpacked."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None


@functools.lru_cache(4096)
def words_of(text: bytes) -> Counter[str]:
    """Return how often each word stands in a text. The tests' texts have the same words in UTF-8 and Latin-1."""
    return Counter(encode(text.decode("latin-1")).tokens())


@dataclass(frozen=True)
class Books:
    """What one checkpoint says, and what of it only those before it know.

    Attributes:
        rows: The ledger.
        ends: For each version, where a growing file ended when it was trained to its end: a word there is two.
    """

    rows: tuple[Entry, ...] = ()
    ends: dict[Key, tuple[int, ...]] = field(default_factory=dict)

    @property
    def versions(self) -> dict[Key, Entry]:
        """The rows of which something was trained or was to be, by path and content."""
        return {(row.path, row.sha256): row for row in self.rows if row.outcome != "skipped"}

    def previous(self, path: str) -> Entry | None:
        """Return the version of a file that was trained last."""
        return next((row for row in reversed(self.rows) if row.path == path and row.bytes_trained), None)

    def next(self, tree: Tree, contents: dict[bytes, bytes]) -> Books:
        """Return the books of a checkpoint that a life went on to from here, after auditing them.

        Args:
            tree: The checkpoint.
            contents: All that any file ever held, by SHA-256.
        """
        columns = {key.removeprefix("ledger/"): leaf for key, leaf in tree.items() if key.startswith("ledger/")}
        books = Books(tuple(Ledger.from_arrays(dict(columns)).entries))  # type: ignore[arg-type]
        versions = books.versions
        rows = [row for row in books.rows if row.outcome != "skipped"]
        assert len(versions) == len(rows), f"the same content under the same name has two rows: {rows}"
        expected = Counter[str]()
        for key, row in versions.items():
            content = contents[row.sha256]
            books.ends[key] = self._ends(key, content, contents, versions)
            text = text_of(content)
            assert text is not None, f"{row} is of what can't be unpacked"
            assert len(text) == row.text_bytes, row
            words = Counter[str]()
            cuts = [0, *(end for end in books.ends[key] if end < row.bytes_trained), row.bytes_trained]
            for start, stop in itertools.pairwise(cuts):
                words += words_of(text[start:stop])
            assert words.total() == row.words, f"{row} has {words.total()} words: {words}"
            expected += words
        counted = _counts(tree, "vocabulary") + _counts(tree, "candidates")
        assert counted == expected, f"lost {expected - counted}, doubled {counted - expected}"
        assert tree["vocabulary/words_seen"] == expected.total()
        return books

    def _ends(
        self, key: Key, content: bytes, contents: dict[bytes, bytes], versions: dict[Key, Entry]
    ) -> tuple[int, ...]:
        if key in self.ends:
            return self.ends[key]
        old = self.previous(key[0])
        if old is None or (old.path, old.sha256) in versions or not content.startswith(contents[old.sha256]):
            return ()
        at = (old.text_bytes,) if old.bytes_trained == old.text_bytes else ()
        return (*self.ends[old.path, old.sha256], *at)


def _counts(tree: Tree, group: str) -> Counter[str]:
    blob: Any = tree[f"{group}/words"]
    counts: Any = tree[f"{group}/counts"]
    words = blob.tobytes().decode().splitlines()
    found = Counter(dict(zip(words, counts.tolist(), strict=True)))
    assert len(found) == len(words), "a word is in it twice"
    return found
