"""Which codec a file has, where its bytes may be cut, and how bad characters are counted."""

from __future__ import annotations

import base64
import codecs
import gzip
from encodings.aliases import aliases
from pathlib import Path

import pytest

from streamer.intake import reader
from streamer.intake.decoding import AUTO, Census, Codec, likely, text_otherwise
from streamer.intake.opened import Refused, open_regular
from streamer.settings.run import _is_encoding

from ..support.binaries import BINARIES
from ..support.languages import TEXTS


@pytest.mark.parametrize(
    ("head", "encoding", "expected"),
    [
        (b"text", "utf-8", Codec("utf-8", 0, 1)),
        (codecs.BOM_UTF8, "latin-1", Codec("utf-8", 3, 1)),
        (codecs.BOM_UTF16_LE + b"a\0", "utf-8", Codec("utf-16-le", 2, 2)),
        (codecs.BOM_UTF32_LE, "utf-8", Codec("utf-32-le", 4, 4)),
        (b"a\0b\0", "utf-16", Codec("utf-16-le", 0, 2)),
        (b"text", "latin-1", Codec("iso8859-1", 0, 1)),
    ],
)
def test_a_mark_decides_before_the_encoding(head: bytes, encoding: str, expected: Codec) -> None:
    """The name, the length of the mark, the bytes of a unit."""
    assert Codec.of(head, encoding) == expected


def test_a_cut_is_after_a_blank_line_or_a_line_or_a_word_or_a_character() -> None:
    """Whichever comes first in this order; in UTF-16 at a unit."""
    codec = Codec.of(b"", "utf-8")
    assert codec.cut(b"a b\n\nc\nd e", 0) == 5
    assert codec.cut(b"a b\nc d", 0) == 4
    assert codec.cut(b"a b", 0) == 2
    assert codec.cut("aé".encode()[:2], 0) == 1
    assert Codec.of(b"", "utf-16-le").cut("ab\n\u0a00\u0100".encode("utf-16-le"), 0) == 6


def test_line_ends_become_one() -> None:
    """And the mark is no text."""
    assert Codec.of(codecs.BOM_UTF8, "utf-8").decode(codecs.BOM_UTF8 + b"a\r\nb\rc", 0) == "a\nb\nc"


def test_bad_characters_are_counted() -> None:
    """In pieces that cut a character in two, too."""
    census = Census(Codec.of(b"", "utf-8"))
    for piece in ("é".encode()[:1], "é".encode()[1:] + b"a" * 98, b"\0"):
        census.add(piece)
    assert census.hopeless(0.01, 50)
    assert not census.hopeless(0.01, 100)
    assert census.refusal(0.01) is None
    assert (census.refusal(0.005) or "").startswith("not text in utf-8: 1 % of its")


ENCODINGS = sorted({*filter(_is_encoding, aliases.values()), AUTO})
"""Every text encoding that Python knows."""


def verdict(data: bytes, path: Path, encoding: str, max_bad_ratio: float = 0.01) -> str | None:
    """Return why a file is refused, if it is."""
    path.write_bytes(data)
    try:
        with open_regular(path) as file:
            return reader.judge(file, encoding=encoding, max_bad_ratio=max_bad_ratio).refusal
    except Refused as refusal:
        return str(refusal)


@pytest.mark.parametrize("kind", BINARIES)
def test_no_setting_trains_what_is_no_text(kind: str, tmp_path: Path) -> None:
    """In every encoding that Python knows, however much of it may be undecodable, packed or not."""
    data = BINARIES[kind]()
    assert len(ENCODINGS) > 80
    for encoding in ENCODINGS:
        for max_bad_ratio in (0.01, 1.0):
            assert verdict(data, tmp_path / "file", encoding, max_bad_ratio), (encoding, max_bad_ratio)
    assert verdict(gzip.compress(data), tmp_path / "file", "latin-1", 1.0)
    mail = b"From: a@b.c\nSubject: see below\n\n" + data
    assert "text" in kind or not _is_noise(kind) or verdict(mail, tmp_path / "file", "auto")


def _is_noise(kind: str) -> bool:
    return kind in ("random", "zlib", "jpeg", "png", "floats", "mp3", "webp", "zip")


LOG = "".join(f"\x1b[32m{n:05}\x1b[0m \x1b[1;31mERROR\x1b[0m disk {n} is full\n" for n in range(200))
ICONS = "".join(f"\ue0b0 branch {n} \uf418 is clean, and everything is fine\n" for n in range(99))


