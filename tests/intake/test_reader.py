"""Reading one file: what is refused and why, and that blocks are the whole text whatever their size."""

from __future__ import annotations

import bz2
import codecs
import errno
import functools
import gzip
import hashlib
import lzma
import os
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from streamer.formats.recipes import Recipe
from streamer.intake import reader
from streamer.intake.decoding import Codec
from streamer.intake.opened import Opened, Refused, open_regular
from streamer.intake.reader import Block, blocks, outdated
from streamer.ledger.entries import Known, Signature

Opener = Callable[[bytes], Opened]
inspect = functools.partial(reader.judge, encoding="utf-8", max_bad_ratio=0.01)
PARAGRAPHS = "Καλημέρα, wörld 🙂.\nA second line\twith a tab.\r\n\r\nNew paragraph\n\n\nAnother 語.\rold Mac\r\rend" * 3
SIZES = (1, 16, 17, 23, 50, 64, 100, 1000)


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    """Return a function that writes a real file and opens it."""

    def write(data: bytes) -> Opened:
        path = tmp_path / hashlib.sha256(data).hexdigest()
        path.write_bytes(data)
        return open_regular(path)

    return write


def read(file: Opened, start: int = 0, *, stop: int, size: int = 1 << 20, encoding: str = "utf-8") -> list[Block]:
    """Return the blocks of a file."""
    return list(blocks(file, start=start, stop=stop, encoding=encoding, size=size))


def test_a_plain_file_is_hashed_and_measured(opened: Opener, tmp_path: Path) -> None:
    """The verdict of a text holds its signature, its hash and its length, and no refusal."""
    data = PARAGRAPHS.encode()
    with opened(data) as file:
        digest = hashlib.sha256(data).digest()
        for found in (inspect(file), inspect(file)):
            assert found[:4] == (Signature.of(os.fstat(file.fileno())), digest, len(data), None)
            assert (found.text_sha256, found.encoding, found.format) == (digest, "utf-8", "text")


def test_an_error_while_reading_is_a_refusal() -> None:
    """A disk that fails in the middle ends that file, not the trainer."""
    with open_regular(Path("/proc/self/mem")) as file, pytest.raises(Refused, match="cannot be read: Input/output"):
        inspect(file)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (codecs.BOM_UTF8, "empty"),
        (gzip.compress(b"", mtime=0), "empty"),
        (
            b"caf\xe9 au lait\n",
            r"^not text in utf-8: 7.69 % of its characters can't be decoded \(limit 1 %\); see --enc",
        ),
        (b"\0" * 5000, "not text in utf-8: 100 %"),
        (random.Random(1).randbytes(50_000), "not text in utf-8: 4"),
        ("UTF-16 without a mark".encode("utf-16-le"), "not text in utf-8: 50 %"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8" * 500, "not text in utf-16-le by its byte-order mark: 100 %"),
        (b"a" * 50 + "é".encode()[:1], "not text in utf-8: 1.96 %"),
        (gzip.compress(b"caf\xe9", mtime=0), "not text in utf-8: 25 %"),
    ],
)
def test_what_is_not_text_is_refused(data: bytes, reason: str, opened: Opener) -> None:
    """Nothing to read, or too much that can't be decoded: the reason says which, how much, and what to try."""
    with opened(data) as file:
        found = inspect(file)
    assert found.refusal is not None
    with pytest.raises(Refused, match=reason):
        raise Refused(found.refusal)
    assert found.text_bytes == (len(zlib.decompress(data, 31)) if data[:2] == b"\x1f\x8b" else len(data))


@pytest.mark.parametrize(
    "data",
    [
        b"plain",
        b"a" * 200 + b"\xe9",  # within the limit
        ("replaced " + "\ufffd" * 100).encode(),  # the character itself is no failure
        b"a" * (reader.PIECE - 1) + "\ufffd".encode() * reader.PIECE,  # nor across the pieces it is read in
        b"a" * (reader.PIECE - 2) + "\N{SLIGHTLY SMILING FACE}".encode() + b"b" * 50,
        codecs.BOM_UTF8 + b"marked",
        "in \ufffd UTF-16".encode("utf-16"),
        codecs.BOM_UTF16_BE + "語".encode("utf-16-be") * 50,
        codecs.BOM_UTF32_LE + "🙂".encode("utf-32-le") * 50,
    ],
)
def test_what_is_text_is_taken(data: bytes, opened: Opener) -> None:
    """Text may hold any character and a few errors, in UTF-8 or as its byte-order mark says."""
    with opened(data) as file:
        assert inspect(file).refusal is None


