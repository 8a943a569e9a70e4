"""Kinds of bad and odd files: how each is made, and what has to come of it."""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import json
import lzma
import os
import random
import socket
import sqlite3
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.support.corpus import text

GOOD = text(1, 6_000)
WORDS = len(GOOD.split())
PLAIN = GOOD.encode()
NOISE = random.Random(1).randbytes(20_000)
PACKED = gzip.compress(PLAIN, mtime=0)
CANARY = "canary.txt"
"""A file beside the inbox, which links in it lead to."""
UNREADABLE = "inbox.unreadable"
"""In place of a reason: nobody can know what is in there, so there is no row, and one warning in the log."""

BINARY = "not text: its first bytes are those of a binary file: "
UTF8 = "not text in utf-8: "
UTF16 = "not text in utf-16-le by its byte-order mark: "
LINK = "a symbolic link, not a regular file"

Content = bytes | str | Callable[[], bytes | str]
"""What a file holds, or what makes it when it is wanted."""


@dataclass(frozen=True)
class Kind:
    """Something that may lie in an inbox.

    Attributes:
        make: Makes it, given its path.
        reason: How the reason begins for which it is refused; empty if it is trained.
        words: The words that are trained of it.
        name: Its name; if there is none, that of the kind and ``.txt``.
        entry: The path of the row, if that is not the name.
    """

    make: Callable[[Path], object]
    reason: str = ""
    words: int = WORDS
    name: str | None = None
    entry: str | None = None


def holds(content: Content) -> Callable[[Path], object]:
    """Return what writes a file with this content."""

    def make(path: Path) -> None:
        data = content() if callable(content) else content
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    return make


def trained(data: Content, words: int = WORDS, name: str | None = None) -> Kind:
    """Return a kind of file that is trained."""
    return Kind(holds(data), "", words, name)


def refused(data: Content, reason: str, name: str | None = None) -> Kind:
    """Return a kind of file that is refused."""
    return Kind(holds(data), reason, 0, name)


def _sparse(size: int, *pieces: bytes) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        path.write_bytes(b"".join(pieces))
        os.truncate(path, size)

    return make


def _written_over(data: bytes, position: int, new: bytes) -> bytes:
    return data[:position] + new + data[position + len(new) :]


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", text(3, 60_000))
    return file.getvalue()


def _sqlite() -> bytes:
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.execute("create table books (title text, body text)")
        database.executemany("insert into books values (?, ?)", [("a title", "some words")] * 20)
        database.commit()
        return database.serialize()


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(NOISE)) + chunk(b"IEND", b"")


def _elf() -> bytes:
    head = struct.pack("<4s5B7xHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 3, 62, 1, 64, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return head + bytes(4000) + b"GCC: (GNU) 13.2.0\0.symtab\0.strtab\0" + NOISE[:4000]


def _pdf() -> bytes:
    stream = b"<< /Length 20000 /Filter /FlateDecode >>\nstream\n" + NOISE + b"\nendstream\n"
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n" + stream + b"endobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"


def _head(flags: int, *fields: bytes, method: int = 8) -> bytes:
    """Return a gzip file of the good text with a header of one's own."""
    return b"\x1f\x8b" + bytes([method, flags]) + bytes(6) + b"".join(fields) + PACKED[10:]


def _checked_head() -> bytes:
    head = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x03\0abc" + b"name\0" + b"comment\0"
    return head + struct.pack("<H", zlib.crc32(head) & 0xFFFF) + PACKED[10:]


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, _inside(path.parent):
        server.bind(path.name)  # its address may not be long


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _device(kind: int, major: int, minor: int) -> Callable[[Path], object]:
    return lambda path: os.mknod(path, kind | 0o666, os.makedev(major, minor))


def _link(target: str) -> Kind:
    return Kind(lambda path: path.symlink_to(target), LINK, 0)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "within.txt").write_text(GOOD)


