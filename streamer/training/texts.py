"""Texts that come from Python instead of files → blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from streamer.text.tokenizer import SEPARATOR


def joined(texts: Iterable[str], limit: int) -> Iterator[str]:
    """Join short texts, with a separator between them, and cut long ones: at a line end or a space if there is one.

    Args:
        texts: Each a context of its own.
        limit: Most characters in a block.
    """
    waiting: list[str] = []
    size = 0
    for text in texts:
        begin = 0
        while len(text) - begin > limit:
            end = begin + limit
            cut = max(text.rfind(mark, begin, end) for mark in ("\n", " ")) + 1 or end
            yield SEPARATOR.join([*waiting, text[begin:cut]])
            waiting, size, begin = [], 0, cut
        if waiting and size + len(text) - begin > limit:
            yield SEPARATOR.join(waiting)
            waiting, size = [], 0
        waiting.append(text[begin:])
        size += len(waiting[-1])
    if waiting:
        yield SEPARATOR.join(waiting)
