"""Names of any kind become text that a terminal shows and a file stores."""

from __future__ import annotations

import os
import sys
import unicodedata

import pytest

from streamer.system.printable import printable


@pytest.mark.parametrize(
    "name", ["plain.txt", "two words", "naïve", "東京.txt", "😀", "e\u0301", "", "back\\slash", "a/b"]
)
def test_what_can_be_shown_stays(name: str) -> None:
    """Letters of all scripts, spaces, marks and pictures are shown as they are."""
    assert printable(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("a\tb\r", "a\\tb\\r"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x00", "\\x00"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("\u200b\ufeff", "\\u200b\\ufeff"),
        ("\u00a0\u2028", "\\xa0\\u2028"),
        (os.fsdecode(b"caf\xe9.txt"), "caf\\xe9.txt"),
        (os.fsdecode(b"\xff\xfe"), "\\xff\\xfe"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_out(name: str, shown: str) -> None:
    """Controls, line ends, escapes, what turns the direction of text, and bytes that are no UTF-8 become escapes."""
    assert printable(name) == shown


def test_any_name_is_one_line_that_can_be_encoded() -> None:
    """Whatever character a name has, what is shown has no control in it, is one line, and is UTF-8."""
    for start in (*range(0, 0x12000, 4096), 0x1F000, 0xE0000, sys.maxunicode - 4095):
        surrogates = range(0xD800, 0xE000)
        name = "".join(chr(code) for code in range(start, start + 4096) if code not in surrogates)
        shown = printable(name)
        assert shown.isprintable()
        assert len(shown.splitlines()) <= 1
        assert not any(unicodedata.category(character) == "Cc" for character in shown)
    for byte in range(1, 256):
        assert printable(os.fsdecode(bytes([65, byte, 66]))).encode().isascii()
