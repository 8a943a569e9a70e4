"""Write vectors to files that other programs read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from streamer.errors import StreamerError
from streamer.system.atomic_files import replacing
from streamer.vectors import export_formats
from streamer.vectors.export_formats import Progress, Rows
from streamer.vectors.table import VectorTable


@dataclass(frozen=True)
class _Format:
    """One way to write vectors.

    Attributes:
        write: Writes rows to all files of the format, the main one first.
        beside: Returns the names of the other files; its argument is the name of the main one.
        streams: Whether it can be written to a pipe.

    """

    write: Callable[..., None]
    beside: Callable[[str], list[str]] = lambda _: []
    streams: bool = False


def _metadata(name: str) -> list[str]:
    return [f"{name.removesuffix('.tsv')}.metadata.tsv"]


def _vocabulary_and_config(name: str) -> list[str]:
    """Return ``vocab.json`` and ``config.json`` for ``model.safetensors``; for other files, the same after their stem.

    So a folder has room for several exports, and the ``config.json`` of something else is not replaced.
    """
    stem = name.removesuffix(".safetensors")
    prefix = "" if stem == "model" else f"{stem}."
    return [f"{prefix}vocab.json", f"{prefix}config.json"]


_FORMATS = {
    "word2vec": _Format(export_formats.word2vec, streams=True),
    "word2vec-binary": _Format(export_formats.word2vec_binary, streams=True),
    "glove": _Format(export_formats.glove, streams=True),
    "projector": _Format(export_formats.projector, _metadata),
    "npz": _Format(export_formats.npz),
    "safetensors": _Format(export_formats.safetensors, _vocabulary_and_config),
}
FORMATS = tuple(_FORMATS)


def write(
    vectors: VectorTable, path: str | Path, format: str, topn: int | None = None, progress: Progress | None = None
) -> list[Path]:
    """Write vectors, most frequent word first; the same vectors always give the same bytes.

    Each file is complete or absent. All files of an export are complete before the first is renamed, and the main one
    comes last: see :func:`.atomic_files.replacing`. At most a thousand vectors are in memory a second time.

    Args:
        vectors: The vectors.
        path: The main file. Its folder must exist.
        format: One of :data:`FORMATS`.
        topn: How many of the most frequent words to write; None for all.
        progress: Called with the number of rows written so far, at the end with all.

    Returns:
        The files written, the main one first.

    Raises:
        StreamerError: With exit code 2, if the format is unknown or ``topn`` below 1; 74, if it can't be written.

    """
    kind, rows = _chosen(format), _rows(vectors, topn, progress)
    main = Path(path)
    beside = [main.with_name(name) for name in kind.beside(main.name)]
    with replacing(*beside, main) as (*others, file):
        kind.write(rows, file, *others)
    return [main, *beside]


def write_to(
    vectors: VectorTable, file: BinaryIO, format: str, topn: int | None = None, progress: Progress | None = None
) -> None:
    """Write vectors to an open file, such as a pipe; arguments as for :func:`write`.

    Raises:
        StreamerError: With exit code 2, if the format is unknown or can't be written to a pipe, or ``topn`` below 1.
        OSError: If it can't be written.

    """
    kind, rows = _chosen(format), _rows(vectors, topn, progress)
    if not kind.streams:
        streams = ", ".join(name for name, each in _FORMATS.items() if each.streams)
        raise StreamerError(f"{format} cannot be written to a pipe", hint=f"name a file, or use one of {streams}")
    kind.write(rows, file)


def _chosen(format: str) -> _Format:
    if format not in _FORMATS:
        raise StreamerError(f"{format!r} is not an export format", hint=f"use one of {', '.join(FORMATS)}")
    return _FORMATS[format]


def _rows(vectors: VectorTable, topn: int | None, progress: Progress | None) -> Rows:
    if topn is not None and topn < 1:
        raise StreamerError(f"topn must be at least 1, not {topn}")
    return Rows(vectors, len(vectors) if topn is None else min(topn, len(vectors)), progress)
