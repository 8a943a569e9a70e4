"""How vectors are written for other programs: one function per format. Each writes in pieces, to save memory.

Each takes the rows and the open files of the format, the main file first. ``docs/exports.md`` says what is in the files
and which programs open them.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from streamer.vectors.export_names import without_whitespace
from streamer.vectors.table import VectorTable

_PIECE = 1000  # rows turned into bytes at once

Progress = Callable[[int], object]
Piece = tuple[list[str], npt.NDArray[np.float32], npt.NDArray[np.int64]]


class Rows:
    """The rows to write: the most frequent words, in pieces of words, vectors (n, D) float32 and counts (n,) int64.

    Args:
        vectors: The vectors of all words.
        count: How many words to write.
        progress: Called after each piece with the number of rows whose vectors are written.

    """

    def __init__(self, vectors: VectorTable, count: int, progress: Progress | None = None) -> None:
        self._vectors, self._progress = vectors, progress
        self.count, self.size = count, vectors.vector_size

    def pieces(self) -> Iterator[Piece]:
        """Yield all rows with the words as they are."""
        for start in range(0, self.count, _PIECE):
            stop = min(start + _PIECE, self.count)
            yield self.words(start, stop), self._vectors.vectors[start:stop], self._vectors.counts[start:stop]
            if self._progress:
                self._progress(stop)

    def named_pieces(self) -> Iterator[Piece]:
        """Yield all rows with words that have no whitespace."""
        names = without_whitespace(self.words(), self._vectors.key_to_index)
        for words, vectors, counts in self.pieces():
            yield [names.get(word, word) for word in words] if names else words, vectors, counts

    def words(self, start: int = 0, stop: int | None = None) -> list[str]:
        """Return words as they are."""
        return self._vectors.index_to_key[start : self.count if stop is None else stop]

    def counts(self) -> npt.NDArray[np.int64]:
        """Return all counts."""
        return self._vectors.counts[: self.count]


def word2vec(rows: Rows, file: BinaryIO) -> None:
    """Write word2vec's text: a line with the numbers of words and dimensions, then the same as GloVe."""
    file.write(_sizes(rows))
    glove(rows, file)


def glove(rows: Rows, file: BinaryIO) -> None:
    """Write one line per word: the word and its numbers, separated by single spaces."""
    line = "%s " + _numbers(rows, " ")
    for words, vectors, _ in rows.named_pieces():
        lines = [line % (word, *row) for word, row in zip(words, vectors.tolist(), strict=True)]
        file.write("".join(lines).encode("utf-8"))


def word2vec_binary(rows: Rows, file: BinaryIO) -> None:
    """Write word2vec's binary form, as gensim does: a line of sizes; word, space and little-endian float32s for each.

    The C program also writes a line feed after each vector. It, gensim and others skip it; none of them needs it.
    """
    file.write(_sizes(rows))
    for words, vectors, _ in rows.named_pieces():
        little = _little(vectors)
        file.writelines(word.encode("utf-8") + b" " + row.tobytes() for word, row in zip(words, little, strict=True))


def projector(rows: Rows, file: BinaryIO, metadata: BinaryIO) -> None:
    """Write numbers separated by tabs, without a header; in the second file words and counts, with a header."""
    line = _numbers(rows, "\t")
    metadata.write(b"word\tcount\n")
    for words, vectors, counts in rows.named_pieces():
        file.write("".join([line % tuple(row) for row in vectors.tolist()]).encode("ascii"))
        pairs = zip(words, counts.tolist(), strict=True)
        metadata.write("".join([f"{word}\t{count}\n" for word, count in pairs]).encode("utf-8"))


def npz(rows: Rows, file: BinaryIO) -> None:
    """Write ``words`` (str), ``vectors`` (float32) and ``counts`` (int64) for :func:`numpy.load`.

    NumPy gives each word the room of the longest, four bytes per character, most of them zeros: only this member is
    compressed.
    """
    longest = max(1, *map(len, rows.words())) if rows.count else 1
    with zipfile.ZipFile(file, "w") as archive:
        with _member(archive, "words", f"<U{longest}", (rows.count,), zipfile.ZIP_DEFLATED) as member:
            for start in range(0, rows.count, _PIECE):
                words = rows.words(start, min(start + _PIECE, rows.count))
                member.write(np.array(words, dtype=f"<U{longest}").tobytes())
        with _member(archive, "vectors", "<f4", (rows.count, rows.size)) as member:
            for _, vectors, _ in rows.pieces():
                member.write(_little(vectors).tobytes())
        with _member(archive, "counts", "<i8", (rows.count,)) as member:
            member.write(rows.counts().astype("<i8", copy=False).tobytes())


def safetensors(rows: Rows, file: BinaryIO, vocabulary: BinaryIO, config: BinaryIO) -> None:
    """Write ``counts`` (int64) and ``vectors`` (float32); beside them, as JSON, the row of each word, and the sizes.

    The bytes are those of the safetensors library, which is not used: the format never changes and needs few lines. The
    library (0.8) makes files that only their owner may read, raises its own exception on a full disk, and before 0.8
    copied everything that it wrote. The keys of the JSON are those of staticvectors.
    """
    split = 8 * rows.count
    header = {
        "counts": {"dtype": "I64", "shape": [rows.count], "data_offsets": [0, split]},
        "vectors": {
            "dtype": "F32",
            "shape": [rows.count, rows.size],
            "data_offsets": [split, split + 4 * rows.count * rows.size],
        },
    }
    packed = json.dumps(header, separators=(",", ":")).encode("ascii")
    packed += b" " * (-len(packed) % 8)  # the data begins at a multiple of eight bytes
    file.write(len(packed).to_bytes(8, "little") + packed + rows.counts().astype("<i8", copy=False).tobytes())
    vocabulary.write(b'{"tokens": {')
    row = 0
    for words, vectors, _ in rows.pieces():
        file.write(_little(vectors).tobytes())
        tokens = dict(zip(words, range(row, row + len(words)), strict=True))
        vocabulary.write((", " * (row > 0) + json.dumps(tokens, ensure_ascii=False)[1:-1]).encode("utf-8"))
        row += len(words)
    vocabulary.write(b"}}\n")
    sizes = {"model_type": "staticvectors", "storage": "safetensors", "total": rows.count, "dim": rows.size}
    config.write(json.dumps(sizes, indent=2).encode("ascii") + b"\n")


def _sizes(rows: Rows) -> bytes:
    return f"{rows.count} {rows.size}\n".encode("ascii")


def _numbers(rows: Rows, separator: str) -> str:
    """Return a template for the numbers of a line.

    Nine significant digits restore every float32 exactly (IEEE 754-2019, 5.12.2). printf is twice as fast as the repr
    of a NumPy scalar, with a tenth more bytes.
    """
    return separator.join(["%.9g"] * rows.size) + "\n"


def _little(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return vectors.astype("<f4", copy=False)


def _member(
    archive: zipfile.ZipFile, name: str, kind: str, shape: tuple[int, ...], compression: int = zipfile.ZIP_STORED
) -> IO[bytes]:
    """Begin an array in an npz archive; the caller writes its bytes."""
    entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))  # the same bytes at any time
    entry.external_attr = 0o644 << 16
    entry.compress_type = compression
    member = archive.open(entry, "w", force_zip64=True)
    header: dict[str, Any] = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(member, header)
    return member