def _closed(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def made(path: Path) -> None:
        make(path)
        path.chmod(0)

    return made


def _dated(seconds: int, data: bytes = PLAIN) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        path.write_bytes(data)
        os.utime(path, (seconds, seconds))

    return make


def _deep(levels: int, folder: str, path: Path) -> None:
    """Make folders in folders, one step at a time: the whole path may be too long for the system."""
    path.mkdir()
    with _inside(path):
        for _ in range(levels):
            Path(folder).mkdir()
            os.chdir(folder)
        Path("deep.txt").write_text(GOOD)


MARKS = "\u0315\u0300"
SYMBOLS = (*range(0xF0000, 0xFFFFE), *range(0x100000, 0x10FFFE))
FEW, MANY = len(PLAIN) // 200, len(PLAIN) // 20
"""Bad characters within the limit of 1 %, and beyond it."""

CONTENTS = {
    "empty": refused("", "empty"),
    "bom-8": refused(codecs.BOM_UTF8, "empty"),
    "bom-16-le": refused(codecs.BOM_UTF16_LE, "empty"),
    "bom-16-be": refused(codecs.BOM_UTF16_BE, "empty"),
    "bom-32-le": refused(codecs.BOM_UTF32_LE, "empty"),
    "bom-32-be": refused(codecs.BOM_UTF32_BE, "empty"),
    "white": trained(" \t\n\v\f\r\n \u00a0\u3000\n" * 500, 0),
    "one-byte": trained("x", 1),
    "nuls": refused(bytes(5000), UTF8 + "100 %"),
    "few-nuls": trained(PLAIN + bytes(FEW)),
    "many-nuls": refused(PLAIN + bytes(MANY), UTF8),
    "no-newline": trained(GOOD.rstrip()),
    "cr": trained(GOOD.replace("\n", "\r")),
    "crlf": trained(GOOD.replace("\n", "\r\n")),
    "mixed-line-ends": trained(GOOD.replace("\n", "\r\n", 5).replace("\n\n", "\r\r")),
    "dos-end": trained(PLAIN + b"\x1a"),
    "utf-8-bom": trained(codecs.BOM_UTF8 + PLAIN),
    "utf-16-le-bom": trained(codecs.BOM_UTF16_LE + GOOD.encode("utf-16-le")),
    "utf-16-be-bom": trained(codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be")),
    "utf-16-le": trained(GOOD.encode("utf-16-le")),
    "utf-16-be": trained(GOOD.encode("utf-16-be")),
    "utf-32-le-bom": trained(codecs.BOM_UTF32_LE + GOOD.encode("utf-32-le")),
    "utf-32-be-bom": trained(codecs.BOM_UTF32_BE + GOOD.encode("utf-32-be")),
    "utf-32-le": refused(GOOD.encode("utf-32-le"), UTF8 + "75 %"),
    "utf-16-odd": trained(codecs.BOM_UTF16_LE + GOOD.encode("utf-16-le") + b"x"),
    "utf-16-odd-and-short": refused(codecs.BOM_UTF16_LE + b"a\0b\0c", UTF16 + "33.3 %"),
    "few-surrogates": trained(PLAIN + b"\n\xed\xa0\x80" * (FEW // 3)),
    "many-surrogates": refused(PLAIN + b"\xed\xa0\x80" * MANY, UTF8),
    "utf-16-surrogates": refused(codecs.BOM_UTF16_LE + b"\x00\xd8" * 500, UTF16 + "100 %"),
    "utf-16-pairs": trained("\ufeff" + "\U0001f600 pair " * 500, 500),
    "little-latin-1": trained(PLAIN + b" caf\xe9" * (FEW // 2), WORDS + FEW // 2),
    "latin-1": refused("café crème\n".encode("latin-1") * 50, UTF8),
    "cut-character": trained(PLAIN + "é".encode()[:1]),
    "cut-character-and-short": refused(b"short " + "é".encode()[:1], UTF8 + "14.3 %"),
    "overlong": refused(b"\xc0\xaf\xe0\x80\xaf" * 100, UTF8 + "100 %"),
    "six-bytes": refused(PLAIN + b"\xfc\x84\x80\x80\x80\x80" * MANY, UTF8),
    "replacement-characters": trained(GOOD + "\ufffd" * MANY),
    "noise": refused(NOISE, UTF8),
    "all-bytes": refused(bytes(range(256)) * 20, UTF8),
    "png": refused(_png(), BINARY + "picture"),
    "jpeg": refused(b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01" + NOISE + b"\xff\xd9", BINARY + "picture"),
    "gif": refused(b"GIF89a\x40\0\x40\0\x80\0\0" + NOISE, BINARY + "picture"),
    "elf": refused(_elf(), BINARY + "program"),
    "zip": refused(_zip(), BINARY + "archive"),
    "sqlite": refused(_sqlite(), BINARY + "database"),
    "pdf": refused(_pdf(), "PDF: convert it to text first"),
    "wav": refused(struct.pack("<4sI4s", b"RIFF", 20036, b"WAVE") + NOISE, UTF8),
    "bzip2": trained(bz2.compress(PLAIN)),
    "xz": trained(lzma.compress(PLAIN)),
    "zstd": refused(b"\x28\xb5\x2f\xfd\x64" + NOISE, "zstd: damaged"),
    "xz-bomb": refused(lambda: lzma.compress(b" " * 12_000_000), "xz bomb"),
    "bzip2-cut": refused(bz2.compress(PLAIN)[:-9], "bzip2: truncated"),
    "xz-damaged": refused(lzma.compress(PLAIN)[:-9] + bytes(9), "xz: damaged"),
    "rtf": refused("{\\rtf1\\ansi " + GOOD, "RTF: convert it to text first"),
    "docx": refused(b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + NOISE, "office file: convert it"),
    "doc": refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + NOISE, "office file of before 2007: convert it"),
    "json": trained(json.dumps({"no": [{"id": 1, "text": GOOD}]}, indent=1)),
    "json-lines": trained(json.dumps({"no": GOOD}) + '\n{"cut'),
    "json-deep": trained("[" * 200_000, 0),
    "html": trained(f"<!DOCTYPE html><html class=no><script>no()</script><p title='no'>{GOOD}</p><!-- no -->"),
    "html-deep": trained("<!DOCTYPE html><html>" + "<div>" * 200_000 + "end", 1),
    "mail": trained(f"From: no@example.org\nSubject:\nX-No: no\n\n{GOOD}\n> no\n-- \nno\n"),
    "mail-deep": trained("From: no\nSubject: deep\n" + "Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 9999, 1),
    "zlib": refused(zlib.compress(text(4, 60_000).encode()), UTF8),
    "word-of-4-MB": trained(lambda: "x" * (4 << 20), 0),
    "hex": trained("0123456789abcdef" * (1 << 16) + " word", 1),
    "blank-lines": trained("\n" * 1_000_000, 0),
    "blank-lines-crlf": trained("\r\n" * 500_000 + "word", 1),
    "punctuation": trained("?!... -- (;) _ " * 1000, 0),
    "apostrophes": trained("'" * 500_000 + " don't", 1),
    "emoji": trained("😀👍🏽👨\u200d👩\u200d👧🏳\ufe0f\u200d🌈 " * 1000, 0),
    "right-to-left": trained("שלום עולם مرحبا بالعالم\n" * 200, 800),
    "decomposed": trained(unicodedata.normalize("NFD", "café über naïve\n") * 200, 600),
    "joiners": trained("می\u200cخواهم क्\u200dष\n" * 200, 400),
    "marks-without-end": trained(lambda: f"e{MARKS * 300_000} word", 2),
    "symbols-without-end": refused(lambda: "".join(map(chr, SYMBOLS)) + " word", UTF8),
    "control": refused(b"\x01\x02\x07\x08\x0e\x1b[31mred\x1b[0m \x7f\n" * 200, UTF8),
    "title-escape": trained("\x1b]0;a title\x07 word \x1b[2J\x1b[H\n" * 200, 1200),
    "separators": trained("one\x1etwo\x85three\u2028four\u2029five\x1csix\n" * 200, 1200),
}
PACKINGS = {
    "gz": trained(PACKED, name="good.txt.gz"),
    "gz-as-text": trained(PACKED),
    "text-as-gz": trained(PLAIN, name="plain.gz"),
    "gz-of-nothing": refused(gzip.compress(b""), "empty"),
    "gz-of-bom": refused(gzip.compress(codecs.BOM_UTF8), "empty"),
    "gz-of-utf-16": trained(gzip.compress(GOOD.encode("utf-16"))),
    "gz-magic": refused(PACKED[:2], "gzip: truncated"),
    "gz-cut-head": refused(PACKED[:7], "gzip: truncated"),
    "gz-cut-after-head": refused(PACKED[:10], "gzip: truncated"),
    "gz-cut-middle": refused(PACKED[: len(PACKED) // 2], "gzip: truncated"),
    "gz-cut-sum": refused(PACKED[:-8], "gzip: truncated"),
    "gz-cut-length": refused(PACKED[:-1], "gzip: truncated"),
    "gz-cut-member": refused(PACKED + PACKED[:50], "gzip: truncated"),
    "gz-bad-sum": refused(_written_over(PACKED, len(PACKED) - 8, b"\0\1\2\3"), "gzip: damaged (incorrect data check)"),
    "gz-bad-length": refused(
        _written_over(PACKED, len(PACKED) - 4, bytes(4)), "gzip: damaged (incorrect length check)"
    ),
    "gz-damaged": refused(_written_over(PACKED, 800, bytes(40)), "gzip: damaged"),
    "gz-damaged-member": refused(PACKED + _written_over(PACKED, 800, bytes(40)), "gzip: damaged"),
    "gz-bad-block": refused(PACKED[:10] + b"\x07" + PACKED[11:], "gzip: damaged (invalid block type)"),
    "gz-unknown-method": refused(_head(0, method=7), "gzip: damaged (unknown compression method)"),
    "gz-reserved-flags": refused(_head(0xE0), "gzip: damaged (unknown header flags set)"),
    "gz-bad-head-sum": refused(_head(2, b"\0\0"), "gzip: damaged (header crc mismatch)"),
    "gz-all-fields": trained(_checked_head()),
    "gz-name-of-3-MB": trained(_head(8, b"n" * 3_000_000, b"\0")),
    "gz-name-without-end": refused(_head(8, b"n" * 3_000_000)[:3_000_000], "gzip: truncated"),
    "gz-members": trained(gzip.compress(PLAIN[:1000]) + gzip.compress(PLAIN[1000:])),
    "gz-empty-members": trained(gzip.compress(b"") * 50_000 + PACKED),
    "gz-nuls": trained(PACKED + bytes(3_000_000)),
    "gz-nuls-between": trained(PACKED + bytes(600) + PACKED, 2 * WORDS),
    "gz-garbage": refused(PACKED + b"garbage", "gzip: followed by other data"),
    "gz-newline": refused(PACKED + b"\n", "gzip: followed by other data"),
    "gz-bomb": refused(lambda: gzip.compress(b" " * 12_000_000), "gzip bomb"),
    "gz-bomb-of-members": refused(lambda: gzip.compress(b" " * 4_000_000) * 5, "gzip bomb"),
    "gz-bomb-of-nuls": refused(lambda: gzip.compress(bytes(200_000_000), 6), UTF8 + "100 %"),
    "gz-of-gz": refused(gzip.compress(PACKED), UTF8),
    "gz-of-noise": refused(gzip.compress(NOISE), UTF8),
    "gz-of-word": trained(lambda: gzip.compress(b"x" * 1_000_000), 0),
    "tar-gz": refused(gzip.compress(b"a.txt".ljust(512, b"\0") + PLAIN.ljust(8192, b"\0")), UTF8),
}
SIZES = {
    "sparse": Kind(_sparse(1 << 40), "sparse: 100 %", 0),
    "sparse-after-text": Kind(_sparse(1 << 40, PLAIN), "sparse: 100 %", 0),
    "sparse-gz": Kind(_sparse(1 << 40, PACKED), "sparse: 100 %", 0),
    "sparse-tail": Kind(_sparse(1 << 20, PLAIN * 20), "sparse: ", 0),
    "large-noise": refused(lambda: NOISE * 1500, UTF8),
}
THINGS = {
    "fifo": Kind(os.mkfifo, "a FIFO, not a regular file", 0),
    "socket": Kind(_socket, "a socket, not a regular file", 0),
    "character-device": Kind(_device(0o020000, 1, 5), "a device, not a regular file", 0),
    "block-device": Kind(_device(0o060000, 7, 0), "a device, not a regular file", 0),
    "folder": Kind(_folder, "a folder, not a file; what is in it is taken by itself", 0),
    "empty-folder": Kind(Path.mkdir, "a folder, not a file; what is in it is taken by itself", 0),
    "link-to-file": _link("hard.txt"),
    "link-out": _link(f"../{CANARY}"),
    "link-out-absolute": Kind(lambda path: path.symlink_to(path.parent.parent / CANARY), LINK, 0),
    "link-to-folder": _link("folder.txt"),
    "link-to-outer-folder": _link(".."),
    "link-to-fifo": _link("fifo.txt"),
    "link-to-device": _link("/dev/zero"),
    "link-to-itself": _link("link-to-itself.txt"),
    "link-loop": _link("link-loop-too.txt"),
    "link-loop-too": _link("link-loop.txt"),
    "link-to-nothing": _link("nowhere.txt"),
    "hard": trained(PLAIN),
    "hard-link": Kind(lambda path: path.hardlink_to(path.parent / "hard.txt")),
    "no-permission": Kind(_closed(holds(PLAIN)), "cannot be read: Permission denied", 0),
    "closed-folder": Kind(_closed(_folder), UNREADABLE, 0, "closed"),
    "deep": Kind(partial(_deep, 400, "d"), name="deep", entry="deep/" + "d/" * 400 + "deep.txt"),
    "too-deep": Kind(partial(_deep, 20, "d" * 250), UNREADABLE, 0, "too-deep"),
}
TIMES = {
    "in-2100": Kind(_dated(4102444800)),
    "in-2300": Kind(_dated(10413792000)),
    "empty-in-2300": Kind(_dated(10413792000, b""), "empty", 0),
    "in-1970": Kind(_dated(0)),
    "in-1950": Kind(_dated(-631152000)),
}
NAMES = {
    "not-utf-8": trained(PLAIN, name=os.fsdecode(b"caf\xe9.txt")),
    "refused-not-utf-8": refused(b"", "empty", os.fsdecode(b"empty\xff\xfe.txt")),
    "surrogates": trained(PLAIN, name=os.fsdecode(b"\xed\xa0\x80.txt")),
    "255-bytes": trained(PLAIN, name="n" * 255),
    "newline": trained(PLAIN, name="two\nlines.txt"),
    "refused-newline": refused("", "empty", '{"event": "forged"}\n{}.txt'),
    "return": trained(PLAIN, name="over\rwritten.txt"),
    "tab": trained(PLAIN, name="a\ttab.txt"),
    "dash": trained(PLAIN, name="--version"),
    "escape": trained(PLAIN, name="\x1b[31mred\x1b[2J.txt"),
    "refused-escape": refused("", "empty", "\x1b]0;title\x07.txt"),
    "emoji-name": trained(PLAIN, name="😀.txt"),
    "composed": trained(PLAIN, name="caf\u00e9.txt"),
    "decomposed-name": trained(PLAIN, name="cafe\u0301.txt"),
    "override": trained(PLAIN, name="\u202etxt.exe"),
    "space": trained(PLAIN, name="trailing "),
    "only-space": trained(PLAIN, name=" "),
    "glob": trained(PLAIN, name="[a-z]*?{}.txt"),
    "shell": trained(PLAIN, name="$(touch pwned);`id` \"'\\.txt"),
    "markup": trained(PLAIN, name="[bold]not[red] %s {0}.txt"),
    "short": trained(PLAIN, name="x"),
}
KINDS = CONTENTS | PACKINGS | SIZES | THINGS | TIMES | NAMES
