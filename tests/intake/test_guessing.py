"""Which encoding a text has: right or unknown, never wrong."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from streamer.intake.guessing import WINDOW, Guess, Samples, guess

from ..support.languages import CASES, TEXTS, encoded


def guessed(data: bytes, *, sure: bool = False, size: int = 1 << 20) -> Guess:
    """Return the guess for a text that comes in pieces."""
    samples = Samples()
    for start in range(0, len(data), size):
        samples.add(data[start : start + size])
    return guess(samples.windows, sure=sure)


def words(data: bytes, encoding: str) -> list[str]:
    """Return the words of a text."""
    return re.findall(r"\w+", data.decode(encoding, "replace"))


@pytest.mark.parametrize(("encoding", "language"), CASES)
def test_each_encoding_is_recognised(encoding: str, language: str) -> None:
    """By its words: encodings that read alike are the same."""
    data = encoded(encoding, language)
    found = guessed(data)
    assert found.encoding
    assert words(data, found.encoding) == words(data, encoding)
    assert found.likely[0] == found.encoding


@pytest.mark.parametrize(("encoding", "language"), CASES)
def test_a_long_text_is_known_by_samples(encoding: str, language: str) -> None:
    """Its beginning may be in ASCII, and it may come in many pieces."""
    plain = "the lines of the header are in plain English\n" * 3000
    data = plain.encode(encoding) + (encoded(encoding, language) + "\n".encode(encoding)) * 300
    found = guessed(data, size=1 << 16)
    assert words(data, found.encoding) == words(data, encoding)


@pytest.mark.parametrize(("encoding", "language"), CASES)
def test_a_few_words_are_right_or_unknown(encoding: str, language: str) -> None:
    """Never wrong, from a line on."""
    for length in range(20, 200, 9):
        data = encoded(encoding, language)[: length & ~1]
        if not data.isascii() or encoding.startswith("utf-16"):
            name = guessed(data).encoding
            assert not name or words(data, name) == words(data, encoding), (data, name)


def test_it_takes_no_time() -> None:
    """Of a file of any size only a few KiB are looked at."""
    data = encoded("cp1252", "fr") * 20_000
    guessed(data)
    start = time.process_time()
    guessed(data)
    assert time.process_time() - start < 0.2
    samples = Samples()
    for _ in range(1000):
        samples.add(bytes(WINDOW * 5))
    assert sum(map(len, samples.windows)) <= 6 * WINDOW


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("count", [1, 3, 10])
def test_utf_8_with_bad_bytes_is_nothing_else(language: str, count: int) -> None:
    """A few bytes of a text of 10 kB were changed."""
    text = (TEXTS[language].encode() + b"\n") * 40
    for value in (0xE9, 0xFF, 0x92, 0x80):
        data = bytearray(text[:10_000].decode("utf-8", "ignore").encode())
        for number in range(count):
            data[731 + 900 * number] = value + number if value < 0xF0 else value
        assert guessed(bytes(data), sure=True).encoding == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ab\n" * 50,
        bytes(1000),
        bytes(range(256)) * 8,
        "Приве́т".encode(),
        b"\xe9\xff\xe8 \x81\x82\n" * 30,
        "word list: œuf dû naïf\n".encode("cp1252"),
        bytes(range(0, 250, 2)) * 9,
        ("fête\n".encode() + "fête\n".encode("cp1252")) * 40,
    ],
)
def test_in_doubt_there_is_no_guess(data: bytes) -> None:
    """What is UTF-8, in two encodings, or no text, is none of the others."""
    assert guessed(data).encoding == ""


def test_the_likeliest_are_named() -> None:
    """For the reason of the refusal."""
    few = guessed("Привет мир ПРИВЕТ МИР".encode("cp1251"))
    assert few.encoding == ""
    assert "cp1251" in few.likely
    assert len(few.likely) <= 2


def test_the_library_is_loaded_when_it_is_needed() -> None:
    """It takes as long to import as a file takes to read."""
    code = "import sys, streamer.service.loop; print('charset_normalizer' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
