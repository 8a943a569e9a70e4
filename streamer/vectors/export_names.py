"""Words as files without quoting can hold them: without whitespace, and still all different."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

# All that str.split takes for a separator, among them the line ends of str.splitlines: no reader then cuts a word.
_WHITESPACE = re.compile(r"\s")


def without_whitespace(words: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return other names for those of some words that need one: "new york" becomes "new_york", as is the custom.

    Where another word has that name, or the words before took it, underscores are added until nobody has it. So words
    that need no other name keep their own, and the names depend on nothing but the vocabulary and its order.

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
