"""Names of words for files without quoting: without whitespace, and still distinct."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

# Everything that str.split splits at, including the line ends of str.splitlines, so that no reader cuts a word.
_WHITESPACE = re.compile(r"\s")


def without_whitespace(words: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return other names for those of some words that need one: "new york" becomes "new_york", as is usual.

    If another word has that name, or an earlier one got it, underscores are added until no word has it. So words that
    need no other name keep their own, and the names depend only on the vocabulary and its order.

    Args:
        words: The words to name, in order.
        known: All words of the vocabulary.

    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for word in words:
        if word and not _WHITESPACE.search(word):
            continue
        name = _WHITESPACE.sub("_", word) or "_"
        while name in known or name in taken:
            name += "_"
        taken.add(name)
        names[word] = name
    return names
