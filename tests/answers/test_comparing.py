"""What answers about moments share: neighbours in 8 bits, cosines, names of moments, tables for pandas."""

from __future__ import annotations

import importlib.util
import sys
import types

import numpy as np
import pytest

from streamer.answers.comparing import cosine, named, neighbours, to_frame
from streamer.errors import StreamerError
from streamer.vectors import WordVectors

from ..support.moments import known


def test_neighbours_are_those_of_the_vectors() -> None:
    """The same words and cosines as from a search in float32, over several pieces, with zero vectors in between."""
    random = np.random.default_rng(1)
    words = [f"w{row}" for row in range(5_000)]
    vectors = random.normal(size=(5_000, 8))
    vectors[7] = 0
    snapshot = known(words, vectors, list(range(5_000, 0, -1)))
    search = WordVectors(words, snapshot.vectors(), snapshot.counts)
    for row, found in zip((3, 4_999), neighbours(snapshot, [3, 4_999], 6), strict=True):
        wanted = search.most_similar(words[row], topn=6)
        assert [each.word for each in found] == [word for word, _ in wanted]
        np.testing.assert_allclose([each.cosine for each in found], [value for _, value in wanted], rtol=1e-5)
        assert [each.seen for each in found] == [5_000 - int(each.word[1:]) for each in found]
    assert all(each.cosine == 0 for each in neighbours(snapshot, [7], 3)[0])
    assert neighbours(snapshot, [], 3) == [] and neighbours(known([], np.zeros((0, 8)), []), [], 3) == []


def test_cosines() -> None:
    """Of a vector with itself, with another, and with nothing."""
    one, other = np.array([3, 4], np.float32), np.array([4, -3], np.float32)
    assert cosine(one, 2 * one) == pytest.approx(1) and cosine(one, other) == pytest.approx(0)
    assert cosine(one, 0 * one) == 0


def test_moments_are_named_in_utc() -> None:
    """The name, the date with its zone, and the place in the stream."""
    moment = known(["a"], [[1]], [5], number=3, seen=50).moment
    assert named(moment) == {"name": "snapshot-3", "date": "2026-11-03T00:00:00+00:00", "words_seen": 50}


def test_tables_for_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows become a DataFrame; without pandas, an error names it."""
    if importlib.util.find_spec("pandas"):
        assert to_frame([{"a": 1}, {"a": 2}])["a"].tolist() == [1, 2]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(StreamerError, match="pandas"):
        to_frame([{"a": 1}])
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=list))
    assert to_frame([{"a": 1}]) == [{"a": 1}]