@pytest.mark.parametrize(
    ("text", "encoding", "used"),
    [
        (LOG, "utf-8", "auto"),
        (ICONS, "utf-8", "auto"),
        ("\x1b]0;a title\x07 done\a\n" * 99, "utf-8", "auto"),
        ("\x1b]0;ein Titel\x07 fünf\a\n" * 99, "utf-8", "auto"),
        ("one\x1etwo\x1fthree\x1cfour\x1dfive\n" * 99, "utf-8", "auto"),
        ("eins\x1ezwei\x1fdreißig\u2009\x1cvier\x1dfünf\n" * 99, "utf-8", "auto"),
        ("page one\fpage two\f\n" * 9 + "the end\x1a", "utf-8", "auto"),
        ("b\bbo\bol\bld\bd and plain words\v\n" * 9, "utf-8", "auto"),
        ("function a(b){return b?b.c:a(d=>d*2)};" * 99, "utf-8", "auto"),
        ("id,name,price\n" + "1,bread,2.50\n" * 99, "utf-8", "auto"),
        (base64.encodebytes(bytes(range(256)) * 9).decode(), "utf-8", "auto"),
        ("😀 fine 👩‍👩‍👧 thanks 🏴󠁧󠁢󠁥󠁮󠁧󠁿\n" * 9, "utf-8", "auto"),
        ("😀 fine 👩‍👩‍👧 thanks 🏴󠁧󠁢󠁥󠁮󠁧󠁿\n" * 9, "utf-16", "auto"),
        ("مرحبا بالعالم، كيف حالك اليوم؟\n" * 9, "utf-8", "auto"),
        ("𠮷野家 㐂寿司 で食べた、とても美味しかったので来週もまた行きます。\n" * 9, "utf-8", "auto"),
        (TEXTS["fr"], "cp1252", "latin-1"),
        (TEXTS["fr"].replace("’", "'").replace("œ", "oe"), "latin-1", "latin-1"),
        (TEXTS["de"], "cp037", "cp037"),
        (TEXTS["ru"], "koi8-r", "koi8-r"),
        *((text, "utf-8", "auto") for text in TEXTS.values()),
        *((text, "gb18030", "gb18030") for text in TEXTS.values()),
        *((text, "utf-16", "auto") for text in TEXTS.values()),
    ],
)
def test_texts_stay_trained(text: str, encoding: str, used: str, tmp_path: Path) -> None:
    """Logs with colours, bells, separators of records, form feeds, icons, code, base64, emoji, every script, EBCDIC."""
    assert verdict(text.encode(encoding, "replace"), tmp_path / "file", used) is None


def test_reasons_for_what_no_text_has(tmp_path: Path) -> None:
    """They say what it is, whatever the limit for undecodable characters; a mail is not judged by its letters."""
    path = tmp_path / "file"
    assert verdict(b"abc\x01" * 99, path, "latin-1", 1.0) == (
        "not text in iso8859-1: 25 % of its characters are controls, or none (limit 3 %); see --encoding"
    )
    assert verdict("ab\ue123".encode() * 9, path, "utf-8") == (
        "not text in utf-8: 33.3 % of its characters are for private use, or hardly ever used (limit 6 %)"
        "; see --encoding"
    )
    mail = b"From: a@b.c\nSubject: x\nContent-Type: text/plain; charset=koi8-r\n\n"
    assert verdict(mail + TEXTS["ru"].encode("koi8-r"), path, "auto") is None
    assert "controls" in (verdict(mail + b"a\x02b" * 99, path, "auto") or "")


def test_a_file_that_is_certainly_no_text_is_not_read_to_its_end(tmp_path: Path) -> None:
    """As with bytes that can't be decoded."""
    (path := tmp_path / "file").write_bytes(b"abc\x01" * 2_000_000)
    with open_regular(path) as file:
        assert reader.judge(file, encoding="latin-1", max_bad_ratio=1.0).sha256 == bytes(32)
        assert file.position < 7_000_000


BAD = "not text in utf-8: 9 % of its characters can't be decoded (limit 1 %)"
ODD_ONES = "not text in cp1251: 9 % of its characters are controls, or none (limit 3 %)"


@pytest.mark.parametrize(
    ("reason", "encoding", "expected"),
    [
        (f"{BAD}; see --encoding", "auto", True),
        (f"{BAD}; perhaps a or b: see --encoding", "auto", False),
        (f"{BAD}; perhaps a or b: see --encoding", "utf-8", False),
        (f"{BAD}; perhaps a or b: see --encoding", "cp1251", True),
        (f"{BAD.replace('1', '2')}; perhaps a or b: see --encoding", "auto", True),
        (f"{ODD_ONES}; see --encoding", "cp1251", False),
        (f"{ODD_ONES}; see --encoding", "auto", True),
        (ODD_ONES.replace("cp1251", "utf-16-le by its byte-order mark"), "a", False),
    ],
)
def test_when_another_encoding_may_do(reason: str, encoding: str, expected: bool) -> None:
    """What no encoding was found for waits for one."""
    assert text_otherwise(reason, encoding, 0.01) is expected


def test_the_likely_codec_of_a_file_that_nobody_looked_at() -> None:
    """UTF-8, unless another is wanted."""
    assert [likely(name) for name in ("auto", "latin-1", "utf-16", "UTF8")] == [
        "utf-8",
        "iso8859-1",
        "utf-16-le",
        "utf-8",
    ]
