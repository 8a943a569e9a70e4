"""Writing 100,000 vectors for other programs, and reading them, beside gensim doing the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gensim
import numpy as np
import pytest

from streamer.vectors import FORMATS, WordVectors, read_word2vec_format, write

WORDS, SIZE = 100_000, 100


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    """Return vectors of the size that trained ones have."""
    matrix = np.random.default_rng(1).normal(scale=0.3, size=(WORDS, SIZE)).astype(np.float32)
    return WordVectors([f"word{number}" for number in range(WORDS)], matrix, np.arange(WORDS, 0, -1))


@pytest.fixture(scope="module")
def peer(vectors: WordVectors) -> Any:
    """Return the same in gensim."""
    keyed = gensim.models.KeyedVectors(SIZE)
    keyed.add_vectors(vectors.index_to_key, vectors.vectors)
    return keyed


@pytest.mark.parametrize("format", FORMATS)
def test_write(benchmark: Any, vectors: WordVectors, tmp_path: Path, format: str) -> None:
    """Ours, flushed to the disk."""
    files = benchmark.pedantic(lambda: write(vectors, tmp_path / "vectors", format), rounds=3)
    benchmark.extra_info["size_bytes"] = sum(path.stat().st_size for path in files)


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_writes(benchmark: Any, peer: Any, tmp_path: Path, binary: bool) -> None:
    """Theirs, not flushed."""
    benchmark.pedantic(lambda: peer.save_word2vec_format(str(tmp_path / "vectors"), binary=binary), rounds=3)


@pytest.mark.parametrize("format", ["word2vec", "word2vec-binary", "glove"])
def test_read(benchmark: Any, vectors: WordVectors, tmp_path: Path, format: str) -> None:
    """Ours, which sees for itself what the file is."""
    write(vectors, tmp_path / "vectors", format)
    benchmark.pedantic(lambda: read_word2vec_format(tmp_path / "vectors"), rounds=3)


@pytest.mark.parametrize("format", ["word2vec", "word2vec-binary", "glove"])
def test_gensim_reads(benchmark: Any, vectors: WordVectors, tmp_path: Path, format: str) -> None:
    """Theirs, told what it is."""
    write(vectors, tmp_path / "vectors", format)
    options = {"binary": format == "word2vec-binary", "no_header": format == "glove"}
    load = gensim.models.KeyedVectors.load_word2vec_format
    benchmark.pedantic(lambda: load(str(tmp_path / "vectors"), **options), rounds=3)
