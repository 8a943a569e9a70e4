"""Packed files, member after member, as the standard library reads them, and never slower than their bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import time
import zlib
from collections.abc import Callable

import pytest
from backports import zstd

from streamer.intake import packings
from streamer.intake.packings import PACKINGS, BadPacking, Unpacked, packing_of

TEXT = b"".join(b"line %d of a text\n" % number for number in range(5_000))
PACKED = gzip.compress(TEXT)
BOMB = gzip.compress(bytes(10_000_000))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
GZIP = PACKINGS[0]


class Trickle(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to seven bytes."""
        return super().read(min(7, 7 if size is None or size < 0 else size))


def unpacked(data: bytes, size: int = 1000) -> bytes:
    """Return all that is in a file, read in pieces."""
    packing = packing_of(data)
    stream = Unpacked(io.BytesIO(data), packing or GZIP)
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_pieces_of_any_size_are_the_text(size: int) -> None:
    """However much is read at a time, and however little the file gives."""
    data = PACKED if size > 1 else gzip.compress(TEXT[:500])
    expected = TEXT if size > 1 else TEXT[:500]
    assert unpacked(data, size) == expected
    stream = Unpacked(Trickle(data), GZIP)
    assert b"".join(iter(lambda: stream.read(size), b"")) == expected


def test_a_piece_is_as_long_as_was_asked_for() -> None:
    """Fewer bytes come only at the end, across members too; at the end there are none, as often as one asks."""
    stream = Unpacked(io.BytesIO(gzip.compress(b"a" * 70) + gzip.compress(b"") + gzip.compress(b"b" * 50)), GZIP)
    assert [len(stream.read(50)) for _ in range(4)] == [50, 50, 20, 0]
    assert stream.read(50) == b""
    assert Unpacked(io.BytesIO(PACKED), GZIP).read(0) == b""


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (gzip.compress(b""), b""),
        (gzip.compress(b"one") + gzip.compress(b"two"), b"onetwo"),
        (gzip.compress(b"one") + bytes(600) + gzip.compress(b"two") + bytes(5), b"onetwo"),
        (gzip.compress(b"one") + bytes(40_000) + gzip.compress(b"two"), b"onetwo"),
        (gzip.compress(b"") * 100 + gzip.compress(b"last"), b"last"),
    ],
    ids=["nothing", "two", "padded", "far apart", "a hundred of nothing"],  # gzip writes the time into its bytes
)
def test_members_follow_one_another(data: bytes, text: bytes) -> None:
    """Empty ones and NULs between them are passed over."""
    assert unpacked(data) == gzip.decompress(data) == text


