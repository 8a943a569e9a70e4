"""Vectors as files that other programs read: word2vec (text and binary), GloVe and NumPy's npz."""

from __future__ import annotations

import os
import re
import secrets
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from streamer.errors import ExitCode, StreamerError

if TYPE_CHECKING:
    from streamer.vectors.word_vectors import WordVectors

_PIECE = 1000  # rows turned into bytes at once

Writer = Callable[["WordVectors", int, IO[bytes]], None]


def write(vectors: WordVectors, path: str | Path, format: str, topn: int | None = None) -> None:
    """Write vectors to a file, most frequent word first; the same vectors always give the same bytes.

    The file appears whole or not at all: it is written beside its place, flushed to the disk and renamed. A file that
    is there already is replaced.

    Args:
        vectors: What to write.
        path: The file. Its folder must exist.
        format: One of :data:`FORMATS`.
        topn: How many of the most frequent words to write; None for all.

    Raises:
        StreamerError: With exit code 2, if the format is unknown or ``topn`` below 1; 74, if it cannot be written.

    """
    writer = _WRITERS.get(format)
    if writer is None:
        raise StreamerError(f"{format!r} is no export format", hint=f"use one of {', '.join(FORMATS)}")
    if topn is not None and topn < 1:
        raise StreamerError(f"topn must be at least 1, not {topn}")
    count = len(vectors) if topn is None else min(topn, len(vectors))
    # A symbolic link stays one: what it points to is replaced.
    place = Path(path).resolve()
    # Hidden and *.tmp: no inbox takes it for a text, should the file be written into one.
    beside = place.with_name(f".export-{secrets.token_hex(4)}.tmp")
    try:
        try:
            with beside.open("xb") as file:
                writer(vectors, count, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(place)
            _sync_folder(place.parent)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        hint = "" if place.parent.is_dir() else f"make the folder {place.parent} first"
        problem = f"cannot write {path}: {error.strerror or error}"
        raise StreamerError(problem, hint=hint, code=ExitCode.CANNOT_WRITE) from None


def _sync_folder(folder: Path) -> None:
    """Make a rename outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pieces(vectors: WordVectors, count: int) -> Iterator[tuple[list[str], npt.NDArray[np.float32]]]:
    """Yield words, without whitespace, and their rows.

    The formats that separate by spaces have no way to quote one: "New York" is written "New_York", as is the custom.
    """
    for start in range(0, count, _PIECE):
        stop = min(start + _PIECE, count)
        words = [re.sub(r"\s", "_", word) for word in vectors.index_to_key[start:stop]]
        yield words, vectors.vectors[start:stop]


def _header(vectors: WordVectors, count: int) -> bytes:
    return f"{count} {vectors.vector_size}\n".encode()


def _write_text(vectors: WordVectors, count: int, file: IO[bytes]) -> None:
    """Write word2vec's text: a line of sizes, then what GloVe writes."""
    file.write(_header(vectors, count))
    _write_glove(vectors, count, file)


def _write_glove(vectors: WordVectors, count: int, file: IO[bytes]) -> None:
    """Write a line a word: the word and its numbers, separated by single spaces."""
    # Nine significant digits bring back every float32 exactly (IEEE 754-2019, 5.12.2), and printf is twice as
    # fast as the repr of a NumPy scalar.
    line = "%s" + " %.9g" * vectors.vector_size + "\n"
    for words, rows in _pieces(vectors, count):
        lines = [line % (word, *row) for word, row in zip(words, rows.tolist(), strict=True)]
        file.write("".join(lines).encode("utf-8"))


def _write_binary(vectors: WordVectors, count: int, file: IO[bytes]) -> None:
    """Write word2vec's binary form, as gensim does: a line of sizes; a word, a space and its float32s, little-endian.

    The C program also ends each vector with a line feed, which it, gensim and others skip; none of them needs it.
    """
    file.write(_header(vectors, count))
    for words, rows in _pieces(vectors, count):
        little = rows.astype("<f4", copy=False)
        file.writelines(word.encode("utf-8") + b" " + row.tobytes() for word, row in zip(words, little, strict=True))


def _write_npz(vectors: WordVectors, count: int, file: IO[bytes]) -> None:
    """Write ``words`` (str), ``vectors`` (float32) and ``counts`` (int64) for :func:`numpy.load`."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "words": np.array(vectors.index_to_key[:count], dtype=np.str_),
        "vectors": vectors.vectors[:count],
        "counts": vectors.counts[:count],
    }
    # As numpy.savez, but that leaves the date of the members to zipfile's defaults.
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


_WRITERS: dict[str, Writer] = {
    "word2vec": _write_text,
    "word2vec-binary": _write_binary,
    "glove": _write_glove,
    "npz": _write_npz,
}
FORMATS = tuple(_WRITERS)
