"""A text in any encoding as UTF-8, and where its bytes are in the file."""

from __future__ import annotations

import codecs
import io
import random

import pytest

from streamer.intake import streams
from streamer.intake.decoding import Codec
from streamer.intake.streams import Stream

LINES = ["plain text", "Grüße, ñandú", "", "a longer line with é in its middle and at its endé", "x", "\r", "last"]
TEXT = "\n".join(LINES * 30)


def stream(data: bytes, encoding: str, start: int = 0, *, as_it_is: bool = False) -> Stream:
    """Return the stream of some bytes."""
    codec = Codec.of(data[:4], encoding)
    return Stream(io.BytesIO(data).read, codec, start=start, stop=len(data), as_it_is=as_it_is)


ENCODINGS = [
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-be",
    "utf-32",
    "latin-1",
    "cp1252",
    "gb18030",
    "iso-2022-jp",
    "utf-7",
]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("window", [64, 1000, 1 << 18])
def test_lines_are_where_they_are(encoding: str, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of each line of the stream is the end of that line in the file; so it is wherever a run resumes."""
    monkeypatch.setattr(streams, "WINDOW", window)
    text = TEXT if encoding not in ("iso-2022-jp",) else TEXT.encode("ascii", "replace").decode()
    data = text.encode(encoding)
    made = stream(data, encoding)
    whole = b""
    ends = {}
    while piece := made.read():
        before = len(whole)
        whole += piece
        for at in range(before, len(whole)):
            if whole[at : at + 1] == b"\n" and encoding != "utf-7":
                ends[at + 1] = made.in_text(at + 1)
    assert whole.decode() == text.lstrip("\ufeff")
    for at, end in ends.items():
        assert data[:end].decode(encoding) == whole[:at].decode()
        again = stream(data, encoding, start=end)
        while again.start is None:
            assert again.read()
        assert again.start == at


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_run_resumes_at_rounded_positions(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within lines, and where bytes can't be decoded, too."""
    monkeypatch.setattr(streams, "WINDOW", 300)
    chance = random.Random(1)
    data = bytearray(TEXT.encode(encoding, "replace"))
    for _ in range(20):
        data[chance.randrange(8, len(data))] = 0xFF
    made = stream(bytes(data), encoding)
    length, last = 0, -1
    while piece := made.read():
        length += len(piece)
        for position in sorted(chance.sample(range(max(0, length - len(piece)), length), 5)):
            if position <= last:
                continue
            last = made.rounded(position)
            at = made.in_text(last)
            again = stream(bytes(data), encoding, start=at)
            while again.start is None and again.read():
                pass
            assert again.start == (last if at else 0)


def test_bytes_may_be_given_as_they_are() -> None:
    """If they are no UTF-16."""
    assert stream(b"caf\xe9", "latin-1", as_it_is=True).read() == b"caf\xe9"
    assert stream(b"caf\xe9", "latin-1").read() == "café".encode()
    assert stream(codecs.BOM_UTF16_LE + b"a\0", "utf-8", as_it_is=True).read() == b"a"
    assert stream(b"", "utf-8").read() == b""
