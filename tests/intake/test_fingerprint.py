"""Digests of texts and of their beginnings, however the bytes come."""

from __future__ import annotations

import hashlib
import random

import pytest

from streamer.intake.fingerprint import HEADS, Fingerprint, key_of


def sha(data: bytes) -> bytes:
    """Return a digest."""
    return hashlib.sha256(data).digest()


@pytest.mark.parametrize("piece", [1, 7, 4096, 1 << 20])
def test_beginnings_are_found_however_the_bytes_come(piece: int) -> None:
    """Of each length that was asked for, before or when a key was known, and of no other."""
    data = random.Random(1).randbytes(9000).replace(b"a", b"\n")
    keys = {key_of(sha(data[:128])): [128, 200, 511, 5], key_of(sha(data[:8192])): [9000, 9001]}
    found = Fingerprint([3, 8, 600], lambda key: keys.get(key, ()))
    for start in range(0, len(data), piece):
        found.update(data[start : start + piece])
    lengths = [3, 8, 128, 200, 511, 600, 9000]
    assert found.prefixes == {length: sha(data[:length]) for length in lengths}
    assert found.heads == [key_of(sha(data[:length])) for length in HEADS if length <= 9000]
    assert (found.digest(), found.length) == (sha(data), 9000)
    assert found.line_ends == {length for length in lengths if data[length - 1 : length] in (b"\n", b"\r")}


def test_a_short_text_has_no_key() -> None:
    """Of less than eight bytes; a file on disk is not looked up at all."""
    found = Fingerprint((), lambda key: [])
    found.update(b"1234567")
    assert (found.heads, found.prefixes) == ([], {})
    whole = Fingerprint([4])
    whole.update(b"1234567890")
    assert (whole.heads, list(whole.prefixes)) == ([], [4])


def test_no_key_is_zero() -> None:
    """0 says that there is none."""
    assert key_of(bytes(32)) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "cp1251"])
def test_a_line_ends_in_each_encoding(encoding: str) -> None:
    """In little-endian ones, its last byte is a NUL."""
    line, more = "a line\n".encode(encoding), "and a word".encode(encoding)
    found = Fingerprint([len(line), len(line + more)])
    found.update(line + more + line)
    assert found.line_ends == {len(line)}
