"""Bytes are cut at spaces as ``split`` cuts them."""

from __future__ import annotations

import random

import pytest

from streamer.text import splitting
from streamer.text.splitting import split


@pytest.fixture(params=[0, 1 << 20], ids=["by sorting", "by a dictionary"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all texts be cut in one of the two ways, whatever their length."""
    monkeypatch.setattr(splitting, "SHORT", request.param)


def reference(raw: bytes, longest: int) -> list[tuple[int, str]]:
    """Return each token with the number of breaks before it."""
    found, segment = [], 0
    for token in raw.split(b" "):
        segment += token == b"\0"
        if token not in (b"", b"\0") and len(token) <= longest:
            found.append((segment, token.decode()))
    return found


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("longest", [3, 20, 1000])
def test_any_tokens(longest: int) -> None:
    """Tokens of all lengths around 8 and 16 bytes, equal ones and ones that differ in one byte, and breaks."""
    rng = random.Random(longest)
    for _ in range(300):
        pieces = [
            rng.choice([b" ", b" \0 ", rng.choice(b"ab").to_bytes(1, "big") * rng.choice([1, 7, 8, 9, 15, 16, 17, 40])])
            for _ in range(rng.randrange(30))
        ]
        raw = b" ".join(pieces)
        found = split(raw, longest, apostrophes=False)
        assert list(zip(found.segments.tolist(), found.tokens(), strict=True)) == reference(raw, longest)
        assert found.words == list(dict.fromkeys(found.tokens()))


@pytest.mark.usefixtures("way")
def test_apostrophes() -> None:
    """At the edge of a token they are spaces, if that is asked for."""
    assert split(b"'tis don't a'' 'b' '", 99, apostrophes=True).tokens() == ["tis", "don't", "a", "b"]
    assert split(b"'tis a''", 99, apostrophes=False).tokens() == ["'tis", "a''"]


def test_both_ways_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short text is cut by a dictionary as it is by sorting: any letters, apostrophes, breaks and long tokens."""
    rng = random.Random(1)
    pieces = ["'", " ", "''", " '", "a", "é", "ß" * 9, "b" * 17, " \0 "]
    for _ in range(1000):
        raw = "".join(rng.choices(pieces, k=rng.randrange(40))).encode()
        for longest, apostrophes in ((3, True), (20, True), (256, True), (20, False)):
            found = []
            for short in (0, 1 << 20):
                monkeypatch.setattr(splitting, "SHORT", short)
                text = split(raw, longest, apostrophes=apostrophes)
                numbers = [(array.dtype, array.tolist()) for array in (text.codes, text.segments)]
                found.append((text.words, numbers))
            assert found[0] == found[1], raw
