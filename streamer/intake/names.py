"""Which names in the inbox are accepted: the globs of the settings, compiled once."""

from __future__ import annotations

import fnmatch
import functools
import mimetypes
import re
from collections.abc import Callable

from streamer.settings import DEFAULT_EXCLUDE


class Names:
    """Which names are accepted: the globs of the settings, compiled once.

    A glob is compared with the file's name or, if the glob contains a ``/``, with the whole relative path.
    """

    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        self._include = _compile(include)
        self._default = _compile(DEFAULT_EXCLUDE)
        self._exclude = _compile(() if exclude == DEFAULT_EXCLUDE else exclude)

    def take(self, name: str, path: str) -> bool:
        """Return whether a file is accepted. An include is stronger than the default excludes."""
        if self._include and not self._include(name, path):
            return False
        if self._exclude and self._exclude(name, path):
            return False
        return bool(self._include) or not (self._default and self._default(name, path))


def _compile(globs: tuple[str, ...]) -> Callable[[str, str], bool] | None:
    def union(chosen: list[str]) -> re.Pattern[str]:
        return re.compile("|".join(map(fnmatch.translate, chosen)) or r"(?!)")

    if not globs:
        return None
    names = union([glob for glob in globs if "/" not in glob])
    if not any("/" in glob for glob in globs):
        return lambda name, path: bool(names.match(name))
    paths = union([glob for glob in globs if "/" in glob])
    return lambda name, path: bool(names.match(name) or paths.match(path))


def hidden(path: str) -> bool:
    """Return whether a name in a relative path begins with a dot."""
    return path.startswith(".") or "/." in path


@functools.cache
def _types() -> mimetypes.MimeTypes:
    return mimetypes.MimeTypes()  # Python's own table: in the machine's table, conf.d would be D source code


def looks_like_text(name: str) -> bool:
    """Return whether a name is one that files of text have, packed or not."""
    kind, packing = _types().guess_type(name)
    return packing == "gzip" or (kind or "").startswith("text/")
