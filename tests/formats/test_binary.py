"""Binary files by their first bytes, and texts that begin alike."""

from __future__ import annotations

import pytest

from streamer.formats.binary import BINARY, binary

from ..support.binaries import BINARIES, TEXT
from ..support.languages import CASES, TEXTS, encoded

UNMARKED = {
    "random",
    "random, little",
    "zlib",
    "deflated text",
    "gzip in gzip",
    "bzip2 in xz",
    "samples of sound",
    "dbm",
}
UNMARKED |= {
    "floats",
    "doubles",
    "numbers",
    "text, then noise",
    "noise, then text",
    "halves",
    "tar.gz",
    "marshal",
    "mp3 without a tag",
}


@pytest.mark.parametrize("name", sorted(BINARIES.keys() - UNMARKED))
def test_kinds_are_known_by_their_first_bytes(name: str) -> None:
    """By marks that are no text, or by the fields behind those that may be."""
    found = binary(BINARIES[name]())
    assert found
    assert found.startswith(BINARY)


@pytest.mark.parametrize(
    "text",
    [
        "BM is a mark",
        "MZ was a programmer, and his letters begin each program" * 9,
        "PK zipped it",
        "BZh is how bzip2 begins",
        "GIF89a is a format of pictures, and GIF87a another",
        "ID3 tags are in front of the sound",
        "RIFF and WAVE",
        "P5 640 480 255 are numbers",
        "Rar! he said",
        "OggS, fLaC, MThd and true",
        "ip4\ntp6\n",
        "c\nd\n",
        "(lp is left of rp)\n",
        "0707 1980",
        "ustar " * 99,
        "\n\r\r\n\n\r\r\n",
        "II and MM",
        "The ftyp box, the moov box",
        "PAR1\nORC\n",
        "SIMPLE  = T",
        "!<arch> is ar",
        "#!AMR\n",
        "7z, xar, hsqs, 8BPS",
        "SQLite format 3",
        "LPKSHHRH",
        "gimp xcf file",
        "",
    ],
)
def test_texts_that_begin_like_one(text: str) -> None:
    """Letters alone are no mark."""
    for encoding in ("utf-8", "cp1252", "utf-16-le", "utf-16-be", "utf-16", "cp037"):
        assert binary(text.encode(encoding)) is None
    assert binary(text.encode() + TEXT * 99) is None


def test_texts_in_any_encoding() -> None:
    """Also those whose first bytes are not ASCII."""
    for encoding, language in CASES:
        assert binary(encoded(encoding, language)) is None
    for text in TEXTS.values():
        for start in range(0, 200, 7):
            for encoding in ("utf-8", "cp1251", "koi8-r", "gb18030", "utf-16-le", "utf-16", "utf-32", "cp037"):
                assert binary(text[start:].encode(encoding, "ignore")) is None, (encoding, text[start : start + 9])
