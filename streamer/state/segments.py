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

from streamer.checkpoints import Damaged, Image, Store
from streamer.checkpoints.parts import segment_name
from streamer.errors import ExitCode, StreamerError
from streamer.model.cold import Batch, Cold, Floats, Gathered, Rows
from streamer.state.tree_reader import TreeReader, damaged, to_blob

FORMAT = "streamer segment"
VERSION = 1


def leaves(batches: Sequence[Batch], dimensions: int) -> dict[str, Any]:
    """Return batches as leaves of a tree, one after the other; vectors of a single one are not copied.

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
        "vectors": _vectors(every),
        "squares": np.concatenate([batch.rows.squares for batch in every]),
    }


def _vectors(batches: Sequence[Batch]) -> Floats | Gathered:
    return batches[0].rows.vectors if len(batches) == 1 else np.concatenate([batch.rows.array for batch in batches])


def read_leaves(read: TreeReader, group: str, dimensions: int) -> list[Batch]:
    """Return the batches whose :func:`leaves` are in a group of a tree, after checking that they belong together."""
    sizes = read.counts(f"{group}sizes", None)
    ends = np.cumsum([0, *sizes.tolist()])
    size = int(ends[-1])
    hashes, text = read.array(f"{group}hashes", np.uint64, (size,)), read.array(f"{group}words", np.uint8, (None,))
    lines = np.concatenate([np.zeros(1, np.int64), np.flatnonzero(text == ord("\n")) + 1])
    if len(lines) != size + 1 or lines[-1] != len(text) or (np.diff(lines) < 2).any():
        raise damaged(f"{group}words is not a list of {size} words")
    counts = read.counts(f"{group}counts", size)
    vectors = read.floats(f"{group}vectors", np.float32, (size, 2, dimensions))
    squares = read.floats(f"{group}squares", np.float32, (size, 2), low=1e-12)
    found = []
    for begin, end in itertools.pairwise(ends.tolist()):
        here = slice(begin, end)
        if (hashes[here][1:] < hashes[here][:-1]).any():
            raise damaged(f"{group}hashes is not in order")
        words = text[lines[begin] : lines[end]]
        rows = Rows(counts[here], vectors[here], squares[here])
        found.append(Batch(hashes[here], words, lines[begin : end + 1] - lines[begin], rows))
    return found


class Segment:
    """A batch of cold words as a file; a :class:`~streamer.checkpoints.image.Part`.

    Args:
        batch: The batch; its digest and its file are noted in it.
    """

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
        return Image({"format": FORMAT, "segment_version": VERSION, **leaves([self._batch], self._dimensions)})

    def published(self, folder: Path) -> None:
        """Let the batch be read from the file from now on."""
        if self._batch.filed is None:
            self._batch.filed = read_file(folder, self._batch.digest, self._dimensions)


def read_file(folder: Path, digest: str, dimensions: int) -> Batch:
    """Return the batch in a segment, of which pages are read when they are used.

    Raises:
        StreamerError: 65 if it is missing or damaged.
    """
    path = folder / segment_name(digest)
    try:
        tree = Store(folder).segment(digest)
        if tree.pop("format", None) != FORMAT or tree.pop("segment_version", None) != VERSION:
            raise Damaged("it is not a segment that this version of streamer reads")
        [batch] = read_leaves(TreeReader(tree), "", dimensions)
    except FileNotFoundError:
        raise _unusable(path, "it is missing") from None
    except Damaged as error:
        raise _unusable(path, error.reason) from None
    except ValueError:
        raise _unusable(path, "it has no batch, or several") from None
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror}") from None
    except StreamerError as error:
        if error.code != ExitCode.DAMAGED:
            raise
        raise _unusable(path, error.problem.rpartition(": ")[2]) from None
    batch.digest, batch.filed = digest, batch
    return batch


def cold_leaves(segments: list[Batch], recent: list[Batch], dimensions: int) -> dict[str, Any]:
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