def test_the_encoding_and_the_limit_are_settings(opened: Opener) -> None:
    """A file that is not UTF-8 is taken in its own encoding, or under a higher limit; a mark overrides the setting."""
    with opened(b"caf\xe9 au lait\n") as file:
        assert inspect(file, encoding="latin-1").refusal is None
        assert inspect(file, max_bad_ratio=0.1).refusal is None
        assert read(file, stop=13, encoding="latin-1") == [Block(0, 13, "café au lait\n")]
    with opened(codecs.BOM_UTF8 + "é".encode()) as file:
        assert inspect(file, encoding="latin-1").refusal is None
        assert read(file, stop=5, encoding="latin-1") == [Block(0, 5, "é")]
    with opened("é\n".encode("utf-16-le")) as file:
        assert inspect(file, encoding="utf-16").refusal is None
        assert read(file, stop=4, encoding="utf-16") == [Block(0, 4, "é\n")]


def test_the_beginning_is_compared_with_the_previous_version(opened: Opener) -> None:
    """A file that only grew matches the hash of what it was, wherever the old end lies."""
    data = bytes(range(97, 123)) * 100_000
    for size in (1, 1000, reader.PIECE, reader.PIECE + 1, len(data)):
        digest = hashlib.sha256(data[:size]).digest()
        with opened(data) as file:
            assert inspect(file, before=known(size, len(data) + 1)).prefixes == {size: digest}
        packed = gzip.compress(data)
        with opened(packed) as file:
            found = inspect(file, before=known(size, 15))
            assert (found.prefixes[size], found.text_sha256) == (digest, hashlib.sha256(data).digest())
            assert found.packed_prefixes[15] == hashlib.sha256(packed[:15]).digest()
            assert found.sha256 == hashlib.sha256(packed).digest()


def known(*lengths: int) -> Known:
    """Return what a ledger asks of a file of which there were versions of these lengths."""
    return Known(lengths=frozenset(lengths))


