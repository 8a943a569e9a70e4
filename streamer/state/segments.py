"""Cold words in checkpoints, and in segments: files beside the checkpoints that never change.

A segment has the same form as a checkpoint: HDF5 with a trailer. Its name is the digest of its content, and checkpoints
name it by that. So a file that is not the one that a checkpoint means is never taken for it.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamer.checkpoints import Damaged, Image, Store, Tree
from streamer.checkpoints.parts import DIGEST, segment_name
from streamer.errors import ExitCode, StreamerError
from streamer.model.cold import Batch, Bytes, Cold, Floats, Hashes, Ints, Rows
from streamer.state.tree_reader import TreeReader, damaged, to_blob
from streamer.system.mapped import forget

_LINE_END = ord("\n")
FORMAT = "streamer segment"
VERSION = 1


def leaves(batches: Sequence[Batch], dimensions: int) -> Tree:
    """Return batches as leaves of a tree, one after the other.

    Args:
        batches: The batches.
        dimensions: D, the dimensions of their vectors.
    """
    nothing = Batch.of([], Rows.none(dimensions))
    every = [nothing, *batches] if len(batches) != 1 else batches
    return {
        "sizes": np.array([len(batch) for batch in batches], np.int64),
        "hashes": np.concatenate([batch.hashes for batch in every]),
        "words": np.concatenate([batch.text for batch in every]),
        "counts": np.concatenate([batch.rows.counts for batch in every]),
        "vectors": np.concatenate([batch.rows.array for batch in every]),
        "squares": np.concatenate([batch.rows.squares for batch in every]),
    }


def read_leaves(read: TreeReader, group: str, dimensions: int) -> list[Batch]:
    """Return the batches whose :func:`leaves` are in a group of a tree, after checking that they belong together."""
    sizes = read.counts(f"{group}sizes", None)
    ends = np.cumsum([0, *sizes.tolist()])
    text = read.array(f"{group}words", np.uint8, (None,))
    lines = np.concatenate([np.zeros(1, np.int64), np.flatnonzero(text == _LINE_END) + 1])
    hashes, (counts, vectors, squares) = _read_rows(read, group, int(ends[-1]), lines, text, dimensions)
    found = []
    for begin, end in itertools.pairwise(ends.tolist()):
        here = slice(begin, end)
        words, of = text[lines[begin] : lines[end]], lines[begin : end + 1] - lines[begin]
        found.append(_in_order(Batch(hashes[here], words, of, Rows(counts[here], vectors[here], squares[here])), group))
    return found


def _read_rows(
    read: TreeReader, group: str, size: int, ends: Ints, text: Bytes, dimensions: int
) -> tuple[Hashes, tuple[Ints, Floats, Floats]]:
    """Return hashes and columns of so many words, after checking them, and that the words have these ends."""
    if len(ends) != size + 1 or ends[0] or ends[-1] != len(text) or (np.diff(ends) < 2).any():
        raise damaged(f"{group}words is not a list of {size} words")
    return read.array(f"{group}hashes", np.uint64, (size,)), (
        read.counts(f"{group}counts", size),
        read.floats(f"{group}vectors", np.float32, (size, 2, dimensions)),
        read.floats(f"{group}squares", np.float32, (size, 2), low=1e-12),
    )


def _in_order(batch: Batch, group: str) -> Batch:
    if (batch.hashes[1:] < batch.hashes[:-1]).any():
        raise damaged(f"{group}hashes is not in order")
    return batch


def _read_segment(read: TreeReader, dimensions: int) -> Batch:
    """Return the batch of a segment, whose arrays are views of the file."""
    ends, text = read.array("ends", np.int64, (None,)), read.array("words", np.uint8, (None,))
    size = len(ends) - 1
    hashes, rows = _read_rows(read, "", size, ends, text, dimensions)
    if size < 1 or (text[ends[1:] - 1] != _LINE_END).any() or np.count_nonzero(text == _LINE_END) != size:
        raise damaged(f"words is not a list of {size} words")
    return _in_order(Batch(hashes, text, ends, Rows(*rows)), "")


class Segment:
    """A batch of cold words as a file; a :class:`~streamer.checkpoints.image.Part`.

    Args:
        batch: The batch; its digest and its file are noted in it.
    """

    home: Path | None = None

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._dimensions = batch.rows.vectors.shape[2]

    def name(self) -> str:
        """Return the name of the file."""
        if not self._batch.digest:
            digest = hashlib.sha256()
            for piece in self.image():
                digest.update(piece)
            self._batch.digest = digest.hexdigest()
        return segment_name(self._batch.digest)

    def image(self) -> Image:
        """Return what is in it."""
        batch = self._batch
        content: dict[str, Any] = {"format": FORMAT, "segment_version": VERSION}
        content |= {"hashes": batch.hashes, "words": batch.text, "ends": batch.ends, "counts": batch.rows.counts}
        content |= {
            "vectors": batch.rows.vectors,
            "squares": batch.rows.squares,
        }  # of a merge, copied when it is written
        return Image(content)

    def published(self, folder: Path) -> None:
        """Let the batch be read from the file from now on."""
        if self._batch.filed is None and not self._batch.mapped:
            self._batch.filed = read_file(folder, self._batch.digest, self._dimensions)


def read_file(folder: Path, digest: str, dimensions: int) -> Batch:
    """Return the batch in a segment, of which pages are read when they are used.

    Raises:
        StreamerError: 65 if it is missing or damaged.
    """
    path = folder / segment_name(digest)
    try:
        tree = Store(folder).part(segment_name(digest), digest)
        if tree.pop("format", None) != FORMAT or tree.pop("segment_version", None) != VERSION:
            raise Damaged("it is not a segment that this version of streamer reads")
        batch = _read_segment(TreeReader(tree), dimensions)
    except FileNotFoundError:
        raise _unusable(path, "it is missing") from None
    except Damaged as error:
        raise _unusable(path, error.reason) from None
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror}") from None
    except StreamerError as error:
        if error.code != ExitCode.DAMAGED:
            raise
        raise _unusable(path, error.problem.rpartition(": ")[2]) from None
    forget(batch.text)  # what was checked need not stay in memory
    batch.digest, batch.mapped = digest, True
    return batch


def cold_leaves(segments: list[Batch], recent: list[Batch], dimensions: int) -> Tree:
    """Return batches of cold words: the names of those that are files, and the others themselves."""
    return {"segments": to_blob([batch.digest for batch in segments]), **leaves(recent, dimensions)}


def read_cold(read: TreeReader, folder: Path) -> Cold:
    """Return the words that left the vocabulary, to be looked up.

    Args:
        read: The tree.
        folder: Where the segments are that it needs.
    """
    found = Cold()
    restore_cold(read, found, read.count("settings/vector_size", low=1, high=10_000), folder)
    return found


def restore_cold(read: TreeReader, cold: Cold, dimensions: int, folder: Path | None) -> None:
    """Restore the cold words of a tree."""
    digests = read.words("cold/segments")
    if any(not DIGEST.fullmatch(digest) for digest in digests):
        raise damaged("cold/segments has something else than digests")
    if digests and folder is None:
        raise damaged("its segments are not in it")
    segments = [read_file(folder, digest, dimensions) for digest in digests] if folder else []
    recent = read_leaves(read, "cold/", dimensions)
    words, seen, left, returned = (
        read.count(f"cold/{name}") for name in ("word_count", "words_seen", "left", "returned")
    )
    most = sum(map(len, [*segments, *recent]))
    if words > most or words != left - returned or (words > seen) or bool(words) != bool(seen):
        raise damaged(f"cold/ has {words} words of {most}, of which {left} left and {returned} came back")
    cold.restore(segments, recent, words, seen, left, returned)


def _unusable(path: Path, reason: str) -> StreamerError:
    return StreamerError(
        f"{path} is damaged: {reason}",
        hint="it holds words that left the vocabulary, and the checkpoint needs it: restore it from a backup",
        code=ExitCode.DAMAGED,
    )