@pytest.mark.parametrize("cut", [2, 9, 30, len(PACKED) // 2, len(PACKED) - 9, len(PACKED) - 1])
def test_a_member_that_is_cut_short(cut: int) -> None:
    """Wherever it ends, it is told apart from the end of the file."""
    for data in (PACKED[:cut], PACKED + PACKED[:cut]):
        with pytest.raises(BadPacking, match="gzip: truncated"):
            unpacked(data)


def test_nothing_is_a_member_cut_short() -> None:
    """A file of no bytes is not gzip of nothing."""
    with pytest.raises(BadPacking, match="gzip: truncated"):
        unpacked(b"")


@pytest.mark.parametrize("rest", [b"x", b"\x1f\x8c", b"text", bytes(9) + b"text", b"\x8b"])
def test_something_else_behind_a_member(rest: bytes) -> None:
    """What is neither padding nor another member is an error of its own, once all before it was read."""
    stream = Unpacked(io.BytesIO(gzip.compress(b"one") + rest), GZIP)
    assert stream.read(3) == b"one"
    with pytest.raises(BadPacking, match="gzip: followed by other data"):
        stream.read(1)


def test_the_first_byte_of_a_member_may_be_its_last() -> None:
    """A file that ends after one byte of the next member is cut short, not followed by something else."""
    with pytest.raises(BadPacking, match="gzip: truncated"):
        unpacked(gzip.compress(b"one") + b"\x1f")


@pytest.mark.parametrize("place", [3, 200, -6, -2])
def test_damage_is_an_error(place: int) -> None:
    """A flipped bit in a header, in the data, in the checksum or in the length."""
    data = bytearray(PACKED)
    data[place] ^= 0xFF
    with pytest.raises(BadPacking, match=r"gzip: damaged|truncated"):
        unpacked(bytes(data))


def test_any_gzip_is_unpacked_as_the_standard_library_does() -> None:
    """Members of any sizes, with NULs between them, cut and damaged anywhere: the same text, or an error from both."""
    rng = random.Random(5)
    kinds: set[tuple[str, bool]] = set()
    for _ in range(400):
        texts = [b"word %d " % rng.randrange(99) * rng.choice([0, 1, 9, 999, 9_999]) for _ in range(rng.randint(1, 3))]
        data = bytearray(b"".join(gzip.compress(text) + bytes(rng.choice([0, 0, 1, 600])) for text in texts))
        kind = rng.choice(["whole", "cut", "damaged", "followed"])
        if kind == "cut":
            del data[rng.randrange(2, len(data)) :]
        elif kind == "damaged":
            data[rng.randrange(10, len(data))] ^= 1 << rng.randrange(8)
        elif kind == "followed":
            data += rng.choice([b"x", b"\x1f", b"\x1f\x8c", b"text"])
        try:
            expected = gzip.decompress(bytes(data))
        except (OSError, EOFError, zlib.error):
            with pytest.raises(BadPacking):
                unpacked(bytes(data), rng.choice([17, 5000]))
            kinds.add((kind, False))
        else:
            assert unpacked(bytes(data), rng.choice([17, 5000])) == expected, kind
            kinds.add((kind, True))
    assert kinds >= {("whole", True), ("cut", False), ("damaged", False), ("followed", False)}


@pytest.mark.parametrize(
    "data",
    [
        b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 3_000_000 + b"\0" + gzip.compress(b"text")[10:],
        gzip.compress(b"text") + bytes(3_000_000),
        gzip.compress(b"") * 20_000 + gzip.compress(b"text"),
    ],
    ids=["name", "NULs", "members"],
)
def test_odd_files_take_no_longer_than_others(data: bytes) -> None:
    """A name of megabytes in the header, megabytes of padding, thousands of empty members: done at once."""
    started = time.monotonic()
    assert unpacked(data) == b"text"
    assert time.monotonic() - started < 1


def test_no_more_is_held_than_was_asked_for() -> None:
    """A bomb unpacks as far as it is read: a thousand bytes of ten million are a thousand."""
    stream = Unpacked(io.BytesIO(BOMB), GZIP)
    started = time.monotonic()
    assert stream.read(1000) == bytes(1000)
    assert time.monotonic() - started < 0.5


@pytest.mark.parametrize("name", PACKERS)
def test_each_packing_is_known_and_unpacked(name: str) -> None:
    """By its first bytes; of one member or several, empty ones and NULs among them, in pieces of any size."""
    pack = PACKERS[name]
    data = pack(TEXT)
    packing = packing_of(data)
    assert packing is not None
    assert packing.name == name
    assert unpacked(data) == unpacked(data, 7) == TEXT
    assert unpacked(pack(b"one") + bytes(12) + pack(b"") + pack(b"two") + bytes(4)) == b"onetwo"
    assert unpacked(pack(b"")) == b""


@pytest.mark.parametrize("name", PACKERS)
def test_each_packing_has_one_reason_for_each_fault(name: str) -> None:
    """Cut short, damaged, followed by something else."""
    pack = PACKERS[name]
    data = pack(TEXT)
    for cut in (len(data) // 3, len(data) - 1):
        with pytest.raises(BadPacking, match=f"^{name}: truncated$"):
            unpacked(data[:cut])
    with pytest.raises(BadPacking, match=f"^{name}: followed by other data$"):
        unpacked(data + b"text")
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 0xFF
    damaged[-2] ^= 0xFF
    with pytest.raises(BadPacking, match=rf"^{name}: damaged \(.+\)$"):
        unpacked(bytes(damaged))


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_of_each_packing_unpacks_as_far_as_it_is_read(name: str) -> None:
    """A thousand bytes are a thousand, whatever they would become."""
    data = PACKERS[name](bytes(50_000_000))
    packing = packing_of(data)
    assert packing is not None
    stream = Unpacked(io.BytesIO(data), packing)
    assert stream.read(1000) == bytes(1000)
    assert packing.most(1000) >= packings.BOMB_BYTES or packing is GZIP


def test_no_packing_takes_all_the_memory() -> None:
    """A window that is larger than any sound one is refused before it is made."""
    stream = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 30})
    large = stream.compress(TEXT) + stream.flush()
    with pytest.raises(BadPacking, match=r"^zstd: unpacking it takes more than 128 MiB of memory$"):
        unpacked(large)
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 256 << 20}]
    large = lzma.compress(TEXT, format=lzma.FORMAT_XZ, filters=filters)
    with pytest.raises(BadPacking, match=r"^xz: unpacking it takes more than 128 MiB of memory$"):
        unpacked(large)


@pytest.mark.parametrize("head", [b"", b"BZhang wrote this text", b"BZh9 and more text", b"\xfd7zX", b"text"])
def test_what_is_not_packed(head: bytes) -> None:
    """A text may begin almost as a packed file does."""
    assert packing_of(head) is None


def test_zstd_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its package, the reason says how to install it."""
    monkeypatch.setattr(packings, "zstd", None)
    with pytest.raises(BadPacking, match=r"^zstd: pip install 'streamer-embeddings\[zst\]'$"):
        unpacked(PACKERS["zstd"](b"text"))