PACKED = gzip.compress(PARAGRAPHS.encode() * 50, mtime=0)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PACKED[:-20], "gzip: truncated"),
        (PACKED[:-3], "gzip: truncated"),
        (PACKED[:2], "gzip: truncated"),
        (PACKED + PACKED[:30], "gzip: truncated"),
        (PACKED + b"trailing", "gzip: followed by other data"),
        (PACKED[:-8] + bytes(4) + PACKED[-4:], "gzip: damaged (incorrect data check)"),
        (PACKED[:100] + bytes(20) + PACKED[120:], "gzip: damaged"),
        (gzip.compress(b" " * 12_000_000, mtime=0), "gzip bomb: it unpacks to more than 1000 times its size"),
    ],
    ids=["cut 20", "cut 3", "two bytes", "a second one cut", "trailing", "checksum", "a hole", "bomb"],
)
def test_a_bad_gzip_file_is_refused_whole(data: bytes, reason: str, opened: Opener) -> None:
    """Truncated, damaged, followed by something else or a bomb: refused, and hashed to its end all the same."""
    with opened(data) as file:
        found = inspect(file, before=known(10))
    assert found.refusal is not None
    assert found.refusal.startswith(reason)
    assert (found.sha256, found.text_bytes) == (hashlib.sha256(data).digest(), 0)
    assert found.packed_prefixes.get(10) == (hashlib.sha256(data[:10]).digest() if len(data) >= 10 else None)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 3_000_000 + b"\0" + gzip.compress(b"name")[10:], b"name"),
        (gzip.compress(b"padded") + bytes(3_000_000), b"padded"),
        (gzip.compress(b"one") + bytes(70_000) + gzip.compress(b"two"), b"onetwo"),
        (gzip.compress(b"") * 20_000 + gzip.compress(b"last"), b"last"),
    ],
    ids=["name", "NULs", "NULs between", "members"],
)
def test_odd_but_valid_gzip_is_read_at_once(data: bytes, text: bytes, opened: Opener) -> None:
    """A long name in the header, NULs after a member and thousands of empty ones take no longer than other bytes."""
    with opened(data) as file:
        started = time.monotonic()
        found = inspect(file)
        assert (found.refusal, found.text_bytes) == (None, len(text))
        assert "".join(block.text for block in read(file, stop=len(text))) == text.decode()
        assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    ("head", "noise", "settings", "share"),
    [
        (b"", b"\xff", {}, 0.05),
        (b"good text " * (80 << 10), b"\0", {}, 0.06),
        (b"", b"\xff", {"max_bad_ratio": 0.5}, 0.6),
        (codecs.BOM_UTF16_LE, b"\x00\xd8", {}, 0.06),
    ],
    ids=["noise", "NULs", "another limit", "surrogates"],
)
def test_reading_ends_when_the_verdict_is_certain(
    head: bytes, noise: bytes, settings: dict[str, Any], share: float, opened: Opener
) -> None:
    """Of a large file that is no text only as much is read as it takes to know that no rest could save it."""
    data = head + noise * (60 * reader.PIECE // len(noise))
    with opened(data) as file:
        found = inspect(file, **settings)
        assert file.position <= share * len(data)
    assert (found.refusal or "").startswith("not text")
    assert (found.sha256, found.text_bytes) == (bytes(32), 0)
    assert outdated(found.refusal or "", encoding="utf-8", max_bad_ratio=0.9)
    assert not outdated(found.refusal or "", encoding="utf-8", max_bad_ratio=settings.get("max_bad_ratio", 0.01))


def test_a_file_that_the_rest_could_save_is_read_on(opened: Opener) -> None:
    """Noise at the beginning of much good text is within the limit of the whole."""
    data = b"\xff" * reader.PIECE + b"good text " * (25 * reader.PIECE // 10)
    with opened(data) as file:
        assert inspect(file, max_bad_ratio=0.04).refusal is None
        assert inspect(file, max_bad_ratio=0.038).refusal is not None
        assert inspect(file, max_bad_ratio=1.0).text_bytes == len(data)


def test_gzip_of_nothing_but_noise_is_not_unpacked_to_its_end(opened: Opener) -> None:
    """What unpacks to much, and less than a bomb, is refused as soon as all that it could hold would not save it."""
    data = gzip.compress(bytes(60 * reader.PIECE) + random.Random(1).randbytes(20_000))
    with opened(data) as file:
        found = inspect(file)
    assert (found.refusal or "").startswith("not text in utf-8: 100 %")
    assert (found.sha256, found.text_bytes) == (bytes(32), 0)


def _sparse(path: Path, size: int, *pieces: tuple[int, bytes]) -> None:
    with path.open("wb") as file:
        for position, data in pieces:
            file.seek(position)
            file.write(data)
        file.truncate(size)
    if path.stat().st_blocks * 512 >= size:
        pytest.skip("this file system writes holes out")


@pytest.mark.parametrize(
    ("size", "pieces", "reason"),
    [
        (1 << 40, [], "sparse: 100 % of its bytes are holes (limit 1 %)"),
        (1 << 40, [(0, b"text " * 10_000)], "sparse: 100 %"),
        (1 << 36, [(1 << 35, b"text"), ((1 << 36) - 4, b"text")], "sparse: 50 %"),  # as far as it was counted
        (1 << 40, [(0, gzip.compress(b"text"))], "sparse: 100 %"),
        (200 << 10, [(0, b"text " * 20_000)], "sparse: 50 %"),
    ],
)
def test_holes_are_refused_unread(size: int, pieces: list[tuple[int, bytes]], reason: str, tmp_path: Path) -> None:
    """A terabyte that no disk block stands behind is known for what it is in a moment, wherever its holes are."""
    _sparse(tmp_path / "sparse", size, *pieces)
    with open_regular(tmp_path / "sparse") as file, pytest.raises(Refused) as refusal:
        inspect(file)
    assert str(refusal.value).startswith(reason)
    assert outdated(str(refusal.value), encoding="utf-8", max_bad_ratio=0.5)
    assert not outdated(str(refusal.value), encoding="latin-1", max_bad_ratio=0.01)


def test_a_few_holes_are_read_as_the_nuls_that_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the limit they are let be; where the file system does not tell them, they are found by reading."""
    text = b"text " * 400_000
    _sparse(tmp_path / "sparse", len(text) + 12_000, (0, text[:1_000_000]), (1_012_000, text[1_000_000:]))
    with open_regular(tmp_path / "sparse") as file:
        found = inspect(file)
        assert (found.refusal, found.text_bytes) == (None, len(text) + 12_000)
        assert sum(len(block.text) for block in read(file, stop=found.text_bytes)) == found.text_bytes
        with pytest.raises(Refused, match="sparse: 0"):
            inspect(file, max_bad_ratio=0.0)
        lseek = os.lseek

        def without_holes(descriptor: int, position: int, whence: int) -> int:
            if whence in (os.SEEK_HOLE, os.SEEK_DATA):
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            return lseek(descriptor, position, whence)

        monkeypatch.setattr(os, "lseek", without_holes)
        assert (inspect(file, max_bad_ratio=0.0).refusal or "").startswith("not text in utf-8: ")


def test_gzip_is_read_as_its_text(opened: Opener) -> None:
    """By its first bytes and not its name; of several members; from any position on, in text bytes."""
    text = PARAGRAPHS.encode() * 50
    with opened(PACKED + gzip.compress(b"second member")) as file:
        found = inspect(file)
        assert (found.refusal, found.text_bytes) == (None, len(text) + 13)
        whole = read(file, stop=found.text_bytes, size=1000)
        assert "".join(block.text for block in whole).endswith("endsecond member")
        for at in (1, len(whole) // 2, len(whole) - 1):
            assert read(file, whole[at].start, stop=found.text_bytes, size=1000) == whole[at:]
        with pytest.raises(Refused, match="became shorter"):
            read(file, found.text_bytes + 1, stop=found.text_bytes + 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-be", "utf-16", "utf-32", "gb18030", "ascii"])
def test_blocks_are_the_whole_text_and_resume_alike(encoding: str, opened: Opener) -> None:
    """Whatever the size: no byte is missing or double, no character is split, and each cut leads to the same rest."""
    data = PARAGRAPHS.encode(encoding, "replace")
    text = data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    with opened(data) as file:
        for size in SIZES:
            whole = read(file, stop=len(data), size=size, encoding=encoding)
            assert "".join(block.text for block in whole) == text
            assert [block.start for block in whole] == [0] + [block.stop for block in whole[:-1]]
            assert whole[-1].stop == len(data)
            assert all(block.stop - block.start <= max(size, 16) for block in whole)
            for position, block in enumerate(whole):
                assert read(file, block.start, stop=len(data), size=size, encoding=encoding) == whole[position:]


def test_any_bytes_at_all_are_read_to_the_end(opened: Opener) -> None:
    """Blocks of noise cover it without a gap, in each encoding and from each position, without an exception."""
    data = random.Random(3).randbytes(700).replace(b"\x1f\x8b", b"xx")
    with opened(data) as file:
        for encoding in ("utf-8", "utf-16-le", "utf-32-be", "shift_jis", "gb18030", "utf-7"):
            for start in range(0, 700, 37):
                found = read(file, start, stop=700, size=64, encoding=encoding)
                assert [block.start for block in found] == [start] + [block.stop for block in found[:-1]]
                assert found[-1].stop == 700


@pytest.mark.parametrize(
    ("data", "cut"),
    [
        (b"one two\n\nthree\nfour five six", 9),
        (b"one two\r\n\r\nthree\nfour five six", 11),
        (b"one two\nthree\nfour five six", 14),
        (b"one two\tthree" + b"x" * 20, 8),
        (b"one two three" + b"x" * 20, 8),
        (b"x" * 40, 20),
        (b"x" * 19 + b"\r\nyy" + b"x" * 40, 19),
        (b"x" * 18 + "🙂".encode() * 9, 18),
        (b"x" * 19 + b"\n\n" + b"x" * 40, 20),
    ],
)
def test_where_a_block_ends(data: bytes, cut: int, opened: Opener) -> None:
    """After the last blank line within its size, else the last line, else the last word, else a character."""
    with opened(data) as file:
        assert read(file, stop=len(data), size=20)[0].stop == cut


def test_a_tail_that_begins_within_a_code_unit_is_read(opened: Opener) -> None:
    """A UTF-16 file cut in half a character and then completed loses that character and nothing more."""
    data = "\ufeffab cd".encode("utf-16-le")
    with opened(data) as file:
        assert read(file, 5, stop=len(data), encoding="utf-8") == [Block(5, 12, " cd")]


def test_a_huge_line_takes_little_memory(opened: Opener) -> None:
    """A file without a line end, space or blank line is read in a few blocks' memory."""
    with opened(b"x" * (24 << 20)) as file:
        tracemalloc.start()
        try:
            assert inspect(file).refusal is None
            assert sum(len(block.text) for block in blocks(file, start=0, stop=24 << 20, encoding="utf-8")) == 24 << 20
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()


def test_only_what_was_there_at_the_start_counts(opened: Opener, tmp_path: Path) -> None:
    """What is added during the verdict is for the next one; a file that shrinks meanwhile is refused for now."""
    data = b"a" * (reader.PIECE + 5)
    with opened(data) as file:
        path = next(tmp_path.iterdir())

        def grow() -> None:
            with path.open("ab") as more:
                more.write(b"more")

        assert inspect(file, check=grow).sha256 == hashlib.sha256(data).digest()
        with pytest.raises(Refused, match="became shorter while it was being read"):
            inspect(file, check=lambda: os.truncate(path, 10))
        with pytest.raises(Refused, match="became shorter while it was being trained"):
            read(file, stop=len(data))


def test_a_long_inspection_can_be_stopped(opened: Opener) -> None:
    """The check is called for every piece, and what it raises comes out, also while a gzip file is unpacked."""

    def stop() -> None:
        raise LookupError

    with opened(b"text") as file, pytest.raises(LookupError):
        inspect(file, check=stop)
    with opened(PACKED) as file, pytest.raises(LookupError):
        list(blocks(file, start=1, stop=2, encoding="utf-8", check=stop))


@pytest.mark.parametrize(
    ("reason", "encoding", "limit", "expected"),
    [
        (
            "not text in utf-8: 40 % of its characters can't be decoded (limit 1 %); see --encoding",
            "utf-8",
            0.01,
            False,
        ),
        (
            "not text in utf-8: 40 % of its characters can't be decoded (limit 1 %); see --encoding",
            "cp1252",
            0.01,
            True,
        ),
        ("not text in utf-8: 40 % of its characters can't be decoded (limit 1 %); see --encoding", "utf-8", 0.5, True),
        ("not text in utf-16-le by its byte-order mark: 9 % of x (limit 1 %); see --encoding", "cp1252", 0.01, False),
        ("not text in utf-16-le by its byte-order mark: 9 % of x (limit 1 %); see --encoding", "utf-8", 0.2, True),
        ("sparse: 99 % of its bytes are holes (limit 1 %)", "cp1252", 0.01, False),
        ("sparse: 99 % of its bytes are holes (limit 1 %)", "utf-8", 1.0, True),
        ("cannot be read: Input/output error", "utf-8", 0.01, True),
        ("cannot be read: Permission denied", "utf-8", 0.01, False),
        ("empty", "cp1252", 0.5, False),
    ],
)
def test_when_a_refusal_is_worth_another_look(reason: str, encoding: str, limit: float, expected: bool) -> None:
    """After a change of settings that it depended on, or a failure of the disk; not before."""
    assert outdated(reason, encoding=encoding, max_bad_ratio=limit) is expected


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
@pytest.mark.parametrize("head", [b"", b'{"a": "', b"<!DOCTYPE html><html>", b"From: a\nSubject: b\n\n"])
def test_a_bomb_of_any_packing_is_refused(pack: Callable[[bytes], bytes], head: bytes, opened: Opener) -> None:
    """Whatever the format of its text is, and without more memory than a text takes."""
    data = pack(head + b" " * 50_000_000)
    with opened(data) as file:
        tracemalloc.start()
        found = inspect(file)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (found.refusal or "").endswith(" bomb: it unpacks to more than 1000 times its size")
    assert (found.sha256, found.text_bytes) == (hashlib.sha256(data).digest(), 0)
    assert most < 40 << 20


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, zstd.compress])
def test_every_packing_is_read_as_its_text(pack: Callable[[bytes], bytes], opened: Opener) -> None:
    """From any position on, in text bytes."""
    text = PARAGRAPHS.encode() * 50
    with opened(pack(text) + pack(b"second member")) as file:
        found = inspect(file)
        assert (found.refusal, found.text_bytes) == (None, len(text) + 13)
        whole = read(file, stop=found.text_bytes, size=1000)
        assert "".join(block.text for block in whole) == Codec.of(b"", "utf-8").decode(text + b"second member", 0)
        assert read(file, whole[3].stop, stop=found.text_bytes, size=1000) == whole[4:]


