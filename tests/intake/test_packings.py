"""Gzip, member after member, as the standard library reads it, and never slower than its bytes."""

from __future__ import annotations

import gzip
import io
import random
import time
import zlib

import pytest

from streamer.intake.gzipped import NotGzip, Unpacked

TEXT = b"".join(b"line %d of a text\n" % number for number in range(5_000))
PACKED = gzip.compress(TEXT)
BOMB = gzip.compress(bytes(10_000_000))


class Trickle(io.BytesIO):
    """A file that gives a few bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to seven bytes."""
        return super().read(min(7, 7 if size is None or size < 0 else size))


def unpacked(data: bytes, size: int = 1000) -> bytes:
    """Return all that is in a file, read in pieces."""
    stream = Unpacked(io.BytesIO(data))
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_pieces_of_any_size_are_the_text(size: int) -> None:
    """However much is read at a time, and however little the file gives."""
    data = PACKED if size > 1 else gzip.compress(TEXT[:500])
    expected = TEXT if size > 1 else TEXT[:500]
    assert unpacked(data, size) == expected
    stream = Unpacked(Trickle(data))
    assert b"".join(iter(lambda: stream.read(size), b"")) == expected


def test_a_piece_is_as_long_as_was_asked_for() -> None:
    """Fewer bytes come only at the end, across members too; at the end there are none, as often as one asks."""
    stream = Unpacked(io.BytesIO(gzip.compress(b"a" * 70) + gzip.compress(b"") + gzip.compress(b"b" * 50)))
    assert [len(stream.read(50)) for _ in range(4)] == [50, 50, 20, 0]
    assert stream.read(50) == b""
    assert Unpacked(io.BytesIO(PACKED)).read(0) == b""


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
        with pytest.raises(EOFError):
            unpacked(data)


def test_nothing_is_a_member_cut_short() -> None:
    """A file of no bytes is not gzip of nothing."""
    with pytest.raises(EOFError):
        unpacked(b"")


@pytest.mark.parametrize("rest", [b"x", b"\x1f\x8c", b"text", bytes(9) + b"text", b"\x8b"])
def test_something_else_behind_a_member(rest: bytes) -> None:
    """What is neither padding nor another member is an error of its own, once all before it was read."""
    stream = Unpacked(io.BytesIO(gzip.compress(b"one") + rest))
    assert stream.read(3) == b"one"
    with pytest.raises(NotGzip):
        stream.read(1)


def test_the_first_byte_of_a_member_may_be_its_last() -> None:
    """A file that ends after one byte of the next member is cut short, not followed by something else."""
    with pytest.raises(EOFError):
        unpacked(gzip.compress(b"one") + b"\x1f")


@pytest.mark.parametrize("place", [3, 200, -6, -2])
def test_damage_is_an_error(place: int) -> None:
    """A flipped bit in a header, in the data, in the checksum or in the length."""
    data = bytearray(PACKED)
    data[place] ^= 0xFF
    with pytest.raises((zlib.error, EOFError)):
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
            with pytest.raises((NotGzip, EOFError, zlib.error)):
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
    stream = Unpacked(io.BytesIO(BOMB))
    started = time.monotonic()
    assert stream.read(1000) == bytes(1000)
    assert time.monotonic() - started < 0.5
