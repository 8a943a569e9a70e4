"""An inbox whose files change in every way that files do, and all that they ever held."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import unicodedata
from hashlib import sha256
from pathlib import Path

from streamer.settings import RunSettings

from .books import Books, text_of

NAMES = ("a.txt", "b.txt", "sub/c.txt", os.fsdecode(b"caf\xe9.txt"), "d", ".hidden", "e.part")
"""Names of files; the last two are not taken."""
WORDS = [first + second for first in ("ka", "lo", "mi", "nu", "pe", "sa") for second in ("", "ra", "s", "t", "do", "n")]
BAD = b" \xd7\xd7\xd7\0 "
"""No text in UTF-8 nor, for the NUL, quite in Latin-1; holds no word in either."""


def text(seed: int, size: int, *, bad: bool = False, open_end: bool = False) -> bytes:
    """Return about so many bytes of words, lines and paragraphs; with an open end, the last word may go on."""
    chance = random.Random(seed)
    written = b""
    while len(written) < size:
        written += chance.choice(WORDS).encode() + chance.choice((b" ", b" ", b" ", b"\n", b"\n\n"))
        if bad and chance.random() < 0.2:
            written += BAD
    return written.rstrip() if open_end else written


def packed(content: bytes, packing: str, seed: int = 0) -> bytes:
    """Return a content as a file would hold it: ``plain``, ``gzip``, ``members``, ``cut`` or ``damaged``."""
    if packing == "plain":
        return content
    if packing == "members":
        middle = random.Random(seed).randrange(len(content) + 1)
        return member(content[:middle]) + member(content[middle:])
    whole = member(content)
    if packing == "cut":
        return whole[: 2 + (len(whole) - 3) * (seed % 10) // 10]
    return whole if packing == "gzip" else whole[:-6] + b"\xff\x00" + whole[-4:]


def member(content: bytes) -> bytes:
    """Return a member of a gzip file."""
    return gzip.compress(content, 6, mtime=0)


class Texts:
    """A folder of texts.

    Args:
        folder: The inbox, which is made.

    Attributes:
        contents: All that any file ever held, by SHA-256.
        history: The same, by name and in order.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.contents: dict[bytes, bytes] = {}
        self.history: dict[str, list[bytes]] = {}
        self._clock = 1_600_000_000
        folder.mkdir(parents=True)

    def names(self) -> list[str]:
        """Return the names of the files that are there."""
        return [name for name in NAMES if (self.folder / name).is_file()]

    def read(self, name: str) -> bytes:
        """Return what a file holds."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes, *, keep_time: bool = False, replace: bool = False) -> None:
        """Let a file hold something from now on.

        Args:
            name: The file.
            content: What it holds.
            keep_time: Whether its time of modification stays, as some editors and archivers have it.
            replace: Whether it is another file, renamed into place.
        """
        path = self.folder / name
        before = path.stat() if path.is_file() else None
        path.parent.mkdir(exist_ok=True)
        target = path.with_name(".new.tmp") if replace else path
        target.write_bytes(content)
        if replace:
            target.replace(path)
        self._note(name, content)
        self.touch(name)
        while keep_time and before:
            os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
            if path.stat().st_ctime_ns > before.st_ctime_ns:  # the clock of the file system tells the two apart
                break

    def edit(self, name: str, how: str, seed: int) -> None:
        """Do something to a file that may be in use: ``append`` (after a blank), ``rewrite``, ``cut`` or ``remove``."""
        content = self.read(name) if name in self.names() else b""
        if how == "remove":
            (self.folder / name).unlink(missing_ok=True)
        elif how == "cut":
            self.write(name, content[: len(content) // 2])
        else:
            self.write(name, text(seed, 300) if how == "rewrite" else content + b" " + text(seed, 100))

    def touch(self, name: str) -> None:
        """Let a file look as if it were the one that was written last."""
        self._clock += 1
        os.utime(self.folder / name, (self._clock, self._clock))

    def age(self, name: str) -> None:
        """Let a file look as if it had been written before all others."""
        self._clock += 1
        os.utime(self.folder / name, (2_000_000_000 - self._clock,) * 2)

    def rename(self, name: str, new: str) -> None:
        """Give a file another name; its times stay."""
        (self.folder / new).parent.mkdir(exist_ok=True)
        (self.folder / name).rename(self.folder / new)
        self._note(new, self.read(new))

    def copy(self, name: str, new: str) -> None:
        """Copy a file, with its times."""
        if name != new:
            (self.folder / new).parent.mkdir(exist_ok=True)
            shutil.copy2(self.folder / name, self.folder / new)
            self._note(new, self.read(new))

    def _note(self, name: str, content: bytes) -> None:
        self.contents[sha256(content).digest()] = content
        self.history.setdefault(name, []).append(content)


def refusal(content: bytes, encoding: str, max_bad_ratio: float) -> str:
    """Return how the reason begins for which a content is no text, or nothing."""
    found = text_of(content)
    if found is None:
        return "gzip: "
    if not found:
        return "empty"
    # Found out, it is UTF-8 too: no other encoding fits what is bad here.
    characters = found.decode("utf-8" if encoding == "auto" else encoding, "replace")
    bad = characters.count("\ufffd") + characters.count("\0")
    controls = sum(unicodedata.category(character) == "Cc" and character != "\n" for character in characters)
    return "not text in " if bad > max_bad_ratio * len(characters) or controls > 0.03 * len(characters) else ""


def check_outcome(name: str, content: bytes, books: Books, contents: dict[bytes, bytes], *, rules: RunSettings) -> None:
    """Check that a file is trained to its end, or refused for a reason that is one.

    Args:
        name: The file.
        content: What it holds.
        books: What the trainer says.
        contents: All that any file ever held.
        rules: The settings by which it is judged.
    """
    digest = sha256(content).digest()
    refused = [row for row in books.rows if row.path == name and row.outcome == "skipped"]
    row = books.versions.get((name, digest))
    if row is not None:
        assert not refused, f"{name} is trained and refused: {refused}"
        assert (row.outcome, row.bytes_trained) == ("trained", row.text_bytes), row
        return
    # Zeros where reading ended with the verdict.
    assert [row.sha256 for row in refused] in ([digest], [bytes(32)]), (
        f"{name} is neither trained nor refused: {books.rows}"
    )
    reason, old = refused[0].reason, books.previous(name)
    # What a file grows by is read in the encoding that the file was begun with, whatever the settings are by then.
    grew = old is not None and len(content) > len(contents[old.sha256]) and content.startswith(contents[old.sha256])
    encoding = old.encoding if old is not None and grew else rules.encoding_of(name)
    because = refusal(content, encoding, rules.max_bad_ratio)
    if reason.startswith("rewritten"):
        assert rules.on_change == "skip" and old is not None, f"{name} is refused: {reason}"
        assert not grew, f"{name} grew, and is refused"
    else:
        assert because and reason.startswith(because), f"{name} is refused: {reason}; {because or 'it is good'}"