def test_documents_are_refused_whatever_the_encoding(opened: Opener) -> None:
    """A PDF is text in Latin-1, and an RTF in any; they are not read to their end, unless they may be known."""
    for data in (b"%PDF-1.4\n" + b"stream " * 1_000_000, b"{\\rtf1 " + b"text " * 1_000_000):
        with opened(data) as file:
            found = inspect(file, encoding="latin-1")
            assert "convert it to text first" in (found.refusal or "")
            assert (found.sha256, file.position < len(data)) == (bytes(32), True)
            again = inspect(file, before=Known(len(data)))
            assert (again.sha256, again.text_sha256) == (hashlib.sha256(data).digest(),) * 2
    with opened(gzip.compress(b"%PDF-1.4\n")) as file:
        assert (inspect(file).refusal or "").startswith("PDF: ")


def test_a_mail_says_itself_how_it_is_encoded(opened: Opener) -> None:
    """Its bytes are no UTF-8, and no bad characters; NULs are."""
    head = b"From: a\nSubject: b\nContent-Type: text/plain; charset=koi8-r\n\n"
    data = head + "Привет мир".encode("koi8-r")
    with opened(data) as file:
        found = inspect(file)
        assert (found.refusal, found.format) == (None, "mail")
        (block,) = blocks(file, start=0, stop=found.text_bytes, encoding="utf-8", recipe=found.format)
        assert block.text == "b\n\nПривет мир"
    with opened(head + bytes(1000)) as file:
        assert (inspect(file).refusal or "").startswith("not text in utf-8: 94.3 %")


