"""Pickles, such as gensim's own files: they are known by their first bytes and never opened, since that runs code."""

from __future__ import annotations

import re
from pathlib import Path

ENOUGH = 512
"""Bytes at the beginning of a file that tell."""

_PROTOCOLS = range(2, 6)
_CLASS = re.compile(rb"\w*KeyedVectors|Word2Vec|FastText|Doc2Vec")


def told(head: bytes, path: str | Path) -> tuple[str, str] | None:
    """Return what is wrong with a file that is a pickle, and how to convert it; None if it is none.

    No file of vectors and no checkpoint begins like a pickle: a byte 0x80, which no UTF-8 begins with, and a number.

    Args:
        head: The first bytes of the file, :data:`ENOUGH` or more, unpacked.
        path: The file.

    """
    if head[:1] != b"\x80" or len(head) < 2 or head[1] not in _PROTOCOLS:
        return None
    found = _CLASS.search(head[:ENOUGH]) if b"gensim" in head[:ENOUGH] else None
    text = Path(path).with_suffix(".vectors.txt" if Path(path).suffix == ".txt" else ".txt").name
    if found is None:
        return "it is a pickle, not a file of vectors", (
            "open it with the program that made it, and save its vectors in word2vec's format"
        )
    name = found[0].decode()
    keyed = name.endswith("KeyedVectors")
    load = f'{"KeyedVectors" if keyed else name}.load("{Path(path).name}"){"" if keyed else ".wv"}'
    return f"it is a pickle of gensim's {name}", f'convert it with gensim: {load}.save_word2vec_format("{text}")'