def test_a_recipe_is_chosen_once_and_by_the_text(opened: Opener) -> None:
    """By what is wanted, of a packed file by what is in it; the text that a judge sees is the text that is known."""
    data = gzip.compress(b'{"a": "one two"}\n')
    wanted = Recipe("auto", ("a",))
    with opened(data) as file:
        assert inspect(file, wanted=wanted).format == "jsonl a"
        assert reader.looked_at(file, encoding="utf-8", wanted=wanted) == ("utf-8", "jsonl a")
        assert inspect(file, wanted=Recipe("text")).format == "text"
        refused = inspect(file, wanted=Recipe("csv", ("b",)))
        assert refused.refusal == "csv: no column b; see --field"
        with pytest.raises(Refused, match="no column b"):
            reader.looked_at(file, encoding="utf-8", wanted=Recipe("csv", ("b",)))


@pytest.mark.parametrize(
    ("reason", "wanted", "stale"),
    [
        ("csv: no column b; see --field", Recipe("csv", ("b",)), False),
        ("csv: no column b; see --field", Recipe("auto", ("a", "b")), False),
        ("csv: no column b; see --field", Recipe("csv", ("a",)), True),
        ("csv: no column b; see --field", Recipe("text"), True),
        ("zstd: pip install 'streamer-embeddings[zst]'", Recipe(), True),
        ("PDF: convert it to text first, for example with pdftotext", Recipe(), False),
        ("xz: truncated", Recipe(), False),
    ],
)
def test_refusals_that_other_settings_may_undo(reason: str, wanted: Recipe, *, stale: bool) -> None:
    """A column that is asked for no more, a package that may be there by now."""
    assert outdated(reason, encoding="utf-8", max_bad_ratio=0.01, wanted=wanted) is stale
